//! Kubernetes nodes: Ready, and under no pressure.

use super::{Facts, Findings, Preflight, Scope};
use crate::cluster::NodeInfo;
use crate::inventory::NodeName;

/// Conditions under which the kubelet evicts pods and deletes images, and what relieves them.
const PRESSURES: &[(&str, &str)] = &[
    ("DiskPressure", "make room on its disk; the kubelet deletes images that nothing runs from meanwhile"),
    ("MemoryPressure", "free memory on it, or move workloads away"),
    ("PIDPressure", "see what runs so many processes there, and end it"),
];

pub(super) fn judge(scope: &Scope, facts: &Facts, findings: &mut Findings) {
    let Some(kubernetes) = &facts.kubernetes else { return };
    for name in &scope.kubernetes {
        if !kubernetes.iter().any(|info| info.name == name.as_str()) {
            findings.refuse(
                Preflight::Nodes,
                Some(name),
                "the cluster has no node of that name",
                "let it join, or name it in the inventory as `kubectl get nodes` does",
            );
        }
    }
    for info in kubernetes {
        let name = NodeName(info.name.clone());
        // Control planes that the inventory does not name stand by all the same.
        if scope.kubernetes.contains(&name) || info.roles.contains("control-plane") {
            concerned(&name, info, findings);
        } else if !info.ready {
            findings.note(Some(&name), "not Ready, and not touched");
        }
    }
}

fn concerned(name: &NodeName, info: &NodeInfo, findings: &mut Findings) {
    if !info.ready {
        findings.refuse(
            Preflight::Nodes,
            Some(name),
            format!("it is not Ready: {}", info.reason),
            "see `journalctl -u kubelet` there",
        );
    }
    for pressure in &info.pressures {
        match PRESSURES.iter().find(|(known, _)| known == pressure) {
            Some((_, remedy)) => {
                findings.refuse(Preflight::Nodes, Some(name), format!("it reports {pressure}"), *remedy);
            }
            None => findings.note(Some(name), format!("it reports {pressure}")),
        }
    }
    if info.unschedulable {
        findings.note(Some(name), "cordoned");
    }
}
