//! What must not be able to leave a node between its old state and its new one, on real hosts: harden killed, a node switched
//! off, SSH cut by the change itself, a flag that crash-loops, two applies at once.

use super::{Harden, wait_for};
use crate::support::lab::{self, Lab};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// The file that these faults change on the worker, with what is restarted for it.
const CHANGED: &str = "/var/lib/kubelet/config.yaml";

/// An inventory of its own beside templates of its own.
pub(super) struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    pub(super) fn new(lab: &Lab, addition: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let inventory = fs::read_to_string(lab.inventory()).unwrap();
        fs::write(folder.path().join("harden.toml"), format!("{inventory}\n{addition}\n")).unwrap();
        // The encryption keys are those of the cluster.
        let store = lab.inventory().with_file_name("secrets");
        if store.exists() {
            std::os::unix::fs::symlink(store, folder.path().join("secrets")).unwrap();
        }
        Self { folder }
    }

    fn template(&self, name: &str, text: &str) {
        let file = self.folder.path().join("templates").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    pub(super) fn inventory(&self) -> PathBuf {
        self.folder.path().join("harden.toml")
    }
}

/// harden, until it says something on its way. Its process is the caller's.
fn apply_until(harden: &Harden<'_>, site: &Site, arguments: &[&str], words: &str) -> Child {
    let mut child = Command::new(env!("CARGO_BIN_EXE_harden"))
        .args(["-i", site.inventory().to_str().unwrap(), "apply", "--yes"])
        .args(arguments)
        .env("HARDEN_KEY_FILE", &harden.key_file)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = Vec::new();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let found = lines.any(|line| {
        said.push(line.clone());
        line.contains(words)
    });
    assert!(found, "harden never said `{words}`:\n{}", said.join("\n"));
    // It goes on talking, and must not end for want of a listener.
    std::thread::spawn(move || lines.for_each(drop));
    child
}

/// What the faults are seen by: the changed file, the last transaction's marker and result, and everything that must be gone.
fn state(lab: &Lab, node: &str) -> String {
    lab.output(
        node,
        &format!(
            "sha256sum <{CHANGED}; cd /var/lib/harden/txn && last=$(ls | sort | tail -n 1) && \
             for marker in pending reverting failed committed reverted; do [ ! -e $last/$marker ] || echo $marker; done; \
             cat $last/result; ls -A /etc/kubernetes/manifests /etc/systemd/system /var/lib/kubelet | grep harden || true; \
             ls /var/lib/harden | grep lock || true; systemctl is-active kubelet || true"
        ),
    )
}

fn digest(lab: &Lab, node: &str) -> String {
    lab.output(node, &format!("sha256sum <{CHANGED}"))
}

/// The old file, put back by this mode, and nothing left over.
fn is_put_back(lab: &Lab, node: &str, old: &str, mode: &str) -> bool {
    let output = lab.ssh(node, "true");
    if !output.status.success() {
        return false;
    }
    let state = state(lab, node);
    println!("{state}");
    let lines: Vec<&str> = state.lines().collect();
    lines.len() == 4
        && lines[0] == old.trim()
        && lines[1] == "reverted"
        && lines[2].starts_with(&format!("{mode} "))
        && lines[3] == "active"
}

const PIDS: &str = "[kubelet.config]\npodPidsLimit = 4095";

/// The five, one after the other: each leaves the cluster as it found it.
pub(super) fn leave_the_old_state_or_the_new_one(lab: &Lab, harden: &mut Harden<'_>) {
    harden_that_is_killed_is_not_needed(lab, harden);
    a_node_that_is_switched_off_starts_with_its_old_state(lab, harden);
    ssh_that_the_change_cuts_comes_back(lab, harden);
    a_flag_that_crash_loops_is_put_back_with_its_reason(lab, harden);
    the_second_of_two_applies_is_refused(lab, harden);
    harden.expect(0, &["drift"]);
}

fn harden_that_is_killed_is_not_needed(lab: &Lab, harden: &Harden<'_>) {
    let (site, old) = (Site::new(lab, PIDS), digest(lab, "w-1"));
    let mut child =
        apply_until(harden, &site, &["--limit", "w-1", "--rollback-after", "45s"], "w-1  log in anew");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_ne!(digest(lab, "w-1"), old, "it was killed too early to prove anything");
    wait_for("the rollback by the node's timer", 120, || is_put_back(lab, "w-1", &old, "alone"));
}

