//! Kubelet serving certificates: a table of clusters with what must come next, every combination of two nodes, and runs that
//! are cut short.

use super::{CLEAN, ask as ask_encryption, cluster, name};
use harden::resource::{
    AttributesSpec, CertificateFacts, CertificateForm, CertificateSpec, CertificateState, ClusterObserved,
    Content, Existing, FileKind, FileSpec, FileState, KeyAlgorithm, Mode, NodePath, Observed,
    ObservedContent, OnNode, Ownership, PresentFile, Resource, Spec, StaticPodSpec, Undo, Usage,
};
use harden::stage::{
    Scope, ServingInput, ServingNode, ServingState, ServingStep, ServingWish, judge, serving, shortcoming,
};
use std::collections::{BTreeMap, BTreeSet};

const NODES: [&str; 4] = ["cp-1", "cp-2", "w-1", "w-2"];
const CA: &str = "/etc/kubernetes/pki/ca.crt";

fn path(text: &str) -> NodePath {
    text.parse().unwrap()
}

/// A node in one letter: `.` has nothing · `c` has its certificate, its kubelet was not asked · `C` and serves with it · `x` and
/// serves with another · `f` has nothing, and its API server trusts no such kubelet · `F` has all of it, flag included · `o`
/// trusts by another CA · `a` has everything and another CA's certificate · `?` was not read · `-` no template
/// makes it one. In control planes the CA's key is
/// there unless `keys` is false.
fn node(at: usize, letter: char, keys: bool) -> ServingNode {
    let lacks =
        |letter: char| matches!(letter, '.' | 'f' | 'o' | '-').then(|| String::from("it has no certificate"));
    ServingNode {
        name: name(NODES[at]),
        control_plane: at < 2,
        state: (letter != '?').then(|| ServingState {
            flag: match letter {
                'f' | 'F' => Some(CA.to_owned()),
                'o' => Some(String::from("/other.crt")),
                _ => None,
            },
            has_template: letter != '-',
            holds_key: keys && at < 2,
            authorities: [String::from(if letter == 'a' { "another" } else { "the CA" })].into(),
            lacks: lacks(letter),
        }),
        served: match letter {
            'C' | 'F' => Some(Ok(())),
            'x' => Some(Err(String::from("serves with another"))),
            _ => None,
        },
    }
}

fn running(strangers: &[&str]) -> ClusterObserved {
    let nodes = NODES.iter().chain(strangers).map(|node| ((*node).to_owned(), BTreeSet::new()));
    ClusterObserved { nodes: nodes.collect(), ..ClusterObserved::default() }
}

fn ask(letters: &str, keys: bool, cluster: Option<&ClusterObserved>) -> ServingStep {
    let nodes = letters.chars().enumerate().map(|(at, letter)| node(at, letter, keys)).collect();
    serving(&ServingInput { wanted: true, authority: path(CA), nodes, cluster })
}

/// `F` for each API server that trusts, `.` for each that does not; behind it what comes next.
fn shown(step: &ServingStep) -> String {
    let server = |node: &&str| if step.trusting.contains(&name(node)) { 'F' } else { '.' };
    let servers: String = NODES[..2].iter().map(server).collect();
    let next = match step {
        ServingStep { kubelets_first: true, .. } => "kubelets",
        ServingStep { ask: true, .. } => "ask",
        ServingStep { waiting, .. } if !waiting.is_empty() => "waits",
        _ => "go",
    };
    format!("{servers} {next}")
}

