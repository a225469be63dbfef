//! The fault matrix on imagined nodes, but for cut connections. Which faults there are and how they end stands in
//! `tests/faults/cases.toml`; here is how each is brought about.

use super::cut::Fault;
use super::material::{CHANGES, Store};
use super::prove::{Ground, Waves, in_lanes, new_state, prove};
use super::world::World;
use crate::support::matrix::{self, Case, End, Place};
use harden::remote::RemoteError;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const WAVES: Waves = &[&["cp-1"], &["cp-2"], &["w-1", "w-2"]];

/// Without a certificate, so that script 0 is the change and script 1 the confirmation.
pub(super) fn plain() -> Vec<usize> {
    (0..CHANGES).filter(|number| *number != 5).collect()
}

/// Which node is hit, and what is to go wrong there.
type Wrong = (&'static str, &'static str, fn(&mut World));

/// The change's reply is lost, and so many connections after it are refused.
fn away(world: &mut World, node: &'static str, connections: usize) {
    world.wrong.faults.insert((node, 0), Fault::After);
    world.wrong.unreachable.insert(node, connections);
}

const FAULTS: &[Wrong] = &[
    ("rollback-cut-again", "cp-1", |w| {
        let faults = [Fault::After, Fault::Before, Fault::Killed("outcome"), Fault::After];
        w.wrong.faults = (0..).map(|call| ("cp-1", call)).zip(faults).collect();
    }),
    ("away-for-a-while", "cp-1", |w| away(w, "cp-1", 5)),
    ("away-for-long", "cp-1", |w| away(w, "cp-1", 65)),
    ("away-for-good", "cp-1", |w| away(w, "cp-1", 999)),
    ("away-of-two", "w-2", |w| away(w, "w-2", 999)),
    ("shut-down", "cp-1", |w| {
        away(w, "cp-1", 4);
        w.wrong.own_rollback = (3, "boot");
    }),
    ("interrupted-at-once", "cp-1", |w| w.wrong.interrupted_after = 0),
    ("interrupted-between", "cp-2", |w| w.wrong.interrupted_after = 1),
    ("interrupted-before", "cp-1", |w| w.wrong.interrupted_in = Some(("cp-1", 0))),
    ("interrupted-after", "cp-1", |w| w.wrong.interrupted_in = Some(("cp-1", 1))),
    ("interrupted-at-the-end", "w-2", |w| w.wrong.interrupted_after = 4),
    ("harden-fails", "cp-1", |w| w.wrong.store = Store::Panics),
    ("store-sealed", "cp-1", |w| w.wrong.store = Store::Closed),
    ("firewall", "cp-1", |w| {
        w.wrong.locked_out = Some(("cp-1", || super::cut::refused().into()));
    }),
    ("sshd-lets-nobody-in", "cp-1", |w| w.wrong.no_login.push("cp-1")),
    ("sudo-refused", "cp-1", |w| w.wrong.locked_out = Some(("cp-1", || no_sudo().into()))),
    ("sick-before", "cp-1", |w| w.wrong.sick.push(("cp-1", 0))),
    ("next-sick-before", "cp-2", |w| w.wrong.sick.push(("cp-2", 0))),
    ("sick-after", "cp-1", |w| w.wrong.sick.push(("cp-1", 1))),
    ("one-of-two-sick", "w-1", |w| w.wrong.sick.push(("w-1", 1))),
    ("sick-with-both", "cp-1", |w| w.wrong.sick.extend([("cp-1", 1), ("cp-1", 2)])),
    ("stage-sick", "w-2", |w| w.wrong.stage_is_sick = true),
    ("cluster-refuses", "w-2", |w| w.wrong.cluster_refuses = true),
    ("apply-during-rollback", "cp-1", |w| hold_rollback(w, "cp-1")),
    ("foreign-lock", "cp-1", |w| {
        let home = w.root("cp-1").join("var/lib/harden");
        fs::create_dir_all(home.join("txn/t0")).unwrap();
        fs::write(home.join("txn/t0/owner"), "you@there\n").unwrap();
        std::os::unix::fs::symlink("txn/t0", home.join("lock")).unwrap();
    }),
    ("moved", "cp-2", |w| {
        fs::write(w.root("cp-2").join("etc/kubernetes/encryption.yaml"), "old\n# and more\n").unwrap();
        w.remember("cp-2");
    }),
];

/// Those of a plan that restarts units by a script of its own.
const PARTED: &[Wrong] = &[("sick-between", "cp-1", |w| w.wrong.sick.push(("cp-1", 1)))];

