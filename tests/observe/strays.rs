//! Whether everything below a directory belongs to one user, and files that come and go meanwhile.

use super::node::{SHELLS, Tree, desired, observe, ownership, path, resource, user};
use harden::resource::{DataSpec, Desired, Kind, RunAsSpec, Spec, StaticPodSpec};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{chown, lchown};
use std::sync::atomic::{AtomicBool, Ordering};

fn wanted(enabled: bool) -> Desired {
    let run_as = RunAsSpec {
        enabled,
        user: String::from("etcd"),
        directory: path("/etc/harden-etcd"),
        volume: String::from("harden-etcd"),
        flags: BTreeMap::new(),
        data: DataSpec { path: path("/var/lib/etcd"), flag: String::new(), held: path("/var/lib/etcd/db") },
        reads: vec![path("/etc/ca.crt")],
    };
    let pod = StaticPodSpec {
        component: String::from("etcd"),
        path: path("/etc/kubernetes/manifests/etcd.yaml"),
        ownership: ownership(),
        flags: Vec::new(),
        mounts: Vec::new(),
        annotations: BTreeMap::new(),
        run_as: Some(run_as),
    };
    desired(vec![user("root"), resource("etcd", Kind::StaticPod, Spec::StaticPod(pod))])
}

/// A tree with data that is all of its user's; `None` without root.
fn tree() -> Option<Tree> {
    let tree = Tree::new();
    tree.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\netcd:x:812:812::/:/bin/sh\n", 0o644);
    tree.write("/etc/group", "root:x:0:\netcd:x:812:\n", 0o644);
    tree.write("/var/lib/etcd/member/wal/0.wal", "", 0o600);
    tree.write("/var/lib/etcd/lost+found/of root", "", 0o600);
    tree.link("/var/lib/etcd/member/link", "/etc/passwd");
    for below in ["", "member", "member/wal", "member/wal/0.wal"] {
        if chown(tree.root().join("var/lib/etcd").join(below), Some(812), Some(812)).is_err() {
            eprintln!("SKIPPED: owners cannot be changed without root");
            return None;
        }
    }
    lchown(tree.root().join("var/lib/etcd/member/link"), Some(812), Some(812)).unwrap();
    Some(tree)
}

#[test]
fn what_is_not_the_users_is_found() {
    let Some(tree) = tree() else { return };
    let strays = |enabled: bool| {
        let found: Vec<_> =
            SHELLS.iter().map(|shell| observe(&mut tree.session(*shell), &wanted(enabled)).strays).collect();
        assert!(found.windows(2).all(|pair| pair[0] == pair[1]), "{found:?}");
        found[0].values().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert!(strays(true).is_empty());
    for (below, user, group) in [("member/wal/0.wal", 0, 812), ("member/wal", 812, 0), ("", 0, 0)] {
        let place = tree.root().join("var/lib/etcd").join(below);
        chown(&place, Some(user), Some(group)).unwrap();
        let whole = format!("/var/lib/etcd/{below}");
        assert_eq!(strays(true), [whole.trim_end_matches('/')], "{below}");
        // Nobody asks.
        assert!(strays(false).is_empty());
        chown(&place, Some(812), Some(812)).unwrap();
    }
    // A name that is none of harden's stands for the whole directory.
    fs::write(tree.root().join("var/lib/etcd/of\nroot"), "").unwrap();
    assert_eq!(strays(true).len(), 1);
    fs::remove_file(tree.root().join("var/lib/etcd/of\nroot")).unwrap();
    // Of a user whom there is not nothing is said.
    tree.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\n", 0o644);
    assert!(strays(true).is_empty());
}

#[test]
fn files_that_come_and_go_are_no_error() {
    let Some(tree) = tree() else { return };
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let place = tree.root().join("var/lib/etcd/member/wal");
            while !stop.load(Ordering::Relaxed) {
                let made = tree.root().join("made");
                for number in 0..20 {
                    fs::write(&made, "").unwrap();
                    chown(&made, Some(812), Some(812)).unwrap();
                    fs::rename(&made, place.join(format!("{number}.tmp"))).unwrap();
                }
                for number in 0..20 {
                    fs::remove_file(place.join(format!("{number}.tmp"))).unwrap();
                }
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        });
        let found: Vec<_> = SHELLS
            .iter()
            .cycle()
            .take(12)
            // The session itself sees to it that nothing is said on standard error; a panic must still end the other thread.
            .map(|shell| {
                std::panic::catch_unwind(|| observe(&mut tree.session(*shell), &wanted(true)).strays)
            })
            .collect();
        stop.store(true, Ordering::Relaxed);
        for strays in found {
            assert!(strays.unwrap().is_empty());
        }
    });
}
