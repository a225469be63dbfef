//! One node: its changes, and what restarts. The gates around them are in `gates`.

use super::compare::{Compared, compare};
use super::gates::{endpoint_answers, guard, serves};
use super::{Problem, drain};
use crate::inventory::{self, Node, NodeName, Role};
use crate::plan::diff::{Context, Holder};
use crate::plan::manifest::{self, Probe};
use crate::plan::{Change, Gate, NodePlan, Operation};
use crate::resource::{Desired, NodePath, Observed, RenderedWith, Resource, ResourceId, Spec};
use std::collections::{BTreeMap, BTreeSet};

/// Units whose place in the order of restarts is not that of the resources: the runtime goes before what uses it, and the
/// daemon that carries our own connection goes last.
pub(super) const RUNTIMES: &[&str] =
    &["containerd.service", "crio.service", "cri-docker.service", "docker.service"];
/// The unit that runs static pods, as kubeadm's package names it.
pub(in crate::plan) const KUBELET: &str = "kubelet.service";
const LAST: &[&str] = &["ssh.service", "sshd.service"];
pub(super) const ETCD: &str = "etcd";
/// The unit that is etcd where no kubelet runs it.
pub(super) const ETCD_UNIT: &str = "etcd.service";
const API_SERVER: &str = "kube-apiserver";

/// What is the same for all nodes.
pub(super) struct Scene<'a> {
    pub(super) holders: Vec<Holder<'a>>,
    pub(super) now: i64,
    /// Whether what is desired is a part only.
    pub(super) partial: bool,
    /// Which nodes are drained.
    pub(super) drain: &'a inventory::Drain,
    /// The nodes whose etcd member can be asked.
    pub(super) members: Vec<&'a NodeName>,
    /// How the API is asked at the endpoint, where kube-vip on the control-plane nodes holds its address.
    pub(super) virtual_endpoint: Option<Probe>,
}

/// The plan of one node, without changes where it is as it should be.
pub(super) fn plan(
    node: &Node,
    desired: &Desired,
    observed: &Observed,
    scene: &Scene<'_>,
    notices: &mut Vec<String>,
) -> Result<NodePlan, Vec<Problem>> {
    let mut context = context(node, desired, observed, scene);
    let Compared { changed, unchanged, failed } = compare(desired, &mut context, scene.partial);
    let (resources, mut changes): (Vec<&Resource>, Vec<Change>) = changed.into_iter().unzip();
    let failed = failed.into_iter().map(|(resource, source)| Problem::Resource {
        node: node.name.clone(),
        resource,
        source: Box::new(source),
    });
    let mut problems: Vec<Problem> = failed.collect();
    if !observed.facts.owners && !desired.resources.is_empty() {
        context.notices.push(String::from("owners are not judged: they cannot be told or set without root"));
    }
    notices.extend(context.notices.into_iter().map(|notice| format!("{}: {notice}", node.name)));
    notices.append(&mut context.announced);
    problems.extend(same_path(&node.name, &changes));
    if !problems.is_empty() {
        return Err(problems);
    }
    let live = observed.facts.live;
    let pods = restarted_pods(&resources, &changes);
    // What is started has read its files then.
    let started: BTreeSet<String> = started_units(&changes).map(ToOwned::to_owned).collect();
    let mut restart_units = if live { restarted_units(&resources, &changes) } else { Vec::new() };
    restart_units.retain(|unit| !started.contains(unit));
    let restart_pods = if live { restarted_components(node, &pods) } else { Vec::new() };
    if live {
        for (resource, change) in resources.iter().zip(&mut changes) {
            let own = std::mem::take(&mut change.restarts);
            let restarts = resource.restarts.iter().chain(&own).filter(|unit| !started.contains(*unit));
            change.restarts = restarts.cloned().collect();
            if let Some(pod) = pods.iter().find(|pod| *pod.resource == resource.id) {
                let of_it =
                    [pod.component].into_iter().chain(rested(node, &pods).filter(|_| pod.component == ETCD));
                change.restarts.extend(of_it.map(str::to_owned));
            }
        }
    }
    let mut plan = NodePlan {
        node: node.name.clone(),
        restart_pods,
        changes,
        unchanged,
        drain: drain::of_node(node, scene.drain, &restart_units),
        restart_units,
        before: Vec::new(),
        between: Vec::new(),
        after: Vec::new(),
        rollback_after: None,
        rendered_with: RenderedWith::default(),
        undoes: None,
    };
    if live && !plan.changes.is_empty() {
        let mut proofs: Vec<Gate> = serves(&node.name, desired, &plan).into_iter().collect();
        proofs.extend(endpoint_answers(node, scene));
        guard(node, &mut plan, &pods, proofs).map_err(|problem| vec![problem])?;
        if restarts_etcd(&plan) {
            // One may have fallen away while the node before was in hand; then there is none to spare.
            let others = scene.members.iter().filter(|member| ***member != node.name);
            plan.before.extend(others.map(|member| Gate::EtcdHealthy { node: (*member).clone() }));
        }
    }
    Ok(plan)
}

