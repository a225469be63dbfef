//! The order of nodes, the limit, kubeadm's own records, and what cannot be planned.

use super::fixture::*;
use harden::inventory::Role::{ControlPlane, Etcd, Worker};
use harden::plan::wave::MaxUnavailable;
use harden::plan::{ClusterOperation, Gate, Plan, StageTitle, build};
use harden::resource::*;
use std::collections::BTreeMap;

#[test]
fn nodes_go_by_role_and_by_the_inventory_not_by_name() {
    let nodes: &[(&str, &[_])] = &[
        ("a-worker", &[Worker]),
        ("z-cp", &[ControlPlane, Etcd]),
        ("b-worker", &[Worker]),
        ("m-cp", &[ControlPlane, Etcd, Worker]),
        ("z-etcd", &[Etcd]),
        ("0-worker", &[Worker]),
        ("a-etcd", &[Etcd]),
        ("a-cp", &[ControlPlane]),
        ("c-worker", &[Worker]),
    ];
    let inventory = inventory(nodes);
    let mut inputs = inputs(&inventory);
    inputs.max_unavailable = MaxUnavailable::Percent(50);
    let plan = build(inputs).unwrap();
    let waves: Vec<String> = plan
        .waves
        .iter()
        .map(|wave| {
            let nodes: Vec<&str> = wave.nodes.iter().map(|node| node.node.as_str()).collect();
            format!("{}: {}", wave.title, nodes.join(" "))
        })
        .collect();
    assert_eq!(
        waves,
        [
            "canary etcd node: z-etcd",
            "etcd node 2 of 2: a-etcd",
            "canary control-plane node: z-cp",
            "control-plane node 2 of 3: m-cp",
            "control-plane node 3 of 3: a-cp",
            "canary worker: a-worker",
            "workers 2–3 of 4: b-worker 0-worker",
            "worker 4 of 4: c-worker",
        ]
    );
    let gates = |wave: usize| &plan.waves[wave].nodes[0].before;
    assert_eq!(*gates(0), [Gate::EtcdHealthy { node: name("z-etcd") }]);
    assert_eq!(*gates(5), [Gate::NodeReady { node: name("a-worker") }]);
    assert!(!gates(4).contains(&Gate::EtcdHealthy { node: name("a-cp") }));
}

/// A member that fell away while another node was in hand leaves none to spare.
#[test]
fn where_etcd_is_restarted_every_other_member_is_looked_at_first() {
    const MANIFEST: &str = "/etc/kubernetes/manifests/etcd.yaml";
    let planes = ["cp-1", "cp-2", "cp-3"];
    let inventory = inventory(&planes.map(|plane| (plane, &[ControlPlane, Etcd][..])));
    let spec = StaticPodSpec {
        component: "etcd".into(),
        path: path(MANIFEST),
        flags: vec![is("snapshot-count", "20000")],
        mounts: vec![],
        annotations: BTreeMap::new(),
        ..static_pod()
    };
    let etcd = resource("static-pod.etcd", Spec::StaticPod(spec), &[]);
    let wanted = || {
        let mut inputs = inputs(&inventory);
        for plane in ["cp-1", "cp-2"] {
            inputs.desired.get_mut(&name(plane)).unwrap().resources = vec![etcd.clone()];
        }
        for observed in inputs.observed.values_mut() {
            let text = include_str!("kubeadm-1.35/etcd.yaml");
            observed.files.insert(path(MANIFEST), present(text, "0600"));
        }
        inputs
    };
    let healthy = |plane: &&str| Gate::EtcdHealthy { node: name(plane) };
    let members = |plan: &Plan, wave: usize| -> Vec<Gate> {
        let gates = plan.waves[wave].nodes[0].before.iter();
        gates.filter(|gate| matches!(gate, Gate::EtcdHealthy { .. })).cloned().collect()
    };
    let plan = build(wanted()).unwrap();
    assert_eq!(members(&plan, 0), ["cp-1", "cp-2", "cp-3"].iter().map(healthy).collect::<Vec<_>>());
    assert_eq!(members(&plan, 1), ["cp-2", "cp-1", "cp-3"].iter().map(healthy).collect::<Vec<_>>());
    // Its etcd goes on.
    assert_eq!(members(&plan, 2), ["cp-3"].iter().map(healthy).collect::<Vec<_>>());
    // One that could not be read cannot be asked either.
    let mut unseen = wanted();
    unseen.observed.remove(&name("cp-3"));
    unseen.limit.remove(&name("cp-3"));
    assert_eq!(members(&build(unseen).unwrap(), 0), ["cp-1", "cp-2"].iter().map(healthy).collect::<Vec<_>>());
}

#[test]
fn the_limit_leaves_nodes_and_records_out() {
    let inventory = inventory(&[("cp", &[ControlPlane, Etcd]), ("w", &[Worker]), ("lost", &[Worker])]);
    let cluster = records();
    let mut limited = inputs(&inventory);
    limited.cluster = Some(&cluster);
    limited.limit = [name("w")].into();
    // A procedure that rests on every control-plane node neither waits for them nor goes on.
    let title = |name: &str| StageTitle { name: name.into(), title: String::new() };
    limited.remaining = vec![title("encryption-write")];
    limited.stage_gates = vec![Gate::ApiServerReady { node: name("cp") }];
    let plan = build(limited).unwrap();
    assert_eq!((plan.summary().nodes, plan.summary().of, plan.cluster_changes.len()), (1, 1, 0));
    assert!(plan.notices[0].contains("limit"));
    assert!(plan.notices[1].starts_with("encryption-write will not follow"), "{:?}", plan.notices);
    assert_eq!((plan.gates, plan.remaining), (Vec::new(), Vec::new()));
    let mut lost = inputs(&inventory);
    lost.observed.remove(&name("lost"));
    assert_eq!(build(lost).unwrap().unreachable[0].node, name("lost"));
}

