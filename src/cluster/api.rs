//! One API server, asked directly: readiness, nodes, mirror pods, ConfigMaps, metrics.

use super::link::{ANSWER_LIMIT, Answer, Link, PAGE_LIMIT, Peer, Question};
use super::objects::Kinds;
use super::{ClusterError, Credentials, Dial, NodeInfo, Readiness, metrics};
use crate::inventory::Minor;
use crate::resource::{ConfigMapKey, ObservedKey};
use http::{Method, StatusCode};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Node;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// How much of a message that is no Kubernetes `Status` is kept.
const LONGEST_MESSAGE: usize = 300;

/// One API server. Its methods block, and each has a limit of its own.
#[derive(Debug)]
pub struct Api {
    pub(super) link: Link,
    /// Where which kinds are served, as far as it was asked for.
    pub(super) kinds: Kinds,
}

/// A ConfigMap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigMap {
    /// Its data.
    pub data: BTreeMap<String, String>,
    /// Its version, to write it only if it is still the same.
    pub resource_version: String,
}

#[derive(Deserialize)]
struct Version {
    minor: String,
}

#[derive(Deserialize)]
pub(super) struct Metadata {
    #[serde(default)]
    pub(super) name: String,
    pub(super) namespace: Option<String>,
    #[serde(default, rename = "resourceVersion")]
    pub(super) resource_version: String,
}

#[derive(Deserialize)]
struct ConfigMapReply {
    metadata: Metadata,
    #[serde(default)]
    data: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Items<T> {
    items: Vec<T>,
}

impl Api {
    /// Prepares a client for the node's own API server; nothing is dialled yet.
    pub fn connect(credentials: &Credentials, dial: &Dial) -> Result<Self, ClusterError> {
        let peer = Peer {
            name: "kube-apiserver",
            port: credentials.port,
            // kubeadm puts this name into every API server's certificate, and never 127.0.0.1.
            server_name: "kubernetes",
            ca: &credentials.ca,
            certificate: &credentials.certificate,
            key: credentials.key.expose(),
        };
        Ok(Self { link: Link::new(&peer, dial)?, kinds: Kinds::default() })
    }

    /// Whether it takes requests. An API server that is shutting down says no at once, long before it stops.
    pub fn ready(&self) -> Result<Readiness, ClusterError> {
        let answer = self.link.ask(Question::get("ask for readiness", "/readyz?verbose"))?;
        let text = String::from_utf8_lossy(&answer.body);
        let readiness = Readiness::parse(answer.status.is_success(), &text);
        // 401 and 403 are no statement about readiness.
        if answer.status.is_client_error() {
            return Err(refusal("ask for readiness", &answer));
        }
        Ok(readiness)
    }

    /// The minor version that it runs.
    pub fn minor(&self) -> Result<Minor, ClusterError> {
        let attempt = "ask for the version";
        let version: Version = self.get(attempt, "/version")?.ok_or_else(|| missing(attempt))?;
        // Some distributions add a plus sign.
        let digits = version.minor.trim_end_matches(|c: char| !c.is_ascii_digit());
        digits.parse().map(Minor).map_err(|_| ClusterError::Reply {
            attempt: String::from(attempt),
            reason: String::from("the minor version is not a number"),
        })
    }

    /// All nodes, by name.
    pub fn nodes(&self) -> Result<Vec<NodeInfo>, ClusterError> {
        let attempt = "list the nodes";
        let question = Question { limit: PAGE_LIMIT, ..Question::get(attempt, "/api/v1/nodes") };
        let reply: Items<Node> = parse(attempt, &success(attempt, self.link.ask(question)?)?)?;
        let mut nodes: Vec<NodeInfo> = reply.items.into_iter().map(NodeInfo::from).collect();
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(nodes)
    }

    /// One node; `None` when it has not joined.
    pub fn node(&self, name: &str) -> Result<Option<NodeInfo>, ClusterError> {
        let node: Option<Node> = self.get(&format!("read node {name}"), &format!("/api/v1/nodes/{name}"))?;
        Ok(node.map(NodeInfo::from))
    }

    /// When the node's kubelet last gave a sign of life, seconds since 1970 on the node's clock; `None` when it never did.
    ///
    /// The Ready condition alone proves nothing for some time: it stays as it was for 40 s after the kubelet fell silent.
    pub fn last_heartbeat(&self, node: &str) -> Result<Option<i64>, ClusterError> {
        let path = format!("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{node}");
        let lease: Option<Lease> = self.get(&format!("read the lease of node {node}"), &path)?;
        Ok(lease.and_then(|lease| lease.spec?.renew_time).map(|time| time.0.as_second()))
    }

