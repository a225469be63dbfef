//! `harden hostkeys`: all unknown host keys in one table, recorded after one yes.

use super::{Error, Global, keys, load};
use crate::error::{Chain, ExitCode};
use crate::inventory::{Connection, Inventory};
use crate::remote::hostkeys::{KeyState, Scan, ScannedKey, record, scan};
use crate::ui::{self, Output, count};
use clap::{Args, Subcommand};
use std::fmt::Write as _;
use std::path::PathBuf;

/// SSH host keys of the nodes
#[derive(Debug, Clone, Args)]
#[command(disable_help_subcommand = true)]
pub struct HostKeys {
    /// What to do with them.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with host keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum Action {
    /// Show the fingerprints of all unknown keys, and record them after one yes
    Scan {
        /// Record without asking; whoever is in between now stays in between
        #[arg(short, long)]
        yes: bool,
    },
}

/// The user did not say yes.
#[derive(Debug, thiserror::Error)]
#[error("nothing was recorded: the answer was not `yes`")]
struct Declined;

/// Scans and records.
pub fn run(arguments: &HostKeys, global: &Global, output: &Output) -> Result<ExitCode, Error> {
    let Action::Scan { yes } = arguments.action;
    let mut inventory = load::load_inventory(global, output)?;
    load::override_ssh(&mut inventory, global);
    let found = scan(&inventory.nodes, &keys::access(global, output)?);
    if found.keys.is_empty() && found.unreached.is_empty() {
        output.result("No node is reached over SSH: there are no host keys.\n")?;
        return Ok(ExitCode::Success);
    }
    output.result(&table(&found))?;
    for (host, error) in &found.unreached {
        output.message(&format!("{host} was not reached: {}\n", Chain(error)));
    }
    let unknown: Vec<ScannedKey> =
        found.keys.iter().filter(|key| key.state == KeyState::Unknown).cloned().collect();
    if let (false, Some(file)) = (unknown.is_empty(), first_file(&inventory)) {
        let question = format!("Record {} in {}?", count(unknown.len(), "key"), file.display());
        if !yes && !ui::confirm(output, &question)? {
            return Err(Error::new(Declined));
        }
        let recorded = record(&unknown, &file).map_err(Error::hinted)?;
        output.message(&format!("{} recorded in {}\n", count(recorded, "key"), file.display()));
    }
    let trouble = |key: &ScannedKey| matches!(key.state, KeyState::Changed(_) | KeyState::Revoked(_));
    let sound = found.unreached.is_empty() && !found.keys.iter().any(trouble);
    Ok(if sound { ExitCode::Success } else { ExitCode::Error })
}

fn table(found: &Scan) -> String {
    let mut text = String::new();
    for key in &found.keys {
        let state = match &key.state {
            KeyState::Known => String::from("known"),
            KeyState::Unknown => String::from("unknown"),
            KeyState::Changed(place) => format!("CHANGED: {place} has another key"),
            KeyState::Revoked(place) => format!("REVOKED by {place}"),
        };
        let host = format!("{}:{}", key.host, key.port);
        let _ = writeln!(text, "{host:<24}  {:<20}  {}  {state}", key.key_type, key.fingerprint);
    }
    text
}

/// Where new keys go: the first known-hosts file of the first node that has one.
fn first_file(inventory: &Inventory) -> Option<PathBuf> {
    inventory.nodes.iter().find_map(|node| match &node.connection {
        Connection::Ssh(settings) => settings.known_hosts.first().cloned(),
        Connection::Local { .. } => None,
    })
}
