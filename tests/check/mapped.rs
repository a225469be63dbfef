//! The NSA/CISA guidance: each recommendation by the CIS items that prove it.

use super::host::Host;
use super::support::{finding, name, report};
use harden::check::{Benchmark, Verdict, questions};
use harden::inventory::{NodeName, Role};
use harden::resource::{ClusterEvidence, ControlId};
use std::collections::{BTreeMap, BTreeSet};

const NAME: &str = "nsa-cisa-1.2";

#[test]
fn a_recommendation_has_the_worst_verdict_of_its_items() {
    let roles: BTreeSet<Role> = [Role::ControlPlane, Role::Etcd].into();
    let asked = questions(Benchmark::named(NAME).unwrap(), &roles);
    let evidence = Host::quickstart("cp-1").answer(&asked);
    let worker: BTreeSet<Role> = [Role::Worker].into();
    let asked = questions(Benchmark::named(NAME).unwrap(), &worker);
    let nodes =
        [(name("cp-1"), roles, evidence), (name("w-1"), worker, Host::quickstart("w-1").answer(&asked))];
    let id: ControlId = "cis-1.12:1.3.2".parse().unwrap();
    let fixes = BTreeMap::from([(id, BTreeSet::from([String::from("static-pod.kube-controller-manager")]))]);
    let report = report(NAME, &nodes, Some(&ClusterEvidence::default()), &fixes);
    assert_eq!(report.benchmark_title, "NSA/CISA Kubernetes Hardening Guidance v1.2");

    let ports = finding(&report, "2.4", Some("cp-1"));
    assert_eq!(ports.control.to_string(), "nsa-cisa-1.2:2.4");
    assert_eq!(ports.verdict, Verdict::Fail);
    assert!(ports.scored);
    assert_eq!(
        ports.evidence,
        [
            "cis-1.12:1.2.15: kube-apiserver runs without --profiling",
            "cis-1.12:1.2.29: kube-apiserver runs without --tls-cipher-suites",
            "cis-1.12:1.3.2: kube-controller-manager runs without --profiling",
            "cis-1.12:1.4.1: kube-scheduler runs without --profiling",
            "passed: cis-1.12:1.2.24, cis-1.12:1.2.25, cis-1.12:1.3.7, cis-1.12:1.4.2",
        ]
    );
    assert_eq!(ports.fixed_by, ["static-pod.kube-controller-manager"]);
    assert!(!ports.remedy.is_empty());

    // The control plane's part of it passes, the kubelet's is on every node.
    let kubeconfigs = finding(&report, "2.6", Some("w-1"));
    assert_eq!(kubeconfigs.verdict, Verdict::Warn);
    let rbac = finding(&report, "3.3", Some("cp-1"));
    assert_eq!((rbac.verdict, rbac.remedy.as_str()), (Verdict::Pass, ""));
    // What is of the cluster is judged once, what no machine can tell as well.
    assert_eq!(finding(&report, "4.1", None).verdict, Verdict::Warn);
    assert_eq!(finding(&report, "5.1", None).evidence, ["No machine can tell: a person decides."]);
}

/// A waiver for the files must not accept a flag that is wrong beside them.
#[test]
fn an_item_without_objects_stands_among_those_of_the_others() {
    let roles: BTreeSet<Role> = [Role::Worker].into();
    let objects = |keys: &str| {
        let mut host = Host::quickstart("w-1");
        host.kubelet(keys);
        let evidence = host.answer(&questions(Benchmark::named(NAME).unwrap(), &roles));
        let nodes = [(name("w-1"), roles.clone(), evidence)];
        let report = report(NAME, &nodes, Some(&ClusterEvidence::default()), &BTreeMap::new());
        finding(&report, "2.8", Some("w-1")).objects.clone()
    };
    let files = objects("");
    assert!(!files.is_empty() && files.iter().all(|object| object.starts_with('/')), "{files:?}");
    let both = objects("makeIPTablesUtilChains: false\n");
    assert_eq!(both.len(), files.len() + 1);
    assert!(both.contains(&String::from("cis-1.12:4.2.6")), "{both:?}");
}

#[test]
fn findings_come_in_the_guidances_order() {
    let roles: BTreeSet<Role> = Role::ALL.into();
    let benchmark = Benchmark::named(NAME).unwrap();
    let evidence = Host::quickstart("cp-1").answer(&questions(benchmark, &roles));
    let report =
        report(NAME, &[(name("cp-1"), roles, evidence)], Some(&ClusterEvidence::default()), &BTreeMap::new());
    let controls: Vec<_> = benchmark.controls().map(|control| control.item.as_str()).collect();
    let position = |item: &str| controls.iter().position(|other| *other == item).unwrap();
    assert!(report.findings.iter().map(|finding| position(&finding.control.item)).is_sorted());
    let covered: BTreeSet<_> = report.findings.iter().map(|finding| finding.control.item.as_str()).collect();
    assert_eq!(covered.len(), controls.len());
    let mut seen: BTreeSet<(&str, Option<&str>)> = BTreeSet::new();
    for finding in &report.findings {
        let key = (finding.control.item.as_str(), finding.node.as_ref().map(NodeName::as_str));
        assert!(seen.insert(key), "{key:?} twice");
        assert!(!finding.evidence.is_empty());
    }
}
