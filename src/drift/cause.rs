//! Who made a difference, where that can be told: kubeadm, a package, somebody whom the audit log names. What is recognised is
//! drift all the same; it tells whom to ask.

use super::report::{Cause, CauseKind, Item};
use crate::plan::{manifest, moment};
use crate::resource::{AuditEvent, CertificateState, FileState, NodePath, Observed, Traces};

/// A copy that kubeadm keeps is made just before it writes, and a whole upgrade of a node takes minutes.
const KUBEADM_TAKES: i64 = 15 * 60;
/// kubeadm's own lifetime of certificates, in seconds, and how exactly its end tells when one was made.
const KUBEADM_LIFETIME: i64 = 365 * 86_400;
const EXACTNESS: i64 = 10 * 60;
/// A process that nobody logged in for.
const NOBODY: &str = "4294967295";

/// A difference, and the paths that it is about.
pub struct Found {
    /// As it is reported.
    pub item: Item,
    /// The paths.
    pub paths: Vec<NodePath>,
    /// Whether only owner, group or mode differ.
    pub attributes_only: bool,
}

/// Says of each drifted thing since when it has been so, what made it, and which lines of the logs name it. What is only pending is
/// nobody's doing.
pub fn explain(found: &mut [Found], traces: &Traces, observed: &Observed) {
    let drifted = found.iter_mut().filter(|found| found.item.class.is_drift());
    for Found { item, paths, attributes_only } in drifted {
        let times = paths.iter().filter_map(|path| traces.times.get(path));
        let times = times.map(|times| if *attributes_only { times.changed } else { times.modified });
        item.since = times.max().or(item.since);
        item.cause = paths.iter().find_map(|path| cause(path, item, traces, observed));
        for path in paths.iter() {
            item.evidence.extend(traces.audit.get(path).map(audited));
            let package = traces.packages.get(path).filter(|package| package.is_as_packaged);
            let package = package.and_then(|package| traces.package_lines.get(&package.name));
            item.evidence.extend(package.cloned());
        }
        item.evidence.dedup();
    }
}

fn audited(event: &AuditEvent) -> String {
    let who = if event.login_user == NOBODY {
        String::from("without a login")
    } else {
        format!("by login user {}", event.login_user)
    };
    format!("audit.log: {} {who}, {}", event.program, moment(event.at))
}

fn cause(path: &NodePath, item: &Item, traces: &Traces, observed: &Observed) -> Option<Cause> {
    if let Some(at) = renewed_by_kubeadm(path, observed) {
        let text = format!("renewed as kubeadm does it, {}", moment(at));
        return Some(Cause { kind: CauseKind::KubeadmRenewal, text });
    }
    let since = item.since?;
    let is_kubeadms =
        path.as_str().starts_with(manifest::FOLDER) || path.as_str().starts_with("/var/lib/kubelet/");
    let upgrade = traces.kubeadm.iter().find(|(at, _)| (0..=KUBEADM_TAKES).contains(&(since - at)));
    if let (true, Some((at, copy))) = (is_kubeadms, upgrade) {
        let text = format!("kubeadm upgrade, {}: it kept {copy}", moment(*at));
        return Some(Cause { kind: CauseKind::KubeadmUpgrade, text });
    }
    // Its owner and mode may be anybody's doing.
    let package = traces.packages.get(path).filter(|package| package.is_as_packaged)?;
    let text = format!("the package {} brought its own file", package.name);
    Some(Cause { kind: CauseKind::Package, text })
}

/// When kubeadm renewed a certificate: what was made at the time from which kubeadm counts its year. harden's own are recorded.
fn renewed_by_kubeadm(path: &NodePath, observed: &Observed) -> Option<i64> {
    let (CertificateState::Present(facts) | CertificateState::WithoutKey(facts)) =
        observed.certificates.get(path)?
    else {
        return None;
    };
    let FileState::Present(file) = observed.files.get(path)? else { return None };
    let is_recorded = observed
        .applied
        .iter()
        .flat_map(|applied| applied.resources.values())
        .any(|resource| resource.files.get(path).is_some_and(|left| *left == file.sha256));
    let made = facts.not_after - KUBEADM_LIFETIME;
    (!is_recorded && (made - file.modified).abs() <= EXACTNESS).then_some(file.modified)
}
