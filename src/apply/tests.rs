//! The transaction's shell, really executed: in a temporary root, under each shell that a node may have.

use super::material::Payload;
use super::script::{change, code, confirm, roll_back};
use crate::inventory::NodeName;
use crate::plan::{Action, Change, NodePlan, Operation, Origin, Prior};
use crate::remote::{Reply, Script};
use crate::resource::{Content, Kind, Mode, NodePath, Ownership, ResourceId, Undo};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Stdio};
use zeroize::Zeroizing;

const SHELLS: &[&[&str]] = &[&["sh"], &["dash"], &["busybox", "sh"]];

fn run(shell: &[&str], script: &Script, root: &Path) -> Reply {
    run_with(shell, script, root, &str::to_owned)
}

/// Runs a script whose text went through `fault` first.
fn run_with(shell: &[&str], script: &Script, root: &Path, fault: &dyn Fn(&str) -> String) -> Reply {
    let mut child = Command::new(shell[0])
        .args(&shell[1..])
        .arg("-s")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", shell[0]));
    let text = fault(&script.render("NONCE", root.to_str().unwrap()));
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Reply::parse(&output.stdout, "NONCE", String::from_utf8_lossy(&output.stderr).into_owned())
        .expect("no last line")
}

fn path(text: &str) -> NodePath {
    text.parse().unwrap()
}

fn me() -> (String, String) {
    let name = |flag| {
        String::from_utf8(Command::new("id").arg(flag).output().unwrap().stdout).unwrap().trim().to_owned()
    };
    (name("-un"), name("-gn"))
}

fn ownership(mode: u32) -> Ownership {
    let (owner, group) = me();
    Ownership { owner, group, mode: Mode(mode) }
}

fn prior(root: &Path, at: &str) -> Prior {
    let file = root.join(&at[1..]);
    let Ok(bytes) = fs::read(&file) else { return Prior::Absent };
    let (owner, group) = me();
    Prior::Present {
        sha256: crate::plan::sha256(&bytes),
        mode: Mode(fs::metadata(&file).unwrap().mode() & 0o7777),
        owner,
        group,
    }
}

/// A plan that replaces one file, makes one in a new directory, and tightens the mode of a third.
fn plan(root: &Path) -> (NodePlan, Vec<Payload>) {
    let write = |at: &str, kind| {
        (
            Operation::Write {
                path: path(at),
                content: Content::plain("new\n"),
                ownership: ownership(0o600),
                directory_mode: Mode(0o750),
                prior: prior(root, at),
            },
            Payload {
                resource: ResourceId::new(kind, "x"),
                path: path(at),
                ownership: ownership(0o600),
                directory_mode: Mode(0o750),
                content: Zeroizing::new(String::from("new\n")),
            },
        )
    };
    let (replace, replaced) = write("/etc/kubernetes/manifests/kube-apiserver.yaml", Kind::StaticPod);
    let (make, new) = write("/etc/kubernetes/audit/deep/it's a policy.yaml", Kind::File);
    let tighten = Operation::SetAttributes {
        path: path("/etc/kubernetes/admin.conf"),
        owner: None,
        group: None,
        mode: Some(Mode(0o600)),
        prior: prior(root, "/etc/kubernetes/admin.conf"),
    };
    let change = Change {
        resource: ResourceId::new(Kind::File, "all"),
        action: Action::Change,
        subject: String::new(),
        reasons: Vec::new(),
        edits: Vec::new(),
        restarts: Vec::new(),
        before: None,
        after: None,
        sensitive: false,
        origin: Origin::New,
        controls: Vec::new(),
        undo: Undo::Full,
        operations: vec![replace, make, tighten],
        desired: String::new(),
    };
    let plan = NodePlan {
        node: NodeName(String::from("cp-1")),
        changes: vec![change],
        unchanged: std::collections::BTreeMap::new(),
        restart_units: vec![String::from("kubelet.service")],
        restart_pods: Vec::new(),
        before: Vec::new(),
        after: Vec::new(),
    };
    (plan, vec![replaced, new])
}

