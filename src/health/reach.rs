//! The ways to real nodes: a session to each, and clients for the control-plane nodes' API servers and etcd members, opened when
//! they are first needed and again when they fell silent.

use super::encryption::{EncryptionReport, REPORTS_HASH};
use super::kubelet::{self, KubeletReport};
use super::processes::{self, CLOCK, CONTAINER_LOGS, KUBELET_START, LOG_END, PROCESSES};
use super::{
    ContainerReport, EtcdCluster, GateAccess, HealthError, NodeReport, ProcessReport, SCRIPT_DEADLINE,
    StaticPodReport, UnitReport, open, open_member, probe,
};
use crate::cluster::{Api, ClusterError, ControlPlane, Etcd, EtcdStatus, Readiness};
use crate::inventory::NodeName;
use crate::plan::manifest::Probe;
use crate::remote::{Dialer, RemoteError, Reply, Script, Session, quote, rooted};
use crate::resource::NodePath;
use crate::{pki, plan};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// After so many silent answers the clients are made anew, with a new login and the credentials as they are then: a
/// component that restarts needs only patience, a dead SSH connection or renewed certificates need this.
const PATIENCE: u32 = 6;

/// Sessions to nodes, and clients for their API servers and etcd members. Each node has a lock of its own: several threads
/// may use different nodes at once, and a long script on one holds up nobody on another.
#[derive(Default)]
pub struct Reach {
    nodes: BTreeMap<NodeName, Mutex<Slot>>,
    control_planes: Vec<NodeName>,
    /// Nodes without an API server that have a member of etcd.
    pub(super) etcd_hosts: Vec<NodeName>,
}

pub(super) struct Slot {
    session: Box<dyn Session>,
    plane: Option<ControlPlane>,
    /// Where there is no API server.
    member: Option<Etcd>,
    /// To the node's own ports, from the first time that one is asked.
    dialer: Option<Box<dyn Dialer>>,
    silences: u32,
}

impl Slot {
    pub(super) fn run(&mut self, script: &Script) -> Result<Reply, HealthError> {
        let result = self.session.run(script, SCRIPT_DEADLINE);
        if let Err(error) = &result {
            self.heal(error);
        }
        Ok(result?)
    }

    /// A new login for the next time, where the present one may be gone.
    fn heal(&mut self, error: &RemoteError) {
        let gone = matches!(
            error,
            RemoteError::Protocol { .. } | RemoteError::Unknown { .. } | RemoteError::Deadline { .. }
        );
        if gone && let Ok(session) = self.session.reconnect() {
            self.session = session;
            self.dialer = None;
        }
    }

    /// Asks what listens on the node itself. A way that failed is not used again: its connection may be dead.
    fn through<T>(
        &mut self,
        question: impl FnOnce(&dyn Dialer) -> Result<T, HealthError>,
    ) -> Result<T, HealthError> {
        let dialer = match self.dialer.take() {
            Some(dialer) => dialer,
            None => self.session.dialer()?,
        };
        let answer = question(dialer.as_ref())?;
        self.dialer = Some(dialer);
        Ok(answer)
    }

    /// The certificate that the kubelet serves with, PEM, by its configuration.
    fn served(&mut self, node: &NodeName, config: &str) -> Result<Vec<u8>, HealthError> {
        self.through(|dialer| kubelet::served(node, dialer, &kubelet::endpoint(config)))
    }

    fn plane(&mut self) -> Result<&ControlPlane, HealthError> {
        let plane = match self.plane.take() {
            Some(plane) => plane,
            None => open(self.session.as_mut()).inspect_err(|error| {
                if let HealthError::Remote(error) = error {
                    self.heal(error);
                }
            })?,
        };
        Ok(self.plane.insert(plane))
    }

    fn ask<T>(
        &mut self,
        question: impl FnOnce(&ControlPlane) -> Result<T, ClusterError>,
    ) -> Result<T, HealthError> {
        let result = question(self.plane()?);
        self.listen(&result);
        Ok(result?)
    }

    /// Asks the member of a node without an API server.
    pub(super) fn ask_member<T>(
        &mut self,
        node: &NodeName,
        question: impl FnOnce(&Etcd) -> Result<T, ClusterError>,
    ) -> Result<T, HealthError> {
        let member = if let Some(member) = self.member.take() {
            member
        } else {
            let opened = open_member(self.session.as_mut()).inspect_err(|error| {
                if let HealthError::Remote(error) = error {
                    self.heal(error);
                }
            })?;
            opened.ok_or_else(|| HealthError::NoEtcd { node: node.clone() })?
        };
        let result = question(self.member.insert(member));
        self.listen(&result);
        Ok(result?)
    }

    /// Gives up clients that get no answer any more.
    fn listen<T>(&mut self, result: &Result<T, ClusterError>) {
        match result {
            Err(error) if error.is_silence() => {
                self.silences += 1;
                if self.silences >= PATIENCE {
                    self.silences = 0;
                    self.plane = None;
                    self.member = None;
                }
            }
            _ => self.silences = 0,
        }
    }
}

