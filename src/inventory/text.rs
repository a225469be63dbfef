//! The small grammars of the inventory's strings: names, addresses, durations, flags. Pure functions; each says what
//! is wrong and how to write it instead.

use super::diagnostic::{Problem, nearest, shown};
use super::subnet::Subnet;
use super::taint::{Taint, TaintEffect};
use super::{Minor, NodeName, Role};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

type Checked<T> = Result<T, Problem>;

fn refuse<T>(text: &str, what: &str) -> Checked<T> {
    Err(Problem::new(format!("{} is not {what}", shown(text))))
}

fn refuse_with<T>(text: &str, what: &str, help: impl Into<String>) -> Checked<T> {
    Err(Problem::new(format!("{} is not {what}", shown(text))).help(help))
}

/// RFC 1123, lower case: what Kubernetes calls a label.
fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// RFC 1123, lower case: what Kubernetes calls a subdomain.
fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

/// A DNS name that nobody can take for a mistyped IPv4 address.
fn is_dns_name(text: &str) -> bool {
    let last = text.rsplit('.').next().unwrap_or_default();
    is_subdomain(text) && !last.bytes().all(|byte| byte.is_ascii_digit())
}

pub(super) fn cluster_name(text: &str) -> Checked<String> {
    let sound = (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if sound {
        return Ok(text.to_owned());
    }
    refuse_with(
        text,
        "a cluster name",
        "use 1 to 63 letters, digits, `-`, `_` and `.`, a letter or digit first",
    )
}

pub(super) fn minor(text: &str) -> Checked<Minor> {
    let bare = text.strip_prefix('v').unwrap_or(text);
    let mut parts = bare.split('.');
    let number = match (parts.next(), parts.next()) {
        (Some("1"), Some(number)) => number.parse::<u32>().ok(),
        _ => None,
    };
    let Some(minor) = number.map(Minor) else {
        return refuse_with(text, "a Kubernetes version", "write the minor version: `\"1.35\"`");
    };
    if !(Minor::OLDEST..=Minor::NEWEST).contains(&minor) {
        let range = format!("harden supports {} to {}", Minor::OLDEST, Minor::NEWEST);
        return Err(Problem::new(format!("Kubernetes {minor} is not supported")).help(range));
    }
    if text == minor.to_string() {
        Ok(minor)
    } else {
        refuse_with(text, "a minor version", format!("write `\"{minor}\"`"))
    }
}

pub(super) fn node_name(text: &str) -> Checked<NodeName> {
    if is_subdomain(text) {
        return Ok(NodeName(text.to_owned()));
    }
    let lower = text.to_lowercase().replace('_', "-");
    let help = if is_subdomain(&lower) {
        format!("Kubernetes node names are lower case without `_`: `{lower}`")
    } else {
        String::from("use lower-case letters, digits, `-` and `.`, as `kubectl get nodes` shows it")
    };
    refuse_with(text, "a node name", help)
}

/// The name of a bastion, which is free to choose.
pub(super) fn bastion_name(text: &str) -> Checked<()> {
    if text == "none" {
        return Err(Problem::new("a bastion cannot be called `none`").help("`none` stands for no bastion"));
    }
    if text.is_empty() { refuse(text, "a name") } else { Ok(()) }
}

/// An IP address or a DNS name; IP addresses come back in their usual form, names in lower case.
pub(super) fn host(text: &str) -> Checked<String> {
    const WHAT: &str = "an IP address or a DNS name";
    if let Ok(address) = text.parse::<IpAddr>() {
        if address.is_unspecified() || address.is_multicast() {
            return refuse(text, "the address of a host");
        }
        return Ok(address.to_string());
    }
    let lower = text.to_lowercase();
    if is_dns_name(&lower) {
        return Ok(lower);
    }
    if text.contains("://") {
        return refuse_with(text, WHAT, "write the host alone, without scheme and path");
    }
    if text.contains('@') {
        return refuse_with(text, WHAT, "the user belongs in `ssh = { user = … }`");
    }
    if text.rsplit_once(':').is_some_and(|(host, port)| !host.contains(':') && port.parse::<u16>().is_ok()) {
        return refuse_with(text, WHAT, "the port belongs in `ssh = { port = … }`");
    }
    if let Some((address, _)) = text.split_once('/')
        && address.parse::<IpAddr>().is_ok()
    {
        return refuse_with(text, WHAT, "write one address, without the prefix length");
    }
    refuse(text, WHAT)
}

/// `host:port`, an IPv6 address in brackets.
pub(super) fn endpoint(text: &str) -> Checked<String> {
    const WHAT: &str = "`host:port`";
    const HELP: &str = "write it like `\"api.example.com:6443\"`, an IPv6 address in brackets";
    let Some((name, port)) = text.rsplit_once(':') else {
        return refuse_with(text, WHAT, HELP);
    };
    if !port.bytes().all(|byte| byte.is_ascii_digit()) || port.parse::<u16>().unwrap_or(0) == 0 {
        return refuse_with(text, WHAT, HELP);
    }
    let inner = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let sound = match inner {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
        None => !name.contains(':') && host(name).is_ok(),
    };
    if sound { Ok(text.to_lowercase()) } else { refuse_with(text, WHAT, HELP) }
}

/// A subject alternative name: a DNS name, with a wildcard perhaps, or an IP address.
pub(super) fn san(text: &str) -> Checked<String> {
    const WHAT: &str = "a DNS name or an IP address";
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    let lower = text.to_lowercase();
    let name = lower.strip_prefix("*.").unwrap_or(&lower);
    if is_dns_name(name) {
        return Ok(lower);
    }
    if text.contains(':') || text.contains('/') {
        return refuse_with(text, WHAT, "write the name alone: certificates know no scheme, port or path");
    }
    refuse(text, WHAT)
}

pub(super) fn user(text: &str) -> Checked<String> {
    let sound = !text.is_empty()
        && !text.starts_with('-')
        && !text.chars().any(|c| c.is_whitespace() || matches!(c, '@' | ':' | '/' | '\\'));
    if sound { Ok(text.to_owned()) } else { refuse(text, "a user name") }
}

/// A number with its unit: `10s`, `2m`, `1h`, `365d`.
pub(super) fn duration(text: &str) -> Checked<Duration> {
    const WHAT: &str = "a duration";
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return refuse_with(text, WHAT, "write a number and a unit: `10s`, `2m`, `1h` or `365d`"),
    };
    match number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)) {
        None => refuse(text, WHAT),
        Some(0) => refuse_with(text, WHAT, "it must be longer than nothing"),
        Some(seconds) => Ok(Duration::from_secs(seconds)),
    }
}

