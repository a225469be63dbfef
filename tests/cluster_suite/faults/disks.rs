//! Disks and targets that refuse.

use super::super::Harden;
use super::Seen;
use super::site::{PIDS, Site, Undo};
use crate::support::lab::Lab;

const NODE: &str = "w-1";
const FOLDER: &str = "/srv/site";

/// A file that goes into a folder of its own.
fn site(lab: &Lab, text: &str) -> Site {
    let site = Site::new(lab, "");
    site.file("notice", &format!("{FOLDER}/notice"), "0644", "", text);
    site
}

const ARGUMENTS: [&str; 4] = ["--limit", NODE, "--target", "file.notice"];

/// A file system for the targets alone; the lock, the back-up and what arms the node find room, and have to be taken back.
pub(super) fn full(lab: &Lab, harden: &mut Harden<'_>) -> Seen {
    let site = site(lab, &"far too much\n".repeat(20_000));
    lab.output(NODE, &format!("mkdir -p {FOLDER} && mount -t tmpfs -o size=64k,mode=0755 tmpfs {FOLDER}"));
    let _unmounted = Undo(|| drop(lab.ssh(NODE, &format!("umount {FOLDER} && rmdir {FOLDER}"))));
    let refused = site.apply(harden, &ARGUMENTS);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("--skip-preflight disk"), "{}", refused.stderr);
    let call = site.apply(harden, &[&ARGUMENTS[..], &["--skip-preflight", "disk"]].concat());
    assert!(call.stderr.contains("No space left on device"), "{}", call.stderr);
    Seen::on(NODE, call.code)
}

pub(super) fn read_only(lab: &Lab, harden: &mut Harden<'_>) -> Seen {
    let site = site(lab, "a notice\n");
    lab.output(
        NODE,
        &format!("mkdir -p {FOLDER} && mount --bind {FOLDER} {FOLDER} && mount -o remount,bind,ro {FOLDER}"),
    );
    let _unmounted = Undo(|| drop(lab.ssh(NODE, &format!("umount {FOLDER} && rmdir {FOLDER}"))));
    let call = site.apply(harden, &ARGUMENTS);
    assert!(call.stderr.contains("Read-only file system"), "{}", call.stderr);
    Seen::on(NODE, call.code)
}

/// A file that is a mount point, as containers have them: it can be read and written, and nothing takes its place.
pub(super) fn not_replaceable(lab: &Lab, harden: &mut Harden<'_>) -> Seen {
    let site = Site::new(lab, PIDS);
    let file = "/etc/site-notice";
    site.file("notice", file, "0644", "", "new\n");
    lab.output(NODE, &format!("umask 022; echo old >{file} && mount --bind {file} {file}"));
    let _unmounted = Undo(|| drop(lab.ssh(NODE, &format!("umount {file} && rm {file}"))));
    let call = site.apply(harden, &["--limit", NODE]);
    assert!(call.stderr.contains(&format!("replace {file}")), "{}", call.stderr);
    assert_eq!(lab.output(NODE, &format!("cat {file}")), "old\n");
    Seen::on(NODE, call.code)
}
