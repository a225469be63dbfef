//! Whether an API server uses the encryption config that is on its node's disk. Since Kubernetes 1.34 a metric names the hash of
//! what it has loaded (kubernetes#132299); an older one is put to the trial: a Secret is written through it.

use super::gate::{held, pending};
use super::{Held, Pending};
use crate::inventory::{Minor, NodeName};

/// The first version with the metric.
pub(super) const REPORTS_HASH: Minor = Minor(34);

/// The encryption config on a node's disk, and in its API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EncryptionReport {
    /// By the metric.
    Hash {
        /// SHA-256 of the file.
        on_disk: String,
        /// SHA-256 of what the API server has loaded; `None` while it has loaded none.
        loaded: Option<String>,
    },
    /// By a trial, for versions without the metric.
    Trial(Trial),
}

/// What came of writing a Secret through one API server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trial {
    /// When the file was put in place, seconds since 1970.
    pub written_at: i64,
    /// When the API server last read its config for certain; `None` when it does not say.
    pub read_at: Option<i64>,
    /// What a value must begin with according to the file; empty for plain text.
    pub expected: String,
    /// What the Secret's value in etcd begins with; `None` where etcd cannot be seen.
    pub stored: Option<String>,
    /// Nodes whose API server cannot read the Secret.
    pub unreadable: Vec<NodeName>,
}

impl EncryptionReport {
    pub(super) fn loaded(&self) -> Result<Held, Pending> {
        match self {
            Self::Hash { on_disk, loaded } if loaded.as_ref() == Some(on_disk) => Ok(held()),
            Self::Hash { loaded: None, .. } => pending("it has loaded no encryption config"),
            Self::Hash { .. } => pending("it still uses an older encryption config"),
            Self::Trial(trial) => trial.passed(),
        }
    }
}

impl Trial {
    fn passed(&self) -> Result<Held, Pending> {
        if self.read_at.is_some_and(|read| read < self.written_at) {
            return pending("it has not read the encryption config since that was written");
        }
        if let Some(stored) = self.stored.as_ref().filter(|stored| **stored != self.expected) {
            return pending(format!("it stores Secrets as `{stored}`, not as `{}`", self.expected));
        }
        if !self.unreadable.is_empty() {
            let names: Vec<&str> = self.unreadable.iter().map(NodeName::as_str).collect();
            return pending(format!("what it stores cannot be read through {}", names.join(", ")));
        }
        Ok(held())
    }
}

/// What the first provider of the first rule makes of a value. `provider` and `key` are what [`FIRST_PROVIDER`] printed.
pub(super) fn expected_prefix(provider: &str, key: &str) -> String {
    match provider {
        "identity" => String::new(),
        "kms" => format!("k8s:enc:kms:v2:{key}:"),
        provider => format!("k8s:enc:{provider}:v1:{key}:"),
    }
}

/// A script that prints the first provider in the file `$harden_file` and the name of its first key, a line each. Key
/// material never leaves the node.
pub(super) const FIRST_PROVIDER: &str = r#"harden_provider=
while read -r harden_one harden_two harden_rest; do
case $harden_one in -) harden_one=$harden_two; harden_two=$harden_rest;; esac
case $harden_one in
identity:* | secretbox: | aescbc: | aesgcm: | kms:)
[ -z "$harden_provider" ] || break
harden_provider=${harden_one%%:*}
echo "$harden_provider"
[ "$harden_provider" != identity ] || break;;
name:)
[ -z "$harden_provider" ] || { harden_two=${harden_two#[\"\']}; echo "${harden_two%[\"\']}"; break; };;
esac
done < "$harden_file"
"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn first(config: &str) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), config).unwrap();
        let script = format!("set -u\nharden_file='{}'\n{FIRST_PROVIDER}", file.path().display());
        let output = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        let text = String::from_utf8(output.stdout).unwrap();
        let mut lines = text.lines();
        expected_prefix(lines.next().unwrap_or("none"), lines.next().unwrap_or_default())
    }

    #[test]
    fn the_first_provider_decides_how_values_begin() {
        let keys = "      - secretbox:\n          keys:\n            - name: key-2\n              secret: c2VjcmV0\n";
        let head =
            "kind: EncryptionConfiguration\nresources:\n  - resources:\n      - secrets\n    providers:\n";
        assert_eq!(first(&format!("{head}      - identity: {{}}\n{keys}")), "");
        assert_eq!(first(&format!("{head}{keys}      - identity: {{}}\n")), "k8s:enc:secretbox:v1:key-2:");
        let kms =
            "    - kms:\n        apiVersion: v2\n        name: \"vault\"\n        endpoint: unix:///x\n";
        assert_eq!(first(&format!("{head}{kms}")), "k8s:enc:kms:v2:vault:");
        assert_eq!(first("a: b\n"), "k8s:enc:none:v1::");
    }

    #[test]
    fn a_trial_fails_for_each_reason_alone() {
        let good = Trial {
            written_at: 10,
            read_at: Some(11),
            expected: String::from("k8s:enc:secretbox:v1:k:"),
            stored: Some(String::from("k8s:enc:secretbox:v1:k:")),
            unreadable: Vec::new(),
        };
        let passes = |trial: Trial| EncryptionReport::Trial(trial).loaded().is_ok();
        assert!(passes(good.clone()));
        assert!(passes(Trial { stored: None, ..good.clone() }), "etcd runs elsewhere");
        assert!(!passes(Trial { read_at: Some(9), ..good.clone() }));
        assert!(!passes(Trial { stored: Some(String::new()), ..good.clone() }));
        assert!(!passes(Trial { unreadable: vec![NodeName(String::from("cp-2"))], ..good }));
    }
}
