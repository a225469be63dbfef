//! Certificates: what is wanted, and what one that exists says. Compared by meaning, never by bytes.

use super::{NodePath, Ownership, StoredPair};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// A certificate and its private key. The key is made at apply and never leaves the node again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateSpec {
    /// Where the certificate goes, PEM.
    pub path: NodePath,
    /// Owner, group and mode of the certificate.
    pub ownership: Ownership,
    /// Where the private key goes, PEM (PKCS#8).
    pub key_path: NodePath,
    /// Owner, group and mode of the key.
    pub key_ownership: Ownership,
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
    /// Renew when fewer days than this are left.
    pub renew_before_days: u32,
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
