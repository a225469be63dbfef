//! `harden kubeconfig`: a kubeconfig for a person, with a limited lifetime, or the sealed one for emergencies.

use super::load::{load_inventory, now, override_ssh};
use super::pki::on_node;
use super::{Error, Format, Global, keys, nodes};
use crate::error::{Chain, ExitCode, Hint};
use crate::inventory::{Inventory, NodeName, Role};
use crate::secret::Secret;
use crate::store::pki::KUBERNETES_CA;
use crate::store::{self, Store, Unlocked};
use crate::trust::{self, Credential, LAYOUT, MOST_LIFETIME, Person};
use crate::ui::{self, Output};
use clap::Args;
use std::fs::Permissions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Write a kubeconfig for a person, valid for hours or days
///
/// A client certificate for the user and groups, signed by the CA of Kubernetes: the one in the store, or where the store has
/// none the one of a control-plane node, of which the key is read into memory. What the person may do is up to RBAC. A
/// certificate cannot be revoked before it ends, hence the short lifetime. The file needs no other file, only its owner can read
/// it, and none that is there is overwritten.
///
/// `--break-glass` writes the kubeconfig for emergencies instead, which passes every rule of RBAC by and lies sealed in the store
/// until then; it is made there where it is missing or about to end.
#[derive(Debug, Clone, Args)]
pub struct Kubeconfig {
    /// Where it goes; otherwise USER.kubeconfig or break-glass.kubeconfig in the working directory
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The user, as RBAC names it
    #[arg(long, value_name = "USER", required_unless_present = "break_glass")]
    pub user: Option<String>,
    /// A group, as RBAC names it; may be given several times
    #[arg(long = "group", value_name = "GROUP")]
    pub groups: Vec<String>,
    /// How long it is valid, as 30m, 8h or 7d; at most 30d
    #[arg(long, value_name = "TIME", default_value = "8h")]
    pub ttl: Lifetime,
    /// Write the sealed kubeconfig for emergencies, whose rights nothing limits
    #[arg(long, conflicts_with_all = ["user", "groups", "ttl"])]
    pub break_glass: bool,
    /// Replace the file where it is there
    #[arg(long)]
    pub force: bool,
}

/// A lifetime in seconds, at most 30 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime(pub i64);

/// A text that is no lifetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LifetimeError {
    /// It does not look like one.
    #[error("write it as 30m, 8h or 7d")]
    Form,
    /// It is too long.
    #[error("30d is the most: the certificate cannot be revoked")]
    TooLong,
}

impl FromStr for Lifetime {
    type Err = LifetimeError;

    fn from_str(text: &str) -> Result<Self, LifetimeError> {
        let split = text.len().saturating_sub(1);
        let (number, unit) = text.split_at_checked(split).ok_or(LifetimeError::Form)?;
        let unit = match unit {
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(LifetimeError::Form),
        };
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(LifetimeError::Form);
        }
        let number: i64 = number.parse().map_err(|_| LifetimeError::TooLong)?;
        match number.checked_mul(unit) {
            Some(0) => Err(LifetimeError::Form),
            Some(seconds) if seconds <= MOST_LIFETIME => Ok(Self(seconds)),
            _ => Err(LifetimeError::TooLong),
        }
    }
}

/// Why a kubeconfig was not written.
#[derive(Debug, thiserror::Error)]
enum KubeconfigError {
    /// The file is there.
    #[error("{} is there already, and nothing is overwritten", .0.display())]
    Exists(PathBuf),
    /// It could not be written.
    #[error("write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The user's name cannot be a file's.
    #[error("`{0}` cannot be the name of a file")]
    FileName(String),
    /// No control-plane node has the CA's key.
    #[error("there is no CA to issue with: the store has none, and its key is on none of {}", names(.0))]
    NoKey(Vec<NodeName>),
}

fn names(of: &[NodeName]) -> String {
    if of.is_empty() {
        return String::from("the control-plane nodes, of which there is none");
    }
    of.iter().map(NodeName::as_str).collect::<Vec<_>>().join(", ")
}

