//! The store keeps what it was given, says clearly what is wrong with it, and loses nothing.

use harden::error::{Chain, Hint};
use harden::secret::Secret;
use harden::store::{KeySource, NewSecret, SecretKind, Store, StoreError, Unlocked, pki, random_key_base64};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const NAME: &str = "encryption/key-20261124";
const VALUE: &str = "c2VjcmV0LXZhbHVlLW9mLTMyLWJ5dGVzLWZvci10ZXN0";

fn passphrase(text: &str) -> KeySource {
    KeySource::Passphrase(Secret::new(text.to_owned()))
}

fn key_file(bytes: &[u8]) -> KeySource {
    KeySource::KeyFile(Secret::new(bytes.to_vec()))
}

fn unlock(folder: &Path, source: &KeySource) -> Result<Unlocked, StoreError> {
    Store::open(folder)?.unlock(source)
}

/// A store with one secret, sealed with the key file `[7; 32]`.
fn filled() -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let folder = directory.path().join("secrets");
    let mut store = unlock(&folder, &key_file(&[7; 32])).unwrap();
    store.create(NAME, SecretKind::EncryptionKey, &Secret::new(VALUE.to_owned()), 1_800_000_000).unwrap();
    (directory, folder)
}

fn sealed(folder: &Path) -> PathBuf {
    folder.join(format!("{NAME}.sealed"))
}

fn error_of(folder: &Path) -> StoreError {
    let error = unlock(folder, &key_file(&[7; 32])).and_then(|store| store.get(NAME).map(drop)).unwrap_err();
    for text in [Chain(&error).to_string(), format!("{error:?}"), error.hint().unwrap_or_default()] {
        assert!(!text.contains(VALUE));
    }
    error
}

#[test]
fn a_secret_comes_back_and_only_the_index_is_needed_to_name_it() {
    let (_directory, folder) = filled();
    let store = Store::open(&folder).unwrap();
    let secret = store.secret_ref(NAME).unwrap();
    // By sha256sum: the digest is that of the text as it stands in the API server's configuration.
    let digest = "a53382723de644591d22e3ae81e6a21e9c51a02a683c515e7aa17c068d24c265";
    assert_eq!(secret.sha256.as_deref(), Some(digest));
    assert_eq!(store.entries()[NAME].created, 1_800_000_000);
    assert!(store.secret_ref("encryption/other").is_none());
    let unlocked = store.unlock(&key_file(&[7; 32])).unwrap();
    assert_eq!(unlocked.get(NAME).unwrap().expose(), VALUE);
    assert!(matches!(unlocked.get("encryption/other"), Err(StoreError::NoSuchSecret { .. })));
}

#[test]
fn a_passphrase_serves_as_well() {
    let directory = TempDir::new().unwrap();
    let mut store = unlock(directory.path(), &passphrase("correct horse")).unwrap();
    store.create(NAME, SecretKind::EncryptionKey, &Secret::new(VALUE.to_owned()), 0).unwrap();
    let again = unlock(directory.path(), &passphrase("correct horse")).unwrap();
    assert_eq!(again.get(NAME).unwrap().expose(), VALUE);
    let error = unlock(directory.path(), &passphrase("wrong horse")).unwrap_err();
    assert!(matches!(error, StoreError::WrongKey) && error.hint().is_some());
    let error = unlock(directory.path(), &key_file(&[7; 32])).unwrap_err();
    assert!(matches!(error, StoreError::WrongSource { needed: "passphrase", .. }));
    let empty = TempDir::new().unwrap();
    assert!(matches!(unlock(empty.path(), &passphrase("")), Err(StoreError::EmptyPassphrase)));
}

#[test]
fn a_key_file_may_be_raw_hexadecimal_or_base64() {
    let (_directory, folder) = filled();
    let base64 = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    for content in [vec![7; 32], "07".repeat(32).into_bytes(), format!("{base64}\n").into_bytes()] {
        assert_eq!(unlock(&folder, &key_file(&content)).unwrap().get(NAME).unwrap().expose(), VALUE);
    }
    for content in [&b"short"[..], &[7; 31], &[0xff; 64], b"BwcHBw=="] {
        let error = unlock(&folder, &key_file(content)).unwrap_err();
        assert!(matches!(error, StoreError::KeyFile { .. }), "{error}");
    }
    assert!(matches!(unlock(&folder, &key_file(&[8; 32])), Err(StoreError::WrongKey)));
}

