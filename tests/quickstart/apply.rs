//! `harden apply` and `harden drift`: what is left after them, who is to blame for a difference, and every way in which
//! nothing may be changed.

use super::{Site, differing, ran};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, Command, Stdio};

const SCHEDULER: &str = "cp-1/etc/kubernetes/manifests/kube-scheduler.yaml";

#[test]
fn apply_then_plan_is_empty() {
    let site = Site::new();
    let first = site.run(&["apply", "--yes"]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert!(first.last().starts_with("Applied: 32 changes on 2 nodes in 1 stage ("), "{}", first.last());
    assert!(first.last().ends_with("). No changes are left."), "{}", first.last());
    let before = site.tree();
    let plan = site.run(&["plan", "--detailed-exitcode"]);
    assert_eq!((plan.code, plan.last()), (0, "No changes. 2 nodes are as declared."));
    let drift = site.run(&["drift"]);
    assert_eq!((drift.code, drift.last()), (0, "No drift on 2 nodes."));
    let again = site.run(&["apply", "--yes"]);
    assert_eq!((again.code, again.last()), (0, "Nothing to apply."));
    assert!(differing(&before, &site.tree()).is_empty());
}

#[test]
fn what_somebody_changed_is_drift_and_apply_repairs_it() {
    let site = Site::new().applied();
    site.replace(SCHEDULER, "--profiling=false", "--profiling=true");
    let drift = site.run(&["drift"]);
    assert_eq!((drift.code, drift.last()), (2, "Drift: 1 resource on 1 of 2 nodes."));
    assert!(
        drift
            .stdout
            .contains("~ /etc/kubernetes/manifests/kube-scheduler.yaml  --profiling: true → false  since "),
        "{}",
        drift.stdout
    );
    assert!(drift.stdout.contains("│ -    - --profiling=true\n"), "{}", drift.stdout);
    let plan = site.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(plan.code, 2);
    assert!(
        plan.stdout.contains("kube-scheduler.yaml  [drift]")
            && plan.stdout.contains("│ +    - --profiling=false\n")
    );

    // What the inventory asks for is another matter, also on the same resource.
    site.declare("[scheduler.flags]\nv = \"3\"\n\n[kubelet.config]\nmaxPods = 99");
    let drift = site.run(&["drift"]);
    assert_eq!((drift.code, drift.last()), (2, "Drift: 1 resource on 1 of 2 nodes; 3 pending on 2."));
    assert!(drift.stdout.contains("  [drift and pending]"), "{}", drift.stdout);
    assert_eq!(drift.stdout.matches("~ /var/lib/kubelet/config.yaml  ").count(), 2);
    let json: serde_json::Value = serde_json::from_str(&site.run(&["drift", "-o", "json"]).stdout).unwrap();
    assert_eq!((&json["summary"]["drift"], &json["summary"]["pending"]), (&1.into(), &3.into()));
    assert_eq!(json["nodes"][0]["node"], "cp-1");

    let site = site.applied();
    assert!(site.read(SCHEDULER).contains("--profiling=false") && site.read(SCHEDULER).contains("--v=3"));
    assert_eq!(site.run(&["drift"]).code, 0);
}

#[test]
fn a_changed_inventory_is_pending_and_not_drift() {
    let site = Site::new();
    let drift = site.run(&["drift"]);
    assert_eq!((drift.code, drift.last()), (0, "No drift on 2 nodes; 32 pending on 2."));
    assert!(!drift.stdout.contains('│'), "nobody changed anything: {}", drift.stdout);
    let site = site.applied();
    site.declare("[kubelet.config]\nmaxPods = 99");
    let drift = site.run(&["drift"]);
    assert_eq!((drift.code, drift.last()), (0, "No drift on 2 nodes; 2 pending on 2."));
    assert!(site.run(&["drift", "-v"]).stdout.contains("│ +maxPods: 99\n"));
    assert_eq!(site.run(&["plan", "--detailed-exitcode"]).code, 2);
}

#[test]
fn super_admin_conf_goes_where_that_is_asked_for() {
    const SUPER_ADMIN: &str = "cp-1/etc/kubernetes/super-admin.conf";
    const ACCEPT: &[&str] = &["--accept", "absent.super-admin-kubeconfig"];
    let site = Site::new();
    site.declare("[files]\nremove-super-admin-conf = true");
    let plan = site.run(&["plan"]);
    assert!(plan.stdout.contains("- /etc/kubernetes/super-admin.conf"), "{}", plan.stdout);
    assert!(plan.stdout.contains("kubeadm init phase kubeconfig super-admin"), "{}", plan.stdout);
    assert_eq!(plan.last(), "Plan: 10 to add, 22 to change, 1 to remove on 2 of 2 nodes.");
    let site = site.applied_with(ACCEPT);
    assert!(!site.node(SUPER_ADMIN).exists() && site.node("cp-1/etc/kubernetes/admin.conf").exists());
    let plan = site.run(&["plan", "--detailed-exitcode"]);
    assert_eq!((plan.code, plan.last()), (0, "No changes. 2 nodes are as declared."));
    assert!(!plan.stdout.contains("super-admin"), "a notice belongs to a change: {}", plan.stdout);
    // It comes back: that is drift, and goes again.
    fs::write(site.node(SUPER_ADMIN), "kind: Config\n").unwrap();
    let drift = site.run(&["drift"]);
    assert!(
        drift.code == 2 && drift.stdout.contains("- /etc/kubernetes/super-admin.conf  since "),
        "{}",
        drift.stdout
    );
    assert!(!site.applied_with(ACCEPT).node(SUPER_ADMIN).exists());
}

#[test]
fn pods_that_pull_always_are_announced_with_the_change_only() {
    let notice = "AlwaysPullImages: every new pod pulls its images";
    let site = Site::new().applied();
    site.declare("[admission]\nalways-pull-images = true");
    let plan = site.run(&["plan"]);
    assert!(
        plan.stdout.contains(notice) && plan.stdout.contains("EventRateLimit,AlwaysPullImages"),
        "{}",
        plan.stdout
    );
    let site = site.applied();
    site.declare("[scheduler.flags]\nv = 3\n\n[apiserver.flags]\nv = 3");
    let plan = site.run(&["plan"]);
    assert!(plan.stdout.contains("kube-apiserver.yaml") && !plan.stdout.contains(notice), "{}", plan.stdout);
    // Switched off again, and with it the event limits: neither plugin is left, and the API server would start.
    let text = fs::read_to_string(site.inventory()).unwrap();
    let off = "always-pull-images = false\nevent-rate-limit.enabled = false\npod-security.enabled = false";
    fs::write(site.inventory(), text.replace("always-pull-images = true", off)).unwrap();
    let site = site.applied();
    let manifest = site.read("cp-1/etc/kubernetes/manifests/kube-apiserver.yaml");
    assert!(
        manifest.contains("--enable-admission-plugins=NodeRestriction,DenyServiceExternalIPs\n"),
        "{manifest}"
    );
    assert!(!manifest.contains("admission-control-config-file"), "{manifest}");
    assert_eq!(site.run(&["plan", "--detailed-exitcode"]).code, 0);
}

#[test]
fn a_file_of_somebody_else_and_flags_that_exclude_one_are_left_alone() {
    const MANIFEST: &str = "cp-1/etc/kubernetes/manifests/kube-apiserver.yaml";
    let site = Site::new();
    let flags = "--oidc-issuer-url=https://issuer.example.com\n    - --oidc-client-id=k\n    - --admission-control-config-file=/etc/kubernetes/pki/mine.yaml\n    - --advertise-address";
    site.replace(MANIFEST, "--advertise-address", flags);
    let plan = site.run(&["plan"]);
    for notice in [
        "anonymous access is left as it is: kube-apiserver has --oidc-client-id, --oidc-issuer-url, which",
        "event limits and Pod Security defaults are left to /etc/kubernetes/pki/mine.yaml",
    ] {
        assert!(plan.stdout.contains(notice), "{notice}: {}", plan.stdout);
    }
    let site = site.applied();
    let manifest = site.read(MANIFEST);
    assert!(manifest.contains("--oidc-issuer-url=") && manifest.contains("/etc/kubernetes/pki/mine.yaml"));
    assert!(
        !manifest.contains("--authentication-config") && !manifest.contains("EventRateLimit"),
        "{manifest}"
    );
    assert_eq!(site.run(&["plan", "--detailed-exitcode"]).code, 0);

    // OIDC that comes later, with the inventory, takes harden's own file out again: both together would not start.
    let site = Site::new().applied();
    assert!(site.read(MANIFEST).contains("--authentication-config="));
    site.declare(
        "[apiserver.flags]\noidc-issuer-url = \"https://issuer.example.com\"\noidc-client-id = \"k\"",
    );
    let site = site.applied();
    assert!(!site.read(MANIFEST).contains("--authentication-config="));
    assert_eq!(site.run(&["plan", "--detailed-exitcode"]).code, 0);
}

#[test]
fn the_old_way_to_refuse_everybody_gives_way_in_the_same_change() {
    const MANIFEST: &str = "cp-1/etc/kubernetes/manifests/kube-apiserver.yaml";
    let site = Site::new();
    site.replace(MANIFEST, "--advertise-address", "--anonymous-auth=true\n    - --advertise-address");
    let manifest = site.applied().read(MANIFEST);
    assert!(
        manifest.contains("--authentication-config=") && !manifest.contains("--anonymous-auth"),
        "{manifest}"
    );
}

/// Runs an apply that must fail before anything is written.
fn refused(site: &Site, command: &mut assert_cmd::Command, messages: &[&str]) {
    let before = site.tree();
    let ran = ran(command);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    for message in messages {
        assert!(ran.stderr.contains(message), "{message}:\n{}", ran.stderr);
    }
    assert!(!ran.stdout.contains("Applied") && !ran.stdout.contains("Stopped"), "{}", ran.stdout);
    assert_eq!(differing(&before, &site.tree()), Vec::<std::path::PathBuf>::new());
}

#[test]
fn without_consent_nothing_is_written() {
    let site = Site::new();
    let messages = [
        "error: ask for confirmation: standard input is not a terminal\n",
        "hint: look at what is shown and use --yes\n",
    ];
    refused(&site, &mut site.command(&["apply"]), &messages);
    refused(&site, site.command(&["apply"]).write_stdin("yes\n"), &messages);
    // With JSON, who is asked sees the plan where the question is.
    let json = ran(&mut site.command(&["apply", "-o", "json"]));
    assert!(json.stderr.contains("Plan: 10 to add, 22 to change"), "{}", json.stderr);
    let value: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(value["error"], "ask for confirmation: standard input is not a terminal");
}

#[test]
fn without_a_usable_key_nothing_is_written() {
    let site = Site::new();
    refused(
        &site,
        site.command(&["apply", "--yes"]).env_remove("HARDEN_KEY_FILE"),
        &[
            "error: the store's key is needed, and there is neither HARDEN_KEY_FILE nor a terminal",
            "hint: make a key",
        ],
    );
    let short = site.outside("short");
    fs::write(&short, "short\n").unwrap();
    for (file, message) in [
        (site.outside("missing"), "missing: No such file"),
        (site.path("quickstart"), "quickstart: Is a directory"),
        (short, "error: read the store's key file: it holds 6 bytes that are not a key of 32 bytes\n"),
    ] {
        refused(&site, site.command(&["apply", "--yes"]).env("HARDEN_KEY_FILE", file), &[message]);
    }
}

#[test]
fn another_key_than_the_stores_opens_nothing() {
    let site = Site::new().applied();
    fs::remove_file(site.node("cp-1/etc/kubernetes/encryption/config.yaml")).unwrap();
    fs::write(site.outside("other"), super::KEY.replace("00", "11")).unwrap();
    let mut command = site.command(&["apply", "--yes"]);
    refused(
        &site,
        command.env("HARDEN_KEY_FILE", site.outside("other")),
        &["hint: try again with the right one"],
    );
    let site = site.applied();
    assert!(site.node("cp-1/etc/kubernetes/encryption/config.yaml").exists());
}

#[test]
fn a_node_that_fails_stops_the_run() {
    let site = Site::new();
    let lock = site.node("w-1/var/lib/harden/lock");
    fs::create_dir_all(&lock).unwrap();
    let untouched = site.read("w-1/var/lib/kubelet/config.yaml");
    let ran = site.run(&["apply", "--yes"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.last().starts_with("Stopped after 25 changes on 1 node in 1 stage ("), "{}", ran.last());
    assert!(ran.last().ends_with("; not changed: w-1."), "{}", ran.last());
    assert_eq!(site.read("w-1/var/lib/kubelet/config.yaml"), untouched);

    let json: serde_json::Value =
        serde_json::from_str(&site.run(&["apply", "--yes", "-o", "json"]).stdout).unwrap();
    let stage = &json["stages"][0];
    assert_eq!(stage["nodes"]["w-1"]["outcome"], "unchanged");
    assert!(stage["nodes"]["w-1"]["error"].is_string());
    assert_eq!(
        (&json["exit_code"], &json["nothing_left"]),
        (&1.into(), &false.into()),
        "no node was changed"
    );

    fs::remove_dir(&lock).unwrap();
    let site = site.applied();
    assert_eq!(site.run(&["drift"]).code, 0);
}

#[test]
fn a_node_that_was_not_its_turn_is_told() {
    let site = Site::new();
    fs::create_dir_all(site.node("cp-1/var/lib/harden/lock")).unwrap();
    let ran = site.run(&["apply", "--yes"]);
    assert_eq!(ran.code, 1, "nothing was changed");
    assert!(ran.stderr.contains("\n1 node was not begun\n"), "{}", ran.stderr);
    assert!(ran.last().ends_with("; not changed: cp-1; not begun: w-1."), "{}", ran.last());
}

#[test]
fn an_apply_in_json_is_one_document() {
    let site = Site::new();
    let ran = site.run(&["apply", "--yes", "-o", "json"]);
    assert_eq!(ran.code, 0);
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&value["format_version"], &value["exit_code"]), (&"1.0".into(), &0.into()));
    assert_eq!((&value["nothing_left"], &value["error"]), (&true.into(), &serde_json::Value::Null));
    let stage = &value["stages"][0];
    assert_eq!(stage["stage"]["name"], "encryption-read");
    assert_eq!(
        stage["summary"],
        serde_json::json!({"add": 10, "change": 22, "remove": 0, "nodes": 2, "of": 2})
    );
    let node =
        |name: &str| (stage["nodes"][name]["outcome"].clone(), stage["nodes"][name]["changes"].clone());
    assert_eq!((node("cp-1"), node("w-1")), (("applied".into(), 25.into()), ("applied".into(), 7.into())));
    assert_eq!(value["stages"].as_array().unwrap().len(), 1);
}

