//! Files: paths on a node, modes, owners, and the specs that speak of nothing else.

use super::Content;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An absolute path on a node. It is text, not a `PathBuf`: it is never resolved on the machine that runs harden.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct NodePath(String);

impl NodePath {
    /// The path as text; it begins with a slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The directory that holds it; `/` for the root itself.
    pub fn parent(&self) -> &str {
        match self.0.rfind('/') {
            None | Some(0) => "/",
            Some(end) => &self.0[..end],
        }
    }

    /// The last part.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

impl fmt::Display for NodePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<NodePath> for String {
    fn from(path: NodePath) -> Self {
        path.0
    }
}

/// A text is not a path on a node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an absolute path without `.`, `..`, doubled slashes and control characters")]
pub struct NodePathError(String);

impl FromStr for NodePath {
    type Err = NodePathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let sound = text.starts_with('/')
            && !text.chars().any(char::is_control)
            && (text == "/" || text[1..].split('/').all(|part| !matches!(part, "" | "." | "..")));
        if sound { Ok(Self(text.to_owned())) } else { Err(NodePathError(text.to_owned())) }
    }
}

impl TryFrom<String> for NodePath {
    type Error = NodePathError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// Permission bits, printed and parsed in octal with four digits: `0600`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Mode(pub u32);

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl fmt::Debug for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mode({self})")
    }
}

impl From<Mode> for String {
    fn from(mode: Mode) -> Self {
        mode.to_string()
    }
}

/// A text is not a mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a mode; it is written in octal, `0600`")]
pub struct ModeError(String);

impl FromStr for Mode {
    type Err = ModeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match u32::from_str_radix(text, 8) {
            Ok(bits) if bits <= 0o7777 && (3..=5).contains(&text.len()) => Ok(Self(bits)),
            _ => Err(ModeError(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Mode {
    type Error = ModeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// Who owns a file and what others may do with it. The mode is always said: a default would one day apply to a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// The owner's name.
    pub owner: String,
    /// The group's name.
    pub group: String,
    /// The exact permission bits.
    pub mode: Mode,
}

/// A whole file that is ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSpec {
    /// Where.
    pub path: NodePath,
    /// Owner, group and mode.
    pub ownership: Ownership,
    /// Mode of directories that have to be made for it; their owner is root.
    pub directory_mode: Mode,
    /// What is in it.
    pub content: Content,
    /// YAML keys whose values are secret (`secret`): the probe replaces each by its SHA-256 before it leaves the
    /// node. Empty for a file without secrets, and for one that is a secret as a whole: of that only its digest is known.
    pub sensitive_keys: Vec<String>,
    /// What becomes of a file that is there already with another content.
    #[serde(default, skip_serializing_if = "Existing::is_replaced")]
    pub existing: Existing,
}

/// What becomes of a file that is there already with another content than the wanted one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Existing {
    /// It is replaced.
    #[default]
    Replaced,
    /// Its content stays: it was only to be there.
    Kept,
    /// It must not be replaced and cannot stay: nothing is planned for its node. The text says what such a file means.
    Refused(String),
}

impl Existing {
    fn is_replaced(&self) -> bool {
        *self == Self::Replaced
    }
}

/// Owner and mode of files that somebody else writes. A path that does not exist is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributesSpec {
    /// A path whose last parts may hold the shell's `*` and `?`, `/etc/kubernetes/pki/*.key`.
    pub pattern: String,
    /// Owner; `None` leaves it alone.
    pub owner: Option<String>,
    /// Group; `None` leaves it alone.
    pub group: Option<String>,
    /// Owner and group change only where this is the owner now: another one was chosen by somebody whose program may have
    /// no other right to its files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_from_owner: Option<String>,
    /// The most that may be allowed: a stricter mode stays. `None` leaves it alone.
    pub mode: Option<Mode>,
}

/// A file that must not be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AbsentSpec {
    /// Where.
    pub path: NodePath,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_absolute_and_plain() {
        for good in ["/", "/etc/kubernetes/pki/etcd/server.crt", "/a b"] {
            assert!(good.parse::<NodePath>().is_ok(), "{good}");
        }
        for bad in ["", "etc", "/etc/../shadow", "/etc//x", "/etc/", "/a\nb", "/."] {
            assert!(bad.parse::<NodePath>().is_err(), "{bad:?}");
        }
        let path: NodePath = "/etc/x".parse().unwrap();
        assert_eq!((path.parent(), path.file_name()), ("/etc", "x"));
        let top: NodePath = "/x".parse().unwrap();
        assert_eq!(top.parent(), "/");
    }

    #[test]
    fn modes_are_octal() {
        assert_eq!("0600".parse::<Mode>().unwrap(), Mode(0o600));
        assert_eq!("600".parse::<Mode>().unwrap().to_string(), "0600");
        assert!("0o600".parse::<Mode>().is_err());
        assert!("rw".parse::<Mode>().is_err());
        assert!("99999".parse::<Mode>().is_err());
    }
}
