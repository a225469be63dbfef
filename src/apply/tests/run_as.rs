//! A static pod that gets a user of its own: stopped, its data given away, started; and the way back, wherever it ends.

use super::host::{etcd, is_root};
use super::{ME, SHELLS, path, prior, run, run_with, spawn, tree};
use crate::apply::material::Payload;
use crate::apply::script::{End, change, code, end, roll_back};
use crate::plan::{NodePlan, Operation};
use crate::resource::{Kind, ResourceId};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

const MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";
const KEY: &str = "/etc/kubernetes/super-admin.conf";
const DATABASE: &str = "/var/lib/etcd/member/snap/db";
const SWAP: &str = "\nswap '/etc/kubernetes/manifests/kube-apiserver.yaml'";

/// The shells but busybox, which brings a find of its own that is refused.
const FINDERS: &[&[&str]] = SHELLS.split_last().unwrap().1;

#[test]
fn a_find_that_could_be_led_astray_is_refused_before_anything_is_changed() {
    if !is_root() {
        return;
    }
    let root = tree();
    let (plan, payloads) = with_data(root.path());
    let busybox = SHELLS.split_last().unwrap().0;
    let reply = run(busybox, &change("t1", ME, &plan, &payloads), root.path());
    assert_eq!(reply.code, code::UNTOUCHED, "{}", reply.stderr);
    assert!(reply.stderr.contains("install findutils"), "{}", reply.stderr);
    assert_eq!(read(root.path(), MANIFEST).as_deref(), Some("old\n"));
    // A rollback needs nothing of it.
    let reply = run(&["sh"], &change("t2", ME, &plan, &payloads), root.path());
    assert_eq!(reply.code, 0, "{}", reply.stderr);
    assert_eq!(end(&run(busybox, &roll_back("t2"), root.path())), Some(End::Reverted));
    assert_eq!(read(root.path(), MANIFEST).as_deref(), Some("old\n"));
}

/// A tree with data that is root's, a link out of it, and what a file system keeps for itself.
fn with_data(root: &Path) -> (NodePlan, Vec<Payload>) {
    fs::write(root.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n").unwrap();
    fs::write(root.join("etc/group"), "root:x:0:\n").unwrap();
    for file in [DATABASE, "/var/lib/etcd/lost+found/x", "/elsewhere/x"] {
        let file = root.join(&file[1..]);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "data").unwrap();
    }
    symlink(root.join("elsewhere"), root.join("var/lib/etcd/member/link")).unwrap();
    let (mut plan, mut payloads) = super::plan(root);
    payloads.truncate(1);
    let (mut change, pod) = (plan.changes[0].clone(), ResourceId::new(Kind::StaticPod, "etcd"));
    payloads[0].resource = pod.clone();
    let write = change.operations.swap_remove(1);
    let etcd = || String::from("etcd");
    change.resource = pod;
    change.operations = vec![
        write,
        Operation::AddUser { name: etcd(), user: true, group: true, number: Some(812) },
        Operation::StopPod { manifest: path(MANIFEST), held: path(DATABASE) },
        Operation::SetOwners { path: path("/var/lib/etcd"), owner: etcd(), group: etcd() },
        Operation::Remove { path: path(KEY), prior: prior(root, KEY) },
    ];
    plan.changes = vec![change];
    (plan, payloads)
}

fn read(root: &Path, at: &str) -> Option<String> {
    fs::read_to_string(root.join(&at[1..])).ok()
}

fn owner(root: &Path, at: &str) -> u32 {
    fs::symlink_metadata(root.join(&at[1..])).unwrap().uid()
}

#[test]
fn the_data_changes_hands_while_the_pod_is_gone() {
    if !is_root() {
        return;
    }
    for shell in FINDERS {
        let root = tree();
        let (plan, payloads) = with_data(root.path());
        // Whoever holds the file ends by itself, later than it is asked to: until then nothing changes hands.
        let held = root.path().join(&DATABASE[1..]);
        let script = format!("exec 3<{}; sleep 1.5", crate::remote::quote(held.to_str().unwrap()));
        let holder = spawn(&["sh"], &script);
        std::thread::sleep(std::time::Duration::from_millis(200));
        let mark = crate::remote::quote(root.path().join("seen").to_str().unwrap());
        let look = |text: &str| {
            let manifest = "\"$R/etc/kubernetes/manifests/kube-apiserver.yaml\"";
            text.replace("\n  sleep 1\n", "\n    sleep 0.2\n").replace(
                "\nset_owners ",
                &format!("\n{{ is_held \"$R{DATABASE}\" && echo held; [ -e {manifest} ] && echo there; echo gone; }} >{mark}\nset_owners "),
            )
        };
        let reply = run_with(shell, &change("t1", ME, &plan, &payloads), root.path(), &look);
        assert_eq!(reply.code, 0, "{shell:?}: {}", reply.stderr);
        assert_eq!(read(root.path(), "/seen").as_deref(), Some("gone\n"), "{shell:?}");
        holder.wait_with_output().unwrap();
        assert_eq!(etcd(root.path()), (812, 812), "the number that the plan wrote down");
        for (at, user) in [
            ("/var/lib/etcd", 812),
            (DATABASE, 812),
            ("/var/lib/etcd/member/link", 812),
            ("/elsewhere", 0),
            ("/elsewhere/x", 0),
            ("/var/lib/etcd/lost+found", 0),
            ("/var/lib/etcd/lost+found/x", 0),
        ] {
            assert_eq!(owner(root.path(), at), user, "{shell:?} {at}");
        }
        assert_eq!((read(root.path(), MANIFEST).as_deref(), read(root.path(), KEY)), (Some("new\n"), None));
        let reply = run(shell, &roll_back("t1"), root.path());
        assert_eq!(end(&reply), Some(End::Reverted), "{shell:?}: {}", reply.stderr);
        assert_eq!(read(root.path(), MANIFEST).as_deref(), Some("old\n"));
        assert_eq!(read(root.path(), KEY).as_deref(), Some("old\n"));
        assert_eq!(owner(root.path(), DATABASE), 812, "root may use every file");
    }
}

