//! An API server's encryption config, as far as the order of its keys goes. It is read from the masked text that a
//! probe sends: names and digests, never a key.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// An encryption config, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptionConfig {
    /// For each group of resources, the providers; each key of a provider counts as one, in order.
    pub groups: Vec<(BTreeSet<String>, Vec<Provider>)>,
}

/// One way in which values are read, and the first one also how they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// Plain text.
    Identity,
    /// A key of a provider that harden knows.
    Key {
        /// The provider, `secretbox`.
        provider: String,
        /// The key's name.
        name: String,
        /// SHA-256 of the key, hexadecimal; `None` where it is not masked in that way.
        sha256: Option<String>,
    },
    /// Another provider (`kms`), by name.
    Other(String),
}

/// A text is not an encryption config.
#[derive(Debug, thiserror::Error)]
pub enum EncryptionConfigError {
    /// It is not YAML of that shape. The parser's own text is left out: it may quote the file.
    #[error("it is not the YAML of an EncryptionConfiguration")]
    Yaml,
    /// It is something else.
    #[error("its kind is `{0}`, not EncryptionConfiguration")]
    Kind(String),
    /// A provider entry names none or several.
    #[error("a provider entry names {0} providers instead of one")]
    Providers(usize),
}

#[derive(Deserialize)]
struct Document {
    kind: String,
    #[serde(default)]
    resources: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    resources: BTreeSet<String>,
    #[serde(default)]
    providers: Vec<BTreeMap<String, Option<Settings>>>,
}

#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    name: String,
    #[serde(default)]
    secret: String,
}

impl EncryptionConfig {
    /// Reads the masked text of an encryption config.
    pub fn parse(text: &str) -> Result<Self, EncryptionConfigError> {
        let document: Document = serde_saphyr::from_str(text).map_err(|_| EncryptionConfigError::Yaml)?;
        if document.kind != "EncryptionConfiguration" {
            return Err(EncryptionConfigError::Kind(document.kind));
        }
        let mut groups = Vec::new();
        for group in document.resources {
            let mut providers = Vec::new();
            for entry in group.providers {
                let count = entry.len();
                let mut entry = entry.into_iter();
                match (entry.next(), entry.next()) {
                    (Some((name, settings)), None) => providers.extend(keys(&name, settings)),
                    _ => return Err(EncryptionConfigError::Providers(count)),
                }
            }
            groups.push((group.resources, providers));
        }
        Ok(Self { groups })
    }
}

fn keys(provider: &str, settings: Option<Settings>) -> Vec<Provider> {
    match provider {
        "identity" => vec![Provider::Identity],
        "secretbox" | "aescbc" | "aesgcm" => settings
            .into_iter()
            .flat_map(|settings| settings.keys)
            .map(|key| Provider::Key {
                provider: provider.to_owned(),
                name: key.name,
                sha256: key.secret.strip_prefix("sha256:").map(str::to_owned),
            })
            .collect(),
        other => vec![Provider::Other(other.to_owned())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_is_kept() {
        let text = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [secrets]\n  \
                    providers:\n  - secretbox:\n      keys:\n      - name: b\n        secret: sha256:00\n      - name: a\n        \
                    secret: sha256:01\n  - kms:\n      name: x\n      timeout: 3s\n  - identity: {}\n";
        let config = EncryptionConfig::parse(text).unwrap();
        let key = |name: &str, digest: &str| Provider::Key {
            provider: String::from("secretbox"),
            name: name.to_owned(),
            sha256: Some(digest.to_owned()),
        };
        assert_eq!(
            config.groups,
            [(
                BTreeSet::from([String::from("secrets")]),
                vec![
                    key("b", "00"),
                    key("a", "01"),
                    Provider::Other(String::from("kms")),
                    Provider::Identity
                ]
            )]
        );
    }

    #[test]
    fn what_is_no_config_is_named() {
        for (text, error) in [
            ("", "it is not the YAML of an EncryptionConfiguration"),
            ("kind: Pod\n", "its kind is `Pod`, not EncryptionConfiguration"),
            (
                "kind: EncryptionConfiguration\nresources: 5\n",
                "it is not the YAML of an EncryptionConfiguration",
            ),
            (
                "kind: EncryptionConfiguration\nresources:\n- resources: [a]\n  providers:\n  - {identity: {}, kms: {}}\n",
                "a provider entry names 2 providers instead of one",
            ),
        ] {
            assert_eq!(EncryptionConfig::parse(text).unwrap_err().to_string(), error);
        }
    }
}