    /// A ConfigMap; `None` when there is none of that name.
    pub fn config_map(&self, namespace: &str, name: &str) -> Result<Option<ConfigMap>, ClusterError> {
        let attempt = format!("read ConfigMap {namespace}/{name}");
        let reply: Option<ConfigMapReply> = self.get(&attempt, &config_map_path(namespace, name))?;
        Ok(reply
            .map(|reply| ConfigMap { data: reply.data, resource_version: reply.metadata.resource_version }))
    }

    /// One of kubeadm's own records; `None` when it does not exist.
    pub fn observed_key(&self, key: ConfigMapKey) -> Result<Option<ObservedKey>, ClusterError> {
        let (namespace, name, key) = key.place();
        let map = self.config_map(namespace, name)?;
        Ok(map.and_then(|mut map| {
            let value = map.data.remove(key)?;
            Some(ObservedKey { value, resource_version: map.resource_version })
        }))
    }

    /// Replaces one data key of a ConfigMap if it still has that version; [`ClusterError::Conflict`] if not.
    pub fn replace_config_map_key(
        &self,
        namespace: &str,
        name: &str,
        key: &str,
        value: &str,
        resource_version: &str,
    ) -> Result<(), ClusterError> {
        let attempt = format!("write ConfigMap {namespace}/{name}");
        let patch = serde_json::json!({
            "metadata": { "resourceVersion": resource_version },
            "data": { key: value },
        });
        let target = format!("{}?fieldManager=harden", config_map_path(namespace, name));
        let question = Question {
            content_type: "application/merge-patch+json",
            ..Question::send(&attempt, Method::PATCH, &target, patch.to_string().into_bytes())
        };
        let answer = self.link.ask(question)?;
        if answer.status == StatusCode::CONFLICT {
            return Err(ClusterError::Conflict { object: format!("ConfigMap {namespace}/{name}") });
        }
        success(&attempt, answer).map(|_| ())
    }

    /// SHA-256 of the encryption config that it has loaded, hexadecimal; `None` where it has loaded none, or is older
    /// than Kubernetes 1.34 and does not say.
    pub fn loaded_encryption(&self) -> Result<Option<String>, ClusterError> {
        Ok(metrics::loaded_encryption(&self.metrics()?))
    }

    /// When it last read its encryption config for certain, seconds since 1970 on the node's clock.
    pub fn encryption_read_at(&self) -> Result<Option<f64>, ClusterError> {
        Ok(metrics::encryption_read_at(&self.metrics()?))
    }

    fn metrics(&self) -> Result<String, ClusterError> {
        let attempt = "read the metrics";
        let question = Question { limit: ANSWER_LIMIT * 3, ..Question::get(attempt, "/metrics") };
        let body = success(attempt, self.link.ask(question)?)?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// One object; `None` on 404.
    pub(super) fn get<T: DeserializeOwned>(
        &self,
        attempt: &str,
        path: &str,
    ) -> Result<Option<T>, ClusterError> {
        let answer = self.link.ask(Question::get(attempt, path))?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        parse(attempt, &success(attempt, answer)?).map(Some)
    }
}

fn config_map_path(namespace: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/configmaps/{name}")
}

pub(super) fn parse<T: DeserializeOwned>(attempt: &str, body: &[u8]) -> Result<T, ClusterError> {
    serde_json::from_slice(body).map_err(|error| ClusterError::reply(attempt, &error))
}

/// The body of an answer that is a success.
pub(super) fn success(attempt: &str, answer: Answer) -> Result<Vec<u8>, ClusterError> {
    if answer.status.is_success() { Ok(answer.body) } else { Err(refusal(attempt, &answer)) }
}

/// The error of an answer that is none. Kubernetes and etcd both put a `message` into their JSON.
pub(super) fn refusal(attempt: &str, answer: &Answer) -> ClusterError {
    #[derive(Deserialize)]
    struct Status {
        message: String,
    }
    let message = match serde_json::from_slice::<Status>(&answer.body) {
        Ok(status) => status.message,
        Err(_) => String::from_utf8_lossy(&answer.body).chars().take(LONGEST_MESSAGE).collect(),
    };
    ClusterError::Refused {
        attempt: attempt.to_owned(),
        code: answer.status.as_u16(),
        message: message.trim().to_owned(),
    }
}

fn missing(attempt: &str) -> ClusterError {
    ClusterError::Refused { attempt: attempt.to_owned(), code: 404, message: String::from("not found") }
}
