//! One poll of one gate: what is asked, and whether the answers mean that it holds. It neither waits nor repeats.

use super::{ContainerReport, EncryptionReport, HealthError, KubeletReport, ProcessReport, StaticPodReport};
use crate::cluster::{Alarm, EtcdMember, EtcdStatus, NodeInfo, Readiness};
use crate::error::Chain;
use crate::inventory::NodeName;
use crate::plan::Gate;
use crate::plan::manifest::Probe;
use crate::resource::NodePath;
use std::collections::BTreeSet;

/// A member that lags further behind than this has not caught up. etcd itself refuses writes at 5,000 (its
/// `maxGapBetweenApplyAndCommitIndex`), and a member that only just serves requests is behind by a few dozen.
const LARGEST_LAG: u64 = 1000;

/// The ways to ask nodes and the cluster. Every question may fail for a while: components restart under a gate.
pub trait GateAccess {
    /// What systemd says of a unit of a node.
    fn unit(&mut self, node: &NodeName, unit: &str) -> Result<UnitReport, HealthError>;
    /// What the node's own API server says of itself.
    fn readiness(&mut self, node: &NodeName) -> Result<Readiness, HealthError>;
    /// What the node's own etcd member says of itself.
    fn etcd_status(&mut self, node: &NodeName) -> Result<EtcdStatus, HealthError>;
    /// What the quorum says through the node's own etcd member.
    fn etcd_cluster(&mut self, node: &NodeName) -> Result<EtcdCluster, HealthError>;
    /// The processes of that name on the node, and when the manifest was put there.
    fn processes(
        &mut self,
        node: &NodeName,
        component: &str,
        manifest: Option<&NodePath>,
    ) -> Result<StaticPodReport, HealthError>;
    /// The HTTP status with which a component answers what the kubelet asks it.
    fn probe(&mut self, node: &NodeName, probe: &Probe) -> Result<u16, HealthError>;
    /// The processes of a static pod's component and the logs of its containers, by the node itself.
    fn container(&mut self, node: &NodeName, component: &str) -> Result<ContainerReport, HealthError>;
    /// The last lines of the log of a container.
    fn last_words(&mut self, node: &NodeName, log: &str) -> Result<Vec<String>, HealthError>;
    /// The Kubernetes node, by any API server; `None` when it has not joined.
    fn kubernetes_node(&mut self, node: &NodeName) -> Result<Option<NodeReport>, HealthError>;
    /// The certificate that the node's kubelet serves with, and the one on its disk.
    fn kubelet(
        &mut self,
        node: &NodeName,
        certificate: &NodePath,
        issuer: &NodePath,
    ) -> Result<KubeletReport, HealthError>;
    /// The encryption config on the node's disk, and in its API server.
    fn encryption(&mut self, node: &NodeName, path: &NodePath) -> Result<EncryptionReport, HealthError>;
}

/// What systemd says of a unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitReport {
    /// `ActiveState`: `active`, `activating`, `failed`.
    pub active: String,
    /// `SubState`: `running`, `auto-restart`.
    pub sub: String,
    /// Differs after each start.
    pub invocation: String,
}

/// What the quorum of etcd says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EtcdCluster {
    /// All members.
    pub members: Vec<EtcdMember>,
    /// The alarms of all members.
    pub alarms: Vec<Alarm>,
}

/// A Kubernetes node and the life of its kubelet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeReport {
    /// What the API says of it.
    pub info: NodeInfo,
    /// When its kubelet last gave a sign of life, seconds since 1970 on the node's clock.
    pub heartbeat: Option<i64>,
    /// When its kubelet was started, on the same clock; `None` where that cannot be told.
    pub kubelet_started: Option<i64>,
}

/// A gate holds now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What must stay the same while it holds: it changes when what is looked at was restarted.
    pub identity: String,
}

/// A gate does not hold yet; the text says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending(pub String);

impl From<HealthError> for Pending {
    fn from(error: HealthError) -> Self {
        Self(Chain(&error).to_string())
    }
}

/// Asks once whether a gate holds. A question that fails means that it does not hold yet.
pub fn check(gate: &Gate, access: &mut dyn GateAccess) -> Result<Held, Pending> {
    match gate {
        Gate::UnitActive { node, unit } => unit_active(&access.unit(node, unit)?),
        Gate::ApiServerReady { node } => api_ready(&access.readiness(node)?),
        Gate::EtcdHealthy { node } => {
            etcd_serves(&access.etcd_status(node)?)?;
            etcd_complete(&access.etcd_cluster(node)?)
        }
        Gate::EtcdWhole { node, members } => {
            etcd_serves(&access.etcd_status(node)?)?;
            etcd_is_of(&access.etcd_cluster(node)?, members)
        }
        Gate::StaticPodRuns { node, component, command, manifest, probe } => {
            let held = process_runs(&access.processes(node, component, manifest.as_ref())?, command)?;
            if let Some(probe) = probe {
                answers(access.probe(node, probe)?, probe)?;
            }
            Ok(held)
        }
        Gate::NodeReady { node } => node_ready(access.kubernetes_node(node)?),
        Gate::KubeletServes { node, certificate, issuer } => {
            kubelet_serves(&access.kubelet(node, certificate, issuer)?)
        }
        Gate::EncryptionLoaded { node, path } => {
            api_ready(&access.readiness(node)?)?;
            access.encryption(node, path)?.loaded()
        }
        Gate::EndpointAnswers { node, probe } => {
            answers(access.probe(node, probe)?, probe)?;
            Ok(held())
        }
    }
}

