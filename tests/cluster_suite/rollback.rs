//! A confirmed change of a kubelet and of a scheduler's flags is taken back on a real control plane, and applied again.

use super::{Harden, wait_for};
use crate::support::lab::Lab;
use std::fs;

const NODE: &str = "cp-2";
const CHANGE: &str = "[kubelet.config]\npodPidsLimit = 4095\n\n[scheduler.flags]\nv = \"3\"";

/// What the change is about: both files with their modes and owners, and that nothing is left over.
fn state(lab: &Lab) -> String {
    lab.output(
        NODE,
        "for file in /etc/kubernetes/manifests/kube-scheduler.yaml /var/lib/kubelet/config.yaml; do \
         sha256sum $file; stat -c '%n %a %U %G' $file; done; \
         ls -A /etc/kubernetes/manifests /etc/systemd/system /var/lib/kubelet | grep harden || true; \
         ls /var/lib/harden | grep lock || true",
    )
}

/// The scheduler's process and pod, and the kubelet, are those of the change, or those of before.
fn runs(lab: &Lab, changed: bool) {
    let scheduler = || lab.output(NODE, "pgrep -fa '^kube-scheduler' || true");
    wait_for("the scheduler with its flags", 120, || {
        let running = scheduler();
        !running.is_empty() && running.contains("--v=3") == changed
    });
    let pod = format!("kube-scheduler-{NODE}");
    wait_for("the scheduler's pod", 120, || {
        let ready = "jsonpath={.status.containerStatuses[0].ready} {.spec.containers[0].command}";
        let pod = lab.kubectl(&["-n", "kube-system", "get", "pod", &pod, "-o", ready]);
        pod.starts_with("true ") && pod.contains("--v=3") == changed
    });
    let config = lab.kubectl(&["get", "--raw", &format!("/api/v1/nodes/{NODE}/proxy/configz")]);
    assert_eq!(config.contains("\"podPidsLimit\":4095"), changed, "{config}");
    let node = lab.kubectl(&["get", "node", NODE, "--no-headers"]);
    assert_eq!(node.split_whitespace().nth(1), Some("Ready"), "{node}");
}

pub(super) fn brings_the_old_state_back(lab: &Lab, harden: &mut Harden<'_>) {
    let inventory = lab.inventory().with_file_name("rollback.toml");
    let text = fs::read_to_string(lab.inventory()).unwrap();
    fs::write(&inventory, format!("{text}\n{CHANGE}\n")).unwrap();
    let file = inventory.to_str().unwrap();
    let old = state(lab);
    harden.expect(0, &["-i", file, "apply", "--yes", "--limit", NODE]);
    let new = state(lab);
    assert_ne!(new, old);
    runs(lab, true);

    // Nobody is there to say yes: it is shown, and nothing happens.
    let shown = harden.expect(1, &["-i", file, "rollback", NODE]);
    println!("{}", shown.stdout);
    for words in [
        "Stage: rollback (",
        "podPidsLimit",
        "--v=3",
        "Rollback: ",
        "kube-scheduler runs with its new manifest",
    ] {
        assert!(shown.stdout.contains(words), "the plan does not show {words}");
    }
    assert_eq!(state(lab), new);

    let back = harden.expect(0, &["-i", file, "rollback", NODE, "--yes"]);
    println!("{}", back.stderr);
    assert_eq!(state(lab), old);
    runs(lab, false);
    let status = harden.expect(0, &["status", "--limit", NODE]);
    assert!(status.stdout.contains("committed, took back "), "{}", status.stdout);

    // What the inventory asks for is pending and no drift; by the one from before nothing is to be done.
    let drift = harden.expect(0, &["-i", file, "drift", "--limit", NODE]);
    assert!(drift.stdout.contains("2 pending on 1"), "{}", drift.stdout);
    let plan = harden.expect(2, &["-i", file, "plan", "--detailed-exitcode", "--limit", NODE]);
    assert!(
        plan.stdout.contains("kube-scheduler.yaml") && plan.stdout.contains("/var/lib/kubelet/config.yaml")
    );
    harden.expect(0, &["plan", "--detailed-exitcode", "--limit", NODE]);

    harden.expect(0, &["-i", file, "apply", "--yes", "--limit", NODE]);
    assert_eq!(state(lab), new);
    runs(lab, true);
    harden.expect(0, &["rollback", NODE, "--yes"]);
    assert_eq!(state(lab), old);
    harden.expect(0, &["drift"]);
}