impl Reach {
    /// No nodes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a node. `has_api_server` says whether it is a control-plane node of a running cluster.
    pub fn add(&mut self, node: NodeName, session: Box<dyn Session>, has_api_server: bool) {
        if has_api_server {
            self.control_planes.push(node.clone());
        }
        let slot = Slot { session, plane: None, member: None, dialer: None, silences: 0 };
        self.nodes.insert(node, Mutex::new(slot));
    }

    /// From now on the node has an API server: it has become a control-plane node of a running cluster.
    pub fn serves_api(&mut self, node: &NodeName) {
        if self.nodes.contains_key(node) && !self.control_planes.contains(node) {
            self.control_planes.push(node.clone());
        }
    }

    /// The control-plane nodes of a running cluster, in the order in which they were added.
    pub fn control_planes(&self) -> &[NodeName] {
        &self.control_planes
    }

    /// Runs a script on a node.
    pub fn run(&self, node: &NodeName, script: &Script, deadline: Duration) -> Result<Reply, HealthError> {
        Ok(self.slot(node)?.session.run(script, deadline)?)
    }

    /// Replaces the session to a node by a new one, with a new login, and forgets the clients that went through the old one.
    pub fn reconnect(&self, node: &NodeName) -> Result<(), HealthError> {
        let mut slot = self.slot(node)?;
        slot.session = slot.session.reconnect()?;
        slot.plane = None;
        slot.member = None;
        slot.dialer = None;
        Ok(())
    }

    /// The certificate that the kubelet of a node serves with, PEM.
    pub fn serving_certificate(&self, node: &NodeName) -> Result<Vec<u8>, HealthError> {
        let script = kubelet::with_config(Script::new("read the kubelet's port"));
        let mut slot = self.slot(node)?;
        let config = slot.run(&script)?.section("config").text();
        slot.served(node, &config)
    }

    /// Asks a control-plane node's own API server or etcd member.
    pub fn ask<T>(
        &self,
        node: &NodeName,
        question: impl FnOnce(&ControlPlane) -> Result<T, ClusterError>,
    ) -> Result<T, HealthError> {
        self.api_server(node)?.ask(question)
    }

    pub(super) fn slot(&self, node: &NodeName) -> Result<MutexGuard<'_, Slot>, HealthError> {
        let slot = self.nodes.get(node).ok_or_else(|| HealthError::NoSession { node: node.clone() })?;
        // A panic while it was held leaves a session at worst in the middle of a reply, which the next script finds out.
        Ok(slot.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn api_server(&self, node: &NodeName) -> Result<MutexGuard<'_, Slot>, HealthError> {
        let slot = self.slot(node)?;
        if self.control_planes.contains(node) {
            Ok(slot)
        } else {
            Err(HealthError::NoApiServer { node: node.clone() })
        }
    }

    pub(super) fn api<T>(
        &self,
        node: &NodeName,
        question: impl FnOnce(&Api) -> Result<T, ClusterError>,
    ) -> Result<T, HealthError> {
        self.api_server(node)?.ask(|plane| question(&plane.api))
    }

    /// Asks the API servers one after the other, the node's own first, until one answers; a refusal is an answer. What is asked may be
    /// asked twice.
    pub fn any_api<T>(
        &self,
        node: &NodeName,
        question: impl Fn(&Api) -> Result<T, ClusterError>,
    ) -> Result<T, HealthError> {
        let mut candidates: Vec<&NodeName> = self.control_planes.iter().collect();
        candidates.sort_by_key(|candidate| *candidate != node);
        let mut failure = HealthError::NoControlPlane { node: node.clone() };
        for candidate in candidates {
            match self.api(candidate, &question) {
                Err(HealthError::Cluster(error)) if !error.is_silence() => return Err(error.into()),
                Err(error) => failure = error,
                answer => return answer,
            }
        }
        Err(failure)
    }

    /// When the node's kubelet was started; `None` where there is no session to ask by, or no answer.
    fn kubelet_started(&self, node: &NodeName) -> Option<i64> {
        let script = Script::new("ask when the kubelet was started")
            .section("clock", CLOCK)
            .section("start", KUBELET_START);
        let reply = self.slot(node).ok()?.run(&script).ok()?;
        processes::kubelet_started(&reply.section("clock").text(), &reply.section("start").text())
    }
}

fn look_for(component: &str, node: &NodeName) -> Script {
    let names = format!("harden_name={} harden_node={}", quote(component), quote(node.as_str()));
    Script::new(format!("look for {component}"))
        .section("clock", CLOCK)
        .section("processes", format!("{names}\n{PROCESSES}"))
}

fn found(reply: &Reply) -> Vec<ProcessReport> {
    processes::processes(&reply.section("clock").text(), &reply.section("processes").text())
}

