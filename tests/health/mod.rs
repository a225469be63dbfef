//! Gates: what one poll means, and how they are waited for, with scripted answers and a clock that does not wait.

mod crash;
mod kubelet;
pub(crate) mod preflight;
mod preflight_script;
pub(crate) mod reach;
mod read_reach;

use harden::cluster::{Alarm, EtcdMember, EtcdStatus, NodeInfo, Readiness};
use harden::event::Event;
use harden::health::{
    Clock, ContainerReport, EncryptionReport, EtcdCluster, GateAccess, GateError, HealthError, Held,
    KubeletReport, NodeReport, Pace, Pending, ProcessReport, StaticPodReport, UnitReport, check, wait_with,
};
use harden::inventory::NodeName;
use harden::plan::Gate;
use harden::plan::manifest::Probe;
use harden::resource::{CertificateFacts, KeyAlgorithm, NodePath, Usage};
use std::cell::Cell;
use std::sync::Mutex;
use std::time::Duration;

pub(crate) fn name(text: &str) -> NodeName {
    serde_json::from_value(serde_json::Value::from(text)).unwrap()
}

/// A healthy node. Each part can be made sick, also as a function of the time.
struct Fake<'a> {
    clock: &'a FakeClock,
    ready: Box<dyn Fn(u64) -> bool + 'a>,
    unit: Box<dyn Fn(u64) -> UnitReport + 'a>,
    status: EtcdStatus,
    cluster: EtcdCluster,
    pod: StaticPodReport,
    status_of_probe: u16,
    node: Option<NodeReport>,
    encryption: EncryptionReport,
    kubelet: KubeletReport,
    container: Box<dyn Fn(u64) -> ContainerReport + 'a>,
}

#[derive(Default)]
struct FakeClock(Cell<Duration>);

impl Clock for FakeClock {
    fn now(&self) -> Duration {
        self.0.get()
    }

    fn sleep(&self, time: Duration) {
        self.0.set(self.0.get() + time);
    }
}

fn running(invocation: &str) -> UnitReport {
    UnitReport { active: "active".into(), sub: "running".into(), invocation: invocation.into() }
}

fn process(pid: &str, argument: &str, started: i64) -> ProcessReport {
    let command = vec!["kube-apiserver".into(), argument.into()];
    ProcessReport { pid: pid.into(), command, started: Some(started) }
}

impl<'a> Fake<'a> {
    fn new(clock: &'a FakeClock) -> Self {
        let member = |id, name: &str| EtcdMember { id, name: name.into(), ..EtcdMember::default() };
        Self {
            clock,
            ready: Box::new(|_| true),
            unit: Box::new(|_| running("1")),
            status: EtcdStatus {
                leader: 7,
                raft_index: 2000,
                raft_applied_index: 1990,
                ..EtcdStatus::default()
            },
            cluster: EtcdCluster { members: vec![member(7, "cp-1"), member(8, "cp-2")], alarms: Vec::new() },
            pod: StaticPodReport {
                processes: vec![process("7", "--data-dir=/a/workload", 500), process("8", "--a=b", 100)],
                placed: Some(90),
            },
            status_of_probe: 200,
            node: Some(NodeReport {
                info: NodeInfo { ready: true, ..NodeInfo::default() },
                heartbeat: Some(100),
                kubelet_started: Some(95),
            }),
            encryption: EncryptionReport::Hash { on_disk: "h".into(), loaded: Some("h".into()) },
            kubelet: KubeletReport { served: facts(), is_on_disk: true },
            container: Box::new(|_| ContainerReport::default()),
        }
    }
}

impl GateAccess for Fake<'_> {
    fn unit(&mut self, _: &NodeName, _: &str) -> Result<UnitReport, HealthError> {
        Ok((self.unit)(self.clock.now().as_secs()))
    }
    fn readiness(&mut self, node: &NodeName) -> Result<Readiness, HealthError> {
        if node.as_str() == "unknown" {
            return Err(HealthError::NoSession { node: node.clone() });
        }
        let ready = (self.ready)(self.clock.now().as_secs());
        Ok(Readiness { ready, failed: if ready { Vec::new() } else { vec!["etcd".into()] } })
    }
    fn etcd_status(&mut self, _: &NodeName) -> Result<EtcdStatus, HealthError> {
        Ok(self.status.clone())
    }
    fn etcd_cluster(&mut self, _: &NodeName) -> Result<EtcdCluster, HealthError> {
        Ok(self.cluster.clone())
    }
    fn processes(
        &mut self,
        _: &NodeName,
        _: &str,
        manifest: Option<&NodePath>,
    ) -> Result<StaticPodReport, HealthError> {
        let placed = self.pod.placed.filter(|_| manifest.is_some());
        Ok(StaticPodReport { placed, ..self.pod.clone() })
    }
    fn probe(&mut self, _: &NodeName, _: &Probe) -> Result<u16, HealthError> {
        Ok(self.status_of_probe)
    }
    fn container(&mut self, _: &NodeName, _: &str) -> Result<ContainerReport, HealthError> {
        Ok((self.container)(self.clock.now().as_secs()))
    }
    fn last_words(&mut self, _: &NodeName, log: &str) -> Result<Vec<String>, HealthError> {
        Ok(vec![format!("{log} says:"), String::from("Error: unknown flag: --x")])
    }
    fn kubernetes_node(&mut self, _: &NodeName) -> Result<Option<NodeReport>, HealthError> {
        Ok(self.node.clone())
    }
    fn kubelet(&mut self, _: &NodeName, _: &NodePath, _: &NodePath) -> Result<KubeletReport, HealthError> {
        Ok(self.kubelet.clone())
    }
    fn encryption(&mut self, _: &NodeName, _: &NodePath) -> Result<EncryptionReport, HealthError> {
        Ok(self.encryption.clone())
    }
}

