//! What is judged of which facts: each case changes a cluster of three control planes in which all is well.

use crate::health::name;
use harden::cluster::{Alarm, EtcdHeader, EtcdMember, EtcdStatus, NodeInfo};
use harden::removal::{
    Consent, EtcdFacts, Facts, Host, HostFacts, Other, Removal, Runs, Step, plan, remains,
};

fn member(id: u64, node: &str) -> EtcdMember {
    let peer_urls = vec![format!("https://10.0.0.{id}:2380")];
    EtcdMember { id, name: node.to_owned(), peer_urls, ..EtcdMember::default() }
}

fn status(id: u64) -> EtcdStatus {
    EtcdStatus { header: EtcdHeader { member_id: id }, leader: 1, ..EtcdStatus::default() }
}

fn host(keys: &[&str]) -> HostFacts {
    HostFacts {
        ca: [[7; 32]].into(),
        keys: keys.iter().map(|key| format!("/etc/kubernetes/pki/{key}")).collect(),
        left: vec![String::from("files in /etc/kubernetes")],
        data_directory: String::from("/var/lib/etcd"),
        kubelet_until: Some(1_795_478_400),
        admin_until: Some(1_795_478_400 + 86_400),
        ..HostFacts::default()
    }
}

fn other() -> Other {
    Other { unready: None, host: Some(host(&["ca.key", "sa.key"])) }
}

fn node(text: &str) -> NodeInfo {
    let address = (String::from("InternalIP"), String::from("10.0.0.3"));
    NodeInfo { name: text.to_owned(), ready: true, addresses: vec![address], ..NodeInfo::default() }
}

/// cp-3 of cp-1, cp-2, cp-3.
fn control_plane() -> Facts {
    Facts {
        node: name("cp-3"),
        address: String::from("10.0.0.3"),
        runs: Runs { kubelet: true, control_plane: true, etcd_unit: false },
        has_foreign_etcd: false,
        endpoint: Some(String::from("api.example.org:6443")),
        endpoint_moves: false,
        host: Host::Reached(host(&["ca.key", "sa.key"])),
        kubernetes: Ok(Some(node("cp-3"))),
        others: [(name("cp-1"), other()), (name("cp-2"), other())].into(),
        members: [(name("cp-1"), Ok(status(1))), (name("cp-2"), Ok(status(2)))].into(),
        etcd: Some(Ok(EtcdFacts {
            members: vec![member(1, "cp-1"), member(2, "cp-2"), member(3, "cp-3")],
            alarms: Vec::new(),
        })),
    }
}

fn worker() -> Facts {
    let host = HostFacts { keys: [].into(), ..host(&[]) };
    Facts {
        node: name("w-1"),
        address: String::from("10.0.0.9"),
        runs: Runs { kubelet: true, ..Runs::default() },
        host: Host::Reached(host),
        kubernetes: Ok(Some(NodeInfo { addresses: Vec::new(), ..node("w-1") })),
        ..control_plane()
    }
}

fn etcd(facts: &mut Facts) -> &mut EtcdFacts {
    facts.etcd.as_mut().unwrap().as_mut().unwrap()
}

fn steps(removal: &Removal) -> Vec<&'static str> {
    removal.steps.iter().map(Step::name).collect()
}

fn reasons(facts: &Facts) -> Vec<String> {
    plan(facts, Consent::default()).refusals.into_iter().map(|refusal| refusal.reason).collect()
}

/// What is otherwise in a case.
type Change<'a> = &'a dyn Fn(&mut Facts);

const LOST: Consent = Consent { unreachable: true };

#[test]
fn a_control_plane_leaves_etcd_before_its_host_is_touched() {
    let removal = plan(&control_plane(), Consent::default());
    assert!(removal.refusals.is_empty(), "{removal:?}");
    let all = ["drain", "remove-etcd-member", "stop-kubelet", "delete-node", "reset-host"];
    assert_eq!(steps(&removal), all);
    assert_eq!(removal.steps[1], Step::RemoveMember { id: 3, name: String::from("cp-3"), of: 3 });
    assert_eq!(removal.warnings.len(), 2, "{:?}", removal.warnings);
    assert!(removal.warnings[0].starts_with("two etcd members are left, and both are needed"));
    assert!(removal.warnings[1].starts_with("take it out of the load balancer behind api.example.org:6443"));
}

