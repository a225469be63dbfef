//! What PodSecurity enforces where no label says otherwise. The API does not tell: it stands in a file that only the API
//! servers' flag names, on their nodes.

use super::NodeEvidence;
use super::node::Node;
use crate::plan::pod_security::PodSecurityDefault;
use crate::resource::{ClusterEvidence, NodePath};

/// The flag of the API server that names the file.
pub(in crate::check) const FLAG: &str = "admission-control-config-file";

/// Adds it to what is known of the cluster, where all API servers say the same: pods are admitted by any of them.
pub fn add_pod_security(cluster: &mut ClusterEvidence, nodes: &[NodeEvidence]) {
    let mut found = nodes.iter().map(Node::new).filter_map(|node| {
        let server = node.process("kube-apiserver")?;
        let named = server.command.values(FLAG);
        let path = named.last().and_then(|path| path.parse::<NodePath>().ok());
        let default = path.and_then(|path| PodSecurityDefault::read(node.evidence.documents.get(&path)?));
        Some(default.map(|default| (default.enforce.to_string(), default.exempt)))
    });
    let Some(Some(first)) = found.next() else { return };
    if found.all(|other| other.as_ref() == Some(&first)) {
        let (level, exempt) = first;
        cluster.pod_security_default = Some(level);
        cluster.pod_security_exempt = exempt;
    }
}
