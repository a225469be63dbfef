//! What a plan says of the time in which it is applied, and what of it preflights look at.

use super::fixture::*;
use harden::health::preflight::{Need, Scope};
use harden::inventory::NodeName;
use harden::inventory::Role::{ControlPlane, Etcd, Worker};
use harden::plan::build;
use std::collections::BTreeSet;

const AWAY: &str =
    "cp is the only control plane: the API is away while its kube-apiserver restarts, up to 45 s with";

#[test]
fn the_outage_of_a_single_control_plane_is_announced() {
    let single = inventory(&[("cp", &[ControlPlane, Etcd]), ("w", &[Worker])]);
    let plan = build(inputs(&single)).unwrap();
    assert_eq!(
        plan.notices.iter().filter(|notice| notice.starts_with(AWAY)).count(),
        1,
        "{:?}",
        plan.notices
    );
    // Its API server does not restart.
    let mut kubelets = inputs(&single);
    kubelets.limit = [name("w")].into();
    assert!(!build(kubelets).unwrap().notices.iter().any(|notice| notice.contains("only control plane")));
    // Another one answers meanwhile.
    let three = inventory(&[("cp", &[ControlPlane, Etcd]), ("cp-2", &[ControlPlane, Etcd])]);
    assert!(
        !build(inputs(&three)).unwrap().notices.iter().any(|notice| notice.contains("only control plane"))
    );
    // Nothing runs in a directory tree.
    let mut offline = inputs(&single);
    offline.observed.values_mut().for_each(|observed| observed.facts.live = false);
    assert!(!build(offline).unwrap().notices.iter().any(|notice| notice.contains("only control plane")));
}

#[test]
fn preflights_look_at_what_a_plan_touches() {
    let names = |names: &[&str]| -> BTreeSet<NodeName> { names.iter().map(|text| name(text)).collect() };
    let inventory = inventory(&[
        ("cp", &[ControlPlane, Etcd]),
        ("cp-2", &[ControlPlane, Etcd]),
        ("db", &[Etcd]),
        ("w", &[Worker]),
        ("w-2", &[Worker]),
    ]);
    let mut only = inputs(&inventory);
    only.limit = names(&["cp", "w"]);
    let scope = Scope::of(&build(only).unwrap(), &inventory);
    assert_eq!(scope.touched.keys().cloned().collect::<BTreeSet<_>>(), names(&["cp", "w"]));
    assert_eq!(scope.control_planes, names(&["cp", "cp-2"]));
    assert_eq!(scope.kubernetes, names(&["cp", "cp-2", "w"]));
    assert!(scope.touches_etcd);
    let plane = &scope.touched[&name("cp")];
    assert!(plane.restarts && scope.touched[&name("w")].restarts);
    let expected: BTreeSet<String> = harden::plan::yaml::parse(API).unwrap()["spec"]["containers"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|container| Some(container["image"].as_str()?.to_owned()))
        .collect();
    assert_eq!(plane.images["kube-apiserver"], expected);
    assert_eq!(plane.renews, [CERTIFICATE_PATH.to_owned()].into());
    assert!(plane.needs["/etc/kubernetes/manifests"].bytes > 2 * 100);
    assert_eq!(plane.needs["/etc/kubernetes/pki/etcd"], Need { bytes: 4 * 16 * 1024, files: 2 });
    assert!(plane.needs["/var/lib/harden"].files > 8);
    let mut workers = inputs(&inventory);
    workers.limit = names(&["w-2"]);
    let scope = Scope::of(&build(workers).unwrap(), &inventory);
    assert!(!scope.touches_etcd && scope.kubernetes == names(&["cp", "cp-2", "w-2"]));

    // The stages that follow are about the control planes.
    let mut workers = inputs(&inventory);
    workers.remaining = vec![stage()];
    let mut plan = build(workers).unwrap();
    for wave in &mut plan.waves {
        wave.nodes.retain(|node| node.node == name("w"));
    }
    plan.in_sync = vec![name("cp"), name("w-2")];
    let scope = Scope::of(&plan, &inventory);
    assert_eq!(scope.touched.keys().cloned().collect::<BTreeSet<_>>(), names(&["cp", "w"]));
    assert!(scope.touches_etcd && scope.touched[&name("cp")].restarts);
    assert_eq!(scope.touched[&name("cp")].needs["/var/lib/harden"], Need::default());
}