#[test]
fn nobody_else_can_read_and_no_file_holds_the_value() {
    let (_directory, folder) = filled();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&folder.join("encryption"))), (0o700, 0o700));
    let mut files = vec![sealed(&folder), folder.join("index.toml")];
    files.extend(
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()),
    );
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
        assert!(!String::from_utf8_lossy(&fs::read(&file).unwrap()).contains(VALUE));
    }
    // The positive control: the search would find it.
    assert!(fs::read_to_string(folder.join("index.toml")).unwrap().contains(NAME));
}

#[test]
fn nothing_is_overwritten() {
    let (_directory, folder) = filled();
    let mut store = unlock(&folder, &key_file(&[7; 32])).unwrap();
    let other = Secret::new(String::from("another value"));
    let error = store.create(NAME, SecretKind::EncryptionKey, &other, 1).unwrap_err();
    assert!(matches!(error, StoreError::Exists { .. }));
    assert_eq!(store.get(NAME).unwrap().expose(), VALUE);
    // A run that was cut off between the file and the index leaves a file without an entry: it is not overwritten either.
    fs::write(folder.join("encryption/cut-off.sealed"), "x").unwrap();
    let error = store.create("encryption/cut-off", SecretKind::EncryptionKey, &other, 1).unwrap_err();
    assert!(matches!(error, StoreError::Exists { .. }));
    for name in ["", "/etc/x", "../x", "a//b", "a/../b", ".hidden", "a b", "index\n"] {
        let error = store.create(name, SecretKind::EncryptionKey, &other, 1).unwrap_err();
        assert!(matches!(error, StoreError::Name { .. }), "{name}");
    }
}

#[test]
fn two_processes_do_not_lose_each_others_secrets() {
    let (_directory, folder) = filled();
    let mut one = unlock(&folder, &key_file(&[7; 32])).unwrap();
    let mut two = unlock(&folder, &key_file(&[7; 32])).unwrap();
    let value = Secret::new(String::from("another value"));
    one.create("one", SecretKind::PrivateKey, &value, 1).unwrap();
    two.create("two", SecretKind::PrivateKey, &value, 1).unwrap();
    let names: Vec<String> = Store::open(&folder).unwrap().entries().keys().cloned().collect();
    assert_eq!(names, [NAME, "one", "two"]);
}

#[test]
fn a_retired_secret_stays_readable() {
    let (_directory, folder) = filled();
    Store::open(&folder).unwrap().retire(NAME, 1_900_000_000).unwrap();
    let store = Store::open(&folder).unwrap();
    assert_eq!(store.entries()[NAME].retired, Some(1_900_000_000));
    assert_eq!(store.unlock(&key_file(&[7; 32])).unwrap().get(NAME).unwrap().expose(), VALUE);
}

#[test]
fn a_damaged_file_is_told_for_what_it_is_and_left_alone() {
    let (_directory, folder) = filled();
    let path = sealed(&folder);
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() - 1 {
        fs::write(&path, &whole[..length]).unwrap();
        let error = error_of(&folder);
        assert!(matches!(error, StoreError::Truncated { .. }), "{length}: {error}");
        assert_eq!(fs::read(&path).unwrap().len(), length);
    }
    for position in 0..whole.len() - 1 {
        let mut changed = whole.clone();
        changed[position] ^= 1;
        fs::write(&path, &changed).unwrap();
        let error = error_of(&folder);
        assert!(error.hint().is_some(), "{position}: {error}");
    }
    let text = String::from_utf8(whole.clone()).unwrap();
    fs::write(&path, text.replacen("harden-sealed 1", "harden-sealed 2", 1)).unwrap();
    assert!(matches!(error_of(&folder), StoreError::Format { .. }));
    fs::remove_file(&path).unwrap();
    assert!(matches!(error_of(&folder), StoreError::Missing { .. }));
    fs::write(&path, whole).unwrap();
    assert_eq!(unlock(&folder, &key_file(&[7; 32])).unwrap().get(NAME).unwrap().expose(), VALUE);
}

#[test]
fn a_file_cannot_pass_for_another_secret() {
    let (_directory, folder) = filled();
    let mut store = unlock(&folder, &key_file(&[7; 32])).unwrap();
    store.create("other", SecretKind::PrivateKey, &Secret::new(String::from("another value")), 1).unwrap();
    fs::copy(folder.join("other.sealed"), sealed(&folder)).unwrap();
    assert!(matches!(error_of(&folder), StoreError::Tampered { .. }));
}

