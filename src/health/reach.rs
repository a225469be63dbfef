//! The ways to real nodes: a session to each, and clients for the control-plane nodes' API servers and etcd members, opened when
//! they are first needed and again when they fell silent.

use super::encryption::{EncryptionReport, FIRST_PROVIDER, REPORTS_HASH, Trial, expected_prefix};
use super::{
    EtcdCluster, GateAccess, HealthError, NodeReport, ProcessReport, SCRIPT_DEADLINE, UnitReport, open,
};
use crate::cluster::{Api, ClusterError, ControlPlane, Etcd, EtcdStatus, MirrorPod, Readiness};
use crate::inventory::NodeName;
use crate::remote::{RemoteError, Reply, Script, Session, quote, rooted};
use crate::resource::NodePath;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// After so many silent answers the clients are made anew, with a new login and the credentials as they are then: a
/// component that restarts needs only patience, a dead SSH connection or renewed certificates need this.
const PATIENCE: u32 = 6;

/// Sessions to nodes, and clients for their API servers and etcd members. Each node has a lock of its own: several threads
/// may use different nodes at once, and a long script on one holds up nobody on another.
#[derive(Default)]
pub struct Reach {
    nodes: BTreeMap<NodeName, Mutex<Slot>>,
    control_planes: Vec<NodeName>,
}

struct Slot {
    session: Box<dyn Session>,
    plane: Option<ControlPlane>,
    silences: u32,
}

