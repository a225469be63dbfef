//! What people and programs do to nodes behind harden's back is found by one drift check, named for what it is, and put right by one
//! apply. A cluster that nobody touched is in order, however often it is asked.

use super::{Harden, tree, wait_for};
use crate::support::lab::{self, Lab};
use serde_json::Value;
use std::time::Instant;

/// How often an untouched cluster is checked.
const TIMES: u32 = 100;

/// One thing that was done to a node, and how it is found.
struct Fault {
    name: &'static str,
    node: &'static str,
    does: &'static str,
    resource: &'static str,
    /// What is said of it.
    what: &'static str,
}

const FAULTS: [Fault; 7] = [
    Fault {
        name: "a flag edited in a manifest",
        node: "cp-2",
        // Not in the folder itself: the kubelet runs every file there.
        does: "cd /etc/kubernetes && cp -p manifests/kube-scheduler.yaml .edited && \
               sed -i s/--profiling=false/--profiling=true/ .edited && mv .edited manifests/kube-scheduler.yaml",
        resource: "static-pod.kube-scheduler",
        what: "--profiling",
    },
    Fault {
        name: "a mode loosened",
        node: "cp-3",
        does: "chmod 644 /etc/kubernetes/admin.conf",
        resource: "attributes.admin-kubeconfigs",
        what: "mode 0644 → 0600",
    },
    Fault {
        name: "a file deleted",
        node: "w-1",
        does: "rm /etc/sysctl.d/99-harden.conf",
        resource: "sysctl.network",
        what: "does not exist",
    },
    Fault {
        name: "a unit masked",
        node: "cp-3",
        // A package has it there; a unit below /etc itself cannot be masked.
        does: "mv /etc/systemd/system/kubelet.service /usr/lib/systemd/system/ && systemctl daemon-reload && systemctl mask kubelet",
        resource: "unit.kubelet",
        what: "masked",
    },
    Fault {
        name: "a process restarted with other flags by hand",
        node: "cp-1",
        does: "cd /var/lib/kubelet && cp -p kubeadm-flags.env kept && sed -i 's/\"$/ --v=3\"/' kubeadm-flags.env && \
               systemctl restart kubelet && mv kept kubeadm-flags.env",
        resource: "unit.kubelet",
        what: "runs with --v=3",
    },
    Fault {
        name: "a certificate swapped for one with other SANs",
        node: "cp-2",
        does: "cd /etc/kubernetes/pki/etcd && openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=cp-2 -keyout /tmp/k -out /tmp/r 2>/dev/null && \
               printf 'subjectAltName=DNS:cp-2,DNS:localhost,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1,IP:%s,DNS:stranger.example\\nextendedKeyUsage=serverAuth,clientAuth\\n' \"$(hostname -I | cut -d' ' -f1)\" >/tmp/e && \
               openssl x509 -req -in /tmp/r -CA ca.crt -CAkey ca.key -CAcreateserial -days 300 -extfile /tmp/e -out /tmp/c 2>/dev/null && \
               cat /tmp/c >server.crt && cat /tmp/k >server.key && rm /tmp/[kcre] ca.srl",
        resource: "certificate.etcd-server",
        what: "stranger.example",
    },
    Fault {
        name: "a kubelet config key changed",
        node: "w-1",
        does: "sed -i 's/^    enabled: false/    enabled: true/' /var/lib/kubelet/config.yaml && systemctl restart kubelet",
        resource: "yaml-keys.kubelet",
        what: "anonymous",
    },
];

/// On a cluster that was applied to. Each is found at once, named, and gone after the next apply.
pub(super) fn is_found_and_cleared(lab: &Lab, harden: &mut Harden<'_>) {
    for fault in &FAULTS {
        lab.output(fault.node, fault.does);
    }
    let begun = Instant::now();
    let drift = harden.expect(2, &["drift", "-o", "json"]);
    println!("figure: a drift check that finds seven faults: {:.2?}", begun.elapsed());
    let report: Value = serde_json::from_str(&drift.stdout).unwrap();
    println!("{}", harden.expect(2, &["drift"]).stdout);
    for Fault { name, node, resource, what, .. } in &FAULTS {
        let of_node = report["nodes"].as_array().unwrap().iter().find(|it| it["node"] == *node).unwrap();
        let items = of_node["items"].as_array().unwrap();
        let item = items.iter().find(|item| item["resource"] == *resource);
        let item = item.unwrap_or_else(|| panic!("{name}: {resource} of {node} is not found: {items:#?}"));
        assert_eq!(item["class"], "drift", "{name}: {item:#}");
        assert!(item["what"].to_string().contains(what), "{name}: {item:#}");
        assert!(of_node["applied"]["by"].is_string(), "{name}: it is not said who applied last");
        println!("figure: {name}: found as {resource} on {node}");
    }
    harden.expect(0, &["apply", "--yes"]);
    let after = harden.expect(0, &["drift"]);
    assert!(after.stdout.contains("No drift"), "{}", after.stdout);
}

/// Exit code 0 a hundred times in a row, and nothing on the nodes is touched by it.
pub(super) fn is_none_where_nobody_was(lab: &Lab, harden: &mut Harden<'_>) {
    let before: Vec<_> = lab.names().iter().map(|node| tree(lab, node)).collect();
    let begun = Instant::now();
    for _ in 0..TIMES {
        let drift = harden.silently(&["drift"]);
        assert_eq!(drift.code, 0, "{}\n{}", drift.stdout, drift.stderr);
    }
    println!("figure: {TIMES} drift checks of a clean cluster: {:.1?}", begun.elapsed());
    let after: Vec<_> = lab.names().iter().map(|node| tree(lab, node)).collect();
    assert_eq!(before, after, "a drift check changed something");
}

/// A node that is down is told apart, and the others are judged all the same.
pub(super) fn a_node_that_is_down_hides_no_other(lab: &Lab, harden: &mut Harden<'_>) {
    lab.output("cp-3", "chmod 644 /etc/kubernetes/admin.conf");
    lab::tool(&["halt", "w-1"]);
    let drift = harden.expect(1, &["drift"]);
    assert!(drift.stdout.contains("Not read:") && drift.stdout.contains("w-1: "), "{}", drift.stdout);
    assert!(drift.stdout.contains("admin.conf: mode 0644 → 0600"), "{}", drift.stdout);
    lab::tool(&["up", "w-1", lab.address("w-1")]);
    wait_for("the node's return", 120, || {
        let node = lab.kubectl(&["get", "node", "w-1", "--no-headers"]);
        node.split_whitespace().nth(1) == Some("Ready")
    });
    harden.expect(0, &["apply", "--yes"]);
    harden.expect(0, &["drift"]);
}