#[test]
fn a_damaged_or_newer_index_is_refused() {
    let (_directory, folder) = filled();
    let path = folder.join("index.toml");
    let whole = fs::read_to_string(&path).unwrap();
    let with = |text: &str| {
        fs::write(&path, text).unwrap();
        Store::open(&folder).map(drop).unwrap_err()
    };
    let error = with("format = 7\nwrapping = \"by other means\"\n");
    assert_eq!(error.to_string(), format!("{} has format 7; this harden reads format 1", path.display()));
    assert!(error.hint().is_some());
    assert!(matches!(with("format = \n"), StoreError::Index { .. }));
    assert!(matches!(with(&whole.replace("created", "creation")), StoreError::Index { .. }));
    fs::remove_file(&path).unwrap();
    // Not an empty store: a new data key would make the sealed files unreadable.
    let error = Store::open(&folder).map(drop).unwrap_err();
    assert!(matches!(error, StoreError::IndexMissing { .. }), "{error}");
    fs::write(&path, whole).unwrap();
    assert!(Store::open(&folder).is_ok());
}

#[test]
fn a_folder_that_does_not_exist_is_an_empty_store_and_stays_so() {
    let directory = TempDir::new().unwrap();
    let folder = directory.path().join("secrets");
    let store = Store::open(&folder).unwrap();
    assert!(store.entries().is_empty());
    assert!(!folder.exists());
}

#[test]
fn random_keys_have_the_length_that_was_asked_for() {
    let (one, two) = (random_key_base64(32).unwrap(), random_key_base64(32).unwrap());
    assert_eq!(one.expose().len(), 44);
    assert_ne!(one.expose(), two.expose());
}

const PUBLIC: &str = "-----BEGIN CERTIFICATE-----\nMIIBpublic\n-----END CERTIFICATE-----\n";

fn pair(name: &str, value: &str) -> NewSecret {
    NewSecret {
        name: name.to_owned(),
        kind: SecretKind::PrivateKey,
        value: Secret::new(value.to_owned()),
        public: Some(PUBLIC.to_owned()),
    }
}

fn set() -> Vec<NewSecret> {
    pki::NAMES.iter().map(|name| pair(name, &format!("private-key-of-{name}"))).collect()
}

/// A store with the whole set.
fn with_pki() -> (TempDir, PathBuf) {
    let (directory, folder) = filled();
    unlock(&folder, &key_file(&[7; 32])).unwrap().create_all(&set(), 1_800_000_000).unwrap();
    (directory, folder)
}

#[test]
fn what_is_public_of_a_key_is_read_without_a_passphrase() {
    let (_directory, folder) = filled();
    assert_eq!(Store::open(&folder).unwrap().pki().unwrap(), None);
    let mut store = unlock(&folder, &key_file(&[7; 32])).unwrap();
    store.create_all(&set(), 1_800_000_000).unwrap();
    let found = Store::open(&folder).unwrap().pki().unwrap().unwrap();
    assert_eq!(found.etcd.public, PUBLIC);
    assert_eq!(found.etcd.key.name, pki::ETCD_CA);
    assert_eq!(found.service_account.key.name, "pki/service-account");
    assert_eq!(found.kubernetes.key, store.store().secret_ref(pki::KUBERNETES_CA).unwrap());
    assert_eq!(store.get(pki::ETCD_CA).unwrap().expose(), "private-key-of-pki/etcd-ca");
    // An index that was written before there were public parts.
    let text = fs::read_to_string(folder.join("index.toml")).unwrap();
    assert!(text.contains("public = "));
    assert_eq!(Store::open(&folder).unwrap().entries()[NAME].public, None);
    assert_eq!(store.get(NAME).unwrap().expose(), VALUE);
}