fn records() -> ClusterObserved {
    let record = |value: &str| ObservedKey { value: value.into(), resource_version: "7".into() };
    ClusterObserved {
        config_maps: BTreeMap::from([
            (
                ConfigMapKey::ClusterConfiguration,
                record(include_str!("kubeadm-1.35/cluster-configuration.yaml")),
            ),
            (
                ConfigMapKey::KubeletConfiguration,
                record(include_str!("kubeadm-1.35/kubelet-configuration.yaml")),
            ),
        ]),
        ..ClusterObserved::default()
    }
}

#[test]
fn kubeadm_s_records_keep_what_all_nodes_have_in_common() {
    let inventory =
        inventory(&[("cp-1", &[ControlPlane, Etcd]), ("cp-2", &[ControlPlane, Etcd]), ("w", &[Worker])]);
    let cluster = records();
    let mut inputs = inputs(&inventory);
    inputs.cluster = Some(&cluster);
    if let Spec::StaticPod(spec) = &mut inputs.desired.get_mut(&name("cp-2")).unwrap().resources[4].spec {
        spec.flags[2] = is("profiling", "true");
    }
    let plan = build(inputs).unwrap();
    let [control_plane, kubelets] = plan.cluster_changes.as_slice() else {
        panic!("{:?}", plan.cluster_changes)
    };
    assert_eq!(
        control_plane.reasons,
        [
            "apiServer: audit-policy-file is missing, wanted /etc/kubernetes/audit/policy.yaml",
            "apiServer: enable-admission-plugins is missing, wanted NodeRestriction,EventRateLimit",
            "apiServer: volume harden-audit is missing",
        ]
    );
    assert_eq!(
        plan.notices,
        [
            "--profiling of kube-apiserver differs between control-plane nodes and is not kept in kubeadm-config"
        ]
    );
    // The certificate's path would keep a new node's kubelet from starting.
    assert_eq!(kubelets.reasons, ["podPidsLimit is missing, wanted 4096"]);
    assert_eq!(kubelets.subject, "ConfigMap kube-system/kubelet-config");

    let mut after = cluster.clone();
    for (change, key) in plan
        .cluster_changes
        .iter()
        .zip([ConfigMapKey::ClusterConfiguration, ConfigMapKey::KubeletConfiguration])
    {
        let ClusterOperation::ReplaceConfigMapKey { value, resource_version, .. } = &change.operation else {
            panic!()
        };
        assert_eq!(resource_version, "7");
        after.config_maps.get_mut(&key).unwrap().value.clone_from(value);
    }
    let mut again = self::inputs(&inventory);
    again.cluster = Some(&after);
    // Now all nodes want it, so it is kept.
    let plan = build(again).unwrap();
    assert_eq!(plan.cluster_changes.len(), 1);
    assert_eq!(plan.cluster_changes[0].reasons, ["apiServer: profiling is missing, wanted false"]);
}

#[test]
fn every_problem_is_named_with_node_and_resource() {
    let inventory = inventory(&[("cp", &[ControlPlane, Etcd]), ("w", &[Worker])]);
    let mut inputs = inputs(&inventory);
    let cp = inputs.observed.get_mut(&name("cp")).unwrap();
    cp.files.insert(path(API_PATH), FileState::Absent);
    cp.files
        .insert(path("/etc/kubernetes/audit/policy.yaml"), FileState::Unknown("permission denied".into()));
    let w = inputs.observed.get_mut(&name("w")).unwrap();
    w.files.insert(path(KUBELET_PATH), FileState::Absent);
    w.units
        .insert("containerd.service".into(), UnitState { load: "not-found".into(), ..UnitState::default() });
    let error = build(inputs).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no plan can be made:\n  \
         cp: file.audit-policy: compare /etc/kubernetes/audit/policy.yaml: permission denied\n  \
         cp: static-pod.kube-apiserver: find the manifest /etc/kubernetes/manifests/kube-apiserver.yaml: there is none\n  \
         w: yaml-keys.kubelet: find /var/lib/kubelet/config.yaml: there is no such file\n  \
         w: unit.containerd: find the unit containerd.service: systemd says it is not-found"
    );
}

#[test]
fn two_resources_that_write_one_path_are_refused() {
    let inventory = inventory(&[("cp", &[ControlPlane, Etcd])]);
    let mut inputs = inputs(&inventory);
    let resources = &mut inputs.desired.get_mut(&name("cp")).unwrap().resources;
    resources.push(resource("file.other-policy", Spec::File(policy()), &[]));
    let error = build(inputs).unwrap_err().to_string();
    assert!(
        error
            .contains("file.audit-policy and file.other-policy both write /etc/kubernetes/audit/policy.yaml"),
        "{error}"
    );
}