/// A deadline: at most a day.
pub(super) fn deadline(text: &str) -> Checked<Duration> {
    let duration = duration(text)?;
    if duration > Duration::from_hours(24) {
        return refuse_with(text, "a sensible deadline", "the longest is `24h`");
    }
    Ok(duration)
}

/// A lifetime in whole days, ten years at most.
pub(super) fn lifetime_days(text: &str) -> Checked<u32> {
    const DAY: u64 = 86_400;
    const HELP: &str = "write whole days, from `1d` to `3650d`";
    let seconds = duration(text)?.as_secs();
    match u32::try_from(seconds / DAY) {
        Ok(days @ 1..=3650) if seconds % DAY == 0 => Ok(days),
        _ => refuse_with(text, "a certificate lifetime", HELP),
    }
}

/// A range of addresses, `10.96.0.0/12`.
pub(super) fn subnet(text: &str) -> Checked<Subnet> {
    const WHAT: &str = "a range of addresses";
    const HELP: &str = "write the first address and the length of the prefix: `10.96.0.0/12`";
    let parts = text
        .split_once('/')
        .and_then(|(address, prefix)| Some((address.parse::<IpAddr>().ok()?, prefix.parse::<u8>().ok()?)));
    let Some((address, prefix)) = parts else { return refuse_with(text, WHAT, HELP) };
    match Subnet::new(address, prefix) {
        Some(subnet) => Ok(subnet),
        None => refuse_with(text, WHAT, "the address must be the first of its range, as in `10.96.0.0/12`"),
    }
}

/// The domain of the Services' names.
pub(super) fn dns_domain(text: &str) -> Checked<String> {
    if is_dns_name(text) {
        return Ok(text.to_owned());
    }
    refuse_with(
        text,
        "a DNS domain",
        "write it like `cluster.local`, lower case and without a dot at the end",
    )
}

/// An exact version of Kubernetes, `1.35.4`.
pub(super) fn patch_version(text: &str) -> Checked<String> {
    const HELP: &str = "write all three numbers: `\"1.35.4\"`";
    let sound = text.rsplit_once('.').is_some_and(|(first, patch)| {
        minor(first).is_ok() && !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit())
    });
    if sound { Ok(text.to_owned()) } else { refuse_with(text, "a version of Kubernetes", HELP) }
}

/// The socket of a container runtime, as a URL.
pub(super) fn socket(text: &str) -> Checked<String> {
    let sound = text.strip_prefix("unix://").is_some_and(|path| {
        path.starts_with('/')
            && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte))
    });
    let help = "write it like `unix:///run/containerd/containerd.sock`";
    if sound { Ok(text.to_owned()) } else { refuse_with(text, "the socket of a container runtime", help) }
}

