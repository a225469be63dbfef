//! Locks that are broken, over trees that real transactions left, under each shell.

use super::status::{MANIFEST, OPS, begun, failed, home, killed, look, record};
use super::{SHELLS, listing, run, tree};
use crate::apply::script::{confirm, roll_back};
use crate::apply::unlock::{UnlockError, Unlocked, outcome, script};
use crate::status::{Depth, Ender, Fate, ProcessIdentity, Standing, State};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

fn unlock(shell: &[&str], root: &Path, target: &str) -> Result<Unlocked, UnlockError> {
    outcome(&run(shell, &script(target), root))
}

#[test]
fn what_is_not_confirmed_is_put_back() {
    for shell in SHELLS {
        let root = tree();
        let before = listing(root.path());
        begun(shell, root.path(), "t1");
        assert_eq!(unlock(shell, root.path(), "txn/t1").unwrap(), Unlocked::PutBack, "{shell:?}");
        assert_eq!(listing(root.path()), before);
        let state = look(shell, root.path(), Depth::Last);
        assert_eq!(state.standing(), Standing::AtRest);
        assert_eq!(state.last.unwrap().ended_by, Some(Ender::Unlock));
        // Twice is once.
        assert_eq!(unlock(shell, root.path(), "txn/t1").unwrap(), Unlocked::Free);
    }
}

#[test]
fn what_was_only_prepared_leaves_no_trace() {
    for shell in SHELLS {
        let root = tree();
        let before = listing(root.path());
        killed(shell, root.path(), "t1", "armed\n");
        assert_eq!(unlock(shell, root.path(), "txn/t1").unwrap(), Unlocked::Untouched, "{shell:?}");
        assert_eq!(listing(root.path()), before);
        assert_eq!(look(shell, root.path(), Depth::Last).last, None);
    }
}

/// Wherever it was killed, its process is told, by which another run knows whether it may end it.
#[test]
fn what_a_killed_run_left_is_told_and_ended() {
    for shell in SHELLS {
        for mark in ["unless_stale\n", "armed\n", "swap '/etc/kubernetes/audit", "leave\n"] {
            let root = tree();
            let before = listing(root.path());
            killed(shell, root.path(), "t1", mark);
            let state = look(shell, root.path(), Depth::Last);
            for fate in [Fate::Runs, Fate::Unknown] {
                assert_eq!(state.left_behind(|_| fate), None, "{shell:?} {mark}");
            }
            let ended = |process: &ProcessIdentity| {
                assert_eq!(process.to_string(), OPS.process);
                Fate::Ended
            };
            let target = state.left_behind(ended).unwrap();
            assert!(unlock(shell, root.path(), target).is_ok(), "{shell:?} {mark}");
            assert_eq!(listing(root.path()), before, "{shell:?} {mark}");
            assert_eq!(look(shell, root.path(), Depth::Last).lock, None);
        }
        // An older version does not tell, and of what could not be put back a human was told.
        let root = tree();
        begun(shell, root.path(), "t1");
        fs::remove_file(home(root.path()).join("txn/t1/process")).unwrap();
        assert_eq!(look(shell, root.path(), Depth::Last).left_behind(|_| Fate::Ended), None);
        let root = tree();
        failed(shell, root.path(), "t1");
        assert_eq!(look(shell, root.path(), Depth::Last).left_behind(|_| Fate::Ended), None);
    }
}

#[test]
fn what_is_confirmed_stays_and_is_recorded() {
    for shell in SHELLS {
        let root = tree();
        begun(shell, root.path(), "t1");
        let after = listing(root.path());
        let text = confirm("t1", &record("t1"), 10).render("NONCE", root.path().to_str().unwrap());
        let text = super::faults::killed_before("sh \"$T/rollback.sh\"")(&text);
        super::spawn(shell, &text).wait_with_output().unwrap();
        assert_eq!(unlock(shell, root.path(), "txn/t1").unwrap(), Unlocked::Kept, "{shell:?}");
        assert_eq!(listing(root.path()), after);
        let state = look(shell, root.path(), Depth::Last);
        assert_eq!((state.standing(), state.applied.unwrap().transaction.as_str()), (Standing::AtRest, "t1"));
    }
}

#[test]
fn what_cannot_be_put_back_stays_locked_until_that_is_put_right() {
    for shell in SHELLS {
        let root = tree();
        let before = listing(root.path());
        failed(shell, root.path(), "t1");
        let error = unlock(shell, root.path(), "txn/t1").unwrap_err();
        assert!(error.needs_human() && error.to_string().contains(MANIFEST), "{shell:?}: {error}");
        let state = look(shell, root.path(), Depth::Last);
        assert_eq!((state.standing(), state.last.unwrap().ended_by), (Standing::Failed, Some(Ender::Unlock)));
        fs::remove_dir(root.path().join(MANIFEST)).unwrap();
        assert_eq!(unlock(shell, root.path(), "txn/t1").unwrap(), Unlocked::PutBack);
        assert_eq!(listing(root.path()), before);
        // What the first rollback put back has its new process long since; only what this one did is waited for.
        let restored = fs::read_to_string(home(root.path()).join("txn/t1/restored")).unwrap();
        assert_eq!(restored, format!("/{MANIFEST}\n"), "{shell:?}");
    }
}

/// The health of a node is waited for where nobody looks afterwards, as if the tree were a running one.
#[test]
fn the_next_node_is_not_unlocked_before_this_one_is_healthy() {
    for (mode, waits) in [("asked", false), ("boot", false), ("alone", true), ("unlock", true)] {
        let root = tree();
        begun(&["sh"], root.path(), "t1");
        let file = home(root.path()).join("txn/t1/rollback.sh");
        let asleep = "if [ -z \"$R\" ]; then\n    case $mode";
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(asleep) && text.contains("await_health ;; esac"));
        let awake = text.replace(asleep, "if true; then\n    case $mode");
        fs::write(&file, awake.replace("await_health ;; esac", "note waited ;; esac")).unwrap();
        assert!(Command::new("sh").arg(&file).arg(mode).output().unwrap().status.success());
        let result = fs::read_to_string(home(root.path()).join("txn/t1/result")).unwrap();
        assert_eq!(result.starts_with("waited\n"), waits, "{mode}: {result}");
    }
}

#[test]
fn a_lock_that_belongs_to_nothing_is_removed() {
    for shell in SHELLS {
        let root = tree();
        begun(shell, root.path(), "t1");
        assert_eq!(run(shell, &confirm("t1", "{}", 10), root.path()).code, 0);
        for target in ["txn/t9", "it's gone"] {
            symlink(target, home(root.path()).join("lock")).unwrap();
            assert_eq!(unlock(shell, root.path(), target).unwrap(), Unlocked::Removed, "{shell:?}");
            assert_eq!(look(shell, root.path(), Depth::Last).lock, None);
        }
    }
}

#[test]
fn another_lock_than_the_one_that_was_shown_is_left_alone() {
    for shell in SHELLS {
        let root = tree();
        begun(shell, root.path(), "t2");
        let after = listing(root.path());
        assert!(matches!(unlock(shell, root.path(), "txn/t1"), Err(UnlockError::Moved)), "{shell:?}");
        assert_eq!(listing(root.path()), after);
        assert_eq!(look(shell, root.path(), Depth::Last).last.unwrap().state, State::Pending);
        assert_eq!(run(shell, &roll_back("t2"), root.path()).code, 0);
        fs::create_dir(home(root.path()).join("lock")).unwrap();
        assert!(matches!(unlock(shell, root.path(), "txn/t1"), Err(UnlockError::Moved)), "{shell:?}");
    }
}
