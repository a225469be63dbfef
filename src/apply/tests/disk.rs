//! Disks that refuse: immutable, read-only, full. They need root and what only real file systems do; where that is not to
//! be had, a test says so loudly.

use super::{ME, SHELLS, listing, plan, run, tree};
use crate::apply::script::{End, change, code, confirm, end, roll_back};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Does something to a path that `undo` takes back, also when the test fails.
struct Done<'a> {
    undo: &'a [&'a str],
    path: PathBuf,
}

impl<'a> Done<'a> {
    fn new(arguments: &[&str], path: &Path, undo: &'a [&'a str]) -> Option<Self> {
        let status = Command::new(arguments[0]).args(&arguments[1..]).arg(path).output();
        if status.is_ok_and(|output| output.status.success()) {
            return Some(Self { undo, path: path.to_owned() });
        }
        eprintln!("SKIPPED: {} does not work here", arguments.join(" "));
        None
    }
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        let _ = Command::new(self.undo[0]).args(&self.undo[1..]).arg(&self.path).status();
    }
}

#[test]
fn an_immutable_file_is_rolled_back() {
    for file in ["etc/kubernetes/manifests/kube-apiserver.yaml", "etc/kubernetes/admin.conf"] {
        for shell in SHELLS {
            let root = tree();
            let before = listing(root.path());
            let (plan, payloads) = plan(root.path());
            let path = root.path().join(file);
            let Some(immutable) = Done::new(&["chattr", "+i"], &path, &["chattr", "-i"]) else { return };
            let reply = run(shell, &change("t1", ME, &plan, &payloads), root.path());
            drop(immutable);
            // A file that refuses its new mode also refuses its old one, which it has: that is no failure.
            assert_eq!(reply.code, code::ROLLED_BACK, "{shell:?} {file}: {}", reply.stderr);
            assert!(reply.stderr.contains(&file[3..]), "{}", reply.stderr);
            assert_eq!(listing(root.path()), before, "{shell:?} {file}");
        }
    }
}

#[test]
fn a_read_only_file_system_is_left_alone() {
    for folder in ["etc", "var"] {
        for shell in SHELLS {
            let root = tree();
            let before = listing(root.path());
            let (plan, payloads) = plan(root.path());
            let path = root.path().join(folder);
            fs::create_dir_all(&path).unwrap();
            let path = path.to_str().unwrap();
            let bind = ["mount", "--bind", path];
            let Some(_mounted) = Done::new(&bind, Path::new(path), &["umount", "-l"]) else { return };
            let remount = ["mount", "-o", "remount,ro,bind"];
            let Some(read_only) = Done::new(&remount, Path::new(path), &["mount", "-o", "remount,rw,bind"])
            else {
                return;
            };
            let reply = run(shell, &change("t1", ME, &plan, &payloads), root.path());
            assert_eq!(reply.code, code::UNTOUCHED, "{shell:?} {folder}: {}", reply.stderr);
            assert!(reply.stderr.contains("Read-only file system"), "{}", reply.stderr);
            let reply = run(shell, &roll_back("t1"), root.path());
            assert_eq!((reply.code, end(&reply)), (0, Some(End::Untouched)), "{}", reply.stderr);
            drop(read_only);
            assert_eq!(listing(root.path()), before, "{shell:?} {folder}");
        }
    }
}

/// From a disk on which nothing goes to one that has just enough: each time the old state or the new one, in full.
#[test]
fn a_full_disk_leaves_the_old_state_or_the_new_one() {
    for shell in SHELLS {
        let mut seen = std::collections::BTreeSet::new();
        for blocks in (0..36).step_by(3) {
            let root = tempfile::tempdir().unwrap();
            let options = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=0755", "tmpfs"];
            let Some(_disk) = Done::new(&options, root.path(), &["umount", "-l"]) else { return };
            super::fill(root.path());
            let before = listing(root.path());
            let (plan, payloads) = plan(root.path());
            // Everything but so many blocks.
            let _ = fs::write(root.path().join("ballast"), vec![b'x'; 256 * 1024]);
            let ballast = fs::OpenOptions::new().write(true).open(root.path().join("ballast")).unwrap();
            let length = ballast.metadata().unwrap().len();
            ballast.set_len(length.saturating_sub(blocks * 4096)).unwrap();
            let changed = run(shell, &change("t1", ME, &plan, &payloads), root.path()).code;
            let confirmed = run(shell, &confirm("t1", &"x".repeat(20_000), 10), root.path()).code;
            let reply = run(shell, &roll_back("t1"), root.path());
            let ended = end(&reply).unwrap_or_else(|| panic!("{shell:?} {blocks}: {}", reply.stderr));
            assert_eq!(confirmed == 0, ended == End::Committed, "{shell:?} {blocks}");
            assert_eq!(changed == 0, ended != End::Untouched, "{shell:?} {blocks}");
            assert_eq!(listing(root.path()) == before, ended != End::Committed, "{shell:?} {blocks}");
            assert!(fs::symlink_metadata(root.path().join("var/lib/harden/lock")).is_err());
            seen.insert(format!("{ended:?}"));
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["Committed", "Reverted", "Untouched"], "{shell:?}");
    }
}
