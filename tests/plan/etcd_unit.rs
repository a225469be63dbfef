//! An etcd that systemd runs: its members one by one with all others healthy, a new one's together, and gates for what is there.

use super::fixture::*;
use harden::inventory::Inventory;
use harden::inventory::Role::{ControlPlane, Etcd, Worker};
use harden::plan::{Gate, Inputs, NodePlan, Operation, Plan, build, etcd_is_whole};
use harden::resource::*;

const CONFIGURATION: &str = "/etc/etcd/etcd.conf";
const UNIT: &str = "/etc/systemd/system/etcd.service";
const SERVICE: &str = "etcd.service";

fn file(id: &str, at: &str, text: &str) -> Resource {
    let spec = FileSpec {
        path: path(at),
        ownership: ownership("0600"),
        directory_mode: Mode(0o755),
        content: Content { text: text.into(), secrets: vec![] },
        sensitive_keys: vec![],
        existing: Existing::default(),
    };
    resource(id, Spec::File(spec), &[SERVICE])
}

fn desired() -> Desired {
    let unit = UnitSpec { unit: SERVICE.into(), enabled: Some(true), active: Some(true) };
    Desired {
        resources: vec![
            file("file.etcd-configuration", CONFIGURATION, "new"),
            file("file.etcd-unit", UNIT, "unit"),
            resource("unit.etcd", Spec::Unit(unit), &[]),
        ],
    }
}

/// A member that runs, with an old configuration.
fn running() -> Observed {
    let mut seen = observed();
    seen.files.insert(path(CONFIGURATION), present("old", "0600"));
    seen.files.insert(path(UNIT), present("unit", "0600"));
    let state = UnitState { load: "loaded".into(), active: "active".into(), enabled: "enabled".into() };
    seen.units.insert(SERVICE.into(), state);
    seen
}

/// A host with nothing on it.
fn blank() -> Observed {
    let mut seen = observed();
    seen.files.insert(path(CONFIGURATION), FileState::Absent);
    seen.files.insert(path(UNIT), FileState::Absent);
    let state = UnitState { load: "not-found".into(), active: "inactive".into(), enabled: String::new() };
    seen.units.insert(SERVICE.into(), state);
    seen
}

fn three() -> Inventory {
    inventory(&[
        ("cp-1", &[ControlPlane]),
        ("w-1", &[Worker]),
        ("etcd-1", &[Etcd]),
        ("etcd-2", &[Etcd]),
        ("etcd-3", &[Etcd]),
    ])
}

/// The inputs where the members are as this says.
fn with(inventory: &Inventory, seen: impl Fn(&str) -> Observed) -> Inputs<'_> {
    let mut inputs = inputs(inventory);
    for node in inventory.with_role(Etcd) {
        inputs.desired.insert(node.name.clone(), desired());
        inputs.observed.insert(node.name.clone(), seen(node.name.as_str()));
    }
    inputs
}

fn waves(plan: &Plan) -> Vec<String> {
    let nodes =
        |nodes: &[NodePlan]| nodes.iter().map(|node| node.node.to_string()).collect::<Vec<_>>().join(" ");
    plan.waves.iter().map(|wave| format!("{}: {}", wave.title, nodes(&wave.nodes))).collect()
}

fn healthy(node: &str) -> Gate {
    Gate::EtcdHealthy { node: name(node) }
}

fn active(node: &str) -> Gate {
    Gate::UnitActive { node: name(node), unit: SERVICE.into() }
}

#[test]
fn members_are_restarted_one_by_one_before_everything_else() {
    let inventory = three();
    let plan = build(with(&inventory, |_| running())).unwrap();
    assert_eq!(
        waves(&plan),
        [
            "canary etcd node: etcd-1",
            "etcd node 2 of 3: etcd-2",
            "etcd node 3 of 3: etcd-3",
            "canary control-plane node: cp-1",
            "canary worker: w-1",
        ]
    );
    let second = &plan.waves[1].nodes[0];
    assert_eq!(second.restart_units, [SERVICE]);
    assert_eq!(second.changes[0].restarts, [SERVICE]);
    assert_eq!(second.before, [healthy("etcd-2"), healthy("etcd-1"), healthy("etcd-3")]);
    assert_eq!(second.after, [healthy("etcd-2"), active("etcd-2")]);
    assert!(second.between.is_empty());
    // A script of two minutes and a restart, a new login, the gates, and some time to spare.
    assert_eq!(second.rollback_after, Some(120 + 90 + 60 + 120 + 120));
}

