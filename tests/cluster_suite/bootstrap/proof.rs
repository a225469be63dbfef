//! What is true of every cluster that was made by harden, from its first second on.

use super::super::{Harden, POISON, benchmark};
use super::Topology;
use super::site::Site;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// In a ConfigMap, where everybody can read it.
const PLAIN: &str = "plain-8d1b50c2e4";

/// Every node is Ready, etcd's members are those of the inventory, and nothing is to be changed.
pub(super) fn is_as_declared(site: &Site, harden: &mut Harden<'_>) {
    let ready = site.lab().kubectl(&[
        "get",
        "nodes",
        "-o",
        r#"jsonpath={range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}"#,
    ]);
    let expected: Vec<_> = site.kubernetes_nodes().iter().map(|name| format!("{name} True")).collect();
    assert_eq!(ready.lines().collect::<Vec<_>>(), expected);
    assert_eq!(members(site), site.nodes(Some("etcd")).into_iter().collect());
    let plan = harden.expect(0, &["plan", "--detailed-exitcode"]);
    assert!(plan.stdout.contains("No changes"), "{}", plan.stdout);
}

fn members(site: &Site) -> BTreeSet<String> {
    let list = site.lab().output(
        &site.nodes(Some("etcd"))[0],
        "cd /etc/etcd/pki 2>/dev/null || cd /etc/kubernetes/pki/etcd; etcdctl --cacert ca.crt --cert healthcheck-client.crt \
         --key healthcheck-client.key -w json member list",
    );
    let list: Value = serde_json::from_str(&list).unwrap();
    let members = list["members"].as_array().unwrap().iter();
    let members = members.inspect(|member| assert_ne!(member["isLearner"], true, "{member} does not vote"));
    members.map(|member| member["name"].as_str().unwrap_or("a member without a name").to_owned()).collect()
}

/// Hardened by both judges; nothing left of how it was made; no Secret was ever readable in etcd's files.
pub(super) fn holds(topology: &Topology, site: &Site, harden: &mut Harden<'_>) {
    for (node, verdicts) in benchmark::harden_check(harden, 0) {
        assert_eq!(benchmark::failed(&verdicts), [""; 0], "{node}");
    }
    for node in site.nodes(None) {
        let found = benchmark::kube_bench(site.lab(), &node);
        let totals = ["PASS", "FAIL", "WARN"].map(|status| benchmark::count(&found, status));
        println!("figure: kube-bench on {node}: {} PASS, {} FAIL, {} WARN", totals[0], totals[1], totals[2]);
        let expected = if node.starts_with("cp-") { topology.elsewhere } else { &[] };
        assert_eq!(benchmark::failed(&found), expected, "{node}");
    }
    nothing_is_left_of_the_bootstrap(site);
    no_secret_was_ever_readable(site);
}

fn nothing_is_left_of_the_bootstrap(site: &Site) {
    let secrets = site.lab().kubectl(&["-n", "kube-system", "get", "secrets", "-o", "json"]);
    let secrets: Value = serde_json::from_str(&secrets).unwrap();
    for secret in secrets["items"].as_array().unwrap() {
        let (name, kind) = (&secret["metadata"]["name"], &secret["type"]);
        assert!(
            name != "kubeadm-certs" && kind != "bootstrap.kubernetes.io/token",
            "{name} of type {kind} is left"
        );
    }
    for node in site.nodes(None) {
        let left = site.lab().output(
            &node,
            "ls -d /etc/kubernetes/super-admin.conf /etc/kubernetes/bootstrap-kubelet.conf \
             /var/lib/harden/kubeadm /var/lib/harden/joining 2>/dev/null || true",
        );
        assert_eq!(left, "", "{node}");
    }
}

/// etcd's files hold what was written since its first start. That a search would find it is shown by a ConfigMap.
fn no_secret_was_ever_readable(site: &Site) {
    let lab = site.lab();
    lab.kubectl(&["create", "secret", "generic", "sealed", &format!("--from-literal=word={POISON}")]);
    lab.kubectl(&["create", "configmap", "open", &format!("--from-literal=word={PLAIN}")]);
    for node in site.nodes(Some("etcd")) {
        let files = |word: &str| {
            // Nothing but the snapshot database and the log of what was written to it.
            let command = format!("grep -rlaF -e {word} /var/lib/etcd/member || true");
            lab.output(&node, &command).lines().map(str::to_owned).collect::<Vec<_>>()
        };
        let of_log = |files: &[String]| {
            files.iter().any(|file| Path::new(file).extension().is_some_and(|end| end == "wal"))
        };
        super::super::wait_for("the database's write to its file", 30, || {
            let found = files(PLAIN);
            of_log(&found) && found.iter().any(|file| file.ends_with("/db"))
        });
        assert_eq!(files(POISON), Vec::<String>::new(), "{node}");
    }
}
