//! Scripts that are cut, killed, late, or run beside each other.

use super::{ME, SHELLS, listing, plan, run, run_with, spawn, tree};
use crate::apply::script::{End, change, code, confirm, end, roll_back};
use std::fs;
use std::path::Path;
use std::time::Duration;

fn harden(root: &Path) -> std::path::PathBuf {
    root.join("var/lib/harden")
}

/// Ends the script by KILL in front of the last text that matches.
pub(super) fn killed_before(mark: &str) -> impl Fn(&str) -> String + '_ {
    move |text| {
        let at = text.rfind(mark).unwrap_or_else(|| panic!("no {mark}"));
        format!("{}kill -KILL $$\n{}", &text[..at], &text[at..])
    }
}

/// Every place at which a change script does something new.
const STEPS: &[&str] = &[
    "begin 'me@here'",
    "cat \"$H/state.json\"",
    "unless_stale\n",
    "keep '/etc/kubernetes/audit",
    "stage '/etc/kubernetes/manifests",
    "stage '/etc/kubernetes/audit",
    "armed\n",
    "swap '/etc/kubernetes/audit",
    "attributes '/etc/kubernetes/admin.conf",
    "remove '/etc/kubernetes/manifests",
    "swap '/etc/kubernetes/manifests",
    "exit 0\n}\nharden_called=1; harden_main",
];

#[test]
fn a_change_that_did_not_arrive_whole_does_nothing() {
    for shell in SHELLS {
        let root = tree();
        let (plan, payloads) = plan(root.path());
        let text = change("t1", ME, &plan, &payloads).render("NONCE", root.path().to_str().unwrap());
        let before = listing(root.path());
        let end = text.len() - "; exit 125\n".len();
        // A step that shares no factor with the lengths of lines; the last bytes one by one.
        let cuts = (0..end - 60).step_by(67).chain(end - 60..end);
        for cut in cuts {
            let output = spawn(shell, &text[..cut]).wait_with_output().unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{shell:?} cut at {cut}");
            assert!(!root.path().join("var").exists(), "{shell:?} cut at {cut}");
        }
        assert_eq!(listing(root.path()), before, "{shell:?}");
        // What arrived whole does something: the test above can fail.
        assert!(spawn(shell, &text[..end]).wait_with_output().unwrap().status.success());
        assert_ne!(listing(root.path()), before);
    }
}

#[test]
fn a_change_that_was_killed_anywhere_is_put_back() {
    for shell in SHELLS {
        for (number, step) in STEPS.iter().enumerate() {
            let root = tree();
            let before = listing(root.path());
            let (plan, payloads) = plan(root.path());
            let text = change("t1", ME, &plan, &payloads).render("NONCE", root.path().to_str().unwrap());
            let output = spawn(shell, &killed_before(step)(&text)).wait_with_output().unwrap();
            assert!(!output.status.success(), "{shell:?} {step}");
            let reply = run(shell, &roll_back("t1"), root.path());
            let expected = if number < 7 { End::Untouched } else { End::Reverted };
            assert_eq!((reply.code, end(&reply)), (0, Some(expected)), "{shell:?} {step}: {}", reply.stderr);
            assert_eq!(listing(root.path()), before, "{shell:?} {step}");
            assert!(fs::symlink_metadata(harden(root.path()).join("lock")).is_err(), "{shell:?} {step}");
            // And again: nothing is left to do, and another one may begin.
            assert_eq!(end(&run(shell, &roll_back("t1"), root.path())), Some(expected), "{shell:?} {step}");
            assert_eq!(run(shell, &change("t2", ME, &plan, &payloads), root.path()).code, 0);
        }
    }
}

#[test]
fn a_change_that_still_runs_is_ended_before_it_is_put_back() {
    for shell in SHELLS {
        for step in &STEPS[1..STEPS.len() - 1] {
            let root = tree();
            let before = listing(root.path());
            let (plan, payloads) = plan(root.path());
            let text = change("t1", ME, &plan, &payloads).render("NONCE", root.path().to_str().unwrap());
            // It waits until somebody looks for it: without the end it would go on, and change what was put back.
            let here = root.path().join("here");
            let wait = format!("touch {}; sleep 0.2\n", crate::remote::quote(here.to_str().unwrap()));
            let at = text.rfind(step).unwrap();
            let running = spawn(shell, &format!("{}{wait}{}", &text[..at], &text[at..]));
            while !here.exists() {
                std::thread::sleep(Duration::from_millis(5));
            }
            let reply = run(shell, &roll_back("t1"), root.path());
            assert_eq!(reply.code, 0, "{shell:?} {step}: {}", reply.stderr);
            let output = running.wait_with_output().unwrap();
            assert!(!output.status.success(), "{shell:?} {step}");
            assert_eq!(listing(root.path()), before, "{shell:?} {step}");
        }
    }
}

#[test]
fn a_change_that_comes_after_its_rollback_cannot_begin() {
    for shell in SHELLS {
        let root = tree();
        let before = listing(root.path());
        let (plan, payloads) = plan(root.path());
        assert_eq!(end(&run(shell, &roll_back("t1"), root.path())), Some(End::Untouched), "{shell:?}");
        let reply = run(shell, &change("t1", ME, &plan, &payloads), root.path());
        assert_eq!(reply.code, code::UNTOUCHED, "{shell:?}: {}", reply.stderr);
        assert_eq!(listing(root.path()), before);
        assert_eq!(run(shell, &change("t2", ME, &plan, &payloads), root.path()).code, 0);
    }
}

