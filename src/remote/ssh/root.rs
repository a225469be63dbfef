//! How a script gets root's rights on a node. A password goes to sudo on standard input, never into a command line.

use super::super::capture::{last_words, nonce};
use super::super::{Access, RemoteError};
use super::exec::{Finished, Interrupted, exec};
use super::wire::Wire;
use crate::inventory::{Become, SshSettings};
use crate::secret::Secret;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// sudo may wait for a directory service before it answers.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a script gets root's rights.
pub(super) enum Root {
    /// The login user is root.
    Login,
    /// By sudo without a password.
    Sudo,
    /// By sudo with a password.
    SudoWithPassword(Secret<String>),
}

impl Root {
    /// The command that reads a script from standard input and runs it as root.
    ///
    /// It names a POSIX shell, so that the login shell does not matter. `-k` makes sudo ask even where it remembers the
    /// user: otherwise the password's line would be left for the shell to run.
    pub(super) fn command(&self) -> &'static str {
        match self {
            Self::Login => "/bin/sh -s",
            Self::Sudo => "sudo -n -- /bin/sh -s",
            Self::SudoWithPassword(_) => "sudo -k -S -p '' -- /bin/sh -s",
        }
    }

    /// What is written to the command: the script, behind the password where there is one.
    pub(super) fn input(&self, script: &str) -> Zeroizing<Vec<u8>> {
        let mut input = Zeroizing::new(Vec::with_capacity(script.len() + 1));
        if let Self::SudoWithPassword(password) = self {
            input.extend_from_slice(password.expose().as_bytes());
            input.push(b'\n');
        }
        input.extend_from_slice(script.as_bytes());
        input
    }

    /// Finds the way that works, or says in sudo's words why none does.
    pub(super) fn find(wire: &Wire, settings: &SshSettings, access: &Access) -> Result<Self, RemoteError> {
        if settings.r#become == Become::None && settings.user == "root" {
            return Ok(Self::Login);
        }
        let plain = if settings.r#become == Become::Sudo { Self::Sudo } else { Self::Login };
        let marker = nonce().map_err(|source| RemoteError::Protocol {
            attempt: String::from("draw random bytes"),
            source: Box::new(source),
        })?;
        let check = Check { wire, settings };
        let script = format!("printf '%s %s\\n' {marker} \"$(id -u)\"\n");
        let answer = check.run(&plain, &script)?;
        let text = String::from_utf8_lossy(&answer.stdout);
        let id = text.lines().find_map(|line| line.strip_prefix(&marker)).map(str::trim);
        match (id, access.become_password()) {
            (Some("0"), _) => Ok(plain),
            (Some(id), _) => Err(check.failed(format!("the script would run as user {id}"))),
            (None, Some(password)) if settings.r#become == Become::Sudo => check.password(password),
            (None, _) => Err(check.failed(words(&answer))),
        }
    }
}

struct Check<'a> {
    wire: &'a Wire,
    settings: &'a SshSettings,
}

impl Check<'_> {
    /// Only the password goes in: sudo would take the lines of a script for further guesses, and lock the account.
    fn password(&self, password: &Secret<String>) -> Result<Root, RemoteError> {
        let root = Root::SudoWithPassword(password.clone());
        let answer = self.run(&root, "")?;
        if answer.status == 0 && answer.signal.is_none() {
            return Ok(root);
        }
        Err(self.failed(words(&answer)))
    }

    fn run(&self, root: &Root, script: &str) -> Result<Finished, RemoteError> {
        let input = root.input(script);
        exec(self.wire, root.command(), &input, Instant::now() + PATIENCE, |_| false).map_err(|error| {
            let reason = match error {
                Interrupted::NotStarted(stall) => stall.to_string(),
                Interrupted::Late => format!("no answer within {} s", PATIENCE.as_secs()),
                Interrupted::Cut(error) => error.to_string(),
            };
            self.failed(reason)
        })
    }

    fn failed(&self, reason: String) -> RemoteError {
        RemoteError::Become { host: self.settings.host.clone(), user: self.settings.user.clone(), reason }
    }
}

fn words(answer: &Finished) -> String {
    let words = last_words(&answer.stderr);
    if words.is_empty() { format!("ended with status {} without a word", answer.status) } else { words }
}
