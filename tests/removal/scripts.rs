//! The scripts on a host that is a tree, in every shell: what they tell, what they delete and what they leave.

use crate::observe::node::{SHELLS, Shell, Tree, snapshot};
use crate::support::shells;
use harden::remote::{Reply, Script, Session as _};
use harden::removal::{
    HostFacts, Runs, host_facts, host_script, left, lock_script, reset_script, unlock_script,
};
use std::time::Duration;

const PLANE: Runs = Runs { kubelet: true, control_plane: true, etcd_unit: false };
const WORKER: Runs = Runs { kubelet: true, control_plane: false, etcd_unit: false };
const MEMBER: Runs = Runs { kubelet: false, control_plane: false, etcd_unit: true };

/// A control-plane node with etcd's data elsewhere, and what it is to keep.
fn host() -> Tree {
    let tree = Tree::new();
    let secret = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
    for key in ["pki/ca.key", "pki/etcd/ca.key", "pki/sa.key", "encryption/config.yaml", "super-admin.conf"] {
        tree.write(&format!("/etc/kubernetes/{key}"), secret, 0o600);
    }
    tree.write("/etc/kubernetes/pki/front-proxy-ca.key", "", 0o600);
    let etcd = "spec:\n  containers:\n  - command:\n    - etcd\n    - --data-dir=/data/it's etcd\n";
    tree.write("/etc/kubernetes/manifests/etcd.yaml", etcd, 0o600);
    tree.write("/etc/kubernetes/admin.conf", "    client-certificate-data: bm90aGluZw==\n", 0o600);
    tree.write("/data/it's etcd/member/snap/db", "data", 0o600);
    tree.write("/data/it's etcd/mine", "kept", 0o600);
    tree.write("/var/lib/kubelet/pki/kubelet-client-current.pem", secret, 0o600);
    tree.write("/var/lib/kubelet/config.yaml", "kind: KubeletConfiguration\n", 0o600);
    tree.write("/etc/harden-etcd/server.key", secret, 0o600);
    tree.write("/var/lib/harden/state.json", "{}", 0o600);
    tree.write("/root/.kube/config", secret, 0o600);
    tree.write("/etc/cni/net.d/10-plugin.conf", "{}", 0o644);
    tree.write("/etc/ssh/sshd_config.d/10-harden.conf", "PasswordAuthentication no\n", 0o644);
    for (pid, name) in [("7", "etcd"), ("12", "kubelet"), ("13", "kubelet-other"), ("99", "bash")] {
        tree.write(&format!("/proc/{pid}/comm"), format!("{name}\n"), 0o644);
    }
    let listening = "  sl  local_address rem_address   st tx_queue\n\
        \x20  0: 0100007F:280A 00000000:0000 0A 00000000:00000000\n\
        \x20  1: 0100007F:094B 0100007F:A000 01 00000000:00000000\n\
        \x20  2: 0100007F:0016 00000000:0000 0A 00000000:00000000\n";
    tree.write("/proc/net/tcp", listening, 0o444);
    tree.write("/proc/net/tcp6", listening.replace("0100007F", "00000000000000000000000000000000"), 0o444);
    tree
}

fn run(tree: &Tree, shell: Shell, script: &Script) -> Reply {
    tree.session(shell).run(script, Duration::from_secs(30)).unwrap()
}

fn facts(tree: &Tree, runs: Runs) -> HostFacts {
    let script = host_script(runs);
    shells::by_all(
        &SHELLS,
        || snapshot(&tree.root()),
        |shell| {
            let reply = run(tree, shell, &script);
            assert_eq!(reply.code, 0, "{shell:?}");
            for (section, output) in &reply.sections {
                assert!(!output.text().contains("c2VjcmV0"), "{section} sends a key");
            }
            host_facts(&reply)
        },
    )
}

#[test]
fn a_host_tells_what_it_has_and_no_secret() {
    let tree = host();
    let facts = facts(&tree, PLANE);
    let key = |path: &str| format!("/etc/kubernetes/{path}");
    assert_eq!(
        facts.keys,
        [key("encryption"), key("pki/ca.key"), key("pki/etcd/ca.key"), key("pki/sa.key")].into()
    );
    assert!(facts.is_tree && facts.has_super_admin && !facts.is_locked);
    assert_eq!(facts.data_directory, "/data/it's etcd");
    assert_eq!(facts.kubeconfigs, ["/root/.kube/config"]);
    assert!(facts.ca.is_empty() && facts.kubelet_until.is_none() && facts.admin_until.is_none());
    assert_eq!(
        facts.left,
        [
            "process kubelet (12)",
            "process etcd (7)",
            "port 10250",
            "files in /etc/kubernetes",
            "files in /data/it's etcd/member",
            "files in /var/lib/kubelet/pki",
            "files in /etc/harden-etcd",
            "files in /var/lib/harden",
        ]
    );
    tree.link("/var/lib/harden/lock", "txn/1");
    let locked = self::facts(&tree, WORKER);
    assert!(locked.is_locked);
    // Another program on a worker may be called so.
    assert!(!locked.left.contains(&String::from("process etcd (7)")), "{:?}", locked.left);
}

#[test]
fn a_blank_host_has_nothing() {
    let tree = Tree::new();
    std::fs::create_dir_all(tree.root().join("etc/kubernetes/manifests")).unwrap();
    let facts = facts(&tree, PLANE);
    assert!(facts.left.is_empty() && facts.keys.is_empty() && facts.kubeconfigs.is_empty(), "{facts:?}");
    assert_eq!(facts.data_directory, "/var/lib/etcd");
}

