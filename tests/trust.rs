//! CAs that are made or taken over, and kubeconfigs that are issued with them: what is sealed, what is refused, and when the one
//! for emergencies is made anew.

use crate::authorities::openssl;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harden::error::{Chain, Hint};
use harden::inventory::{self, Inventory};
use harden::pki;
use harden::secret::Secret;
use harden::store::pki::{ETCD_CA, KUBERNETES_CA, NAMES, SERVICE_ACCOUNT};
use harden::store::{KeySource, SecretKind, Store, Unlocked};
use harden::trust::{
    Found, LAYOUT, Listing, Person, TrustError, ensure_break_glass, issue_kubeconfig, missing,
    refuse_foreign, take_over,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const NOW: i64 = 1_800_000_000;
const DAY: i64 = 86_400;

fn inventory(folder: &Path, more: &str) -> Inventory {
    let path = folder.join("harden.toml");
    let text = format!(
        "[cluster]\nname = \"prod\"\nkubernetes = \"1.35\"\nendpoint = \"api.example.org:6443\"\n\n[[nodes]]\nname = \"cp-1\"\n\
         address = \"10.0.0.11\"\nroles = [\"control-plane\", \"etcd\"]\n\n{more}\n"
    );
    std::fs::write(&path, text).unwrap();
    inventory::load(&path).unwrap().inventory
}

fn unlock(folder: &Path) -> Unlocked {
    let key = KeySource::KeyFile(Secret::new(vec![7; 32]));
    Store::open(folder).unwrap().unlock(&key).unwrap()
}

/// A store with CAs that were made at `NOW`.
fn made(directory: &Path, inventory: &Inventory) -> (PathBuf, Unlocked) {
    let folder = directory.join("secrets");
    let mut store = unlock(&folder);
    let new = missing(store.store(), &inventory.pki, NOW).unwrap();
    store.create_all(&new, NOW).unwrap();
    (folder, store)
}

fn person(user: &str, groups: &[&str], lifetime: i64) -> Person {
    Person { user: user.into(), groups: groups.iter().map(|group| (*group).to_owned()).collect(), lifetime }
}

/// The parts of a kubeconfig: server, CA, certificate and key.
fn parts(kubeconfig: &Secret<String>) -> (String, String, String, Secret<String>) {
    let read: Value = serde_saphyr::from_str(kubeconfig.expose()).unwrap();
    let decoded =
        |value: &Value| String::from_utf8(STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap();
    let (cluster, user) = (&read["clusters"][0]["cluster"], &read["users"][0]["user"]);
    (
        cluster["server"].as_str().unwrap().to_owned(),
        decoded(&cluster["certificate-authority-data"]),
        decoded(&user["client-certificate-data"]),
        Secret::new(decoded(&user["client-key-data"])),
    )
}

#[test]
fn what_is_missing_is_made_and_what_is_there_stays() {
    let directory = TempDir::new().unwrap();
    let inventory = inventory(directory.path(), "[pki]\nalgorithm = \"rsa2048\"\nca-lifetime = \"100d\"");
    let mut store = unlock(&directory.path().join("secrets"));
    let mut new = missing(store.store(), &inventory.pki, NOW).unwrap();
    assert_eq!(new.iter().map(|new| new.name.as_str()).collect::<Vec<_>>(), NAMES);
    // As if a run had been cut off in the middle.
    let rest = new.split_off(2);
    store.create_all(&new, NOW).unwrap();
    let new = missing(store.store(), &inventory.pki, NOW).unwrap();
    assert_eq!(new.iter().map(|new| new.name.as_str()).collect::<Vec<_>>(), NAMES[2..]);
    store.create_all(&rest, NOW).unwrap();
    assert!(missing(store.store(), &inventory.pki, NOW).unwrap().is_empty());
    let found = store.store().pki().unwrap().unwrap();
    let facts = pki::read(found.etcd.public.as_bytes(), None).unwrap();
    assert_eq!((facts.common_name.as_str(), facts.not_after), ("etcd-ca", NOW + 100 * DAY));
    for pair in [&found.kubernetes, &found.etcd, &found.front_proxy] {
        pki::check_authority(pair.public.as_bytes(), &store.get(&pair.key.name).unwrap(), NOW).unwrap();
    }
    let key = store.get(SERVICE_ACCOUNT).unwrap();
    pki::check_key_pair("sa", found.service_account.public.as_bytes(), &key).unwrap();
    let listing = Listing::of(store.store(), Path::new("secrets"), "prod", &[]).unwrap();
    assert_eq!(listing.entries.len(), 4);
    assert_eq!(listing.entries[3].subject, None);
}

/// What another store has, as the files of a cluster.
fn files(store: &Unlocked) -> Vec<Found> {
    LAYOUT
        .into_iter()
        .map(|place| Found {
            place,
            folder: String::from("cp-1:/etc/kubernetes/pki"),
            public: store.store().pair(place.name).unwrap().map(|pair| pair.public),
            key: store.get(place.name).ok(),
        })
        .collect()
}

#[test]
fn a_cluster_is_taken_over_to_the_byte_or_not_at_all() {
    let (theirs, ours) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let inventory = inventory(theirs.path(), "");
    let (_, other) = made(theirs.path(), &inventory);
    let mut store = unlock(ours.path());
    let new = take_over(files(&other), store.store(), NOW).unwrap();
    assert_eq!(new.len(), 4);
    store.create_all(&new, NOW).unwrap();
    for name in NAMES {
        assert_eq!(store.get(name).unwrap().expose(), other.get(name).unwrap().expose());
        assert_eq!(store.store().secret_ref(name), other.store().secret_ref(name));
    }
    assert!(take_over(files(&other), store.store(), NOW).unwrap().is_empty());

    let refused = |change: &dyn Fn(&mut Vec<Found>), now: i64| {
        let mut found = files(&other);
        change(&mut found);
        let empty = Store::open(&ours.path().join("none")).unwrap();
        take_over(found, &empty, now).map(drop).unwrap_err()
    };
    let error = refused(&|found| found[1].key = None, NOW);
    assert!(matches!(error, TrustError::Missing { .. }));
    assert_eq!(
        error.to_string(),
        "take over the CA of etcd: cp-1:/etc/kubernetes/pki/etcd/ca.key is missing"
    );
    assert!(error.hint().unwrap().contains("--from"));
    for place in [0, 3] {
        let error = refused(&|found| found[place].key = found[1].key.clone(), NOW);
        assert!(matches!(error, TrustError::Unusable { .. }) && error.hint().is_some(), "{error}");
    }
    let error = refused(&|found| found[2].public = Some(String::from("nonsense")), NOW);
    assert!(error.to_string().contains("pki/front-proxy-ca.crt and front-proxy-ca.key"), "{error}");
    let error = refused(&|_| {}, NOW + 3651 * DAY);
    assert!(matches!(error, TrustError::Unusable { .. }));
    let text = Chain(&error).to_string();
    assert!(text.contains("is valid from 2027-01-15T07:55:00Z to 2037-01-12T08:00:00Z"), "{text}");
    // A certificate that it signed is no CA.
    let error = refused(
        &|found| {
            let key = found[0].key.clone().unwrap();
            let authority = found[0].public.clone().unwrap();
            let (kubeconfig, _) =
                issue_kubeconfig(&person("alice", &[], DAY), &inventory, &authority, &key, NOW).unwrap();
            let (_, _, certificate, key) = parts(&kubeconfig);
            found[0].public = Some(certificate);
            found[0].key = Some(key);
        },
        NOW,
    );
    assert!(matches!(error, TrustError::Unusable { .. }), "{error}");
}

#[test]
fn another_cluster_is_refused_with_both_fingerprints() {
    let (theirs, ours) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let inventory = inventory(theirs.path(), "");
    let (_, other) = made(theirs.path(), &inventory);
    let (_, store) = made(ours.path(), &inventory);
    let fingerprint = |store: &Unlocked| {
        let pair = store.store().pair(KUBERNETES_CA).unwrap().unwrap();
        pki::fingerprint(pair.public.as_bytes()).unwrap()
    };
    let error = take_over(files(&other), store.store(), NOW).map(drop).unwrap_err();
    assert!(matches!(error, TrustError::Conflict { .. }) && error.hint().is_some());
    let text = error.to_string();
    assert!(text.contains(&fingerprint(&other)) && text.contains(&fingerprint(&store)), "{text}");
    let mut found = files(&other);
    found.retain(|found| found.place.name == SERVICE_ACCOUNT);
    let error = take_over(found, store.store(), NOW).map(drop).unwrap_err();
    assert!(matches!(error, TrustError::Conflict { .. }), "{error}");
}

/// A host on which another cluster is, told by its CA; one on which the CA is about to be replaced holds both.
#[test]
fn a_host_of_another_cluster_is_refused_with_its_authority() {
    let (theirs, ours) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let inventory = inventory(theirs.path(), "");
    let (_, other) = made(theirs.path(), &inventory);
    let (_, store) = made(ours.path(), &inventory);
    let certificate = |store: &Unlocked| store.store().pair(KUBERNETES_CA).unwrap().unwrap().public;
    let judge = |text: &str| refuse_foreign(store.store(), &inventory.nodes[0].name, "/ca.crt", text);
    judge(&certificate(&store)).unwrap();
    judge(&format!("{}{}", certificate(&other), certificate(&store))).unwrap();
    judge("no certificate").unwrap();
    let error = judge(&certificate(&other)).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("cp-1 belongs to another cluster, and nothing was changed: its CA /ca.crt"),
        "{text}"
    );
    for store in [&other, &store] {
        assert!(text.contains(&pki::fingerprint(certificate(store).as_bytes()).unwrap()), "{text}");
    }
    assert!(error.hint().is_some());
}

#[test]
fn a_kubeconfig_for_a_person_holds_what_was_asked_for() {
    let directory = TempDir::new().unwrap();
    let inventory = inventory(directory.path(), "");
    let (_, store) = made(directory.path(), &inventory);
    let authority = store.store().pair(KUBERNETES_CA).unwrap().unwrap().public;
    let key = store.get(KUBERNETES_CA).unwrap();
    let alice = person("alice", &["dev", "ops"], 8 * 3600);
    let (kubeconfig, credential) = issue_kubeconfig(&alice, &inventory, &authority, &key, NOW).unwrap();
    assert_eq!(credential.expires, NOW + 8 * 3600);
    assert_eq!(credential.server, "https://api.example.org:6443");
    let (server, ca, certificate, user_key) = parts(&kubeconfig);
    assert_eq!((server, &ca), (credential.server, &authority));
    let facts = pki::read(certificate.as_bytes(), Some(ca.as_bytes())).unwrap();
    assert_eq!((facts.common_name.as_str(), facts.organizations), ("alice", alice.groups.clone()));
    assert!(facts.signed_by_issuer);
    // The openssl program: a client's certificate and nothing else, and the key is its own.
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    write("ca.crt", &ca);
    write("alice.crt", &certificate);
    write("alice.key", user_key.expose());
    let verify = |purpose: &str, at: i64| {
        let at = at.to_string();
        let arguments = ["verify", "-x509_strict", "-CAfile", "ca.crt", "-purpose", purpose, "-attime", &at];
        openssl(directory.path(), &[&arguments[..], &["alice.crt"]].concat()).0
    };
    assert!(verify("sslclient", NOW) && verify("sslclient", NOW + 8 * 3600 - 1));
    assert!(!verify("sslclient", NOW + 8 * 3600 + 1) && !verify("sslserver", NOW));
    let (_, public) = openssl(directory.path(), &["pkey", "-in", "alice.key", "-pubout"]);
    let (_, of_certificate) = openssl(directory.path(), &["x509", "-in", "alice.crt", "-noout", "-pubkey"]);
    assert_eq!(public, of_certificate);
    // Never longer than 30 days, nor than its CA.
    let long = person("alice", &[], 300 * DAY);
    let expires = |now| issue_kubeconfig(&long, &inventory, &authority, &key, now).unwrap().1.expires;
    assert_eq!(expires(NOW), NOW + 30 * DAY);
    assert_eq!(expires(NOW + 3640 * DAY), NOW + 3650 * DAY);
}

#[test]
fn components_and_masters_get_no_kubeconfig() {
    for (user, groups) in [
        ("system:admin", &[][..]),
        ("system:node:cp-1", &["system:nodes"]),
        ("alice", &["dev", "system:masters"]),
        ("", &[]),
        ("alice\n", &[]),
        ("alice", &[""]),
        ("alice", &["a234567890123456789012345678901234567890123456789012345678901234567890"]),
    ] {
        let error = person(user, groups, DAY).check().unwrap_err();
        assert!(matches!(error, TrustError::Refused { .. }) && error.hint().is_some(), "{error}");
    }
    person("alice@example.org", &["kubeadm:cluster-admins"], DAY).check().unwrap();
}

#[test]
fn the_one_for_emergencies_is_made_once_and_anew_when_it_is_of_no_use_any_more() {
    let directory = TempDir::new().unwrap();
    let inventory = self::inventory(directory.path(), "");
    let (folder, mut store) = made(directory.path(), &inventory);
    let first = ensure_break_glass(&mut store, &inventory, NOW).unwrap();
    assert!(first.is_new);
    assert_eq!(first.secret.name, "kubeconfig/break-glass");
    assert_eq!(first.credential.expires, NOW + 365 * DAY);
    let (server, _, certificate, _) = parts(&store.get(&first.secret.name).unwrap());
    assert_eq!(server, "https://api.example.org:6443");
    let facts = pki::read(certificate.as_bytes(), None).unwrap();
    assert_eq!(facts.common_name, "harden:break-glass");
    assert_eq!(facts.organizations, BTreeSet::from([String::from("system:masters")]));
    let read = Store::open(&folder).unwrap();
    let entry = &read.entries()[&first.secret.name];
    assert_eq!(entry.kind, SecretKind::Kubeconfig);
    assert_eq!(entry.public.as_deref(), Some(certificate.as_str()));

    let mut store = unlock(&folder);
    let again = ensure_break_glass(&mut store, &inventory, NOW + 200 * DAY).unwrap();
    assert_eq!((again.is_new, &again.secret), (false, &first.secret));
    assert_eq!(again.credential, first.credential);
    // In the last third of its life.
    let second = ensure_break_glass(&mut store, &inventory, NOW + 300 * DAY).unwrap();
    assert_eq!((second.is_new, second.secret.name.as_str()), (true, "kubeconfig/break-glass-2"));
    assert_eq!(store.store().entries()[&first.secret.name].retired, Some(NOW + 300 * DAY));
    assert!(!ensure_break_glass(&mut store, &inventory, NOW + 300 * DAY).unwrap().is_new);
    // The API servers are elsewhere now.
    let mut moved = inventory;
    moved.cluster.endpoint = Some(String::from("10.0.0.1:6443"));
    let third = ensure_break_glass(&mut store, &moved, NOW + 300 * DAY).unwrap();
    assert_eq!(third.secret.name, "kubeconfig/break-glass-3");
    assert_eq!(third.credential.server, "https://10.0.0.1:6443");
    let listing = Listing::of(store.store(), &folder, "prod", &[]).unwrap();
    let names: Vec<_> = listing.entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names[4..], ["kubeconfig/break-glass-3"]);
}

#[test]
fn without_a_ca_there_is_none_for_emergencies() {
    let directory = TempDir::new().unwrap();
    let inventory = inventory(directory.path(), "");
    let mut store = unlock(&directory.path().join("secrets"));
    let error = ensure_break_glass(&mut store, &inventory, NOW).unwrap_err();
    assert!(matches!(error, TrustError::NoAuthority { .. }) && error.hint().is_some());
    assert!(store.store().entries().is_empty());
    assert_eq!(store.store().pair(ETCD_CA).unwrap(), None);
}
