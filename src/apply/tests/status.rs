//! What `harden status` reads, over trees that real transactions left in every state, under each shell.

use super::armed::with_systemd;
use super::faults::killed_before;
use super::{ME, SHELLS, fill, plan, run, run_with, spawn, tree};
use crate::apply::owner::Owner;
use crate::apply::script::{change, code, confirm, roll_back};
use crate::resource::Applied;
use crate::status::{Consequence, Depth, Ender, NodeState, PathChange, Standing, State, parse, probe};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub(super) const MANIFEST: &str = "etc/kubernetes/manifests/kube-apiserver.yaml";

pub(super) const OPS: Owner<'_> =
    Owner { text: "ops@bastion (pid 4711, started now)", process: "it's a bastion/boot-1/pid:[1]/ 4711 99" };

pub(super) fn home(root: &Path) -> PathBuf {
    root.join("var/lib/harden")
}

/// Begins a transaction and leaves it unconfirmed.
pub(super) fn begun(shell: &[&str], root: &Path, id: &str) {
    let (plan, payloads) = plan(root);
    let reply = run(shell, &change(id, OPS, &plan, &payloads), root);
    assert_eq!(reply.code, 0, "{shell:?}: {}", reply.stderr);
}

pub(super) fn record(id: &str) -> String {
    let applied =
        Applied { transaction: id.to_owned(), by: String::from("ops@bastion"), at: 7, ..Applied::default() };
    serde_json::to_string(&applied).unwrap()
}

/// Begins one that is killed in front of a text of its script.
pub(super) fn killed(shell: &[&str], root: &Path, id: &str, mark: &str) {
    let (plan, payloads) = plan(root);
    let text = change(id, OPS, &plan, &payloads).render("NONCE", root.to_str().unwrap());
    assert!(!spawn(shell, &killed_before(mark)(&text)).wait_with_output().unwrap().status.success());
}

/// What cannot be put back: a directory stands in the place of the manifest.
pub(super) fn failed(shell: &[&str], root: &Path, id: &str) {
    begun(shell, root, id);
    fs::remove_file(root.join(MANIFEST)).unwrap();
    fs::create_dir(root.join(MANIFEST)).unwrap();
    assert_eq!(run(shell, &roll_back(id), root).code, code::BROKEN);
}

fn own_rollback(root: &Path, mode: &str) {
    let rollback = home(root).join("lock/rollback.sh");
    assert!(Command::new("sh").arg(rollback).arg(mode).output().unwrap().status.success());
}

/// Reads under a shell; the probe says nothing on standard error and writes nothing.
pub(super) fn look(shell: &[&str], root: &Path, depth: Depth) -> NodeState {
    let everything = || {
        let listing =
            Command::new("find").arg(root).args(["-printf", "%p %T@ %C@ %m %l\n"]).output().unwrap();
        String::from_utf8(listing.stdout).unwrap()
    };
    let before = everything();
    let reply = run(shell, probe(depth).script(), root);
    assert_eq!(reply.stderr, "", "{shell:?}");
    assert_eq!(everything(), before, "{shell:?}");
    let mut state = parse(&reply).unwrap();
    let now = jiff::Timestamp::now().as_second();
    assert!((now - state.clock).abs() <= 5);
    state.clock = now;
    state
}

fn all_shells(of: impl Fn(&[&str], &Path), check: impl Fn(NodeState)) {
    for shell in SHELLS {
        let root = tree();
        of(shell, root.path());
        check(look(shell, root.path(), Depth::Last));
    }
}

fn stands(state: &NodeState, standing: Standing, last: State, does: Option<Consequence>) {
    assert_eq!(state.standing(), standing, "{state:?}");
    assert_eq!(state.last.as_ref().map(|last| last.state), Some(last), "{state:?}");
    assert_eq!(state.consequence(), does, "{state:?}");
}

#[test]
fn a_node_that_was_never_changed_has_nothing_to_tell() {
    all_shells(
        |_, _| (),
        |state| assert_eq!(state, NodeState { clock: state.clock, ..NodeState::default() }),
    );
}

