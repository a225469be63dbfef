//! Secrets that come from a person or the environment: the sudo password, passphrases of SSH keys, and what opens the
//! store. They are taken from files, systemd credentials and prompts only, never from a flag.

use super::{Error, Global};
use crate::error::Hint;
use crate::remote::Access;
use crate::resource::SecretRef;
use crate::secret::Secret;
use crate::store::{KeySource, SecretKind, Store};
use crate::ui::{self, Output};
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

/// The store's key as a systemd credential, below `$CREDENTIALS_DIRECTORY`.
const CREDENTIAL: &str = "harden-key";

/// Why a secret could not be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyError {
    /// A file could not be read.
    #[error("read the {what} {}", path.display())]
    Read {
        /// What is in it.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is nobody to ask for the store's key.
    #[error(
        "the store's key is needed, and there is neither HARDEN_KEY_FILE nor a terminal to ask for a passphrase"
    )]
    NoStoreKey,
    /// The two answers for a new passphrase differ.
    #[error("the two passphrases differ")]
    Different,
}

impl Hint for KeyError {
    fn hint(&self) -> Option<String> {
        matches!(self, Self::NoStoreKey).then(|| {
            String::from("make a key with `openssl rand -hex 32 > KEYFILE`, keep it outside the repository, and set HARDEN_KEY_FILE=KEYFILE")
        })
    }
}

/// The directory that `~` means.
pub(super) fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
}

/// What a run brings to its connections.
pub(super) fn access(global: &Global, output: &Output) -> Result<Access, Error> {
    let mut access = Access::from_environment();
    if let Some(path) = &global.become_password_file {
        let password = read(path)?;
        access =
            access.with_become_password(Secret::new(password.expose().trim_end_matches('\n').to_owned()));
    } else if global.ask_become_pass {
        access = access.with_become_password(ui::password(output, "sudo password")?);
    }
    if io::stdin().is_terminal() {
        let output = output.clone();
        access =
            access.with_passphrases(move |key| ui::password(&output, &format!("passphrase for {key}")).ok());
    }
    Ok(access)
}

/// What opens the store. A new store's passphrase is asked for twice.
pub(super) fn store_key(store: &Store, output: &Output) -> Result<KeySource, Error> {
    let file = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let credential =
        file("CREDENTIALS_DIRECTORY").map(|folder| folder.join(CREDENTIAL)).filter(|path| path.exists());
    if let Some(path) = file("HARDEN_KEY_FILE").or(credential) {
        let what = "store's key file";
        let bytes =
            std::fs::read(&path).map_err(|source| Error::new(KeyError::Read { what, path, source }))?;
        return Ok(KeySource::KeyFile(Secret::new(bytes)));
    }
    if !io::stdin().is_terminal() {
        return Err(Error::hinted(KeyError::NoStoreKey));
    }
    let passphrase = ui::password(output, "passphrase of the store")?;
    if store.is_empty() {
        let again = ui::password(output, "the same passphrase again")?;
        if passphrase.expose() != again.expose() {
            return Err(Error::new(KeyError::Different));
        }
    }
    Ok(KeySource::Passphrase(passphrase))
}

/// The key that values are, or will be, encrypted with: the newest of the store, or a new one. Its name is stored with
/// every value and never used twice, so it carries the day and, where the store has that name already, a number.
pub(super) fn encryption_key(store: &Store, now: i64) -> SecretRef {
    let keys = store
        .entries()
        .iter()
        .filter(|(_, entry)| entry.kind == SecretKind::EncryptionKey && entry.retired.is_none());
    if let Some(newest) =
        keys.max_by_key(|(_, entry)| entry.created).and_then(|(name, _)| store.secret_ref(name))
    {
        return newest;
    }
    let day = jiff::Timestamp::from_second(now).unwrap_or_default().strftime("%Y%m%d").to_string();
    let names = (1..).map(|number| match number {
        1 => format!("encryption/key-{day}"),
        _ => format!("encryption/key-{day}-{number}"),
    });
    let name = names.into_iter().find(|name| store.secret_ref(name).is_none()).unwrap_or_default();
    SecretRef { name, sha256: None }
}

fn read(path: &Path) -> Result<Secret<String>, Error> {
    std::fs::read_to_string(path)
        .map(Secret::new)
        .map_err(|source| Error::new(KeyError::Read { what: "sudo password", path: path.to_owned(), source }))
}
