//! The plan that takes a node's transaction back: a pure function of what the transaction noted and what is on the node now.
//! It is all of the transaction or nothing: what cannot be taken back stands in the way of the rest.

mod obstacle;
mod record;
mod reverse;

pub use obstacle::{Moved, NoCopy, Obstacle};
pub use record::{Kept, Past, Place, Record, RecordError, Setting, Undoes};

use super::build::gates::guard;
use super::build::node::{KUBELET, RestartedPod, restarted_components};
use super::build::{drain, outage};
use super::{Change, FORMAT_VERSION, Gate, NodePlan, Operation, Plan, Problem, StageTitle, Wave};
use crate::inventory::{self, Inventory, Node};
use crate::resource::{CertificateSpec, FileState, Kind, NodePath, Observed, ObservedContent};
use reverse::Reverse;
use std::collections::BTreeMap;

/// Why there is no such plan.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// Something stands in the way.
    #[error("it cannot be taken back")]
    Obstacles(Vec<Obstacle>),
    /// Nothing that it did can be taken back, nor has to be.
    #[error("it left nothing that could be taken back")]
    Nothing,
    /// A manifest that would come back cannot be read.
    #[error("plan the gates")]
    Gates(#[source] Box<Problem>),
}

/// The plan that takes a transaction back. `serving` is the certificate that harden makes for the node's kubelet, and `drained`
/// says which nodes are drained.
pub fn undo(
    node: &Node,
    past: &Past,
    observed: &Observed,
    serving: Option<&CertificateSpec>,
    drained: &inventory::Drain,
) -> Result<NodePlan, UndoError> {
    let contents = past.record.changes.iter().flat_map(reverse::contents).map(|(path, _)| path).collect();
    let mut reverse = Reverse { past, contents, obstacles: Vec::new() };
    let changes: Vec<Change> =
        past.record.changes.iter().filter_map(|change| reverse.change(change)).collect();
    if !reverse.obstacles.is_empty() {
        return Err(UndoError::Obstacles(reverse.obstacles));
    }
    if changes.is_empty() {
        return Err(UndoError::Nothing);
    }
    let resources = past.record.changes.iter().map(|change| &change.resource);
    let applied =
        resources.map(|resource| (resource.clone(), past.applied.resources.get(resource).cloned())).collect();
    let restart_units = if past.live { past.record.restart_units.clone() } else { Vec::new() };
    let mut plan = NodePlan {
        node: node.name.clone(),
        changes: changes.clone(),
        unchanged: BTreeMap::new(),
        drain: drain::of_node(node, drained, &restart_units),
        restart_units,
        restart_pods: Vec::new(),
        before: Vec::new(),
        between: Vec::new(),
        after: Vec::new(),
        rollback_after: None,
        rendered_with: past.applied.rendered_with.clone(),
        undoes: Some(Undoes { transaction: past.transaction.clone(), applied }),
    };
    if past.live {
        let pods = restarted_pods(&changes);
        plan.restart_pods = restarted_components(node, &pods);
        let restarts = plan.restart_units.iter().any(|unit| unit == KUBELET);
        let serving = serving.filter(|spec| restarts && is_named(&spec.path, past, observed));
        let serves = serving.map(|spec| Gate::KubeletServes {
            node: node.name.clone(),
            certificate: spec.path.clone(),
            issuer: spec.issuer_path.clone(),
        });
        guard(node, &mut plan, &pods, serves.into_iter().collect())
            .map_err(|problem| UndoError::Gates(Box::new(problem)))?;
    }
    Ok(plan)
}

/// Whether the kubelet's configuration names its certificate when the transaction is taken back.
fn is_named(certificate: &NodePath, past: &Past, observed: &Observed) -> bool {
    let names = |text: &str| text.contains(certificate.as_str());
    let mut changed = past.record.changes.iter().filter(|change| change.resource.kind == Kind::YamlKeys);
    let texts = changed.find_map(|change| Some((change.before.as_deref()?, change.after.as_deref()?)));
    match texts.filter(|(before, after)| names(before) || names(after)) {
        Some((before, _)) => names(before),
        None => observed.files.values().any(|state| match state {
            FileState::Present(file) => matches!(&file.content, ObservedContent::Text(text) if names(text)),
            _ => false,
        }),
    }
}

/// The static pods whose manifests come back: the kubelet restarts them.
fn restarted_pods(changes: &[Change]) -> Vec<RestartedPod<'_>> {
    let pods = changes.iter().filter_map(|change| {
        let manifest = change.operations.iter().find_map(|operation| match operation {
            Operation::Restore { path, .. } => Some(path),
            _ => None,
        })?;
        let text = change.after.clone()?;
        let resource = &change.resource;
        match resource.kind {
            Kind::StaticPod => Some(RestartedPod { resource, component: &resource.name, manifest, text }),
            Kind::File => RestartedPod::of_file(resource, manifest, text),
            _ => None,
        }
    });
    pods.collect()
}

/// A plan of nothing but this.
pub fn whole(inventory: &Inventory, node: NodePlan, title: String, now: i64, notices: Vec<String>) -> Plan {
    let changed = BTreeMap::from([(node.node.clone(), node)]);
    let known = outage::notice(inventory, &changed).into_iter().chain(drain::notice(inventory, &changed));
    let mut all: Vec<String> = known.collect();
    all.extend(notices);
    let nodes = changed.into_values().collect();
    Plan {
        format_version: FORMAT_VERSION.to_owned(),
        harden_version: env!("CARGO_PKG_VERSION").to_owned(),
        cluster: inventory.cluster.name.clone(),
        created: now,
        inputs: String::new(),
        stage: StageTitle { name: String::from("rollback"), title },
        remaining: Vec::new(),
        waves: vec![Wave { title: String::from("one node"), nodes }],
        joins: Vec::new(),
        cluster_changes: Vec::new(),
        gates: Vec::new(),
        in_sync: Vec::new(),
        unreachable: Vec::new(),
        partial: false,
        notices: all,
    }
}
