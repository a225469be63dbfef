//! Certificates: what is wanted, and what one that exists says. Compared by meaning, never by bytes.

use super::{NodePath, Ownership, StoredPair};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::IpAddr;

const SECONDS_A_DAY: i64 = 86_400;

/// A certificate and its private key. The key is made at apply and never leaves the node again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateSpec {
    /// Where the certificate goes.
    pub path: NodePath,
    /// Owner, group and mode of the file that it is in.
    pub ownership: Ownership,
    /// Where its key is, and so what the files look like.
    #[serde(flatten)]
    pub form: CertificateForm,
    /// Owner, group and mode of the directory that holds the certificate; `None` leaves that alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<Ownership>,
    /// The certificate of the CA that signs, on the node.
    pub issuer_path: NodePath,
    /// The key of that CA, on a control-plane node; read over SSH into memory, at apply only.
    pub issuer_key_path: NodePath,
    /// The CA as the store has it, where that signs and not a key on a node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_issuer: Option<StoredPair>,
    /// Subject common name, at most 64 characters.
    pub common_name: String,
    /// Subject organizations; Kubernetes reads them as groups.
    pub organizations: BTreeSet<String>,
    /// DNS subject alternative names.
    pub dns_names: BTreeSet<String>,
    /// IP subject alternative names.
    pub addresses: BTreeSet<IpAddr>,
    /// Extended key usages.
    pub usages: BTreeSet<Usage>,
    /// The key's algorithm.
    pub algorithm: KeyAlgorithm,
    /// Lifetime in days.
    pub lifetime_days: u32,
    /// Renew when fewer days than this are left; 0 where it does not live as long.
    pub renew_before_days: u32,
}

impl CertificateSpec {
    /// How long before its end it is renewed, in seconds. Of one that lives too short for a window of whole days it is the last third.
    pub fn renewal_window(&self) -> i64 {
        match self.renew_before_days {
            0 => i64::from(self.lifetime_days) * SECONDS_A_DAY / 3,
            days => i64::from(days) * SECONDS_A_DAY,
        }
    }
}

/// Where the private key of a certificate is, and so what the files look like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CertificateForm {
    /// In a file of its own; both are PEM.
    Pair {
        /// Where the private key goes (PKCS#8).
        key_path: NodePath,
        /// Owner, group and mode of the key.
        key_ownership: Ownership,
    },
    /// Within a kubeconfig, as the certificate: its user is called by the common name.
    Kubeconfig {
        /// The API server that it leads to, `https://10.0.0.11:6443`.
        server: String,
    },
    /// Behind the certificate, in the same PEM file.
    OneFile {
        /// Tells it from the other forms where it is written.
        key: SameFile,
    },
}

/// Where a key is that has no file of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SameFile {
    /// In that of its certificate.
    #[default]
    SameFile,
}

impl CertificateForm {
    /// Both in one PEM file.
    pub const ONE_FILE: Self = Self::OneFile { key: SameFile::SameFile };
}

impl CertificateSpec {
    /// Where its key is, if in a file of its own.
    pub fn key_path(&self) -> Option<&NodePath> {
        match &self.form {
            CertificateForm::Pair { key_path, .. } => Some(key_path),
            CertificateForm::Kubeconfig { .. } | CertificateForm::OneFile { .. } => None,
        }
    }

    /// The files that it is, the one with the certificate first.
    pub fn files(&self) -> impl Iterator<Item = (&NodePath, &Ownership)> {
        let key = match &self.form {
            CertificateForm::Pair { key_path, key_ownership } => Some((key_path, key_ownership)),
            CertificateForm::Kubeconfig { .. } | CertificateForm::OneFile { .. } => None,
        };
        std::iter::once((&self.path, &self.ownership)).chain(key)
    }
}

/// An extended key usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Usage {
    /// TLS server authentication.
    Server,
    /// TLS client authentication.
    Client,
}

/// The algorithm of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyAlgorithm {
    /// ECDSA on the curve P-256.
    EcdsaP256,
    /// RSA with 2048 bits, which kubeadm makes.
    Rsa2048,
    /// RSA with 4096 bits.
    Rsa4096,
    /// Anything else, only ever observed.
    Other,
}

/// What an existing certificate says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFacts {
    /// Subject common name.
    pub common_name: String,
    /// Subject organizations.
    pub organizations: BTreeSet<String>,
    /// DNS subject alternative names.
    pub dns_names: BTreeSet<String>,
    /// IP subject alternative names.
    pub addresses: BTreeSet<IpAddr>,
    /// Extended key usages harden knows of.
    pub usages: BTreeSet<Usage>,
    /// The key's algorithm.
    pub algorithm: KeyAlgorithm,
    /// Seconds since 1970 from which it is valid.
    pub not_before: i64,
    /// Seconds since 1970 after which it is not.
    pub not_after: i64,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// Whether the signature verifies with the CA certificate on the same node. CAs are told apart by their key, not
    /// their name: kubeadm's etcd and cluster CAs of two clusters have the same names.
    pub signed_by_issuer: bool,
}
