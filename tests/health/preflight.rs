//! What speaks against changing a cluster: one healthy cluster, and each fact of it made sick or unknown by itself.

use super::name;
use harden::cli::apply::ApplyError;
use harden::cluster::{Alarm, EtcdHeader, EtcdMember, EtcdStatus, NodeImages, NodeInfo};
use harden::health::EtcdCluster;
use harden::health::preflight::{
    ClockReading, EtcdFacts, Facts, FileSystem, Images, Need, NodeCertificate, NodeFacts, Preflight, Scope,
    Touched, judge, known,
};
use std::collections::{BTreeMap, BTreeSet};

const NOW: i64 = 1_795_478_400;
const PLANES: [&str; 3] = ["cp-1", "cp-2", "cp-3"];
const MIB: u64 = 1024 * 1024;
const API_SERVER: &str = "registry.k8s.io/kube-apiserver:v1.35.4";
const PAUSE: &str = "registry.k8s.io/pause:3.10";

/// A plan that restarts the API server of cp-1 and changes a file of w-1.
fn scope() -> Scope {
    let restarts = Touched {
        needs: BTreeMap::from([
            (String::from("/etc/kubernetes/manifests"), Need { bytes: MIB, files: 1 }),
            (String::from("/var/lib/harden"), Need { bytes: MIB, files: 2 }),
        ]),
        restarts: true,
        images: BTreeMap::from([(String::from("kube-apiserver"), BTreeSet::from([API_SERVER.into()]))]),
        renews: BTreeSet::from([String::from("/etc/kubernetes/pki/etcd/server.crt")]),
    };
    let file = Touched {
        needs: BTreeMap::from([(String::from("/var/lib/harden"), Need { bytes: 10, files: 2 })]),
        ..Touched::default()
    };
    Scope {
        touched: BTreeMap::from([(name("cp-1"), restarts), (name("w-1"), file)]),
        control_planes: PLANES.map(name).into(),
        kubernetes: ["cp-1", "cp-2", "cp-3", "w-1"].map(name).into(),
        touches_etcd: true,
    }
}

fn node(text: &str) -> NodeInfo {
    let roles = if text.starts_with("cp") {
        BTreeSet::from([String::from("control-plane")])
    } else {
        BTreeSet::new()
    };
    NodeInfo { name: text.into(), ready: true, roles, ..NodeInfo::default() }
}

fn answer() -> NodeFacts {
    let system = |device| FileSystem { device, free: 500 * MIB, free_inodes: Some(10_000) };
    let until = NodeCertificate::Until(NOW + 86_400);
    NodeFacts {
        file_systems: BTreeMap::from([
            (String::from("/etc/kubernetes/manifests"), system(1)),
            (String::from("/var/lib/harden"), system(2)),
        ]),
        images: None,
        certificates: BTreeMap::from([(String::from("/etc/kubernetes/pki/apiserver.crt"), until)]),
    }
}

/// A healthy cluster.
fn facts() -> Facts {
    let id = |name: &str| u64::from(name.bytes().last().unwrap());
    let status = |node: &str| EtcdStatus {
        header: EtcdHeader { member_id: id(node) },
        leader: id("cp-1"),
        ..EtcdStatus::default()
    };
    let member = |node: &str| EtcdMember { id: id(node), name: node.into(), ..EtcdMember::default() };
    let mut facts = Facts {
        now: NOW,
        kubernetes: Some(["cp-1", "cp-2", "cp-3", "w-1", "w-2"].map(node).into()),
        clocks: ["cp-1", "cp-2", "cp-3", "w-1", "w-2"].map(|node| (name(node), clock(0))).into(),
        nodes: ["cp-1", "cp-2", "cp-3", "w-1"].map(|node| (name(node), Ok(answer()))).into(),
        ..Facts::default()
    };
    facts.etcd.members = PLANES.map(|node| (name(node), Ok(status(node)))).into();
    facts.etcd.cluster = Some(Ok(EtcdCluster { members: PLANES.map(member).into(), alarms: Vec::new() }));
    at(&mut facts, "cp-1").images = Some(Images {
        named: BTreeMap::from([(String::from("kube-apiserver"), BTreeSet::from([API_SERVER.into()]))]),
        pause: Some(PAUSE.into()),
        present: Some([API_SERVER, PAUSE].map(String::from).into()),
        tool: "crictl",
    });
    facts
}

