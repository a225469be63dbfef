//! The steps, through the sessions and clients of `health`: on the host itself, and through the control planes that stay.

use super::execute::Hands;
use super::facts::Runs;
use super::scripts::{
    left, left_script, lock_script, reset_script, stop_etcd_script, stop_kubelet_script, unlock_script,
};
use super::{RemovalError, Step};
use crate::apply::{Cordon, Fleet as _};
use crate::cluster::{ClusterError, Etcd};
use crate::error::Chain;
use crate::event::{Event, Listener};
use crate::health::{HealthError, Reach};
use crate::inventory::NodeName;
use crate::plan::Drain;
use crate::remote::{RemoteError, Reply, Script};
use std::time::{Duration, Instant};

/// kubeadm stops the kubelet's pods one by one.
const RESET: Duration = Duration::from_mins(10);
const STOP: Duration = Duration::from_mins(2);
const LOOK: Duration = Duration::from_secs(30);
/// How long the members that stay may take to agree without the one that left.
const AGREE: Duration = Duration::from_mins(1);
/// How long processes may take to end.
const END: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(1);
/// The code of the lock's script where somebody else has it.
const LOCKED: i32 = 75;

/// A removal's way to the node and to the cluster. The node's own API server must not be among those of `reach`.
pub struct ByReach<'a> {
    reach: &'a Reach,
    node: &'a NodeName,
    drain: Drain,
    mark: String,
    cordon: Option<Cordon>,
    listener: &'a Listener<'a>,
    interrupted: &'a dyn Fn() -> bool,
}

impl<'a> ByReach<'a> {
    /// The way to a node; `by` says who takes it away.
    pub fn new(
        reach: &'a Reach,
        node: &'a NodeName,
        drain: Drain,
        by: &str,
        listener: &'a Listener<'a>,
        interrupted: &'a dyn Fn() -> bool,
    ) -> Self {
        Self { reach, node, drain, mark: format!("remove by {by}"), cordon: None, listener, interrupted }
    }

    fn drain(&mut self) -> Result<(), RemovalError> {
        self.cordon = Some(self.reach.cordon(self.node, &self.drain, &self.mark, self.listener)?);
        Ok(self.reach.evict_pods(self.node, &self.drain, self.listener, self.interrupted)?)
    }

    fn remove_member(&self, id: u64, name: &str) -> Result<(), RemovalError> {
        self.look_again(id, name)?;
        let began = Instant::now();
        let mut last = String::from("no etcd member answered");
        let mut is_removed = false;
        while began.elapsed() < AGREE {
            if !is_removed {
                match self.any_etcd(|etcd| etcd.remove_member(id)) {
                    Ok(_) => is_removed = true,
                    Err(error) => last = Chain(&error).to_string(),
                }
            }
            if is_removed {
                match self.agreed(id) {
                    Ok(()) => return Ok(()),
                    Err(reason) => last = reason,
                }
            }
            (self.listener)(Event::Waiting {
                node: Some(self.node.clone()),
                gate: String::from("etcd goes on without it"),
                elapsed: began.elapsed(),
                last: last.clone(),
            });
            std::thread::sleep(PAUSE);
        }
        Err(RemovalError::Member { name: name.to_owned(), waited: began.elapsed(), last })
    }

    /// Draining may have taken long: the members that stay must be healthy now.
    fn look_again(&self, id: u64, name: &str) -> Result<(), RemovalError> {
        let changed = |reason: String| RemovalError::Etcd { name: name.to_owned(), reason };
        let members = self.any_etcd(|etcd| etcd.quorum_read().and_then(|()| etcd.members()));
        let members = members.map_err(|error| changed(Chain(&error).to_string()))?;
        let healthy = self.serving().map_err(changed)?;
        for member in members.iter().filter(|member| member.id != id) {
            if member.is_learner || !healthy.contains(&member.id) {
                return Err(changed(format!("the member {} is not healthy", member.name)));
            }
        }
        Ok(())
    }

    /// Whether the member is gone, and every other one answers with the quorum.
    fn agreed(&self, id: u64) -> Result<(), String> {
        let members = self.any_etcd(|etcd| etcd.quorum_read().and_then(|()| etcd.members()));
        let members = members.map_err(|error| Chain(&error).to_string())?;
        if members.iter().any(|member| member.id == id) {
            return Err(String::from("it is a member still"));
        }
        let serving = self.serving()?;
        match members.iter().find(|member| !serving.contains(&member.id)) {
            Some(member) => Err(format!("the member {} does not answer", member.name)),
            None => Ok(()),
        }
    }

