//! Members of an external etcd. Those of a new one find each other; a further one joins those that run: as a learner, so that the quorum
//! never counts on a member without data, and with a vote once it has caught up. etcd itself tells how far an earlier run came.

use super::BootstrapError;
use crate::cluster::{ClusterError, Etcd, EtcdMember, EtcdStatus};
use crate::error::Chain;
use crate::event::{Event, Listener};
use crate::health::{self, EtcdCluster, HealthError, Pace, Reach, etcd_serves};
use crate::inventory::NodeName;
use crate::plan::{Gate, Join, JoinKind};
use crate::remote::Script;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// etcd adds nobody within five seconds of a change of who is connected.
const ADD: Duration = Duration::from_mins(1);
/// A database of some gigabytes has to be sent.
const CATCH_UP: Duration = Duration::from_mins(15);
const PAUSE: Duration = Duration::from_secs(1);
const MARK: Duration = Duration::from_secs(30);

/// Until it votes, a host counts as begun: its member may run, and another run has to finish it.
const BEGIN: &str =
    "(umask 077 && mkdir -p -- \"$R/var/lib/harden\" && : >\"$R/var/lib/harden/joining\") && sync";
const END: &str = "rm -f -- \"$R/var/lib/harden/joining\" && sync";

/// A host whose member joins an etcd that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMember {
    /// The host.
    pub node: NodeName,
    /// Where the others reach it.
    pub peer_url: String,
    /// Whether there is a member's data on it.
    pub has_data: bool,
}

/// How far a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// etcd does not know it.
    Unknown,
    /// It does, with a vote or without, started or not.
    Known,
}

/// What is done with members, and who is told of it.
pub struct Members<'a> {
    /// All that there are to be.
    pub all: BTreeSet<NodeName>,
    /// Where events go.
    pub listener: &'a Listener<'a>,
    /// Whether the user asked to stop.
    pub interrupted: &'a (dyn Fn() -> bool + Sync),
}

impl Members<'_> {
    /// Marks a host on which nothing but a member is to run: kubeadm, which marks all others, does not run there.
    pub fn begin(&self, join: &Join, reach: &Reach) -> Result<(), BootstrapError> {
        if join.kind == JoinKind::Etcd {
            mark(&join.node, "begin with the host", BEGIN, reach)
        } else {
            Ok(())
        }
    }

    /// Takes the mark away.
    pub fn end(&self, join: &Join, reach: &Reach) -> Result<(), BootstrapError> {
        if join.kind == JoinKind::Etcd {
            mark(&join.node, "note that the host has joined", END, reach)?;
            super::tell(self.listener, &join.node, &Ok(()));
        }
        Ok(())
    }

    /// Waits until all members of an external etcd have found each other.
    pub fn whole(&self, joins: &[&Join], mut reach: &Reach) -> Result<(), BootstrapError> {
        let Some(first) = joins.first() else { return Ok(()) };
        let gate = |join: &&Join| Gate::EtcdWhole { node: join.node.clone(), members: self.all.clone() };
        let gates: Vec<Gate> = joins.iter().map(gate).collect();
        let pace = Pace { steady: Duration::ZERO, ..Pace::default() };
        health::wait(&gates, &mut reach, &pace, self.listener, self.interrupted)
            .map_err(|source| BootstrapError::Gate { node: first.node.clone(), source: Box::new(source) })?;
        joins.iter().try_for_each(|join| self.end(join, reach))
    }

    /// Makes a host's member known to the etcd that runs, unless an earlier run has. Every other member must be healthy.
    pub fn announce(&self, new: &NewMember, reach: &Reach) -> Result<(), BootstrapError> {
        let attempt = "add its member to etcd, without a vote";
        super::step(self.listener, &new.node, attempt);
        self.poll(new, attempt, "etcd takes it", ADD, || {
            let cluster = ask_others(new, reach, |etcd| {
                etcd.quorum_read()?;
                Ok(EtcdCluster { members: etcd.members()?, alarms: etcd.alarms()? })
            });
            let cluster = cluster.map_err(|error| Chain(&error).to_string())?;
            match standing(new, &cluster, &statuses(new, reach))? {
                Standing::Known => Ok(()),
                Standing::Unknown => ask_others(new, reach, |etcd| etcd.add_learner(&new.peer_url))
                    .map_err(|error| Chain(&error).to_string()),
            }
        })
    }

    /// Gives a member that runs its vote as soon as it has caught up, and waits until it is healthy with it.
    pub fn promote(&self, new: &NewMember, mut reach: &Reach) -> Result<(), BootstrapError> {
        let attempt = "give its member a vote when it has caught up";
        super::step(self.listener, &new.node, attempt);
        self.poll(new, attempt, "its member has caught up and votes", CATCH_UP, || {
            let members = ask_others(new, reach, Etcd::members).map_err(|error| Chain(&error).to_string())?;
            match of(new, &members) {
                Some(member) if !member.is_learner => Ok(()),
                Some(member) => match ask_others(new, reach, |etcd| etcd.promote_member(member.id)) {
                    // The next look proves it.
                    Ok(_) => Err(String::from("it has just got its vote")),
                    Err(error) => Err(Chain(&error).to_string()),
                },
                None => Err(String::from("it is no member")),
            }
        })?;
        let gate = Gate::EtcdHealthy { node: new.node.clone() };
        let pace = Pace { stable: Duration::ZERO, steady: Duration::ZERO, ..Pace::default() };
        health::wait(&[gate], &mut reach, &pace, self.listener, self.interrupted)
            .map_err(|source| BootstrapError::Gate { node: new.node.clone(), source: Box::new(source) })
    }

    /// Tries until it succeeds, for so long; the last reason is the error.
    fn poll(
        &self,
        new: &NewMember,
        attempt: &'static str,
        gate: &str,
        limit: Duration,
        mut turn: impl FnMut() -> Result<(), String>,
    ) -> Result<(), BootstrapError> {
        let (node, began) = (&new.node, Instant::now());
        loop {
            let last = match turn() {
                Ok(()) => return Ok(()),
                Err(reason) => reason,
            };
            if (self.interrupted)() {
                return Err(BootstrapError::Interrupted { node: node.clone() });
            }
            if began.elapsed() > limit {
                return Err(BootstrapError::Member { node: node.clone(), attempt, reason: last });
            }
            (self.listener)(Event::Waiting {
                node: Some(node.clone()),
                gate: gate.to_owned(),
                elapsed: began.elapsed(),
                last,
            });
            std::thread::sleep(PAUSE);
        }
    }
}

