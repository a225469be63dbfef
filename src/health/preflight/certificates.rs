//! Certificates that a run needs from its beginning to its end.

use super::{Facts, Findings, NodeCertificate, Preflight, Scope};

/// How long a run may take, in seconds.
const RUN: i64 = 3600;

const KUBELET: &str = "/var/lib/kubelet/pki/";
/// Where an etcd that systemd runs has them.
const ETCD: &str = "/etc/etcd/";

pub(super) fn judge(scope: &Scope, facts: &Facts, findings: &mut Findings) {
    for (node, answer) in &facts.nodes {
        let Ok(answer) = answer else { continue };
        let renews = scope.touched.get(node).map(|touched| &touched.renews);
        for (path, certificate) in &answer.certificates {
            if renews.is_some_and(|renews| renews.contains(path)) {
                continue;
            }
            let until = match certificate {
                NodeCertificate::Until(until) => *until,
                NodeCertificate::Unreadable(reason) => {
                    findings.note(Some(node), format!("how long {path} is valid is not known: {reason}"));
                    continue;
                }
            };
            let left = until - facts.now;
            if left >= RUN {
                continue;
            }
            let fact = match left {
                ..=0 => format!("the certificate in {path} has expired"),
                left => format!("the certificate in {path} expires in {} min, within the run", left / 60),
            };
            findings.refuse(Preflight::Certificates, Some(node), fact, remedy(path));
        }
    }
}

fn remedy(path: &str) -> &'static str {
    if path.starts_with(KUBELET) {
        "see `journalctl -u kubelet` there: the kubelet renews it by itself, from a running kube-controller-manager"
    } else if path.starts_with(ETCD) {
        "renew it first, with `harden apply --target certificate.etcd-server --target certificate.etcd-peer`"
    } else {
        "renew it with `kubeadm certs renew all` there, and restart the static pods"
    }
}
