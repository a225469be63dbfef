//! Which pods of a node are evicted, which are left alone, and which may not be lost. Pure; the rules are those of `kubectl drain`,
//! except that pods that run nothing any more are left to whoever reads their logs.

use super::{DrainError, Unevictable};
use crate::cluster::PodOnNode;
use crate::inventory::NodeName;
use crate::plan::Drain;

/// The pods that are to be evicted; an error where one of them would lose what nobody brings back.
pub(super) fn select(
    node: &NodeName,
    pods: Vec<PodOnNode>,
    settings: &Drain,
) -> Result<Vec<PodOnNode>, DrainError> {
    let running: Vec<PodOnNode> = pods.into_iter().filter(|pod| !stays(pod)).collect();
    let refused: Vec<Unevictable> = running.iter().filter_map(|pod| unevictable(pod, settings)).collect();
    if refused.is_empty() {
        Ok(running)
    } else {
        Err(DrainError::Refused { node: node.clone(), pods: refused })
    }
}

/// A DaemonSet's pod would be created again on the same node at once; a mirror pod is no pod of the API's.
fn stays(pod: &PodOnNode) -> bool {
    pod.mirror || pod.finished || pod.controller.as_deref() == Some("DaemonSet")
}

fn unevictable(pod: &PodOnNode, settings: &Drain) -> Option<Unevictable> {
    let of = |reason: String, setting| Unevictable {
        pod: format!("{}/{}", pod.namespace, pod.name),
        reason,
        setting,
    };
    // What is being deleted is lost already.
    if pod.terminating {
        return None;
    }
    if pod.controller.is_none() && !settings.delete_unmanaged_pods {
        return Some(of(String::from("no controller creates it again"), "delete-unmanaged-pods"));
    }
    match pod.empty_dirs.first() {
        Some(volume) if !settings.delete_emptydir_data => {
            Some(of(format!("it keeps data in the emptyDir `{volume}`"), "delete-emptydir-data"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, controller: Option<&str>) -> PodOnNode {
        PodOnNode {
            namespace: String::from("a"),
            name: name.to_owned(),
            uid: name.to_owned(),
            controller: controller.map(str::to_owned),
            ..PodOnNode::default()
        }
    }

    const STRICT: Drain = Drain { deadline: 300, delete_emptydir_data: false, delete_unmanaged_pods: false };
    const LOOSE: Drain = Drain { deadline: 300, delete_emptydir_data: true, delete_unmanaged_pods: true };

    fn pods() -> Vec<PodOnNode> {
        let cache = |pod: PodOnNode| PodOnNode { empty_dirs: vec![String::from("cache")], ..pod };
        vec![
            pod("web", Some("ReplicaSet")),
            pod("database", Some("StatefulSet")),
            cache(pod("with-data", Some("ReplicaSet"))),
            pod("alone", None),
            cache(pod("agent", Some("DaemonSet"))),
            PodOnNode { mirror: true, ..pod("etcd-cp-1", Some("Node")) },
            PodOnNode { finished: true, ..cache(pod("job", Some("Job"))) },
            PodOnNode { finished: true, ..pod("done", None) },
            PodOnNode { terminating: true, ..pod("going", None) },
        ]
    }

    #[test]
    fn daemon_sets_static_pods_and_what_has_ended_stay() {
        let node = NodeName(String::from("w-1"));
        let selected = select(&node, pods(), &LOOSE).unwrap();
        let names: Vec<&str> = selected.iter().map(|pod| pod.name.as_str()).collect();
        assert_eq!(names, ["web", "database", "with-data", "alone", "going"]);
    }

    #[test]
    fn what_would_be_lost_is_refused_by_name() {
        let node = NodeName(String::from("w-1"));
        let refused = |settings: Drain| match select(&node, pods(), &settings) {
            Err(DrainError::Refused { pods, .. }) => {
                pods.into_iter().map(|it| format!("{} ({}): {}", it.pod, it.reason, it.setting)).collect()
            }
            _ => Vec::new(),
        };
        let data = "a/with-data (it keeps data in the emptyDir `cache`): delete-emptydir-data";
        let alone = "a/alone (no controller creates it again): delete-unmanaged-pods";
        assert_eq!(refused(STRICT), [data, alone]);
        assert_eq!(refused(Drain { delete_emptydir_data: true, ..STRICT }), [alone]);
        assert_eq!(refused(Drain { delete_unmanaged_pods: true, ..STRICT }), [data]);
        assert!(refused(LOOSE).is_empty());
    }
}