fn tree() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let manifests = root.path().join("etc/kubernetes/manifests");
    fs::create_dir_all(&manifests).unwrap();
    for (file, mode) in [
        (manifests.join("kube-apiserver.yaml"), 0o644),
        (root.path().join("etc/kubernetes/admin.conf"), 0o640),
    ] {
        fs::write(&file, "old\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    }
    root
}

/// Every file below `etc` with its mode and content.
fn listing(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.join("etc")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let file = entry.unwrap().path();
            let mode = fs::metadata(&file).unwrap().mode() & 0o7777;
            let shown = file.strip_prefix(root).unwrap().display().to_string();
            if file.is_dir() {
                found.push(format!("{shown}/ {mode:o}"));
                folders.push(file);
            } else {
                found.push(format!("{shown} {mode:o} {}", fs::read_to_string(&file).unwrap().trim()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_transaction_changes_what_was_planned_and_confirms() {
    for shell in SHELLS {
        let root = tree();
        let (plan, payloads) = plan(root.path());
        let reply = run(shell, &change("t1", "me@here", &plan, &payloads), root.path());
        assert_eq!(reply.code, 0, "{shell:?}: {}", reply.stderr);
        let after = listing(root.path());
        assert_eq!(
            after,
            [
                "etc/kubernetes/ 755",
                "etc/kubernetes/admin.conf 600 old",
                "etc/kubernetes/audit/ 750",
                "etc/kubernetes/audit/deep/ 750",
                "etc/kubernetes/audit/deep/it's a policy.yaml 600 new",
                "etc/kubernetes/manifests/ 755",
                "etc/kubernetes/manifests/kube-apiserver.yaml 600 new",
            ]
        );
        let home = root.path().join("var/lib/harden");
        assert!(home.join("lock").exists());
        let reply = run(shell, &confirm("t1", "{}"), root.path());
        assert_eq!(reply.code, 0, "{shell:?}: {}", reply.stderr);
        assert!(!home.join("lock").exists());
        assert_eq!(fs::read_to_string(home.join("state.json")).unwrap(), "{}");
        assert_eq!(fs::metadata(&home).unwrap().mode() & 0o777, 0o700);
        // Confirmed: a rollback that comes late finds nothing to do.
        let reply = run(shell, &roll_back("t1"), root.path());
        assert_eq!(reply.section("outcome").text().trim(), "committed");
        assert_eq!(listing(root.path()), after);
    }
}

#[test]
fn a_rollback_puts_back_everything_and_leaves_nothing() {
    for shell in SHELLS {
        let root = tree();
        let before = listing(root.path());
        let (plan, payloads) = plan(root.path());
        run(shell, &change("t1", "me@here", &plan, &payloads), root.path());
        assert_ne!(listing(root.path()), before);
        let reply = run(shell, &roll_back("t1"), root.path());
        assert_eq!(
            (reply.code, reply.section("outcome").text().trim()),
            (0, "reverted"),
            "{shell:?}: {}",
            reply.stderr
        );
        assert_eq!(listing(root.path()), before, "{shell:?}");
        assert!(!root.path().join("var/lib/harden/lock").exists());
        // Rolled back: a confirmation that comes late is refused.
        assert_eq!(run(shell, &confirm("t1", "{}"), root.path()).code, 1);
    }
}

#[test]
fn what_moved_since_the_plan_is_named_and_nothing_is_written() {
    for shell in SHELLS {
        let root = tree();
        let (plan, payloads) = plan(root.path());
        fs::write(root.path().join("etc/kubernetes/manifests/kube-apiserver.yaml"), "somebody else\n")
            .unwrap();
        let before = listing(root.path());
        let reply = run(shell, &change("t1", "me@here", &plan, &payloads), root.path());
        assert_eq!(reply.code, code::STALE);
        assert_eq!(
            reply.section("check").text(),
            "/etc/kubernetes/manifests/kube-apiserver.yaml: its content changed\n",
            "{shell:?}"
        );
        assert_eq!(listing(root.path()), before);
        assert!(!root.path().join("var/lib/harden/lock").exists());
    }
}

#[test]
fn a_second_apply_is_refused_with_the_name_of_the_first() {
    for shell in SHELLS {
        let root = tree();
        let (plan, payloads) = plan(root.path());
        run(shell, &change("t1", "first@here", &plan, &payloads), root.path());
        let reply = run(shell, &change("t2", "second@there", &plan, &payloads), root.path());
        assert_eq!(
            (reply.code, reply.section("state").text().trim()),
            (code::LOCKED, "first@here"),
            "{shell:?}"
        );
    }
}

#[test]
fn a_swap_that_fails_half_way_is_rolled_back_by_the_node_itself() {
    for shell in SHELLS {
        let root = tree();
        let before = listing(root.path());
        let (plan, payloads) = plan(root.path());
        // The audit policy is swapped by then, the manifest is not: what was staged for it is taken away.
        let fault = |text: &str| {
            let manifest = "'/etc/kubernetes/manifests/kube-apiserver.yaml'";
            text.replace(
                &format!("\nswap {manifest}"),
                &format!("\nrm -- \"$(staged {manifest})\"\nswap {manifest}"),
            )
        };
        let reply = run_with(shell, &change("t1", "me@here", &plan, &payloads), root.path(), &fault);
        assert_eq!(reply.code, code::ROLLED_BACK, "{shell:?}: {}", reply.stderr);
        assert!(
            reply.stderr.contains("replace /etc/kubernetes/manifests/kube-apiserver.yaml"),
            "{}",
            reply.stderr
        );
        assert_eq!(listing(root.path()), before, "{shell:?}");
    }
}

#[test]
fn a_directory_in_the_way_is_refused_before_anything_is_changed() {
    for shell in SHELLS {
        let root = tree();
        let (plan, payloads) = plan(root.path());
        fs::create_dir_all(root.path().join("etc/kubernetes/audit/deep/it's a policy.yaml/x")).unwrap();
        let before = listing(root.path());
        // The plan would be stale too: here only the back-up is looked at.
        let skip_check = |text: &str| text.replace("\nunless_stale\n", "\n:\n");
        let reply = run_with(shell, &change("t1", "me@here", &plan, &payloads), root.path(), &skip_check);
        assert_eq!(reply.code, code::UNTOUCHED, "{shell:?}: {}", reply.stderr);
        assert!(reply.stderr.contains("is a directory"), "{}", reply.stderr);
        assert_eq!(listing(root.path()), before);
    }
}

#[test]
fn a_failure_before_the_first_swap_leaves_no_trace() {
    for shell in SHELLS {
        let root = tree();
        let before = listing(root.path());
        let (plan, mut payloads) = plan(root.path());
        payloads[1].ownership.mode = Mode(0o600);
        payloads[1].ownership.owner = String::from("nobody-of-that-name");
        if me().0 != "root" {
            return;
        }
        let reply = run(shell, &change("t1", "me@here", &plan, &payloads), root.path());
        assert_eq!(reply.code, code::UNTOUCHED, "{shell:?}: {}", reply.stderr);
        assert_eq!(listing(root.path()), before, "{shell:?}");
        assert_eq!(fs::read_dir(root.path().join("var/lib/harden/txn")).unwrap().count(), 0);
    }
}
