//! The fault matrix on imagined nodes: the connection is cut at each script of a transaction, before it, in each of its
//! sections, within its reply and after it.

use super::cut::Fault;
use super::faults::plain;
use super::prove::{Ground, Waves, in_lanes, new_state, prove};
use super::world::{World, name};
use crate::support::matrix::{self, Cut, End, How, Place, Step};
use std::collections::{BTreeMap, BTreeSet};

/// Few nodes and changes, since the faults are many: a static pod, a secret, a new file, a mode, a file that goes. Random plans
/// have the others as well.
const WAVES: Waves = &[&["cp-1"], &["w-1"]];
const CHANGED: &[usize] = &[0, 2, 3, 4, 6];

fn title(step: Step) -> &'static str {
    match step {
        Step::Change => "apply changes",
        Step::RestartUnits => "restart units",
        Step::Confirm => "confirm",
        Step::RollBack => "roll back",
    }
}

/// Every way in which the connection is cut at a script.
fn faults(cut: &Cut) -> Vec<Fault> {
    let mut faults = Vec::new();
    for how in &cut.how {
        let at = cut.at.iter().map(|place| &*place.clone().leak());
        match how {
            How::NotSent => faults.push(Fault::Before),
            How::Killed => faults.extend(at.map(Fault::Killed)),
            How::GoesOn => faults.extend(at.map(Fault::Running)),
            How::Deadline => faults.extend(at.map(Fault::Deadline)),
            How::ReplyCut => faults.push(Fault::Middle),
            How::ReplyLost => faults.push(Fault::After),
        }
    }
    faults
}

/// Each script is cut before it is sent, in front of each of its sections, within its reply and after it.
#[test]
fn every_script_is_cut_everywhere() {
    let cases = matrix::proven(&[Place::Imagined]);
    let cuts: Vec<&Cut> = cases.iter().filter_map(|case| case.cut.as_ref()).collect();
    let mut sent = BTreeMap::new();
    for is_parted in [true, false] {
        let mut world = World::new(&["cp-1"]);
        world.is_parted = is_parted;
        world.wrong.sick.push(("cp-1", if is_parted { 2 } else { 1 }));
        let mut healthy = World::new(&["cp-1"]);
        healthy.is_parted = is_parted;
        for world in [world, healthy] {
            world.apply(&world.plan(&[&["cp-1"]], &plain()));
            for (title, sections) in world.sent.into_inner().unwrap() {
                sent.entry(title).or_insert_with(BTreeSet::new).extend(sections);
            }
        }
    }
    for step in [Step::Change, Step::RestartUnits, Step::Confirm, Step::RollBack] {
        let of_step: Vec<&&Cut> = cuts.iter().filter(|cut| cut.script == step).collect();
        for how in [How::NotSent, How::ReplyCut, How::ReplyLost] {
            assert!(of_step.iter().any(|cut| cut.how.contains(&how)), "{step:?} {how:?}");
        }
        for how in [How::Killed, How::GoesOn, How::Deadline] {
            let places = of_step.iter().filter(|cut| cut.how.contains(&how)).flat_map(|cut| &cut.at);
            let sections: BTreeSet<String> = places.filter(|at| !at.contains(['"', '_'])).cloned().collect();
            assert_eq!(sections, sent[title(step)], "{step:?} {how:?}");
        }
    }
}

fn cut(world: &mut World, step: Step, fault: Fault) {
    let mut cuts = vec![("cp-1", title(step), fault)];
    if step == Step::RollBack {
        cuts.push(("cp-1", title(Step::Change), Fault::After));
    }
    world.wrong.cuts = cuts.into();
}

#[test]
fn a_connection_that_is_cut_anywhere() {
    let mut runs = Vec::new();
    let cases = matrix::proven(&[Place::Imagined]);
    for case in &cases {
        runs.extend(case.cut.iter().flat_map(faults).map(|fault| (case, fault)));
    }
    let new = new_state(CHANGED);
    in_lanes(&runs, |(case, fault)| {
        let step = case.cut.as_ref().unwrap().script;
        let prepare = |world: &mut World| cut(world, step, *fault);
        let is_parted = step == Step::RestartUnits;
        let ground = Ground { waves: WAVES, hit: "cp-1", changes: CHANGED, new: &new, is_parted };
        prove(&format!("{}, {fault:?}", case.name), case, &ground, prepare);
    });
}

/// As if harden were killed there: the node never hears of it again, and its own timer comes.
#[test]
fn a_harden_that_is_gone_anywhere() {
    let mut runs = Vec::new();
    let cases = matrix::proven(&[Place::Imagined]);
    for case in &cases {
        let faults = case.cut.iter().flat_map(faults);
        let ends = faults.filter(|fault| !matches!(fault, Fault::Running(_) | Fault::Deadline(_)));
        runs.extend(ends.map(|fault| (case, fault)));
    }
    let new = new_state(CHANGED);
    in_lanes(&runs, |(case, fault)| {
        let step = case.cut.as_ref().unwrap().script;
        let mut world = World::new(&["cp-1"]);
        world.is_parted = step == Step::RestartUnits;
        let plan = world.plan(&[&["cp-1"]], CHANGED);
        cut(&mut world, step, *fault);
        world.wrong.gone_after_cuts = true;
        let told = format!("{}, {fault:?}", case.name);
        world.apply(&plan);
        let is_done = matches!(fault, Fault::Middle | Fault::After) && step == Step::RollBack;
        let end = if case.end == End::PutBack && !is_done { End::ByTimer } else { case.end };
        assert_eq!(world.end("cp-1"), end, "{told}");
        let expected = if end == End::Applied { &new } else { &world.old[&name("cp-1")] };
        assert_eq!(world.listing("cp-1"), *expected, "{told}");
        assert!(!world.is_locked("cp-1"), "{told}");
        assert_eq!(world.strays("cp-1"), [""; 0], "{told}");
    });
}
