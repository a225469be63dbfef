//! A plain kubeadm cluster, and one with nothing in it.

use super::{collect, evidence, items, judge, plain_objects};
use harden::check::Verdict;
use harden::resource::ClusterObjects;

/// What kube-bench passes on a plain kubeadm 1.35 cluster.
const PASSED: &[&str] = &["5.1.2", "5.1.4", "5.2.3", "5.2.4"];
/// Where it warns because it counts Kubernetes' own objects.
const BLAMED: &[&str] = &["5.1.1", "5.1.3", "5.1.5", "5.1.6", "5.2.2", "5.2.5", "5.2.6"];
/// What the objects of a plain cluster do not tell: it has no network plugin that is known, no secret store, no image verifier.
const NOT_TOLD: &[&str] = &["5.3.1", "5.4.2", "5.5.1"];

#[test]
fn nobody_is_blamed_for_a_plain_cluster() {
    let cluster = evidence(collect(plain_objects()));
    for item in items() {
        let found = judge(&item, &cluster).unwrap();
        let name = item.as_str();
        let expected = if PASSED.contains(&name) { Verdict::Pass } else { Verdict::Warn };
        assert_eq!(found.verdict, expected, "{item}: {found:#?}");
        assert!(found.objects.is_empty(), "{item}: {found:#?}");
        assert_eq!(found.clean, !NOT_TOLD.contains(&name), "{item}: {found:#?}");
        let says = |part: &str| found.evidence.iter().any(|line| line.contains(part));
        assert_eq!(says("none of yours"), BLAMED.contains(&name), "{item}: {found:#?}");
        assert_eq!(says("not counted"), BLAMED.contains(&name) || counts_shipped(name), "{item}: {found:#?}");
    }
}

/// Items without a test of kube-bench for which Kubernetes' own objects would offend, were they counted.
fn counts_shipped(item: &str) -> bool {
    let without_test = [
        "5.1.2", "5.1.4", "5.1.7", "5.1.8", "5.1.9", "5.1.10", "5.1.11", "5.1.12", "5.1.13", "5.2.7",
        "5.2.8", "5.2.9", "5.2.11", "5.2.12", "5.3.2", "5.6.2",
    ];
    without_test.contains(&item)
}

#[test]
fn an_empty_cluster_offends_nobody() {
    let cluster = evidence(ClusterObjects::default());
    for item in items() {
        let found = judge(&item, &cluster).unwrap();
        assert!(found.objects.is_empty(), "{item}: {found:#?}");
        // kube-bench's `can-i` needs no object to answer no; its lists do.
        let expected = if matches!(item.as_str(), "5.1.2" | "5.1.4") { Verdict::Pass } else { Verdict::Warn };
        assert_eq!(found.verdict, expected, "{item}");
    }
}
