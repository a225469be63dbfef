//! The sealed secrets of a cluster, beside its inventory. The index is public and says what there is: planning needs only
//! that. A secret is read with the store's key, and never overwritten or deleted.
//!
//! What belongs to a private key and is public, a certificate or a public key, stands in the index, and is sealed in with the
//! key: a change of it is found when the key is read.
//!
//! Below the folder: `index.toml`, and one sealed file per secret. A random data key seals them all (AES-256-GCM, the
//! secret's name bound in); the data key stands in the index, sealed itself by a key file or a passphrase (scrypt).

mod error;
mod files;
mod index;
pub mod pki;
mod seal;

pub use error::StoreError;
pub use index::{Entry, SecretKind};
pub use pki::{Pair, Pki};

use crate::resource::SecretRef;
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use index::Index;
use seal::{Bound, Key};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The folder of the store, beside the inventory.
pub const FOLDER: &str = "secrets";

/// The public index's name there.
pub use index::FILE as INDEX;

/// What opens a store.
#[derive(Debug)]
pub enum KeySource {
    /// The content of a key file: 32 bytes, or those in base64 or hexadecimal.
    KeyFile(Secret<Vec<u8>>),
    /// A passphrase.
    Passphrase(Secret<String>),
}

/// A store of which only the public index is known.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    index: Index,
}

/// A store whose secrets can be read.
#[derive(Debug)]
pub struct Unlocked {
    store: Store,
    key: Key,
}

/// A secret that is to be sealed.
#[derive(Debug)]
pub struct NewSecret {
    /// Its name, never used before.
    pub name: String,
    /// What it is for.
    pub kind: SecretKind,
    /// Its value.
    pub value: Secret<String>,
    /// What belongs to it and is public, PEM.
    pub public: Option<String>,
}

impl Store {
    /// Reads the index of the store in a folder. A folder that does not exist is an empty store.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        Ok(Self { folder: folder.to_owned(), index: Index::read(folder)? })
    }

    /// Whether no key or passphrase was ever given: the next one becomes the store's.
    pub fn is_empty(&self) -> bool {
        self.index.wrapping.is_none()
    }

    /// All secrets by name.
    pub fn entries(&self) -> &BTreeMap<String, Entry> {
        &self.index.secrets
    }

    /// What is publicly known of a secret.
    pub fn secret_ref(&self, name: &str) -> Option<SecretRef> {
        let entry = self.index.secrets.get(name)?;
        Some(SecretRef { name: name.to_owned(), sha256: Some(entry.sha256.clone()) })
    }

    /// Where the index is.
    pub fn index_path(&self) -> PathBuf {
        Index::path(&self.folder)
    }

    /// Marks a secret as no longer used. It stays readable: backups of etcd may need it.
    pub fn retire(&mut self, name: &str, now: i64) -> Result<(), StoreError> {
        let _lock = files::lock(&self.folder)?;
        let mut index = Index::read(&self.folder)?;
        let missing = || StoreError::NoSuchSecret { name: name.to_owned() };
        index.secrets.get_mut(name).ok_or_else(missing)?.retired = Some(now);
        index.write(&self.folder)?;
        self.index = index;
        Ok(())
    }

    /// Opens the store for reading secrets. The first time a key or passphrase is given it becomes the store's.
    pub fn unlock(mut self, source: &KeySource) -> Result<Unlocked, StoreError> {
        if self.index.wrapping.is_none() {
            // Before the folder is made: what is no key leaves nothing behind.
            let wrapping = seal::wrap_new(source)?;
            let _lock = files::lock(&self.folder)?;
            let mut index = Index::read(&self.folder)?;
            if index.wrapping.is_none() {
                index.wrapping = Some(wrapping);
                index.write(&self.folder)?;
            }
            self.index = index;
        }
        let wrapping = self.index.wrapping.as_ref().ok_or(StoreError::WrongKey)?;
        let key = seal::unwrap(wrapping, source)?;
        Ok(Unlocked { store: self, key })
    }
}