impl Slot {
    fn run(&mut self, script: &Script) -> Result<Reply, HealthError> {
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
        }
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
        match &result {
            Err(error) if error.is_silence() => {
                self.silences += 1;
                if self.silences >= PATIENCE {
                    self.silences = 0;
                    self.plane = None;
                }
            }
            _ => self.silences = 0,
        }
        Ok(result?)
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
        self.nodes.insert(node, Mutex::new(Slot { session, plane: None, silences: 0 }));
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
        Ok(())
    }

    /// Asks a control-plane node's own API server or etcd member.
    pub fn ask<T>(
        &self,
        node: &NodeName,
        question: impl FnOnce(&ControlPlane) -> Result<T, ClusterError>,
    ) -> Result<T, HealthError> {
        self.api_server(node)?.ask(question)
    }

    fn slot(&self, node: &NodeName) -> Result<MutexGuard<'_, Slot>, HealthError> {
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

    fn api<T>(
        &self,
        node: &NodeName,
        question: impl FnOnce(&Api) -> Result<T, ClusterError>,
    ) -> Result<T, HealthError> {
        self.api_server(node)?.ask(|plane| question(&plane.api))
    }

    fn etcd<T>(
        &self,
        node: &NodeName,
        question: impl FnOnce(&Etcd) -> Result<T, ClusterError>,
    ) -> Result<T, HealthError> {
        let found = self.api_server(node)?.ask(|plane| plane.etcd.as_ref().map(question).transpose())?;
        found.ok_or_else(|| HealthError::NoEtcd { node: node.clone() })
    }

    /// Asks any API server, the node's own first.
    fn any_api<T>(
        &self,
        node: &NodeName,
        question: impl Fn(&Api) -> Result<T, ClusterError>,
    ) -> Result<T, HealthError> {
        let mut candidates = self.control_planes.clone();
        candidates.sort_by_key(|candidate| candidate != node);
        let mut failure = HealthError::NoControlPlane { node: node.clone() };
        for candidate in candidates {
            match self.api(&candidate, &question) {
                Ok(found) => return Ok(found),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// When the node's kubelet was started; `None` where there is no session to ask by, or no answer.
    fn kubelet_started(&self, node: &NodeName) -> Option<i64> {
        let script = Script::new("ask when the kubelet was started").section("start", KUBELET_START);
        let reply = self.slot(node).ok()?.run(&script).ok()?;
        started(&reply.section("start").text())
    }

    fn trial(&self, node: &NodeName, path: &NodePath) -> Result<EncryptionReport, HealthError> {
        let attempt = format!("read {path}");
        let body =
            format!("harden_file={}\nstat -c %Z \"$harden_file\"\n{FIRST_PROVIDER}", rooted(path.as_str()));
        let reply = self.slot(node)?.run(&Script::new(attempt.as_str()).section("file", body))?;
        let text = reply.section("file").text();
        let mut lines = text.lines();
        let written_at = lines.next().and_then(|line| line.parse().ok());
        let (Some(written_at), Some(provider)) = (written_at, lines.next()) else {
            let reason = String::from("it is missing, or not an encryption config");
            return Err(HealthError::Script { node: node.clone(), attempt, reason });
        };
        let expected = expected_prefix(provider, lines.next().unwrap_or_default());
        let read_at = self.api(node, Api::encryption_read_at)?;
        #[allow(clippy::cast_possible_truncation)]
        let read_at = read_at.map(|seconds| seconds.floor() as i64);
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let canary = format!("harden-canary-{nanos}");
        self.api(node, |api| api.create_canary(&canary))?;
        let seen = self.look_at_canary(node, &canary);
        // Deleted whether it could be looked at or not.
        self.api(node, |api| api.delete_canary(&canary))?;
        let (stored, unreadable) = seen?;
        Ok(EncryptionReport::Trial(Trial { written_at, read_at, expected, stored, unreadable }))
    }

    fn look_at_canary(
        &self,
        node: &NodeName,
        canary: &str,
    ) -> Result<(Option<String>, Vec<NodeName>), HealthError> {
        let object = format!("kube-system/{canary}");
        let stored = match self.etcd(node, |etcd| etcd.stored_prefix("secrets", &object)) {
            Err(HealthError::NoEtcd { .. }) => None,
            result => result?,
        };
        let mut unreadable = Vec::new();
        for other in &self.control_planes {
            if !self.api(other, |api| api.reads_canary(canary))? {
                unreadable.push(other.clone());
            }
        }
        Ok((stored, unreadable))
    }
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

    fn static_pod(&mut self, node: &NodeName, component: &str) -> Result<Option<MirrorPod>, HealthError> {
        self.api(node, |api| api.static_pod(node.as_str(), component))
    }

    fn processes(&mut self, node: &NodeName, component: &str) -> Result<Vec<ProcessReport>, HealthError> {
        let body = format!("harden_name={}\n{PROCESSES}", quote(component));
        let script = Script::new(format!("look for {component}")).section("processes", body);
        let reply = self.slot(node)?.run(&script)?;
        Ok(processes(&reply.section("processes").text()))
    }

    fn kubernetes_node(&mut self, node: &NodeName) -> Result<Option<NodeReport>, HealthError> {
        let kubelet_started = self.kubelet_started(node);
        self.any_api(node, |api| {
            let Some(info) = api.node(node.as_str())? else { return Ok(None) };
            Ok(Some(NodeReport { info, heartbeat: api.last_heartbeat(node.as_str())?, kubelet_started }))
        })
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

/// The clock, the time since boot, and the start by the latter; old systemd prints the start only as a local time otherwise.
const KUBELET_START: &str = "date +%s; cut -d. -f1 /proc/uptime; \
    systemctl show -p ActiveEnterTimestampMonotonic kubelet.service | cut -d= -f2";

/// Reads the output of [`KUBELET_START`]. A start in the future means that the two clocks do not belong together, as in
/// containers that have an uptime of their own.
fn started(text: &str) -> Option<i64> {
    let numbers: Vec<i64> = text.lines().map(str::parse).collect::<Result<_, _>>().ok()?;
    let [now, uptime, start] = numbers[..] else { return None };
    let started = now - uptime + start / 1_000_000;
    (start > 0 && started <= now + 1).then_some(started)
}

/// Each process whose program is the component: its number, its arguments a line each, an empty line. The kernel cuts names to
/// 15 characters. Only shell built-ins but for the match itself: a node has hundreds of processes.
const PROCESSES: &str = r#"harden_cut=$(printf %.15s "$harden_name")
for harden_process in /proc/[0-9]*; do
  harden_read=
  read -r harden_read 2>/dev/null <"$harden_process/comm" || continue
  [ "$harden_read" = "$harden_cut" ] || continue
  echo "${harden_process#/proc/}"
  tr '\0' '\n' <"$harden_process/cmdline" 2>/dev/null
  echo
done
:"#;

/// Reads the output of [`PROCESSES`]. No argument of a component is empty.
fn processes(text: &str) -> Vec<ProcessReport> {
    let blocks = text.split("\n\n").map(|block| block.trim_matches('\n')).filter(|block| !block.is_empty());
    blocks
        .map(|block| {
            let mut lines = block.lines().map(str::to_owned);
            ProcessReport { pid: lines.next().unwrap_or_default(), command: lines.collect() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_are_told_apart() {
        let found = processes("12\netcd\n--a=b\n\n13\netcd\n\n");
        let found: Vec<_> =
            found.iter().map(|process| (process.pid.as_str(), process.command.len())).collect();
        assert_eq!(found, [("12", 2), ("13", 1)]);
        assert!(processes("").is_empty());
    }

    #[test]
    fn a_process_is_found_by_every_shell() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        for shell in [["dash"].as_slice(), &["bash"], &["busybox", "sh"]] {
            let script = format!("harden_name=sleep\n{PROCESSES}");
            let output =
                std::process::Command::new(shell[0]).args(&shell[1..]).args(["-c", &script]).output();
            let found = processes(&String::from_utf8(output.unwrap().stdout).unwrap());
            let ours = found.iter().find(|process| process.pid == child.id().to_string()).unwrap();
            assert_eq!(ours.command, ["sleep", "60"]);
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn the_kubelets_start_is_put_on_the_nodes_clock() {
        assert_eq!(started("1000\n600\n590000000\n"), Some(990));
        assert_eq!(started("1000\n5\n590000000\n"), None);
        assert_eq!(started("1000\n600\n0\n"), None);
        assert_eq!(started("1000\n"), None);
    }
}
