//! The change itself is in the way of the next login.

use super::super::Harden;
use super::Seen;
use super::site::Site;
use crate::support::lab::Lab;

const NODE: &str = "w-1";

/// All of SSH, the connection from before the change as well.
pub(super) fn firewall(lab: &Lab, harden: &mut Harden<'_>) -> Seen {
    let site = Site::new(lab, "");
    site.file(
        "firewall",
        "/etc/site-firewall.rules",
        "0600",
        "iptables -D INPUT -p tcp --dport 22 -j DROP 2>/dev/null; \
         [ ! -e /etc/site-firewall.rules ] || iptables -I INPUT -p tcp --dport 22 -j DROP",
        "drop ssh\n",
    );
    let call = site.apply(harden, &["--limit", NODE, "--target", "file.firewall", "--rollback-after", "60s"]);
    assert!(call.stderr.contains("its old state back by itself"), "{}", call.stderr);
    Seen::on(NODE, call.code)
}

/// The real template with another text: its own check and its own reload.
fn sshd(lab: &Lab, text: &str) -> Site {
    let site = Site::new(lab, "[host]\nsshd = true");
    let (front, _) = include_str!("../../../templates/host/sshd.tera").split_once("\n+++\n").unwrap();
    site.template("host/sshd.tera", &format!("{front}\n+++\n{text}\n"));
    site
}

pub(super) fn sshd_is_refused(lab: &Lab, harden: &mut Harden<'_>) -> Seen {
    let call = sshd(lab, "PermitRotLogin no").apply(harden, &["--limit", NODE, "--target", "file.sshd"]);
    assert!(call.stderr.contains("would not be accepted"), "{}", call.stderr);
    assert!(call.stderr.contains("PermitRotLogin"), "{}", call.stderr);
    Seen::on(NODE, call.code)
}

/// The connection from before the change stays, and brings the order to roll back.
pub(super) fn sshd_lets_nobody_in(lab: &Lab, harden: &mut Harden<'_>) -> Seen {
    let call = sshd(lab, "AllowUsers nobody").apply(harden, &["--limit", NODE, "--target", "file.sshd"]);
    assert!(call.stderr.contains("log in anew"), "{}", call.stderr);
    Seen::on(NODE, call.code)
}

/// sudo is asked anew for each script, on the connection from before as well: the node is on its own.
pub(super) fn sudo_refuses(lab: &Lab, harden: &mut Harden<'_>) -> Seen {
    let site = Site::of_user(lab, "ops");
    site.file("sudo", "/etc/sudoers.d/zz-site", "0440", "", "ops ALL=(ALL) !ALL\n");
    let call = site.apply(harden, &["--limit", NODE, "--target", "file.sudo", "--rollback-after", "30s"]);
    Seen::on(NODE, call.code)
}
