//! Where the CAs of a cluster that exists are read: on its nodes, or in a folder of this machine.

use super::Import;
use crate::cli::{Error, Global, keys, node_files};
use crate::error::Hint;
use crate::inventory::{Inventory, Node, Role};
use crate::pki;
use crate::remote::Access;
use crate::secret::Secret;
use crate::store::pki::ETCD_CA;
use crate::trust::{FOLDER, Found, LAYOUT, Place};
use crate::ui::Output;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Why there is nothing to take over.
#[derive(Debug, thiserror::Error)]
enum SourceError {
    /// There is no such node.
    #[error("there is no node `{0}` in the inventory")]
    NoSuchNode(String),
    /// There is no control-plane node.
    #[error("no node of the inventory has the role control-plane")]
    NoControlPlane,
    /// A file of this machine could not be read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Two nodes have different CAs.
    #[error("{file} is another CA than {other}: nothing is taken over")]
    OtherAuthority {
        /// The one on the node with the role etcd.
        file: String,
        /// The one on the node that everything else is read from.
        other: String,
    },
    /// A file is no PEM.
    #[error("{0} is not PEM: it is not text")]
    NotText(String),
}

impl Hint for SourceError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoSuchNode(_) => "name a node as the inventory does",
            Self::NoControlPlane => "name the node that has them with `--node NODE`",
            Self::OtherAuthority { .. } => {
                "find out which one the API servers use (`--etcd-cafile`) and put it right on both nodes"
            }
            Self::NotText(_) => "convert it with `openssl x509 -inform der` or `openssl pkey -inform der`",
            Self::Read { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

/// The files, as far as they are there.
pub(super) fn find(
    import: &Import,
    inventory: &Inventory,
    global: &Global,
    output: &Output,
) -> Result<Vec<Found>, Error> {
    if let Some(folder) = &import.from {
        return LAYOUT.iter().map(|place| local(folder, *place)).collect();
    }
    let first = match &import.node {
        Some(name) => inventory
            .nodes
            .iter()
            .find(|node| node.name.as_str() == name)
            .ok_or_else(|| Error::hinted(SourceError::NoSuchNode(name.clone())))?,
        None => inventory
            .with_role(Role::ControlPlane)
            .next()
            .ok_or_else(|| Error::hinted(SourceError::NoControlPlane))?,
    };
    let access = keys::access(global, output)?;
    let mut found = on_node(first, &access, &LAYOUT)?;
    let others = inventory.with_role(Role::Etcd).filter(|node| node.name != first.name);
    for node in others {
        let Some(etcd) = found.iter_mut().find(|found| found.place.name == ETCD_CA) else { break };
        if etcd.is_whole() {
            break;
        }
        for theirs in on_node(node, &access, &[etcd.place])? {
            // A certificate without its key is on each member: only the one that has both is of use.
            if theirs.is_whole() {
                same_authority(etcd, &theirs)?;
                *etcd = theirs;
            }
        }
    }
    Ok(found)
}

/// The API servers must trust the CA that the members' certificates are of.
fn same_authority(etcd: &Found, theirs: &Found) -> Result<(), Error> {
    let digests = |found: &Found| pki::key_digests(found.public.as_deref().unwrap_or_default().as_bytes());
    let (own, other) = (digests(etcd), digests(theirs));
    // What cannot be read is told when it is judged.
    let (Ok(own), Ok(other)) = (own, other) else { return Ok(()) };
    if own.is_empty() || !own.is_disjoint(&other) {
        return Ok(());
    }
    let file = |found: &Found| format!("{}/{}", found.folder, found.place.public);
    Err(Error::hinted(SourceError::OtherAuthority { file: file(theirs), other: file(etcd) }))
}

/// What a node has of some CAs.
pub(in crate::cli) fn on_node(node: &Node, access: &Access, places: &[Place]) -> Result<Vec<Found>, Error> {
    let paths: Vec<String> = places
        .iter()
        .flat_map(|place| [place.public, place.key])
        .map(|file| format!("{FOLDER}/{file}"))
        .collect();
    let mut files = node_files::read(node, access, &paths)?.into_iter();
    let mut found = Vec::new();
    for place in places {
        let folder = format!("{}:{FOLDER}", node.name);
        let (public, key) = (files.next().flatten(), files.next().flatten());
        found.push(self::found(*place, folder, public, key)?);
    }
    Ok(found)
}

fn local(folder: &Path, place: Place) -> Result<Found, Error> {
    let read = |file: &str| {
        let path = folder.join(file);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::hinted(SourceError::Read { path, source })),
        }
    };
    found(place, folder.display().to_string(), read(place.public)?, read(place.key)?)
}

fn found(
    place: Place,
    folder: String,
    public: Option<Zeroizing<Vec<u8>>>,
    key: Option<Zeroizing<Vec<u8>>>,
) -> Result<Found, Error> {
    let text = |file: &str, mut bytes: Zeroizing<Vec<u8>>| {
        // Not copied on the way: what is not in a `Secret` is not wiped.
        String::from_utf8(std::mem::take(&mut *bytes))
            .map_err(|_| Error::hinted(SourceError::NotText(format!("{folder}/{file}"))))
    };
    let public = public.map(|bytes| text(place.public, bytes)).transpose()?;
    let key = key.map(|bytes| text(place.key, bytes).map(Secret::new)).transpose()?;
    Ok(Found { place, folder, public, key })
}
