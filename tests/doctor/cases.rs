//! The judgement, case by case: one thing about one host is otherwise, and this is what is said of it.

use super::{FIT, INVENTORY, World};
use harden::doctor::{Check, Severity, Standing};
use harden::remote::RemoteError;

/// A host, a section of its answer, what stands there, what stands there instead, and what is found: `severity check: part of
/// the fact`, for every finding.
type Case = (&'static str, &'static str, &'static str, &'static str, &'static [&'static str]);

const CASES: &[Case] = &[
    // The host.
    (
        "w-1",
        "system",
        "hostname w-1",
        "hostname localhost",
        &["warning hostname: it calls itself \"localhost\""],
    ),
    ("w-1", "system", "hostname w-1", "hostname W-1", &[]),
    (
        "w-1",
        "system",
        "hostname w-1",
        "hostname cp-1",
        &["fatal hostname: it calls itself cp-1, as cp-1 does", "warning hostname: it calls itself \"cp-1\""],
    ),
    (
        "w-1",
        "system",
        "id-of-w-1",
        "id-of-cp-1",
        &["fatal machine-id: it has the machine-id id-of-cp-1, as cp-1 does"],
    ),
    ("w-1", "system", "id-of-w-1", "", &["warning machine-id: /etc/machine-id has none"]),
    (
        "w-1",
        "system",
        "address 192.0.2.21",
        "address 192.0.2.99",
        &["fatal address: 192.0.2.21, its address"],
    ),
    (
        "w-1",
        "system",
        "address 192.0.2.21",
        "address 192.0.2.21\naddress 192.0.2.11",
        &["fatal address: it has 192.0.2.11, which is the address of cp-1"],
    ),
    ("w-1", "system", "address 127.0.0.1\naddress 192.0.2.21\n", "", &["note address: which addresses"]),
    ("w-1", "system", "clock 1795532400", "clock 1795532440", &["fatal clock: its clock is 39 s ahead of"]),
    ("w-1", "system", "clock 1795532400", "clock 1795532420", &[]),
    ("w-1", "system", "kernel 6.12", "kernel 4.18", &["fatal system: its kernel is 4.18.48"]),
    (
        "w-1",
        "system",
        "kernel 6.12",
        "kernel 5.4",
        &["warning system: its kernel is 5.4.48, and cgroup v2 wants 5.8.0"],
    ),
    ("w-1", "system", "machine x86_64", "machine riscv64", &["warning system: Kubernetes is not built for"]),
    (
        "w-1",
        "system",
        "init systemd",
        "init openrc-init",
        &["fatal system: its first process is openrc-init"],
    ),
    ("w-1", "system", "init systemd\n", "", &["note system: whether systemd runs it"]),
    ("w-1", "system", "user 0", "user 1000", &["warning sudo: it was looked at as the user 1000"]),
    (
        "cp-1",
        "system",
        "cpus 4\nmemory 8000000",
        "cpus 1\nmemory 1000000",
        &["warning resources: it has 1 processor", "warning resources: it has 976 MiB of memory"],
    ),
    ("w-1", "system", "cpus 4\nmemory 8000000", "cpus 1\nmemory 1000000", &[]),
    // The kernel.
    (
        "w-1",
        "kernel",
        "cgroup v2",
        "cgroup v1",
        &["fatal cgroup: it has cgroup v1, which the kubelet of 1.35 refuses"],
    ),
    ("w-1", "kernel", "cgroup v2\n", "", &["note cgroup: which version"]),
    ("w-1", "kernel", "", "swap /dev/sda2\nswap /swap\n", &["fatal swap: it swaps to /dev/sda2, /swap"]),
    ("w-1", "kernel", "swaps known\n", "", &["note swap: whether it swaps"]),
    ("w-1", "kernel", "ip_forward 1", "ip_forward 0", &["fatal sysctls: net.ipv4.ip_forward is 0"]),
    ("w-1", "kernel", "sysctl net.ipv4.ip_forward 1\n", "", &["note sysctls: what net.ipv4.ip_forward"]),
    (
        "w-1",
        "kernel",
        "call-iptables 1",
        "call-iptables 0",
        &["warning sysctls: net.bridge.bridge-nf-call-iptables"],
    ),
    ("w-1", "kernel", "sysctl net.bridge.bridge-nf-call-iptables 1\n", "", &[]),
    (
        "w-1",
        "kernel",
        "overlay loadable",
        "overlay absent",
        &["fatal modules: the kernel has no module overlay"],
    ),
    (
        "w-1",
        "kernel",
        "br_netfilter there",
        "br_netfilter loadable",
        &["warning modules: the kernel module br_netfilter"],
    ),
    (
        "w-1",
        "kernel",
        "overlay loadable\nmodule br_netfilter there",
        "overlay unknown",
        &["note modules: whether the kernel has overlay and br_netfilter"],
    ),
    // Ports: 192B is 6443, 280A is 10250.
    ("cp-1", "ports", "", "listener 192B haproxy\n", &["fatal ports: port 6443 is in use by haproxy"]),
    ("w-1", "ports", "", "listener 192B haproxy\n", &[]),
    (
        "w-1",
        "ports",
        "",
        "listener 280A kubelet\n",
        &["fatal ports: port 10250 is in use by kubelet, and nothing"],
    ),
    ("w-1", "ports", "", "listener 280A \n", &["fatal ports: port 10250 is in use, and it is not known"]),
    ("w-1", "ports", "ports known\n", "", &["note ports: which of its ports"]),
    // Programs, runtime and images.
    ("w-1", "programs", "kubelet Kubernetes v1.35.4\n", "", &["fatal programs: kubelet is not there"]),
    ("w-1", "programs", "kubeadm v1.35.4", "kubeadm ", &["warning programs: kubeadm does not say"]),
    (
        "w-1",
        "programs",
        "v1.35.4",
        "v1.34.1",
        &[
            "warning programs: kubelet is not of one version: 1.34.1 on w-1; 1.35.4 on cp-1",
            "warning programs: kubeadm is not of one version",
            "fatal programs: kubelet is 1.34.1, and the inventory says 1.35",
            "fatal programs: kubeadm is 1.34.1",
        ],
    ),
    (
        "w-1",
        "programs",
        "socket there\n",
        "",
        &["fatal runtime: no container runtime listens on /run/containerd/containerd.sock"],
    ),
    (
        "w-1",
        "programs",
        "runtime",
        "silent ctr\nruntime",
        &["fatal runtime: the container runtime on /run/containerd/containerd.sock does not answer ctr"],
    ),
    ("w-1", "programs", "version v1.7.28", "version 1.5.9", &["fatal runtime: containerd is 1.5.9"]),
    (
        "w-1",
        "programs",
        "runtime containerd\nversion v1.7.28\n",
        "",
        &["note runtime: which container runtime"],
    ),
    (
        "w-1",
        "present",
        "registry.k8s.io/kube-proxy:v1.35.4\n",
        "",
        &["warning images: 1 image is not there and will be pulled: registry.k8s.io/kube-proxy:v1.35.4"],
    ),
    ("w-1", "present", "registry.k8s.io/kube-apiserver:v1.35.4\n", "", &[]),
    (
        "cp-1",
        "present",
        "registry.k8s.io/",
        "other.example/",
        &["warning images: 4 images are not there and will be pulled: registry.k8s.io/etcd:3.6.6-0"],
    ),
    ("w-1", "present", "ctr\n", "none\n", &["note images: which images it has"]),
    // Room and names.
    (
        "w-1",
        "disk",
        "10000000",
        "100000",
        &["fatal disk: 0.4 GiB are free for /var/lib/kubelet, /var/lib/containerd, and 5.0 GiB are needed"],
    ),
    ("cp-1", "disk", "10000000", "1500000", &["fatal disk: 5.7 GiB are free"]),
    ("w-1", "disk", "10000000", "1500000", &["warning disk: 5.7 GiB of 45.8 GiB are free"]),
    (
        "w-1",
        "disk",
        "disk /var/lib/kubelet 1",
        "disk /x 1",
        &["note disk: how much room there is for /var/lib/kubelet"],
    ),
    (
        "w-1",
        "names",
        "name api.example.com 192.0.2.1",
        "unknown api.example.com",
        &["fatal dns: api.example.com, by which the API is reached, has no address there"],
    ),
    ("w-1", "names", "name api.example.com 192.0.2.1", "late api.example.com", &["fatal dns: looking up"]),
    ("w-1", "names", "name api.example.com 192.0.2.1", "", &["note dns: whether api.example.com"]),
    ("w-1", "names", "name registry.k8s.io 192.0.2.2", "unknown registry.k8s.io", &[]),
    // A directory tree.
    ("w-1", "system", "live 1", "live 0", &["note system: it is a directory tree"]),
];

