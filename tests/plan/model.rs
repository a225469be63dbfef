//! A node as data: operations are made on [`Observed`] as apply makes them on a host.

use super::fixture::{NOW, control_plane, facts, inputs, inventory, name, observed};
use harden::inventory::Role;
use harden::plan::{Change, Operation, build, sha256};
use harden::resource::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Makes one change, and remembers it as `/var/lib/harden/state.json` does.
pub(super) fn apply(observed: &mut Observed, change: &Change) {
    let mut files = BTreeMap::new();
    for operation in &change.operations {
        for path in operate(observed, operation) {
            if let Some(FileState::Present(file)) = observed.files.get(&path) {
                files.insert(path, file.sha256.clone());
            }
        }
    }
    let applied = observed.applied.get_or_insert_default();
    applied.resources.insert(
        change.resource.clone(),
        AppliedResource { desired: change.desired.clone(), files, ..AppliedResource::default() },
    );
}

fn write(observed: &mut Observed, path: &NodePath, text: &str, ownership: &Ownership) {
    let file = PresentFile {
        kind: FileKind::File,
        mode: ownership.mode,
        owner: ownership.owner.clone(),
        group: ownership.group.clone(),
        sha256: sha256(text.as_bytes()),
        modified: NOW,
        content: ObservedContent::Text(text.to_owned()),
    };
    observed.files.insert(path.clone(), FileState::Present(file));
}

fn operate(observed: &mut Observed, operation: &Operation) -> Vec<NodePath> {
    match operation {
        Operation::Write { path, content, ownership, .. } => {
            write(observed, path, &content.masked(), ownership);
            vec![path.clone()]
        }
        Operation::Remove { path, .. } => {
            observed.files.insert(path.clone(), FileState::Absent);
            vec![]
        }
        Operation::SetAttributes { path, owner, group, mode, .. } => {
            let Some(FileState::Present(file)) = observed.files.get_mut(path) else {
                panic!("{path} is not there")
            };
            file.owner = owner.clone().unwrap_or(file.owner.clone());
            file.group = group.clone().unwrap_or(file.group.clone());
            file.mode = mode.unwrap_or(file.mode);
            vec![path.clone()]
        }
        Operation::Issue { certificate, .. } => {
            write(observed, &certificate.path, "new certificate", &certificate.ownership);
            for (path, ownership) in certificate.files().skip(1) {
                write(observed, path, "new key", ownership);
            }
            let state = CertificateState::Present(facts(certificate));
            observed.certificates.insert(certificate.path.clone(), state);
            certificate.files().map(|(path, _)| path.clone()).collect()
        }
        Operation::AddUser { name, user, group, number } => {
            let state = observed.users.get_mut(name).unwrap().as_mut().unwrap();
            state.user = state.user.or(user.then_some(number.unwrap_or(999)));
            state.group = state.group.or(group.then_some(number.unwrap_or(999)));
            state.free = None;
            vec![]
        }
        Operation::SetOwners { path, .. } => {
            observed.strays.remove(path);
            vec![]
        }
        Operation::Restore { .. } | Operation::RemoveDirectory { .. } => {
            panic!("only a rollback has it")
        }
        Operation::StopPod { .. } | Operation::Validate { .. } | Operation::Activate { .. } => vec![],
        Operation::SetSysctls { values } => {
            observed.sysctls.extend(values.iter().map(|(name, value)| (name.clone(), Some(value.clone()))));
            vec![]
        }
        Operation::SetUnit { unit, enabled, active } => {
            let state = observed.units.get_mut(unit).unwrap();
            if let Some(enabled) = enabled {
                state.enabled = String::from(if *enabled { "enabled" } else { "disabled" });
            }
            if let Some(active) = active {
                state.active = String::from(if *active { "active" } else { "inactive" });
            }
            vec![]
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever subset is applied, the next plan holds exactly the rest; and after the rest, nothing.
    #[test]
    fn applied_changes_do_not_come_back(chosen in proptest::collection::vec(any::<bool>(), control_plane().len()), live: bool, owners: bool) {
        let inventory = inventory(&[("cp", &[Role::ControlPlane, Role::Etcd])]);
        let mut node = observed();
        node.facts.live = live;
        node.facts.owners = owners;
        let plan = |node: &Observed| {
            let mut inputs = inputs(&inventory);
            inputs.observed.insert(name("cp"), node.clone());
            build(inputs).unwrap()
        };
        let first = plan(&node);
        let (mut now, mut later) = (Vec::new(), Vec::new());
        for ((_, change), chosen) in first.changes().zip(chosen.iter().cycle()) {
            if *chosen { now.push(change.clone()) } else { later.push(change.clone()) }
        }
        prop_assert!(now.len() + later.len() >= 6);
        for change in &now {
            apply(&mut node, change);
        }
        let second: Vec<Change> = plan(&node).changes().map(|(_, change)| change.clone()).collect();
        prop_assert_eq!(&second, &later);
        for change in &later {
            apply(&mut node, change);
        }
        let last = plan(&node);
        prop_assert!(last.is_empty());
        prop_assert_eq!(last.in_sync, [name("cp")]);
    }
}
