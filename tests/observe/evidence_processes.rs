//! The evidence probe and running programs: real ones, under names that control planes use.

use super::evidence::{SECRET, ask, by_all_shells, encryption, strings};
use super::node::{Local, SHELLS, Shell, Tree, path};
use super::probe::digest_of;
use harden::resource::{Evidence, FlagPath, Mode, Process, Questions};
use std::collections::BTreeSet;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};

/// A program that waits, under a name and with a command line of the test's choice.
pub(super) struct Running(pub(super) Child);

impl Running {
    pub(super) fn start(tree: &Tree, name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let program = tree.directory.path().join(name);
        if !program.exists() {
            std::fs::copy(std::fs::canonicalize("/usr/bin/dash").unwrap(), &program).unwrap();
        }
        let mut command = Command::new(program);
        command.args(["-c", "read -r line"]).args(arguments).env_clear().envs(variables.iter().copied());
        Self(command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// This machine itself, asked by one shell: what the test's own processes say. Others may run under the same names.
pub(super) fn live(tree: &Tree, shell: Shell, questions: &Questions) -> Evidence {
    ask(&mut Local { root: String::new(), ..tree.session(shell) }, questions)
}

pub(super) fn of(found: &Evidence, running: &Running) -> Option<Process> {
    found.processes.iter().find(|process| process.pid == running.0.id()).cloned()
}

#[test]
fn running_programs_are_told_with_their_arguments_and_variables() {
    let tree = Tree::new();
    let etcd = Running::start(
        &tree,
        "etcd",
        &["--name=a b", "*", "", "--line=a\nprocess 1 host etcd", "--last"],
        &[
            ("ETCD_CERT_FILE", "/pki/server.crt"),
            ("ETCD_INITIAL_CLUSTER", "a=b,c=d"),
            ("ETCD_ROOT_PASSWORD", SECRET),
            ("ETCD_INITIAL_CLUSTER_TOKEN", SECRET),
            ("OTHER", SECRET),
        ],
    );
    let manager =
        Running::start(&tree, "kube-controller-manager", &["--profiling=false"], &[("ETCD_X", "1")]);
    let calico = Running::start(&tree, "kube-controllers", &[], &[]);
    let proxy = Running::start(&tree, "kube-proxy", &[], &[]);
    let questions = Questions {
        programs: strings(["etcd", "kube-controller-manager", "kube-controller", "kube-apiserver"]),
        ..Questions::default()
    };
    for shell in SHELLS {
        let found = live(&tree, shell, &questions);
        assert!(found.facts.live);
        let process = of(&found, &etcd).unwrap();
        let script = ["-c", "read -r line"];
        assert_eq!(process.program, "etcd");
        let arguments = ["--name=a b", "*", "", "--line=a process 1 host etcd", "--last"];
        assert_eq!(process.command[1..], [&script[..], &arguments[..]].concat(), "{shell:?}");
        let variables: Vec<_> =
            process.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(variables, ["ETCD_CERT_FILE=/pki/server.crt", "ETCD_INITIAL_CLUSTER=a=b,c=d"]);
        let process = of(&found, &manager).unwrap();
        assert_eq!((process.program.as_str(), process.environment.len()), ("kube-controller-manager", 0));
        assert!(of(&found, &calico).is_none(), "the kernel calls both of them kube-controller");
        assert!(of(&found, &proxy).is_none());
        assert!(!format!("{found:?}").contains(SECRET));
        let order: Vec<_> = found.processes.iter().map(|process| (&process.program, process.pid)).collect();
        assert!(order.windows(2).all(|pair| pair[0].0 <= pair[1].0), "{order:?}");
    }
}

#[test]
fn paths_behind_flags_are_found_on_the_node() {
    let tree = Tree::new();
    let root = tree.root();
    tree.write("/data/member/x", "", 0o600);
    tree.write("/other/x", "", 0o600);
    tree.write("/enc.yaml", encryption(SECRET), 0o600);
    tree.write("/audit.yaml", "rules: []\n", 0o600);
    let at = |below: &str| format!("{}{below}", root.display());
    let etcd = Running::start(
        &tree,
        "etcd",
        &["-data-dir", &at("/data//").replace("//", "/"), "--wal-dir=relative", "--data-dir"],
        &[("ETCD_DATA_DIR", &at("/other"))],
    );
    let api_server = Running::start(
        &tree,
        "kube-apiserver",
        &[
            &format!("--encryption-provider-config={}", at("/enc.yaml")),
            // By mistake, and asked for as a text without secrets.
            &format!("--audit-policy-file={}", at("/enc.yaml")),
            &format!("--audit-policy-file={}", at("/audit.yaml")),
        ],
        &[],
    );
    let flag = |program: &str, flag: &str, document: Option<BTreeSet<String>>| FlagPath {
        program: program.to_owned(),
        flag: flag.to_owned(),
        document,
    };
    let questions = Questions {
        programs: strings(["etcd", "kube-apiserver"]),
        flags: vec![
            flag("etcd", "data-dir", None),
            flag("etcd", "wal-dir", None),
            flag("kube-apiserver", "audit-policy-file", Some(BTreeSet::new())),
            flag("kube-apiserver", "encryption-provider-config", Some(strings(["secret"]))),
        ],
        ..Questions::default()
    };
    for shell in SHELLS {
        let found = live(&tree, shell, &questions);
        assert!(of(&found, &etcd).is_some() && of(&found, &api_server).is_some());
        assert!(found.files[&path(&at("/data"))].is_directory, "{shell:?}");
        assert!(found.files[&path(&at("/other"))].is_directory);
        assert_eq!(found.documents[&path(&at("/audit.yaml"))], "rules: []\n");
        assert_eq!(found.documents[&path(&at("/enc.yaml"))], encryption(&digest_of(SECRET)));
        assert_eq!(found.files[&path(&at("/enc.yaml"))].mode, Mode(0o600));
    }
}

/// A tenant can run anything under any name, in a network of its own.
#[test]
fn what_a_tenant_writes_on_a_command_line_is_not_read() {
    let tree = Tree::new();
    tree.write("/secret.yaml", "for root only\n", 0o600);
    let secret = format!("{}/secret.yaml", tree.root().display());
    let program = tree.directory.path().join("kube-apiserver");
    std::fs::copy(std::fs::canonicalize("/usr/bin/dash").unwrap(), &program).unwrap();
    let tenant = Command::new("unshare")
        .args(["--map-root-user", "--net"])
        .arg(program)
        .args(["-c", "echo; read -r line", &format!("--audit-policy-file={secret}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut tenant = Running(tenant);
    let mut byte = [0];
    if tenant.0.stdout.take().unwrap().read_exact(&mut byte).is_err() {
        println!("no network of one's own can be made here");
        return;
    }
    let own = Running::start(&tree, "kube-apiserver", &["--audit-policy-file=relative"], &[]);
    let questions = Questions {
        programs: strings(["kube-apiserver"]),
        flags: vec![FlagPath {
            program: String::from("kube-apiserver"),
            flag: String::from("audit-policy-file"),
            document: Some(BTreeSet::new()),
        }],
        ..Questions::default()
    };
    for shell in SHELLS {
        let found = live(&tree, shell, &questions);
        assert!(of(&found, &tenant).is_some(), "{shell:?}");
        assert!(!found.files.contains_key(&path(&secret)) && !found.documents.contains_key(&path(&secret)));
        let position = |running: &Running| {
            found.processes.iter().position(|process| process.pid == running.0.id()).unwrap()
        };
        assert!(position(&own) < position(&tenant), "those in the network of the host come first");
    }
}

#[test]
fn a_tree_has_no_processes() {
    let tree = Tree::new();
    let _etcd = Running::start(&tree, "etcd", &[], &[]);
    let questions = Questions { programs: strings(["etcd"]), ..Questions::default() };
    assert!(by_all_shells(&tree, &questions).processes.is_empty());
}
