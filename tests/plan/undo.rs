//! The plan that takes a transaction back: which operations, gates and restarts, and every reason against it.

use super::fixture::{API, API_PATH, KUBELET_PATH, inventory, name, path};
use harden::inventory::Role;
use harden::plan::undo::{Kept, Moved, NoCopy, Obstacle, Past, Place, Record, Setting, UndoError, undo};
use harden::plan::{Action, Change, Gate, NodePlan, Operation, Prior, sha256};
use harden::resource::{
    Applied, AppliedResource, Content, FileKind, FileState, Mode, Observed, ObservedContent, Ownership,
    PresentFile, Undo,
};
use std::collections::BTreeMap;

fn root(mode: u32) -> Ownership {
    Ownership { owner: String::from("root"), group: String::from("root"), mode: Mode(mode) }
}

fn prior(text: &str, mode: u32) -> Prior {
    let Ownership { owner, group, mode } = root(mode);
    Prior::Present { sha256: sha256(text.as_bytes()), mode, owner, group }
}

fn place(text: &str, mode: u32) -> Place {
    Place {
        mode: 0o100_000 | mode,
        user: String::from("0"),
        group: String::from("0"),
        user_name: String::from("root"),
        group_name: String::from("root"),
        sha256: sha256(text.as_bytes()),
    }
}

fn new_api() -> String {
    API.replace("    image:", "    - --profiling=false\n    image:")
}

fn write(at: &str, prior: Prior) -> Operation {
    Operation::Write {
        path: path(at),
        content: Content::plain("secret?"),
        ownership: root(0o600),
        directory_mode: Mode(0o700),
        prior,
    }
}

/// A transaction that changed an API server and a kubelet, a kernel parameter and a unit, and made a file in a new directory.
fn past() -> Past {
    let change = |id: &str, subject: &str, before: &str, after: &str, operations| Change {
        before: Some(before.to_owned()),
        after: Some(after.to_owned()),
        operations,
        ..crate::plans::change(id, subject)
    };
    let policy = "/etc/kubernetes/audit/policy.yaml";
    let command = vec![String::from("load")];
    let sysctl = BTreeMap::from([(String::from("vm.panic"), String::from("0"))]);
    let unit =
        Operation::SetUnit { unit: String::from("x.service"), enabled: Some(true), active: Some(true) };
    let changes = vec![
        Change {
            action: Action::Add,
            before: None,
            operations: vec![
                write(policy, Prior::Absent),
                Operation::Validate { path: path(policy), command: command.clone() },
                Operation::Activate { command },
            ],
            ..change("file.audit", policy, "", "rules\n", Vec::new())
        },
        change(
            "yaml-keys.kubelet",
            KUBELET_PATH,
            "a: 1\n",
            "a: 2\n",
            vec![write(KUBELET_PATH, prior("a: 1\n", 0o644))],
        ),
        change(
            "static-pod.kube-apiserver",
            API_PATH,
            API,
            &new_api(),
            vec![write(API_PATH, prior(API, 0o644))],
        ),
        change("sysctl.x", "x", "", "", vec![Operation::SetSysctls { values: sysctl }]),
        change("unit.x", "x.service", "", "", vec![unit]),
    ];
    let plan = NodePlan {
        restart_units: vec![String::from("kubelet.service")],
        ..crate::plans::node("cp-1", changes)
    };
    let left = BTreeMap::from([
        (path(policy), place("rules\n", 0o600)),
        (path(KUBELET_PATH), place("a: 2\n", 0o600)),
        (path(API_PATH), place(&new_api(), 0o600)),
    ]);
    let setting = |before: &str, now: &str| Setting { before: before.to_owned(), now: now.to_owned() };
    let kubelet = AppliedResource { desired: String::from("older"), ..AppliedResource::default() };
    Past {
        transaction: String::from("t1"),
        record: Record::from_json(Record::of(&plan).to_json().as_bytes()).unwrap(),
        applied: Applied {
            resources: BTreeMap::from([("yaml-keys.kubelet".parse().unwrap(), kubelet)]),
            ..Applied::default()
        },
        kept: BTreeMap::from([
            (path(policy), Kept::Absent),
            (path(KUBELET_PATH), Kept::Copy(1)),
            (path(API_PATH), Kept::Copy(2)),
        ]),
        made: vec![path("/etc/kubernetes/audit"), path("/etc/kubernetes/other")],
        copies: BTreeMap::from([(1, sha256(b"a: 1\n")), (2, sha256(API.as_bytes()))]),
        now: left.clone(),
        left,
        sysctls: BTreeMap::from([(String::from("vm.panic"), setting("1", "0"))]),
        enabled: BTreeMap::from([(String::from("x.service"), setting("disabled", "enabled"))]),
        active: BTreeMap::from([(String::from("x.service"), setting("inactive", "active"))]),
        later: BTreeMap::new(),
        live: true,
    }
}

