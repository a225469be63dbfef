//! What a transaction notes for a later rollback, and the rollback's own steps, under each shell.

use super::{ME, SHELLS, SUPER_ADMIN, fill, listing, path, plan, prior, run, run_with, tree};
use crate::apply::material::{Payload, payloads};
use crate::apply::script::{change, code, confirm, roll_back};
use crate::plan::undo::{Kept, Past, Setting};
use crate::plan::{NodePlan, Operation, Prior, Undoes};
use crate::status::{Depth, choose, parse, probe, record};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";
const POLICY: &str = "/etc/kubernetes/audit/deep/it's a policy.yaml";

/// Applies and confirms the plan of these tests.
fn applied(shell: &[&str], root: &Path, id: &str) {
    let (plan, payloads) = plan(root);
    let reply = run(shell, &change(id, ME, &plan, &payloads), root);
    assert_eq!(reply.code, 0, "{shell:?}: {}", reply.stderr);
    assert_eq!(run(shell, &confirm(id, "{}", 10), root).code, 0);
}

fn past(shell: &[&str], root: &Path, id: &str) -> Past {
    let state = parse(&run(shell, probe(Depth::History).script(), root)).unwrap();
    let transaction = choose(&state, Some(id)).unwrap();
    let reply = run(shell, &record::script(id), root);
    assert_eq!(reply.stderr, "", "{shell:?}");
    record::past(&reply, transaction, &state, false).unwrap()
}

/// The plan that puts back the manifest and takes away the policy.
fn back(root: &Path, sha256: &str) -> (NodePlan, Vec<Payload>) {
    let (mut back, _) = plan(root);
    back.changes.truncate(1);
    let restored = Operation::Restore {
        path: path(MANIFEST),
        transaction: String::from("t1"),
        copy: 1,
        sha256: sha256.to_owned(),
        prior: prior(root, MANIFEST),
    };
    let removed = Operation::Remove { path: path(POLICY), prior: prior(root, POLICY) };
    let emptied = ["/etc/kubernetes/audit", "/etc/kubernetes/audit/deep"]
        .map(|at| Operation::RemoveDirectory { path: path(at) });
    back.changes[0].operations = [vec![restored, removed], emptied.to_vec()].concat();
    back.undoes = Some(Undoes { transaction: String::from("t1"), applied: BTreeMap::new() });
    let payloads = payloads(&back.changes[0], &None, &mut |_, _| Err("there is no CA".into())).unwrap();
    (back, payloads)
}

/// A store that is not asked.
impl crate::apply::Materials for Option<()> {
    fn secret(
        &self,
        _: &crate::resource::SecretRef,
    ) -> Result<crate::secret::Secret<String>, crate::apply::MaterialError> {
        Err("there is no secret".into())
    }

    fn certificate(
        &self,
        _: &crate::resource::CertificateSpec,
        _: &crate::apply::Issuer,
    ) -> Result<crate::apply::Issued, crate::apply::MaterialError> {
        Err("there is no certificate".into())
    }

    fn kubeconfig(
        &self,
        _: &crate::resource::CertificateSpec,
        _: &str,
        _: &crate::apply::Issuer,
        _: &crate::apply::Issued,
    ) -> Result<crate::secret::Secret<String>, crate::apply::MaterialError> {
        Err("there is no kubeconfig".into())
    }
}

#[test]
fn what_was_left_and_what_is_kept_is_told_the_same_by_every_shell() {
    for shell in SHELLS {
        let root = tree();
        applied(shell, root.path(), "t1");
        let past = past(shell, root.path(), "t1");
        let kept: Vec<_> = past.kept.iter().map(|(path, kept)| (path.as_str(), *kept)).collect();
        assert_eq!(
            kept,
            [
                ("/etc/kubernetes/admin.conf", Kept::Attributes),
                (POLICY, Kept::Absent),
                (MANIFEST, Kept::Copy(1)),
                // The policy, which was not there, has the second number.
                (SUPER_ADMIN, Kept::Copy(3)),
            ],
            "{shell:?}"
        );
        // The copy of what was removed is gone.
        assert_eq!(past.copies, BTreeMap::from([(1, crate::plan::sha256(b"old\n"))]), "{shell:?}");
        assert_eq!(past.made.len(), 2);
        assert_eq!(past.left, past.now, "{shell:?}");
        assert!(!past.left.contains_key(&path(SUPER_ADMIN)));
        let Prior::Present { sha256, mode, .. } = prior(root.path(), POLICY) else { panic!() };
        let place = &past.left[&path(POLICY)];
        assert_eq!((&place.sha256, place.mode & 0o7777), (&sha256, mode.0), "{shell:?}");
        assert_eq!(past.record.changes.len(), plan(tree().path()).0.changes.len());
        assert!(!past.record.to_json().contains("new\\n"), "contents do not belong there");
        fs::write(root.path().join(&POLICY[1..]), "edited\n").unwrap();
        fs::remove_file(root.path().join(&MANIFEST[1..])).unwrap();
        let now = self::past(shell, root.path(), "t1").now;
        assert_ne!(now[&path(POLICY)], past.left[&path(POLICY)]);
        assert!(!now.contains_key(&path(MANIFEST)));
    }
}

