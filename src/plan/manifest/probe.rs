//! What the kubelet asks a component of a static pod, as its manifest says. It asks nothing itself.

use super::{ManifestError, container_mut};
use crate::plan::yaml;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// One HTTP request to a component, which any status from 200 to 399 answers well.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Probe {
    /// Whether over TLS; whose certificate it is does not matter, as with the kubelet.
    pub tls: bool,
    /// As the node sees it.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path, from `/`.
    pub path: String,
}

impl Probe {
    /// How the API is asked at the cluster's endpoint, `host:port`.
    pub fn of_endpoint(endpoint: &str) -> Self {
        let (host, port) = endpoint.rsplit_once(':').unwrap_or((endpoint, ""));
        Self {
            tls: true,
            host: host.trim_matches(['[', ']']).to_owned(),
            port: port.parse().unwrap_or(6443),
            path: String::from("/readyz"),
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, ":{}{}", self.port, self.path)
    }
}

/// The readiness probe of a component, else its liveness probe; `None` where it has neither by HTTP, or one that needs headers or the
/// pod's own address.
pub fn probe(text: &str, component: &str) -> Result<Option<Probe>, ManifestError> {
    let mut pod = yaml::parse(text)?;
    let container = Value::Object(container_mut(&mut pod, component)?.clone());
    let asked = ["readinessProbe", "livenessProbe"].iter().find_map(|name| container[*name].get("httpGet"));
    Ok(asked.and_then(|get| read(get, &container["ports"])))
}

fn read(get: &Value, ports: &Value) -> Option<Probe> {
    let named = |name: &str| {
        let port = ports.as_array()?.iter().find(|port| port["name"] == name)?;
        port["containerPort"].as_u64()
    };
    let port = get["port"].as_u64().or_else(|| named(get["port"].as_str()?))?;
    let headers = get["httpHeaders"].as_array().is_some_and(|headers| !headers.is_empty());
    let path = get["path"].as_str().filter(|path| !path.is_empty()).unwrap_or("/");
    let sound = !headers && path.starts_with('/') && !path.contains(|sign: char| sign.is_whitespace());
    sound.then_some(())?;
    Some(Probe {
        tls: get["scheme"] == "HTTPS",
        host: get["host"].as_str().filter(|host| !host.is_empty())?.to_owned(),
        port: u16::try_from(port).ok().filter(|port| *port != 0)?,
        path: path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(container: &str) -> Option<String> {
        let text = format!("spec:\n  containers:\n  - name: x\n{container}");
        let found = probe(&text, "x").unwrap()?;
        Some(format!("{} {} {found}", if found.tls { "https" } else { "http" }, found.host))
    }

    #[test]
    fn a_component_is_asked_as_the_kubelet_asks_it() {
        let kubeadm = "    livenessProbe:\n      httpGet: {host: 127.0.0.1, path: /livez, port: probe-port, scheme: HTTPS}\n    \
                       ports:\n    - {containerPort: 10259, name: probe-port}\n    \
                       readinessProbe:\n      httpGet: {host: 127.0.0.1, path: /readyz, port: probe-port, scheme: HTTPS}\n";
        assert_eq!(of(kubeadm).as_deref(), Some("https 127.0.0.1 :10259/readyz"));
        let older = "    livenessProbe:\n      httpGet: {host: 10.0.0.7, port: 2381}\n";
        assert_eq!(of(older).as_deref(), Some("http 10.0.0.7 :2381/"));
        for none in [
            "",
            "    livenessProbe: {exec: {command: [x]}}\n",
            "    livenessProbe:\n      httpGet: {port: 2381}\n",
            "    livenessProbe:\n      httpGet: {host: a, port: named}\n",
            "    livenessProbe:\n      httpGet: {host: a, port: 0}\n",
            "    livenessProbe:\n      httpGet: {host: a, port: 1, path: \"/ x\"}\n",
            "    livenessProbe:\n      httpGet: {host: a, port: 1, httpHeaders: [{name: a, value: b}]}\n",
        ] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