fn planned(past: &Past, observed: &Observed) -> Result<NodePlan, UndoError> {
    let inventory = inventory(&[("cp-1", &[Role::ControlPlane, Role::Etcd])]);
    let certificate = super::fixture::control_plane().into_iter().find_map(|resource| match resource.spec {
        harden::resource::Spec::Certificate(spec) => Some(spec),
        _ => None,
    });
    undo(&inventory.nodes[0], past, observed, certificate.as_ref(), &harden::inventory::Drain::default())
}

fn obstacles(alter: impl FnOnce(&mut Past)) -> Vec<Obstacle> {
    let mut past = past();
    alter(&mut past);
    match planned(&past, &Observed::default()) {
        Err(UndoError::Obstacles(obstacles)) => obstacles,
        other => panic!("{other:?}"),
    }
}

#[test]
fn everything_goes_back_with_the_gates_of_an_apply() {
    let plan = planned(&past(), &Observed::default()).unwrap();
    let operations: Vec<_> = plan.changes.iter().map(|change| change.operations.clone()).collect();
    let now = |text: &str| Prior::Present {
        sha256: sha256(text.as_bytes()),
        mode: Mode(0o600),
        owner: String::from("root"),
        group: String::from("root"),
    };
    let restore = |at: &str, copy, old: &str, new: &str| Operation::Restore {
        path: path(at),
        transaction: String::from("t1"),
        copy,
        sha256: sha256(old.as_bytes()),
        prior: now(new),
    };
    let policy = path("/etc/kubernetes/audit/policy.yaml");
    assert_eq!(
        operations,
        [
            vec![
                Operation::Remove { path: policy, prior: now("rules\n") },
                Operation::RemoveDirectory { path: path("/etc/kubernetes/audit") },
                Operation::Activate { command: vec![String::from("load")] },
            ],
            vec![restore(KUBELET_PATH, 1, "a: 1\n", "a: 2\n")],
            vec![restore(API_PATH, 2, API, &new_api())],
            vec![Operation::SetSysctls {
                values: BTreeMap::from([(String::from("vm.panic"), String::from("1"))])
            }],
            vec![Operation::SetUnit {
                unit: String::from("x.service"),
                enabled: Some(false),
                active: Some(false)
            }],
        ]
    );
    let kubelet = &plan.changes[1];
    assert_eq!((kubelet.before.as_deref(), kubelet.after.as_deref()), (Some("a: 2\n"), Some("a: 1\n")));
    assert_eq!((plan.changes[0].action, kubelet.reasons[0].as_str()), (Action::Remove, "mode 0600 → 0644"));
    assert_eq!(
        (plan.restart_units[0].as_str(), plan.restart_pods[0].as_str()),
        ("kubelet.service", "kube-apiserver")
    );
    let old = harden::plan::manifest::command(API, "kube-apiserver").unwrap();
    let runs = |gates: &[Gate]| {
        gates.iter().any(|gate| matches!(gate, Gate::StaticPodRuns { command, .. } if *command == old))
    };
    assert!(runs(&plan.between) && runs(&plan.after));
    assert!(plan.before.contains(&Gate::EtcdHealthy { node: name("cp-1") }));
    assert!(plan.after.contains(&Gate::NodeReady { node: name("cp-1") }));
    assert!(!plan.after.iter().any(|gate| matches!(gate, Gate::KubeletServes { .. })));
    assert!(plan.rollback_after.unwrap() > 300);
    let undoes = plan.undoes.unwrap();
    let known = undoes.applied.values().filter(|entry| entry.is_some()).count();
    assert_eq!((undoes.transaction.as_str(), undoes.applied.len(), known), ("t1", 5, 1));
}