impl Unlocked {
    /// The index.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The value of a secret.
    pub fn get(&self, name: &str) -> Result<Secret<String>, StoreError> {
        let missing = || StoreError::NoSuchSecret { name: name.to_owned() };
        let entry = self.store.index.secrets.get(name).ok_or_else(missing)?;
        let path = files::sealed_path(&self.store.folder, name)?;
        let bound = Bound { name, public: entry.public.as_deref() };
        let value = seal::open(&self.key, bound, &path, &files::read_sealed(&path)?);
        match value {
            Ok(value) if seal::digest(value.expose()) == entry.sha256 => Ok(value),
            Ok(_) => Err(StoreError::Tampered { path }),
            // Which of the two it was cannot be told.
            Err(StoreError::Tampered { path }) if entry.public.is_some() => {
                Err(StoreError::TamperedPair { name: name.to_owned(), path, index: self.store.index_path() })
            }
            Err(error) => Err(error),
        }
    }

    /// Seals a new secret. A name is never used twice: values sealed with the first one may still be about.
    pub fn create(
        &mut self,
        name: &str,
        kind: SecretKind,
        value: &Secret<String>,
        now: i64,
    ) -> Result<SecretRef, StoreError> {
        let new = NewSecret { name: name.to_owned(), kind, value: value.clone(), public: None };
        self.create_all(std::slice::from_ref(&new), now)?;
        Ok(SecretRef { name: name.to_owned(), sha256: Some(seal::digest(value.expose())) })
    }

    /// Seals new secrets, all of them or none.
    ///
    /// The sealed files are on disk before the index names them, all at once, so a crash leaves no entry without its file
    /// and no half of a set. What it leaves are files that nobody names; see [`Unlocked::set_aside`].
    pub fn create_all(&mut self, new: &[NewSecret], now: i64) -> Result<(), StoreError> {
        let _lock = files::lock(&self.store.folder)?;
        // Another process may have written since this one read.
        let mut index = Index::read(&self.store.folder)?;
        let mut paths = Vec::new();
        for secret in new {
            let name = secret.name.clone();
            let path = files::sealed_path(&self.store.folder, &name)?;
            if index.secrets.contains_key(&name) || path.exists() {
                return Err(StoreError::Exists { name, path });
            }
            if secret.public.as_ref().is_some_and(|public| public.contains("PRIVATE KEY")) {
                return Err(StoreError::NotPublic { name });
            }
            paths.push(path);
        }
        if index.wrapping != self.store.index.wrapping {
            return Err(StoreError::WrongKey);
        }
        for (NewSecret { name, kind, value, public }, path) in new.iter().zip(paths) {
            let bound = Bound { name, public: public.as_deref() };
            files::write_new(&path, &seal::seal(&self.key, bound, value)?)?;
            let entry = Entry {
                kind: *kind,
                created: now,
                sha256: seal::digest(value.expose()),
                public: public.clone(),
                retired: None,
            };
            index.secrets.insert(name.clone(), entry);
        }
        index.write(&self.store.folder)?;
        self.store.index = index;
        Ok(())
    }

    /// Moves the sealed file of a name that the index does not know out of the way, and says where to. A run that was cut off
    /// before it wrote the index leaves such a file; nobody has used what is in it. It is kept, since an index that was put
    /// back from a backup may be the reason as well.
    pub fn set_aside(&mut self, name: &str) -> Result<Option<PathBuf>, StoreError> {
        let path = files::sealed_path(&self.store.folder, name)?;
        let _lock = files::lock(&self.store.folder)?;
        let index = Index::read(&self.store.folder)?;
        if index.secrets.contains_key(name) || !path.exists() {
            return Ok(None);
        }
        files::set_aside(&path).map(Some)
    }

    /// Marks a secret as no longer used, as [`Store::retire`] does.
    pub fn retire(&mut self, name: &str, now: i64) -> Result<(), StoreError> {
        self.store.retire(name, now)
    }
}

/// So many random bytes in base64.
pub fn random_key_base64(bytes: usize) -> Result<Secret<String>, StoreError> {
    let mut key = zeroize::Zeroizing::new(vec![0; bytes]);
    openssl::rand::rand_bytes(&mut key)
        .map_err(|source| StoreError::Crypto { attempt: "make a random key", source })?;
    Ok(Secret::new(STANDARD.encode(&*key)))
}