/// An image, or the part of its name before the last slash.
pub(super) fn image(text: &str) -> Checked<String> {
    let sound = !text.is_empty()
        && !text.contains("://")
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.:@".contains(&byte));
    let help = "write it like `registry.k8s.io`, without a scheme";
    if sound { Ok(text.to_owned()) } else { refuse_with(text, "the name of an image or a registry", help) }
}

/// What kubeadm calls one of its preflight errors, `Swap` or `FileContent--proc-sys-net-ipv4-ip_forward`.
pub(super) fn preflight_error(text: &str) -> Checked<String> {
    let sound = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let help = "kubeadm prints them in brackets: `[ERROR Swap]` is `Swap`";
    if sound { Ok(text.to_owned()) } else { refuse_with(text, "the name of a preflight error", help) }
}

/// The name of a network interface (Linux, `IFNAMSIZ`).
pub(super) fn interface(text: &str) -> Checked<String> {
    let sound = (1..=15).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte));
    if sound {
        Ok(text.to_owned())
    } else {
        refuse_with(text, "a network interface", "it is called like `eth0`")
    }
}

/// The whole path of a program.
pub(super) fn program(text: &str) -> Checked<String> {
    let sound = text.starts_with('/')
        && !text.ends_with('/')
        && text[1..].split('/').all(|part| !matches!(part, "" | "." | ".."))
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.+".contains(&byte));
    let help = "write it like `/usr/local/bin/etcd`";
    if sound { Ok(text.to_owned()) } else { refuse_with(text, "the absolute path of a program", help) }
}

/// A taint as kubectl writes it.
pub(super) fn taint(text: &str) -> Checked<Taint> {
    const WHAT: &str = "a taint";
    const HELP: &str = "write `key=value:NoSchedule` or `key:NoExecute`, as kubectl does";
    let Some((rest, effect)) = text.rsplit_once(':') else { return refuse_with(text, WHAT, HELP) };
    let (key, value) = rest.split_once('=').unwrap_or((rest, ""));
    label_key(key)?;
    let value = label_value(value)?;
    let Some(effect) = TaintEffect::ALL.into_iter().find(|known| known.to_string() == effect) else {
        return refuse_with(effect, "the effect of a taint", "NoSchedule, PreferNoSchedule or NoExecute");
    };
    Ok(Taint { key: key.to_owned(), value, effect })
}

/// The name of a program's flag, without dashes.
pub(super) fn flag_name(text: &str) -> Checked<()> {
    const WHAT: &str = "the name of a flag";
    let bare = text.trim_start_matches('-');
    let sound = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if sound(text) {
        return Ok(());
    }
    if bare != text && sound(bare) {
        return refuse_with(text, WHAT, format!("write it without the leading dashes: `{bare}`"));
    }
    let dashed = bare.to_lowercase().replace('_', "-");
    if sound(&dashed) {
        return refuse_with(text, WHAT, format!("flags are lower case with dashes: `{dashed}`"));
    }
    refuse_with(text, WHAT, "write its name alone; the value belongs behind the `=`")
}

/// A qualified name of Kubernetes without its prefix, and label values.
fn is_name_part(text: &str) -> bool {
    text.len() <= 63
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
}

pub(super) fn label_key(text: &str) -> Checked<()> {
    let sound = match text.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_name_part(name),
        None => is_name_part(text),
    };
    let help = "a label key is `name` or `example.com/name`, at most 63 characters after the slash";
    if sound { Ok(()) } else { refuse_with(text, "a label key", help) }
}

pub(super) fn label_value(text: &str) -> Checked<String> {
    let sound = text.is_empty() || is_name_part(text);
    let help = "use at most 63 letters, digits, `-`, `_` and `.`, a letter or digit at both ends";
    if sound { Ok(text.to_owned()) } else { refuse_with(text, "a label value", help) }
}

/// A file in a directory of its own: that directory is mounted into the API server's pod.
pub(super) fn log_path(text: &str) -> Checked<String> {
    let parts: Vec<&str> = text.split('/').collect();
    let sound = text.starts_with('/') && parts[1..].iter().all(|part| !matches!(*part, "" | "." | ".."));
    if !sound {
        return refuse_with(text, "an absolute path of a file", "no `.`, `..`, `~` or doubled slashes");
    }
    if parts.len() < 4 {
        let help = "the API server's pod gets this directory: `/var/log/kubernetes/audit/audit.log`";
        return refuse_with(text, "a file in a directory of its own", help);
    }
    Ok(text.to_owned())
}

