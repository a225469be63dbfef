//! The node's own rollback: how it is armed, what it does alone and when the node starts, and that it is gone afterwards.

use super::{ME, SHELLS, listing, path, plan, run, run_with, spawn, tree};
use crate::apply::script::{End, change, code, confirm, end, restart_units, roll_back};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

const UNIT: &str = "etc/systemd/system/harden-rollback.service";
const WANTED: &str = "etc/systemd/system/multi-user.target.wants/harden-rollback.service";

/// As if the tree were a running node, for arming only, with a systemd-run that notes what it is told.
pub(super) fn with_systemd(root: &Path) -> impl Fn(&str) -> String {
    let tool = root.join("systemd-run");
    fs::write(
        &tool,
        format!(
            "#!/bin/sh\nprintf '%s\\n' \"$@\" >'{}'\n",
            root.join("told").display().to_string().replace('\'', "'\\''")
        ),
    )
    .unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(root.join("run/systemd/system")).unwrap();
    fs::create_dir_all(root.join("etc/systemd/system")).unwrap();
    let tool = crate::remote::quote(tool.to_str().unwrap());
    move |text| {
        let text = awake(text);
        let call = "  systemd-run --quiet";
        assert!(text.contains(call));
        text.replace(call, &format!("  {tool} --quiet")).replace("command -v systemd-run", "true")
    }
}

fn awake(text: &str) -> String {
    let asleep = "arm() { # SECONDS\n  live || return 0\n";
    assert!(text.contains(asleep));
    text.replace(asleep, "arm() { # SECONDS\n")
}

fn exists(root: &Path, file: &str) -> bool {
    fs::symlink_metadata(root.join(file)).is_ok()
}

#[test]
fn it_is_armed_before_anything_is_written_and_disarmed_at_the_end() {
    for shell in SHELLS {
        for confirmed in [true, false] {
            let root = tree();
            let systemd = with_systemd(root.path());
            let before = listing(root.path());
            let (plan, payloads) = plan(root.path());
            let script = change("t1", ME, &plan, &payloads);
            // Nothing of what is planned is there yet when it is armed.
            let halted = |text: &str| {
                systemd(text).replace("cat \"$H/state.json\"", "kill -KILL $$; cat \"$H/state.json\"")
            };
            let text = halted(&script.render("NONCE", root.path().to_str().unwrap()));
            assert!(!spawn(shell, &text).wait_with_output().unwrap().status.success());
            assert!(exists(root.path(), UNIT) && exists(root.path(), WANTED), "{shell:?}");
            let told = fs::read_to_string(root.path().join("told")).unwrap();
            let after = format!("--on-active={}\n", plan.rollback_after.unwrap());
            assert!(told.contains("--unit=harden-rollback-t1\n") && told.contains(&after), "{told}");
            assert!(told.ends_with("/var/lib/harden/txn/t1/rollback.sh\nalone\n"), "{told}");
            assert_eq!(end(&run(shell, &roll_back("t1"), root.path())), Some(End::Untouched));
            let left: Vec<_> =
                listing(root.path()).into_iter().filter(|line| !line.contains("wants/")).collect();
            assert_eq!(left, before, "{shell:?}");

            let script = change("t2", ME, &plan, &payloads);
            let reply = run_with(shell, &script, root.path(), &systemd);
            assert_eq!(reply.code, 0, "{shell:?}: {}", reply.stderr);
            assert!(exists(root.path(), UNIT) && exists(root.path(), WANTED), "{shell:?}");
            let last = if confirmed { confirm("t2", "{}", 10) } else { roll_back("t2") };
            let expected = if confirmed { End::Committed } else { End::Reverted };
            assert_eq!(end(&run(shell, &last, root.path())), Some(expected), "{shell:?}");
            assert!(!exists(root.path(), UNIT) && !exists(root.path(), WANTED), "{shell:?}");
        }
    }
}

