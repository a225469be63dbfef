//! How Kubernetes lays out what it stores in etcd: where a resource is, and which key a value is encrypted with. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

/// Resources that are not stored below their own name (the API server's `SpecialDefaultResourcePrefixes`).
const SPECIAL: &[(&str, &str)] = &[
    ("replicationcontrollers", "controllers"),
    ("endpoints", "services/endpoints"),
    ("services", "services/specs"),
    ("nodes", "minions"),
    ("ingresses.networking.k8s.io", "ingress"),
    ("customresourcedefinitions.apiextensions.k8s.io", "apiextensions.k8s.io/customresourcedefinitions"),
    ("apiservices.apiregistration.k8s.io", "apiregistration.k8s.io/apiservices"),
];

/// The key below which all objects of a resource are stored, with a slash at its end.
///
/// Built-in resources are stored by name alone, custom ones below their group as well; built-in groups have no dot or end
/// in `.k8s.io`.
pub(super) fn location(resource: &str) -> String {
    if let Some((_, place)) = SPECIAL.iter().find(|(name, _)| *name == resource) {
        return format!("/registry/{place}/");
    }
    match resource.split_once('.') {
        Some((name, group)) if group.contains('.') && !group.ends_with(".k8s.io") => {
            format!("/registry/{group}/{name}/")
        }
        Some((name, _)) => format!("/registry/{name}/"),
        None => format!("/registry/{resource}/"),
    }
}

/// The first key that does not begin with `prefix`.
pub(super) fn range_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    // A location ends in a slash, and so its last byte can always be raised.
    if let Some(last) = end.last_mut() {
        *last = last.saturating_add(1);
    }
    end
}

/// The first key after this one.
pub(super) fn following(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

/// A range of keys to read, or what was read of it.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Range {
    #[serde(skip)]
    key: Vec<u8>,
    #[serde(skip)]
    end: Vec<u8>,
    /// Keys with the beginning of their values, in order.
    #[serde(rename = "kvs")]
    pub(super) pairs: Vec<Pair>,
    /// Whether there is more than was asked for.
    pub(super) more: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Pair {
    #[serde(deserialize_with = "bytes")]
    pub(super) key: Vec<u8>,
    /// Only as much of it as may be a prefix: the rest may be a Secret in plain text.
    #[serde(deserialize_with = "beginning")]
    pub(super) value: Vec<u8>,
}

impl Range {
    pub(super) fn key(key: &[u8]) -> Self {
        Self { key: key.to_vec(), ..Self::default() }
    }

    pub(super) fn between(start: &[u8], end: &[u8]) -> Self {
        Self { key: start.to_vec(), end: end.to_vec(), ..Self::default() }
    }

    /// What the gateway is asked.
    pub(super) fn question(&self, limit: usize) -> serde_json::Value {
        serde_json::json!({
            "key": STANDARD.encode(&self.key),
            "range_end": STANDARD.encode(&self.end),
            "limit": limit.to_string(),
        })
    }
}

fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    STANDARD.decode(String::deserialize(deserializer)?).map_err(|_| D::Error::custom("not base64"))
}

/// A multiple of four characters of base64 that no prefix is longer than.
const BEGINNING: usize = 512;

fn beginning<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = zeroize::Zeroizing::new(String::deserialize(deserializer)?);
    let part = text.get(..BEGINNING).unwrap_or(&text);
    STANDARD.decode(part).map_err(|_| D::Error::custom("not base64"))
}

/// `k8s:enc:<provider>:v1:<key name>:`, or the empty text for a value in plain text.
pub(super) fn provider_prefix(value: &[u8]) -> String {
    if !value.starts_with(b"k8s:enc:") {
        return String::new();
    }
    let mut colons = 0;
    let end = value.iter().position(|byte| {
        colons += usize::from(*byte == b':');
        colons == 5
    });
    let prefix = end.map_or(value, |end| &value[..=end]);
    String::from_utf8_lossy(prefix).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_where_kubernetes_puts_them() {
        for (resource, place) in [
            ("secrets", "/registry/secrets/"),
            ("services", "/registry/services/specs/"),
            ("deployments.apps", "/registry/deployments/"),
            ("leases.coordination.k8s.io", "/registry/leases/"),
            ("certificates.cert-manager.io", "/registry/cert-manager.io/certificates/"),
        ] {
            assert_eq!(location(resource), place);
        }
        assert_eq!(range_end(b"/registry/secrets/"), b"/registry/secrets0");
        assert_eq!(following(b"a"), b"a\0");
    }

    #[test]
    fn a_prefix_names_provider_and_key() {
        assert_eq!(provider_prefix(b"k8s:enc:secretbox:v1:key-1:\x00\xff:x"), "k8s:enc:secretbox:v1:key-1:");
        assert_eq!(provider_prefix(b"k8s:enc:kms:v2:vault:\x0a"), "k8s:enc:kms:v2:vault:");
        assert_eq!(provider_prefix(b"k8s\x00\x0a\x0c\x0a\x02v1"), "");
        assert_eq!(provider_prefix(b""), "");
        assert_eq!(provider_prefix(b"k8s:enc:broken"), "k8s:enc:broken");
    }

    #[test]
    fn only_the_beginning_of_a_value_is_decoded() {
        let value = STANDARD.encode([b"k8s:enc:secretbox:v1:k:".as_slice(), &[7; 10_000]].concat());
        let page: Range = serde_json::from_value(serde_json::json!({
            "kvs": [{ "key": "YQ==", "value": value }, { "key": "Yg==" }], "more": true
        }))
        .unwrap();
        assert_eq!(page.pairs[0].value.len(), BEGINNING / 4 * 3);
        assert_eq!(provider_prefix(&page.pairs[0].value), "k8s:enc:secretbox:v1:k:");
        assert!(page.more && page.pairs[1].value.is_empty());
    }
}