fn facts() -> CertificateFacts {
    CertificateFacts {
        common_name: String::from("system:node:w-1"),
        organizations: [String::from("system:nodes")].into(),
        dns_names: [String::from("w-1")].into(),
        addresses: [].into(),
        usages: [Usage::Server].into(),
        algorithm: KeyAlgorithm::EcdsaP256,
        not_before: 0,
        not_after: 100,
        serial: String::from("0a"),
        signed_by_issuer: true,
    }
}

fn serving_gate() -> Gate {
    let path = |text: &str| text.parse().unwrap();
    Gate::KubeletServes { node: name("w-1"), certificate: path("/x.crt"), issuer: path("/ca.crt") }
}

fn api_gate() -> Gate {
    Gate::ApiServerReady { node: name("cp-1") }
}

fn unit_gate() -> Gate {
    Gate::UnitActive { node: name("cp-1"), unit: "kubelet.service".into() }
}

fn pod_gate(argument: &str) -> Gate {
    Gate::StaticPodRuns {
        node: name("cp-1"),
        component: "kube-apiserver".into(),
        command: vec!["kube-apiserver".into(), argument.into()],
        manifest: Some("/etc/kubernetes/manifests/kube-apiserver.yaml".parse().unwrap()),
        probe: Some(Probe { tls: true, host: "10.0.0.1".into(), port: 6443, path: "/readyz".into() }),
    }
}