#[test]
fn a_committed_one_tells_who_and_what() {
    all_shells(
        |shell, root| {
            begun(shell, root, "1764000000-0a");
            assert_eq!(run(shell, &confirm("1764000000-0a", &record("1764000000-0a"), 10), root).code, 0);
        },
        |state| {
            stands(&state, Standing::AtRest, State::Committed, None);
            let last = state.last.unwrap();
            assert_eq!((last.id.as_str(), last.began), ("1764000000-0a", Some(1_764_000_000)));
            assert_eq!(last.owner, OPS.text);
            assert_eq!(last.process.unwrap().to_string(), OPS.process);
            assert_eq!((last.problems.len(), last.running), (0, false));
            let paths: Vec<_> = last.paths.iter().map(|path| (path.path.as_str(), path.change)).collect();
            assert_eq!(
                paths,
                [
                    ("/etc/kubernetes/admin.conf", PathChange::Attributes),
                    ("/etc/kubernetes/audit/deep/it's a policy.yaml", PathChange::Added),
                    ("/etc/kubernetes/manifests/kube-apiserver.yaml", PathChange::Replaced),
                    ("/etc/kubernetes/super-admin.conf", PathChange::Replaced),
                ]
            );
            assert_eq!(last.units, ["kubelet.service"]);
            let applied = state.applied.unwrap();
            assert_eq!((applied.transaction.as_str(), applied.at), ("1764000000-0a", 7));
        },
    );
}

#[test]
fn who_put_it_back_is_told() {
    for (mode, by) in [
        (None, Ender::Harden),
        (Some("alone"), Ender::Timer),
        (Some("boot"), Ender::Start),
        (Some("unlock"), Ender::Unlock),
    ] {
        all_shells(
            |shell, root| {
                begun(shell, root, "t1");
                match mode {
                    None => assert_eq!(run(shell, &roll_back("t1"), root).code, 0),
                    Some(mode) => own_rollback(root, mode),
                }
            },
            |state| {
                stands(&state, Standing::AtRest, State::PutBack, None);
                let last = state.last.unwrap();
                assert_eq!((last.ended_by, last.problems.len()), (Some(by), 0));
                assert!((state.clock - last.ended.unwrap()).abs() < 60);
            },
        );
    }
}

#[test]
fn a_pending_one_tells_when_the_node_puts_it_back() {
    all_shells(
        |shell, root| begun(shell, root, "t1"),
        |state| {
            stands(&state, Standing::Pending, State::Pending, Some(Consequence::PutBack));
            let last = state.last.unwrap();
            assert_eq!((last.deadline, last.running), (None, false));
            let lock = state.lock.unwrap();
            assert_eq!((lock.target.as_deref(), lock.has_transaction), (Some("txn/t1"), true));
            assert!((state.clock - lock.since.unwrap()).abs() < 60);
        },
    );
    all_shells(
        |shell, root| {
            let systemd = with_systemd(root);
            let (plan, payloads) = plan(root);
            let reply = run_with(shell, &change("t1", ME, &plan, &payloads), root, &systemd);
            assert_eq!(reply.code, 0, "{}", reply.stderr);
        },
        |state| {
            stands(&state, Standing::Pending, State::Pending, Some(Consequence::PutBack));
            let left = state.last.unwrap().deadline.unwrap() - state.clock;
            assert!((540..=600).contains(&left), "{left}");
        },
    );
}

#[test]
fn one_that_failed_tells_what_could_not_be_put_back() {
    all_shells(
        |shell, root| failed(shell, root, "t1"),
        |state| {
            stands(&state, Standing::Failed, State::Failed, Some(Consequence::PutBack));
            let last = state.last.unwrap();
            assert_eq!(last.ended_by, Some(Ender::Harden));
            assert_eq!(
                last.problems,
                [format!("restoring /{MANIFEST} failed"), format!("verifying /{MANIFEST} failed")]
            );
        },
    );
}

