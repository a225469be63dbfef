//! Users, and the commands around a new file, each under every shell.

use super::{ME, SHELLS, listing, me, path, plan, run, run_with, tree};
use crate::apply::material::Source;
use crate::apply::script::{End, change, code, confirm, end, roll_back};
use crate::plan::{NodePlan, Operation};
use crate::remote::quote;
use crate::resource::Mode;
use base64::Engine as _;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use zeroize::Zeroizing;

/// As if the tree were a running node, for the commands around a new file only.
fn alive(text: &str) -> String {
    let mut text = text.to_owned();
    for function in ["validate() { # PATH COMMAND...\n", "activate() { # COMMAND...\n"] {
        let asleep = format!("{function}  live || return 0\n");
        assert!(text.contains(&asleep));
        text = text.replace(&asleep, function);
    }
    text
}

fn with(plan: &mut NodePlan, operation: Operation) {
    plan.changes[0].operations.push(operation);
}

fn words(command: &[&str]) -> Vec<String> {
    command.iter().map(|word| (*word).to_owned()).collect()
}

pub(super) fn is_root() -> bool {
    let is_root = me().0 == "root";
    if !is_root {
        eprintln!("SKIPPED: owners cannot be changed without root");
    }
    is_root
}

/// A tree with a list of users, and a data directory that is to belong to a new one.
fn with_users(root: &Path) -> NodePlan {
    fs::write(root.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n").unwrap();
    fs::write(root.join("etc/group"), "root:x:0:\n").unwrap();
    fs::create_dir_all(root.join("var/lib/etcd")).unwrap();
    let (mut plan, _) = plan(root);
    let mode = Mode(fs::metadata(root.join("var/lib/etcd")).unwrap().mode() & 0o7777);
    let (owner, group) = me();
    with(&mut plan, Operation::AddUser { name: String::from("etcd"), user: true, group: true, number: None });
    let data = Operation::SetAttributes {
        path: path("/var/lib/etcd"),
        owner: Some(String::from("etcd")),
        group: Some(String::from("etcd")),
        mode: Some(Mode(0o700)),
        prior: crate::plan::Prior::Present { sha256: String::new(), mode, owner, group },
    };
    with(&mut plan, data);
    plan
}

fn owner(root: &Path) -> (u32, u32, u32) {
    let data = fs::metadata(root.join("var/lib/etcd")).unwrap();
    (data.uid(), data.gid(), data.mode() & 0o7777)
}

/// The numbers of the user `etcd` in a tree.
pub(super) fn etcd(root: &Path) -> (u32, u32) {
    let field = |file: &str, at: usize| {
        let text = fs::read_to_string(root.join("etc").join(file)).unwrap();
        let line = text.lines().find(|line| line.starts_with("etcd:")).unwrap_or_else(|| panic!("{text}"));
        line.split(':').nth(at).unwrap().parse().unwrap()
    };
    (field("passwd", 2), field("group", 2))
}

#[test]
fn a_user_is_made_in_a_tree_and_owns_its_directory_by_the_trees_number() {
    if !is_root() {
        return;
    }
    for shell in SHELLS {
        let root = tree();
        let plan_of_it = with_users(root.path());
        let payloads = plan(root.path()).1;
        let reply = run(shell, &change("t1", ME, &plan_of_it, &payloads), root.path());
        assert_eq!(reply.code, 0, "{shell:?}: {}", reply.stderr);
        let (user, group) = etcd(root.path());
        assert!((1..1000).contains(&user) && (1..1000).contains(&group), "{user} {group}");
        assert_eq!(owner(root.path()), (user, group, 0o700));
        let passwd = fs::read_to_string(root.path().join("etc/passwd")).unwrap();
        assert!(passwd.contains(":/nonexistent:/usr/sbin/nologin"), "{passwd}");
        assert!(!root.path().join("nonexistent").exists());
        // The directory goes back, the user stays, and the next transaction finds it made.
        let reply = run(shell, &roll_back("t1"), root.path());
        assert_eq!(end(&reply), Some(End::Reverted), "{shell:?}: {}", reply.stderr);
        assert_eq!(owner(root.path()).0, 0);
        assert_eq!(etcd(root.path()), (user, group));
        let reply = run(shell, &change("t2", ME, &plan_of_it, &payloads), root.path());
        assert_eq!(reply.code, 0, "{shell:?}: {}", reply.stderr);
        assert_eq!(owner(root.path()), (user, group, 0o700));
        assert_eq!(end(&run(shell, &confirm("t2", "{}", 10), root.path())), Some(End::Committed));
        // What belongs to the tree's etcd is expected by that name.
        let mut again = plan_of_it.clone();
        again.changes.truncate(1);
        again.changes[0].operations.retain(|operation| {
            matches!(operation, Operation::SetAttributes { path, .. } if path.as_str() == "/var/lib/etcd")
        });
        for (expected, wanted) in [("etcd", 0), ("root", code::STALE)] {
            let Operation::SetAttributes { prior, .. } = &mut again.changes[0].operations[0] else {
                panic!()
            };
            let name = || String::from(expected);
            *prior = crate::plan::Prior::Present {
                sha256: String::new(),
                mode: Mode(0o700),
                owner: name(),
                group: name(),
            };
            let id = format!("t-{expected}");
            let reply = run(shell, &change(&id, ME, &again, &[]), root.path());
            assert_eq!(reply.code, wanted, "{shell:?}: {}", reply.stderr);
            run(shell, &roll_back(&id), root.path());
        }
    }
}

#[test]
fn a_node_without_the_tool_for_users_is_left_alone_with_the_remedy() {
    if !is_root() {
        return;
    }
    for shell in SHELLS {
        let root = tree();
        let plan_of_it = with_users(root.path());
        let before = listing(root.path());
        let without = |text: &str| text.replace(" groupadd --system", " no-groupadd-here --system");
        let script = change("t1", ME, &plan_of_it, &plan(root.path()).1);
        let reply = run_with(shell, &script, root.path(), &without);
        assert_eq!(reply.code, code::UNTOUCHED, "{shell:?}");
        assert!(reply.stderr.contains("make the system user etcd and its group by hand"), "{}", reply.stderr);
        assert_eq!(listing(root.path()), before);
    }
}

#[test]
fn a_file_that_is_refused_changes_nothing_and_one_that_is_accepted_goes_in() {
    let at = "/etc/kubernetes/audit/deep/it's a policy.yaml";
    for shell in SHELLS {
        for (pattern, accepted) in [("new", true), ("old", false)] {
            let root = tree();
            let before = listing(root.path());
            let (mut plan, payloads) = plan(root.path());
            let command = words(&[
                "sh",
                "-c",
                "grep -q \"$1\" \"$2\" || { echo \"no $1 in $2\"; exit 3; }",
                "x",
                pattern,
                "{staged}",
            ]);
            with(&mut plan, Operation::Validate { path: path(at), command });
            let reply = run_with(shell, &change("t1", ME, &plan, &payloads), root.path(), &alive);
            if accepted {
                assert_eq!(reply.code, 0, "{shell:?}: {}", reply.stderr);
                continue;
            }
            assert_eq!(reply.code, code::UNTOUCHED, "{shell:?}: {}", reply.stderr);
            assert!(reply.stderr.contains("no old in "), "{}", reply.stderr);
            assert!(reply.stderr.contains(".harden.t1.it's a policy.yaml"), "{}", reply.stderr);
            assert!(reply.stderr.ends_with(&format!("{at} would not be accepted\n")), "{}", reply.stderr);
            assert_eq!(listing(root.path()), before, "{shell:?}");
            assert!(fs::symlink_metadata(root.path().join("var/lib/harden/lock")).is_err());
        }
    }
}

/// What is said to run when the file changed runs again when the old one is back; and it sees the right one both times.
#[test]
fn a_new_file_is_made_effective_and_so_is_the_old_one_after_a_rollback() {
    let manifest = "etc/kubernetes/audit/deep/it's a policy.yaml";
    for shell in SHELLS {
        for fails in [false, true] {
            let root = tree();
            let before = listing(root.path());
            let (mut plan, payloads) = plan(root.path());
            plan.restart_units.clear();
            let log = root.path().join("log");
            let script = "if [ -e \"$1\" ]; then echo new; else echo old; fi >>\"$2\"; [ \"$3\" = false ] || [ ! -e \"$1\" ]";
            let (file, log_path) = (root.path().join(manifest), log.to_str().unwrap());
            let fails_word = fails.to_string();
            let command = words(&["sh", "-c", script, "it's", file.to_str().unwrap(), log_path, &fails_word]);
            with(&mut plan, Operation::Activate { command });
            let reply = run_with(shell, &change("t1", ME, &plan, &payloads), root.path(), &alive);
            assert_eq!(reply.code, if fails { code::ROLLED_BACK } else { 0 }, "{shell:?}: {}", reply.stderr);
            assert_eq!(fs::read_to_string(&log).unwrap(), "new\n", "{shell:?}");
            assert_eq!(listing(root.path()) == before, fails, "{shell:?}");
            // In a tree the rollback runs nothing; what it would run on a node stands there, and is one command.
            let recorded = root.path().join("var/lib/harden/txn/t1/activations");
            let line = fs::read_to_string(recorded).unwrap();
            assert_eq!(line.lines().count(), 1);
            run(shell, &roll_back("t1"), root.path());
            assert_eq!(listing(root.path()), before);
            let again =
                Command::new(shell[0]).args(&shell[1..]).args(["-c", line.trim_end()]).status().unwrap();
            assert!(again.success());
            assert_eq!(fs::read_to_string(&log).unwrap(), "new\nold\n", "{shell:?}");
        }
    }
}

/// The script with a rollback that makes files effective in a tree as it would on a node.
fn alive_to_the_end(text: &str) -> String {
    let sleeping = include_str!("../rollback.sh");
    let awake = sleeping.replace(
        "  if [ -z \"$R\" ]; then\n    [ \"$mode\" = boot ] || let_kubelet_replace_pods\n",
        "  if true; then\n",
    );
    assert_ne!(sleeping, awake);
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let digest = |text: &str| crate::plan::sha256(text.as_bytes());
    let text = alive(text);
    assert!(text.contains(&encode(sleeping)) && text.contains(&digest(sleeping)));
    text.replace(&encode(sleeping), &encode(&awake)).replace(&digest(sleeping), &digest(&awake))
}

/// What was broken before harden came, audit rules of somebody else for example, must not leave the node locked.
#[test]
fn a_command_that_fails_with_old_files_too_is_no_failed_rollback() {
    for shell in SHELLS {
        for (commands, expected) in [
            (["false", "true"], code::ROLLED_BACK),
            (["true", "false"], code::ROLLED_BACK),
            (["[ -e \"$1\" ]", "false"], code::BROKEN),
        ] {
            let root = tree();
            let before = listing(root.path());
            let (mut plan, payloads) = plan(root.path());
            plan.restart_units.clear();
            let file = root.path().join("etc/kubernetes/audit/deep/it's a policy.yaml");
            for script in commands {
                let command = words(&["sh", "-c", script, "x", file.to_str().unwrap()]);
                with(&mut plan, Operation::Activate { command });
            }
            let script = change("t1", ME, &plan, &payloads);
            let reply = run_with(shell, &script, root.path(), &alive_to_the_end);
            assert_eq!(reply.code, expected, "{shell:?} {commands:?}: {}", reply.stderr);
            assert_eq!(listing(root.path()), before, "{shell:?} {commands:?}");
            let is_locked = fs::symlink_metadata(root.path().join("var/lib/harden/lock")).is_ok();
            assert_eq!(is_locked, expected == code::BROKEN, "{shell:?} {commands:?}");
        }
    }
}

/// A kubeconfig that was to leave the node does not live on in harden's own folder.
#[test]
fn what_was_removed_is_not_kept_once_it_is_confirmed() {
    for shell in SHELLS {
        let root = tree();
        let (plan, payloads) = plan(root.path());
        let files = root.path().join("var/lib/harden/txn/t1/files");
        let kept = || fs::read_dir(&files).unwrap().count();
        assert_eq!(run(shell, &change("t1", ME, &plan, &payloads), root.path()).code, 0);
        assert_eq!(kept(), 2, "{shell:?}");
        assert_eq!(end(&run(shell, &confirm("t1", "{}", 10), root.path())), Some(End::Committed));
        assert_eq!(kept(), 1, "{shell:?}");
    }
}

/// Only a transaction's own rollback needs the copies of what it replaced: that of a key goes with the end of it.
#[test]
fn what_was_private_is_kept_until_the_transaction_ends() {
    for shell in SHELLS {
        for (last, kept_then) in [(confirm("t1", "{}", 10), 0), (roll_back("t1"), 1)] {
            let root = tree();
            let (plan, mut payloads) = plan(root.path());
            let before = listing(root.path());
            payloads[0].is_private = true;
            let files = root.path().join("var/lib/harden/txn/t1/files");
            let kept = || fs::read_dir(&files).unwrap().count();
            assert_eq!(run(shell, &change("t1", ME, &plan, &payloads), root.path()).code, 0);
            assert_eq!(kept(), 2, "{shell:?}");
            assert_eq!(run(shell, &last, root.path()).code, 0, "{shell:?}");
            assert_eq!(kept(), kept_then, "{shell:?}");
            assert_eq!(listing(root.path()) == before, kept_then == 1, "{shell:?}");
            // Run once more it says the same, and puts nothing in the place of what is gone.
            assert_eq!(run(shell, &roll_back("t1"), root.path()).code, 0, "{shell:?}");
            assert_eq!((kept(), listing(root.path()) == before), (kept_then, kept_then == 1), "{shell:?}");
        }
    }
}

/// The command of the real template, with the real server of this machine.
#[test]
fn the_ssh_servers_own_check_refuses_a_broken_file() {
    let Ok(template) = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/host/sshd.tera"))
    else {
        panic!("there is no template");
    };
    let (front, body) = template.trim_start_matches("+++\n").split_once("\n+++\n").unwrap();
    let front: toml::Table = toml::from_str(front).unwrap();
    let command: Vec<String> = front["validate"].clone().try_into().unwrap();
    let body: String =
        body.lines().filter(|line| !line.starts_with("{%")).flat_map(|line| [line, "\n"]).collect();
    let ready =
        Command::new("sh").args(["-c", "sshd -t"]).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").output();
    if !ready.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: there is no SSH server here that is ready to run");
        return;
    }
    for shell in SHELLS {
        for (text, accepted) in [
            (body.clone(), true),
            (format!("{body}PermitRotLogin no\n"), false),
            (format!("{body}KexAlgorithms no-such-algorithm\n"), false),
        ] {
            let root = tree();
            let (mut plan, mut payloads) = plan(root.path());
            payloads[1].content = Source::Sent(Zeroizing::new(text));
            let before = listing(root.path());
            let at = payloads[1].path.clone();
            with(&mut plan, Operation::Validate { path: at, command: command.clone() });
            let reply = run_with(shell, &change("t1", ME, &plan, &payloads), root.path(), &alive);
            assert_eq!(reply.code, if accepted { 0 } else { code::UNTOUCHED }, "{shell:?}: {}", reply.stderr);
            assert_eq!(listing(root.path()) == before, !accepted, "{shell:?}");
        }
    }
}

