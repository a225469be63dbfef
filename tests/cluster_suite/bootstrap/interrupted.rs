//! A bootstrap that is cut, with `tests/run --full`: run again, it comes to the same cluster.

use super::super::Harden;
use super::proof::is_as_declared;
use super::site::Site;
use super::{STACKED, Topology};
use crate::support::lab;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How often harden is killed.
const KILLS: u32 = 5;

/// `HARDEN_LAB_SEED=NUMBER` for the points in time of an earlier run.
#[test]
#[ignore = "needs the lab, and many minutes: tests/run --full"]
fn cluster_bootstrap_full_killed() {
    let whole = measured();
    let seed = std::env::var("HARDEN_LAB_SEED").map_or_else(
        |_| std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(),
        |seed| seed.parse().unwrap(),
    );
    println!(
        "figure: bootstrap takes {whole:.1?}; it is killed at {KILLS} points in time, HARDEN_LAB_SEED={seed}"
    );
    let mut random = seed | 1;
    for round in 1..=KILLS {
        let delay = whole.mul_f64(fraction(&mut random));
        let site = blank();
        let mut harden = Harden::new(site.lab(), site.folder());
        let mut running = begin(&site, &harden);
        std::thread::sleep(delay);
        running.kill().unwrap();
        running.wait().unwrap();
        println!("figure: kill {round} of {KILLS}, after {delay:.1?}");
        again(&site, &mut harden);
    }
}

/// In the middle of a transaction, which the host would put back by itself only after some minutes: the next run does not wait for
/// that, and nobody has to unlock anything.
#[test]
#[ignore = "needs the lab, and some minutes: tests/run --full"]
fn cluster_bootstrap_full_killed_in_a_transaction() {
    const LOCKED: &str = "[ -e /var/lib/harden/lock/rollback.sh ]";
    for (node, moment) in [("cp-1", LOCKED), ("w-1", "[ -e /var/lib/harden/lock/pending ]")] {
        let site = blank();
        let mut harden = Harden::new(site.lab(), site.folder());
        let mut running = begin(&site, &harden);
        // The host itself looks: a login takes as long as much of a transaction.
        let seen = site.lab().ssh(node, &format!("timeout 120 sh -c 'until {moment}; do sleep 0.01; done'"));
        assert!(seen.status.success(), "{node} never had a transaction:\n{}", said(&site));
        running.kill().unwrap();
        running.wait().unwrap();
        assert!(site.lab().ssh(node, LOCKED).status.success(), "{node} is not locked:\n{}", said(&site));
        println!("figure: killed while a transaction has the lock of {node}");
        again(&site, &mut harden);
    }
}

/// Its kubeadm dies with it, half-way.
#[test]
#[ignore = "needs the lab, and many minutes: tests/run --full"]
fn cluster_bootstrap_full_powered_off() {
    for (node, file) in [
        // Certificates and manifests are there, and not yet a member of etcd.
        ("cp-2", "/etc/kubernetes/manifests/kube-apiserver.yaml"),
        ("cp-3", "/etc/kubernetes/manifests/etcd.yaml"),
        ("w-2", "/var/lib/kubelet/config.yaml"),
        ("cp-1", "/etc/kubernetes/manifests/etcd.yaml"),
    ] {
        let site = blank();
        let mut harden = Harden::new(site.lab(), site.folder());
        let mut running = begin(&site, &harden);
        let begun = Instant::now();
        let written = format!("[ -e /var/lib/harden/kubeadm/config.yaml ] && [ -e {file} ]");
        while !site.lab().ssh(node, &written).status.success() {
            assert!(begun.elapsed() < Duration::from_mins(3), "{node} never had {file}");
            assert!(
                running.try_wait().unwrap().is_none(),
                "it was over before {node} had {file}:\n{}",
                said(&site)
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        lab::tool(&["halt", node]);
        println!("figure: {node} is powered off as soon as it has {file}");
        let code = running.wait().unwrap().code();
        assert_eq!(code, Some(3), "a host is gone:\n{}", said(&site));
        lab::tool(&["up", node, site.lab().address(node)]);
        again(&site, &mut harden);
    }
}

fn blank() -> Site {
    let Topology { hosts, settings, .. } = STACKED;
    let site = Site::blank(hosts);
    site.declare(hosts, settings);
    site
}

/// How long a whole one takes on this machine.
fn measured() -> Duration {
    let site = blank();
    let mut harden = Harden::new(site.lab(), site.folder());
    let started = Instant::now();
    harden.expect(0, &["bootstrap", "--yes"]);
    started.elapsed()
}

/// What one says that goes on beside the test.
const SAID: &str = "said";

fn said(site: &Site) -> String {
    std::fs::read_to_string(site.folder().join(SAID)).unwrap()
}

pub(super) fn begin(site: &Site, harden: &Harden<'_>) -> Child {
    Command::new(env!("CARGO_BIN_EXE_harden"))
        .args(["bootstrap", "--yes"])
        .env("HARDEN_INVENTORY", site.lab().inventory())
        .env("HARDEN_KEY_FILE", &harden.key_file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(site.folder().join(SAID)).unwrap())
        .spawn()
        .unwrap()
}

fn again(site: &Site, harden: &mut Harden<'_>) {
    let second = harden.expect(0, &["bootstrap", "--yes"]);
    println!("{}", second.stderr);
    is_as_declared(site, harden);
}

/// Between 0 and 1 (xorshift64).
fn fraction(state: &mut u64) -> f64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    f64::from((*state >> 32) as u32) / f64::from(u32::MAX)
}
