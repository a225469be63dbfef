//! What the host beneath Kubernetes has to say: users, kernel parameters that a kubelet needs, files that only some nodes
//! have or read, and the commands around a new file.

use super::fixture::*;
use harden::error::Hint;
use harden::inventory::Role::{ControlPlane, Etcd};
use harden::plan::{Change, Operation, Plan, PlanError, build};
use harden::resource::*;
use std::collections::BTreeMap;

fn try_plan(resources: Vec<Resource>, change: impl FnOnce(&mut Observed)) -> Result<Plan, PlanError> {
    let inventory = inventory(&[("cp", &[ControlPlane, Etcd])]);
    let mut inputs = inputs(&inventory);
    inputs.desired.get_mut(&name("cp")).unwrap().resources = resources;
    change(inputs.observed.get_mut(&name("cp")).unwrap());
    build(inputs)
}

fn planned(resources: Vec<Resource>, change: impl FnOnce(&mut Observed)) -> Plan {
    try_plan(resources, change).unwrap_or_else(|error| panic!("{error}"))
}

fn changes(plan: &Plan) -> Vec<Change> {
    plan.changes().map(|(_, change)| change.clone()).collect()
}

fn etcd() -> Resource {
    resource("user.etcd", Spec::User(UserSpec { name: "etcd".into() }), &[])
}

fn data() -> Resource {
    let spec = AttributesSpec {
        pattern: "/var/lib/etcd".into(),
        owner: Some("etcd".into()),
        group: Some("etcd".into()),
        only_from_owner: Some("root".into()),
        mode: Some(Mode(0o700)),
    };
    resource("attributes.etcd-data", Spec::Attributes(spec), &[])
}

fn with_data(observed: &mut Observed, mode: u32) {
    let FileState::Present(mut file) = present("", "0755") else { unreachable!() };
    (file.kind, file.mode, file.sha256) = (FileKind::Directory, Mode(mode), String::new());
    observed.files.insert(path("/var/lib/etcd"), FileState::Present(file));
    observed.patterns.insert("/var/lib/etcd".into(), vec![path("/var/lib/etcd")]);
}

fn user(user: Option<u32>, group: Option<u32>) -> BTreeMap<String, Option<UserState>> {
    BTreeMap::from([("etcd".into(), Some(UserState { user, group, free: Some(998) }))])
}

#[test]
fn a_user_is_made_as_far_as_it_is_missing() {
    for (found, reason, made) in [
        (user(None, None), "there is neither user nor group", Some((true, true))),
        (user(None, Some(9)), "there is a group and no user", Some((true, false))),
        (user(Some(9), None), "there is a user and no group", Some((false, true))),
        (user(Some(1000), Some(9)), "", None),
    ] {
        let changes = changes(&planned(vec![etcd()], |observed| observed.users = found));
        let Some((user, group)) = made else {
            assert!(changes.is_empty());
            continue;
        };
        assert_eq!((changes[0].subject.as_str(), changes[0].reasons[0].as_str()), ("user etcd", reason));
        let name = String::from("etcd");
        assert_eq!(changes[0].operations, [Operation::AddUser { name, user, group, number: Some(998) }]);
    }
}

#[test]
fn the_data_directory_gets_its_owner_and_keeps_a_stricter_mode() {
    for (mode, wanted) in [(0o755, Some(Mode(0o700))), (0o700, None), (0o500, None)] {
        let plan = planned(vec![etcd(), data()], |observed| with_data(observed, mode));
        let changes = changes(&plan);
        assert_eq!(changes.len(), 2, "the user comes first");
        let Operation::SetAttributes { owner, group, mode, .. } = &changes[1].operations[0] else { panic!() };
        assert_eq!((owner.as_deref(), group.as_deref(), *mode), (Some("etcd"), Some("etcd"), wanted));
    }
}

/// An etcd that runs as another user would lose its data.
#[test]
fn an_owner_that_somebody_chose_stays() {
    let plan = planned(vec![etcd(), data()], |observed| {
        with_data(observed, 0o750);
        let Some(FileState::Present(file)) = observed.files.get_mut(&path("/var/lib/etcd")) else { panic!() };
        (file.owner, file.group) = ("kubeadm-etcd".into(), "kubeadm-etcd".into());
    });
    let changes = changes(&plan);
    let Operation::SetAttributes { owner, group, mode, .. } = &changes[1].operations[0] else { panic!() };
    assert_eq!((owner, group, *mode), (&None, &None, Some(Mode(0o700))));
    assert_eq!(
        plan.notices,
        [
            "cp: /var/lib/etcd belongs to kubeadm-etcd, neither to root nor to etcd: it stays so, since a program may run as that user"
        ]
    );
}

