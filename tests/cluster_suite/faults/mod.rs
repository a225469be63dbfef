//! What must not be able to leave a node between its old state and its new one, nor the cluster away, on real hosts. Which
//! faults there are, and how each ends, stands in `tests/faults/cases.toml`; here is how each is brought about.

mod access;
mod components;
mod disks;
mod nodes;
mod site;
mod sound;
mod together;

pub(super) use site::Site;

use super::Harden;
use crate::support::lab::Lab;
use crate::support::matrix::{self, Case, End, Place};
use sound::Look;
use std::time::Instant;

/// What came of a fault, as far as it was seen on the way.
struct Seen {
    /// The node that was in hand.
    node: &'static str,
    /// harden's exit code; `None` where it was killed.
    exit: Option<i32>,
    /// Other nodes, which have the new state.
    applied: &'static [&'static str],
}

impl Seen {
    fn on(node: &'static str, exit: impl Into<Option<i32>>) -> Self {
        Self { node, exit: exit.into(), applied: &[] }
    }
}

type Fault = fn(&Lab, &mut Harden<'_>) -> Seen;

const FAULTS: &[(&str, Fault)] = &[
    ("harden-killed", nodes::harden_is_killed),
    ("powered-off", nodes::powered_off),
    ("shut-down", nodes::shut_down),
    ("frozen", nodes::frozen),
    ("firewall", access::firewall),
    ("sshd-refused", access::sshd_is_refused),
    ("sshd-lets-nobody-in", access::sshd_lets_nobody_in),
    ("sudo-refused", access::sudo_refuses),
    ("api-server-flag", components::api_server_flag),
    ("audit-policy", components::audit_policy),
    ("etcd-names", components::etcd_names),
    ("kubelet-config", components::kubelet_config),
    ("disk-full", disks::full),
    ("read-only", disks::read_only),
    ("not-replaceable", disks::not_replaceable),
    ("two-applies", together::two_applies),
    ("apply-during-rollback", together::apply_during_rollback),
    ("etcd-member-lost", together::etcd_member_lost),
    ("balancer-down", together::balancer_down),
];

#[test]
fn every_case_on_real_hosts_has_its_fault() {
    matrix::is_complete(&[Place::EveryRun, Place::Full], FAULTS.iter().map(|(name, _)| *name));
}

/// `HARDEN_LAB_FAULT=NAME[,NAME]` tries these alone; those of `--full` are left out without `HARDEN_LAB_FULL=yes`.
#[test]
#[ignore = "needs the lab's cluster, hardened: tests/run"]
fn cluster_faults() {
    let lab = Lab::from_env();
    let folder = tempfile::tempdir().unwrap();
    let mut harden = Harden::new(&lab, folder.path());
    let cases = match std::env::var("HARDEN_LAB_FAULT") {
        Ok(names) => {
            let names: Vec<&str> = names.split(',').collect();
            let mut cases = matrix::proven(&[Place::EveryRun, Place::Full]);
            cases.retain(|case| names.contains(&case.name.as_str()));
            assert_eq!(cases.len(), names.len(), "not every one of {names:?} is a case of real hosts");
            cases
        }
        Err(_) if super::is_full() => matrix::proven(&[Place::EveryRun, Place::Full]),
        Err(_) => matrix::proven(&[Place::EveryRun]),
    };
    for case in &cases {
        let (_, fault) = FAULTS.iter().find(|(name, _)| *name == case.name).unwrap();
        prove(case, *fault, &lab, &mut harden);
    }
    super::nothing_secret_was_printed(&lab, &harden);
}

fn prove(case: &Case, fault: Fault, lab: &Lab, harden: &mut Harden<'_>) {
    println!("fault {}: {}", case.name, case.fault);
    let started = Instant::now();
    let before = sound::when_sound(lab);
    let seen = fault(lab, harden);
    let after = sound::when_sound(lab);
    println!("figure: fault {}: {:.0?} until all is well again", case.name, started.elapsed());
    assert_eq!(seen.exit, case.exit.map(i32::from), "{}: exit code", case.name);
    assert_eq!(after[seen.node].end(&before[seen.node]), Some(case.end), "{}: {}", case.name, seen.node);
    let is_new = |node: &str| seen.applied.contains(&node) || node == seen.node && case.end == End::Applied;
    for (node, look) in &after {
        if is_new(node) {
            assert_ne!(look.files, before[node].files, "{}: {node} is to have its new state", case.name);
        } else {
            before[node].is_whole(look, &case.name);
        }
    }
    converges(case, lab, harden, &before);
}

/// What the inventory wants is there after one more apply, and no file is another one than before the fault.
fn converges(case: &Case, lab: &Lab, harden: &mut Harden<'_>, before: &sound::Looks) {
    harden.expect(0, &["apply", "--yes"]);
    harden.expect(0, &["drift"]);
    for node in lab.names() {
        before[node].without_record().is_whole(&Look::of(lab, node).unwrap().without_record(), &case.name);
    }
}