    /// The ids of the members that have a leader, of the nodes that stay.
    fn serving(&self) -> Result<Vec<u64>, String> {
        let mut ids = Vec::new();
        for node in self.reach.members() {
            match self.reach.etcd(node, Etcd::status) {
                Ok(status) if status.leader != 0 => ids.push(status.header.member_id),
                Ok(_) => return Err(format!("the member of {node} has no leader")),
                Err(HealthError::NoEtcd { .. }) => {}
                Err(error) => return Err(format!("{node}: {}", Chain(&error))),
            }
        }
        Ok(ids)
    }

    /// Asks the members one after the other, until one answers.
    fn any_etcd<T>(&self, question: impl Fn(&Etcd) -> Result<T, ClusterError>) -> Result<T, HealthError> {
        let mut failure = HealthError::NoEtcd { node: self.node.clone() };
        for node in self.reach.members() {
            match self.reach.etcd(node, &question) {
                Err(HealthError::NoEtcd { .. }) => {}
                Err(error) => failure = error,
                answer => return answer,
            }
        }
        Err(failure)
    }

    /// The connection may have died while something else was done; each script may run twice.
    fn reply(&self, script: &Script, deadline: Duration) -> Result<Reply, HealthError> {
        match self.reach.run(self.node, script, deadline) {
            Err(HealthError::Remote(RemoteError::Unknown { .. } | RemoteError::Protocol { .. })) => {
                self.reach.reconnect(self.node)?;
                self.reach.run(self.node, script, deadline)
            }
            reply => reply,
        }
    }

    fn run(&self, script: &Script, deadline: Duration) -> Result<(), RemovalError> {
        succeeded(script, &self.reply(script, deadline)?)
    }

    fn reset(&self, data_directory: &str, runs: Runs) -> Result<(), RemovalError> {
        self.run(&reset_script(data_directory, runs), RESET)?;
        let began = Instant::now();
        loop {
            let reply = self.reach.run(self.node, &left_script(data_directory, runs), LOOK)?;
            let left = left(&reply);
            if left.is_empty() {
                return Ok(());
            }
            if began.elapsed() >= END {
                return Err(RemovalError::Left { left });
            }
            std::thread::sleep(PAUSE);
        }
    }
}

fn succeeded(script: &Script, reply: &Reply) -> Result<(), RemovalError> {
    if reply.code == 0 && reply.sections.values().all(|section| section.code == 0) {
        return Ok(());
    }
    Err(RemovalError::Script { attempt: script.title().to_owned(), words: reply.last_words() })
}

impl Hands for ByReach<'_> {
    fn begin(&mut self) -> Result<(), RemovalError> {
        let script = lock_script(&self.mark);
        let reply = match self.reply(&script, LOOK) {
            // It is lost, and was said to be.
            Err(HealthError::NoSession { .. }) => return Ok(()),
            reply => reply?,
        };
        let said = reply.section("lock");
        if said.code == LOCKED {
            return Err(RemovalError::Locked { owner: said.text().trim().to_owned() });
        }
        succeeded(&script, &reply)
    }

    fn end(&mut self) {
        // After a reset there is none. What cannot be given back the next removal takes over.
        let _ = self.run(&unlock_script(), LOOK);
    }

    fn act(&mut self, step: &Step) -> Result<(), RemovalError> {
        match step {
            Step::Drain => self.drain(),
            Step::RemoveMember { id, name, .. } => self.remove_member(*id, name),
            Step::StopEtcd => self.run(&stop_etcd_script(), STOP),
            Step::StopKubelet => self.run(&stop_kubelet_script(), STOP),
            Step::DeleteNode => {
                self.reach.any_api(self.node, |api| api.delete_node(self.node.as_str()))?;
                Ok(())
            }
            Step::Reset { data_directory, runs } => self.reset(data_directory, *runs),
        }
    }

    fn take_back(&mut self, step: &Step) -> bool {
        match (step, self.cordon) {
            // Nothing was done yet, or the cordon is somebody else's and stays as it was. An answer may have been lost, and then the
            // mark says whose it is.
            (Step::Drain, Some(Cordon::Kept)) => true,
            (Step::Drain, _) => self.reach.uncordon(self.node, &self.mark).is_ok(),
            _ => false,
        }
    }
}
