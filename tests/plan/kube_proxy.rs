//! kube-proxy's metrics address: what is changed, what is not, and that a run that was cut off is taken up again.

use super::fixture::{inputs, inventory, name};
use harden::inventory::{Inventory, Role};
use harden::plan::{ClusterOperation, Plan, build};
use harden::resource::{ClusterObserved, ConfigMapKey, DaemonSetState, ObservedKey};

/// As kubeadm writes it, as far as it matters here.
fn config(address: &str) -> String {
    format!(
        "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nbindAddress: 0.0.0.0\nkind: KubeProxyConfiguration\nmetricsBindAddress: {address}\nmode: \"\"\n"
    )
}

fn cluster(address: &str, annotation: Option<&str>) -> ClusterObserved {
    let key = ObservedKey { value: config(address), resource_version: String::from("7") };
    let annotations = annotation.map(|value| (String::from("harden/metrics-bind-address"), value.to_owned()));
    ClusterObserved {
        config_maps: [(ConfigMapKey::KubeProxyConfiguration, key)].into(),
        kube_proxy: Some(DaemonSetState { annotations: annotations.into_iter().collect() }),
        ..ClusterObserved::default()
    }
}

fn nodes() -> Inventory {
    inventory(&[("cp", &[Role::ControlPlane, Role::Etcd]), ("w", &[Role::Worker])])
}

fn plan(inventory: &Inventory, cluster: &ClusterObserved) -> Plan {
    let mut inputs = inputs(inventory);
    inputs.cluster = Some(cluster);
    build(inputs).unwrap()
}

/// What is done, in order.
fn steps(plan: &Plan) -> Vec<String> {
    let step = |operation: &ClusterOperation| match operation {
        ClusterOperation::ReplaceConfigMapKey { name, key, value, resource_version, .. } => {
            assert_eq!(
                (name.as_str(), key.as_str(), resource_version.as_str()),
                ("kube-proxy", "config.conf", "7")
            );
            value.clone()
        }
        ClusterOperation::RestartDaemonSet { namespace, name, annotation, value } => {
            assert_eq!(annotation, "harden/metrics-bind-address");
            format!("restart {namespace}/{name} with {value}")
        }
        other => panic!("{other:?}"),
    };
    plan.cluster_changes.iter().map(|change| step(&change.operation)).collect()
}

#[test]
fn a_foreign_address_is_changed_and_the_pods_are_restarted() {
    for (before, after) in [
        ("0.0.0.0:10249", "127.0.0.1:10249"),
        ("10.0.0.1:10249", "127.0.0.1:10249"),
        ("'[::]:10249'", "[::1]:10249"),
    ] {
        let plan = plan(&nodes(), &cluster(before, None));
        let found = steps(&plan);
        let quote = if before.starts_with('\'') { '\'' } else { '"' };
        assert_eq!(found[0], config(&format!("{quote}{after}{quote}")), "{before}");
        assert_eq!(found[1..], [format!("restart kube-system/kube-proxy with {after}")]);
        assert!(
            plan.cluster_changes[1].reasons[0]
                .starts_with("restarts kube-proxy on every node, a few at a time")
        );
        assert!(
            plan.notices.iter().any(|notice| notice.contains("loopback-metrics = false")),
            "{:?}",
            plan.notices
        );
        assert!(plan.cluster_changes.iter().all(|change| change.controls[0].to_string() == "cis-1.12:4.3.1"));
    }
}

#[test]
fn what_is_on_loopback_already_stays() {
    for (address, annotation) in [
        ("\"\"", None),
        ("127.0.0.1:10249", Some("127.0.0.1:10249")),
        ("'[::1]:10249'", Some("[::1]:10249")),
        ("127.0.0.1", None),
        ("localhost:9000", None),
    ] {
        let plan = plan(&nodes(), &cluster(address, annotation));
        assert!(plan.cluster_changes.is_empty(), "{address}: {:?}", plan.cluster_changes);
        assert!(!plan.notices.iter().any(|notice| notice.contains("kube-proxy")));
    }
    let mut without = cluster("", None);
    without.config_maps.get_mut(&ConfigMapKey::KubeProxyConfiguration).unwrap().value =
        String::from("kind: x\n");
    assert!(plan(&nodes(), &without).cluster_changes.is_empty());
}

#[test]
fn a_restart_that_a_run_did_not_get_to_is_taken_up_again() {
    for annotation in [None, Some("0.0.0.0:10249")] {
        let plan = plan(&nodes(), &cluster("127.0.0.1:10249", annotation));
        assert_eq!(steps(&plan), ["restart kube-system/kube-proxy with 127.0.0.1:10249"]);
    }
}

#[test]
fn it_is_left_alone_where_it_is_not_there_or_not_wanted() {
    let mut absent = cluster("0.0.0.0:10249", None);
    absent.kube_proxy = None;
    assert!(plan(&nodes(), &absent).cluster_changes.is_empty());
    assert!(plan(&nodes(), &ClusterObserved::default()).cluster_changes.is_empty());
    let mut unwanted = nodes();
    unwanted.kube_proxy.loopback_metrics = false;
    assert!(plan(&unwanted, &cluster("0.0.0.0:10249", None)).cluster_changes.is_empty());
    let (inventory, cluster) = (nodes(), cluster("0.0.0.0:10249", None));
    let mut limited = inputs(&inventory);
    limited.cluster = Some(&cluster);
    limited.limit = [name("cp")].into();
    let plan = build(limited).unwrap();
    assert!(plan.cluster_changes.is_empty());
    assert!(
        plan.notices.iter().any(|notice| notice.contains("kube-proxy is left alone")),
        "{:?}",
        plan.notices
    );
}
