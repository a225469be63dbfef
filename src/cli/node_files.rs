//! Files of a node read into memory as root, private keys among them: nothing of them is written on this machine.

use super::Error;
use super::pipeline::deadline;
use crate::error::Hint;
use crate::inventory::{Node, NodeName};
use crate::remote::{self, Access, RemoteError, Script, rooted};
use zeroize::Zeroizing;

/// What the script says of a file that is not there.
const MISSING: i32 = 3;

/// Why files of a node could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum NodeFilesError {
    /// The node was not reached.
    #[error("read files of {node}")]
    Remote {
        /// The node.
        node: NodeName,
        /// Why.
        source: RemoteError,
    },
    /// The node could not read a file.
    #[error("read {file} on {node}: {message}")]
    File {
        /// The node.
        node: NodeName,
        /// The file.
        file: String,
        /// What the node said.
        message: String,
    },
}

impl Hint for NodeFilesError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Remote { source, .. } => source.hint(),
            Self::File { .. } => None,
        }
    }
}

/// The contents of files in the order of their paths; `None` for one that is not there.
pub(super) fn read(
    node: &Node,
    access: &Access,
    paths: &[String],
) -> Result<Vec<Option<Zeroizing<Vec<u8>>>>, Error> {
    let failed = |source| Error::hinted(NodeFilesError::Remote { node: node.name.clone(), source });
    let mut script = Script::new("read the CAs");
    for (index, path) in paths.iter().enumerate() {
        let path = rooted(path);
        let body = format!("if [ -e {path} ]; then cat -- {path}; else (exit {MISSING}); fi");
        script = script.section(format!("file-{index}"), body);
    }
    let mut session = remote::connect(node, access).map_err(failed)?;
    let reply = session.run(&script, deadline(node)).map_err(failed)?;
    let mut found = Vec::new();
    for (index, path) in paths.iter().enumerate() {
        let section = reply.section(&format!("file-{index}"));
        match section.code {
            0 => found.push(Some(Zeroizing::new(section.output))),
            MISSING => found.push(None),
            _ => {
                let (node, file, message) = (node.name.clone(), path.clone(), reply.last_words());
                return Err(Error::hinted(NodeFilesError::File { node, file, message }));
            }
        }
    }
    Ok(found)
}
