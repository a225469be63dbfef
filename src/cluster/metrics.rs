//! The few metrics of an API server that prove something, read from the Prometheus text format.

/// SHA-256 of the encryption config as it was loaded, without the `sha256:` in front. Since Kubernetes 1.34
/// (kubernetes#132299). The line has another SHA-256, of the API server's own name.
const LOADED_CONFIG: &str = "apiserver_encryption_config_controller_last_config_info";
const RELOADED_AT: &str = "apiserver_encryption_config_controller_automatic_reload_last_timestamp_seconds";
const STARTED_AT: &str = "process_start_time_seconds";

/// The hash of the loaded encryption config; `None` where none is loaded or the version does not say.
pub(super) fn loaded_encryption(text: &str) -> Option<String> {
    samples(text, LOADED_CONFIG)
        .find_map(|sample| label(sample.labels, "hash"))
        .map(|hash| hash.strip_prefix("sha256:").unwrap_or(hash).to_owned())
}

/// When the encryption config was last read for certain, seconds since 1970: at the start of the process or at the last
/// reload that succeeded.
pub(super) fn encryption_read_at(text: &str) -> Option<f64> {
    let reloads =
        samples(text, RELOADED_AT).filter(|sample| label(sample.labels, "status") == Some("success"));
    samples(text, STARTED_AT).chain(reloads).filter_map(|sample| sample.value).reduce(f64::max)
}

struct Sample<'a> {
    labels: &'a str,
    value: Option<f64>,
}

fn samples<'a>(text: &'a str, name: &str) -> impl Iterator<Item = Sample<'a>> {
    text.lines().filter_map(move |line| {
        let rest = line.strip_prefix(name)?;
        let (labels, value) = match rest.strip_prefix('{') {
            Some(rest) => rest.rsplit_once('}')?,
            None if rest.starts_with(' ') => ("", rest),
            None => return None,
        };
        Some(Sample { labels, value: value.split_whitespace().next().and_then(|value| value.parse().ok()) })
    })
}

/// The value of a label. The labels asked for here never hold an escaped quote.
fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    labels.split(',').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key.trim() == name).then(|| value.trim().trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# HELP apiserver_encryption_config_controller_last_config_info [ALPHA] Information
apiserver_encryption_config_controller_automatic_reload_last_timestamp_seconds{apiserver_id_hash=\"sha256:14f9\",status=\"failure\"} 1.9e+09
apiserver_encryption_config_controller_automatic_reload_last_timestamp_seconds{apiserver_id_hash=\"sha256:14f9\",status=\"success\"} 1.7955058e+09
apiserver_encryption_config_controller_last_config_info{apiserver_id_hash=\"sha256:14f9\",hash=\"sha256:6bc9\"} 1
process_start_time_seconds 1.79550579072e+09
process_start_time_seconds_else 9e+09
";

    #[test]
    fn the_hash_is_the_configs_not_the_servers() {
        assert_eq!(loaded_encryption(TEXT).as_deref(), Some("6bc9"));
        assert_eq!(loaded_encryption("process_start_time_seconds 1"), None);
    }

    #[test]
    fn a_failed_reload_does_not_count() {
        assert_eq!(encryption_read_at(TEXT), Some(1_795_505_800.0));
        assert_eq!(encryption_read_at("process_start_time_seconds 12.5\n"), Some(12.5));
        assert_eq!(encryption_read_at(""), None);
    }
}