/// A unit that a transaction brought is gone after its rollback, and what was to start it at boot as well.
#[test]
fn a_new_unit_is_stopped_and_forgotten_by_a_rollback() {
    // Stopped; not known to systemd, since it never ran and its file has gone; not to be stopped.
    for (stop, then, expected) in [
        ("return 0", "inactive", code::ROLLED_BACK),
        ("return 5", "inactive", code::ROLLED_BACK),
        ("return 1", "active", code::BROKEN),
    ] {
        for shell in SHELLS {
            brings_a_unit_and_fails(shell, stop, then, expected);
        }
    }
}

/// `stop` is what systemd does when the unit is to be stopped, and `then` what it says of it afterwards.
fn brings_a_unit_and_fails(shell: &[&str], stop: &str, then: &str, expected: i32) {
    let root = tree();
    let system = root.path().join("etc/systemd/system");
    let wants = system.join("multi-user.target.wants");
    fs::create_dir_all(&wants).unwrap();
    let before = listing(root.path());
    let log = root.path().join("log");
    // What it says of units that are not there is the older systemd's: nothing at all.
    let systemctl = format!(
        "systemctl() {{ printf '%s\\n' \"$*\" >>{}; case $1 in \
             is-enabled) return 1 ;; is-active) if grep -q '^stop ' {}; then echo {then}; else echo inactive; fi; return 3 ;; \
             stop) {stop} ;; enable) ln -s /nowhere/new.service {}/new.service ;; esac; }}\n",
        quote(log.to_str().unwrap()),
        quote(log.to_str().unwrap()),
        quote(wants.to_str().unwrap())
    );
    let (mut plan, payloads) = plan(root.path());
    plan.restart_units.clear();
    with(
        &mut plan,
        Operation::SetUnit { unit: "new.service".into(), enabled: Some(true), active: Some(true) },
    );
    // What comes after it fails.
    with(&mut plan, Operation::Activate { command: words(&["false"]) });
    let script = change("t1", ME, &plan, &payloads);
    let reply = run_with(shell, &script, root.path(), &|text| {
        let sleeping = include_str!("../rollback.sh");
        let awake = sleeping
            .replace(
                "  if [ -z \"$R\" ]; then\n    [ \"$mode\" = boot ] || let_kubelet_replace_pods\n",
                "  if true; then\n",
            )
            .replacen("\nunlock() {", &format!("\n{systemctl}unlock() {{"), 1);
        let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        let digest = |text: &str| crate::plan::sha256(text.as_bytes());
        let text = text.replace(&encode(sleeping), &encode(&awake));
        let text = text.replace(&digest(sleeping), &digest(&awake));
        let mut text = format!("{systemctl}{}", alive(&text));
        for function in ["keep_unit() { # UNIT\n", "set_unit() { # ACTION UNIT\n", "reload_units() {\n"] {
            let asleep = format!("{function}  live || return 0\n");
            assert!(text.contains(&asleep));
            text = text.replace(&asleep, function);
        }
        text
    });
    assert_eq!(reply.code, expected, "{shell:?}: {}", reply.stderr);
    let said = fs::read_to_string(&log).unwrap();
    let order = ["start -- new.service", "stop -- new.service"].map(|line| said.find(line).unwrap());
    assert!(order[0] < order[1] && !said.contains("disable"), "{said}");
    fs::remove_file(&log).unwrap();
    assert_eq!(listing(root.path()), before, "{shell:?}");
}
