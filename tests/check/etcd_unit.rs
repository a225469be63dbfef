//! An etcd that systemd runs, as the templates make it: judged by its environment, on a host of its own.

use super::host::Host;
use super::support::{Node, finding, name, report};
use crate::desired::{Case, rendered_for};
use harden::check::{Benchmark, Difference, Report, Verdict, questions};
use harden::inventory::Role;
use harden::resource::Spec;
use std::collections::{BTreeMap, BTreeSet};

const CONFIGURATION: &str = "/etc/etcd/etcd.conf";

/// The file as the template makes it.
fn configuration() -> String {
    let desired = rendered_for(&Case::external(), "etcd-1");
    let text = desired.resources.into_iter().find_map(|resource| match resource.spec {
        Spec::File(file) if file.path.as_str() == CONFIGURATION => Some(file.content.text),
        _ => None,
    });
    text.unwrap()
}

/// The environment that it gives a process.
fn environment(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    lines.map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned())).collect()
}

fn hardened() -> Host {
    let mut host = Host::default();
    host.write(CONFIGURATION, "600 root:root", &configuration());
    host.set("/var/lib/etcd", "d700 etcd:etcd");
    host.run("/usr/local/bin/etcd --data-dir=/var/lib/etcd");
    host.environment("etcd", &environment(&configuration()));
    host
}

fn node(host: &Host, roles: &[Role]) -> Node {
    let roles: BTreeSet<Role> = roles.iter().copied().collect();
    let evidence = host.answer(&questions(Benchmark::named("cis-1.12").unwrap(), &roles));
    (name("etcd-1"), roles, evidence)
}

fn judged(host: &Host) -> Report {
    report("cis-1.12", &[node(host, &[Role::Etcd])], None, &BTreeMap::new())
}

fn verdicts(report: &Report, verdict: Verdict) -> Vec<&str> {
    let of_node = report.findings.iter().filter(|finding| finding.node.is_some());
    of_node
        .filter(|finding| finding.verdict == verdict)
        .map(|finding| finding.control.item.as_str())
        .collect()
}

#[test]
fn what_the_templates_make_passes_everything() {
    let report = judged(&hardened());
    let all = ["1.1.7", "1.1.8", "1.1.11", "1.1.12", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7"];
    assert_eq!(verdicts(&report, Verdict::Pass), all);
    assert_eq!(verdicts(&report, Verdict::Fail), [""; 0]);
    assert!(report.findings.iter().all(|finding| finding.differences.is_empty()));
    assert_eq!(
        finding(&report, "2.2", Some("etcd-1")).evidence,
        ["etcd runs with ETCD_CLIENT_CERT_AUTH=true"]
    );
}

#[test]
fn what_is_missing_fails_by_file_and_by_variable() {
    let mut host = hardened();
    host.write(CONFIGURATION, "644 etcd:root", &configuration());
    host.set("/var/lib/etcd", "d750 root:root");
    let mut variables = environment(&configuration());
    variables.insert("ETCD_AUTO_TLS".into(), "true".into());
    variables.remove("ETCD_PEER_KEY_FILE");
    host.environment("etcd", &variables);
    let report = judged(&host);
    assert_eq!(verdicts(&report, Verdict::Fail), ["1.1.7", "1.1.8", "1.1.11", "1.1.12", "2.3", "2.4"]);
    // The file has the key: it is the process that was not restarted.
    let differences = &finding(&report, "2.4", Some("etcd-1")).differences;
    assert_eq!(*differences, [Difference::NotRestarted]);
}

#[test]
fn what_the_file_lost_is_lost_at_the_next_start() {
    let mut host = hardened();
    let text = configuration().replace("ETCD_CLIENT_CERT_AUTH=\"true\"", "ETCD_CLIENT_CERT_AUTH=false");
    host.write(CONFIGURATION, "600 root:root", &text);
    let report = judged(&host);
    let found = finding(&report, "2.2", Some("etcd-1"));
    assert_eq!(
        (found.verdict, found.differences.as_slice()),
        (Verdict::Pass, &[Difference::LostAtRestart][..])
    );
    assert_eq!(
        found.evidence[1],
        "/etc/etcd/etcd.conf has ETCD_CLIENT_CERT_AUTH=false: lost when the process starts again"
    );
    // A file beside a process whose flags are all on its command line is none that it reads.
    host.environment("etcd", &BTreeMap::new());
    let report = judged(&host);
    assert!(finding(&report, "2.2", Some("etcd-1")).differences.is_empty());
}

#[test]
fn its_ca_is_compared_beside_an_api_server() {
    let mut host = Host::quickstart("cp-1");
    host.flags("kube-apiserver", &["--client-ca-file=/etc/kubernetes/pki/etcd/ca.crt"]);
    host.restart();
    let mut variables = environment(&configuration());
    variables.insert("ETCD_TRUSTED_CA_FILE".into(), "/etc/kubernetes/pki/etcd/ca.crt".into());
    let flags = host.clone();
    for shared in [true, false] {
        let mut host = flags.clone();
        host.stop("etcd");
        host.run("/usr/local/bin/etcd --data-dir=/var/lib/etcd");
        if !shared {
            variables.insert("ETCD_TRUSTED_CA_FILE".into(), "/etc/kubernetes/pki/ca.crt".into());
        }
        host.environment("etcd", &variables);
        let nodes = [node(&host, &[Role::ControlPlane, Role::Etcd])];
        let report = report("cis-1.12", &nodes, None, &BTreeMap::new());
        assert_eq!(finding(&report, "2.7", Some("etcd-1")).clean, Some(!shared));
    }
}