pub(super) fn context<'a>(
    node: &'a Node,
    desired: &'a Desired,
    observed: &'a Observed,
    scene: &'a Scene<'_>,
) -> Context<'a> {
    Context {
        node: &node.name,
        holders: &scene.holders,
        observed,
        now: scene.now,
        sysctls: sysctls(desired),
        users: users(desired),
        made: made(desired),
        notices: Vec::new(),
        announced: Vec::new(),
    }
}

/// The kernel parameters that the node's resources set.
fn sysctls(desired: &Desired) -> BTreeMap<&str, &str> {
    let specs = desired.resources.iter().filter_map(|resource| match &resource.spec {
        Spec::Sysctl(spec) => Some(&spec.values),
        _ => None,
    });
    specs.flatten().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// The users that the node's resources make.
fn users(desired: &Desired) -> BTreeSet<&str> {
    let names = desired.resources.iter().filter_map(|resource| match &resource.spec {
        Spec::User(spec) => Some(spec.name.as_str()),
        _ => None,
    });
    names.collect()
}

/// The files that the node's resources make.
fn made(desired: &Desired) -> BTreeSet<&NodePath> {
    let paths = desired.resources.iter().flat_map(|resource| match &resource.spec {
        Spec::File(spec) => vec![&spec.path],
        Spec::Certificate(spec) => spec.files().map(|(path, _)| path).collect(),
        _ => Vec::new(),
    });
    paths.collect()
}

/// Two operations on one path would each undo the other, and never come to rest. Attributes of one file from several
/// resources only get stricter, so they may meet.
fn same_path(node: &NodeName, changes: &[Change]) -> Vec<Problem> {
    let mut writers: BTreeMap<&NodePath, &ResourceId> = BTreeMap::new();
    let mut problems = Vec::new();
    for change in changes {
        for operation in &change.operations {
            let paths = match operation {
                Operation::Write { path, .. } | Operation::Remove { path, .. } => vec![path],
                Operation::Issue { certificate, .. } => certificate.files().map(|(path, _)| path).collect(),
                _ => Vec::new(),
            };
            for path in paths {
                if let Some(first) = writers.insert(path, &change.resource) {
                    problems.push(Problem::SamePath {
                        node: node.clone(),
                        first: first.clone(),
                        second: change.resource.clone(),
                        path: path.clone(),
                    });
                }
            }
        }
    }
    problems
}

/// A static pod that restarts.
pub(in crate::plan) struct RestartedPod<'a> {
    pub(in crate::plan) resource: &'a ResourceId,
    pub(in crate::plan) component: &'a str,
    pub(in crate::plan) manifest: &'a NodePath,
    /// The manifest's new text.
    pub(in crate::plan) text: String,
}

