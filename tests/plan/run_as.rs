//! etcd as a user of its own: what is planned for it, by what was seen, and what kubeadm's records keep of it.

use super::fixture::*;
use harden::error::Hint;
use harden::inventory::Role::{ControlPlane, Etcd};
use harden::plan::{Change, Gate, Operation, Plan, PlanError, build};
use harden::resource::*;
use serde_json::json;
use std::collections::BTreeMap;

const ETCD: &str = include_str!("kubeadm-1.35/etcd.yaml");
const MANIFEST: &str = "/etc/kubernetes/manifests/etcd.yaml";
const DATA: &str = "/var/lib/etcd";
const CA: &str = "/etc/kubernetes/pki/etcd/ca.crt";

fn run_as(enabled: bool) -> RunAsSpec {
    serde_json::from_value(json!({
        "enabled": enabled, "user": "etcd", "directory": "/etc/harden-etcd", "volume": "harden-etcd",
        "flags": {"cert-file": {"own": "/etc/harden-etcd/server.crt", "otherwise": "/etc/kubernetes/pki/etcd/server.crt"}},
        "data": {"path": DATA, "flag": "data-dir", "held": "/var/lib/etcd/member/snap/db"}, "reads": [CA],
    }))
    .unwrap()
}

fn pod(enabled: bool) -> Resource {
    let spec = StaticPodSpec {
        component: "etcd".into(),
        path: path(MANIFEST),
        flags: vec![is("snapshot-count", "10000")],
        mounts: vec![],
        annotations: BTreeMap::new(),
        run_as: Some(run_as(enabled)),
        ..static_pod()
    };
    let mut pod = resource("static-pod.etcd", Spec::StaticPod(spec), &[]);
    pod.notices = vec![Notice { text: "after an upgrade it is root again".into(), flags: vec![] }];
    pod
}

fn etcd() -> Resource {
    resource("user.etcd", Spec::User(UserSpec { name: "etcd".into() }), &[])
}

fn see(observed: &mut Observed, text: &str) {
    observed.files.insert(path(MANIFEST), present(text, "0600"));
}

fn have(observed: &mut Observed, etcd: Option<UserState>) {
    observed.users.insert("etcd".into(), etcd);
}

fn try_plan(enabled: bool, change: impl FnOnce(&mut Observed)) -> Result<Plan, PlanError> {
    let inventory = inventory(&[("cp", &[ControlPlane, Etcd])]);
    let mut inputs = inputs(&inventory);
    inputs.desired.get_mut(&name("cp")).unwrap().resources = vec![etcd(), pod(enabled)];
    let observed = inputs.observed.get_mut(&name("cp")).unwrap();
    see(observed, ETCD);
    let FileState::Present(mut data) = present("", "0700") else { unreachable!() };
    (data.kind, data.sha256) = (FileKind::Directory, String::new());
    observed.files.insert(path(DATA), FileState::Present(data));
    observed.files.insert(path(CA), present("ca", "0644"));
    observed.files.insert(path("/etc/harden-etcd/server.crt"), FileState::Absent);
    let known = UserState { user: Some(812), group: Some(813), free: None };
    observed.users = BTreeMap::from([("etcd".into(), Some(known))]);
    change(observed);
    build(inputs)
}

fn planned(enabled: bool, change: impl FnOnce(&mut Observed)) -> Plan {
    try_plan(enabled, change).unwrap_or_else(|error| panic!("{error}"))
}

fn change(plan: &Plan) -> &Change {
    plan.changes().map(|(_, change)| change).find(|change| change.subject == MANIFEST).unwrap()
}

fn written(change: &Change) -> Option<&str> {
    change.operations.iter().find_map(|operation| match operation {
        Operation::Write { content, .. } => Some(content.text.as_str()),
        _ => None,
    })
}

fn kinds(change: &Change) -> Vec<&'static str> {
    let kind = |operation: &Operation| match operation {
        Operation::Write { .. } => "write",
        Operation::StopPod { .. } => "stop",
        Operation::SetOwners { .. } => "owners",
        Operation::Remove { .. } => "remove",
        _ => "other",
    };
    change.operations.iter().map(kind).collect()
}

/// The manifest of an etcd that runs as its user.
fn hardened() -> String {
    written(change(&planned(true, |_| ()))).unwrap().to_owned()
}

#[test]
fn the_numbers_are_those_of_the_node() {
    let unknown = UserState { user: None, group: None, free: Some(901) };
    for (state, numbers, made) in [
        (UserState { user: Some(812), group: Some(813), free: None }, [812, 813], false),
        (unknown, [901, 901], true),
        (UserState { group: Some(5), ..unknown }, [901, 5], true),
    ] {
        let plan = planned(true, |observed| have(observed, Some(state)));
        let text = written(change(&plan)).unwrap();
        let [user, group] = numbers.map(|number| number.to_string());
        assert!(text.contains(&format!("      runAsGroup: {group}\n      runAsUser: {user}\n")), "{text}");
        let number = plan.changes().flat_map(|(_, change)| &change.operations).find_map(|it| match it {
            Operation::AddUser { number, .. } => Some(*number),
            _ => None,
        });
        assert_eq!(number, made.then_some(Some(901)));
        assert_eq!(kinds(change(&plan)), ["write", "stop", "owners"]);
        assert!(plan.notices.contains(&String::from("after an upgrade it is root again")));
        let gates = &plan.waves[0].nodes[0].after;
        assert!(gates.iter().any(|gate| matches!(gate, Gate::StaticPodRuns { manifest: Some(_), .. })));
    }
}