#[test]
fn what_was_killed_is_told_apart() {
    all_shells(
        |shell, root| killed(shell, root, "t1", "stage '/etc/kubernetes/manifests"),
        |state| stands(&state, Standing::Pending, State::Prepared, Some(Consequence::Discard)),
    );
    all_shells(
        |shell, root| {
            begun(shell, root, "t1");
            let file = home(root).join("txn/t1/rollback.sh");
            let text = fs::read_to_string(&file).unwrap();
            fs::write(&file, killed_before("  restore_files files\n")(&text)).unwrap();
            assert_eq!(run(shell, &roll_back("t1"), root).code, code::BROKEN);
        },
        |state| stands(&state, Standing::Pending, State::PuttingBack, Some(Consequence::PutBack)),
    );
    // Confirmed, and killed before the lock was free.
    all_shells(
        |shell, root| {
            begun(shell, root, "t1");
            let text = confirm("t1", &record("t1"), 10).render("NONCE", root.to_str().unwrap());
            spawn(shell, &killed_before("sh \"$T/rollback.sh\"")(&text)).wait_with_output().unwrap();
        },
        |state| {
            stands(&state, Standing::Locked, State::Committed, Some(Consequence::Keep));
            assert_eq!(state.applied, None);
        },
    );
}

#[test]
fn one_that_still_runs_is_told() {
    for shell in SHELLS {
        let root = tree();
        let (plan, payloads) = plan(root.path());
        let text = change("t1", ME, &plan, &payloads).render("NONCE", root.path().to_str().unwrap());
        let (here, go) = (root.path().join("here"), root.path().join("go"));
        let quoted = |path: &Path| crate::remote::quote(path.to_str().unwrap());
        let wait = format!("touch {}; until [ -e {} ]; do sleep 0.05; done\n", quoted(&here), quoted(&go));
        let at = text.rfind("swap '/etc/kubernetes/audit").unwrap();
        let running = spawn(shell, &format!("{}{wait}{}", &text[..at], &text[at..]));
        while !here.exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        for other in SHELLS {
            let last = parse(&run(other, probe(Depth::Last).script(), root.path())).unwrap().last.unwrap();
            assert!(last.running && last.state == State::Pending, "{shell:?} {other:?}: {last:?}");
        }
        fs::write(&go, "").unwrap();
        assert!(running.wait_with_output().unwrap().status.success());
        assert!(!look(shell, root.path(), Depth::Last).last.unwrap().running);
    }
}

#[test]
fn a_lock_without_a_transaction_is_told_and_so_is_what_is_no_lock() {
    for target in ["txn/t9", "txn/../../../etc", "elsewhere", "txn/", "txn/."] {
        all_shells(
            |shell, root| {
                begun(shell, root, "t1");
                assert_eq!(run(shell, &confirm("t1", "{}", 10), root).code, 0);
                symlink(target, home(root).join("lock")).unwrap();
            },
            |state| {
                stands(&state, Standing::Locked, State::Committed, Some(Consequence::Remove));
                assert!(state.holder().is_none());
                assert_eq!(state.lock.unwrap().target.as_deref(), Some(target));
            },
        );
    }
    all_shells(
        |_, root| fs::create_dir_all(home(root).join("lock")).unwrap(),
        |state| {
            assert_eq!(
                (state.standing(), state.consequence()),
                (Standing::Locked, Some(Consequence::Nothing))
            );
            assert_eq!(state.lock.unwrap().target, None);
        },
    );
}

#[test]
fn the_history_is_told_where_it_is_asked_for_the_newest_first() {
    for shell in SHELLS {
        let root = tree();
        for (id, last) in [("10-a", confirm("10-a", "{}", 10)), ("11-a", roll_back("11-a"))] {
            fill(root.path());
            begun(shell, root.path(), id);
            assert_eq!(run(shell, &last, root.path()).code, 0);
        }
        // The mark that a rollback leaves where nothing had begun is no transaction.
        assert_eq!(run(shell, &roll_back("12-a"), root.path()).code, 0);
        let names = |depth| {
            let state = look(shell, root.path(), depth);
            let name = |found: crate::status::Transaction| (found.id, found.state);
            state.last.into_iter().chain(state.history).map(name).collect::<Vec<_>>()
        };
        let (one, other) = ((String::from("11-a"), State::PutBack), (String::from("10-a"), State::Committed));
        assert_eq!(names(Depth::Last), std::slice::from_ref(&one));
        assert_eq!(names(Depth::History), [one, other.clone()]);
        // Who holds the lock comes first, however old.
        symlink("txn/10-a", home(root.path()).join("lock")).unwrap();
        assert_eq!(names(Depth::Last)[0], other);
        assert_eq!(names(Depth::Last).len(), 2);
    }
}