/// A resource as the encryption configuration names it: `secrets`, `widgets.example.com`, `*.apps`.
pub(super) fn resource(text: &str) -> Checked<String> {
    let (name, group) = text.split_once('.').unwrap_or((text, ""));
    let part = |text: &str| text == "*" || is_label(text);
    let sound =
        part(name) && (group.is_empty() || group == "*" || is_subdomain(group)) && !text.ends_with('.');
    let wildcard = name == "*" && group.is_empty() && !text.contains('.');
    if sound && !wildcard {
        return Ok(text.to_owned());
    }
    let help = nearest(text, ["secrets", "configmaps"]).map_or_else(
        || String::from("name resources like `secrets` or `widgets.example.com`"),
        |meant| format!("did you mean `{meant}`?"),
    );
    refuse_with(text, "a resource", help)
}

/// The name of a namespace.
pub(super) fn namespace(text: &str) -> Checked<String> {
    if is_label(text) {
        return Ok(text.to_owned());
    }
    refuse_with(text, "the name of a namespace", "use 1 to 63 lower-case letters, digits and `-`")
}

/// Whether a node's name is also the name of a role.
pub(super) fn is_role(text: &str) -> bool {
    Role::ALL.iter().any(|role| role.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for sound in ["10.0.0.1", "::1", "cp-1", "CP-1.Example.com", "1.example.com"] {
            assert!(host(sound).is_ok(), "{sound}");
        }
        for bad in [
            "",
            "10.0.0.256",
            "10.0.0",
            "a_b",
            "-a",
            "a..b",
            "0.0.0.0",
            "224.0.0.1",
            "a:22",
            "u@a",
            "1.2.3.4/24",
        ] {
            assert!(host(bad).is_err(), "{bad}");
        }
        assert_eq!(host("FE80:0::1").unwrap(), "fe80::1");
    }

    #[test]
    fn endpoints() {
        for sound in ["api.example.com:6443", "10.0.0.1:443", "[fe80::1]:6443"] {
            assert!(endpoint(sound).is_ok(), "{sound}");
        }
        for bad in ["api", "api:0", "api:65536", "fe80::1:6443", "[10.0.0.1]:1", "https://api:6443", "api:+1"]
        {
            assert!(endpoint(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(duration("2m").unwrap(), Duration::from_mins(2));
        for bad in
            ["", "s", "10", "0s", "1.5h", "10 s", "-1s", "99999999999999999999d", "18446744073709551615d"]
        {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert_eq!(lifetime_days("8760h").unwrap(), 365);
        assert!(lifetime_days("36h").is_err());
        assert!(lifetime_days("3651d").is_err());
    }

    #[test]
    fn versions() {
        assert_eq!(minor("1.35").unwrap(), Minor(35));
        for bad in ["1.31", "1.38", "2.35", "v1.35", "1.35.4", "1.+35", "1.035", ""] {
            assert!(minor(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_cluster_is_made_with() {
        assert_eq!(subnet("10.96.0.0/12").unwrap().to_string(), "10.96.0.0/12");
        assert!(subnet("10.96.0.1/12").is_err() && subnet("10.96.0.0").is_err() && subnet("a/8").is_err());
        assert!(
            patch_version("1.35.4").is_ok()
                && patch_version("1.35").is_err()
                && patch_version("v1.35.4").is_err()
        );
        assert!(socket("unix:///run/crio/crio.sock").is_ok() && socket("/run/crio/crio.sock").is_err());
        assert!(socket("unix:///run/a b").is_err() && image("https://registry.k8s.io").is_err());
        assert!(image("ghcr.io/kube-vip/kube-vip:v1.0.1").is_ok() && interface("a/b").is_err());
        assert_eq!(taint("dedicated=gpu:NoSchedule").unwrap().to_string(), "dedicated=gpu:NoSchedule");
        assert_eq!(taint("example.com/a:NoExecute").unwrap().to_string(), "example.com/a:NoExecute");
        assert!(taint("a:Never").is_err() && taint("a=b").is_err() && taint(":NoSchedule").is_err());
        assert!(preflight_error("Swap").is_ok() && preflight_error("a b").is_err());
    }

    #[test]
    fn names() {
        assert!(san("*.example.com").is_ok() && san("10.0.0.1").is_ok() && san("*").is_err());
        assert!(
            label_key("example.com/a_B").is_ok() && label_key("a/b/c").is_err() && label_key("").is_err()
        );
        assert!(resource("*.*").is_ok() && resource("*").is_err() && resource("secrets.").is_err());
        assert!(log_path("/audit.log").is_err() && log_path("/var/log/audit/audit.log").is_ok());
        assert!(flag_name("v").is_ok() && flag_name("--v").is_err() && flag_name("a=b").is_err());
    }
}