#[test]
fn only_what_is_wrong_is_changed() {
    let hardened = hardened();
    assert!(planned(true, |observed| see(observed, &hardened)).is_empty());
    // A file that is not etcd's: nothing is stopped for it.
    let stray = path("/var/lib/etcd/member/wal/0.wal");
    let plan = planned(true, |observed| {
        see(observed, &hardened);
        observed.strays.insert(path(DATA), stray.clone());
    });
    assert_eq!(kinds(change(&plan)), ["owners"]);
    assert!(change(&plan).restarts.is_empty() && plan.waves[0].nodes[0].restart_pods.is_empty());
    assert_eq!(change(&plan).reasons[0], format!("{stray} does not belong to etcd:etcd"));
    // Another flag: etcd goes on as the same user, and need not be stopped before.
    let plan = planned(true, |observed| see(observed, &hardened.replace("count=10000", "count=9")));
    assert_eq!(kinds(change(&plan)), ["write"]);
    // Without root no owner can be set.
    let plan = planned(true, |observed| observed.facts.owners = false);
    assert_eq!(kinds(change(&plan)), ["write", "stop"]);
}

#[test]
fn it_goes_back_as_far_as_it_is_hardens_doing() {
    let hardened = hardened();
    let plan = planned(false, |observed| {
        see(observed, &hardened);
        observed.files.insert(path("/etc/harden-etcd/server.crt"), present("certificate", "0644"));
    });
    assert_eq!(kinds(change(&plan)), ["write", "stop", "remove"]);
    assert_eq!(written(change(&plan)), Some(ETCD));
    assert!(planned(false, |_| ()).is_empty());
    // kubeadm's RootlessControlPlane.
    let rootless = ETCD.replace("    seccompProfile:", "    runAsUser: 4711\n    seccompProfile:");
    let plan = planned(false, |observed| see(observed, &rootless));
    assert!(plan.is_empty());
    assert_eq!(plan.notices, ["cp: etcd runs as user 4711, by somebody else's choice: it stays so"]);
}

type Seen<'a> = &'a dyn Fn(&mut Observed);

#[test]
fn what_would_not_start_is_an_error() {
    let nobody = |observed: &mut Observed| have(observed, Some(UserState::default()));
    let cases: [(Seen<'_>, &str, &str); 6] = [
        (
            &|seen| see(seen, &ETCD.replace("    seccompProfile:", "    runAsUser: 7\n    seccompProfile:")),
            "it runs as user 7 already",
            "RootlessControlPlane",
        ),
        (&nobody, "there is no such user", "as root"),
        (&|seen| have(seen, None), "there is no such user", "as root"),
        (
            &|seen| see(seen, &ETCD.replace("data-dir=/var/lib/etcd", "data-dir=/data")),
            "its --data-dir is /data, and only /var/lib/etcd is known to harden",
            "run-as-user",
        ),
        (
            &|seen| drop(seen.files.insert(path(DATA), FileState::Absent)),
            "/var/lib/etcd is not there",
            "look at",
        ),
        (
            &|seen| drop(seen.files.insert(path(CA), present("ca", "0600"))),
            "that user could not read /etc/kubernetes/pki/etcd/ca.crt (mode 0600)",
            "chmod 0644 /etc/kubernetes/pki/etcd/ca.crt",
        ),
    ];
    for (seen, said, remedy) in cases {
        let error = try_plan(true, seen).unwrap_err();
        assert!(
            error.to_string().contains(&format!("run etcd as etcd: {said}"))
                || error.to_string().contains(said),
            "{error}"
        );
        assert!(error.hint().unwrap().contains(remedy), "{:?}", error.hint());
    }
}

/// `kubeadm upgrade` would write the flags without the mount.
#[test]
fn kubeadms_record_keeps_nothing_of_it() {
    let inventory = inventory(&[("cp", &[ControlPlane, Etcd])]);
    let record = include_str!("kubeadm-1.35/cluster-configuration.yaml");
    let cluster = ClusterObserved {
        config_maps: BTreeMap::from([(
            ConfigMapKey::ClusterConfiguration,
            ObservedKey { value: record.into(), resource_version: "1".into() },
        )]),
        ..ClusterObserved::default()
    };
    let mut inputs = inputs(&inventory);
    let mut pod = pod(true);
    let Spec::StaticPod(spec) = &mut pod.spec else { unreachable!() };
    spec.flags = vec![is("tls-min-version", "TLS1.2")];
    inputs.desired.get_mut(&name("cp")).unwrap().resources = vec![etcd(), pod];
    let observed = inputs.observed.get_mut(&name("cp")).unwrap();
    see(observed, ETCD);
    let FileState::Present(mut data) = present("", "0700") else { unreachable!() };
    data.kind = FileKind::Directory;
    observed.files.insert(path(DATA), FileState::Present(data));
    observed.files.insert(path(CA), present("ca", "0644"));
    observed.users =
        BTreeMap::from([("etcd".into(), Some(UserState { user: Some(1), group: Some(1), free: None }))]);
    inputs.cluster = Some(&cluster);
    let plan = build(inputs).unwrap();
    assert_eq!(plan.cluster_changes.len(), 1);
    assert_eq!(plan.cluster_changes[0].reasons, ["etcd.local: tls-min-version is missing, wanted TLS1.2"]);
    assert!(!plan.cluster_changes[0].after.as_ref().unwrap().contains("harden-etcd"));
}