/// Every finding as `severity check: fact`.
fn told(world: World) -> Vec<String> {
    let severity = |severity| match severity {
        Severity::Fatal => "fatal",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let report = world.judge();
    report
        .findings
        .iter()
        .map(|finding| format!("{} {}: {}", severity(finding.severity), finding.check, finding.fact))
        .collect()
}

fn expect(world: World, expected: &[&str], case: &str) {
    let told = told(world);
    let same = told.len() == expected.len()
        && told.iter().zip(expected).all(|(told, expected)| told.starts_with(expected));
    assert!(same, "{case}\nexpected {expected:#?}\nfound {told:#?}");
}

#[test]
fn nothing_is_said_of_hosts_that_are_fit() {
    expect(World::new(INVENTORY), &[], "all fit");
    assert_eq!(FIT.len(), 9, "every section of the probe is answered");
}

#[test]
fn one_thing_at_a_time() {
    for (node, section, from, to, expected) in CASES {
        let world = World::new(INVENTORY).change(node, section, from, to);
        expect(world, expected, &format!("{node} {section}: {from:?} -> {to:?}"));
    }
}

#[test]
fn the_inventory_may_allow_what_the_kubelet_would_refuse() {
    let text = format!("{INVENTORY}\n[kubelet.config]\nfailCgroupV1 = false\nfailSwapOn = false\n");
    let world = World::new(&text).change("w-1", "kernel", "cgroup v2", "cgroup v1").change(
        "w-1",
        "kernel",
        "",
        "swap /x\n",
    );
    expect(world, &["warning cgroup: it has cgroup v1, which Kubernetes gives up"], "allowed");
    let old = INVENTORY.replace("1.35", "1.34");
    let world = World::new(&old)
        .change("cp-1", "programs", "1.35", "1.34")
        .change("w-1", "programs", "1.35", "1.34")
        .change("w-1", "kernel", "cgroup v2", "cgroup v1");
    expect(world, &["warning cgroup: it has cgroup v1"], "1.34");
}

#[test]
fn a_newer_kubernetes_wants_a_newer_runtime() {
    let world = World::new(&INVENTORY.replace("1.35", "1.36"))
        .change("cp-1", "programs", "1.35", "1.36")
        .change("w-1", "programs", "1.35", "1.36")
        .change("w-1", "programs", "v1.7.28", "v2.1.4");
    expect(world, &["warning runtime: containerd is 1.7.28: Kubernetes 1.36 is made for 2.0"], "1.36");
}

#[test]
fn images_that_cannot_be_pulled_are_told_apart() {
    let world = World::new(INVENTORY)
        .change("w-1", "names", "name registry.k8s.io 192.0.2.2", "unknown registry.k8s.io")
        .change("w-1", "present", "registry.k8s.io/kube-proxy:v1.35.4\n", "");
    expect(
        world,
        &["warning images: 1 image is not there, and registry.k8s.io has no address there"],
        "no registry",
    );
}

/// A control plane and a worker that run.
fn living() -> World {
    World::new(INVENTORY)
        .change("cp-1", "standing", "", "left /etc/kubernetes/kubelet.conf\nleft /etc/kubernetes/manifests\n")
        .change(
            "cp-1",
            "ports",
            "",
            "listener 192B kube-apiserver\nlistener 2811 kube-controller\nlistener 2813 kube-scheduler\nlistener 2808 kubelet\n\
             listener 280A kubelet\nlistener 094B etcd\nlistener 094C etcd\nlistener 094D etcd\nlistener 2810 kube-proxy\n",
        )
        .change("w-1", "standing", "", "left /etc/kubernetes/kubelet.conf\n")
        .change("w-1", "ports", "", "listener 2808 kubelet\nlistener 280A kubelet\nlistener 2810 kube-proxy\n")
}

#[test]
fn a_living_cluster_is_no_reason_to_cry() {
    expect(living(), &[], "its ports are its own");
    let world = living()
        .change("w-1", "present", "registry.k8s.io/kube-proxy:v1.35.4\n", "")
        .change("w-1", "disk", "10000000", "2000000")
        .change("w-1", "system", "id-of-w-1", "id-of-cp-1")
        .change("w-1", "programs", "kubeadm v1.35.4\n", "")
        .change("w-1", "kernel", "br_netfilter there", "br_netfilter loadable")
        .change("cp-1", "system", "hostname cp-1", "hostname cp-1.example.com");
    expect(
        world,
        &["warning machine-id: it has the machine-id", "warning programs: kubeadm is not there"],
        "what would keep it from joining",
    );
    // A stranger on a port stays one.
    let world = living().change("w-1", "ports", "listener 2810 kube-proxy", "listener 2810 node_exporter");
    expect(world, &["fatal ports: port 10256 is in use by node_exporter"], "a stranger");
}

#[test]
fn what_was_left_is_told_and_not_fatal() {
    let world = World::new(INVENTORY).change("w-1", "standing", "", "left /etc/kubernetes/pki\n").change(
        "w-1",
        "ports",
        "",
        "listener 280A kubelet\n",
    );
    let report = world.judge();
    assert!(
        matches!(&report.hosts[1].standing, Standing::Leftovers { paths, .. } if paths.contains("/etc/kubernetes/pki"))
    );
    assert_eq!(report.summary().fatal, 0);
    assert_eq!(report.findings[0].check, Check::Ports);
    assert!(report.findings[0].remedy.as_ref().unwrap().contains("kubeadm reset"));
}

#[test]
fn etcd_on_hosts_of_its_own_needs_no_kubernetes() {
    let text = r#"
[cluster]
name = "prod"
kubernetes = "1.35"
endpoint = "api.example.com:6443"
[etcd]
topology = "external"
program = "/opt/etcd/etcd"
[[nodes]]
name = "cp-1"
address = "192.0.2.11"
roles = ["control-plane"]
[[nodes]]
name = "e-1"
address = "192.0.2.31"
roles = ["etcd"]
"#;
    let bare = |world: World| {
        world
            .change("e-1", "programs", FIT[3].1, "etcd 3.6.6\n")
            .change("e-1", "names", FIT[7].1, "")
            .change("e-1", "kernel", "ip_forward 1", "ip_forward 0")
            .change("e-1", "kernel", "", "swap /dev/sda2\n")
            .change("e-1", "ports", "", "listener 280A node_exporter\n")
    };
    expect(bare(World::new(text)), &[], "etcd alone");
    let world = bare(World::new(text)).change("e-1", "programs", "etcd 3.6.6\n", "");
    expect(world, &["fatal programs: there is no program /opt/etcd/etcd"], "no etcd");
    // Its unit answers for its metrics there, as the static pod does.
    let world = bare(World::new(text)).change("e-1", "ports", "280A", "094D");
    expect(world, &["fatal ports: port 2381 is in use by node_exporter"], "the port of the metrics");
    let world = bare(World::new(text)).change("e-1", "programs", "3.6.6", "3.4.1");
    expect(world, &["fatal programs: etcd is 3.4.1"], "an old etcd");
    let world = bare(World::new(text)).change("e-1", "ports", "", "listener 094B etcd\nlistener 094C etcd\n");
    expect(
        world,
        &["fatal ports: ports 2379, 2380 are in use by etcd, and nothing"],
        "an etcd of somebody else",
    );
    let world = bare(World::new(text))
        .change("e-1", "ports", "", "listener 094B etcd\nlistener 094C etcd\n")
        .change("e-1", "standing", "", "left /var/lib/etcd/member\n");
    assert!(world.judge().hosts[1].standing.is_member());
}

#[test]
fn a_host_that_cannot_be_asked_is_a_finding_and_the_others_are_judged() {
    let host = || String::from("192.0.2.21");
    let key = || RemoteError::UnknownHostKey {
        host: host(),
        port: 22,
        key_type: String::from("ssh-ed25519"),
        fingerprint: String::from("SHA256:x"),
    };
    let sudo = || RemoteError::Become { host: host(), user: String::from("ops"), reason: String::from("no") };
    let bastion = RemoteError::Bastion { bastion: String::from("b:22"), source: std::sync::Arc::new(key()) };
    let refused = || std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    let connect = RemoteError::Connect { host: host(), port: 22, source: refused() };
    for (error, check, remedy) in [
        (key(), Check::HostKey, "`harden hostkeys scan`"),
        (bastion, Check::HostKey, "`harden hostkeys scan`"),
        (sudo(), Check::Sudo, "NOPASSWD"),
        (connect, Check::Reach, "see whether it runs"),
    ] {
        let world = World::new(INVENTORY).lose("w-1", error).change("cp-1", "kernel", "", "swap /x\n");
        let mut report = world.judge();
        let checks: Vec<Check> = report.findings.iter().map(|finding| finding.check).collect();
        assert_eq!(checks, [Check::Swap, check]);
        assert!(report.findings[1].remedy.as_ref().unwrap().contains(remedy));
        assert_eq!(report.hosts[1].standing, Standing::Unknown);
        // It can be accepted to swap, and not that nothing is known.
        report.accept(&[Check::Swap, Check::Sudo, Check::HostKey, Check::Reach]);
        let left: Vec<Check> = report.fatal().map(|finding| finding.check).collect();
        assert_eq!((left, report.summary().accepted), (vec![check], 1));
    }
}

/// The address that kube-vip is to hold.
#[test]
fn the_virtual_address_is_nobodys_yet() {
    let vip = "[kube-vip]\nimage = \"registry.example/kube-vip:v1.0.1\"\n";
    let found = |address: &str, ours: &str| {
        let text = INVENTORY.replace("api.example.com", address);
        let world = World::new(&format!("{text}{vip}"));
        let report = world.change("w-1", "system", "", &format!("address {ours}\n")).judge();
        let of_it = report.findings.iter().filter(|finding| finding.check == Check::Address);
        of_it.map(|finding| finding.fact.clone()).collect::<Vec<_>>()
    };
    assert_eq!(found("192.0.2.10", "127.0.0.1"), [""; 0]);
    assert_eq!(found("192.0.2.10", "192.0.2.10"), ["it has 192.0.2.10, which kube-vip is to hold"]);
    assert_eq!(
        found("192.0.2.11", "127.0.0.1"),
        ["192.0.2.11, which kube-vip is to hold, is the address of cp-1"]
    );
    // Somebody else has it; unless there is a control plane already, which may be that somebody.
    let claimed = |standing: &str| {
        let text = INVENTORY.replace("api.example.com", "192.0.2.10");
        let mut world = World::new(&format!("{text}{vip}")).change("cp-1", "standing", "", standing);
        world.claimed.insert(String::from("cp-1"), String::from("02:00:00:00:00:99 has it"));
        let report = world.judge();
        let of_it = report.findings.iter().filter(|finding| finding.check == Check::Address);
        of_it.map(|finding| (finding.severity, finding.fact.clone())).collect::<Vec<_>>()
    };
    let fact =
        "192.0.2.10, which kube-vip is to hold, is in use: as seen from there 02:00:00:00:00:99 has it";
    assert_eq!(claimed(""), [(Severity::Fatal, fact.to_owned())]);
    assert_eq!(claimed("left /etc/kubernetes/manifests\n"), []);
}
