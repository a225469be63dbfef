//! Any changes, any fault, any place: each node has its old state or its new one, in full.

use super::cut::Fault;
use super::material::CHANGES;
use super::world::{World, name, word};
use proptest::prelude::*;

const NODES: &[&str] = &["cp-1", "w-1"];

fn any_fault() -> impl Strategy<Value = Fault> {
    // At a script that has no such section it comes before the first one.
    let section = prop::sample::select(vec![
        "state",
        "check",
        "keep",
        "users",
        "stage",
        "validate",
        "swap",
        "restart",
        "manifests",
        "outcome",
    ]);
    prop_oneof![
        Just(Fault::Before),
        Just(Fault::Middle),
        Just(Fault::After),
        section.clone().prop_map(Fault::Killed),
        section.clone().prop_map(Fault::Running),
        section.prop_map(Fault::Deadline),
    ]
}

fn check(
    changes: &[usize],
    faults: &[(usize, Fault)],
    sick: Option<usize>,
    is_parted: bool,
) -> Result<(), TestCaseError> {
    let twin = World::new(&["cp-1"]);
    prop_assert!(twin.apply(&twin.plan(&[&["cp-1"]], changes)).stopped.is_none());
    let new = twin.listing("cp-1");
    let mut world = World::new(NODES);
    world.is_parted = is_parted;
    let plan = world.plan(&[&["cp-1"], &["w-1"]], changes);
    let old = world.listing("cp-1");
    world.wrong.faults.extend(faults.iter().map(|(call, fault)| (("cp-1", *call), *fault)));
    world.wrong.sick.extend(sick.map(|wait| ("cp-1", wait)));
    let report = world.apply(&plan);
    let outcome = word(&report.nodes[&name("cp-1")]);
    let found = world.listing("cp-1");
    prop_assert!(found == old || found == new, "{:?}: {:#?}", report, found);
    match outcome {
        "applied" => prop_assert_eq!(&found, &new),
        "untouched" | "rolled-back" => prop_assert_eq!(&found, &old),
        // Only where the gates fail with the old state as well.
        other => prop_assert!(other == "broken" && sick.is_some(), "{:?}", report),
    }
    prop_assert!(!world.is_locked("cp-1"), "{:?}", report);
    // The CA for the second node is read on the first, where faults may be left.
    let next = word(&report.nodes[&name("w-1")]);
    let code = match (outcome, next) {
        ("applied", "applied") => 0,
        ("untouched", "not-begun") => 1,
        ("applied", "untouched") | ("rolled-back", "not-begun") => 3,
        ("broken", "not-begun") => 4,
        _ => return Err(TestCaseError::fail(format!("{report:?}"))),
    };
    prop_assert_eq!(report.exit_code().number(), code, "{:?}", report);
    prop_assert_eq!(world.listing("w-1"), if next == "applied" { new } else { old });
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_changes_and_any_faults_leave_the_old_state_or_the_new_one(
        changes in prop::sample::subsequence((0..CHANGES).collect::<Vec<_>>(), 1..=CHANGES),
        faults in prop::collection::vec((0_usize..6, any_fault()), 0..3),
        sick in prop::option::weighted(0.3, 0_usize..4),
        is_parted in any::<bool>(),
    ) {
        check(&changes, &faults, sick, is_parted)?;
    }
}
