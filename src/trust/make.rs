//! Making the CAs and the key pair of a new cluster.

use super::TrustError;
use crate::inventory::Pki;
use crate::pki;
use crate::resource::KeyAlgorithm;
use crate::store::pki::{ETCD_CA, FRONT_PROXY_CA, KUBERNETES_CA, SERVICE_ACCOUNT};
use crate::store::{NewSecret, SecretKind, Store};

/// The names that kubeadm gives its CAs.
const AUTHORITIES: [(&str, &str); 3] =
    [(KUBERNETES_CA, "kubernetes"), (ETCD_CA, "etcd-ca"), (FRONT_PROXY_CA, "front-proxy-ca")];

/// Makes what the store does not have yet. What it has is left alone.
pub fn missing(store: &Store, settings: &Pki, now: i64) -> Result<Vec<NewSecret>, TrustError> {
    let algorithm = KeyAlgorithm::from(settings.algorithm);
    let is_missing = |name: &str| !store.entries().contains_key(name);
    let failed = |name: &str| {
        let name = name.to_owned();
        move |source| TrustError::Make { name, source }
    };
    let secret = |name: &str, value, public| NewSecret {
        name: name.to_owned(),
        kind: SecretKind::PrivateKey,
        value,
        public: Some(public),
    };
    let mut new = Vec::new();
    for (name, common_name) in AUTHORITIES.into_iter().filter(|(name, _)| is_missing(name)) {
        let made = pki::authority(common_name, algorithm, settings.ca_lifetime_days, now);
        let made = made.map_err(failed(name))?;
        new.push(secret(name, made.key, made.certificate));
    }
    if is_missing(SERVICE_ACCOUNT) {
        let made = pki::key_pair(SERVICE_ACCOUNT, algorithm).map_err(failed(SERVICE_ACCOUNT))?;
        new.push(secret(SERVICE_ACCOUNT, made.key, made.public));
    }
    Ok(new)
}
