//! The judge: a benchmark's controls on what was seen of nodes and of the cluster, as a report. Verdicts are kube-bench's for
//! the same facts; beside them stands what kube-bench does not look at: manifests and kubeadm's records.

mod audit_policy;
mod environment_file;
mod kubeadm;
mod mapped;
mod node;
mod outcome;
mod place;
mod pod_security;
mod policy;
mod source;
mod test;

use super::benchmark::{Benchmark, MAPPED};
use super::control::{Control, Test};
use super::finding::{Finding, Report, Unread, Verdict};
use crate::inventory::{NodeName, Role};
use crate::resource::{ClusterEvidence, ControlId, Evidence, NodePath};
use kubeadm::Kubeadm;
use node::Node;
use outcome::Outcome;
use std::collections::{BTreeMap, BTreeSet};

pub(super) use pod_security::FLAG as ADMISSION_CONFIG_FLAG;
pub use pod_security::add_pod_security;

/// A node that was read.
pub type NodeEvidence = (NodeName, BTreeSet<Role>, Evidence);

/// Everything that a verdict rests on.
#[derive(Debug, Clone)]
pub struct Inputs<'a> {
    /// The cluster's name.
    pub cluster: &'a str,
    /// The benchmark.
    pub benchmark: &'a Benchmark,
    /// The nodes that were read, in the inventory's order.
    pub nodes: &'a [NodeEvidence],
    /// What was read through the API; `None` where it was not, and then nothing is said of it.
    pub cluster_evidence: Option<&'a ClusterEvidence>,
    /// What could not be read.
    pub unreachable: Vec<Unread>,
    /// The resources that bring a control about.
    pub fixes: &'a BTreeMap<ControlId, BTreeSet<String>>,
    /// Seconds since 1970.
    pub now: i64,
}

/// The report on a cluster. Nothing in it is waived yet.
pub fn judge(inputs: Inputs<'_>) -> Report {
    let bench = Bench {
        nodes: inputs.nodes.iter().map(Node::new).collect(),
        kubeadm: Kubeadm::new(inputs.cluster_evidence),
        cluster: inputs.cluster_evidence,
        fixes: inputs.fixes,
    };
    let findings = mapped::findings(&bench, inputs.benchmark).unwrap_or_else(|| {
        let controls = inputs.benchmark.controls();
        controls.flat_map(|control| bench.findings(&inputs.benchmark.name, control)).collect()
    });
    let mut unreachable = inputs.unreachable;
    unreachable.extend(bench.kubeadm.unread);
    Report {
        format_version: super::FORMAT_VERSION.to_owned(),
        cluster: inputs.cluster.to_owned(),
        benchmark: inputs.benchmark.name.clone(),
        benchmark_title: inputs.benchmark.title.clone(),
        created: inputs.now,
        findings,
        unreachable,
        notes: Vec::new(),
    }
}

/// What all controls are judged on.
struct Bench<'a> {
    nodes: Vec<Node<'a>>,
    kubeadm: Kubeadm,
    cluster: Option<&'a ClusterEvidence>,
    fixes: &'a BTreeMap<ControlId, BTreeSet<String>>,
}

impl Bench<'_> {
    /// A control's findings, by node.
    fn findings(&self, benchmark: &str, control: &Control) -> Vec<Finding> {
        if control.cluster {
            let outcome = self.cluster(control);
            return outcome
                .map(|outcome| self.finding(benchmark, control, None, outcome))
                .into_iter()
                .collect();
        }
        let nodes = self.nodes.iter().filter(|node| control.concerns(node.roles));
        let finding = |node: &Node<'_>| {
            self.finding(benchmark, control, Some(node.name), node.judge(control, &self.kubeadm))
        };
        nodes.map(finding).collect()
    }

    /// What a control of the whole cluster comes to; `None` where the API was not read.
    fn cluster(&self, control: &Control) -> Option<Outcome> {
        match &control.test {
            Test::Policy => self.cluster.map(|cluster| policy::judge(&control.item, cluster)),
            Test::AuditPolicy => Some(self.audit_policy()),
            _ => Some(Outcome::against(control.tested.clone())),
        }
    }

    /// What the API servers' audit policies miss. It never passes: the benchmark wants a person to look.
    fn audit_policy(&self) -> Outcome {
        let mut seen: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for node in self.nodes.iter().filter(|node| node.roles.contains(&Role::ControlPlane)) {
            seen.entry(audit_policy_of(node)).or_default().push(node.name.as_str());
        }
        let mut evidence: Vec<String> =
            seen.into_iter().map(|(line, nodes)| format!("{}: {line}", nodes.join(", "))).collect();
        evidence.push(String::from(
            "whether that is enough, a person must say: the benchmark has no machine test for it",
        ));
        Outcome { evidence, ..Outcome::default() }
    }

    fn finding(
        &self,
        benchmark: &str,
        control: &Control,
        node: Option<&NodeName>,
        outcome: Outcome,
    ) -> Finding {
        let verdict = match (outcome.passes, control.scored) {
            (true, _) => Verdict::Pass,
            (false, true) => Verdict::Fail,
            (false, false) => Verdict::Warn,
        };
        Finding {
            control: ControlId { benchmark: benchmark.to_owned(), item: control.item.clone() },
            title: control.title.clone(),
            section: control.section.clone(),
            node: node.cloned(),
            verdict,
            scored: control.scored,
            evidence: outcome.evidence,
            objects: outcome.objects,
            differences: outcome.differences,
            remedy: if outcome.passes { String::new() } else { control.remedy.clone() },
            fixed_by: self.fixed_by(benchmark, std::iter::once(&control.item)),
            waiver: None,
            clean: outcome.clean,
        }
    }

    /// The resources that claim one of these items, under the benchmark's name or that of the one that templates name.
    fn fixed_by<'a>(&self, benchmark: &str, items: impl Iterator<Item = &'a String>) -> Vec<String> {
        let id = |benchmark: &str, item: &str| ControlId {
            benchmark: benchmark.to_owned(),
            item: item.to_owned(),
        };
        let ids = items.flat_map(|item| [id(benchmark, item), id(MAPPED, item)]);
        let resources: BTreeSet<&String> = ids.filter_map(|id| self.fixes.get(&id)).flatten().collect();
        resources.into_iter().cloned().collect()
    }
}

/// What a node's audit policy misses, in words.
fn audit_policy_of(node: &Node<'_>) -> String {
    let Some(source) = node.process("kube-apiserver") else { return String::from("no kube-apiserver runs") };
    let paths = source.command.values("audit-policy-file");
    let Some(path) = paths.first() else { return String::from("kube-apiserver has no --audit-policy-file") };
    let text = path.parse::<NodePath>().ok().and_then(|path| node.evidence.documents.get(&path));
    match text.map(|text| audit_policy::missing(text)) {
        None => format!("{path} is missing or cannot be read"),
        Some(None) => format!("{path} is no audit policy"),
        Some(Some(missing)) if missing.is_empty() => {
            format!("{path} logs everything of the benchmark's list")
        }
        Some(Some(missing)) => format!("{path} does not log {}", missing.join(", ")),
    }
}