impl Hint for KubeconfigError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Exists(_) => "name another file, or replace it with --force",
            Self::FileName(_) => "name the file: `harden kubeconfig --user USER FILE`",
            Self::NoKey(_) => {
                "`harden pki import --from FOLDER` takes the CAs over from wherever their keys are kept"
            }
            Self::Write { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

/// Issues or unseals, and writes.
pub fn run(arguments: &Kubeconfig, global: &Global, output: &Output) -> Result<ExitCode, Error> {
    let person = Person {
        user: arguments.user.clone().unwrap_or_default(),
        groups: arguments.groups.iter().cloned().collect(),
        lifetime: arguments.ttl.0,
    };
    // Before anything is asked for, opened or contacted.
    if !arguments.break_glass {
        person.check().map_err(Error::hinted)?;
    }
    let file = target(arguments, &person)?;
    let mut inventory = load_inventory(global, output)?;
    override_ssh(&mut inventory, global);
    let store = Store::open(&inventory.directory().join(store::FOLDER)).map_err(Error::hinted)?;
    let (kubeconfig, mut credential) = if arguments.break_glass {
        break_glass(&inventory, store, output)?
    } else {
        for_person(&person, &inventory, store, global, output)?
    };
    write(&file, &kubeconfig, arguments.force)?;
    credential.file = file.display().to_string();
    output.result(&match global.output {
        Format::Text if arguments.break_glass => ui::pki::written(&credential),
        Format::Text => ui::pki::credential(&credential),
        Format::Json => ui::pki::credential_json(&credential)?,
    })?;
    if arguments.break_glass {
        output.message(&ui::pki::break_glass_warning(&credential));
    }
    Ok(ExitCode::Success)
}

fn for_person(
    person: &Person,
    inventory: &Inventory,
    store: Store,
    global: &Global,
    output: &Output,
) -> Result<(Secret<String>, Credential), Error> {
    let (authority, key) = match store.pair(KUBERNETES_CA).map_err(Error::hinted)? {
        Some(pair) => {
            let unlocked = unlock(store, output)?;
            (pair.public, unlocked.get(KUBERNETES_CA).map_err(Error::hinted)?)
        }
        None => on_a_control_plane(inventory, global, output)?,
    };
    trust::issue_kubeconfig(person, inventory, &authority, &key, now()).map_err(Error::hinted)
}

fn break_glass(
    inventory: &Inventory,
    store: Store,
    output: &Output,
) -> Result<(Secret<String>, Credential), Error> {
    // Without its CA there is nothing to open the store for.
    if store.pair(KUBERNETES_CA).map_err(Error::hinted)?.is_none() {
        let user = String::from("break-glass");
        return Err(Error::hinted(trust::TrustError::NoAuthority { user }));
    }
    let mut unlocked = unlock(store, output)?;
    let found = trust::ensure_break_glass(&mut unlocked, inventory, now()).map_err(Error::hinted)?;
    let kubeconfig = unlocked.get(&found.secret.name).map_err(Error::hinted)?;
    Ok((kubeconfig, found.credential))
}

fn unlock(store: Store, output: &Output) -> Result<Unlocked, Error> {
    let source = keys::store_key(&store, output)?;
    store.unlock(&source).map_err(Error::hinted)
}

/// The CA of Kubernetes from the first control-plane node that has its key.
fn on_a_control_plane(
    inventory: &Inventory,
    global: &Global,
    output: &Output,
) -> Result<(String, Secret<String>), Error> {
    let limit = nodes::limited(inventory, global)?;
    let access = keys::access(global, output)?;
    let places: Vec<_> = LAYOUT.into_iter().filter(|place| place.name == KUBERNETES_CA).collect();
    let (mut asked, mut last) = (Vec::new(), None);
    for node in inventory.with_role(Role::ControlPlane).filter(|node| limit.contains(&node.name)) {
        asked.push(node.name.clone());
        match on_node(node, &access, &places) {
            Ok(found) => {
                for found in found {
                    if let (Some(public), Some(key)) = (found.public, found.key) {
                        return Ok((public, key));
                    }
                }
            }
            Err(error) => {
                if let Some(error) = last.replace(error) {
                    output.message(&format!("{}\n", Chain(&error)));
                }
            }
        }
    }
    Err(last.unwrap_or_else(|| Error::hinted(KubeconfigError::NoKey(asked))))
}

/// Where it goes. What is there is seen before anything else happens.
fn target(arguments: &Kubeconfig, person: &Person) -> Result<PathBuf, Error> {
    let file = match &arguments.file {
        Some(file) => file.clone(),
        None if arguments.break_glass => PathBuf::from("break-glass.kubeconfig"),
        None => {
            let user = &person.user;
            let known = |c: char| c.is_alphanumeric() || "._@:+-".contains(c);
            if !user.starts_with(char::is_alphanumeric) || !user.chars().all(known) {
                return Err(Error::hinted(KubeconfigError::FileName(user.clone())));
            }
            PathBuf::from(format!("{user}.kubeconfig"))
        }
    };
    if !arguments.force && file.symlink_metadata().is_ok() {
        return Err(Error::hinted(KubeconfigError::Exists(file)));
    }
    Ok(file)
}

/// Writes the file as a whole or not at all, for its owner alone.
fn write(path: &Path, content: &Secret<String>, replace: bool) -> Result<(), Error> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let attempt = || {
        let mut file = tempfile::Builder::new()
            .prefix(".kubeconfig-")
            .permissions(Permissions::from_mode(0o600))
            .tempfile_in(folder)?;
        file.write_all(content.expose().as_bytes())?;
        file.as_file().sync_all()?;
        if replace {
            file.persist(path)?
        } else {
            file.persist_noclobber(path)?
        };
        Ok(())
    };
    attempt().map_err(|source: std::io::Error| match source.kind() {
        ErrorKind::AlreadyExists => Error::hinted(KubeconfigError::Exists(path.to_owned())),
        _ => Error::hinted(KubeconfigError::Write { path: path.to_owned(), source }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_read() {
        for (text, seconds) in
            [("30m", 1_800), ("8h", 28_800), ("30d", MOST_LIFETIME), ("720h", MOST_LIFETIME)]
        {
            assert_eq!(text.parse(), Ok(Lifetime(seconds)));
        }
        for text in ["", "8", "h", "0h", "-1h", "+1h", "1.5h", "8 h", "8w", "8hours", "8ü", "٣h"] {
            assert_eq!(text.parse::<Lifetime>(), Err(LifetimeError::Form), "{text}");
        }
        for text in ["31d", "721h", "99999999999999999999h", "9223372036854775807d"] {
            assert_eq!(text.parse::<Lifetime>(), Err(LifetimeError::TooLong), "{text}");
        }
    }
}