#[test]
fn a_pod_that_does_not_end_is_put_back() {
    if !is_root() {
        return;
    }
    for shell in FINDERS {
        let root = tree();
        let (plan, payloads) = with_data(root.path());
        let _held = fs::File::open(root.path().join(&DATABASE[1..])).unwrap();
        let hasty = |text: &str| {
            assert!(text.contains("-le 90 ]"));
            text.replace("-le 90 ]", "-le 1 ]")
        };
        let reply = run_with(shell, &change("t1", ME, &plan, &payloads), root.path(), &hasty);
        assert_eq!(reply.code, code::ROLLED_BACK, "{shell:?}: {}", reply.stderr);
        assert!(
            reply.stderr.contains(&format!("wait until nothing has {DATABASE} open")),
            "{}",
            reply.stderr
        );
        assert_eq!(read(root.path(), MANIFEST).as_deref(), Some("old\n"), "{shell:?}");
        assert_eq!((owner(root.path(), DATABASE), read(root.path(), KEY).as_deref()), (0, Some("old\n")));
    }
}

#[test]
fn wherever_it_is_killed_the_old_pod_comes_back() {
    if !is_root() {
        return;
    }
    for shell in FINDERS {
        for step in ["\nstop_pod ", "\nset_owners ", "\nremove ", SWAP] {
            let root = tree();
            let (plan, payloads) = with_data(root.path());
            let text = change("t1", ME, &plan, &payloads).render("NONCE", root.path().to_str().unwrap());
            let at = text.rfind(step).unwrap_or_else(|| panic!("no {step}"));
            let killed = format!("{}\nkill -KILL $$\n{}", &text[..at], &text[at..]);
            assert!(!spawn(shell, &killed).wait_with_output().unwrap().status.success());
            let gone = read(root.path(), MANIFEST).is_none();
            assert_eq!(gone, step != "\nstop_pod ", "{shell:?} {step}");
            let reply = run(shell, &roll_back("t1"), root.path());
            assert_eq!(
                (reply.code, end(&reply)),
                (0, Some(End::Reverted)),
                "{shell:?} {step}: {}",
                reply.stderr
            );
            assert_eq!(read(root.path(), MANIFEST).as_deref(), Some("old\n"), "{shell:?} {step}");
            assert_eq!(read(root.path(), KEY).as_deref(), Some("old\n"), "{shell:?} {step}");
            let (plan, payloads) = again(root.path(), plan, payloads);
            assert_eq!(run(shell, &change("t2", ME, &plan, &payloads), root.path()).code, 0);
            assert_eq!(owner(root.path(), DATABASE), 812);
        }
    }
}

/// The user is there by then.
fn again(root: &Path, mut plan: NodePlan, payloads: Vec<Payload>) -> (NodePlan, Vec<Payload>) {
    if fs::read_to_string(root.join("etc/passwd")).unwrap().contains("etcd:") {
        plan.changes[0].operations.retain(|operation| !matches!(operation, Operation::AddUser { .. }));
    }
    (plan, payloads)
}

#[test]
fn another_number_or_another_place_is_refused_before_anything_is_changed() {
    if !is_root() {
        return;
    }
    for shell in FINDERS {
        let root = tree();
        let (plan, payloads) = with_data(root.path());
        fs::write(root.path().join("etc/passwd"), "etcd:x:813:813::/:/bin/sh\n").unwrap();
        let reply = run(shell, &change("t1", ME, &plan, &payloads), root.path());
        assert_eq!(reply.code, code::STALE, "{shell:?}: {}", reply.stderr);
        assert_eq!(reply.section("check").text(), "passwd etcd: it exists, with another number than 812\n");
        // Taken by somebody else.
        fs::write(root.path().join("etc/passwd"), "other:x:812:812::/:/bin/sh\n").unwrap();
        let reply = run(shell, &change("t2", ME, &plan, &payloads), root.path());
        assert_eq!(reply.code, code::UNTOUCHED, "{shell:?}: {}", reply.stderr);
        // A link in the place of the data.
        fs::write(root.path().join("etc/passwd"), "etcd:x:812:812::/:/bin/sh\n").unwrap();
        fs::write(root.path().join("etc/group"), "etcd:x:812:\n").unwrap();
        fs::rename(root.path().join("var/lib/etcd"), root.path().join("moved")).unwrap();
        symlink(root.path().join("moved"), root.path().join("var/lib/etcd")).unwrap();
        let reply = run(shell, &change("t3", ME, &plan, &payloads), root.path());
        assert_eq!(reply.code, code::UNTOUCHED, "{shell:?}: {}", reply.stderr);
        assert!(reply.stderr.contains("/var/lib/etcd is a symbolic link"), "{}", reply.stderr);
        assert_eq!(
            (owner(root.path(), "/moved"), read(root.path(), MANIFEST).as_deref()),
            (0, Some("old\n"))
        );
    }
}
