//! `harden init`: writes an inventory, from scratch or from a living cluster.

use super::{Error, Global, keys};
use crate::cluster::NodeInfo;
use crate::error::{ExitCode, Hint};
use crate::health;
use crate::inventory::{self, InventoryError, Level, Minor, Role, Scaffold, ScaffoldNode};
use crate::remote;
use crate::ui::{Output, count};
use clap::Args;
use std::path::{Path, PathBuf};

/// Write a new inventory, from scratch or from a living cluster
#[derive(Debug, Clone, Args)]
pub struct Init {
    /// Log in to this control-plane node and write down the cluster it belongs to
    #[arg(long, value_name = "ADDRESS")]
    pub from: Option<String>,

    /// The user to log in as
    #[arg(long, value_name = "NAME", default_value = "root")]
    pub user: String,

    /// The SSH port
    #[arg(long, value_name = "PORT", default_value = "22")]
    pub port: u16,

    /// The private key to log in with, instead of the agent's and the usual ones
    #[arg(long, value_name = "FILE")]
    pub identity_file: Option<PathBuf>,

    /// Replace files that exist
    #[arg(long)]
    pub force: bool,
}

/// Why there is no new inventory.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The file is there already.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// A file could not be written.
    #[error("write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The arguments name no node that could be logged in to.
    #[error("log in to a control-plane node: {reason}")]
    Arguments {
        /// What is wrong with them.
        reason: String,
    },
    /// The cluster runs a version that harden does not know.
    #[error(
        "the cluster runs Kubernetes {found}, and harden supports {} to {}",
        Minor::OLDEST,
        Minor::NEWEST
    )]
    Version {
        /// What it runs.
        found: Minor,
    },
}

impl Hint for InitError {
    fn hint(&self) -> Option<String> {
        matches!(self, Self::Exists(_))
            .then(|| String::from("replace it with --force, or name another file with --inventory"))
    }
}

/// Writes the inventory and its schema.
pub fn run(arguments: &Init, global: &Global, output: &Output) -> Result<ExitCode, Error> {
    let file = &global.inventory;
    let schema = file.with_file_name("harden.schema.json");
    if file.exists() && !arguments.force {
        return Err(Error::hinted(InitError::Exists(file.clone())));
    }
    let scaffold = match &arguments.from {
        Some(address) => living(address, arguments, global, output)?,
        None => example(arguments),
    };
    write(file, &inventory::scaffold(&scaffold))?;
    write(&schema, &inventory::schema())?;
    output.result(&format!(
        "{}: {}. Look through it, then: harden hostkeys scan; harden plan\n",
        file.display(),
        count(scaffold.nodes.len(), "node")
    ))?;
    Ok(ExitCode::Success)
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text)
        .map_err(|source| Error::new(InitError::Write { path: path.to_owned(), source }))
}

fn base(arguments: &Init) -> Scaffold {
    Scaffold {
        cluster: String::from("kubernetes"),
        kubernetes: Minor::NEWEST,
        endpoint: None,
        user: arguments.user.clone(),
        port: arguments.port,
        identity_file: arguments.identity_file.as_ref().map(|path| path.display().to_string()),
        nodes: Vec::new(),
    }
}

/// Three control planes and a worker with addresses for documentation.
fn example(arguments: &Init) -> Scaffold {
    let control_plane = [Role::ControlPlane, Role::Etcd].as_slice();
    let nodes = [
        ("cp-1", 11, control_plane),
        ("cp-2", 12, control_plane),
        ("cp-3", 13, control_plane),
        ("w-1", 21, &[Role::Worker]),
    ];
    let node = |(name, last, roles): (&str, u8, &[Role])| ScaffoldNode {
        name: String::from(name),
        address: format!("192.0.2.{last}"),
        roles: roles.to_vec(),
    };
    Scaffold { nodes: nodes.into_iter().map(node).collect(), ..base(arguments) }
}

/// Reads the cluster through one of its control planes.
fn living(address: &str, arguments: &Init, global: &Global, output: &Output) -> Result<Scaffold, Error> {
    let alone = Scaffold {
        nodes: vec![ScaffoldNode {
            name: String::from("control-plane"),
            address: String::from(address),
            roles: vec![Role::ControlPlane, Role::Etcd],
        }],
        ..base(arguments)
    };
    // The inventory's own reader fills in every default, so that this login is like every later one.
    let parsed = inventory::parse(&global.inventory, inventory::scaffold(&alone).into_bytes(), keys::home());
    let mut loaded = parsed.map_err(|error| Error::new(InitError::Arguments { reason: first_of(&error) }))?;
    // The key that is to stand in the inventory is tried, not another one from the environment.
    let identity = arguments.identity_file.clone().or_else(|| global.ssh_identity_file.clone());
    let global = &Global { ssh_identity_file: identity, ..global.clone() };
    super::load::override_ssh(&mut loaded.inventory, global);
    let mut scaffold = base(arguments);
    for node in &loaded.inventory.nodes {
        let mut session = remote::connect(node, &keys::access(global, output)?).map_err(Error::hinted)?;
        let plane = health::open(session.as_mut()).map_err(Error::hinted)?;
        let minor = plane.api.minor().map_err(Error::hinted)?;
        if !(Minor::OLDEST..=Minor::NEWEST).contains(&minor) {
            return Err(Error::new(InitError::Version { found: minor }));
        }
        scaffold.kubernetes = minor;
        let recorded = plane.api.config_map("kube-system", "kubeadm-config").map_err(Error::hinted)?;
        let record =
            recorded.and_then(|map| map.data.get("ClusterConfiguration").cloned()).unwrap_or_default();
        scaffold.endpoint = line_value(&record, "controlPlaneEndpoint");
        scaffold.cluster = line_value(&record, "clusterName").unwrap_or(scaffold.cluster);
        scaffold.nodes = plane.api.nodes().map_err(Error::hinted)?.iter().map(described).collect();
    }
    scaffold.nodes.sort_by(|a, b| (a.roles.clone(), &a.name).cmp(&(b.roles.clone(), &b.name)));
    Ok(scaffold)
}

/// The first error of an inventory that nobody has seen.
fn first_of(error: &InventoryError) -> String {
    match error {
        InventoryError::Invalid { diagnostics, .. } => diagnostics
            .iter()
            .find(|diagnostic| diagnostic.level() == Level::Error)
            .map(|diagnostic| diagnostic.message().to_owned()),
        InventoryError::Read { .. } => None,
    }
    .unwrap_or_else(|| error.to_string())
}

/// A top-level value of kubeadm's record.
fn line_value(record: &str, key: &str) -> Option<String> {
    let value = record.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    let value = value.trim().trim_matches('"');
    (!value.is_empty()).then(|| value.to_owned())
}

fn described(node: &NodeInfo) -> ScaffoldNode {
    let address = node.addresses.iter().find(|(kind, _)| kind == "InternalIP").map(|(_, address)| address);
    let roles = if node.roles.contains("control-plane") {
        vec![Role::ControlPlane, Role::Etcd]
    } else {
        vec![Role::Worker]
    };
    ScaffoldNode { name: node.name.clone(), address: address.unwrap_or(&node.name).clone(), roles }
}
