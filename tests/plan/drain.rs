//! Which nodes are drained, what is said of it, and cordons that were left behind.

use super::fixture::*;
use harden::inventory::Inventory;
use harden::inventory::Role::{self, ControlPlane, Etcd, Worker};
use harden::plan::{ClusterOperation, Drain, Plan, build};
use harden::resource::*;
use std::time::Duration;

const NODES: &[(&str, &[Role])] =
    &[("cp", &[ControlPlane, Etcd]), ("w-1", &[Worker]), ("w-2", &[Worker]), ("etcd", &[Etcd])];

fn drained(nodes: &[(&str, &[Role])], roles: &[Role]) -> Inventory {
    let mut inventory = inventory(nodes);
    inventory.apply.drain.roles = roles.iter().copied().collect();
    inventory.apply.drain.deadline = Duration::from_mins(10);
    inventory.apply.drain.delete_emptydir_data = true;
    inventory
}

fn names(plan: &Plan) -> Vec<&str> {
    let nodes = plan.waves.iter().flat_map(|wave| &wave.nodes);
    nodes.filter(|node| node.drain.is_some()).map(|node| node.node.as_str()).collect()
}

#[test]
fn a_node_is_drained_where_its_role_says_so_and_its_kubelet_restarts() {
    for (roles, expected) in [
        (&[][..], &[][..]),
        (&[Worker], &["w-1", "w-2"]),
        (&[ControlPlane], &["cp"]),
        (&[Worker, ControlPlane], &["cp", "w-1", "w-2"]),
    ] {
        let inventory = drained(NODES, roles);
        let plan = build(inputs(&inventory)).unwrap();
        assert_eq!(names(&plan), expected, "{roles:?}");
        assert!(!plan.notices.iter().any(|notice| notice.contains("evicted")), "{:?}", plan.notices);
        for node in plan.waves.iter().flat_map(|wave| &wave.nodes) {
            let drain = Drain { deadline: 600, delete_emptydir_data: true, delete_unmanaged_pods: false };
            assert!(node.drain.is_none_or(|found| found == drain));
        }
    }
}

#[test]
fn what_restarts_no_pods_drains_nothing() {
    let inventory = drained(NODES, &[Worker, ControlPlane]);
    let of = |restarts: &[&str], live: bool| {
        let mut inputs = inputs(&inventory);
        for desired in inputs.desired.values_mut() {
            desired.resources = vec![
                resource("sysctl.kernel", Spec::Sysctl(sysctl()), &[]),
                resource("file.audit-policy", Spec::File(policy()), restarts),
            ];
        }
        for observed in inputs.observed.values_mut() {
            observed.facts.live = live;
        }
        names(&build(inputs).unwrap()).len()
    };
    assert_eq!(of(&[], true), 0);
    assert_eq!(of(&["ssh.service", "auditd.service"], true), 0);
    assert_eq!(of(&["containerd.service"], true), 3);
    assert_eq!(of(&["crio.service"], true), 3);
    assert_eq!(of(&["kubelet.service"], false), 0, "nothing runs in a directory tree");
}

#[test]
fn pods_that_have_nowhere_to_go_are_announced() {
    let notice = |nodes: &[(&str, &[Role])], roles: &[Role]| {
        let inventory = drained(nodes, roles);
        let plan = build(inputs(&inventory)).unwrap();
        plan.notices.into_iter().find(|notice| notice.contains("evicted"))
    };
    let lone = notice(&[("cp", &[ControlPlane, Etcd]), ("w", &[Worker])], &[Worker]).unwrap();
    assert!(lone.starts_with(
        "w is the only worker: what is evicted from it has nowhere to go but to control planes"
    ));
    let single = notice(&[("cp", &[ControlPlane, Etcd])], &[ControlPlane]).unwrap();
    assert!(
        single.starts_with("cp is the only node: what is evicted from it has nowhere to go, and"),
        "{single}"
    );
    assert_eq!(notice(NODES, &[Worker]), None);
    assert_eq!(notice(&[("cp", &[ControlPlane, Etcd]), ("w", &[Worker])], &[ControlPlane]), None);
}

#[test]
fn a_cordon_that_was_left_behind_is_taken_away() {
    let inventory = drained(NODES, &[Worker]);
    let mark = "1795470000-0000000f by you@there";
    let mut cluster = ClusterObserved::default();
    cluster.cordoned.insert(String::from("w-1"), mark.to_owned());
    cluster.cordoned.insert(String::from("of-nobody-here"), mark.to_owned());
    let uncordoned = |in_sync: bool, partial: bool, limit: &[&str]| {
        let mut inputs = inputs(&inventory);
        if in_sync {
            inputs.desired.get_mut(&name("w-1")).unwrap().resources.clear();
        }
        inputs.partial = partial;
        inputs.limit.retain(|node| limit.is_empty() || limit.contains(&node.as_str()));
        inputs.cluster = Some(&cluster);
        let plan = build(inputs).unwrap();
        let changes = plan.cluster_changes.into_iter();
        let changes = changes.filter(|it| matches!(it.operation, ClusterOperation::Uncordon { .. }));
        changes.map(|it| format!("{}: {}", it.subject, it.reasons.concat())).collect::<Vec<_>>()
    };
    let change = format!("Node w-1: it takes pods again: transaction {mark} left it cordoned");
    assert_eq!(uncordoned(true, false, &[]), [change.as_str()]);
    assert_eq!(uncordoned(true, false, &["w-1"]), [change.as_str()]);
    assert!(uncordoned(true, false, &["w-2"]).is_empty());
    assert!(uncordoned(true, true, &[]).is_empty(), "a part is about nothing else");
    assert!(uncordoned(false, false, &[]).is_empty(), "it is drained again, and uncordoned with that");
}
