//! From blank hosts to a hardened cluster, on real hosts: what `harden bootstrap` makes, that hosts come and go, that it can be cut
//! anywhere, and that it leaves other clusters alone. A topology is data; what is true of every cluster stands beside it.

mod growth;
mod interrupted;
mod proof;
mod site;
mod strangers;
mod workloads;

use super::Harden;
use crate::support::lab;
use site::Site;
use std::time::{Duration, Instant};

/// Which hosts a cluster is made of, and what a plan of it shows.
struct Topology {
    /// What it is called in figures.
    name: &'static str,
    /// Its hosts. Their roles are those that their names stand for: `lab inventory --blank`.
    hosts: &'static [&'static str],
    /// What its inventory says beside that.
    settings: &'static str,
    /// What `harden plan` shows of it, in this order.
    order: &'static [&'static str],
    /// What kube-bench looks for beside the API servers in vain: etcd's files, which are judged on its own hosts.
    elsewhere: &'static [&'static str],
}

const STACKED: Topology = Topology {
    name: "three control planes with etcd, two workers",
    hosts: &["cp-1", "cp-2", "cp-3", "w-1", "w-2"],
    settings: "",
    order: &[
        "cp-1: begin the cluster",
        "cp-2: join as a control-plane node",
        "cp-3: join as a control-plane node",
        "w-1: join as a worker",
        "w-2: join as a worker",
    ],
    elsewhere: &[],
};

const EXTERNAL: Topology = Topology {
    name: "three etcd hosts, two control planes, a worker",
    hosts: &["etcd-1", "etcd-2", "etcd-3", "cp-1", "cp-2", "w-1"],
    settings: "[etcd]\ntopology = \"external\"\n",
    order: &[
        "etcd-1: run an etcd member",
        "etcd-2: run an etcd member",
        "etcd-3: run an etcd member",
        "cp-1: begin the cluster",
        "cp-2: join as a control-plane node",
        "w-1: join as a worker",
    ],
    elsewhere: &["1.1.11", "1.1.12", "1.1.7", "1.1.8"],
};

/// How much longer than kubeadm by hand it may take, with everything that kubeadm does not do.
const MOST_TIMES_KUBEADM: f64 = 1.3;

#[test]
#[ignore = "needs the lab: tests/run"]
fn cluster_bootstrap_stacked() {
    let site = Site::blank(&[STACKED.hosts, &["w-3", "cp-4"]].concat());
    let mut harden = Harden::new(site.lab(), site.folder());
    let took = from_blank_hosts(&STACKED, &site, &mut harden);
    is_not_much_slower_than_kubeadm(took);
    proof::holds(&STACKED, &site, &mut harden);
    workloads::work(&site, &mut harden);
    growth::a_worker_comes_and_goes(&site, &mut harden);
    growth::a_control_plane_goes_and_comes(&site, &mut harden);
    strangers::are_left_alone(&site, &mut harden);
    super::nothing_secret_was_printed(site.lab(), &harden);
}

#[test]
#[ignore = "needs the lab, and some minutes: tests/run --full"]
fn cluster_bootstrap_full_external() {
    let site = Site::blank(&[EXTERNAL.hosts, &[growth::MEMBER]].concat());
    let mut harden = Harden::new(site.lab(), site.folder());
    from_blank_hosts(&EXTERNAL, &site, &mut harden);
    proof::holds(&EXTERNAL, &site, &mut harden);
    workloads::work(&site, &mut harden);
    growth::a_member_comes_cut_twice_and_goes(&site, &mut harden);
    super::nothing_secret_was_printed(site.lab(), &harden);
}

/// A plan that shows all of it and touches nothing, one command, and a plan that shows nothing more.
fn from_blank_hosts(topology: &Topology, site: &Site, harden: &mut Harden<'_>) -> Duration {
    site.declare(topology.hosts, topology.settings);
    harden.expect(0, &["validate"]);
    harden.expect(0, &["pki", "init"]);
    let before: Vec<_> = topology.hosts.iter().map(|host| super::tree(site.lab(), host)).collect();
    let plan = harden.expect(2, &["plan", "--detailed-exitcode"]).stdout;
    let after: Vec<_> = topology.hosts.iter().map(|host| super::tree(site.lab(), host)).collect();
    assert_eq!(before, after, "plan changed something");
    for shown in [
        "+ /etc/kubernetes/pki/apiserver.crt",
        "+ /etc/kubernetes/encryption/config.yaml",
        "+ /etc/kubernetes/audit/policy.yaml",
        if topology.settings.is_empty() {
            "+ /etc/kubernetes/pki/etcd/server.crt"
        } else {
            "+ /etc/etcd/pki/server.crt"
        },
    ] {
        assert!(plan.contains(shown), "the plan does not show {shown}:\n{plan}");
    }
    let at =
        |words: &str| plan.find(words).unwrap_or_else(|| panic!("the plan does not show {words}:\n{plan}"));
    assert!(topology.order.iter().map(|words| at(words)).is_sorted(), "the plan has another order:\n{plan}");

    let started = Instant::now();
    let bootstrap = harden.expect(0, &["bootstrap", "--yes"]);
    let took = started.elapsed();
    println!("{}", bootstrap.stderr);
    println!("figure: bootstrap of {}: {took:.1?}", topology.name);
    proof::is_as_declared(site, harden);
    took
}

/// On the same machine, by `lab cluster`: from the beginning of `kubeadm init` until everything is ready.
fn is_not_much_slower_than_kubeadm(took: Duration) {
    let file = lab::state().join("cluster.milliseconds");
    let text = std::fs::read_to_string(&file)
        .expect("`lab cluster` has not been run: there is no time to compare with");
    let by_hand = Duration::from_millis(text.trim().parse().unwrap());
    let times = took.as_secs_f64() / by_hand.as_secs_f64();
    println!(
        "figure: kubeadm init and joins by hand, three control planes and a worker: {by_hand:.1?}; bootstrap takes {times:.2} times that"
    );
    assert!(times <= MOST_TIMES_KUBEADM, "bootstrap took {took:.1?}, kubeadm by hand {by_hand:.1?}");
}
