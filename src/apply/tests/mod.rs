//! The transaction's shell, really executed: in a temporary root, under each shell that a node may have. Here is what the
//! tests share; the executor as a whole is tested in `tests/apply`.

mod armed;
mod disk;
mod faults;
mod host;
mod pods;
mod run_as;
mod status;
mod transaction;
mod undo;
mod unlock;

use super::material::{Payload, Source};
use super::owner::Owner;
use crate::inventory::NodeName;
use crate::plan::{Action, Change, NodePlan, Operation, Origin, Prior};
use crate::remote::{Reply, Script};
use crate::resource::{Content, Kind, Mode, NodePath, Ownership, RenderedWith, ResourceId, Undo};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use zeroize::Zeroizing;

/// A process that nothing is known of.
const ME: Owner<'_> = Owner { text: "me@here", process: "" };

const SHELLS: &[&[&str]] = &[&["sh"], &["dash"], &["bash"], &["busybox", "sh"]];

fn run(shell: &[&str], script: &Script, root: &Path) -> Reply {
    run_with(shell, script, root, &str::to_owned)
}

/// Runs a script whose text went through `fault` first.
fn run_with(shell: &[&str], script: &Script, root: &Path, fault: &dyn Fn(&str) -> String) -> Reply {
    let text = fault(&script.render("NONCE", root.to_str().unwrap()));
    let child = spawn(shell, &text);
    let output = child.wait_with_output().unwrap();
    Reply::parse(&output.stdout, "NONCE", String::from_utf8_lossy(&output.stderr).into_owned())
        .expect("no last line")
}

/// Starts a shell and gives it its script.
fn spawn(shell: &[&str], text: &str) -> Child {
    let mut child = Command::new(shell[0])
        .args(&shell[1..])
        .arg("-s")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", shell[0]));
    // One that gives up early does not read to the end.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    child
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

const SUPER_ADMIN: &str = "/etc/kubernetes/super-admin.conf";

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

/// A plan that replaces one file, makes one in a new directory, tightens the mode of two, and removes one of these.
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
                directory: Ownership { mode: Mode(0o750), ..ownership(0o750) },
                content: Source::Sent(Zeroizing::new(String::from("new\n"))),
                is_private: false,
            },
        )
    };
    let (replace, replaced) = write("/etc/kubernetes/manifests/kube-apiserver.yaml", Kind::StaticPod);
    let (make, new) = write("/etc/kubernetes/audit/deep/it's a policy.yaml", Kind::File);
    let tighten = |at: &str| Operation::SetAttributes {
        path: path(at),
        owner: None,
        group: None,
        mode: Some(Mode(0o600)),
        prior: prior(root, at),
    };
    let remove = Operation::Remove { path: path(SUPER_ADMIN), prior: prior(root, SUPER_ADMIN) };
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
        operations: vec![tighten(SUPER_ADMIN), make, tighten("/etc/kubernetes/admin.conf"), remove],
        desired: String::new(),
    };
    let pod = Change {
        resource: replaced.resource.clone(),
        before: Some(String::from("old\n")),
        operations: vec![replace],
        ..change.clone()
    };
    let plan = NodePlan {
        node: NodeName(String::from("cp-1")),
        changes: vec![change, pod],
        unchanged: std::collections::BTreeMap::new(),
        restart_units: vec![String::from("kubelet.service")],
        restart_pods: Vec::new(),
        drain: None,
        before: Vec::new(),
        between: Vec::new(),
        after: Vec::new(),
        rollback_after: Some(600),
        rendered_with: RenderedWith::default(),
        undoes: None,
    };
    (plan, vec![replaced, new])
}

fn tree() -> tempfile::TempDir {
    let root = tempfile::Builder::new().prefix("it's a tree ").tempdir().unwrap();
    fill(root.path());
    root
}

fn fill(root: &Path) {
    let manifests = root.join("etc/kubernetes/manifests");
    fs::create_dir_all(&manifests).unwrap();
    for (file, mode) in [
        (manifests.join("kube-apiserver.yaml"), 0o644),
        (root.join("etc/kubernetes/admin.conf"), 0o640),
        (root.join(&SUPER_ADMIN[1..]), 0o640),
    ] {
        fs::write(&file, "old\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    }
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
