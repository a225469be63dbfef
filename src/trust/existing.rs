//! Taking over the CAs and the key pair of a cluster that exists: what was read of its files is judged before anything of it is
//! sealed.

use super::TrustError;
use super::listing::public_fingerprint;
use crate::inventory::NodeName;
use crate::pki;
use crate::secret::Secret;
use crate::store::pki::{ETCD_CA, FRONT_PROXY_CA, KUBERNETES_CA, SERVICE_ACCOUNT};
use crate::store::{NewSecret, SecretKind, Store};
use std::fmt;

/// Where kubeadm keeps them on a node.
pub const FOLDER: &str = "/etc/kubernetes/pki";

/// Where a CA or key pair is below kubeadm's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its name in the store.
    pub name: &'static str,
    /// What users call it.
    pub subject: &'static str,
    /// The file with the certificate or the public key.
    pub public: &'static str,
    /// The file with the private key.
    pub key: &'static str,
}

/// kubeadm's folder.
pub const LAYOUT: [Place; 4] = [
    Place { name: KUBERNETES_CA, subject: "the CA of Kubernetes", public: "ca.crt", key: "ca.key" },
    Place { name: ETCD_CA, subject: "the CA of etcd", public: "etcd/ca.crt", key: "etcd/ca.key" },
    Place {
        name: FRONT_PROXY_CA,
        subject: "the CA of the front proxy",
        public: "front-proxy-ca.crt",
        key: "front-proxy-ca.key",
    },
    Place {
        name: SERVICE_ACCOUNT,
        subject: "the key pair of service accounts",
        public: "sa.pub",
        key: "sa.key",
    },
];

/// What was read of a CA or key pair.
#[derive(Debug, Clone)]
pub struct Found {
    /// Which one.
    pub place: Place,
    /// Where its files were looked for, `cp-1:/etc/kubernetes/pki`.
    pub folder: String,
    /// The certificate or public key, PEM; `None` where there is no such file.
    pub public: Option<String>,
    /// The private key, PEM; `None` where there is no such file.
    pub key: Option<Secret<String>>,
}

impl Found {
    fn file(&self, name: impl fmt::Display) -> String {
        format!("{}/{name}", self.folder)
    }

    /// Whether both files are there.
    pub fn is_whole(&self) -> bool {
        self.public.is_some() && self.key.is_some()
    }

    /// What is to be sealed; `None` where the store has just this one.
    fn judge(self, store: &Store, now: i64) -> Result<Option<NewSecret>, TrustError> {
        let place = self.place;
        let missing = |file: String| TrustError::Missing { subject: place.subject, file };
        let public = self.public.as_ref().ok_or_else(|| missing(self.file(place.public)))?;
        let unusable = |source| TrustError::Unusable {
            subject: place.subject,
            files: format!("{} and {}", self.file(place.public), place.key),
            source,
        };
        let found = public_fingerprint(public).map_err(unusable)?;
        if let Some(stored) = store.pair(place.name)? {
            let stored =
                public_fingerprint(&stored.public).map_err(|_| TrustError::unreadable(place.name, store))?;
            if stored == found {
                return Ok(None);
            }
            let (subject, name, file) = (place.subject, place.name, self.file(place.public));
            return Err(TrustError::Conflict { subject, name, file, found, stored });
        }
        let key = self.key.as_ref().ok_or_else(|| missing(self.file(place.key)))?;
        if place.name == SERVICE_ACCOUNT {
            pki::check_key_pair(place.name, public.as_bytes(), key).map_err(unusable)?;
        } else {
            pki::check_authority(public.as_bytes(), key, now).map_err(unusable)?;
        }
        // To the byte as on the node: so a plan finds it unchanged there.
        Ok(Some(NewSecret {
            name: place.name.to_owned(),
            kind: SecretKind::PrivateKey,
            value: key.clone(),
            public: Some(public.clone()),
        }))
    }
}

/// What is to be sealed of what was found. All of it is sound, or nothing is sealed; what the store has already is left out.
pub fn take_over(found: Vec<Found>, store: &Store, now: i64) -> Result<Vec<NewSecret>, TrustError> {
    let judged = found.into_iter().map(|found| found.judge(store, now));
    Ok(judged.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// Refuses a host on which a cluster with another CA is: what is on it must stay as it is. `text` is what the file of Kubernetes'
/// CA holds there; where it cannot be read as a certificate, or the store has none, this says nothing about it.
pub fn refuse_foreign(store: &Store, node: &NodeName, file: &str, text: &str) -> Result<(), TrustError> {
    let Some(pair) = store.pair(KUBERNETES_CA)? else { return Ok(()) };
    let stored =
        public_fingerprint(&pair.public).map_err(|_| TrustError::unreadable(KUBERNETES_CA, store))?;
    // While a CA is replaced the file holds both.
    let found = pki::fingerprints(text.as_bytes());
    let Some(first) = found.first().filter(|_| !found.contains(&stored)) else { return Ok(()) };
    let subject = pki::read(text.as_bytes(), None).map_or_else(|_| String::new(), |facts| facts.common_name);
    let (node, file, found) = (node.clone(), file.to_owned(), first.clone());
    Err(TrustError::OtherCluster { node, file, subject, found, stored })
}
