//! Units behind harden's back: masked, and with a process that is not what their files say.

use super::fixture::*;
use harden::inventory::Role::{ControlPlane, Worker};
use harden::plan::{Operation, Origin, Plan, build};
use harden::resource::*;

const KUBELET: &str = "kubelet.service";
const CONFIG: &str = "/var/lib/kubelet/config.yaml";

/// The plan of a worker with a kubelet as this says.
fn plan(alter: impl Fn(&mut Observed)) -> Plan {
    let inventory = inventory(&[("cp-1", &[ControlPlane]), ("w-1", &[Worker])]);
    let mut inputs = inputs(&inventory);
    let unit = UnitSpec { unit: KUBELET.into(), enabled: Some(true), active: Some(true) };
    let mut seen = observed();
    let state = UnitState { load: "loaded".into(), active: "active".into(), enabled: "enabled".into() };
    seen.units.insert(KUBELET.into(), state);
    alter(&mut seen);
    for node in &inventory.nodes {
        inputs.desired.insert(node.name.clone(), Desired::default());
    }
    let name = inventory.nodes[1].name.clone();
    let resources = vec![resource("unit.kubelet", Spec::Unit(unit), &[])];
    inputs.desired.insert(name.clone(), Desired { resources });
    inputs.observed.insert(name, seen);
    build(inputs).unwrap()
}

fn process(command: &str, declared: &str, started: i64) -> UnitProcess {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    UnitProcess { started, command: words(command), declared: Some(words(declared)) }
}

#[test]
fn a_masked_unit_is_unmasked() {
    let plan = plan(|seen| {
        let unit = seen.units.get_mut(KUBELET).unwrap();
        (unit.load, unit.enabled) = ("masked".into(), "masked".into());
    });
    let node = &plan.waves[0].nodes[0];
    let change = &node.changes[0];
    assert_eq!(change.reasons, ["masked: nobody and nothing can start it", "at boot: masked → enabled"]);
    // It runs still: there is nothing to start, and nothing to restart.
    let wanted = Operation::SetUnit { unit: KUBELET.into(), enabled: Some(true), active: None };
    assert_eq!((&change.operations[..], node.restart_units.len()), (&[wanted][..], 0));
}

#[test]
fn a_process_that_is_not_what_its_unit_says_is_restarted() {
    let command = format!("/usr/bin/kubelet --config={CONFIG}");
    let found = |process: UnitProcess| {
        let plan = plan(|seen| {
            seen.running.insert(KUBELET.into(), process.clone());
        });
        let node = plan.waves.first().map(|wave| wave.nodes[0].clone())?;
        assert_eq!(node.restart_units, [KUBELET]);
        let change = &node.changes[0];
        assert_eq!((change.origin, &change.restarts[..]), (Origin::New, &[KUBELET.to_owned()][..]));
        assert!(change.operations.is_empty());
        Some(change.reasons.clone())
    };
    assert_eq!(found(process(&command, &command, NOW)), None);
    let told = found(process(&format!("{command} --v=9"), &command, NOW)).unwrap();
    assert_eq!(told, ["runs with --v=9, and its unit does not say so"]);
    let FileState::Present(config) = observed().files[&path(CONFIG)].clone() else { panic!("it is there") };
    let told = found(process(&command, &command, config.modified - 60)).unwrap();
    assert!(told[0].starts_with("runs since ") && told[0].contains(CONFIG), "{told:?}");
}
