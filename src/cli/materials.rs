//! Secrets from the store and certificates from `pki`, for apply, which may know neither.

use crate::apply::{Issued, Issuer, MaterialError, Materials};
use crate::pki;
use crate::resource::{CertificateSpec, SecretRef};
use crate::secret::Secret;
use crate::store::Unlocked;

/// What kubeadm calls the cluster in every kubeconfig.
const CLUSTER: &str = "kubernetes";

/// A secret is needed and the store was not opened for this run.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is needed, and the store is not open")]
struct Sealed(String);

/// What the controller holds.
pub(super) struct Held {
    /// The open store; `None` in a run that needs no secret.
    pub(super) store: Option<Unlocked>,
    /// Seconds since 1970.
    pub(super) now: i64,
}

impl Materials for Held {
    fn secret(&self, reference: &SecretRef) -> Result<Secret<String>, MaterialError> {
        match &self.store {
            Some(store) => Ok(store.get(&reference.name)?),
            None => Err(Sealed(reference.name.clone()).into()),
        }
    }

    fn certificate(&self, spec: &CertificateSpec, issuer: &Issuer) -> Result<Issued, MaterialError> {
        let new = pki::issue(spec, &issuer.certificate, &issuer.key, self.now)?;
        Ok(Issued { certificate: new.certificate, key: new.key })
    }

    fn kubeconfig(
        &self,
        spec: &CertificateSpec,
        server: &str,
        issuer: &Issuer,
        new: &Issued,
    ) -> Result<Secret<String>, MaterialError> {
        let authority = std::str::from_utf8(&issuer.certificate)?;
        let (user, certificate) = (spec.common_name.as_str(), new.certificate.as_str());
        let made = pki::Kubeconfig { cluster: CLUSTER, server, authority, user, certificate, key: &new.key };
        Ok(made.render())
    }
}