/// Those that need a file system of their own.
const DISKS: &[Wrong] = &[
    ("disk-full", "cp-1", |w| {
        let folder = folder(w, "etc/kubernetes/audit", "0750");
        mount(w, &["-t", "tmpfs", "-o", "size=4k,mode=0750", "tmpfs"], folder.clone());
        fs::write(folder.join("all-of-it"), [b'x'; 4096]).unwrap();
        w.remember("cp-1");
    }),
    ("no-room-for-back-ups", "cp-1", |w| {
        let folder = folder(w, "var/lib/harden", "0700");
        mount(w, &["-t", "tmpfs", "-o", "size=4k,mode=0700", "tmpfs"], folder);
    }),
    ("read-only", "cp-1", |w| {
        let folder = folder(w, "etc/kubernetes/audit", "0750");
        mount(w, &["--bind", folder.to_str().unwrap()], folder.clone());
        let remount = Command::new("mount").args(["-o", "remount,bind,ro"]).arg(folder).status();
        assert!(remount.unwrap().success());
        w.remember("cp-1");
    }),
    ("not-replaceable", "cp-1", |w| {
        let file = w.root("cp-1").join("etc/kubernetes/encryption.yaml");
        mount(w, &["--bind", file.to_str().unwrap()], file.clone());
    }),
];

/// The name of a case, and what finds the exit code.
type Elsewhere = (&'static str, fn() -> u8);

/// Those that are proven beside what they belong to: the node is untouched, since nothing has begun.
const ELSEWHERE: &[Elsewhere] = &[("clock-off", crate::health::preflight::a_clock_two_minutes_off)];

fn folder(world: &World, at: &str, mode: &str) -> PathBuf {
    let folder = world.root("cp-1").join(at);
    assert!(Command::new("mkdir").args(["-p", "-m", mode]).arg(&folder).status().unwrap().success());
    folder
}

fn mount(world: &mut World, arguments: &[&str], at: PathBuf) {
    assert!(Command::new("mount").args(arguments).arg(&at).status().unwrap().success());
    world.wrong.mounts.push(at);
}

fn no_sudo() -> RemoteError {
    RemoteError::Become {
        host: String::from("imagined"),
        user: String::from("ops"),
        reason: String::from("sudo: a password is required"),
    }
}

/// An apply has lost the node, which is about to put its old state back and has not come to its end.
fn hold_rollback(world: &mut World, node: &'static str) {
    let old = std::mem::take(&mut world.old);
    away(world, node, 999);
    world.wrong.own_rollback.0 = u64::MAX;
    let plan = world.plan(&[&[node]], &plain());
    assert_eq!(world.apply(&plan).exit_code().number(), 4);
    world.heal();
    world.old = old;
    let script = world.root(node).join("var/lib/harden/lock/rollback.sh");
    let (here, hold) = (world.root(node).join("here"), world.root(node).join("hold"));
    fs::write(&hold, "").unwrap();
    let text = fs::read_to_string(&script).unwrap();
    let place = "  restore_files manifests\n";
    assert!(text.contains(place));
    let wait = "  touch \"$R/here\"; while [ -e \"$R/hold\" ]; do sleep 0.05; done\n";
    fs::write(&script, text.replace(place, &format!("{wait}{place}"))).unwrap();
    world.beside(Command::new("sh").arg(script).arg("alone").stdout(Stdio::null()).spawn().unwrap());
    while !here.exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    world.wrong.holds.push(hold);
}

#[test]
fn every_case_on_imagined_nodes_has_its_fault() {
    let cases = matrix::proven(&[Place::Imagined]);
    let cut = cases.iter().filter(|case| case.cut.is_some()).map(|case| case.name.as_str());
    let named = FAULTS.iter().chain(PARTED).chain(DISKS).map(|(name, ..)| *name);
    matrix::is_complete(&[Place::Imagined], cut.chain(named).chain(ELSEWHERE.iter().map(|(name, _)| *name)));
}

#[test]
fn every_other_fault() {
    let new = new_state(&plain());
    in_lanes(FAULTS, |(name, node, wrong)| one(name, node, *wrong, &new, false));
    for (name, node, wrong) in PARTED {
        one(name, node, *wrong, &new, true);
    }
    for (name, exit) in ELSEWHERE {
        let case = case(name);
        assert_eq!((case.end, case.exit), (End::Untouched, Some(exit())), "{name}");
    }
}

/// In a mount namespace of its own, so that nothing stays mounted whatever happens.
#[test]
fn disks_that_refuse() {
    const INSIDE: &str = "HARDEN_TEST_NAMESPACE";
    if std::env::var_os(INSIDE).is_some() {
        let new = new_state(&plain());
        for (name, node, wrong) in DISKS {
            one(name, node, *wrong, &new, false);
        }
        return;
    }
    if !Command::new("unshare").args(["--mount", "true"]).status().is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: full and read-only disks need root and mount namespaces");
        return;
    }
    let test = concat!(module_path!(), "::disks_that_refuse").split_once("::").unwrap().1;
    let output = Command::new("unshare")
        .args(["--mount", "--"])
        .arg(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(INSIDE, "yes")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{output:?}");
}

fn case(name: &str) -> Case {
    matrix::proven(&[Place::Imagined]).into_iter().find(|case| case.name == name).unwrap()
}

fn one(name: &str, hit: &'static str, wrong: fn(&mut World), new: &[String], is_parted: bool) {
    let changes = plain();
    prove(name, &case(name), &Ground { waves: WAVES, hit, changes: &changes, new, is_parted }, wrong);
}