#[test]
fn an_owner_whom_nobody_makes_is_an_error_before_anything_is_done() {
    let error = try_plan(vec![data()], |observed| with_data(observed, 0o700)).unwrap_err();
    let said =
        "cp: attributes.etcd-data: give /var/lib/etcd to etcd: there is no such user with a group of its own";
    assert!(error.to_string().ends_with(said), "{error}");
    assert_eq!(error.hint().as_deref(), Some("let harden make it too: user.etcd"));
}

#[test]
fn nothing_is_judged_by_users_where_there_is_no_list_of_them() {
    let plan = planned(vec![etcd(), data()], |observed| {
        with_data(observed, 0o700);
        observed.users = BTreeMap::from([("etcd".into(), None)]);
    });
    assert!(changes(&plan).is_empty());
    assert_eq!(
        plan.notices,
        ["cp: there is no /etc/passwd: the user etcd and what it should own are not judged"]
    );
    // Without root, owners are not judged anyway.
    let plan = planned(vec![etcd(), data()], |observed| {
        with_data(observed, 0o700);
        observed.facts.owners = false;
    });
    assert!(changes(&plan).is_empty());
    assert_eq!(plan.notices.len(), 1);
}

/// The kubelet's parameters, and its configuration that needs them.
fn defaults() -> Vec<Resource> {
    let mut keys = yaml_keys();
    keys.keys.insert("protectKernelDefaults".into(), true.into());
    keys.needs.insert("protectKernelDefaults".into(), sysctl().values);
    vec![
        resource("sysctl.kubelet", Spec::Sysctl(sysctl()), &[]),
        resource("yaml-keys.kubelet", Spec::YamlKeys(keys), &["kubelet.service"]),
    ]
}

fn protects(plan: &Plan) -> bool {
    changes(plan).iter().any(|change| {
        change.after.as_deref().is_some_and(|text| text.contains("protectKernelDefaults: true\n"))
    })
}

#[test]
fn a_dangerous_key_is_set_where_its_kernel_parameters_hold_or_are_set_before() {
    let plan = planned(defaults(), |_| ());
    assert!(protects(&plan), "kernel.panic is set by the same plan");
    let set = changes(&plan).iter().position(|change| {
        change.operations.iter().any(|operation| matches!(operation, Operation::SetSysctls { .. }))
    });
    assert_eq!(set, Some(0));
    let holds = |observed: &mut Observed| {
        observed.sysctls.insert("kernel.panic".into(), Some("10".into()));
        observed.fixed_sysctls.extend(["kernel.panic".into(), "net.x".into()]);
    };
    let plan = planned(defaults(), holds);
    assert!(protects(&plan), "it holds already, although it cannot be set");
    assert_eq!(plan.notices, [""; 0]);
}

#[test]
fn a_dangerous_key_is_left_alone_where_the_kubelet_would_not_start_with_it() {
    type Change = fn(&mut Observed);
    let cases: [(Change, &str); 3] = [
        (
            |observed| observed.fixed_sysctls.extend(["kernel.panic".into()]),
            "kernel.panic is 0, and cannot be set to 10 here",
        ),
        (
            |observed| drop(observed.sysctls.insert("net.x".into(), None)),
            "it needs net.x, and the kernel has no such parameter",
        ),
        (
            |observed| observed.facts.live = false,
            "the kernel parameters that it needs cannot be told in a directory tree",
        ),
    ];
    for (change, why) in cases {
        let plan = planned(defaults(), change);
        assert!(!protects(&plan), "{why}");
        let said = format!("cp: protectKernelDefaults in {KUBELET_PATH} is left as it is: {why}");
        assert!(plan.notices.contains(&said), "{:?}", plan.notices);
        // Everything else in the file is planned all the same.
        assert!(
            changes(&plan).iter().any(|change| change.resource.name == "kubelet" && change.after.is_some())
        );
    }
    let mut without = defaults();
    without.remove(0);
    let plan = planned(without, |_| ());
    assert!(!protects(&plan));
    assert!(plan.notices[0].ends_with("kernel.panic is 0, and nothing sets it to 10"), "{:?}", plan.notices);
}

#[test]
fn a_parameter_that_cannot_be_set_gets_its_file_only() {
    let plan = planned(vec![resource("sysctl.kernel", Spec::Sysctl(sysctl()), &[])], |observed| {
        observed.fixed_sysctls.insert("kernel.panic".into());
    });
    let operations = &changes(&plan)[0].operations;
    assert!(matches!(operations[..], [Operation::Write { .. }]), "{operations:?}");
    assert_eq!(
        plan.notices,
        [
            "cp: the kernel parameter kernel.panic is 0, wanted 10, and cannot be set here; only its file is written"
        ]
    );
}