/// The static pods whose manifest gets new bytes: the kubelet restarts them.
fn restarted_pods<'a>(resources: &[&'a Resource], changes: &[Change]) -> Vec<RestartedPod<'a>> {
    let written = |change: &Change| {
        change.operations.iter().find_map(|operation| match operation {
            Operation::Write { content, .. } => Some(content.text.clone()),
            _ => None,
        })
    };
    resources
        .iter()
        .zip(changes)
        .filter_map(|(resource, change)| match &resource.spec {
            Spec::StaticPod(spec) => Some(RestartedPod {
                resource: &resource.id,
                component: &spec.component,
                manifest: &spec.path,
                text: written(change)?,
            }),
            Spec::File(spec) => RestartedPod::of_file(&resource.id, &spec.path, written(change)?),
            _ => None,
        })
        .collect()
}

impl<'a> RestartedPod<'a> {
    /// A whole file among the manifests, whose container is called as the file is and says what it runs.
    pub(in crate::plan) fn of_file(
        resource: &'a ResourceId,
        path: &'a NodePath,
        text: String,
    ) -> Option<Self> {
        let component = path.as_str().strip_prefix(manifest::FOLDER)?.strip_suffix(".yaml")?;
        let command = manifest::command(&text, component).ok()?;
        (!command.is_empty()).then_some(Self { resource, component, manifest: path, text })
    }
}

/// The components of the static pods that are restarted.
pub(in crate::plan) fn restarted_components(node: &Node, pods: &[RestartedPod<'_>]) -> Vec<String> {
    pods.iter().map(|pod| pod.component).chain(rested(node, pods)).map(str::to_owned).collect()
}

/// The API server beside an etcd member that is replaced by itself: it would fail what a load balancer still sends it.
fn rested(node: &Node, pods: &[RestartedPod<'_>]) -> Option<&'static str> {
    let restarts = |component: &str| pods.iter().any(|pod| pod.component == component);
    let is_left = restarts(ETCD) && !restarts(API_SERVER) && node.roles.contains(&Role::ControlPlane);
    is_left.then_some(API_SERVER)
}

/// The units of the resources that change, and of the changes themselves, each once.
fn restarted_units(resources: &[&Resource], changes: &[Change]) -> Vec<String> {
    let mut units: Vec<String> = Vec::new();
    let of_resources = resources.iter().flat_map(|resource| &resource.restarts);
    for unit in of_resources.chain(changes.iter().flat_map(|change| &change.restarts)) {
        if !units.contains(unit) {
            units.push(unit.clone());
        }
    }
    units.sort_by_key(|unit| {
        let unit = unit.as_str();
        i32::from(LAST.contains(&unit)) - i32::from(RUNTIMES.contains(&unit))
    });
    units
}

/// Whether the node's member of etcd is away for a while.
pub(super) fn restarts_etcd(plan: &NodePlan) -> bool {
    plan.restart_pods.iter().any(|component| component == ETCD)
        || plan.restart_units.iter().any(|unit| unit == ETCD_UNIT)
}

/// Whether the node's member of etcd does not run yet, and is started.
pub(super) fn starts_etcd(plan: &NodePlan) -> bool {
    started_units(&plan.changes).any(|unit| unit == ETCD_UNIT)
}

/// The units that do not run yet, and are started.
pub(in crate::plan) fn started_units(changes: &[Change]) -> impl Iterator<Item = &str> {
    changes.iter().flat_map(|change| &change.operations).filter_map(|operation| match operation {
        Operation::SetUnit { unit, active: Some(true), .. } => Some(unit.as_str()),
        _ => None,
    })
}

/// Whether a kubelet registers it.
pub(super) fn is_kubernetes_node(node: &Node) -> bool {
    node.roles.contains(&Role::ControlPlane) || node.roles.contains(&Role::Worker)
}