fn mark(
    node: &NodeName,
    attempt: &'static str,
    body: &'static str,
    reach: &Reach,
) -> Result<(), BootstrapError> {
    let failed = |source| BootstrapError::Remote { node: node.clone(), attempt, source: Box::new(source) };
    let reply = reach.run(node, &Script::new(attempt).section("mark", body), MARK).map_err(failed)?;
    if reply.code == 0 && reply.section("mark").code == 0 {
        return Ok(());
    }
    Err(BootstrapError::Member { node: node.clone(), attempt, reason: reply.last_words() })
}

/// Asks the members that run one after the other, until one answers. The new one is none of them: it knows less than they do, and a
/// learner refuses questions.
fn ask_others<T>(
    new: &NewMember,
    reach: &Reach,
    question: impl Fn(&Etcd) -> Result<T, ClusterError>,
) -> Result<T, HealthError> {
    let mut failure = HealthError::NoEtcd { node: new.node.clone() };
    for node in reach.members().filter(|node| **node != new.node) {
        match reach.etcd(node, &question) {
            Err(HealthError::NoEtcd { .. }) => {}
            Err(error) => failure = error,
            answer => return answer,
        }
    }
    Err(failure)
}

/// What the members of the other nodes say of themselves, by their number; those that say nothing are missing.
fn statuses(new: &NewMember, reach: &Reach) -> BTreeMap<u64, EtcdStatus> {
    let others = reach.members().filter(|node| **node != new.node);
    let answers = others.filter_map(|node| reach.etcd(node, Etcd::status).ok());
    answers.map(|status| (status.header.member_id, status)).collect()
}

fn of<'a>(new: &NewMember, members: &'a [EtcdMember]) -> Option<&'a EtcdMember> {
    members.iter().find(|member| member.peer_urls.contains(&new.peer_url))
}

/// How far the new member is. Nothing is added to an etcd that is not whole, since that may cost it its quorum: then the reason is the
/// answer.
fn standing(
    new: &NewMember,
    cluster: &EtcdCluster,
    statuses: &BTreeMap<u64, EtcdStatus>,
) -> Result<Standing, String> {
    match of(new, &cluster.members) {
        None => whole(cluster, statuses).map(|()| Standing::Unknown),
        // It has told etcd once where clients reach it. Without what it knew then it must not vote again under the same number.
        Some(member) if !member.client_urls.is_empty() && !member.is_learner && !new.has_data => {
            Err(String::from("its member has been running, and its data is not there any more"))
        }
        Some(_) => Ok(Standing::Known),
    }
}

