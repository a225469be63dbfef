//! Logging in by public key: the agent, key files, OpenSSH certificates. It never tries a password.

use super::super::keys::{self, KeyFile};
use super::super::{Access, RemoteError};
use super::wire::{Stall, Wire};
use crate::inventory::SshSettings;
use crate::secret::Secret;
use ssh2::{Agent, ErrorCode, PublicKey};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// A server gives up after six attempts (sshd's `MaxAuthTries`); an agent full of keys must leave one for a file.
const MOST_AGENT_KEYS: usize = 5;

/// libssh2's error codes of a refusal: `AUTHENTICATION_FAILED`, `PUBLICKEY_UNVERIFIED`.
const REFUSALS: &[ErrorCode] = &[ErrorCode::Session(-18), ErrorCode::Session(-19)];

/// Logs in, or says what was tried and what the server allows.
pub(super) fn log_in(
    wire: &Wire,
    settings: &SshSettings,
    access: &Access,
    until: Instant,
) -> Result<(), RemoteError> {
    let mut login = Login { wire, settings, access, until, tried: Vec::new(), offered: Vec::new() };
    let done = match &settings.identity_file {
        Some(path) => login.with_identity(path)?,
        None => login.with_agent(None)? || login.with_usual_keys()?,
    };
    if done { Ok(()) } else { Err(login.refused()) }
}

struct Login<'a> {
    wire: &'a Wire,
    settings: &'a SshSettings,
    access: &'a Access,
    until: Instant,
    /// What was tried, in words.
    tried: Vec<String>,
    /// The public keys that were offered.
    offered: Vec<Vec<u8>>,
}

/// A private key file and what lies beside it.
struct Identity {
    path: PathBuf,
    text: Zeroizing<String>,
    encrypted: bool,
    public: Option<Vec<u8>>,
    /// The text of an OpenSSH certificate.
    certificate: Option<String>,
}

impl Login<'_> {
    /// With that identity and no other: through the agent when it holds it, since then there is nothing to ask for.
    fn with_identity(&mut self, path: &Path) -> Result<bool, RemoteError> {
        let identity = read_identity(path)?;
        let certificate = identity.certificate.as_deref().and_then(keys::public);
        for key in certificate.iter().chain(&identity.public) {
            if self.with_agent(Some(key))? {
                return Ok(true);
            }
        }
        self.with_file(&identity)
    }

    fn with_usual_keys(&mut self) -> Result<bool, RemoteError> {
        for path in self.access.usual_keys().into_iter().filter(|path| path.exists()) {
            let identity = read_identity(&path)?;
            let offered = identity.public.as_ref().is_some_and(|key| self.offered.contains(key));
            if !(offered && identity.certificate.is_none()) && self.with_file(&identity)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// With the agent's identities one by one, or with one of them only.
    fn with_agent(&mut self, only: Option<&Vec<u8>>) -> Result<bool, RemoteError> {
        let Some(socket) = self.access.agent() else { return Ok(false) };
        let (mut agent, identities) = match open_agent(self.wire, socket) {
            Ok(opened) => opened,
            Err(error) => {
                self.tried.push(format!("the agent at {} ({})", socket.display(), error.message()));
                return Ok(false);
            }
        };
        let chosen = identities.iter().filter(|key| only.is_none_or(|only| key.blob() == only.as_slice()));
        let mut done = false;
        for key in chosen.take(MOST_AGENT_KEYS) {
            self.offered.push(key.blob().to_vec());
            let what = format!("agent key {}", key.comment());
            done = self.attempt(what, || agent.userauth(&self.settings.user, key))?;
            if done {
                break;
            }
        }
        let _ = agent.disconnect();
        Ok(done)
    }

    fn with_file(&mut self, identity: &Identity) -> Result<bool, RemoteError> {
        let what = identity.path.display().to_string();
        let passphrase: Option<Secret<String>> = if identity.encrypted {
            // The time that a human takes is not the server's.
            let asked = Instant::now();
            let answer = self.access.passphrase(&identity.path);
            self.until += asked.elapsed();
            if answer.is_none() {
                self.tried.push(format!("{what} (it is encrypted and there is no passphrase)"));
                return Ok(false);
            }
            answer
        } else {
            None
        };
        let session = self.wire.session();
        let user = &self.settings.user;
        let passphrase = passphrase.as_ref().map(|passphrase| passphrase.expose().as_str());
        let certificate = identity.certificate.as_deref();
        self.attempt(what, || session.userauth_pubkey_memory(user, certificate, &identity.text, passphrase))
    }

    /// One attempt; true when it logged in. An error is one that leaves nothing more to try.
    fn attempt(
        &mut self,
        what: String,
        operation: impl FnMut() -> Result<(), ssh2::Error>,
    ) -> Result<bool, RemoteError> {
        match self.wire.retry(self.until, operation) {
            Ok(()) => Ok(self.wire.session().authenticated()),
            Err(Stall::Ssh(error)) if REFUSALS.contains(&error.code()) => {
                self.tried.push(what);
                Ok(false)
            }
            // LIBSSH2_ERROR_FILE: the private key could not be used, which a wrong passphrase looks like.
            Err(Stall::Ssh(error)) if error.code() == ErrorCode::Session(-16) => {
                self.tried.push(format!("{what} (wrong passphrase or unsupported key)"));
                Ok(false)
            }
            Err(Stall::Ssh(_)) if self.wire.socket().has_ended() => {
                self.tried.push(format!("{what} (the server closed the connection)"));
                Err(self.refused())
            }
            Err(stall) => {
                let attempt =
                    format!("log in to {} as {} with {what}", self.settings.host, self.settings.user);
                Err(RemoteError::Protocol { attempt, source: Box::new(stall) })
            }
        }
    }

    fn refused(&self) -> RemoteError {
        let tried = match self.tried.as_slice() {
            [] => String::from("there was no key to try"),
            tried => format!("tried {}", tried.join(", ")),
        };
        // Only asked for a message; bounded, since the server may have gone.
        let until = self.until.min(Instant::now() + Duration::from_secs(2));
        let session = self.wire.session();
        let allowed = self.wire.retry(until, || session.auth_methods(&self.settings.user));
        let allowed = match allowed {
            Ok(methods) if !methods.is_empty() => format!("; the server allows {methods}"),
            _ => String::new(),
        };
        RemoteError::Authentication {
            host: self.settings.host.clone(),
            user: self.settings.user.clone(),
            reason: format!("{tried}{allowed}"),
        }
    }
}

fn open_agent(wire: &Wire, socket: &Path) -> Result<(Agent, Vec<PublicKey>), ssh2::Error> {
    let mut agent = wire.session().agent()?;
    agent.set_identity_path(socket)?;
    agent.connect()?;
    agent.list_identities()?;
    let identities = agent.identities()?;
    Ok((agent, identities))
}

fn read_identity(path: &Path) -> Result<Identity, RemoteError> {
    let failed = |source| RemoteError::LocalFile { path: path.to_owned(), source };
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(failed)?);
    let KeyFile::Private { encrypted, public } = keys::inspect(&text) else {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidData, "it is not a private key")));
    };
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        std::fs::read_to_string(name).ok()
    };
    Ok(Identity {
        path: path.to_owned(),
        text,
        encrypted,
        public: public.or_else(|| beside(".pub").as_deref().and_then(keys::public)),
        certificate: beside("-cert.pub"),
    })
}
