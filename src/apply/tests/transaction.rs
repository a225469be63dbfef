//! The way of a transaction, without faults of the machine.

use super::{ME, SHELLS, listing, me, plan, run, run_with, tree};
use crate::apply::owner::{Owner, holder};
use crate::apply::script::{End, change, code, confirm, end, roll_back};
use crate::resource::Mode;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;
use std::time::Duration;

#[test]
fn a_transaction_changes_what_was_planned_and_confirms() {
    for shell in SHELLS {
        let root = tree();
        let (plan, payloads) = plan(root.path());
        let reply = run(shell, &change("t1", ME, &plan, &payloads), root.path());
        assert_eq!(reply.code, 0, "{shell:?}: {}", reply.stderr);
        let after = listing(root.path());
        assert_eq!(
            after,
            [
                "etc/kubernetes/ 755",
                "etc/kubernetes/admin.conf 600 old",
                "etc/kubernetes/audit/ 750",
                "etc/kubernetes/audit/deep/ 750",
                "etc/kubernetes/audit/deep/it's a policy.yaml 600 new",
                "etc/kubernetes/manifests/ 755",
                "etc/kubernetes/manifests/kube-apiserver.yaml 600 new",
            ]
        );
        let home = root.path().join("var/lib/harden");
        assert!(home.join("lock").exists());
        let reply = run(shell, &confirm("t1", "{}", 10), root.path());
        assert_eq!(reply.code, 0, "{shell:?}: {}", reply.stderr);
        assert!(!home.join("lock").exists());
        assert_eq!(fs::read_to_string(home.join("state.json")).unwrap(), "{}");
        assert_eq!(fs::metadata(&home).unwrap().mode() & 0o777, 0o700);
        // Confirmed: a rollback that comes late finds nothing to do.
        let reply = run(shell, &roll_back("t1"), root.path());
        assert_eq!(end(&reply), Some(End::Committed));
        assert_eq!(listing(root.path()), after);
    }
}

#[test]
fn a_rollback_puts_back_everything_and_leaves_nothing() {
    for shell in SHELLS {
        let root = tree();
        let before = listing(root.path());
        let (plan, payloads) = plan(root.path());
        run(shell, &change("t1", ME, &plan, &payloads), root.path());
        assert_ne!(listing(root.path()), before);
        let reply = run(shell, &roll_back("t1"), root.path());
        assert_eq!((reply.code, end(&reply)), (0, Some(End::Reverted)), "{shell:?}: {}", reply.stderr);
        assert_eq!(listing(root.path()), before, "{shell:?}");
        assert!(!root.path().join("var/lib/harden/lock").exists());
        // Rolled back: a confirmation that comes late is refused.
        assert_eq!(run(shell, &confirm("t1", "{}", 10), root.path()).code, 1);
    }
}

#[test]
fn what_moved_since_the_plan_is_named_and_nothing_is_written() {
    for shell in SHELLS {
        let root = tree();
        let (plan, payloads) = plan(root.path());
        fs::write(root.path().join("etc/kubernetes/manifests/kube-apiserver.yaml"), "somebody else\n")
            .unwrap();
        let before = listing(root.path());
        let reply = run(shell, &change("t1", ME, &plan, &payloads), root.path());
        assert_eq!(reply.code, code::STALE);
        assert_eq!(
            reply.section("check").text(),
            "/etc/kubernetes/manifests/kube-apiserver.yaml: its content changed\n",
            "{shell:?}"
        );
        assert_eq!(listing(root.path()), before);
        assert!(!root.path().join("var/lib/harden/lock").exists());
    }
}

#[test]
fn a_second_apply_is_refused_with_the_name_of_the_first() {
    for shell in SHELLS {
        let root = tree();
        let (plan, payloads) = plan(root.path());
        run(shell, &change("t1", Owner { text: "first@here", ..ME }, &plan, &payloads), root.path());
        let reply =
            run(shell, &change("t2", Owner { text: "second@there", ..ME }, &plan, &payloads), root.path());
        assert_eq!(reply.code, code::LOCKED, "{shell:?}: {}", reply.stderr);
        let holder = holder(&reply);
        assert_eq!(holder.owner, "first@here");
        assert!(holder.age < Duration::from_mins(1), "{holder:?}");
        let home = root.path().join("var/lib/harden");
        assert_eq!(
            holder.remedy,
            format!("sh {}", crate::remote::quote(home.join("lock/rollback.sh").to_str().unwrap()))
        );
        assert_eq!(fs::read_dir(home.join("txn")).unwrap().count(), 1);
        // The remedy is one.
        let remedy = Command::new(shell[0]).args(&shell[1..]).args(["-c", &holder.remedy]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&remedy.stdout), "reverted\n");
        assert_eq!(
            run(shell, &change("t2", Owner { text: "second@there", ..ME }, &plan, &payloads), root.path())
                .code,
            0
        );
    }
}

#[test]
fn a_swap_that_fails_half_way_is_rolled_back_by_the_node_itself() {
    for shell in SHELLS {
        let root = tree();
        let before = listing(root.path());
        let (plan, payloads) = plan(root.path());
        // The audit policy is swapped by then, the manifest is not: what was staged for it is taken away.
        let fault = |text: &str| {
            let manifest = "'/etc/kubernetes/manifests/kube-apiserver.yaml'";
            text.replace(
                &format!("\nswap {manifest}"),
                &format!("\nrm -- \"$(staged {manifest})\"\nswap {manifest}"),
            )
        };
        let reply = run_with(shell, &change("t1", ME, &plan, &payloads), root.path(), &fault);
        assert_eq!(reply.code, code::ROLLED_BACK, "{shell:?}: {}", reply.stderr);
        assert!(
            reply.stderr.contains("replace /etc/kubernetes/manifests/kube-apiserver.yaml"),
            "{}",
            reply.stderr
        );
        assert_eq!(listing(root.path()), before, "{shell:?}");
    }
}

#[test]
fn a_directory_in_the_way_is_refused_before_anything_is_changed() {
    for shell in SHELLS {
        let root = tree();
        let (plan, payloads) = plan(root.path());
        fs::create_dir_all(root.path().join("etc/kubernetes/audit/deep/it's a policy.yaml/x")).unwrap();
        let before = listing(root.path());
        // The plan would be stale too: here only the back-up is looked at.
        let skip_check = |text: &str| text.replace("\nunless_stale\n", "\n:\n");
        let reply = run_with(shell, &change("t1", ME, &plan, &payloads), root.path(), &skip_check);
        assert_eq!(reply.code, code::UNTOUCHED, "{shell:?}: {}", reply.stderr);
        assert!(reply.stderr.contains("is not a regular file"), "{}", reply.stderr);
        assert_eq!(listing(root.path()), before);
    }
}

#[test]
fn a_failure_before_the_first_swap_leaves_no_trace() {
    for shell in SHELLS {
        let root = tree();
        let before = listing(root.path());
        let (plan, mut payloads) = plan(root.path());
        payloads[1].ownership.mode = Mode(0o600);
        payloads[1].ownership.owner = String::from("nobody-of-that-name");
        if me().0 != "root" {
            return;
        }
        let reply = run(shell, &change("t1", ME, &plan, &payloads), root.path());
        assert_eq!(reply.code, code::UNTOUCHED, "{shell:?}: {}", reply.stderr);
        assert_eq!(listing(root.path()), before, "{shell:?}");
        assert_eq!(fs::read_dir(root.path().join("var/lib/harden/txn")).unwrap().count(), 0);
    }
}