#[test]
fn what_comes_next() {
    for (letters, expected) in [
        ("....", ".. kubelets"),
        ("CC..", ".. kubelets"),
        ("ccc.", ".. kubelets"),
        (".CCC", ".. kubelets"),
        ("cccc", ".. ask"),
        ("CCCc", ".. ask"),
        ("CCCC", "FF go"),
        // Files alone are no proof.
        ("CCCx", ".. waits"),
        // Who was not read is not known to serve, and the others are brought up to it all the same.
        ("CCC?", ".. waits"),
        ("CC.?", ".. kubelets"),
        ("?CCC", ".. waits"),
        ("CCCa", ".. waits"),
        // Cut short while the API servers were told: the rest only follows when everything still holds.
        ("FCCC", "FF go"),
        ("FCC.", "F. kubelets"),
        ("FCCx", "F. waits"),
        // Without a template nothing is made for it, and nothing waits for a stage that has nothing to do.
        ("CCC-", ".. waits"),
        // In place everywhere: there is no stage, and it is never taken back, whatever a new node lacks.
        ("FFCC", "FF go"),
        ("FFcc", "FF go"),
        ("FF..", "FF go"),
        ("ffxx", "FF go"),
        ("FF??", "FF go"),
        // A control-plane node that joined without the flag.
        ("F.CC", "F. kubelets"),
    ] {
        let step = ask(letters, true, Some(&running(&[])));
        assert_eq!(shown(&step), expected, "{letters}: {step:?}");
        let made = letters.chars().filter(|letter| *letter != '-').count();
        assert_eq!(step.certificates.len(), made, "{letters}");
        assert_eq!(step.notices.is_empty(), !expected.ends_with("waits"), "{letters}: {:?}", step.notices);
    }
}

#[test]
fn what_the_api_servers_wait_for_is_named() {
    let notices =
        |letters, strangers: &[&str]| ask(letters, true, Some(&running(strangers))).notices.concat();
    let waits = "--kubelet-certificate-authority of the API servers waits for ";
    assert_eq!(
        notices("CCxx", &[]),
        format!("{waits}w-1 (its kubelet serves with another), w-2 (its kubelet serves with another)")
    );
    assert_eq!(
        notices("CCCC", &["w-9", "old"]),
        format!(
            "{waits}old (it is in the cluster and not in the inventory), w-9 (it is in the cluster and not in the inventory)"
        )
    );
    assert_eq!(notices("CCC?", &[]), format!("{waits}w-2 (it could not be read)"));
    assert!(notices("CCCa", &[]).contains("w-2 (its /etc/kubernetes/pki/ca.crt is not that of the others)"));
    // The stage of the kubelets has nothing left to do within the limit.
    let step = ask("CC..", true, Some(&running(&[]))).without_stage();
    assert_eq!(
        step.notices.concat(),
        format!("{waits}w-1 (it has no certificate), w-2 (it has no certificate)")
    );
    assert!(!step.kubelets_first && step.trusting.is_empty());
}

/// A node that harden does not know would be cut off: the others get their certificates, and no stage of their own.
#[test]
fn a_stranger_in_the_cluster_withholds_the_flag() {
    for letters in ["....", "CC..", "cccc", "CCCC"] {
        let step = ask(letters, true, Some(&running(&["w-9"])));
        assert_eq!((shown(&step).as_str(), step.certificates.len()), (".. waits", 4), "{letters}");
    }
    assert_eq!(shown(&ask("FFCC", true, Some(&running(&["w-9"])))), "FF go");
}

#[test]
fn without_the_key_those_that_have_a_certificate_keep_it() {
    let step = ask("CC..", false, Some(&running(&[])));
    assert_eq!(step.certificates, [name("cp-1"), name("cp-2")].into());
    assert_eq!(shown(&step), ".. waits");
    assert!(
        step.notices[0].starts_with("no kubelet serving certificate for w-1, w-2: no control-plane node holds the key of /etc/kubernetes/pki/ca.crt;")
    );
    let nobody = ask("....", false, Some(&running(&[])));
    assert!(nobody.certificates.is_empty() && nobody.trusting.is_empty() && !nobody.kubelets_first);
    assert_eq!(nobody.notices.len(), 1);
    // What is in place stays, also when the key was taken away since.
    assert_eq!(shown(&ask("CCCC", false, Some(&running(&[])))), "FF go");
    assert_eq!(shown(&ask("FFC.", false, Some(&running(&[])))), "FF go");
}

#[test]
fn another_way_of_trusting_is_left_alone() {
    let step = ask("oC..", true, Some(&running(&[])));
    assert!(step.certificates.is_empty() && step.trusting.is_empty() && !step.kubelets_first && !step.ask);
    assert!(step.notices[0].starts_with("cp-1: its API server trusts kubelets by /other.crt, not by "));
    let none = ask("----", true, Some(&running(&[])));
    assert_eq!(none, ServingStep::default());
    let nodes = vec![node(0, '.', true)];
    let unwanted = ServingInput { wanted: false, authority: path(CA), nodes, cluster: None };
    assert_eq!(serving(&unwanted), ServingStep::default());
}