/// So many milliseconds ahead, read within a round trip of two seconds.
fn clock(ahead: i64) -> ClockReading {
    let asked = NOW * 1000;
    ClockReading { asked, node: asked + 1000 + ahead, answered: asked + 2000 }
}

fn at<'a>(facts: &'a mut Facts, node: &str) -> &'a mut NodeFacts {
    facts.nodes.get_mut(&name(node)).unwrap().as_mut().unwrap()
}

fn kubernetes<'a>(facts: &'a mut Facts, node: &str) -> &'a mut NodeInfo {
    facts.kubernetes.as_mut().unwrap().iter_mut().find(|info| info.name == node).unwrap()
}

fn etcd(facts: &mut Facts) -> &mut EtcdCluster {
    facts.etcd.cluster.as_mut().unwrap().as_mut().unwrap()
}

fn status<'a>(facts: &'a mut Facts, node: &str) -> &'a mut EtcdStatus {
    facts.etcd.members.get_mut(&name(node)).unwrap().as_mut().unwrap()
}

type Case = (&'static str, fn(&mut Scope, &mut Facts), &'static [&'static str]);

/// Refusals as they are, notices with `note` in front.
fn said(scope: &Scope, facts: &Facts) -> Vec<String> {
    let findings = judge(scope, facts);
    assert!(findings.refusals.iter().all(|refusal| !refusal.remedy.is_empty()));
    let refusals = findings.refusals.iter().map(ToString::to_string);
    refusals.chain(findings.notices().into_iter().map(|notice| format!("note {notice}"))).collect()
}

fn check(cases: &[Case]) {
    for (title, make, expected) in cases {
        let (mut scope, mut facts) = (scope(), facts());
        make(&mut scope, &mut facts);
        assert_eq!(said(&scope, &facts), *expected, "{title}");
    }
}

#[test]
fn nothing_speaks_against_a_healthy_cluster() {
    check(&[
        ("as it is", |_, _| (), &[]),
        (
            "directory trees",
            |_, facts| {
                facts.kubernetes = None;
                facts.clocks.clear();
                facts.etcd = EtcdFacts::default();
                at(facts, "cp-1").images = None;
            },
            &[],
        ),
    ]);
}

#[test]
fn kubernetes_nodes() {
    check(&[
        (
            "one that is touched is not Ready",
            |_, facts| {
                kubernetes(facts, "w-1").ready = false;
                kubernetes(facts, "w-1").reason = "KubeletNotReady: no network".into();
            },
            &["nodes, w-1: it is not Ready: KubeletNotReady: no network"],
        ),
        (
            "one that is not touched is not Ready",
            |_, facts| kubernetes(facts, "w-2").ready = false,
            &["note w-2: not Ready, and not touched"],
        ),
        (
            "a control plane that is not touched",
            |_, facts| kubernetes(facts, "cp-3").pressures = vec!["DiskPressure".into(), "Other".into()],
            &["nodes, cp-3: it reports DiskPressure", "note cp-3: it reports Other"],
        ),
        (
            "a control plane that the inventory does not name",
            |_, facts| {
                let info = NodeInfo { ready: false, reason: "silent".into(), ..node("cp-9") };
                facts.kubernetes.as_mut().unwrap().push(info);
            },
            &["nodes, cp-9: it is not Ready: silent"],
        ),
        (
            "pressure where nothing is touched",
            |_, facts| kubernetes(facts, "w-2").pressures = vec!["MemoryPressure".into()],
            &[],
        ),
        (
            "several cordoned",
            |_, facts| {
                for node in ["cp-2", "w-1", "w-2"] {
                    kubernetes(facts, node).unschedulable = true;
                }
            },
            &["note cp-2, w-1: cordoned"],
        ),
        (
            "not joined",
            |_, facts| facts.kubernetes.as_mut().unwrap().retain(|info| info.name != "w-1"),
            &["nodes, w-1: the cluster has no node of that name"],
        ),
        (
            "silent by now",
            |_, facts| {
                facts.nodes.insert(name("w-1"), Err("connect: refused".into()));
            },
            &["nodes, w-1: it cannot be asked: connect: refused"],
        ),
    ]);
}

#[test]
fn clocks() {
    check(&[
        (
            "within the limit, seen from both ends of the round trip",
            |_, facts| {
                facts.clocks.insert(name("cp-1"), clock(30_900));
                facts.clocks.insert(name("w-1"), clock(1_000));
            },
            &[],
        ),
        (
            "ahead",
            |_, facts| {
                facts.clocks.insert(name("cp-2"), clock(120_000));
            },
            &["clocks, cp-2: its clock is 119 s ahead of this machine's"],
        ),
        (
            "behind",
            |_, facts| {
                facts.clocks.insert(name("w-1"), clock(-120_000));
            },
            &["clocks, w-1: its clock is 118 s behind this machine's"],
        ),
        (
            "a slow reply tells nothing",
            |_, facts| {
                let reading = ClockReading { answered: NOW * 1000 + 100_000, ..clock(90_000) };
                facts.clocks.insert(name("w-1"), reading);
            },
            &[],
        ),
        (
            "two nodes apart, each near enough to this machine",
            |_, facts| {
                facts.clocks.insert(name("cp-2"), clock(25_000));
                facts.clocks.insert(name("cp-3"), clock(-25_000));
            },
            &["clocks, cp-2: its clock is 47 s ahead of that of cp-3"],
        ),
        (
            "all of them alike: it is this machine's",
            |_, facts| facts.clocks.values_mut().for_each(|reading| *reading = clock(-600_000)),
            &["clocks: this machine's clock is 598 s ahead of every node's"],
        ),
        (
            "one that nothing rests on",
            |_, facts| {
                facts.clocks.insert(name("w-2"), clock(600_000));
            },
            &[],
        ),
        ("unknown", |_, facts| facts.clocks.clear(), &[]),
    ]);
}

#[test]
fn etcd_members() {
    check(&[
        (
            "silent",
            |_, facts| {
                facts.etcd.members.insert(name("cp-3"), Err("connection refused".into()));
            },
            &[
                "etcd, cp-3: its etcd member is not healthy: connection refused",
                "etcd: etcd has 2 healthy of 3 members and needs 2: none can be spared",
            ],
        ),
        (
            "silent, and only workers are touched",
            |scope, facts| {
                scope.touches_etcd = false;
                facts.etcd.members.insert(name("cp-3"), Err("connection refused".into()));
            },
            &["etcd, cp-3: its etcd member is not healthy: connection refused"],
        ),
        (
            "without a leader",
            |_, facts| status(facts, "cp-1").leader = 0,
            &[
                "etcd, cp-1: its etcd member is not healthy: the member has no leader",
                "etcd: etcd has 2 healthy of 3 members and needs 2: none can be spared",
            ],
        ),
        (
            "far behind, one of five",
            |_, facts| {
                for (id, node) in [(101, "etcd-1"), (102, "etcd-2")] {
                    etcd(facts).members.push(EtcdMember { id, name: node.into(), ..EtcdMember::default() });
                }
                status(facts, "cp-2").raft_index = 10_000;
            },
            &[
                "etcd, cp-2: its etcd member is not healthy: the member is 10000 log entries behind",
                "note the etcd member etcd-1 was not asked: no node of the inventory that can be reached runs it",
                "note the etcd member etcd-2 was not asked: no node of the inventory that can be reached runs it",
            ],
        ),
        (
            "alarms",
            |_, facts| etcd(facts).alarms = vec![Alarm { member_id: 50, alarm: "NOSPACE".into() }],
            &["etcd: cp-2 raises the alarm NOSPACE in etcd"],
        ),
        (
            "a learner",
            |_, facts| {
                let learner =
                    EtcdMember { id: 9, name: "cp-4".into(), is_learner: true, ..EtcdMember::default() };
                etcd(facts).members.push(learner);
            },
            &[
                "etcd: the etcd member cp-4 is still a learner",
                "note the etcd member cp-4 was not asked: no node of the inventory that can be reached runs it",
            ],
        ),
        (
            "one that never started",
            |_, facts| {
                let peer_urls = vec![String::from("https://10.0.0.9:2380")];
                etcd(facts).members.push(EtcdMember { id: 9, peer_urls, ..EtcdMember::default() });
            },
            &[
                "etcd: the etcd member at https://10.0.0.9:2380 was added and never started",
                "etcd: etcd has 3 healthy of 4 members and needs 3: none can be spared",
            ],
        ),
        (
            "two cannot spare one",
            |_, facts| {
                etcd(facts).members.pop();
                facts.etcd.members.remove(&name("cp-3"));
            },
            &["etcd: etcd has 2 healthy of 2 members and needs 2: none can be spared"],
        ),
        (
            "a single one is allowed",
            |_, facts| {
                etcd(facts).members.truncate(1);
                facts.etcd.members.retain(|node, _| node.as_str() == "cp-1");
            },
            &[],
        ),
        (
            "no quorum",
            |_, facts| facts.etcd.cluster = Some(Err("no leader".into())),
            &["etcd: etcd's quorum does not answer: no leader"],
        ),
    ]);
}

#[test]
fn disks() {
    check(&[
        (
            "full",
            |_, facts| at(facts, "cp-1").file_systems.get_mut("/var/lib/harden").unwrap().free = 12 * MIB,
            &["disk, cp-1: 12 MiB are free for /var/lib/harden, and 65 MiB are needed"],
        ),
        (
            "both directories on one",
            |_, facts| {
                let system = FileSystem { device: 1, free: 65 * MIB, free_inodes: None };
                at(facts, "cp-1").file_systems.values_mut().for_each(|found| *found = system);
            },
            &[
                "disk, cp-1: 65 MiB are free for /etc/kubernetes/manifests, /var/lib/harden, and 66 MiB are needed",
            ],
        ),
        (
            "without inodes",
            |_, facts| {
                at(facts, "w-1").file_systems.get_mut("/var/lib/harden").unwrap().free_inodes = Some(3);
            },
            &["disk, w-1: 3 inodes are free for /var/lib/harden, and 258 are needed"],
        ),
        (
            "unknown",
            |_, facts| at(facts, "w-1").file_systems.clear(),
            &["note w-1: how much is free below /var/lib/harden is not known"],
        ),
    ]);
}

#[test]
fn images() {
    const ABSENT: &[&str] = &[
        "images, cp-1: the image registry.k8s.io/kube-apiserver:v1.35.4 is not there: kube-apiserver would not start again",
    ];
    const UNKNOWN: &[&str] = &[
        "note cp-1: whether the image registry.k8s.io/kube-apiserver:v1.35.4 is there is not known",
        "note cp-1: whether the image registry.k8s.io/pause:3.10 is there is not known",
    ];
    fn ask(facts: &mut Facts) -> &mut Images {
        at(facts, "cp-1").images.as_mut().unwrap()
    }
    fn list(facts: &mut Facts, names: &[&str], all: bool) {
        ask(facts).present = None;
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        facts.listed.insert(name("cp-1"), NodeImages { names, all });
    }
    check(&[
        ("absent", |_, facts| ask(facts).present = Some([PAUSE.into()].into()), ABSENT),
        (
            "the pause image",
            |_, facts| ask(facts).present = Some([API_SERVER.into()].into()),
            &[
                "images, cp-1: the image registry.k8s.io/pause:3.10 is not there: no pod would start there again",
            ],
        ),
        (
            "an image of the new manifest only",
            |scope, _| {
                let touched = scope.touched.get_mut(&name("cp-1")).unwrap();
                touched.images.insert("etcd".into(), ["etcd:4".into()].into());
            },
            &["images, cp-1: the image docker.io/library/etcd:4 is not there: etcd would not start again"],
        ),
        (
            "of a pod that harden knows nothing of",
            |_, facts| {
                ask(facts).named.insert("kube-vip".into(), ["ghcr.io/kube-vip/kube-vip:v1".into()].into());
            },
            &[
                "images, cp-1: the image ghcr.io/kube-vip/kube-vip:v1 is not there: kube-vip would not start again",
            ],
        ),
        (
            "nothing restarts",
            |scope, facts| {
                scope.touched.get_mut(&name("cp-1")).unwrap().restarts = false;
                ask(facts).present = Some(BTreeSet::new());
            },
            &[],
        ),
        ("the API lists them", |_, facts| list(facts, &[API_SERVER, PAUSE], false), &[]),
        ("the API lists all, and not this one", |_, facts| list(facts, &[PAUSE], true), ABSENT),
        ("the API lists the largest only", |_, facts| list(facts, &[], false), UNKNOWN),
        ("nobody knows", |_, facts| ask(facts).present = None, UNKNOWN),
        (
            "which pause image",
            |_, facts| ask(facts).pause = None,
            &["note cp-1: which pause image its runtime uses is not known"],
        ),
    ]);
    let mut facts = facts();
    let images = ask(&mut facts);
    images.present = Some([PAUSE.into()].into());
    images.tool = "ctr -n k8s.io images";
    let refusal = &judge(&scope(), &facts).refusals[0];
    assert_eq!(refusal.remedy, format!("pull it there with `ctr -n k8s.io images pull {API_SERVER}`"));
}

#[test]
fn certificates() {
    fn with(facts: &mut Facts, path: &str, certificate: NodeCertificate) {
        at(facts, "cp-2").certificates.insert(path.into(), certificate);
    }
    check(&[
        (
            "within the run",
            |_, facts| with(facts, "/etc/kubernetes/admin.conf", NodeCertificate::Until(NOW + 1_830)),
            &[
                "certificates, cp-2: the certificate in /etc/kubernetes/admin.conf expires in 30 min, within the run",
            ],
        ),
        (
            "expired",
            |_, facts| {
                with(facts, "/var/lib/kubelet/pki/kubelet-client-current.pem", NodeCertificate::Until(NOW));
            },
            &[
                "certificates, cp-2: the certificate in /var/lib/kubelet/pki/kubelet-client-current.pem has expired",
            ],
        ),
        ("after it", |_, facts| with(facts, "/x", NodeCertificate::Until(NOW + 3_600)), &[]),
        (
            "renewed by the run",
            |_, facts| {
                let path = String::from("/etc/kubernetes/pki/etcd/server.crt");
                at(facts, "cp-1").certificates.insert(path, NodeCertificate::Until(NOW + 60));
            },
            &[],
        ),
        (
            "unreadable",
            |_, facts| with(facts, "/x", NodeCertificate::Unreadable("it is none".into())),
            &["note cp-2: how long /x is valid is not known: it is none"],
        ),
    ]);
}

#[test]
fn a_plan_knows_a_part_without_a_question() {
    let mut facts = facts();
    kubernetes(&mut facts, "cp-1").ready = false;
    facts.clocks.insert(name("cp-2"), clock(-99_000));
    at(&mut facts, "cp-1").file_systems.clear();
    let kinds: Vec<Preflight> =
        known(&scope(), &facts).refusals.iter().map(|refusal| refusal.preflight).collect();
    assert_eq!(kinds, [Preflight::Nodes, Preflight::Clocks]);
}

#[test]
fn what_is_skipped_is_no_refusal_any_more() {
    let mut facts = facts();
    kubernetes(&mut facts, "cp-1").ready = false;
    facts.clocks.insert(name("cp-2"), clock(-99_000));
    let mut findings = judge(&scope(), &facts);
    let skipped = findings.skip(&[Preflight::Clocks, Preflight::Images]);
    assert_eq!(skipped.len(), 1);
    assert_eq!(skipped[0].node, Some(name("cp-2")));
    assert_eq!(findings.refusals.len(), 1);
    assert_eq!(findings.refusals[0].preflight, Preflight::Nodes);
}

#[test]
fn many_nodes_are_named_once() {
    let mut scope = scope();
    let mut facts = facts();
    for number in 10..20 {
        let text = format!("w-{number}");
        scope.kubernetes.insert(name(&text));
        facts.kubernetes.as_mut().unwrap().push(NodeInfo { unschedulable: true, ..node(&text) });
    }
    assert_eq!(said(&scope, &facts), ["note w-10, w-11, w-12, w-13, w-14 and 5 more: cordoned"]);
}

/// The exit code of an apply where one node's clock is two minutes off in its reply.
pub(crate) fn a_clock_two_minutes_off() -> u8 {
    let mut facts = facts();
    facts.clocks.insert(name("cp-2"), clock(120_000));
    let findings = judge(&scope(), &facts);
    let [refusal] = findings.refusals.as_slice() else { panic!("{:?}", findings.refusals) };
    assert!(
        refusal.preflight == Preflight::Clocks && refusal.to_string().contains("119 s ahead"),
        "{refusal}"
    );
    let error = ApplyError::Unfit { refusals: findings.refusals };
    harden::cli::Error::hinted(error).exit_code().number()
}
