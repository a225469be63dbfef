//! The cluster's own CAs and the key pair of its service-account tokens: their names in the store, and reading what is public
//! of them, for which no key is needed.

use super::{Store, StoreError, files};
use crate::resource::SecretRef;

/// The CA of the API server, its clients and the kubelets.
pub const KUBERNETES_CA: &str = "pki/kubernetes-ca";
/// The CA of etcd.
pub const ETCD_CA: &str = "pki/etcd-ca";
/// The CA of the API server's requests to its extensions.
pub const FRONT_PROXY_CA: &str = "pki/front-proxy-ca";
/// The key pair that service-account tokens are signed with.
pub const SERVICE_ACCOUNT: &str = "pki/service-account";

/// All of them, in the order in which they are shown.
pub const NAMES: [&str; 4] = [KUBERNETES_CA, ETCD_CA, FRONT_PROXY_CA, SERVICE_ACCOUNT];

/// A private key in the store, and what is public of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The certificate of a CA, or a public key, PEM.
    pub public: String,
    /// The private key, PEM.
    pub key: SecretRef,
}

/// The cluster's own CAs and the key pair of its service-account tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pki {
    /// The CA of the API server, its clients and the kubelets.
    pub kubernetes: Pair,
    /// The CA of etcd.
    pub etcd: Pair,
    /// The CA of the API server's requests to its extensions.
    pub front_proxy: Pair,
    /// The key pair that service-account tokens are signed with; its public part is a public key.
    pub service_account: Pair,
}

impl Store {
    /// The cluster's own CAs and its key pair; `None` where the store has none of them.
    pub fn pki(&self) -> Result<Option<Pki>, StoreError> {
        let missing: Vec<_> = NAMES.into_iter().filter(|name| !self.entries().contains_key(*name)).collect();
        if missing.len() == NAMES.len() {
            return Ok(None);
        }
        let pair = |name| self.pair(name)?.ok_or(StoreError::IncompletePki { missing: missing.clone() });
        Ok(Some(Pki {
            kubernetes: pair(KUBERNETES_CA)?,
            etcd: pair(ETCD_CA)?,
            front_proxy: pair(FRONT_PROXY_CA)?,
            service_account: pair(SERVICE_ACCOUNT)?,
        }))
    }

    /// Refuses a store that has lost sealed files of these: its index alone would make them look whole.
    pub fn refuse_unsealed_pki(&self) -> Result<(), StoreError> {
        let mut paths = Vec::new();
        for name in NAMES.into_iter().filter(|name| self.entries().contains_key(*name)) {
            paths.push(files::sealed_path(&self.folder, name)?);
        }
        paths.retain(|path| !path.exists());
        if paths.is_empty() { Ok(()) } else { Err(StoreError::Unsealed { index: self.index_path(), paths }) }
    }

    /// A private key that has a public part; `None` where the store has none of that name.
    pub fn pair(&self, name: &str) -> Result<Option<Pair>, StoreError> {
        let (Some(entry), Some(key)) = (self.entries().get(name), self.secret_ref(name)) else {
            return Ok(None);
        };
        let missing = || StoreError::NoPublic { name: name.to_owned(), index: self.index_path() };
        Ok(Some(Pair { public: entry.public.clone().ok_or_else(missing)?, key }))
    }
}