#[test]
fn a_directory_tree_gets_certificates_and_no_flag() {
    for (letters, expected) in [("....", ".. go"), ("cccc", ".. go"), ("FFcc", "FF go")] {
        let step = ask(letters, true, None);
        assert_eq!((shown(&step).as_str(), step.certificates.len()), (expected, 4), "{letters}");
        assert_eq!(step.notices.is_empty(), letters == "FFcc");
    }
}

/// No API server begins to trust while some kubelet is not seen to serve, and none is ever taken back.
#[test]
fn the_rules_hold_for_every_combination() {
    let letters = ['.', 'c', 'C', 'x', 'f', 'F', 'a', '?'];
    let mut count = 0;
    for one in letters {
        for two in letters {
            for three in letters {
                for (keys, strangers) in [(true, &[][..]), (false, &[]), (true, &["w-9"])] {
                    let text: String = [one, two, three, 'C'].iter().collect();
                    let step = ask(&text, keys, Some(&running(strangers)));
                    for (at, letter) in [one, two].into_iter().enumerate() {
                        let trusts = step.trusting.contains(&name(NODES[at]));
                        let did = matches!(letter, 'f' | 'F');
                        let all_serve =
                            strangers.is_empty() && [one, two, three].iter().all(|l| matches!(l, 'C' | 'F'));
                        assert!(trusts || !did, "{text}: it is taken back");
                        assert!(did || !trusts || all_serve, "{text}: it trusts too early");
                    }
                    assert!(!(step.kubelets_first && step.ask));
                    count += 1;
                }
            }
        }
    }
    assert_eq!(count, 8 * 8 * 8 * 3);
}

/// Whatever the order in which nodes are done and wherever runs are cut, it ends, and no kubelet is cut off on the way.
#[test]
fn interrupted_runs_come_to_an_end() {
    for cut in 0..12_usize {
        let mut nodes: Vec<char> = "....".chars().collect();
        let mut left = cut;
        for run in 0..8 {
            let mut asked: String = nodes.iter().collect();
            let mut step = ask(&asked, true, Some(&running(&[])));
            if step.ask {
                asked = asked.replace('c', "C");
                step = ask(&asked, true, Some(&running(&[])));
            }
            for (at, letter) in nodes.iter_mut().enumerate() {
                let certificate = *letter == '.' && step.kubelets_first;
                let flag = at < 2
                    && step.trusting.contains(&name(NODES[at]))
                    && *letter != 'F'
                    && !step.kubelets_first;
                if !(certificate || flag) {
                    continue;
                }
                if run == 0 || run == 2 {
                    if left == 0 {
                        break;
                    }
                    left -= 1;
                }
                *letter = if flag { 'F' } else { 'c' };
            }
            assert!(!nodes.contains(&'F') || !nodes.contains(&'.'), "somebody is cut off: {nodes:?}");
        }
        assert_eq!(nodes, ['F', 'F', 'c', 'c'], "cut after {cut}");
    }
}

#[test]
fn the_stage_of_the_kubelets_comes_before_the_present_one() {
    let stage = ask_encryption(&[CLEAN], Some(&cluster(&[CLEAN], 5, 0))).unwrap();
    let encryption = stage.encryption.clone();
    let stage = stage.behind_kubelets();
    let names: Vec<&str> = stage.remaining.iter().map(|title| title.name.as_str()).collect();
    assert_eq!(stage.title.name, "kubelet-serving");
    assert_eq!(names, ["encryption-read", "encryption-write", "encryption-rewrite"]);
    assert!(stage.gates.is_empty() && stage.operations.is_empty());
    assert_eq!((stage.scope, stage.encryption), (Scope::BesideStaticPods, encryption));
}

fn ownership() -> Ownership {
    Ownership { owner: String::from("root"), group: String::from("root"), mode: Mode(0o600) }
}

