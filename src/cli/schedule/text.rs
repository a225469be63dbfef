//! The small grammars of what is chosen on the command line: it goes into units, manifests and pipelines.

/// A word that is safe everywhere: names of units, users and folders.
pub(super) fn unit_name(text: &str) -> Result<String, String> {
    let sound = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.len() <= 31
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if sound {
        Ok(text.to_owned())
    } else {
        Err(String::from("use at most 31 lower-case letters, digits and `-`"))
    }
}

/// What Kubernetes calls a label (RFC 1123): names of namespaces.
pub(super) fn label(text: &str) -> Result<String, String> {
    let sound = (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if sound {
        Ok(text.to_owned())
    } else {
        Err(String::from("use 1 to 63 lower-case letters, digits and `-`"))
    }
}

/// What Kubernetes calls a subdomain (RFC 1123): names of Secrets and claims.
pub(super) fn subdomain(text: &str) -> Result<String, String> {
    let sound = text.len() <= 253 && text.split('.').all(|part| label(part).is_ok());
    if sound { Ok(text.to_owned()) } else { Err(String::from("use lower-case letters, digits, `-` and `.`")) }
}

/// An image reference, as far as it can be told without a registry.
pub(super) fn image(text: &str) -> Result<String, String> {
    let sound = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/@".contains(&byte));
    if sound {
        Ok(text.to_owned())
    } else {
        Err(String::from("write it like `registry.example.com/harden:1.2`"))
    }
}

/// An absolute path without anything that a shell or systemd would take for its own.
pub(super) fn plain_path(text: &str) -> Result<String, String> {
    if text.starts_with('/') {
        relative_path(text.trim_start_matches('/')).map(|_| text.to_owned())
    } else {
        Err(String::from("write an absolute path"))
    }
}

/// The same for one in a repository. Pipelines expand `$` and `${{ }}` wherever they find them.
pub(super) fn relative_path(text: &str) -> Result<String, String> {
    let part = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+@ ".contains(&byte))
    };
    let sound = text.split('/').all(part);
    if sound {
        Ok(text.to_owned())
    } else {
        Err(String::from("use letters, digits, spaces and `-_.+@`, without `..`"))
    }
}

/// A branch, an environment, or the label of a runner.
pub(super) fn name(text: &str) -> Result<String, String> {
    let sound =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
    if sound { Ok(text.to_owned()) } else { Err(String::from("use letters, digits and `-_./`")) }
}

/// One line.
pub(super) fn line(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err(String::from("write it on one line"));
    }
    Ok(text.to_owned())
}

/// Five fields.
pub(super) fn cron(text: &str) -> Result<String, String> {
    let fields = text.split_whitespace().count();
    let sound = |c: char| c.is_ascii_alphanumeric() || " */,-?#".contains(c);
    if fields == 5 && text.chars().all(sound) {
        Ok(text.to_owned())
    } else {
        Err(String::from("write five fields: minute, hour, day of the month, month, day of the week"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_break_out_is_refused() {
        assert!(unit_name("harden-drift").is_ok() && unit_name("a%n").is_err() && unit_name("../x").is_err());
        assert!(
            image("r.example:5000/a/b@sha256:0a").is_ok() && image("a b").is_err() && image("-v").is_err()
        );
        assert!(
            plain_path("/usr/local/bin/harden").is_ok()
                && plain_path("/a/$(x)").is_err()
                && plain_path("a").is_err()
        );
        assert!(relative_path("clusters/prod a/harden.toml").is_ok());
        for bad in ["", "a//b", "../a", "${{ secrets.X }}", "a$B", "a\nb", "a'b"] {
            assert!(relative_path(bad).is_err(), "{bad}");
        }
        assert!(
            cron("*/15 8-18 * * MON-FRI").is_ok()
                && cron("* * * *").is_err()
                && cron("* * * * * ; x").is_err()
        );
        assert!(line("a\nb").is_err() && name("main").is_ok() && name("a b").is_err());
        assert!(subdomain("a.b").is_ok() && subdomain("a..b").is_err() && label("A").is_err());
    }
}