/// A node that joins does not have the kernel parameters yet: its kubelet would not start.
#[test]
fn a_dangerous_key_is_not_kept_for_nodes_that_join() {
    let inventory = inventory(&[("cp", &[ControlPlane, Etcd])]);
    let value = String::from("kind: KubeletConfiguration\npodPidsLimit: 1\n");
    let record = ObservedKey { value, resource_version: "1".into() };
    let cluster = ClusterObserved {
        config_maps: BTreeMap::from([(ConfigMapKey::KubeletConfiguration, record)]),
        ..ClusterObserved::default()
    };
    let mut inputs = inputs(&inventory);
    inputs.desired.get_mut(&name("cp")).unwrap().resources = defaults();
    inputs.cluster = Some(&cluster);
    let plan = build(inputs).unwrap();
    assert!(protects(&plan));
    let kept = plan.cluster_changes[0].after.as_deref().unwrap();
    assert!(kept.contains("podPidsLimit: 4096") && !kept.contains("protectKernelDefaults"), "{kept}");
}

/// A file of ours with everything that a node may have to say to it.
fn fussy() -> Resource {
    let mut fussy = resource("file.audit-policy", Spec::File(policy()), &[]);
    fussy.on_node = OnNode {
        only_where: vec![path("/etc/audit"), path("/etc/audit/rules.d")],
        only_without: vec![path("/etc/audit/harden-off")],
        included_by: Some(Inclusion { path: path("/etc/main.conf"), line: "Include /etc/main.d/*".into() }),
        validate: vec!["check".into(), "{staged}".into()],
        activate: vec!["reload".into()],
    };
    fussy
}

fn is_there(observed: &mut Observed, main: &str) {
    observed.files.insert(path("/etc/audit"), present("", "0750"));
    observed.files.insert(path("/etc/audit/harden-off"), FileState::Absent);
    observed.files.insert(path("/etc/audit/rules.d"), present("", "0750"));
    observed.files.insert(path("/etc/main.conf"), present(main, "0644"));
}

#[test]
fn a_new_file_is_checked_and_made_effective() {
    let plan = planned(vec![fussy()], |observed| is_there(observed, "Include /etc/main.d/*\n"));
    let operations = &changes(&plan)[0].operations;
    let at = path("/etc/kubernetes/audit/policy.yaml");
    assert_eq!(
        operations[1..],
        [
            Operation::Validate { path: at.clone(), command: vec!["check".into(), "{staged}".into()] },
            Operation::Activate { command: vec!["reload".into()] },
        ]
    );
    // Another mode changes nothing that a program would have to read again.
    let plan = planned(vec![fussy()], |observed| {
        is_there(observed, "Include /etc/main.d/*\n");
        observed.files.insert(at, present("rules: []\n", "0666"));
    });
    assert!(matches!(changes(&plan)[0].operations[..], [Operation::SetAttributes { .. }]));
}

#[test]
fn a_file_is_left_out_where_the_node_is_not_one_of_those_that_it_is_for() {
    for absent in ["/etc/audit", "/etc/audit/rules.d"] {
        let plan = planned(vec![fussy()], |observed| {
            is_there(observed, "Include /etc/main.d/*\n");
            observed.files.insert(path(absent), FileState::Absent);
        });
        assert!(plan.is_empty() && plan.notices.is_empty());
    }
    let plan = planned(vec![fussy()], |observed| {
        is_there(observed, "");
        observed.files.insert(path("/etc/audit/harden-off"), present("", "0600"));
    });
    assert!(plan.is_empty() && plan.notices.is_empty(), "it is for nodes without that");
    let error = try_plan(vec![fussy()], |observed| {
        is_there(observed, "");
        observed.files.insert(path("/etc/audit/rules.d"), FileState::Unknown("denied".into()));
    });
    assert!(error.unwrap_err().to_string().contains("denied"));
}

#[test]
fn a_file_that_nothing_reads_is_refused_with_the_remedy() {
    let error =
        try_plan(vec![fussy()], |observed| is_there(observed, "#Include /etc/main.d/*\n")).unwrap_err();
    assert!(
        error.to_string().ends_with(
            "cp: file.audit-policy: find the line `Include /etc/main.d/*` in /etc/main.conf: it is not there"
        ),
        "{error}"
    );
    assert!(
        error
            .hint()
            .unwrap()
            .starts_with("put the line `Include /etc/main.d/*` at the top of /etc/main.conf")
    );
}