#[test]
fn the_stage_of_the_kubelets_leaves_static_pods_and_their_files_alone() {
    let covers = |id: &str, spec| {
        let resource = Resource {
            id: id.parse().unwrap(),
            spec,
            restarts: Vec::new(),
            controls: Vec::new(),
            undo: Undo::Full,
            templates: Vec::new(),
            on_node: OnNode::default(),
            notices: Vec::new(),
        };
        assert!(Scope::All.covers(&resource));
        Scope::BesideStaticPods.covers(&resource)
    };
    let file = |at: &str| {
        Spec::File(FileSpec {
            path: path(at),
            ownership: ownership(),
            directory_mode: Mode(0o755),
            content: Content::plain("x"),
            sensitive_keys: Vec::new(),
            existing: Existing::Replaced,
        })
    };
    let pod = StaticPodSpec {
        component: String::from("etcd"),
        path: path("/etc/kubernetes/manifests/etcd.yaml"),
        ownership: ownership(),
        flags: Vec::new(),
        mounts: Vec::new(),
        annotations: BTreeMap::new(),
        run_as: None,
    };
    assert!(!covers("static-pod.etcd", Spec::StaticPod(pod)));
    assert!(!covers("file.encryption-config", file("/etc/kubernetes/encryption/config.yaml")));
    assert!(covers("file.modules", file("/etc/modules-load.d/99-harden.conf")));
    assert!(covers("certificate.kubelet-serving", Spec::Certificate(spec())));
    let etcd = CertificateSpec { path: path("/etc/kubernetes/pki/etcd/server.crt"), ..spec() };
    assert!(!covers("certificate.etcd-server", Spec::Certificate(etcd)));
    let attributes = AttributesSpec {
        pattern: String::from("/etc/kubernetes/*.conf"),
        owner: None,
        group: None,
        mode: None,
        only_from_owner: None,
    };
    assert!(covers("attributes.x", Spec::Attributes(attributes)));
}

fn spec() -> CertificateSpec {
    CertificateSpec {
        path: path("/var/lib/kubelet/pki/x.crt"),
        ownership: ownership(),
        form: CertificateForm::Pair {
            key_path: path("/var/lib/kubelet/pki/x.key"),
            key_ownership: ownership(),
        },
        directory: None,
        issuer_path: path(CA),
        issuer_key_path: path("/etc/kubernetes/pki/ca.key"),
        stored_issuer: None,
        common_name: String::from("system:node:w-1"),
        organizations: BTreeSet::new(),
        dns_names: BTreeSet::new(),
        addresses: BTreeSet::new(),
        usages: [Usage::Server].into(),
        algorithm: KeyAlgorithm::EcdsaP256,
        lifetime_days: 365,
        renew_before_days: 90,
    }
}

fn facts() -> CertificateFacts {
    CertificateFacts {
        common_name: String::from("system:node:w-1"),
        organizations: BTreeSet::new(),
        dns_names: [String::from("w-1")].into(),
        addresses: ["10.0.0.21".parse().unwrap()].into(),
        usages: [Usage::Server].into(),
        algorithm: KeyAlgorithm::EcdsaP256,
        not_before: 0,
        not_after: 365 * 86_400,
        serial: String::new(),
        signed_by_issuer: true,
    }
}

#[test]
fn each_shortcoming_of_a_certificate_is_named() {
    let names: BTreeSet<String> = ["w-1", "10.0.0.21"].map(str::to_owned).into();
    let check = |change: fn(&mut CertificateFacts), now| {
        let mut facts = facts();
        change(&mut facts);
        shortcoming(&facts, &names, now).unwrap_or_default()
    };
    assert_eq!(check(|_| {}, 100), "");
    assert_eq!(check(|facts| facts.signed_by_issuer = false, 100), "is not signed by the cluster's CA");
    assert_eq!(check(|_| {}, -1), "is not valid now");
    assert_eq!(check(|_| {}, 365 * 86_400), "is not valid now");
    assert_eq!(check(|facts| facts.usages = [Usage::Client].into(), 100), "is not for servers");
    assert_eq!(check(|facts| facts.addresses.clear(), 100), "is not for 10.0.0.21");
    assert_eq!(check(|facts| facts.dns_names.clear(), 100), "is not for w-1");
}

fn text(text: &str) -> FileState {
    FileState::Present(PresentFile {
        kind: FileKind::File,
        mode: Mode(0o600),
        owner: String::from("root"),
        group: String::from("root"),
        sha256: String::new(),
        modified: 0,
        content: ObservedContent::Text(text.to_owned()),
    })
}

