//! The CA that signs a certificate, read into memory: its key from the node that holds it, its certificate from the node that
//! the new one is for. The two must be of one CA, or nothing is signed.

use super::{Fleet, Issuer, MaterialError};
use crate::health::HealthError;
use crate::inventory::NodeName;
use crate::plan::{self, deadline};
use crate::remote::{Reply, Script, rooted};
use crate::resource::{CertificateSpec, NodePath};
use crate::secret::Secret;

/// A CA is not as it should be.
#[derive(Debug, thiserror::Error)]
enum AuthorityError {
    /// It cannot be read.
    #[error("read the CA on {node}: {message}")]
    Missing {
        /// On which node.
        node: NodeName,
        /// What the node said.
        message: String,
    },
    /// The node has another CA of the same name.
    #[error("{path} on {node} is another CA than on {authority}, whose key would sign: nothing is signed")]
    Other {
        /// The CA's certificate.
        path: NodePath,
        /// The node that the certificate is for.
        node: NodeName,
        /// The node that holds the key.
        authority: NodeName,
    },
}

/// Reads the CA for a certificate on `node`, whose key is on `authority`.
pub(super) fn issuer(
    fleet: &dyn Fleet,
    node: &NodeName,
    spec: &CertificateSpec,
    authority: &NodeName,
) -> Result<Issuer, MaterialError> {
    let certificate = |script: Script| {
        script.section("certificate", format!("cat -- {}", rooted(spec.issuer_path.as_str())))
    };
    let script = certificate(Script::new("read the CA"))
        .section("key", format!("cat -- {}", rooted(spec.issuer_key_path.as_str())));
    let reply = read(fleet, authority, &script)?;
    let theirs = found(&reply, authority, "certificate")?;
    found(&reply, authority, "key")?;
    let key = Secret::new(reply.section("key").text());
    if authority == node {
        return Ok(Issuer { certificate: theirs, key });
    }
    let reply = read(fleet, node, &certificate(Script::new("read the CA's certificate")))?;
    let own = found(&reply, node, "certificate")?;
    if own != theirs && plan::certificates(&own).is_disjoint(&plan::certificates(&theirs)) {
        let (path, node, authority) = (spec.issuer_path.clone(), node.clone(), authority.clone());
        return Err(AuthorityError::Other { path, node, authority }.into());
    }
    Ok(Issuer { certificate: own, key })
}

/// Reading again does no harm, and the connection may have been idle for long.
fn read(fleet: &dyn Fleet, node: &NodeName, script: &Script) -> Result<Reply, HealthError> {
    fleet.run(node, script, deadline::FILES).or_else(|_| {
        fleet.reconnect(node)?;
        fleet.run(node, script, deadline::FILES)
    })
}

fn found(reply: &Reply, node: &NodeName, section: &str) -> Result<Vec<u8>, AuthorityError> {
    let section = reply.section(section);
    if section.code == 0 {
        return Ok(section.output);
    }
    Err(AuthorityError::Missing { node: node.clone(), message: reply.last_words() })
}