#[test]
fn members_of_which_none_runs_are_started_together() {
    let inventory = three();
    let plan = build(with(&inventory, |_| blank())).unwrap();
    let expected = "all etcd nodes, since none starts without most of the others: etcd-1 etcd-2 etcd-3";
    assert_eq!(waves(&plan)[0], expected);
    for node in &plan.waves[0].nodes {
        // What is started needs no restart, and before that there is nothing to be asked.
        assert!(node.restart_units.is_empty() && node.before.is_empty());
        assert!(node.changes.iter().all(|change| change.restarts.is_empty()));
        assert_eq!(node.after, [healthy(node.node.as_str()), active(node.node.as_str())]);
        assert_eq!(node.rollback_after, Some(120 + 90 + 60 + 120 + 120));
        let unit = &node.changes[2];
        assert_eq!((unit.action.sign(), unit.edits.as_slice()), ('+', &[String::from("does not exist")][..]));
        let started = Operation::SetUnit { unit: SERVICE.into(), enabled: Some(true), active: Some(true) };
        assert_eq!(unit.operations, [started]);
    }
    // One is left out: then there may be a cluster already.
    let mut limited = with(&inventory, |_| blank());
    limited.limit.remove(&name("etcd-3"));
    assert_eq!(waves(&build(limited).unwrap())[0], "canary etcd node: etcd-1");
}

#[test]
fn one_that_joins_is_not_waited_for_by_the_others() {
    let inventory = three();
    let plan = build(with(&inventory, |node| if node == "etcd-2" { blank() } else { running() })).unwrap();
    let before = |wave: usize| plan.waves[wave].nodes[0].before.clone();
    assert_eq!(before(0), [healthy("etcd-1"), healthy("etcd-3")]);
    assert_eq!(before(1), []);
    assert_eq!(before(2), [healthy("etcd-3"), healthy("etcd-1")]);
    // One that has fallen away is: there is none to spare.
    let stopped = || {
        let mut seen = running();
        seen.units.get_mut(SERVICE).unwrap().active = "failed".into();
        seen
    };
    let plan = build(with(&inventory, |node| if node == "etcd-2" { stopped() } else { running() })).unwrap();
    assert_eq!(plan.waves[0].nodes[0].before, [healthy("etcd-1"), healthy("etcd-2"), healthy("etcd-3")]);
    assert_eq!(plan.waves[1].nodes[0].before, []);
}

#[test]
fn a_unit_that_nobody_makes_is_an_error() {
    let inventory = three();
    let mut inputs = with(&inventory, |_| blank());
    for node in ["etcd-1", "etcd-2", "etcd-3"] {
        inputs.desired.get_mut(&name(node)).unwrap().resources.remove(1);
    }
    let error = build(inputs).unwrap_err().to_string();
    assert!(
        error.contains("etcd-1: unit.etcd: find the unit etcd.service: systemd says it is not-found"),
        "{error}"
    );
}

#[test]
fn a_single_member_takes_the_api_with_it() {
    let inventory = inventory(&[("cp-1", &[ControlPlane]), ("cp-2", &[ControlPlane]), ("etcd-1", &[Etcd])]);
    let away = |seen: &dyn Fn() -> Observed| {
        let plan = build(with(&inventory, |_| seen())).unwrap();
        plan.notices.iter().any(|notice| notice.starts_with("etcd-1 is the only etcd member"))
    };
    assert!(away(&running));
    assert!(!away(&blank), "it is not there yet");
}

#[test]
fn beside_an_api_server_it_goes_in_the_control_planes_wave() {
    let inventory = inventory(&[
        ("cp-1", &[ControlPlane, Etcd]),
        ("cp-2", &[ControlPlane, Etcd]),
        ("cp-3", &[ControlPlane, Etcd]),
    ]);
    let plan = build(with(&inventory, |_| running())).unwrap();
    assert_eq!(waves(&plan).len(), 3);
    let node = &plan.waves[0].nodes[0];
    // The API server asks the other members meanwhile: it stays.
    assert_eq!((node.restart_units.as_slice(), node.restart_pods.len()), (&[String::from(SERVICE)][..], 0));
    assert_eq!(node.before[0], healthy("cp-1"));
    assert!(node.before.contains(&healthy("cp-2")) && node.before.contains(&healthy("cp-3")));
}

#[test]
fn whole_is_every_member_with_all_others() {
    let gates = etcd_is_whole(&three());
    let members = || ["etcd-1", "etcd-2", "etcd-3"].map(name).into();
    let gate = |node| Gate::EtcdWhole { node: name(node), members: members() };
    assert_eq!(gates, ["etcd-1", "etcd-2", "etcd-3"].map(gate));
    assert_eq!(gates[0].title(), "etcd is healthy and has all its members");
}