#[test]
fn what_a_node_lacks_is_read_from_its_files() {
    let good = || {
        Observed {
        files: [
            ("/config.yaml", text("tlsCertFile: /var/lib/kubelet/pki/x.crt\ntlsPrivateKeyFile: /var/lib/kubelet/pki/x.key\n")),
            ("/manifest.yaml", text("spec: {containers: [{command: [kube-apiserver, --kubelet-certificate-authority, /ca.crt]}]}\n")),
            ("/etc/kubernetes/pki/ca.key", text("")),
        ]
        .map(|(at, state)| (path(at), state))
        .into(),
        certificates: [(spec().path, CertificateState::Present(facts()))].into(),
        authorities: [(path(CA), [String::from("digest")].into())].into(),
        ..Observed::default()
    }
    };
    let read = |change: &dyn Fn(&mut Observed), now| {
        let mut observed = good();
        change(&mut observed);
        let (config, manifest, names) =
            (path("/config.yaml"), path("/manifest.yaml"), [String::from("w-1")].into());
        let spec = spec();
        let wish = ServingWish {
            certificate: Some(&spec),
            config: &config,
            manifest: &manifest,
            names: &names,
            now,
        };
        ServingState::read(&observed, &wish)
    };
    let state = read(&|_| {}, 100);
    assert_eq!((state.flag.as_deref(), state.holds_key, state.lacks.clone()), (Some("/ca.crt"), true, None));
    assert_eq!(state.authorities, [String::from("digest")].into());
    let lacks = |change: &dyn Fn(&mut Observed), now| read(change, now).lacks.unwrap_or_default();
    let certificate = |state: CertificateState| {
        move |seen: &mut Observed| drop(seen.certificates.insert(spec().path, state.clone()))
    };
    let at = "/var/lib/kubelet/pki/x.crt";
    assert_eq!(lacks(&certificate(CertificateState::Absent), 0), format!("it has no {at}"));
    assert_eq!(lacks(&certificate(CertificateState::WithoutKey(facts())), 0), format!("{at} has no key"));
    assert_eq!(
        lacks(&certificate(CertificateState::Unreadable(String::from("bad"))), 0),
        format!("{at}: bad")
    );
    assert_eq!(lacks(&|_| {}, -1), format!("{at} is not valid now"));
    assert_eq!(lacks(&|_| {}, 276 * 86_400), format!("{at} must be renewed"));
    let config = |config: &'static str| {
        move |seen: &mut Observed| drop(seen.files.insert(path("/config.yaml"), text(config)))
    };
    assert_eq!(lacks(&config(""), 0), format!("its configuration does not name {at} as tlsCertFile"));
    assert_eq!(
        lacks(&config("tlsCertFile: /var/lib/kubelet/pki/x.crt\n"), 0),
        "its configuration does not name /var/lib/kubelet/pki/x.key as tlsPrivateKeyFile"
    );
}

/// In the middle of a change of the CA the control planes' files overlap only in part.
#[test]
fn a_kubelet_is_proven_by_the_ca_of_every_control_plane() {
    use crate::pki::{NOW, ca, ec_key, spec};
    let (old, new) = (ca(&ec_key(), 3_650, true), ca(&ec_key(), 3_650, true));
    let wanted = spec(KeyAlgorithm::EcdsaP256, &[Usage::Server]);
    let by_old = harden::pki::issue(&wanted, &old.pem, &old.key_pem, NOW).unwrap().certificate;
    let both = [old.pem.clone(), new.pem.clone()].concat();
    let names = BTreeSet::from([String::from("cp-1")]);
    let judged = |second: &[u8], names: &BTreeSet<String>| {
        let authorities = [(name("cp-1"), both.clone()), (name("cp-2"), second.to_vec())].into();
        judge(by_old.as_bytes(), &authorities, names, NOW)
    };
    assert_eq!(judged(&both, &names), Ok(()));
    assert_eq!(judged(&old.pem, &names), Ok(()));
    let refused = "serves with a certificate that is not signed by the cluster's CA, as cp-2 has it";
    assert_eq!(judged(&new.pem, &names), Err(String::from(refused)));
    assert_eq!(judged(b"", &names), Err(String::from(refused)));
    let elsewhere = BTreeSet::from([String::from("w-9")]);
    assert_eq!(judged(&both, &elsewhere), Err(String::from("serves with a certificate that is not for w-9")));
}
