//! Kubeconfigs for people: whom one is issued for, for how long, and issuing it.

use super::{FORMAT_VERSION, TrustError};
use crate::inventory::Inventory;
use crate::pki::{self, Kubeconfig, Leaf};
use crate::resource::{KeyAlgorithm, Usage};
use crate::secret::Secret;
use serde::Serialize;
use std::collections::BTreeSet;

/// The longest lifetime of a kubeconfig for a person, in seconds: its certificate cannot be revoked before.
pub const MOST_LIFETIME: i64 = 30 * 86_400;

/// Members of it pass every RBAC rule by.
pub(super) const MASTERS: &str = "system:masters";

/// RFC 5280 ends common names and organizations there.
const LONGEST_NAME: usize = 64;

/// Who is to use a kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The user, as RBAC names it.
    pub user: String,
    /// The groups, as RBAC names them.
    pub groups: BTreeSet<String>,
    /// Lifetime in seconds, at most [`MOST_LIFETIME`].
    pub lifetime: i64,
}

impl Person {
    /// Refuses whom no kubeconfig should be issued for.
    pub fn check(&self) -> Result<(), TrustError> {
        let refused = |what: &str, name: &str, reason, remedy| {
            Err(TrustError::Refused { who: format!("the {what} `{name}`"), reason, remedy })
        };
        if self.user.starts_with("system:") {
            return refused(
                "user",
                &self.user,
                "such users are Kubernetes' own components, and rules of RBAC and admission trust them as such",
                "name the person; for an emergency there is `harden kubeconfig --break-glass`",
            );
        }
        if self.groups.contains(MASTERS) {
            return refused(
                "group",
                MASTERS,
                "its members pass every rule of RBAC by, and neither they nor the certificate can be taken back",
                "bind a group to the ClusterRole `cluster-admin`, as kubeadm does with `kubeadm:cluster-admins`, and name that; for an emergency there is `harden kubeconfig --break-glass`",
            );
        }
        let names =
            [("user", &self.user)].into_iter().chain(self.groups.iter().map(|group| ("group", group)));
        for (what, name) in names {
            if name.trim().is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
                return refused(
                    what,
                    name,
                    "a name in a certificate has 1 to 64 bytes and no control characters",
                    "choose another name",
                );
            }
        }
        Ok(())
    }
}

/// What is publicly known of a kubeconfig that was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Credential {
    /// [`FORMAT_VERSION`].
    pub format_version: &'static str,
    /// The version of harden that issued it.
    pub harden_version: &'static str,
    /// The cluster's name.
    pub cluster: String,
    /// Where it was written to; empty before that.
    pub file: String,
    /// The API server that it leads to.
    pub server: String,
    /// The user.
    pub user: String,
    /// The groups.
    pub groups: BTreeSet<String>,
    /// When it ends, seconds since 1970.
    pub expires: i64,
}

/// Issues a kubeconfig that needs no other file.
///
/// `authority` is the PEM of the CA, of which the key is `authority_key`.
pub fn issue_kubeconfig(
    person: &Person,
    inventory: &Inventory,
    authority: &str,
    authority_key: &Secret<String>,
    now: i64,
) -> Result<(Secret<String>, Credential), TrustError> {
    person.check()?;
    let lifetime = person.lifetime.min(MOST_LIFETIME);
    let person = Person { lifetime, ..person.clone() };
    let issued = issue(&person, inventory, authority, authority_key, now)?;
    Ok((issued.kubeconfig, issued.credential))
}

/// A kubeconfig and what is public of it.
pub(super) struct IssuedKubeconfig {
    pub(super) kubeconfig: Secret<String>,
    pub(super) certificate: String,
    pub(super) credential: Credential,
}

/// Issues for anybody.
pub(super) fn issue(
    person: &Person,
    inventory: &Inventory,
    authority: &str,
    authority_key: &Secret<String>,
    now: i64,
) -> Result<IssuedKubeconfig, TrustError> {
    let failed = |source| TrustError::Make { name: person.user.clone(), source };
    let leaf = Leaf {
        common_name: person.user.clone(),
        organizations: person.groups.clone(),
        dns_names: BTreeSet::new(),
        addresses: BTreeSet::new(),
        usages: [Usage::Client].into(),
        algorithm: KeyAlgorithm::from(inventory.pki.algorithm),
        lifetime: person.lifetime,
    };
    let issued = pki::issue_leaf(&leaf, authority.as_bytes(), authority_key, now).map_err(failed)?;
    let expires = pki::read(issued.certificate.as_bytes(), None).map_err(failed)?.not_after;
    let server = server(inventory);
    let kubeconfig = Kubeconfig {
        cluster: &inventory.cluster.name,
        server: &server,
        authority,
        user: &person.user,
        certificate: &issued.certificate,
        key: &issued.key,
    }
    .render();
    let credential = Credential {
        format_version: FORMAT_VERSION,
        harden_version: env!("CARGO_PKG_VERSION"),
        cluster: inventory.cluster.name.clone(),
        file: String::new(),
        server,
        user: person.user.clone(),
        groups: person.groups.clone(),
        expires,
    };
    Ok(IssuedKubeconfig { kubeconfig, certificate: issued.certificate, credential })
}

/// Where clients reach the API.
pub(super) fn server(inventory: &Inventory) -> String {
    format!("https://{}", inventory.api_endpoint())
}
