//! The kubeconfig for emergencies: it passes every rule of RBAC by, and lies sealed in the store until somebody needs it.

use super::person::{IssuedKubeconfig, MASTERS, Person, issue, server};
use super::{Credential, FORMAT_VERSION, TrustError};
use crate::inventory::Inventory;
use crate::pki;
use crate::resource::SecretRef;
use crate::store::pki::KUBERNETES_CA;
use crate::store::{Entry, NewSecret, SecretKind, Store, Unlocked};

/// Its name in the store; a later one has a number behind it, since no name is ever used twice.
const NAME: &str = "kubeconfig/break-glass";

/// The user that it is for, by which audit logs tell that it was used.
const USER: &str = "harden:break-glass";

const SECONDS_A_DAY: i64 = 86_400;

/// The kubeconfig for emergencies, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakGlass {
    /// Where it is in the store.
    pub secret: SecretRef,
    /// What is publicly known of it.
    pub credential: Credential,
    /// Whether it was made just now.
    pub is_new: bool,
}

/// The kubeconfig for emergencies. One is made and sealed where the store has none, or where what it has leads to another API
/// server, is of another CA, or has lived two thirds of its life; that one is retired then. The store must have the CA of
/// Kubernetes.
pub fn ensure_break_glass(
    store: &mut Unlocked,
    inventory: &Inventory,
    now: i64,
) -> Result<BreakGlass, TrustError> {
    let authority = store.store().pair(KUBERNETES_CA)?;
    let authority = authority.ok_or_else(|| TrustError::NoAuthority { user: USER.to_owned() })?;
    let old: Vec<String> = current(store.store()).into_iter().map(|(name, _)| name.clone()).collect();
    if let Some(name) = old.last() {
        let kubeconfig = store.get(name)?;
        let leads_there = pki::leads_to(kubeconfig.expose(), &server(inventory), &authority.public);
        if let Some(found) = leads_there.then(|| sealed(store.store(), name, inventory, now)).flatten() {
            return Ok(found);
        }
    }
    let person = Person {
        user: USER.to_owned(),
        groups: [MASTERS.to_owned()].into(),
        lifetime: i64::from(inventory.pki.certificate_lifetime_days) * SECONDS_A_DAY,
    };
    let key = store.get(KUBERNETES_CA)?;
    let IssuedKubeconfig { kubeconfig, certificate, credential } =
        issue(&person, inventory, &authority.public, &key, now)?;
    let name = free_name(store.store());
    store.set_aside(&name)?;
    let public = Some(certificate);
    let new = NewSecret { name: name.clone(), kind: SecretKind::Kubeconfig, value: kubeconfig, public };
    store.create_all(&[new], now)?;
    for name in old {
        store.retire(&name, now)?;
    }
    let secret = store.store().secret_ref(&name).unwrap_or(SecretRef { name, sha256: None });
    Ok(BreakGlass { secret, credential, is_new: true })
}

/// Those that are not retired, the newest last. A run that was cut off leaves two.
fn current(store: &Store) -> Vec<(&String, &Entry)> {
    let all = store.entries().iter();
    let mut current: Vec<_> = all
        .filter(|(_, entry)| entry.kind == SecretKind::Kubeconfig && entry.retired.is_none())
        .filter(|(name, _)| name.starts_with(NAME))
        .collect();
    current.sort_by_key(|(name, entry)| (entry.created, name.len(), *name));
    current
}

/// What is publicly known of the one that is sealed; `None` where it has lived too long.
fn sealed(store: &Store, name: &str, inventory: &Inventory, now: i64) -> Option<BreakGlass> {
    let certificate = store.entries().get(name)?.public.as_ref()?;
    let facts = pki::read(certificate.as_bytes(), None).ok()?;
    if facts.not_after - now < (facts.not_after - facts.not_before) / 3 {
        return None;
    }
    let credential = Credential {
        format_version: FORMAT_VERSION,
        harden_version: env!("CARGO_PKG_VERSION"),
        cluster: inventory.cluster.name.clone(),
        file: String::new(),
        server: server(inventory),
        user: facts.common_name,
        groups: facts.organizations,
        expires: facts.not_after,
    };
    Some(BreakGlass { secret: store.secret_ref(name)?, credential, is_new: false })
}

fn free_name(store: &Store) -> String {
    let (mut name, mut number) = (NAME.to_owned(), 1);
    while store.entries().contains_key(&name) {
        number += 1;
        name = format!("{NAME}-{number}");
    }
    name
}
