//! Why the cluster did not answer, or answered no. No variant carries the body of a reply: it may be a Secret.

use crate::error::{Chain, Hint, Severity};
use std::fmt;
use std::time::Duration;

/// Any cause, kept so that the whole chain can be printed.
pub(super) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the cluster did not answer, or answered no.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// A file with credentials is not on the node.
    #[error("read {path} on the node: it is missing or empty")]
    MissingCredentials {
        /// Which file.
        path: &'static str,
    },
    /// A file with credentials cannot be used. Its text is never quoted.
    #[error("use the credentials in {path}: {reason}")]
    Credentials {
        /// Which file.
        path: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The client could not be made.
    #[error("prepare the client for {peer}")]
    Setup {
        /// What it would have talked to, "kube-apiserver".
        peer: &'static str,
        /// Why.
        source: Cause,
    },
    /// There was no connection, or it broke before the answer was complete.
    #[error("{attempt}")]
    Transport {
        /// What was attempted.
        attempt: String,
        /// Why it failed.
        source: Cause,
    },
    /// The answer did not come in time.
    #[error("{attempt}: no answer within {} s", limit.as_secs())]
    Timeout {
        /// What was attempted.
        attempt: String,
        /// How long was waited.
        limit: Duration,
    },
    /// The answer was no.
    #[error("{attempt}: {code} {message}")]
    Refused {
        /// What was attempted.
        attempt: String,
        /// The HTTP status.
        code: u16,
        /// What the server said.
        message: String,
    },
    /// Somebody else changed the object since it was read; nothing was written.
    #[error("write {object}: it was changed by somebody else since it was read")]
    Conflict {
        /// Which object, "ConfigMap kube-system/kubeadm-config".
        object: String,
    },
    /// Another manager wants other values of an object's fields; nothing was written.
    #[error("apply {object}: {}", Fields(conflicts))]
    Fields {
        /// Which object.
        object: String,
        /// Which fields, and whose they are.
        conflicts: Vec<FieldConflict>,
    },
    /// The API serves no such kind.
    #[error("apply {object}: the API serves no {kind} of {api_version}")]
    UnknownKind {
        /// Which object.
        object: String,
        /// Its version.
        api_version: String,
        /// Its kind.
        kind: String,
    },
    /// What is to be applied does not say what it is.
    #[error("apply an object: it has no apiVersion, kind or name")]
    Nameless,
    /// The client only reads, and was asked for something else; nothing was sent.
    #[error("{attempt}: refused, the client only reads")]
    OnlyReads {
        /// What was attempted.
        attempt: String,
    },
    /// The answer is not what the API promises.
    #[error("{attempt}: the answer cannot be read ({reason})")]
    Reply {
        /// What was attempted.
        attempt: String,
        /// What is wrong, without its text.
        reason: String,
    },
}

/// A field that somebody else manages and wants otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldConflict {
    /// The field, `.spec.replicas`.
    pub field: String,
    /// Who manages it, in the API's words: `"kubectl" using apps/v1`.
    pub manager: String,
}

/// Fields that are named; the others are counted.
const NAMED_FIELDS: usize = 3;

struct Fields<'a>(&'a [FieldConflict]);

impl fmt::Display for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, FieldConflict { field, manager }) in self.0.iter().take(NAMED_FIELDS).enumerate() {
            let between = if index == 0 { "" } else { "; " };
            write!(f, "{between}{field} is managed by {manager}")?;
        }
        match self.0.len().saturating_sub(NAMED_FIELDS) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl ClusterError {
    /// What it means for the rest of the run.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Transport { .. } | Self::Timeout { .. } | Self::Conflict { .. } => Severity::Retryable,
            Self::Refused { code, .. } if *code >= 429 => Severity::Retryable,
            _ => Severity::Node,
        }
    }

    /// Whether the server was never heard: the connection itself may be broken.
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Transport { .. } | Self::Timeout { .. })
    }

    /// A reply that could not be parsed. serde's own text quotes values, and so only the place is kept.
    pub(super) fn reply(attempt: &str, error: &serde_json::Error) -> Self {
        let reason = format!("{:?} error at {}:{}", error.classify(), error.line(), error.column());
        Self::Reply { attempt: attempt.to_owned(), reason }
    }
}

/// Texts of OpenSSL and the kernel, and what to do when one is in the chain.
const REMEDIES: &[(&[&str], &str)] = &[
    (
        &["certificate has expired", "certificate expired"],
        "renew the certificates with `kubeadm certs renew all` and restart the control plane",
    ),
    (
        &["certificate verify failed", "unable to get local issuer"],
        "the server's certificate is not signed by the CA on the node; compare it with `openssl verify`",
    ),
    (
        &["bad certificate", "certificate required", "unknown ca", "certificate unknown"],
        "the server does not accept the client certificate; compare its CA with the server's client CA",
    ),
    (
        &["onnection refused", "onnect failed"],
        "nothing listens there; look at the component with `crictl ps -a` and `journalctl -u kubelet` on the node",
    ),
];

impl Hint for ClusterError {
    fn hint(&self) -> Option<String> {
        let remedy = match self {
            Self::MissingCredentials { .. } => {
                "name only kubeadm's control-plane nodes as such in the inventory; harden reads kubeadm's own files there"
            }
            Self::Transport { .. } => {
                let text = Chain(self).to_string();
                REMEDIES.iter().find(|(texts, _)| texts.iter().any(|part| text.contains(part)))?.1
            }
            Self::Refused { code: 401 | 403, .. } => {
                "the user of /etc/kubernetes/admin.conf lacks rights; see whether the ClusterRoleBinding kubeadm:cluster-admins exists"
            }
            Self::Conflict { .. } => "plan again: the plan is based on an older version of it",
            Self::Fields { .. } => {
                "leave these fields out of the manifest, or have the other manager give them up"
            }
            Self::UnknownKind { .. } => {
                "see `kubectl api-resources`: its CustomResourceDefinition must be applied before it, or the manifest is of another \
                 version of Kubernetes"
            }
            _ => return None,
        };
        Some(remedy.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_deep_in_the_chain_gives_the_hint() {
        let source = std::io::Error::other("certificate verify failed: certificate has expired");
        let error = ClusterError::Transport { attempt: String::from("ask"), source: Box::new(source) };
        assert!(error.hint().unwrap().contains("certs renew"));
        let source = std::io::Error::other("broken pipe");
        let error = ClusterError::Transport { attempt: String::from("ask"), source: Box::new(source) };
        assert_eq!(error.hint(), None);
    }
}
