//! The probe, really run by every shell on a tree that looks like a host, with programs of ours.

use super::{INVENTORY, load};
use crate::observe::node::{SHELLS, Shell, Tree, snapshot};
use crate::support::shells;
use harden::doctor::{Answer, Cgroup, Disk, HostFacts, Lookup, Module, Question, Version, ask};
use std::collections::BTreeSet;
use std::os::unix::net::UnixListener;
use std::time::Duration;

fn question(node: usize) -> Question {
    let inventory = load(INVENTORY);
    Question::of(&inventory.nodes[node], &inventory)
}

fn look(tree: &Tree, question: &Question) -> HostFacts {
    let one = |shell: Shell| {
        let mut facts = ask(&mut tree.session(shell), question, Duration::from_mins(1)).unwrap();
        for disk in facts.disks.values_mut() {
            // Other tests write on it meanwhile.
            assert!(disk.free > 0 && disk.size >= disk.free);
            *disk = Disk { device: disk.device, ..Disk::default() };
        }
        assert!(facts.clock > 1_700_000_000);
        facts.clock = 0;
        facts
    };
    shells::by_all(&SHELLS, || snapshot(&tree.root()), one)
}

fn say(tree: &Tree, name: &str, cases: &str) {
    tree.program(name, &format!("#!/bin/sh\ncase \"$*\" in\n{cases}\n*) exit 1 ;;\nesac\n"));
}

