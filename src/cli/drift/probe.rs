//! `harden drift --print-probe`: what makes a key fit for drift checks and for nothing else. The probe to install on the nodes,
//! the line of `authorized_keys`, the rule for sudo. It talks to no node.

use super::gather::Check;
use crate::cli::{Error, Format, Global};
use crate::error::{ExitCode, Hint};
use crate::inventory::{Node, NodeName};
use crate::remote::installed;
use crate::ui::Output;
use clap::Args;
use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Stands for the key where none is given.
const PLACEHOLDER: &str = "ssh-ed25519 THE-PUBLIC-KEY-OF-THE-DRIFT-CHECK";

/// The types of keys that OpenSSH takes, by the first word of their lines.
const KEY_TYPES: [&str; 4] = ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp", "sk-"];

/// What of a locked key is to be printed.
#[derive(Debug, Clone, Default, Args)]
pub struct PrintProbe {
    /// Print the probe to install on the nodes, and what locks an SSH key to it; talks to no node
    #[arg(long)]
    pub print_probe: bool,

    /// The public key to lock
    #[arg(long, value_name = "FILE", requires = "print_probe")]
    pub key: Option<PathBuf>,

    /// Write the probe, authorized_keys and sudoers into this directory instead
    #[arg(long, value_name = "DIR", requires = "print_probe")]
    pub out: Option<PathBuf>,
}

/// Why there is nothing to print.
#[derive(Debug, thiserror::Error)]
enum ProbeError {
    /// Several probes were asked for at once.
    #[error("these nodes are read with {} different probes", .0.len())]
    Several(Vec<Vec<NodeName>>),
    /// No node was asked for.
    #[error("no node is selected")]
    Nobody,
    /// The key could not be read.
    #[error("read the public key {}", path.display())]
    ReadKey { path: PathBuf, source: io::Error },
    /// The file holds no public key. Its text is not quoted: it may be a private one.
    #[error("{} is no public key of one line", path.display())]
    Key { path: PathBuf },
    /// A file could not be written.
    #[error("write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl Hint for ProbeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Several(groups) => {
                let limits = groups.iter().map(|group| format!("--limit {}", names(group)));
                Some(format!("print one after the other: {}", limits.collect::<Vec<_>>().join("; ")))
            }
            Self::Key { .. } => Some(String::from("name the file that ends in .pub")),
            _ => None,
        }
    }
}

/// One file of what locks a key.
struct Part {
    name: &'static str,
    mode: u32,
    text: String,
}

/// Prints what locks a key, for the selected nodes.
pub(super) fn print(
    arguments: &PrintProbe,
    check: &Check<'_>,
    global: &Global,
    output: &Output,
) -> Result<ExitCode, Error> {
    let key = arguments.key.as_deref().map(public_key).transpose().map_err(Error::hinted)?;
    let inventory = &check.pipeline.inventory;
    let selected = |node: &&Node| check.pipeline.limit.contains(&node.name);
    let mut groups: Vec<(String, Vec<NodeName>)> = Vec::new();
    for node in inventory.nodes.iter().filter(selected) {
        let script = installed::script(&[check.probe(node)?]);
        match groups.iter_mut().find(|(other, _)| *other == script) {
            Some((_, group)) => group.push(node.name.clone()),
            None => groups.push((script, vec![node.name.clone()])),
        }
    }
    let (script, group) = match (groups.pop(), groups.len()) {
        (None, _) => return Err(Error::hinted(ProbeError::Nobody)),
        (Some(only), 0) => only,
        (Some(last), _) => {
            let groups = groups.into_iter().chain([last]).map(|(_, group)| group).collect();
            return Err(Error::hinted(ProbeError::Several(groups)));
        }
    };
    let parts = parts(script, inventory.drift.locked_user(), key.as_deref().unwrap_or(PLACEHOLDER));
    match &arguments.out {
        Some(directory) => {
            write(directory, &parts).map_err(Error::hinted)?;
            output.message(&format!(
                "Written to {}: what locks a key on {}.\n",
                directory.display(),
                names(&group)
            ));
        }
        None => {
            output.result(&match global.output {
                Format::Text => text(&parts, &group),
                Format::Json => json(&parts, &group)?,
            })?;
        }
    }
    if inventory.drift.locked_key.is_none() {
        output.message("For `harden drift` to use the key, the inventory needs [drift.locked-key].\n");
    }
    Ok(ExitCode::Success)
}

fn parts(script: String, user: &str, key: &str) -> [Part; 3] {
    let filled =
        |text: &str| text.replace("@PATH@", installed::PATH).replace("@USER@", user).replace("@KEY@", key);
    [
        Part { name: "harden-drift-probe", mode: 0o755, text: script },
        Part { name: "authorized_keys", mode: 0o644, text: filled(include_str!("authorized_keys.txt")) },
        Part { name: "sudoers", mode: 0o440, text: filled(include_str!("sudoers.txt")) },
    ]
}

/// The parts one below the other, each behind a line that says what it is.
fn text(parts: &[Part], group: &[NodeName]) -> String {
    let mut text = format!(
        "# What locks an SSH key to the probe of `harden drift`, for {}: three files, as `--out DIR` writes them.\n\
         # The first belongs to root and is installed as {}, mode 0755.\n",
        names(group),
        installed::PATH
    );
    for part in parts {
        let _ = write!(text, "\n#----- {} (mode {:04o}) -----\n{}", part.name, part.mode, part.text);
    }
    text
}

fn json(parts: &[Part], group: &[NodeName]) -> Result<String, serde_json::Error> {
    let files = parts.iter().map(|part| (part.name, part.text.as_str()));
    let document = serde_json::json!({
        "format_version": "1",
        "nodes": group,
        "path": installed::PATH,
        "files": files.collect::<std::collections::BTreeMap<_, _>>(),
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn write(directory: &Path, parts: &[Part]) -> Result<(), ProbeError> {
    let failed = |path: &Path, source| ProbeError::Write { path: path.to_owned(), source };
    fs::create_dir_all(directory).map_err(|source| failed(directory, source))?;
    for part in parts {
        let path = directory.join(part.name);
        // Removed first: an earlier one may be read-only, or a link to somewhere else.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&path, error)),
            _ => {}
        }
        fs::write(&path, &part.text).map_err(|source| failed(&path, source))?;
        fs::set_permissions(&path, Permissions::from_mode(part.mode))
            .map_err(|source| failed(&path, source))?;
    }
    Ok(())
}

/// The line of a public key. Anything else in the file, options above all, would undo what locks it.
fn public_key(path: &Path) -> Result<String, ProbeError> {
    let text =
        fs::read_to_string(path).map_err(|source| ProbeError::ReadKey { path: path.to_owned(), source })?;
    let line = text.trim();
    let mut words = line.split(' ');
    let (kind, key) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let is_known = KEY_TYPES.iter().any(|known| kind.starts_with(known));
    let is_base64 =
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
    if is_known && is_base64 && !line.chars().any(char::is_control) {
        Ok(line.to_owned())
    } else {
        Err(ProbeError::Key { path: path.to_owned() })
    }
}

fn names(group: &[NodeName]) -> String {
    group.iter().map(NodeName::as_str).collect::<Vec<_>>().join(",")
}