#[test]
fn a_copy_goes_back_on_the_node_itself_with_its_attributes() {
    for shell in SHELLS {
        let root = tree();
        let old = listing(root.path());
        applied(shell, root.path(), "t1");
        let new = listing(root.path());
        let (back, payloads) = back(root.path(), &crate::plan::sha256(b"old\n"));
        let script = change("t2", ME, &back, &payloads);
        let begin = || {
            let reply = run(shell, &script, root.path());
            assert_eq!(reply.code, 0, "{shell:?}: {}", reply.stderr);
        };
        begin();
        // It can be put back itself, the directories too, since they go at the end only.
        assert_eq!(run(shell, &roll_back("t2"), root.path()).code, 0);
        assert_eq!(listing(root.path()), new, "{shell:?}");
        fs::remove_dir_all(root.path().join("var/lib/harden/txn/t2")).unwrap();
        begin();
        assert_eq!(run(shell, &confirm("t2", "{}", 10), root.path()).code, 0);
        let found = listing(root.path());
        let expected: Vec<_> = old.into_iter().filter(|line| !line.contains("admin.conf")).collect();
        let found: Vec<_> = found.into_iter().filter(|line| !line.contains("admin.conf")).collect();
        assert_eq!(found, expected, "{shell:?}");
        let state = parse(&run(shell, probe(Depth::Last).script(), root.path())).unwrap();
        assert_eq!(state.last.unwrap().undoes.as_deref(), Some("t1"));
        // What was removed may have been a key.
        assert_eq!(past(shell, root.path(), "t2").copies.len(), 1);
    }
}

#[test]
fn a_directory_that_somebody_uses_stays() {
    for shell in SHELLS {
        let root = tree();
        applied(shell, root.path(), "t1");
        fs::write(root.path().join("etc/kubernetes/audit/theirs"), "").unwrap();
        let (back, payloads) = back(root.path(), &crate::plan::sha256(b"old\n"));
        assert_eq!(run(shell, &change("t2", ME, &back, &payloads), root.path()).code, 0);
        assert_eq!(run(shell, &confirm("t2", "{}", 10), root.path()).code, 0, "{shell:?}");
        assert!(root.path().join("etc/kubernetes/audit/theirs").exists());
        assert!(!root.path().join("etc/kubernetes/audit/deep").exists());
    }
}

#[test]
fn a_copy_that_is_damaged_changes_nothing() {
    for shell in SHELLS {
        let root = tree();
        applied(shell, root.path(), "t1");
        let before = listing(root.path());
        let (back, payloads) = back(root.path(), &crate::plan::sha256(b"something else\n"));
        let reply = run(shell, &change("t2", ME, &back, &payloads), root.path());
        assert_eq!(reply.code, code::UNTOUCHED, "{shell:?}: {}", reply.stderr);
        assert!(reply.stderr.contains("is not what was copied"), "{}", reply.stderr);
        assert_eq!(listing(root.path()), before, "{shell:?}");
    }
}

/// In a tree nothing is asked of the kernel and of systemd: here the script is made to.
#[test]
fn a_running_system_tells_its_parameters_and_units() {
    for shell in SHELLS {
        let root = tree();
        applied(shell, root.path(), "t1");
        let folder = root.path().join("var/lib/harden/txn/t1");
        fs::write(folder.join("sysctls"), "kernel.ostype\tolder\n").unwrap();
        fs::write(folder.join("unit-states"), "x.service\tenabled\tinactive\n").unwrap();
        let state = parse(&run(shell, probe(Depth::History).script(), root.path())).unwrap();
        let live = |text: &str| text.replace("[ -n \"$R\" ] || ", "");
        let reply = run_with(shell, &record::script("t1"), root.path(), &live);
        let past = record::past(&reply, choose(&state, None).unwrap(), &state, true).unwrap();
        let linux = Setting { before: String::from("older"), now: String::from("Linux") };
        assert_eq!(past.sysctls, BTreeMap::from([(String::from("kernel.ostype"), linux)]), "{shell:?}");
        assert_eq!(past.enabled["x.service"].before, "enabled", "{shell:?}");
        assert_eq!(past.active["x.service"].before, "inactive", "{shell:?}");
    }
}

#[test]
fn so_many_transactions_stay() {
    for shell in SHELLS {
        let root = tree();
        for number in 1..=4 {
            fill(root.path());
            let (plan, payloads) = plan(root.path());
            let id = format!("170000000{number}-a");
            assert_eq!(run(shell, &change(&id, ME, &plan, &payloads), root.path()).code, 0);
            assert_eq!(run(shell, &confirm(&id, "{}", if number == 4 { 1 } else { 2 }), root.path()).code, 0);
            let left = fs::read_dir(root.path().join("var/lib/harden/txn")).unwrap().count();
            assert_eq!(left, [1, 2, 2, 1][number - 1], "{shell:?}");
        }
    }
}
