//! The script that makes a node of a host: what it carries, and that its shell is sound.

use super::script::kubeadm;
use crate::inventory::NodeName;
use crate::plan::{Join, JoinKind};
use crate::secret::Secret;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

fn join(kind: JoinKind) -> Join {
    Join {
        node: NodeName(String::from("cp-1")),
        kind,
        config: String::from("kind: InitConfiguration\ntoken: harden.0000000000000000\n"),
        patches: BTreeMap::from([(
            String::from("kube-apiserver+merge.yaml"),
            String::from("metadata: it's 'quoted' $HOME `x`\n"),
        )]),
        directories: BTreeMap::from([(String::from("/var/lib/etcd"), String::from("etcd"))]),
        labels: BTreeMap::new(),
        resumed: false,
    }
}

/// Units are the host's own: nothing of that name runs here.
const NO_UNITS: &str = "systemctl() { case $* in *LoadState*) echo not-found ;; esac; }\n";

/// The section that places files, in a shell, on a directory tree.
fn placed(shell: &[&str], join: &Join, super_admin: &Secret<String>) -> tempfile::TempDir {
    placed_beside(shell, NO_UNITS, join, super_admin)
}

/// The same beside units that a function of the shell tells of.
fn placed_beside(
    shell: &[&str],
    units: &str,
    join: &Join,
    super_admin: &Secret<String>,
) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let script = kubeadm(join, &join.config, super_admin);
    let body: String =
        script.sections().filter(|(name, _)| *name != "run").map(|(_, body)| body.to_owned()).collect();
    let mut child = Command::new(shell[0])
        .args(&shell[1..])
        .arg("-s")
        .env("R", root.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(format!("set -u\nR=$R\n{units}{body}").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    root
}

#[test]
fn what_is_placed_is_what_was_planned() {
    for shell in [&["dash"][..], &["busybox", "sh"]] {
        let join = join(JoinKind::Init);
        let secret = Secret::new(String::from("poison-of-the-first-bootstrap-test\n"));
        let root = placed(shell, &join, &secret);
        let folder = root.path().join("var/lib/harden/kubeadm");
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(read("config.yaml"), join.config);
        assert_eq!(read("patches/kube-apiserver+merge.yaml"), join.patches["kube-apiserver+merge.yaml"]);
        assert_eq!(read("directories"), "etcd /var/lib/etcd\n");
        assert_eq!(read("kubeconfig"), secret.expose().as_str());
        assert!(root.path().join("var/lib/harden/joining").exists());
        let mode = |name: &str| {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777
        };
        assert_eq!((mode("kubeconfig"), mode("."), mode("patches")), (0o600, 0o700, 0o700));
    }
}

/// A kubeadm that a killed run began comes to its end, and systemd keeps its unit a little longer. It is waited for; and where it
/// did what was wanted, nothing is begun again on a host that is a node.
#[test]
fn a_kubeadm_that_runs_already_is_waited_for() {
    const UNITS: &str = r#"
    sleep() { count=$((count + 1)); if [ $count = 2 ]; then eval "$at_its_end"; fi; }
    systemctl() { case $* in
      *ActiveState*) if [ $count -lt 2 ]; then echo active; else echo inactive; fi ;;
      *LoadState*) if [ $count -lt 4 ]; then echo loaded; else echo not-found; echo gone >"$R/gone"; fi ;;
    esac; }
    count=0
    "#;
    for shell in [&["dash"][..], &["busybox", "sh"]] {
        for (at_its_end, is_begun) in [
            (r#"mkdir -p "$R/var/lib/harden"; : >"$R/var/lib/harden/joining""#, true),
            (r#"mkdir -p "$R/var/lib/harden""#, false),
        ] {
            let units = format!("at_its_end='{at_its_end}'\n{UNITS}");
            let root =
                placed_beside(shell, &units, &join(JoinKind::ControlPlane), &Secret::new(String::new()));
            assert!(root.path().join("gone").exists(), "the unit was not waited for");
            assert_eq!(root.path().join("var/lib/harden/kubeadm/config.yaml").exists(), is_begun);
            assert_eq!(root.path().join("var/lib/harden/joining").exists(), is_begun);
        }
    }
}

#[test]
fn only_the_first_host_gets_the_super_administrator() {
    let secret = Secret::new(String::from("poison-of-the-third-bootstrap-test\n"));
    for kind in [JoinKind::ControlPlane, JoinKind::Worker] {
        let root = placed(&["dash"], &join(kind), &secret);
        assert!(!root.path().join("var/lib/harden/kubeadm/kubeconfig").exists());
        let verb = kubeadm(&join(kind), "", &secret);
        let verb = verb.sections().find(|(name, _)| *name == "run").map(|(_, body)| body.to_owned());
        assert_eq!(verb.as_deref(), Some("run join\n"));
    }
}

#[test]
fn nothing_secret_is_in_what_users_read() {
    let secret = Secret::new(String::from("poison-of-the-second-bootstrap-test\n"));
    let script = kubeadm(&join(JoinKind::Init), "", &secret);
    assert_eq!(script.title(), "begin the cluster");
    assert!(!format!("{:?}", script.title()).contains("poison"));
}

/// The error of a failed kubeadm goes to the user, and its output holds the token.
#[test]
fn tokens_are_masked_in_what_kubeadm_said() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("var/lib/harden/kubeadm");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("log"), "[bootstrap-token] Using token: abc123.0123456789abcdef\nerror: x\n")
        .unwrap();
    let functions = include_str!("place.sh");
    let output = Command::new("dash")
        .args(["-c", &format!("{functions}\nsaid")])
        .env("R", root.path())
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "[bootstrap-token] Using token: (token)\nerror: x\n"
    );
}