fn whole(cluster: &EtcdCluster, statuses: &BTreeMap<u64, EtcdStatus>) -> Result<(), String> {
    for member in &cluster.members {
        let name = if member.name.is_empty() { member.peer_urls.join(", ") } else { member.name.clone() };
        let sick = |reason: &str| Err(format!("the member {name} is not healthy: {reason}"));
        match statuses.get(&member.id) {
            _ if member.name.is_empty() => return sick("it was added and never started"),
            _ if member.is_learner => return sick("it is still a learner"),
            None => return sick("no node of the inventory that can be reached runs it"),
            Some(status) => etcd_serves(status).or_else(|pending| sick(&pending.0))?,
        }
    }
    cluster.alarms.first().map_or(Ok(()), |alarm| Err(format!("etcd raises the alarm {}", alarm.alarm)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Alarm, EtcdHeader};

    fn member(id: u64) -> EtcdMember {
        EtcdMember {
            id,
            name: format!("etcd-{id}"),
            peer_urls: vec![format!("https://10.0.0.{id}:2380")],
            client_urls: vec![format!("https://10.0.0.{id}:2379")],
            is_learner: false,
        }
    }

    fn new() -> NewMember {
        NewMember {
            node: NodeName(String::from("etcd-4")),
            peer_url: String::from("https://10.0.0.4:2380"),
            has_data: false,
        }
    }

    fn all() -> (EtcdCluster, BTreeMap<u64, EtcdStatus>) {
        let status =
            |id| EtcdStatus { header: EtcdHeader { member_id: id }, leader: 1, ..EtcdStatus::default() };
        let cluster = EtcdCluster { members: [1, 2, 3].map(member).into(), alarms: Vec::new() };
        (cluster, [1, 2, 3].map(|id| (id, status(id))).into())
    }

    #[test]
    fn a_member_is_added_once() {
        let (mut cluster, statuses) = all();
        assert_eq!(standing(&new(), &cluster, &statuses), Ok(Standing::Unknown));
        // Added, and never started.
        let added =
            EtcdMember { name: String::new(), client_urls: Vec::new(), is_learner: true, ..member(4) };
        cluster.members.push(added);
        assert_eq!(standing(&new(), &cluster, &statuses), Ok(Standing::Known));
        cluster.members[3] = EtcdMember { is_learner: true, ..member(4) };
        let started = NewMember { has_data: true, ..new() };
        assert_eq!(standing(&started, &cluster, &statuses), Ok(Standing::Known));
        cluster.members[3] = member(4);
        assert_eq!(standing(&started, &cluster, &statuses), Ok(Standing::Known));
        // One of those that a new etcd was to begin with, and that was not there then.
        cluster.members[3].client_urls.clear();
        assert_eq!(standing(&new(), &cluster, &statuses), Ok(Standing::Known));
    }

    #[test]
    fn a_voter_that_lost_its_data_does_not_vote_again() {
        let (mut cluster, statuses) = all();
        cluster.members.push(member(4));
        let reason = standing(&new(), &cluster, &statuses).unwrap_err();
        assert!(reason.contains("its data is not there any more"), "{reason}");
    }

    #[test]
    fn an_etcd_that_is_not_whole_is_left_alone() {
        type Change<'a> = &'a dyn Fn(&mut EtcdCluster, &mut BTreeMap<u64, EtcdStatus>);
        let cases: [(Change<'_>, &str); 5] = [
            (&|_, statuses| drop(statuses.remove(&2)), "etcd-2 is not healthy: no node of the inventory"),
            (
                &|_, statuses| statuses.get_mut(&2).unwrap().leader = 0,
                "etcd-2 is not healthy: the member has no leader",
            ),
            (
                &|cluster, _| cluster.members[1].is_learner = true,
                "etcd-2 is not healthy: it is still a learner",
            ),
            (
                &|cluster, _| cluster.members[1].name.clear(),
                "https://10.0.0.2:2380 is not healthy: it was added and never started",
            ),
            (
                &|cluster, _| {
                    cluster.alarms.push(Alarm { member_id: 2, alarm: String::from("NOSPACE") });
                },
                "etcd raises the alarm NOSPACE",
            ),
        ];
        for (change, reason) in cases {
            let (mut cluster, mut statuses) = all();
            change(&mut cluster, &mut statuses);
            let found = standing(&new(), &cluster, &statuses).unwrap_err();
            assert!(found.contains(reason), "{found}");
        }
    }
}
