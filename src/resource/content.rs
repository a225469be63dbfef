//! File content that may name secrets without holding them.

use serde::{Deserialize, Serialize};

/// Text with tokens in the place of secrets. The tokens are resolved on the way to the node, at apply: so a plan,
/// its diff and its file never hold a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The text; each secret stands in it as [`SecretRef::token`].
    pub text: String,
    /// The secrets that the text names.
    pub secrets: Vec<SecretRef>,
}

/// The name of a secret in the store, and what is publicly known of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SecretRef {
    /// Its name in the store, `encryption/key-20261124`.
    pub name: String,
    /// SHA-256 of its value, hexadecimal; `None` while it is yet to be made, at apply. Only for values that cannot be
    /// guessed, such as random keys.
    pub sha256: Option<String>,
}

/// A private key in the store, and what belongs to it and is public.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPair {
    /// The certificate of a CA, or a public key, PEM.
    pub public: String,
    /// The private key, PEM.
    pub key: SecretRef,
}

impl SecretRef {
    /// What stands for the secret in [`Content::text`].
    pub fn token(&self) -> String {
        format!("<<secret:{}>>", self.name)
    }

    /// What stands for the secret in diffs, and what the probe of a node puts in its place.
    pub fn mask(&self) -> String {
        match &self.sha256 {
            Some(digest) => format!("sha256:{digest}"),
            None => String::from("(made at apply)"),
        }
    }
}

impl Content {
    /// Content without secrets.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), secrets: Vec::new() }
    }

    /// The text as a node's probe would show it: each token replaced by [`SecretRef::mask`].
    pub fn masked(&self) -> String {
        self.secrets
            .iter()
            .fold(self.text.clone(), |text, secret| text.replace(&secret.token(), &secret.mask()))
    }

    /// The secret that is the whole content, byte for byte.
    pub fn whole(&self) -> Option<&SecretRef> {
        self.secrets.iter().find(|secret| secret.token() == self.text)
    }

    /// Whether it names a secret.
    pub fn is_sensitive(&self) -> bool {
        !self.secrets.is_empty()
    }
}