#[test]
fn a_rollback_that_was_killed_is_done_again() {
    for shell in SHELLS {
        for mark in ["  restore_files files\n", "  remove_directories dir\n  verify_files\n", "unlock\necho"]
        {
            let root = tree();
            let before = listing(root.path());
            let (plan, payloads) = plan(root.path());
            run(shell, &change("t1", ME, &plan, &payloads), root.path());
            let file = harden(root.path()).join("txn/t1/rollback.sh");
            let text = fs::read_to_string(&file).unwrap();
            fs::write(&file, killed_before(mark)(&text)).unwrap();
            assert_eq!(run(shell, &roll_back("t1"), root.path()).code, code::BROKEN, "{shell:?}");
            fs::write(&file, text).unwrap();
            let reply = run(shell, &roll_back("t1"), root.path());
            assert_eq!(end(&reply), Some(End::Reverted), "{shell:?} {mark}: {}", reply.stderr);
            assert_eq!(listing(root.path()), before, "{shell:?} {mark}");
            assert!(fs::symlink_metadata(harden(root.path()).join("lock")).is_err());
        }
    }
}

#[test]
fn a_confirmation_that_was_killed_stays_one() {
    for shell in SHELLS {
        for (mark, expected) in [
            ("mv -T --", End::Reverted),
            ("sh \"$T/rollback.sh\"", End::Committed),
            ("forget_old 10\n", End::Committed),
        ] {
            let root = tree();
            let before = listing(root.path());
            let (plan, payloads) = plan(root.path());
            run(shell, &change("t1", ME, &plan, &payloads), root.path());
            let after = listing(root.path());
            let text = confirm("t1", "{\"x\": 1}", 10).render("NONCE", root.path().to_str().unwrap());
            spawn(shell, &killed_before(mark)(&text)).wait_with_output().unwrap();
            let reply = run(shell, &roll_back("t1"), root.path());
            assert_eq!(end(&reply), Some(expected), "{shell:?} {mark}: {}", reply.stderr);
            let record = fs::read_to_string(harden(root.path()).join("state.json"));
            if expected == End::Committed {
                assert_eq!((listing(root.path()), record.unwrap()), (after, String::from("{\"x\": 1}")));
            } else {
                assert_eq!(listing(root.path()), before);
                assert!(record.is_err());
            }
            assert!(fs::symlink_metadata(harden(root.path()).join("lock")).is_err());
        }
    }
}

#[test]
fn a_link_in_the_place_of_a_file_is_neither_followed_nor_replaced() {
    for shell in SHELLS {
        let root = tree();
        let (plan, payloads) = plan(root.path());
        let elsewhere = root.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        for file in ["etc/kubernetes/manifests/kube-apiserver.yaml", "etc/kubernetes/admin.conf"] {
            let (file, target) = (root.path().join(file), elsewhere.join(file.replace('/', "-")));
            fs::rename(&file, &target).unwrap();
            std::os::unix::fs::symlink(&target, &file).unwrap();
        }
        let before = listing(root.path());
        let reply = run(shell, &change("t1", ME, &plan, &payloads), root.path());
        assert_eq!(reply.code, code::STALE, "{shell:?}: {}", reply.stderr);
        assert_eq!(reply.section("check").text().matches("it is a symbolic link").count(), 2);
        // Nor where it came between the check and the back-up.
        let unchecked = |text: &str| text.replace("\nunless_stale\n", "\n:\n");
        let reply = run_with(shell, &change("t2", ME, &plan, &payloads), root.path(), &unchecked);
        assert_eq!(reply.code, code::UNTOUCHED, "{shell:?}: {}", reply.stderr);
        assert!(reply.stderr.contains("is a symbolic link"), "{}", reply.stderr);
        assert_eq!(listing(root.path()), before);
    }
}

#[test]
fn the_ten_newest_transactions_are_kept_and_those_that_are_not_at_their_end() {
    for shell in SHELLS {
        let root = tree();
        let (plan, payloads) = plan(root.path());
        let home = harden(root.path()).join("txn");
        for number in 10..25 {
            fs::create_dir_all(home.join(format!("17{number}-aa"))).unwrap();
        }
        fs::write(home.join("1710-aa/failed"), "").unwrap();
        fs::write(home.join("1711-aa/pending"), "").unwrap();
        assert_eq!(run(shell, &change("1799-aa", ME, &plan, &payloads), root.path()).code, 0);
        assert_eq!(end(&run(shell, &confirm("1799-aa", "{}", 10), root.path())), Some(End::Committed));
        let mut names: Vec<_> = fs::read_dir(home)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let kept: Vec<String> = (16..25).map(|number| format!("17{number}-aa")).collect();
        assert_eq!(names[..2], ["1710-aa", "1711-aa"], "{shell:?}");
        assert_eq!(names[2..11], kept);
        assert_eq!(names[11..], ["1799-aa"]);
    }
}
