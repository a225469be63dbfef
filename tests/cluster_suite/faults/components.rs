//! What is restarted does not take its new configuration.

use super::super::Harden;
use super::Seen;
use super::site::Site;
use crate::support::lab::Lab;

/// Of three control planes one is in hand, and no other is begun.
const CONTROL_PLANE: &str = "cp-1";

pub(super) fn api_server_flag(lab: &Lab, harden: &mut Harden<'_>) -> Seen {
    let site = Site::new(lab, "");
    site.template(
        "site/events.tera",
        "+++\nkind = \"static-pod\"\ncomponent = \"kube-apiserver\"\nmode = \"0600\"\nroles = [\"control-plane\"]\n+++\nflags:\n  event-ttl: soon\n",
    );
    let call = site.apply(harden, &[]);
    assert!(call.stderr.contains("event-ttl") && call.stderr.contains("soon"), "{}", call.stderr);
    Seen::on(CONTROL_PLANE, call.code)
}

/// Valid YAML of the right kind, with a level that there is not.
pub(super) fn audit_policy(lab: &Lab, harden: &mut Harden<'_>) -> Seen {
    let site = Site::new(lab, "");
    let template = include_str!("../../../templates/kube-apiserver/audit-policy.tera");
    let (front, _) = template.split_once("\n+++\n").unwrap();
    site.template(
        "kube-apiserver/audit-policy.tera",
        &format!("{front}\n+++\napiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n  - level: Everything\n"),
    );
    let call = site.apply(harden, &["--limit", CONTROL_PLANE]);
    assert!(call.stderr.contains("audit") && call.stderr.contains("Everything"), "{}", call.stderr);
    Seen::on(CONTROL_PLANE, call.code)
}

/// etcd reads its certificate with each new connection, so nothing is restarted, and the API server's connections stay.
pub(super) fn etcd_names(lab: &Lab, harden: &mut Harden<'_>) -> Seen {
    let site = Site::new(lab, "");
    let template = include_str!("../../../templates/etcd/server.tera");
    let (rest, _) = template.split_once("\nsans:\n").unwrap();
    site.template("etcd/server.tera", &format!("{rest}\nsans:\n  - elsewhere.example\n"));
    let call = site.apply(harden, &["--limit", CONTROL_PLANE, "--target", "certificate.etcd-server"]);
    assert!(call.stderr.contains("etcd is healthy"), "{}", call.stderr);
    Seen::on(CONTROL_PLANE, call.code)
}

/// systemd takes its start for a success, and starts it again and again.
pub(super) fn kubelet_config(lab: &Lab, harden: &mut Harden<'_>) -> Seen {
    let site = Site::new(lab, "[kubelet.config]\ntopologyManagerPolicy = \"nonsense\"");
    let call = site.apply(harden, &["--limit", "w-1"]);
    assert!(call.stderr.contains("kubelet"), "{}", call.stderr);
    Seen::on("w-1", call.code)
}