#[test]
fn without_systemd_it_is_refused_unless_it_is_not_asked_for() {
    for shell in SHELLS {
        let root = tree();
        let before = listing(root.path());
        let (mut plan, payloads) = plan(root.path());
        let script = change("t1", ME, &plan, &payloads);
        let reply = run_with(shell, &script, root.path(), &awake);
        assert_eq!(reply.code, code::UNTOUCHED, "{shell:?}");
        assert!(reply.stderr.contains("--no-rollback-timer does without"), "{}", reply.stderr);
        assert_eq!(listing(root.path()), before, "{shell:?}");
        assert!(!exists(root.path(), "var/lib/harden/lock"));
        plan.rollback_after = None;
        let script = change("t2", ME, &plan, &payloads);
        assert_eq!(run_with(shell, &script, root.path(), &awake).code, 0, "{shell:?}");
    }
}

/// Switched off in the middle and started again, or never heard of again: the old state is back, and harden is told so.
#[test]
fn alone_and_when_the_node_starts_it_puts_the_old_state_back() {
    for shell in SHELLS {
        for mode in ["alone", "boot"] {
            let root = tree();
            let systemd = with_systemd(root.path());
            let (plan, payloads) = plan(root.path());
            let before =
                fs::read_to_string(root.path().join("etc/kubernetes/manifests/kube-apiserver.yaml")).unwrap();
            let script = change("t1", ME, &plan, &payloads);
            assert_eq!(run_with(shell, &script, root.path(), &systemd).code, 0);
            let rollback = root.path().join("var/lib/harden/lock/rollback.sh");
            let output = Command::new(shell[0]).args(&shell[1..]).arg(&rollback).arg(mode).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), "reverted\n", "{shell:?} {mode}: {output:?}");
            let now =
                fs::read_to_string(root.path().join("etc/kubernetes/manifests/kube-apiserver.yaml")).unwrap();
            assert_eq!(now, before);
            let result = fs::read_to_string(root.path().join("var/lib/harden/txn/t1/result")).unwrap();
            assert!(result.starts_with(&format!("{mode} ")) && result.lines().count() == 1, "{result}");
            assert!(!exists(root.path(), UNIT) && !exists(root.path(), "var/lib/harden/lock"));
            // What harden wants afterwards comes too late, whichever it is.
            let reply = run(shell, &confirm("t1", "{}", 10), root.path());
            assert_ne!((reply.code, end(&reply)), (0, Some(End::Committed)), "{shell:?}");
            assert_eq!(end(&run(shell, &roll_back("t1"), root.path())), Some(End::Reverted), "{shell:?}");
        }
    }
}

#[test]
fn what_was_put_back_meanwhile_is_not_gone_on_with() {
    for shell in SHELLS {
        let root = tree();
        let (mut plan, payloads) = plan(root.path());
        plan.between = vec![crate::plan::Gate::NodeReady { node: plan.node.clone() }];
        assert_eq!(run(shell, &change("t1", ME, &plan, &payloads), root.path()).code, 0);
        let rollback = root.path().join("var/lib/harden/lock/rollback.sh");
        assert!(Command::new("sh").arg(rollback).arg("alone").output().unwrap().status.success());
        let reply = run(shell, &restart_units("t1", &plan, &payloads).unwrap(), root.path());
        assert_eq!(reply.code, 1, "{shell:?}");
        assert!(reply.stderr.contains("not pending any more"), "{}", reply.stderr);
    }
}

/// A file that cannot be put back is told by its name, on the node as well.
#[test]
fn what_could_not_be_put_back_stands_in_the_result() {
    let root = tree();
    let (plan, payloads) = plan(root.path());
    assert_eq!(run(&["sh"], &change("t1", ME, &plan, &payloads), root.path()).code, 0);
    let manifest = path("/etc/kubernetes/manifests/kube-apiserver.yaml");
    let file = root.path().join(&manifest.as_str()[1..]);
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let reply = run(&["sh"], &roll_back("t1"), root.path());
    assert_eq!(reply.code, code::BROKEN);
    let result = fs::read_to_string(root.path().join("var/lib/harden/txn/t1/result")).unwrap();
    assert!(result.contains(&format!("restoring {manifest} failed\n")), "{result}");
    assert!(result.contains(&format!("verifying {manifest} failed\n")), "{result}");
    fs::remove_dir(&file).unwrap();
    assert_eq!(end(&run(&["sh"], &roll_back("t1"), root.path())), Some(End::Reverted));
}