/// It holds, whatever was restarted.
pub(super) fn held() -> Held {
    Held { identity: String::new() }
}

pub(super) fn pending<T>(reason: impl Into<String>) -> Result<T, Pending> {
    Err(Pending(reason.into()))
}

fn unit_active(unit: &UnitReport) -> Result<Held, Pending> {
    if unit.active != "active" {
        return pending(format!("it is {} ({})", unit.active, unit.sub));
    }
    Ok(Held { identity: unit.invocation.clone() })
}

fn api_ready(readiness: &Readiness) -> Result<Held, Pending> {
    if readiness.ready {
        return Ok(held());
    }
    match readiness.failed.as_slice() {
        [] => pending("the API server is not ready"),
        failed => pending(format!("the API server is not ready: {}", failed.join(", "))),
    }
}

/// Whether a member takes part and keeps up.
pub fn etcd_serves(status: &EtcdStatus) -> Result<(), Pending> {
    if !status.errors.is_empty() {
        return pending(format!("the member reports: {}", status.errors.join(", ")));
    }
    if status.leader == 0 {
        return pending("the member has no leader");
    }
    if status.is_learner {
        return pending("the member is still a learner");
    }
    let lag = status.raft_index.saturating_sub(status.raft_applied_index);
    if lag > LARGEST_LAG {
        return pending(format!("the member is {lag} log entries behind"));
    }
    Ok(())
}

fn etcd_complete(cluster: &EtcdCluster) -> Result<Held, Pending> {
    if let Some(member) = cluster.members.iter().find(|member| member.name.is_empty()) {
        let place = member.peer_urls.join(", ");
        return pending(format!("the member at {place} was added and never started"));
    }
    if let Some(member) = cluster.members.iter().find(|member| member.is_learner) {
        return pending(format!("the member {} is still a learner", member.name));
    }
    if cluster.members.is_empty() {
        return pending("there are no members");
    }
    if let Some(alarm) = cluster.alarms.first() {
        let name = cluster.members.iter().find(|member| member.id == alarm.member_id);
        let name = name.map_or("an unknown member", |member| member.name.as_str());
        return pending(format!("{name} raises the alarm {}", alarm.alarm));
    }
    Ok(held())
}

/// Whether the members are these and nobody else.
fn etcd_is_of(cluster: &EtcdCluster, members: &BTreeSet<NodeName>) -> Result<Held, Pending> {
    let held = etcd_complete(cluster)?;
    let is_there = |node: &&NodeName| cluster.members.iter().any(|member| member.name == node.as_str());
    if let Some(missing) = members.iter().find(|node| !is_there(node)) {
        return pending(format!("{missing} is no member yet"));
    }
    let is_known = |name: &str| members.iter().any(|node| node.as_str() == name);
    match cluster.members.iter().find(|member| !is_known(&member.name)) {
        Some(stranger) => pending(format!("the member {} is not in the inventory", stranger.name)),
        None => Ok(held),
    }
}

/// Of a second each, and rounded.
const CLOCKS: i64 = 2;

/// Other processes of that name may run on the node: a workload may bring an etcd of its own.
fn process_runs(report: &StaticPodReport, command: &[String]) -> Result<Held, Pending> {
    let is_old = |process: &ProcessReport| match (process.started, report.placed) {
        (Some(started), Some(placed)) => started + CLOCKS < placed,
        _ => false,
    };
    let mut alike = report.processes.iter().filter(|process| process.command == command).peekable();
    if alike.peek().is_some() {
        return match alike.find(|process| !is_old(process)) {
            Some(process) => Ok(Held { identity: process.pid.clone() }),
            None => pending("the process is still the one from before the new manifest"),
        };
    }
    let Some(other) = report.processes.first() else {
        return pending("there is no such process");
    };
    match command.iter().find(|part| !other.command.contains(part)) {
        Some(part) => pending(format!("the process is still the old one, without `{part}`")),
        None => pending("the process is still the old one"),
    }
}

/// As the kubelet takes it.
fn answers(status: u16, probe: &Probe) -> Result<(), Pending> {
    if (200..400).contains(&status) {
        return Ok(());
    }
    pending(format!("it answers {probe} with {status}"))
}

fn kubelet_serves(report: &KubeletReport) -> Result<Held, Pending> {
    if !report.is_on_disk {
        return pending(format!(
            "it still serves with another certificate (serial number {})",
            report.served.serial
        ));
    }
    if !report.served.signed_by_issuer {
        return pending("the CA on the node has not signed its certificate");
    }
    Ok(Held { identity: report.served.serial.clone() })
}

fn node_ready(report: Option<NodeReport>) -> Result<Held, Pending> {
    let Some(report) = report else {
        return pending("it has not joined the cluster");
    };
    if !report.info.ready {
        return pending(report.info.reason);
    }
    // Ready stays as it was for 40 s after a kubelet fell silent: a sign of life since its start is the proof. The start
    // is known to a second.
    match (report.kubelet_started, report.heartbeat) {
        (Some(started), heartbeat) if heartbeat.is_none_or(|heartbeat| heartbeat + 1 < started) => {
            pending("its kubelet gave no sign of life since it was started")
        }
        _ => Ok(held()),
    }
}