/// What a gate says of a node that is healthy but for one thing.
fn verdict(gate: &Gate, sicken: impl FnOnce(&mut Fake<'_>)) -> String {
    let clock = FakeClock::default();
    let mut fake = Fake::new(&clock);
    sicken(&mut fake);
    match check(gate, &mut fake) {
        Ok(Held { .. }) => String::from("held"),
        Err(Pending(reason)) => reason,
    }
}

#[test]
fn a_healthy_node_passes_every_gate() {
    let path: NodePath = "/etc/x".parse().unwrap();
    for gate in [
        api_gate(),
        unit_gate(),
        pod_gate("--a=b"),
        Gate::EtcdHealthy { node: name("cp-1") },
        Gate::NodeReady { node: name("cp-1") },
        serving_gate(),
        Gate::EncryptionLoaded { node: name("cp-1"), path },
    ] {
        assert_eq!(verdict(&gate, |_| {}), "held", "{gate:?}");
    }
}

#[test]
fn etcd_is_whole_with_the_members_of_the_inventory_and_nobody_else() {
    let of = |members: &[&str]| {
        let members = members.iter().map(|member| name(member)).collect();
        verdict(&Gate::EtcdWhole { node: name("cp-1"), members }, |_| {})
    };
    assert_eq!(of(&["cp-1", "cp-2"]), "held");
    assert_eq!(of(&["cp-1", "cp-2", "cp-3"]), "cp-3 is no member yet");
    assert_eq!(of(&["cp-1"]), "the member cp-2 is not in the inventory");
    let members = [name("cp-1"), name("cp-2")].into();
    let whole = Gate::EtcdWhole { node: name("cp-1"), members };
    assert_eq!(verdict(&whole, |fake| fake.status.leader = 0), "the member has no leader");
    assert_eq!(
        verdict(&whole, |fake| fake.cluster.members[1].name.clear()),
        "the member at  was added and never started"
    );
}

#[test]
fn each_fault_of_etcd_is_named() {
    let etcd = Gate::EtcdHealthy { node: name("cp-1") };
    let check = |sicken: fn(&mut Fake<'_>)| verdict(&etcd, sicken);
    assert_eq!(check(|fake| fake.status.leader = 0), "the member has no leader");
    assert_eq!(check(|fake| fake.status.raft_applied_index = 999), "the member is 1001 log entries behind");
    assert_eq!(check(|fake| fake.status.errors = vec!["NOSPACE".into()]), "the member reports: NOSPACE");
    assert_eq!(check(|fake| fake.status.is_learner = true), "the member is still a learner");
    let unstarted = check(|fake| {
        let peer_urls = vec!["https://10.0.0.3:2380".into()];
        fake.cluster.members.push(EtcdMember { peer_urls, ..EtcdMember::default() });
    });
    assert_eq!(unstarted, "the member at https://10.0.0.3:2380 was added and never started");
    let alarm = check(|fake| fake.cluster.alarms.push(Alarm { member_id: 8, alarm: "NOSPACE".into() }));
    assert_eq!(alarm, "cp-2 raises the alarm NOSPACE");
}

#[test]
fn each_fault_of_a_static_pod_is_named() {
    let check = |sicken: fn(&mut Fake<'_>)| verdict(&pod_gate("--a=b"), sicken);
    assert_eq!(check(|fake| fake.pod.processes.clear()), "there is no such process");
    let old = check(|fake| drop(fake.pod.processes.pop()));
    assert_eq!(old, "the process is still the old one, without `--a=b`");
    let more = check(|fake| {
        fake.pod.processes.remove(0);
        fake.pod.processes[0].command.push("--old".into());
    });
    assert_eq!(more, "the process is still the old one");
    assert_eq!(check(|fake| fake.status_of_probe = 500), "it answers :6443/readyz with 500");
}

/// Where only a file that the pod reads at its start has changed, the command line is the same.
#[test]
fn a_process_of_the_same_command_must_be_younger_than_its_manifest() {
    let check = |placed: Option<i64>, started: Option<i64>| {
        verdict(&pod_gate("--a=b"), |fake| {
            fake.pod.placed = placed;
            fake.pod.processes[1].started = started;
        })
    };
    let old = "the process is still the one from before the new manifest";
    assert_eq!(check(Some(110), Some(100)), old);
    // Of seconds cut off on either side.
    assert_eq!(check(Some(102), Some(100)), "held");
    // What cannot be told is no reason to wait for ever.
    assert_eq!(check(None, Some(100)), "held");
    assert_eq!(check(Some(110), None), "held");
    let both = verdict(&pod_gate("--a=b"), |fake| {
        fake.pod.placed = Some(110);
        fake.pod.processes.push(process("9", "--a=b", 111));
    });
    assert_eq!(both, "held");
}

#[test]
fn a_node_is_ready_by_a_sign_of_life_since_its_kubelet_started() {
    let check = |sicken: fn(&mut Fake<'_>)| verdict(&Gate::NodeReady { node: name("w-1") }, sicken);
    assert_eq!(check(|fake| fake.node = None), "it has not joined the cluster");
    let stale = check(|fake| fake.node.as_mut().unwrap().kubelet_started = Some(102));
    assert_eq!(stale, "its kubelet gave no sign of life since it was started");
    assert_eq!(check(|fake| fake.node.as_mut().unwrap().kubelet_started = Some(101)), "held");
    let sick = check(|fake| {
        let info = &mut fake.node.as_mut().unwrap().info;
        (info.ready, info.reason) = (false, "KubeletNotReady: no CNI".into());
    });
    assert_eq!(sick, "KubeletNotReady: no CNI");
}

#[test]
fn a_kubelet_must_serve_with_what_is_on_its_disk() {
    let check = |sicken: fn(&mut Fake<'_>)| verdict(&serving_gate(), sicken);
    assert_eq!(check(|_| {}), "held");
    let old = check(|fake| fake.kubelet.is_on_disk = false);
    assert_eq!(old, "it still serves with another certificate (serial number 0a)");
    let other = check(|fake| fake.kubelet.served.signed_by_issuer = false);
    assert_eq!(other, "the CA on the node has not signed its certificate");
}

#[test]
fn an_error_of_a_question_is_only_not_yet() {
    let gate = Gate::ApiServerReady { node: name("unknown") };
    assert_eq!(verdict(&gate, |_| {}), "ask node unknown: there is no session to it");
    let encryption = Gate::EncryptionLoaded { node: name("cp-1"), path: "/etc/x".parse().unwrap() };
    let other = verdict(&encryption, |fake| {
        fake.encryption = EncryptionReport::Hash { on_disk: "h".into(), loaded: Some("g".into()) };
    });
    assert_eq!(other, "it still uses an older encryption config");
}

/// Waits on a fake clock; how it ended, after how many seconds, and what was reported.
fn run(gates: &[Gate], sicken: impl FnOnce(&mut Fake<'_>)) -> (Result<(), GateError>, u64, Vec<Event>) {
    let clock = FakeClock::default();
    let mut fake = Fake::new(&clock);
    sicken(&mut fake);
    let events = Mutex::new(Vec::new());
    let listener = |event| events.lock().unwrap().push(event);
    let result = wait_with(&clock, gates, &mut fake, &Pace::default(), &listener, &|| false);
    (result, clock.now().as_secs(), events.into_inner().unwrap())
}

#[test]
fn what_was_restarted_must_live_for_three_seconds_and_all_gates_wait_together() {
    let (result, seconds, events) = run(&[api_gate(), unit_gate(), pod_gate("--a=b")], |_| {});
    assert_eq!((result, seconds), (Ok(()), 3));
    let passed = events.iter().filter(|event| matches!(event, Event::Passed { .. })).count();
    assert_eq!(passed, 3);
    assert!(matches!(&events[0], Event::Waiting { last, .. } if last == "it holds"));
}

#[test]
fn what_fails_at_first_is_waited_for() {
    let (result, seconds, _) = run(&[api_gate()], |fake| fake.ready = Box::new(|now| now >= 42));
    assert_eq!((result, seconds), (Ok(()), 43));
}

#[test]
fn a_fall_or_a_restart_begins_the_time_anew() {
    let (result, seconds, _) = run(&[api_gate(), unit_gate()], |fake| fake.ready = Box::new(|now| now != 2));
    assert_eq!((result, seconds), (Ok(()), 4));
    let restarted = |now| running(if now < 2 { "1" } else { "2" });
    let (result, seconds, events) = run(&[unit_gate()], |fake| fake.unit = Box::new(restarted));
    assert_eq!((result, seconds), (Ok(()), 5));
    assert!(
        events.iter().any(
            |event| matches!(event, Event::Waiting { last, .. } if last == "it was restarted meanwhile")
        )
    );
}

/// The API server answers until the kubelet has seen the new manifest: that was the old one.
#[test]
fn a_gate_that_passed_must_hold_again_when_it_fell() {
    let (result, seconds, events) = run(&[api_gate(), unit_gate()], |fake| {
        fake.ready = Box::new(|now| !(5..200).contains(&now));
        fake.unit = Box::new(|now| if now < 10 { UnitReport::default() } else { running("1") });
    });
    let Err(GateError::Timeout { gate, last, .. }) = result else { panic!("{result:?}") };
    assert_eq!((gate.as_str(), seconds), ("kube-apiserver answers /readyz", 185));
    assert_eq!(last, "the API server is not ready: etcd");
    let passed = events.iter().filter(|event| matches!(event, Event::Passed { .. })).count();
    assert_eq!(passed, 2, "each passed once, and one of them fell");
}

#[test]
fn a_deadline_names_gate_node_and_last_sight() {
    let crash_loop = |now| running(&format!("{}", now / 2));
    let (result, _, _) = run(&[unit_gate()], |fake| fake.unit = Box::new(crash_loop));
    let text = result.unwrap_err().to_string();
    assert!(
        text.starts_with("gate `kubelet.service is active` on cp-1 did not hold within 60 s: it"),
        "{text}"
    );
    let failed = |_| UnitReport { active: "failed".into(), sub: "failed".into(), ..UnitReport::default() };
    let (result, seconds, _) = run(&[unit_gate()], |fake| fake.unit = Box::new(failed));
    let text = result.unwrap_err().to_string();
    assert_eq!(
        text,
        "gate `kubelet.service is active` on cp-1 did not hold within 60 s: it is failed (failed)"
    );
    assert_eq!(seconds, 60);
}

#[test]
fn gates_that_fall_in_turn_do_not_wait_for_ever() {
    let (result, seconds, _) = run(&[api_gate(), unit_gate()], |fake| {
        fake.ready = Box::new(|now| now % 20 < 10);
        fake.unit = Box::new(|now| if now % 20 < 10 { UnitReport::default() } else { running("1") });
    });
    assert!(matches!(result, Err(GateError::Unstable { .. })), "{result:?}");
    assert_eq!(seconds, 360);
}

#[test]
fn no_gates_are_no_wait_and_an_interrupt_ends_one() {
    assert_eq!(run(&[], |_| {}).1, 0);
    let clock = FakeClock::default();
    let mut fake = Fake::new(&clock);
    fake.ready = Box::new(|_| false);
    let cancel = || clock.now() >= Duration::from_secs(2);
    let result = wait_with(&clock, &[api_gate()], &mut fake, &Pace::default(), &|_| {}, &cancel);
    assert_eq!(result, Err(GateError::Cancelled { node: name("cp-1") }));
    assert_eq!(clock.now(), Duration::from_secs(2));
}

#[test]
fn an_interrupt_lets_what_holds_be_proven() {
    let clock = FakeClock::default();
    let mut fake = Fake::new(&clock);
    let result = wait_with(&clock, &[api_gate()], &mut fake, &Pace::default(), &|_| {}, &|| true);
    assert_eq!((result, clock.now()), (Ok(()), Duration::from_secs(1)));
}