impl GateAccess for &Reach {
    fn unit(&mut self, node: &NodeName, unit: &str) -> Result<UnitReport, HealthError> {
        let body = format!("systemctl show -p ActiveState -p SubState -p InvocationID -- {}", quote(unit));
        let reply = self.slot(node)?.run(&Script::new(format!("ask for {unit}")).section("unit", body))?;
        let text = reply.section("unit").text();
        let property = |name: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            value.unwrap_or("unknown").to_owned()
        };
        Ok(UnitReport {
            active: property("ActiveState"),
            sub: property("SubState"),
            invocation: property("InvocationID"),
        })
    }

    fn readiness(&mut self, node: &NodeName) -> Result<Readiness, HealthError> {
        self.api(node, Api::ready)
    }

    fn etcd_status(&mut self, node: &NodeName) -> Result<EtcdStatus, HealthError> {
        self.etcd(node, Etcd::status)
    }

    fn etcd_cluster(&mut self, node: &NodeName) -> Result<EtcdCluster, HealthError> {
        self.etcd(node, |etcd| {
            etcd.quorum_read()?;
            Ok(EtcdCluster { members: etcd.members()?, alarms: etcd.alarms()? })
        })
    }

    fn processes(
        &mut self,
        node: &NodeName,
        component: &str,
        manifest: Option<&NodePath>,
    ) -> Result<StaticPodReport, HealthError> {
        let mut script = look_for(component, node);
        if let Some(manifest) = manifest {
            script = script.section("placed", format!("stat -c %Z -- {}", rooted(manifest.as_str())));
        }
        let reply = self.slot(node)?.run(&script)?;
        Ok(StaticPodReport {
            processes: found(&reply),
            placed: manifest.and_then(|_| reply.section("placed").text().trim().parse().ok()),
        })
    }

    fn probe(&mut self, node: &NodeName, asked: &Probe) -> Result<u16, HealthError> {
        self.slot(node)?.through(|dialer| probe::status(node, dialer, asked))
    }

    fn container(&mut self, node: &NodeName, component: &str) -> Result<ContainerReport, HealthError> {
        let script = look_for(component, node).section("logs", CONTAINER_LOGS);
        let reply = self.slot(node)?.run(&script)?;
        let logs = reply.section("logs").text().lines().map(str::to_owned).collect();
        Ok(ContainerReport { processes: found(&reply), logs })
    }

    fn last_words(&mut self, node: &NodeName, log: &str) -> Result<Vec<String>, HealthError> {
        let body = format!("harden_log={}\n{LOG_END}", quote(log));
        let reply = self.slot(node)?.run(&Script::new("read a container's log").section("log", body))?;
        Ok(processes::last_words(&reply.section("log").text()))
    }

    fn kubernetes_node(&mut self, node: &NodeName) -> Result<Option<NodeReport>, HealthError> {
        let kubelet_started = self.kubelet_started(node);
        self.any_api(node, |api| {
            let Some(info) = api.node(node.as_str())? else { return Ok(None) };
            Ok(Some(NodeReport { info, heartbeat: api.last_heartbeat(node.as_str())?, kubelet_started }))
        })
    }

    fn kubelet(
        &mut self,
        node: &NodeName,
        certificate: &NodePath,
        issuer: &NodePath,
    ) -> Result<KubeletReport, HealthError> {
        let attempt = "read the kubelet's certificate";
        let script = kubelet::with_config(Script::new(attempt))
            .section("certificate", format!("cat -- {}", rooted(certificate.as_str())))
            .section("issuer", format!("cat -- {}", rooted(issuer.as_str())));
        let mut slot = self.slot(node)?;
        let reply = slot.run(&script)?;
        let on_disk = reply.section("certificate");
        if on_disk.code != 0 {
            let reason = format!("{certificate} cannot be read");
            return Err(HealthError::Script { node: node.clone(), attempt: attempt.to_owned(), reason });
        }
        let served = slot.served(node, &reply.section("config").text())?;
        drop(slot);
        let issuer = reply.section("issuer");
        let issuer = (issuer.code == 0).then_some(issuer.output.as_slice());
        let is_on_disk = !plan::certificates(&served).is_disjoint(&plan::certificates(&on_disk.output));
        let served = pki::read(&served, issuer)
            .map_err(|source| HealthError::Certificate { node: node.clone(), source })?;
        Ok(KubeletReport { served, is_on_disk })
    }

    fn encryption(&mut self, node: &NodeName, path: &NodePath) -> Result<EncryptionReport, HealthError> {
        if self.api(node, Api::minor)? < REPORTS_HASH {
            return self.trial(node, path);
        }
        let attempt = format!("hash {path}");
        let body = format!("sha256sum < {}", rooted(path.as_str()));
        let reply = self.slot(node)?.run(&Script::new(attempt.as_str()).section("hash", body))?;
        let Some(on_disk) = reply.section("hash").text().split_whitespace().next().map(str::to_owned) else {
            let reason = String::from("it is missing");
            return Err(HealthError::Script { node: node.clone(), attempt, reason });
        };
        Ok(EncryptionReport::Hash { on_disk, loaded: self.api(node, Api::loaded_encryption)? })
    }
}