/// An apply of the site that has come to its first node, and what it said until then.
fn begun(site: &Site) -> (Child, BufReader<ChildStderr>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_harden"))
        .args(["apply", "--yes", "-o", "json"])
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HARDEN_INVENTORY", site.inventory())
        .env("HARDEN_KEY_FILE", site.key())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut seen = String::new();
    while !seen.ends_with("cp-1  prepare\n") {
        assert_ne!(stderr.read_line(&mut seen).unwrap(), 0, "{seen}");
    }
    (child, stderr, seen)
}

fn signal(child: &Child, signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_child(child), signal).unwrap();
}

/// The second signal leaves at once, and says what it leaves.
#[test]
fn a_second_signal_leaves_and_names_the_nodes_in_hand() {
    let site = Site::new();
    let (mut child, mut stderr, mut seen) = begun(&site);
    signal(&child, rustix::process::Signal::INT);
    signal(&child, rustix::process::Signal::TERM);
    stderr.read_to_string(&mut seen).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{seen}");
    assert!(seen.contains("left at once with cp-1 in hand: "), "{seen}");
    assert!(seen.contains("`harden unlock --limit cp-1`"), "{seen}");
    // As it says: nothing is left over then.
    assert_eq!(site.run(&["unlock", "--yes", "--limit", "cp-1"]).code, 0);
    assert_eq!(site.run(&["status"]).code, 0);
}

/// The first signal lets the node in hand be finished, and begins no other.
#[test]
fn an_interrupted_apply_finishes_what_it_began() {
    let site = Site::new();
    let (mut child, mut stderr, mut seen) = begun(&site);
    signal(&child, rustix::process::Signal::INT);
    stderr.read_to_string(&mut seen).unwrap();
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{seen}");
    assert!(
        seen.contains("\ninterrupted: what had begun was finished or put back, nothing else was begun\n"),
        "{seen}"
    );
    let value: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let outcome = |node: &str| value["stages"][0]["nodes"][node]["outcome"].clone();
    assert_eq!((outcome("cp-1"), outcome("w-1")), ("applied".into(), "not-begun".into()));
    assert_eq!(value["exit_code"], 130);
    // Run again, it goes on.
    let site = site.applied();
    assert_eq!(site.run(&["drift"]).code, 0);
}
