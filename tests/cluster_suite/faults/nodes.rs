//! harden, or the node that it has in hand, goes away.

use super::super::{Harden, wait_for};
use super::Seen;
use super::site::{PIDS, Site, Undo};
use crate::support::lab::{self, Lab};
use std::time::Duration;

const NODE: &str = "w-1";

/// The change is on the node by then, and not confirmed.
const CHANGED: &str = "w-1  log in anew";

/// What tells that the change is there: without it the fault came too early to prove anything.
fn has_changed(lab: &Lab) {
    lab.output(NODE, "grep -q 'podPidsLimit: 4095' /var/lib/kubelet/config.yaml");
}

pub(super) fn harden_is_killed(lab: &Lab, harden: &mut Harden<'_>) -> Seen {
    let site = Site::new(lab, PIDS);
    site.begin(harden, &["--limit", NODE, "--rollback-after", "30s"], CHANGED).kill();
    has_changed(lab);
    Seen::on(NODE, None)
}

pub(super) fn powered_off(lab: &Lab, harden: &mut Harden<'_>) -> Seen {
    let site = Site::new(lab, PIDS);
    site.begin(harden, &["--limit", NODE], CHANGED).kill();
    has_changed(lab);
    lab::tool(&["halt", NODE]);
    lab::tool(&["up", NODE, lab.address(NODE)]);
    Seen::on(NODE, None)
}

/// harden is held meanwhile, since it might be quicker than the shutdown.
pub(super) fn shut_down(lab: &Lab, harden: &mut Harden<'_>) -> Seen {
    let site = Site::new(lab, PIDS);
    let begun = site.begin(harden, &["--limit", NODE], CHANGED);
    begun.signal("STOP");
    has_changed(lab);
    lab.ssh(NODE, "systemctl poweroff");
    wait_for("the shutdown", 180, || {
        let status = lab::tool(&["status"]);
        status.lines().any(|line| line.starts_with(NODE) && line.ends_with("down"))
    });
    lab::tool(&["up", NODE, lab.address(NODE)]);
    begun.signal("CONT");
    Seen::on(NODE, begun.end().0)
}

/// Shorter than the 40 s after which the cluster takes a node for lost.
pub(super) fn frozen(lab: &Lab, harden: &mut Harden<'_>) -> Seen {
    let site = Site::new(lab, PIDS);
    let begun = site.begin(harden, &["--limit", NODE, "--rollback-after", "30s"], CHANGED);
    begun.signal("STOP");
    has_changed(lab);
    {
        let _thawed = Undo(|| drop(lab::tool(&["thaw", NODE])));
        lab::tool(&["freeze", NODE]);
        begun.signal("CONT");
        std::thread::sleep(Duration::from_secs(32));
    }
    Seen::on(NODE, begun.end().0)
}