#[test]
fn a_worker_is_drained_deleted_and_reset() {
    let removal = plan(&worker(), Consent::default());
    assert_eq!(steps(&removal), ["drain", "stop-kubelet", "delete-node", "reset-host"]);
    assert!(removal.refusals.is_empty() && removal.warnings.is_empty(), "{removal:?}");
}

#[test]
fn what_was_done_is_not_done_again() {
    let mut facts = control_plane();
    etcd(&mut facts).members.pop();
    assert_eq!(steps(&plan(&facts, Consent::default()))[..2], ["drain", "stop-kubelet"]);
    facts.kubernetes = Ok(None);
    assert_eq!(steps(&plan(&facts, Consent::default())), ["stop-kubelet", "reset-host"]);
    let Host::Reached(host) = &mut facts.host else { panic!() };
    host.left.clear();
    assert!(steps(&plan(&facts, Consent::default())).is_empty());
    // Or the host alone was reset, by hand.
    let mut facts = control_plane();
    let Host::Reached(host) = &mut facts.host else { panic!() };
    host.left.clear();
    assert_eq!(steps(&plan(&facts, Consent::default())).len(), 5);
}

#[test]
fn a_member_is_known_by_its_address_too() {
    let mut facts = control_plane();
    etcd(&mut facts).members[2].name = String::from("infra2");
    assert!(matches!(&plan(&facts, Consent::default()).steps[1], Step::RemoveMember { id: 3, .. }));
    // And by that of the Node, where the inventory has a name.
    facts.address = String::from("cp-3.example.org");
    assert!(matches!(&plan(&facts, Consent::default()).steps[1], Step::RemoveMember { id: 3, .. }));
}

#[test]
fn the_last_control_plane_stays() {
    let mut facts = control_plane();
    facts.others.clear();
    assert_eq!(reasons(&facts)[0], "it is the last control-plane node");
    let mut facts = control_plane();
    facts.others.values_mut().for_each(|other| other.unready = Some(String::from("no answer")));
    assert_eq!(reasons(&facts)[0], "no other API server answers (cp-1: no answer; cp-2: no answer)");
}