/// The gate of a kubelet's certificate is asked where its configuration names that afterwards.
#[test]
fn a_kubelet_that_keeps_its_certificate_is_asked_for_it() {
    let text = format!("tlsCertFile: {}\n", super::fixture::CERTIFICATE_PATH);
    let file = PresentFile {
        kind: FileKind::File,
        mode: Mode(0o600),
        owner: String::from("root"),
        group: String::from("root"),
        sha256: String::new(),
        modified: 0,
        content: ObservedContent::Text(text.clone()),
    };
    let mut observed = Observed::default();
    observed.files.insert(path(KUBELET_PATH), FileState::Present(file));
    let serves = |past: &Past| {
        let plan = planned(past, &observed).unwrap();
        plan.after.iter().any(|gate| matches!(gate, Gate::KubeletServes { .. }))
    };
    let mut past = past();
    assert!(serves(&past));
    past.record.changes[1].after = Some(text);
    assert!(!serves(&past), "it goes back to a configuration without");
}

#[test]
fn a_tree_restarts_nothing_and_waits_for_nothing() {
    let mut past = past();
    past.live = false;
    let plan = planned(&past, &Observed::default()).unwrap();
    assert!(plan.restart_units.is_empty() && plan.after.is_empty() && plan.rollback_after.is_none());
}

/// With another encryption config, or none, an API server could not read what was written meanwhile.
#[test]
fn the_encryption_config_of_an_api_server_does_not_change() {
    let flag = "    - --encryption-provider-config=/etc/kubernetes/encryption/config.yaml\n";
    let with = new_api().replace("    - --profiling=false\n", &format!("    - --profiling=false\n{flag}"));
    let found = obstacles(|past| past.record.changes[2].after = Some(with.clone()));
    assert!(matches!(&found[..], [Obstacle::Final { undo: Undo::UntilCommit, .. }]), "{found:?}");
    let mut past = past();
    past.record.changes[2].before = Some(with.clone());
    past.record.changes[2].after = Some(with);
    assert!(planned(&past, &Observed::default()).is_ok());
}

#[test]
fn every_reason_against_it_is_told() {
    for (undo, word) in [(Undo::UntilCommit, "once it is confirmed"), (Undo::None, "it cannot be taken back")]
    {
        let found = obstacles(|past| past.record.changes[2].undo = undo);
        assert_eq!(found.len(), 1);
        assert!(found[0].to_string().starts_with("static-pod.kube-apiserver: it cannot be taken back"));
        assert!(found[0].to_string().contains(word));
    }
    let found = obstacles(|past| {
        past.kept.insert(path(KUBELET_PATH), Kept::Private);
        past.copies.clear();
        past.now.remove(&path("/etc/kubernetes/audit/policy.yaml"));
        past.later.insert(path("/etc/kubernetes/audit/policy.yaml"), String::from("t2"));
        past.sysctls.get_mut("vm.panic").unwrap().now = String::from("2");
        past.active.get_mut("x.service").unwrap().now = String::from("failed");
    });
    let what: Vec<_> = found
        .iter()
        .map(|obstacle| match obstacle {
            Obstacle::NoCopy { why: NoCopy::Private, .. } => String::from("private"),
            Obstacle::NoCopy { why: NoCopy::Damaged, .. } => String::from("damaged"),
            Obstacle::Moved { what: Moved::Gone, by, .. } => format!("gone by {by:?}"),
            Obstacle::Moved { what: Moved::Value(set, now), place, .. } => format!("{place} {set} {now}"),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        what,
        ["gone by Some(\"t2\")", "private", "damaged", "vm.panic 0 2", "x.service active failed"]
    );
}

#[test]
fn a_record_of_another_form_is_refused() {
    for (text, told) in [
        ("{\"format_version\": 2}", "it is in the form 2, which this harden does not know"),
        ("{\"format_version\": 1}", "it is damaged"),
        ("{", "it is damaged"),
    ] {
        assert_eq!(Record::from_json(text.as_bytes()).unwrap_err().to_string(), told);
    }
}
