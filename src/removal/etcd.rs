//! The judgement of etcd: whether its members can do without the node's, and the step that takes that out. Pure.

use super::facts::{EtcdFacts, Facts, Host};
use super::plan::{Removal, Step, refuse};
use crate::cluster::EtcdMember;

const ONLY: &str = "its etcd member is the only one";

/// The step that takes its member out, where there is one; and what speaks against it.
pub(super) fn judge(facts: &Facts, removal: &mut Removal) -> Option<Step> {
    if facts.has_foreign_etcd {
        refuse(
            removal,
            "it runs an etcd member that neither kubeadm nor harden made; harden does not take those away",
            "take the member out with `etcdctl member remove`, stop it, and take the role etcd from the node in the inventory",
        );
        return None;
    }
    if !facts.runs.control_plane && !facts.runs.etcd_unit {
        return None;
    }
    let etcd = match facts.etcd.as_ref() {
        Some(Ok(etcd)) => etcd,
        Some(Err(reason)) => {
            let reason = format!("etcd's quorum does not answer: {reason}");
            refuse(
                removal,
                reason,
                "bring its members back first; see `crictl ps -a` or `systemctl status etcd` there",
            );
            return None;
        }
        None if facts.runs.etcd_unit => {
            refuse(removal, ONLY, "add another member first");
            return None;
        }
        None => return None,
    };
    let member = facts.member(etcd);
    let rest: Vec<&EtcdMember> =
        etcd.members.iter().filter(|other| member.is_none_or(|member| member.id != other.id)).collect();
    if rest.is_empty() {
        refuse(removal, ONLY, "add another member first");
        return None;
    }
    let healthy = unhealthy(facts, etcd, &rest, removal);
    let member = member?;
    let (voters, quorum) = voters(&etcd.members);
    let is_lost = matches!(facts.host, Host::Lost(_));
    // The old members vote on the change. That one is lost may be known to harden alone, and so it is not counted on.
    if is_lost && healthy < quorum {
        refuse(
            removal,
            format!(
                "etcd has {healthy} healthy of {voters} voting members without it and needs {quorum} to change anything"
            ),
            "restore etcd first: start the last healthy member with `--force-new-cluster`, or from a snapshot",
        );
    }
    match rest.iter().filter(|other| !other.is_learner).count() {
        1 => removal.warnings.push(String::from(
            "one etcd member is left: when it fails, the cluster stands still, and its data is there alone",
        )),
        2 => removal.warnings.push(String::from(
            "two etcd members are left, and both are needed: when either fails, the cluster stands still until it is back",
        )),
        _ => {}
    }
    Some(Step::RemoveMember { id: member.id, name: shown(member), of: etcd.members.len() })
}

/// How many members vote, and how many of them are needed.
fn voters(members: &[EtcdMember]) -> (usize, usize) {
    let voters = members.iter().filter(|member| !member.is_learner).count();
    (voters, voters / 2 + 1)
}

fn shown(member: &EtcdMember) -> String {
    if member.name.is_empty() { member.peer_urls.join(", ") } else { member.name.clone() }
}

/// Refuses for every member that stays and is not healthy. Returns how many of them vote and are.
fn unhealthy(facts: &Facts, etcd: &EtcdFacts, rest: &[&EtcdMember], removal: &mut Removal) -> usize {
    let mut healthy = 0;
    for member in rest {
        let status = facts.members.iter().find_map(|(name, status)| match status {
            Ok(status) if status.header.member_id == member.id => Some(Ok(status)),
            Err(reason) if member.name == name.as_str() => Some(Err(reason.clone())),
            _ => None,
        });
        let alarm = etcd.alarms.iter().find(|alarm| alarm.member_id == member.id);
        let reason = match status {
            _ if member.name.is_empty() => Some(String::from("it was added and never started")),
            _ if member.is_learner => Some(String::from("it is still a learner")),
            None => Some(String::from("no node that can be reached runs it")),
            Some(Err(reason)) => Some(reason),
            Some(Ok(status)) if status.leader == 0 => Some(String::from("it has no leader")),
            Some(Ok(status)) if !status.errors.is_empty() => Some(status.errors.join(", ")),
            Some(Ok(_)) => alarm.map(|alarm| format!("it raises the alarm {}", alarm.alarm)),
        };
        match reason {
            None => healthy += 1,
            Some(reason) => refuse(
                removal,
                format!("the etcd member {} is not healthy: {reason}", shown(member)),
                "let every member that stays become healthy first",
            ),
        }
    }
    healthy
}