fn files(tree: &Tree) -> Vec<String> {
    fn walk(folder: &std::path::Path, root: &std::path::Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                walk(&path, root, found);
            } else {
                found.push(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    let mut found = Vec::new();
    walk(&tree.root(), &tree.root(), &mut found);
    found.retain(|path| !path.starts_with("proc/"));
    found.sort();
    found
}

const KEPT: [&str; 4] = [
    "data/it's etcd/mine",
    "etc/cni/net.d/10-plugin.conf",
    "etc/ssh/sshd_config.d/10-harden.conf",
    "root/.kube/config",
];

#[test]
fn a_reset_takes_what_is_the_clusters_and_nothing_else() {
    for shell in SHELLS {
        let tree = host();
        tree.program("kubeadm", "#!/bin/sh\necho \"$*\" >\"${0%/*}/asked\"\n");
        std::fs::create_dir_all(tree.root().join("etc/kubernetes/mine")).unwrap();
        // A link out of the directory is deleted, and not what it leads to.
        tree.link("/etc/kubernetes/mine/link", "../../cni");
        let reply = run(&tree, shell, &reset_script("/data/it's etcd", PLANE));
        assert_eq!((reply.code, reply.section("reset").code), (0, 0), "{shell:?}");
        assert_eq!(files(&tree), KEPT, "{shell:?}");
        assert!(tree.root().join("etc/kubernetes").is_dir());
        let asked = std::fs::read_to_string(tree.directory.path().join("bin/asked")).unwrap();
        assert_eq!(asked, "reset --force --skip-phases=remove-etcd-member\n");
        // Again, on what is left of it.
        assert_eq!(run(&tree, shell, &reset_script("/data/it's etcd", PLANE)).code, 0, "{shell:?}");
    }
}

#[test]
fn keys_are_deleted_though_kubeadm_fails() {
    for shell in SHELLS {
        let tree = host();
        tree.program("kubeadm", "#!/bin/sh\nexit 1\n");
        let reply = run(&tree, shell, &reset_script("/data/it's etcd", PLANE));
        assert_eq!(reply.code, 1, "{shell:?}");
        assert_eq!(files(&tree), KEPT, "{shell:?}");
    }
}

#[test]
fn without_kubeadm_the_pods_are_ended_by_crictl() {
    let tree = host();
    let crictl =
        "#!/bin/sh\n[ \"$1\" = pods ] && { echo a; echo b; exit; }\necho \"$*\" >>\"${0%/*}/asked\"\n";
    tree.program("crictl", crictl);
    assert_eq!(run(&tree, Shell::Dash, &reset_script("/data/it's etcd", PLANE)).code, 0);
    let asked = std::fs::read_to_string(tree.directory.path().join("bin/asked")).unwrap();
    assert_eq!(asked, "rmp -f a\nrmp -f b\n");
    let rest = left(&run(&tree, Shell::Dash, &host_script(PLANE)));
    assert_eq!(rest, ["process kubelet (12)", "process etcd (7)", "port 10250"]);
}

#[test]
fn an_external_member_is_taken_off_its_host_and_nothing_else() {
    for shell in SHELLS {
        let tree = Tree::new();
        tree.program("kubeadm", "#!/bin/sh\n: >\"${0%/*}/asked\"\n");
        for (path, mode) in [
            ("/etc/etcd/etcd.conf", 0o600),
            ("/etc/etcd/pki/server.key", 0o600),
            ("/etc/systemd/system/etcd.service", 0o644),
            ("/var/lib/etcd/member/snap/db", 0o600),
            ("/var/lib/harden/joining", 0o600),
            ("/etc/kubernetes.mine", 0o644),
        ] {
            tree.write(path, "x", mode);
        }
        let facts = host_facts(&run(&tree, shell, &host_script(MEMBER)));
        let expected = [
            "files in /var/lib/etcd/member",
            "files in /var/lib/harden",
            "files in /etc/etcd",
            "file /etc/systemd/system/etcd.service",
        ];
        assert_eq!(facts.left, expected, "{shell:?}");
        let reply = run(&tree, shell, &reset_script(&facts.data_directory, MEMBER));
        assert_eq!((reply.code, reply.section("reset").code), (0, 0), "{shell:?}");
        assert_eq!(files(&tree), ["etc/kubernetes.mine"], "{shell:?}");
        assert!(!tree.directory.path().join("bin/asked").exists(), "kubeadm has no part in it");
    }
}

#[test]
fn the_lock_is_that_of_applies_and_a_cut_removal_takes_its_own_over() {
    for shell in SHELLS {
        let tree = Tree::new();
        let lock = tree.root().join("var/lib/harden/lock");
        for _ in 0..2 {
            assert_eq!(
                run(&tree, shell, &lock_script("remove by me@here")).section("lock").code,
                0,
                "{shell:?}"
            );
            assert_eq!(std::fs::read_to_string(lock.join("owner")).unwrap(), "remove by me@here\n");
        }
        assert!(!host_facts(&run(&tree, shell, &host_script(PLANE))).is_locked, "{shell:?}");
        assert_eq!(run(&tree, shell, &unlock_script()).section("unlock").code, 0);
        assert!(files(&tree).is_empty(), "{shell:?}");
        // An apply's is left alone.
        tree.write("/var/lib/harden/txn/1/owner", "you@there\n", 0o600);
        tree.link("/var/lib/harden/lock", "txn/1");
        let refused = run(&tree, shell, &lock_script("remove by me@here"));
        let said = refused.section("lock");
        assert_eq!((said.code, said.text().trim()), (75, "you@there"), "{shell:?}");
        run(&tree, shell, &unlock_script());
        assert!(lock.is_symlink(), "{shell:?}");
        assert!(host_facts(&run(&tree, shell, &host_script(PLANE))).is_locked, "{shell:?}");
    }
}
