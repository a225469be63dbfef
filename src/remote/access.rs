//! What a run brings to all its connections: the become password, passphrases, the agent, and the bastions and
//! known-hosts files that nodes share. The host key policy is strict and has no setting.

use super::known_files::KnownFiles;
use super::ssh::Bastions;
use crate::secret::Secret;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Asks for the passphrase of a key; `None` when there is nobody to ask or no answer.
type Ask = dyn Fn(&str) -> Option<Secret<String>> + Send + Sync;

/// What a run brings to all its connections. A clone shares the bastions, the passphrases and the
/// known hosts.
#[derive(Clone, Default)]
pub struct Access {
    become_password: Option<Secret<String>>,
    agent: Option<PathBuf>,
    home: Option<PathBuf>,
    passphrases: Arc<Passphrases>,
    bastions: Arc<Bastions>,
    known_files: Arc<KnownFiles>,
}

#[derive(Default)]
struct Passphrases {
    ask: Option<Box<Ask>>,
    answers: Mutex<BTreeMap<PathBuf, Option<Secret<String>>>>,
}

impl Access {
    /// Takes the SSH agent from `SSH_AUTH_SOCK` and the usual key files from `HOME`. The default has neither.
    pub fn from_environment() -> Self {
        let path = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self { agent: path("SSH_AUTH_SOCK"), home: path("HOME"), ..Self::default() }
    }

    /// With a password for sudo, for nodes where it asks for one.
    #[must_use]
    pub fn with_become_password(mut self, password: Secret<String>) -> Self {
        self.become_password = Some(password);
        self
    }

    /// With somebody to ask for the passphrase of an encrypted key; the argument is the path of the key. Each key is asked
    /// for at most once in a run, and never two at a time.
    #[must_use]
    pub fn with_passphrases(
        mut self,
        ask: impl Fn(&str) -> Option<Secret<String>> + Send + Sync + 'static,
    ) -> Self {
        self.passphrases = Arc::new(Passphrases { ask: Some(Box::new(ask)), answers: Mutex::default() });
        self
    }

    /// With the agent that listens on this socket.
    #[must_use]
    pub fn with_agent(mut self, socket: impl Into<PathBuf>) -> Self {
        self.agent = Some(socket.into());
        self
    }

    /// With the home directory whose `.ssh` holds the usual keys.
    #[must_use]
    pub fn with_home(mut self, home: impl Into<PathBuf>) -> Self {
        self.home = Some(home.into());
        self
    }

    pub(super) fn become_password(&self) -> Option<&Secret<String>> {
        self.become_password.as_ref()
    }

    pub(super) fn agent(&self) -> Option<&Path> {
        self.agent.as_deref()
    }

    /// The usual key files, in the order in which they are tried; not all exist.
    pub(super) fn usual_keys(&self) -> Vec<PathBuf> {
        let Some(home) = &self.home else { return Vec::new() };
        ["id_ed25519", "id_ecdsa", "id_rsa"].map(|name| home.join(".ssh").join(name)).into()
    }

    pub(super) fn passphrase(&self, key: &Path) -> Option<Secret<String>> {
        let ask = self.passphrases.ask.as_ref()?;
        // Held while asking: a second node that needs the same key waits for the answer instead of asking again.
        let mut answers = self.passphrases.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.entry(key.to_owned()).or_insert_with(|| ask(&key.to_string_lossy())).clone()
    }

    pub(super) fn known_files(&self) -> &KnownFiles {
        &self.known_files
    }

    pub(super) fn bastions(&self) -> &Bastions {
        &self.bastions
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("agent", &self.agent).field("home", &self.home).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_passphrase_is_asked_for_once() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let access = Access::default().with_passphrases(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
            None
        });
        assert!(access.passphrase(Path::new("a")).is_none());
        assert!(access.clone().passphrase(Path::new("a")).is_none());
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        assert!(access.passphrase(Path::new("b")).is_none());
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }
}