#[test]
fn every_member_that_stays_must_be_healthy() {
    let silent = |facts: &mut Facts| {
        facts.members.insert(name("cp-2"), Err(String::from("connection refused")));
    };
    let cases: [(Change<'_>, &str); 7] = [
        (&silent, "the etcd member cp-2 is not healthy: connection refused"),
        (
            &|facts| etcd(facts).members[1].is_learner = true,
            "the etcd member cp-2 is not healthy: it is still a learner",
        ),
        (
            &|facts| etcd(facts).members[1].name.clear(),
            "the etcd member https://10.0.0.2:2380 is not healthy: it was added and never started",
        ),
        (
            &|facts| etcd(facts).members.push(member(4, "cp-4")),
            "the etcd member cp-4 is not healthy: no node that can be reached runs it",
        ),
        (
            &|facts| etcd(facts).alarms.push(Alarm { member_id: 1, alarm: String::from("NOSPACE") }),
            "the etcd member cp-1 is not healthy: it raises the alarm NOSPACE",
        ),
        (
            &|facts| {
                facts.members.insert(name("cp-1"), Ok(EtcdStatus { leader: 0, ..status(1) }));
            },
            "the etcd member cp-1 is not healthy: it has no leader",
        ),
        (
            &|facts| facts.etcd = Some(Err(String::from("cp-1: 503 etcdserver: no leader"))),
            "etcd's quorum does not answer: cp-1: 503 etcdserver: no leader",
        ),
    ];
    for (change, reason) in cases {
        let mut facts = control_plane();
        change(&mut facts);
        assert_eq!(reasons(&facts), [reason]);
    }
    // What ails the member that goes is a reason to take it away.
    let mut facts = control_plane();
    etcd(&mut facts).alarms.push(Alarm { member_id: 3, alarm: String::from("CORRUPT") });
    assert!(reasons(&facts).is_empty());
}

#[test]
fn of_two_members_one_stays_with_a_warning_and_the_only_one_is_not_taken() {
    let mut facts = control_plane();
    etcd(&mut facts).members.remove(1);
    facts.others.remove(&name("cp-2"));
    facts.members.remove(&name("cp-2"));
    let removal = plan(&facts, Consent::default());
    assert!(removal.refusals.is_empty());
    assert!(removal.warnings[0].starts_with("one etcd member is left"), "{:?}", removal.warnings);
    // When its host is lost, the one that stays has no quorum to decide with.
    facts.host = Host::Lost(String::from("no route to host"));
    let removal = plan(&facts, LOST);
    let lost_quorum = "etcd has 1 healthy of 2 voting members without it and needs 2 to change anything";
    assert_eq!(removal.refusals[0].reason, lost_quorum);
    etcd(&mut facts).members.remove(0);
    assert!(plan(&facts, LOST).refusals.iter().any(|it| it.reason == "its etcd member is the only one"));
}

#[test]
fn a_lost_host_must_be_said_to_be_lost_and_is_not_reset() {
    let mut facts = control_plane();
    facts.host = Host::Lost(String::from("no route to host"));
    assert_eq!(reasons(&facts), ["its host cannot be reached: no route to host"]);
    let removal = plan(&facts, LOST);
    assert!(removal.refusals.is_empty(), "{removal:?}");
    assert_eq!(steps(&removal), ["remove-etcd-member", "delete-node"]);
    assert!(removal.warnings.iter().any(|text| text.contains("Turn it off first")), "{:?}", removal.warnings);
    let said = remains(&facts).join("\n");
    assert!(said.contains("the host was not reset") && said.contains("is valid until it expires"), "{said}");
    // All of it is assumed to have been there.
    assert!(said.contains("it held CA keys") && said.contains("super-admin.conf"), "{said}");
}

#[test]
fn a_silent_kubelet_is_not_waited_for() {
    let mut facts = worker();
    let mut silent = node("w-1");
    (silent.ready, silent.reason) =
        (false, String::from("NodeStatusUnknown: Kubelet stopped posting node status."));
    facts.kubernetes = Ok(Some(silent));
    let removal = plan(&facts, Consent::default());
    assert_eq!(steps(&removal), ["stop-kubelet", "delete-node", "reset-host"]);
    assert!(removal.warnings[0].contains("its pods are not evicted"), "{:?}", removal.warnings);
}

#[test]
fn a_host_that_is_not_what_it_seems_is_left_alone() {
    let reached = |change: &dyn Fn(&mut HostFacts)| {
        let mut facts = control_plane();
        let Host::Reached(host) = &mut facts.host else { panic!() };
        change(host);
        reasons(&facts)
    };
    let another = reached(&|host| host.ca = [[8; 32]].into());
    assert_eq!(another, ["its host belongs to another cluster: its CA is not that of the control planes"]);
    // During a rotation there are two.
    assert!(reached(&|host| host.ca = [[8; 32], [7; 32]].into()).is_empty());
    assert_eq!(reached(&|host| host.is_locked = true), ["an apply holds its lock"]);
    assert_eq!(reached(&|host| host.is_tree = true), ["it is a directory tree and no machine"]);
    let alone = reached(&|host| {
        host.keys.insert(String::from("/etc/kubernetes/pki/etcd/ca.key"));
    });
    assert_eq!(
        alone,
        [
            "no other control plane that was read has /etc/kubernetes/pki/etcd/ca.key: it would be lost with the host"
        ]
    );
}

#[test]
fn the_endpoint_must_not_go_with_it() {
    for endpoint in ["10.0.0.3:6443", "https://10.0.0.3"] {
        let facts = Facts { endpoint: Some(endpoint.to_owned()), ..control_plane() };
        assert!(
            reasons(&facts)[0].starts_with("the cluster's endpoint is its address, 10.0.0.3"),
            "{endpoint}"
        );
        let moved = Facts { endpoint_moves: true, ..facts };
        assert!(reasons(&moved).is_empty());
    }
}

/// etcd-3 of etcd-1, etcd-2, etcd-3, beside two control planes.
fn external_member() -> Facts {
    let on_host = HostFacts {
        ca: [].into(),
        etcd_ca: [[9; 32]].into(),
        etcd_until: Some(1_795_478_400),
        left: vec![String::from("files in /etc/etcd")],
        keys: [].into(),
        ..host(&[])
    };
    let plane = || {
        let mut plane = other();
        plane.host.as_mut().unwrap().etcd_ca = [[9; 32]].into();
        plane
    };
    Facts {
        node: name("etcd-3"),
        runs: Runs { etcd_unit: true, ..Runs::default() },
        host: Host::Reached(on_host),
        kubernetes: Ok(None),
        others: [(name("cp-1"), plane()), (name("cp-2"), plane())].into(),
        members: [(name("etcd-1"), Ok(status(1))), (name("etcd-2"), Ok(status(2)))].into(),
        etcd: Some(Ok(EtcdFacts {
            members: vec![member(1, "etcd-1"), member(2, "etcd-2"), member(3, "etcd-3")],
            alarms: Vec::new(),
        })),
        ..control_plane()
    }
}

#[test]
fn an_external_member_leaves_etcd_before_its_unit_ends() {
    let removal = plan(&external_member(), Consent::default());
    assert!(removal.refusals.is_empty(), "{removal:?}");
    assert_eq!(steps(&removal), ["remove-etcd-member", "stop-etcd", "reset-host"]);
    assert!(removal.warnings[0].starts_with("two etcd members are left"), "{:?}", removal.warnings);
    assert!(removal.warnings[1].starts_with("the API servers name its member"), "{:?}", removal.warnings);
    let said = remains(&external_member()).join("\n");
    assert!(said.contains("its member's, signed by etcd's CA, is valid until 2026-11-24"), "{said}");
    assert!(!said.contains("kubelet's, system:node"), "{said}");
    // A run before this one took it out.
    let mut facts = external_member();
    etcd(&mut facts).members.pop();
    assert_eq!(steps(&plan(&facts, Consent::default())), ["stop-etcd", "reset-host"]);
    // It never started, and has no name in etcd.
    let mut facts = external_member();
    etcd(&mut facts).members[2].name.clear();
    assert_eq!(steps(&plan(&facts, Consent::default())).len(), 3);
    facts.host = Host::Lost(String::from("no route to host"));
    assert_eq!(steps(&plan(&facts, LOST)), ["remove-etcd-member"]);
}

#[test]
fn an_external_member_stays_where_the_others_could_not_do_without_it() {
    let cases: [(Change<'_>, &str); 4] = [
        (
            &|facts| drop(facts.members.insert(name("etcd-2"), Err(String::from("refused")))),
            "the etcd member etcd-2 is not healthy: refused",
        ),
        (&|facts| (facts.members, facts.etcd) = ([].into(), None), "its etcd member is the only one"),
        (
            &|facts| facts.etcd = Some(Err(String::from("etcd-1: no leader"))),
            "etcd's quorum does not answer: etcd-1: no leader",
        ),
        (
            &|facts| {
                let Host::Reached(host) = &mut facts.host else { panic!() };
                host.etcd_ca = [[1; 32]].into();
            },
            "its host belongs to another cluster: its etcd CA is not that of the control planes",
        ),
    ];
    for (change, reason) in cases {
        let mut facts = external_member();
        change(&mut facts);
        assert_eq!(reasons(&facts), [reason]);
    }
}

#[test]
fn members_that_are_neither_kubeadms_nor_hardens_are_somebody_elses() {
    let facts = Facts { has_foreign_etcd: true, ..worker() };
    assert!(reasons(&facts)[0].contains("neither kubeadm nor harden made"));
    let facts = Facts { etcd: None, ..control_plane() };
    assert_eq!(
        steps(&plan(&facts, Consent::default())),
        ["drain", "stop-kubelet", "delete-node", "reset-host"]
    );
}

#[test]
fn what_cannot_be_revoked_is_said_with_its_day() {
    let said = remains(&worker());
    assert!(said[0].contains("system:node:w-1, is valid until 2026-11-24"), "{said:?}");
    assert!(said[0].contains("can register the Node w-1 again"), "{said:?}");
    assert!(!said.join("\n").contains("CA keys"));
    let said = remains(&control_plane()).join("\n");
    assert!(said.contains("admin.conf is valid until 2026-11-25"), "{said}");
    assert!(said.contains("it held CA keys") && said.contains("it held the service-account key"), "{said}");
    assert!(!said.contains("super-admin.conf"), "{said}");
    let mut facts = control_plane();
    let Host::Reached(host) = &mut facts.host else { panic!() };
    host.keys = ["/etc/kubernetes/pki/sa.key".into(), "/etc/kubernetes/encryption".into()].into();
    host.kubeconfigs = vec![String::from("/root/.kube/config")];
    let said = remains(&facts).join("\n");
    assert!(!said.contains("it held CA keys") && said.contains("the encryption keys of Secrets"), "{said}");
    assert!(said.contains("kubeconfigs of users stay on the host: /root/.kube/config"), "{said}");
}