fn a_node_that_is_switched_off_starts_with_its_old_state(lab: &Lab, harden: &Harden<'_>) {
    let (site, old) = (Site::new(lab, PIDS), digest(lab, "w-1"));
    let mut child = apply_until(harden, &site, &["--limit", "w-1"], "w-1  log in anew");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_ne!(digest(lab, "w-1"), old, "it was killed too early to prove anything");
    lab::tool(&["halt", "w-1"]);
    lab::tool(&["up", "w-1", lab.address("w-1")]);
    wait_for("the rollback at the node's start", 120, || is_put_back(lab, "w-1", &old, "boot"));
    wait_for("the node to be Ready", 120, || {
        let node = lab.kubectl(&["get", "node", "w-1", "--no-headers"]);
        node.split_whitespace().nth(1) == Some("Ready")
    });
}

/// The change itself drops all of SSH, the connection from before it as well.
fn ssh_that_the_change_cuts_comes_back(lab: &Lab, harden: &mut Harden<'_>) {
    let (site, old) = (Site::new(lab, ""), digest(lab, "w-1"));
    site.template(
        "site/firewall.tera",
        r#"+++
kind = "file"
path = "/etc/site-firewall.rules"
mode = "0600"
roles = ["worker"]
activate = ["sh", "-c", "iptables -D INPUT -p tcp --dport 22 -j DROP 2>/dev/null; [ ! -e /etc/site-firewall.rules ] || iptables -I INPUT -p tcp --dport 22 -j DROP"]
+++
drop ssh
"#,
    );
    let inventory = site.inventory();
    let call = harden.call(&[
        "-i",
        inventory.to_str().unwrap(),
        "apply",
        "--yes",
        "--limit",
        "w-1",
        "--target",
        "file.firewall",
        "--rollback-after",
        "60s",
    ]);
    println!("{}", call.stderr);
    assert_eq!(call.code, 3, "{}", call.stderr);
    assert!(call.stderr.contains("its old state back by itself"), "{}", call.stderr);
    assert!(is_put_back(lab, "w-1", &old, "alone"));
    lab.output("w-1", "[ ! -e /etc/site-firewall.rules ]");
}

fn a_flag_that_crash_loops_is_put_back_with_its_reason(lab: &Lab, harden: &mut Harden<'_>) {
    let site = Site::new(lab, "");
    site.template(
        "site/events.tera",
        "+++\nkind = \"static-pod\"\ncomponent = \"kube-apiserver\"\nmode = \"0600\"\nroles = [\"control-plane\"]\n+++\nflags:\n  event-ttl: soon\n",
    );
    let manifest = "sha256sum </etc/kubernetes/manifests/kube-apiserver.yaml";
    let old = lab.output("cp-1", manifest);
    let inventory = site.inventory();
    let call = harden.call(&["-i", inventory.to_str().unwrap(), "apply", "--yes"]);
    println!("{}", call.stderr);
    assert_eq!(call.code, 3, "{}", call.stderr);
    assert!(call.stderr.contains("event-ttl") && call.stderr.contains("soon"), "{}", call.stderr);
    assert_eq!(lab.output("cp-1", manifest), old);
    for node in lab.names() {
        lab.output(
            node,
            "[ ! -e /var/lib/harden/lock ] && ! ls /etc/systemd/system/harden-rollback.service 2>/dev/null",
        );
    }
}

fn the_second_of_two_applies_is_refused(lab: &Lab, harden: &mut Harden<'_>) {
    let (site, old) = (Site::new(lab, PIDS), digest(lab, "w-1"));
    let mut first = apply_until(harden, &site, &["--limit", "w-1"], "w-1  log in anew");
    // It plans with the first one's state, which is not what its own inventory wants.
    let second = harden.call(&["apply", "--yes", "--limit", "w-1"]);
    assert_eq!(second.code, 1, "{}", second.stderr);
    assert!(second.stderr.contains("it is locked by"), "{}", second.stderr);
    assert_eq!(first.wait().unwrap().code(), Some(0));
    assert_ne!(digest(lab, "w-1"), old);
    harden.expect(0, &["apply", "--yes", "--limit", "w-1"]);
    assert_eq!(digest(lab, "w-1"), old);
}
