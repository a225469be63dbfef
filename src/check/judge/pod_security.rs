//! What PodSecurity enforces where no label says otherwise. The API does not tell: it stands in a file that only the API
//! servers' flag names, on their nodes.

use super::NodeEvidence;
use super::node::Node;
use crate::plan::yaml;
use crate::resource::{ClusterEvidence, NodePath};
use serde_json::Value;
use std::collections::BTreeSet;

/// The flag of the API server that names the file.
pub(in crate::check) const FLAG: &str = "admission-control-config-file";

/// The level of a PodSecurityConfiguration that names none.
const WEAKEST: &str = "privileged";

/// Adds it to what is known of the cluster, where all API servers say the same: pods are admitted by any of them.
pub fn add_pod_security(cluster: &mut ClusterEvidence, nodes: &[NodeEvidence]) {
    let mut found = nodes.iter().map(Node::new).filter_map(|node| {
        let server = node.process("kube-apiserver")?;
        let named = server.command.values(FLAG);
        let path = named.last().and_then(|path| path.parse::<NodePath>().ok());
        Some(path.and_then(|path| defaults(node.evidence.documents.get(&path)?)))
    });
    let Some(Some(first)) = found.next() else { return };
    if found.all(|other| other.as_ref() == Some(&first)) {
        let (level, exempt) = first;
        cluster.pod_security_default = Some(level);
        cluster.pod_security_exempt = exempt;
    }
}

/// The level and the exempt namespaces of an AdmissionConfiguration; `None` where it has none, or has them in another file.
fn defaults(text: &str) -> Option<(String, BTreeSet<String>)> {
    let configuration = yaml::parse(text).ok()?;
    let mut plugins = configuration["plugins"].as_array()?.iter();
    let plugin = plugins.find(|plugin| plugin["name"] == "PodSecurity")?;
    let own = plugin.get("configuration").filter(|own| !own.is_null())?;
    let level = own["defaults"]["enforce"].as_str().unwrap_or(WEAKEST);
    let exempt = own["exemptions"]["namespaces"].as_array().into_iter().flatten();
    Some((level.to_owned(), exempt.filter_map(Value::as_str).map(str::to_owned).collect()))
}