#[test]
fn a_public_part_that_was_changed_is_found_when_the_key_is_read() {
    let (_directory, folder) = with_pki();
    let path = folder.join("index.toml");
    let whole = fs::read_to_string(&path).unwrap();
    let error = |text: String| {
        assert_ne!(text, whole);
        fs::write(&path, text).unwrap();
        let error = unlock(&folder, &key_file(&[7; 32])).unwrap().get(pki::ETCD_CA).map(drop).unwrap_err();
        assert!(matches!(error, StoreError::TamperedPair { .. }) && error.hint().is_some(), "{error}");
        assert!(error.to_string().contains("pki/etcd-ca") && error.to_string().contains("index.toml"));
    };
    error(whole.replace("MIIBpublic", "MIICpublic"));
    // The file of one that has a public part is not the only thing that can be wrong, and says so.
    let file = folder.join("pki/etcd-ca.sealed");
    let sealed = fs::read(&file).unwrap();
    fs::copy(folder.join("pki/kubernetes-ca.sealed"), &file).unwrap();
    error(format!("{whole}\n"));
    fs::write(&file, &sealed[..sealed.len() / 2]).unwrap();
    fs::write(&path, &whole).unwrap();
    let cut = unlock(&folder, &key_file(&[7; 32])).unwrap().get(pki::ETCD_CA).map(drop).unwrap_err();
    assert!(matches!(cut, StoreError::Truncated { .. }), "{cut}");
    fs::write(&file, &sealed).unwrap();
    let store = unlock(&folder, &key_file(&[7; 32])).unwrap();
    assert_eq!(store.get(pki::ETCD_CA).unwrap().expose(), "private-key-of-pki/etcd-ca");
}

#[test]
fn a_public_part_that_was_taken_away_is_told() {
    let (_directory, folder) = with_pki();
    let path = folder.join("index.toml");
    let text = fs::read_to_string(&path).unwrap();
    let without = text.replace(&format!("public = \"\"\"\n{PUBLIC}\"\"\"\n"), "");
    assert_ne!(without, text);
    fs::write(&path, without).unwrap();
    let store = Store::open(&folder).unwrap();
    let error = store.pki().unwrap_err();
    assert!(matches!(error, StoreError::NoPublic { .. }) && error.hint().is_some(), "{error}");
    let error = store.unlock(&key_file(&[7; 32])).unwrap().get(pki::ETCD_CA).map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Tampered { .. }), "{error}");
}

#[test]
fn a_private_key_never_stands_in_the_index() {
    let (_directory, folder) = filled();
    let mut store = unlock(&folder, &key_file(&[7; 32])).unwrap();
    let mut new = set();
    new[2].public = Some(format!("{PUBLIC}-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEpoison\n"));
    let error = store.create_all(&new, 1).unwrap_err();
    assert!(matches!(error, StoreError::NotPublic { .. }) && error.hint().is_some(), "{error}");
    assert!(!fs::read_to_string(folder.join("index.toml")).unwrap().contains("MHcCAQEEpoison"));
    assert!(!folder.join("pki").exists());
}

#[test]
fn half_of_a_set_is_an_error_with_a_remedy() {
    let (_directory, folder) = filled();
    let mut store = unlock(&folder, &key_file(&[7; 32])).unwrap();
    store.create_all(&set()[..2], 1).unwrap();
    let error = Store::open(&folder).unwrap().pki().unwrap_err();
    assert!(matches!(error, StoreError::IncompletePki { .. }));
    assert!(error.to_string().ends_with("pki/front-proxy-ca, pki/service-account is missing"), "{error}");
    assert!(error.hint().unwrap().contains("harden pki init"));
}

/// As a process leaves it that was killed between the files and the index.
#[test]
fn files_that_nobody_names_are_moved_aside_and_kept() {
    let (_directory, folder) = with_pki();
    let path = folder.join("index.toml");
    let text = fs::read_to_string(&path).unwrap();
    let first = text.find("[secrets.\"pki/").unwrap();
    fs::write(&path, &text[..first]).unwrap();
    let mut store = unlock(&folder, &key_file(&[7; 32])).unwrap();
    assert!(matches!(store.create_all(&set(), 2), Err(StoreError::Exists { .. })));
    let sealed = fs::read(folder.join("pki/etcd-ca.sealed")).unwrap();
    let aside = store.set_aside(pki::ETCD_CA).unwrap().unwrap();
    assert_eq!(fs::read(&aside).unwrap(), sealed);
    assert_eq!(aside, folder.join("pki/etcd-ca.sealed.aside-1"));
    assert_eq!(store.set_aside(pki::ETCD_CA).unwrap(), None);
    // What the index names stays where it is.
    assert_eq!(store.set_aside(NAME).unwrap(), None);
    fs::write(folder.join("pki/etcd-ca.sealed"), &sealed).unwrap();
    assert_eq!(store.set_aside(pki::ETCD_CA).unwrap().unwrap(), folder.join("pki/etcd-ca.sealed.aside-2"));
    for name in pki::NAMES {
        store.set_aside(name).unwrap();
    }
    store.create_all(&set(), 2).unwrap();
    assert!(Store::open(&folder).unwrap().pki().unwrap().is_some());
}
