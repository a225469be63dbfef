//! kube-bench on the lab's hosts, and `harden check` beside it: what both say of the same node must agree.

use super::Harden;
use crate::support::lab::Lab;
use std::collections::BTreeMap;
use std::time::Instant;

/// The scored controls that a plain kubeadm control plane fails.
pub(super) const FAILED_BY_KUBEADM: [&str; 12] = [
    "1.1.12", "1.2.15", "1.2.16", "1.2.17", "1.2.18", "1.2.19", "1.2.30", "1.2.5", "1.3.2", "1.4.1", "4.1.1",
    "4.1.9",
];

/// How often the two are timed, in turns.
const ROUNDS: usize = 3;

/// The machine plays every host of the lab at once, so nothing finer than this is demanded of wall times.
const MOST_TIMES_KUBE_BENCH: f64 = 3.0;

/// Control to status, `PASS`, `FAIL` or `WARN`.
pub(super) type Verdicts = BTreeMap<String, String>;

/// What kube-bench says of a node.
pub(super) fn kube_bench(lab: &Lab, node: &str) -> Verdicts {
    let has_etcd_hosts = lab.names().iter().any(|name| name.starts_with("etcd-"));
    let targets = match node.split('-').next() {
        Some("cp") if has_etcd_hosts => "master,controlplane,node,policies",
        Some("cp") => "master,etcd,controlplane,node,policies",
        Some("etcd") => "etcd",
        _ => "node",
    };
    let output = lab.output(
        node,
        &format!(
            "KUBECONFIG=/etc/kubernetes/admin.conf /opt/kube-bench/kube-bench run --targets {targets} --benchmark cis-1.12 \
             --config-dir /opt/kube-bench/cfg --config /opt/kube-bench/cfg/config.yaml --json 2>/dev/null"
        ),
    );
    let report: serde_json::Value = serde_json::from_str(&output).unwrap();
    let mut verdicts = Verdicts::new();
    for control in report["Controls"].as_array().unwrap() {
        for section in control["tests"].as_array().unwrap() {
            for result in section["results"].as_array().unwrap() {
                let text = |key: &str| result[key].as_str().unwrap().to_owned();
                verdicts.insert(text("test_number"), text("status"));
            }
        }
    }
    verdicts
}

/// How many have a status.
pub(super) fn count(verdicts: &Verdicts, status: &str) -> usize {
    verdicts.values().filter(|verdict| *verdict == status).count()
}

/// The controls that fail.
pub(super) fn failed(verdicts: &Verdicts) -> Vec<&str> {
    verdicts.iter().filter(|(_, verdict)| *verdict == "FAIL").map(|(control, _)| control.as_str()).collect()
}

/// What harden says, for each node; what it says of the cluster counts for every node.
pub(super) fn harden_check(harden: &mut Harden<'_>, code: i32) -> BTreeMap<String, Verdicts> {
    let call = harden.expect(code, &["check", "-o", "json"]);
    let report: serde_json::Value = serde_json::from_str(&call.stdout).unwrap();
    let mut verdicts: BTreeMap<String, Verdicts> = BTreeMap::new();
    let mut of_cluster = Verdicts::new();
    for finding in report["findings"].as_array().unwrap() {
        let control = finding["control"].as_str().unwrap();
        let item = control.split_once(':').unwrap().1.to_owned();
        let verdict = finding["verdict"].as_str().unwrap().to_uppercase();
        match finding["node"].as_str() {
            Some(node) => verdicts.entry(node.to_owned()).or_default().insert(item, verdict),
            None => of_cluster.insert(item, verdict),
        };
    }
    for (node, of_node) in &mut verdicts {
        if node.starts_with("cp-") {
            of_node.extend(of_cluster.clone());
        }
    }
    verdicts
}

/// Every control on every node gets the same verdict from both.
pub(super) fn agree(lab: &Lab, harden: &mut Harden<'_>, code: i32) {
    let ours = harden_check(harden, code);
    let mut differing = Vec::new();
    for node in lab.names() {
        for (control, theirs) in kube_bench(lab, node) {
            match ours[node].get(&control) {
                Some(verdict) if *verdict == theirs => {}
                found => {
                    differing.push(format!("{node} {control}: kube-bench {theirs}, harden check {found:?}"));
                }
            }
        }
    }
    assert!(differing.is_empty(), "{differing:#?}");
}

/// Seconds of a whole run of harden on one control plane, login and API included, beside those of kube-bench on that node. Its
/// login is not counted, and it gets no kubeconfig: section 5 asks kubectl dozens of times, which takes it many seconds, and
/// it is not to look slow by that. Both are the best of some rounds.
pub(super) fn is_no_slower(lab: &Lab, harden: &mut Harden<'_>) {
    let (mut ours, mut theirs) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..ROUNDS {
        let started = Instant::now();
        harden.expect(0, &["check", "--limit", "cp-1", "--exit-code", "0"]);
        ours = ours.min(started.elapsed().as_secs_f64());
        let output = lab.output(
            "cp-1",
            "cd /opt/kube-bench && started=$(date +%s%N) && \
             ./kube-bench run --benchmark cis-1.12 --config-dir cfg \
             --config cfg/config.yaml >/dev/null 2>&1; echo $(($(date +%s%N) - started))",
        );
        theirs = theirs.min(output.trim().parse::<f64>().unwrap() / 1e9);
    }
    println!("figure: on cp-1, harden check: {ours:.2} s, kube-bench: {theirs:.2} s");
    assert!(
        ours <= MOST_TIMES_KUBE_BENCH * theirs,
        "harden check took {ours:.2} s, kube-bench {theirs:.2} s"
    );
}
