//! etcd: every member healthy, no alarm, and one to spare before one is touched.

use super::{Facts, Findings, Preflight, Scope};
use crate::cluster::{EtcdMember, EtcdStatus};
use crate::health::EtcdCluster;
use crate::health::gate::etcd_serves;
use crate::inventory::NodeName;
use std::collections::BTreeMap;

const SEE_LOG: &str = "see its log there (`crictl logs`, or `journalctl -u etcd` where systemd runs it), and wait until it has caught up";

/// What etcd's members say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EtcdFacts {
    /// What the member of each node says of itself, or why it says nothing. Empty where etcd runs elsewhere.
    pub members: BTreeMap<NodeName, Result<EtcdStatus, String>>,
    /// What the quorum says, or why it says nothing.
    pub cluster: Option<Result<EtcdCluster, String>>,
}

pub(super) fn judge(scope: &Scope, facts: &Facts, findings: &mut Findings) {
    let etcd = &facts.etcd;
    let mut sick = Vec::new();
    for (node, answer) in &etcd.members {
        let reason = match answer {
            Ok(status) => match etcd_serves(status) {
                Ok(()) => continue,
                Err(pending) => {
                    sick.push(status.header.member_id);
                    pending.0
                }
            },
            Err(reason) => reason.clone(),
        };
        findings.refuse(
            Preflight::Etcd,
            Some(node),
            format!("its etcd member is not healthy: {reason}"),
            SEE_LOG,
        );
    }
    match &etcd.cluster {
        None => {}
        Some(Err(reason)) => findings.refuse(
            Preflight::Etcd,
            None,
            format!("etcd's quorum does not answer: {reason}"),
            "bring its members back first; see `crictl ps -a` or `systemctl status etcd` where they run",
        ),
        Some(Ok(cluster)) => whole(scope, facts, cluster, &sick, findings),
    }
}

fn whole(scope: &Scope, facts: &Facts, cluster: &EtcdCluster, sick: &[u64], findings: &mut Findings) {
    for member in &cluster.members {
        if member.name.is_empty() {
            let place = member.peer_urls.join(", ");
            let fact = format!("the etcd member at {place} was added and never started");
            findings.refuse(
                Preflight::Etcd,
                None,
                fact,
                "start it, or take it out with `etcdctl member remove`",
            );
        } else if member.is_learner {
            let fact = format!("the etcd member {} is still a learner", member.name);
            findings.refuse(Preflight::Etcd, None, fact, "wait until it was promoted to a voting member");
        }
    }
    for alarm in &cluster.alarms {
        let name = cluster.members.iter().find(|member| member.id == alarm.member_id);
        let name = name.map_or("an unknown etcd member", |member| member.name.as_str());
        let remedy = match alarm.alarm.as_str() {
            "NOSPACE" => "compact and defragment etcd, then `etcdctl alarm disarm`",
            _ => "replace the member's data by a healthy member's",
        };
        findings.refuse(
            Preflight::Etcd,
            None,
            format!("{name} raises the alarm {} in etcd", alarm.alarm),
            remedy,
        );
    }
    spare(scope, facts, cluster, sick, findings);
}

/// A member that is touched is away for a while: the others must be a quorum without it. With a single member there is none.
fn spare(scope: &Scope, facts: &Facts, cluster: &EtcdCluster, sick: &[u64], findings: &mut Findings) {
    let is_voter = |member: &&EtcdMember| !member.is_learner;
    let voters = cluster.members.iter().filter(is_voter).count();
    let answered: Vec<u64> =
        facts.etcd.members.values().flatten().map(|status| status.header.member_id).collect();
    let silent = facts.etcd.members.values().filter(|answer| answer.is_err()).count();
    // A silent member's number is not known: those that nobody could ask are so many more.
    let unasked: Vec<&EtcdMember> = cluster
        .members
        .iter()
        .filter(|member| !member.name.is_empty() && !answered.contains(&member.id))
        .collect();
    let is_known = |member: &&&EtcdMember| {
        facts.etcd.members.iter().any(|(node, answer)| answer.is_err() && node.as_str() == member.name)
    };
    for member in unasked.iter().filter(|member| !is_known(member)) {
        let name = &member.name;
        findings.note(
            None,
            format!(
                "the etcd member {name} was not asked: no node of the inventory that can be reached runs it"
            ),
        );
    }
    let unstarted = cluster.members.iter().filter(|member| member.name.is_empty()).count();
    let healthy = voters.saturating_sub(unstarted + sick.len() + silent);
    let quorum = voters / 2 + 1;
    if scope.touches_etcd && voters > 1 && healthy < quorum + 1 {
        findings.refuse(
            Preflight::Etcd,
            None,
            format!("etcd has {healthy} healthy of {voters} members and needs {quorum}: none can be spared"),
            "let every member become healthy, and have three or more",
        );
    }
}
