//! What belongs to the host beneath Kubernetes: system users, and what the node itself has to say to a resource.

use super::NodePath;
use serde::{Deserialize, Serialize};

/// A system user that cannot log in and has no home, and the group of the same name. One that exists is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSpec {
    /// The user's name, and the group's.
    pub name: String,
}

/// What the node itself has to say to a resource, and to do about it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OnNode {
    /// It is managed only on nodes where all of these exist.
    pub only_where: Vec<NodePath>,
    /// It is managed only on nodes where none of these exists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only_without: Vec<NodePath>,
    /// What must stand in another file, or it would have no effect.
    pub included_by: Option<Inclusion>,
    /// The command that must accept the new file before anything is changed; `{staged}` in it is the file's path by then.
    pub validate: Vec<String>,
    /// The command that makes the new file effective; run again when the old one is put back.
    pub activate: Vec<String>,
}

impl OnNode {
    /// Whether the node has nothing to say and to do.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A line of one file that makes another one count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inclusion {
    /// The file that must have the line.
    pub path: NodePath,
    /// The line's words; further words may stand between and after them.
    pub line: String,
}

impl Inclusion {
    /// Whether a text has the line.
    pub fn is_in(&self, text: &str) -> bool {
        text.lines().any(|line| {
            let mut found = line.split_whitespace();
            let mut wanted = self.line.split_whitespace();
            // Keywords are written in any case, paths are not.
            match (wanted.next(), found.next()) {
                (Some(wanted), Some(found)) if found.eq_ignore_ascii_case(wanted) => {}
                _ => return false,
            }
            wanted.all(|word| found.any(|other| other == word))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_by_its_words() {
        let inclusion = Inclusion {
            path: "/etc/ssh/sshd_config".parse().unwrap(),
            line: String::from("Include /etc/ssh/sshd_config.d/*.conf"),
        };
        for has in [
            "Include /etc/ssh/sshd_config.d/*.conf\n",
            "Port 22\n  include\t/etc/x /etc/ssh/sshd_config.d/*.conf\n",
        ] {
            assert!(inclusion.is_in(has), "{has}");
        }
        for lacks in
            ["", "# Include /etc/ssh/sshd_config.d/*.conf\n", "Include /etc/ssh/sshd_config.d/*.CONF\n"]
        {
            assert!(!inclusion.is_in(lacks), "{lacks}");
        }
    }
}