/// A host of which there is something to say.
fn host() -> Tree {
    let tree = Tree::new();
    for (path, text) in [
        ("/etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
        ("/etc/os-release", "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\n"),
        ("/proc/sys/kernel/hostname", "w-1\n"),
        ("/proc/sys/kernel/osrelease", "6.12.48-amd64\n"),
        ("/proc/sys/net/ipv4/ip_forward", "1\n"),
        ("/proc/1/comm", "systemd\n"),
        ("/proc/cpuinfo", "processor\t: 0\nmodel name\t: x\n\nprocessor\t: 1\n"),
        ("/proc/meminfo", "MemTotal:        8000000 kB\nMemFree: 1 kB\n"),
        (
            "/proc/net/fib_trie",
            "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n        |-- 192.0.2.21\n           /32 host LOCAL\n        |-- 192.0.2.255\n           /32 link BROADCAST\n",
        ),
        ("/proc/net/if_inet6", "20010db8000000000000000000000021 02 40 00 80     eth0\n"),
        ("/sys/fs/cgroup/cgroup.controllers", "cpu memory\n"),
        (
            "/proc/swaps",
            "Filename\t\t\t\tType\t\tSize\n/dev/sda2                               partition\t1\n",
        ),
        ("/proc/modules", "br_netfilter 32768 0 - Live 0x0\n"),
        ("/proc/filesystems", "nodev\toverlay\n\text4\n"),
        (
            "/proc/net/tcp",
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             \x20  0: 00000000:280A 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0\n\
             \x20  1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 47 1 0 100 0 0 10 0\n\
             \x20  2: 0100007F:2808 0100007F:1234 01 00000000:00000000 00:00000000 00000000     0        0 48 1 0 100 0 0 10 0\n",
        ),
        (
            "/proc/net/tcp6",
            "  sl  local_address\n   0: 00000000000000000000000000000000:2810 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 99 1 0 100 0 0 10 0\n",
        ),
        ("/proc/77/comm", "kubelet\n"),
        ("/etc/kubernetes/kubelet.conf", "secret\n"),
        ("/etc/kubernetes/manifests/.old.yaml", "x\n"),
    ] {
        tree.write(path, text, 0o644);
    }
    tree.link("/proc/1/fd/3", "socket:[47]");
    tree.link("/proc/77/fd/4", "socket:[4711]");
    say(&tree, "kubelet", "--version) echo Kubernetes v1.35.4 ;;");
    say(
        &tree,
        "kubeadm",
        "'version -o short') echo v1.35.4 ;;\n'config images list --kubernetes-version v1.35.4 --image-repository registry.k8s.io') echo registry.k8s.io/kube-proxy:v1.35.4 ;;",
    );
    say(
        &tree,
        "getent",
        "'hosts api.example.com') echo '192.0.2.1  api.example.com' ;;\n'hosts registry.k8s.io') exit 2 ;;",
    );
    // What is built in elsewhere is not to be found by accident.
    say(&tree, "modprobe", "x) ;;");
    tree
}

/// The socket of a runtime in a tree; it is there as long as the listener.
fn socket(tree: &Tree) -> UnixListener {
    std::fs::create_dir_all(tree.root().join("run/containerd")).unwrap();
    UnixListener::bind(tree.root().join("run/containerd/containerd.sock")).unwrap()
}

fn worker() -> Question {
    Question { live: true, ..question(1) }
}

#[test]
fn a_host_is_read() {
    let tree = host();
    let _listener = socket(&tree);
    let socket = tree.root().join("run/containerd/containerd.sock");
    let socket = socket.display();
    say(
        &tree,
        "ctr",
        &format!(
            "'-a {socket} -n k8s.io version') printf 'Client:\\n  Version:  1.7.0\\nServer:\\n  Version:  1.7.28\\n  Revision: 1\\n' ;;\n'-a {socket} -n k8s.io images ls -q') echo registry.k8s.io/kube-proxy:v1.35.4 ;;"
        ),
    );
    let facts = look(&tree, &worker());
    assert!(facts.live);
    assert_eq!(facts.system.hostname, "w-1");
    assert_eq!(facts.system.machine_id, "0123456789abcdef0123456789abcdef");
    assert_eq!(facts.system.os.as_deref(), Some("Debian GNU/Linux 13 (trixie)"));
    assert_eq!(facts.system.kernel.as_deref(), Some("6.12.48-amd64"));
    assert_eq!(facts.system.init.as_deref(), Some("systemd"));
    assert_eq!((facts.system.cpus, facts.system.memory), (Some(2), Some(8_000_000)));
    let addresses = ["192.0.2.21", "2001:db8::21"].map(|address| address.parse().unwrap());
    assert_eq!(facts.system.addresses, BTreeSet::from(addresses));
    assert_eq!(facts.cgroup, Some(Cgroup::V2));
    assert_eq!(facts.swaps, Some(vec![String::from("/dev/sda2")]));
    assert_eq!(facts.sysctls.len(), 1, "{:?}", facts.sysctls);
    assert_eq!(facts.sysctls["net.ipv4.ip_forward"], "1");
    assert_eq!((facts.modules["overlay"], facts.modules["br_netfilter"]), (Module::There, Module::There));
    let listeners: Vec<_> =
        facts.listeners.iter().flatten().map(|found| (found.port, found.program.as_str())).collect();
    assert_eq!(listeners, [(10250, "kubelet"), (10256, "")]);
    let version = Some(Answer::Version(Version(1, 35, 4)));
    assert_eq!((&facts.programs.kubelet, &facts.programs.kubeadm), (&version, &version));
    assert!(facts.runtime.socket && facts.runtime.silent.is_none());
    assert_eq!(facts.runtime.name.as_deref(), Some("containerd"));
    assert_eq!(facts.runtime.version, Some(Version(1, 7, 28)));
    let image = BTreeSet::from([String::from("registry.k8s.io/kube-proxy:v1.35.4")]);
    assert_eq!((facts.images.needed.as_ref(), facts.images.present.as_ref()), (Some(&image), Some(&image)));
    assert_eq!(facts.disks.len(), 2);
    let found = Lookup::Found(BTreeSet::from([String::from("192.0.2.1")]));
    assert_eq!(
        (&facts.names["api.example.com"], &facts.names["registry.k8s.io"]),
        (&found, &Lookup::Unknown)
    );
    assert_eq!(facts.left, BTreeSet::from([String::from("/etc/kubernetes/kubelet.conf")]));
}

#[test]
fn crictl_is_asked_first_and_a_silent_runtime_is_told() {
    let tree = host();
    let _listener = socket(&tree);
    let socket = tree.root().join("run/containerd/containerd.sock");
    say(
        &tree,
        "crictl",
        &format!(
            "'-r unix://{0} -t 8s version') printf 'Version:  0.1.0\\nRuntimeName:  containerd\\nRuntimeVersion:  v2.1.4\\nRuntimeApiVersion:  v1\\n' ;;\n'-r unix://{0} -t 8s images -o json') echo '{{\"images\": [{{\"repoTags\": [\"a:1\"]}}]}}' ;;",
            socket.display()
        ),
    );
    let facts = look(&tree, &worker());
    assert_eq!(facts.runtime.version, Some(Version(2, 1, 4)));
    assert!(facts.images.present.unwrap().contains("docker.io/library/a:1"));
    say(&tree, "crictl", "x) ;;");
    say(&tree, "ctr", "x) ;;");
    say(
        &tree,
        "containerd",
        "--version) echo containerd github.com/containerd/containerd v1.6.20~ds1 1.6.20~ds1-1+b1 ;;",
    );
    let facts = look(&tree, &worker());
    assert_eq!(facts.runtime.silent.as_deref(), Some("crictl"));
    assert_eq!(facts.runtime.version, Some(Version(1, 6, 20)));
    assert_eq!(facts.images.present, None);
}

#[test]
fn an_empty_host_answers_as_well() {
    let facts = look(&Tree::new(), &worker());
    assert_eq!((facts.system.hostname.as_str(), facts.cgroup, &facts.listeners), ("", None, &None));
    assert_eq!((&facts.swaps, facts.runtime.socket), (&None, false));
    assert_eq!(facts.modules["overlay"], Module::Unknown);
}

#[test]
fn of_a_directory_tree_only_files_are_read() {
    let tree = host();
    tree.write("/etc/hostname", "golden\n", 0o644);
    let facts = look(&tree, &Question { live: false, ..question(1) });
    assert_eq!(facts.system.hostname, "golden");
    assert_eq!((facts.live, facts.programs.kubelet, facts.cgroup), (false, None, None));
    assert!(facts.left.contains("/etc/kubernetes/kubelet.conf"));
}

#[test]
fn etcd_is_asked_where_it_is_a_program() {
    let tree = host();
    tree.write("/opt/etcd", "#!/bin/sh\nprintf 'etcd Version: 3.6.6\\nGit SHA: 1\\n'\n", 0o755);
    tree.write("/var/lib/etcd/member/x", "", 0o600);
    let question = Question { kubernetes: false, etcd: Some(String::from("/opt/etcd")), ..worker() };
    let facts = look(&tree, &question);
    assert_eq!(facts.programs.etcd, Some(Answer::Version(Version(3, 6, 6))));
    assert_eq!((facts.programs.kubelet, facts.images.needed), (None, None));
    assert!(facts.left.contains("/var/lib/etcd/member"));
}

#[test]
fn the_cluster_is_told_by_its_ca() {
    let tree = host();
    // Of the file only its first certificate is sent; the digest is that of `openssl x509 -fingerprint -sha256`.
    let (pem, digest) = certificate();
    tree.write("/etc/kubernetes/pki/ca.crt", format!("{pem}-----BEGIN PRIVATE KEY-----\nx\n"), 0o644);
    let facts = look(&tree, &worker());
    assert_eq!(facts.ca_sha256, Some(digest));
    assert!(facts.left.contains("/etc/kubernetes/pki"));
}

fn certificate() -> (String, String) {
    use openssl::asn1::Asn1Time;
    use openssl::hash::MessageDigest;
    use openssl::pkey::PKey;
    use openssl::x509::X509;
    let key = PKey::generate_ed25519().unwrap();
    let mut builder = X509::builder().unwrap();
    builder.set_not_before(&Asn1Time::from_unix(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(1_900_000_000).unwrap()).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.sign(&key, MessageDigest::null()).unwrap();
    let certificate = builder.build();
    let digest = certificate.digest(MessageDigest::sha256()).unwrap();
    let hex = digest.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    (String::from_utf8(certificate.to_pem().unwrap()).unwrap(), hex)
}
