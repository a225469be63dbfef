//! Changes of every kind with their reasons, on one node, and the gates around them.

use super::fixture::*;
use super::model;
use harden::inventory::Role::{ControlPlane, Etcd};
use harden::plan::{Action, Change, Gate, Operation, Origin, Plan, build, digest};
use harden::resource::*;

const ONE: &[(&str, &[harden::inventory::Role])] = &[("cp", &[ControlPlane, Etcd])];

/// The plan of one control-plane node after something about it was changed.
fn planned(change: impl FnOnce(&mut Vec<Resource>, &mut Observed)) -> Plan {
    let inventory = inventory(ONE);
    let mut inputs = inputs(&inventory);
    let mut observed = observed();
    change(&mut inputs.desired.get_mut(&name("cp")).unwrap().resources, &mut observed);
    inputs.observed.insert(name("cp"), observed);
    build(inputs).unwrap_or_else(|error| panic!("{error}"))
}

fn change(plan: &Plan, id: &str) -> Change {
    let id: ResourceId = id.parse().unwrap();
    plan.changes().find(|(_, change)| change.resource == id).map(|(_, change)| change.clone()).unwrap()
}

#[test]
fn reasons_say_what_differs() {
    let plan = planned(|_, _| ());
    // What only words say, and what the two texts show as well.
    let expected: &[(&str, Action, &[&str], &[&str])] = &[
        ("file.audit-policy", Action::Add, &[], &["does not exist"]),
        ("file.encryption-config", Action::Add, &[], &["does not exist"]),
        ("attributes.pki", Action::Change, &["/etc/kubernetes/pki/sa.key: mode 0644 → 0600"], &[]),
        (
            "certificate.etcd-server",
            Action::Change,
            &["SAN 10.77.0.12 is missing", "SAN 127.0.0.1 is missing", "key is RSA 2048, wanted ECDSA P-256"],
            &[],
        ),
        (
            "static-pod.kube-apiserver",
            Action::Change,
            &[],
            &[
                "--audit-policy-file is missing, wanted /etc/kubernetes/audit/policy.yaml",
                "--enable-admission-plugins lacks EventRateLimit",
                "--profiling is missing, wanted false",
                "mount /etc/kubernetes/audit is missing",
                "annotation harden/file.audit-policy is missing, wanted r1",
            ],
        ),
        (
            "sysctl.kernel",
            Action::Add,
            &["kernel.panic is 0 in the running kernel, wanted 10"],
            &["does not exist"],
        ),
        (
            "yaml-keys.kubelet",
            Action::Change,
            &["mode 0644 → 0600"],
            &[
                "podPidsLimit is missing, wanted 4096",
                "tlsCertFile is missing, wanted /var/lib/kubelet/pki/x.crt",
            ],
        ),
        ("unit.containerd", Action::Change, &["at boot: disabled → enabled"], &[]),
        ("user.etcd", Action::Add, &["there is neither user nor group"], &[]),
    ];
    let found: Vec<_> = plan.changes().map(|(_, change)| change).collect();
    assert_eq!(found.len(), expected.len());
    for (change, (id, action, reasons, edits)) in found.iter().zip(expected) {
        assert_eq!((change.resource.to_string().as_str(), change.action), (*id, *action));
        assert_eq!(change.reasons, *reasons, "{id}");
        assert_eq!(change.edits, *edits, "{id}");
        assert_eq!((change.origin, change.controls.len()), (Origin::New, 1), "{id}");
    }
    assert_eq!((plan.summary().add, plan.summary().change, plan.summary().of), (4, 5, 1));
}

#[test]
fn secrets_are_compared_and_shown_masked() {
    let plan = planned(|_, _| ());
    let added = change(&plan, "file.encryption-config");
    assert!(added.sensitive);
    let masked = format!("secret: sha256:{}\n", "ab".repeat(32));
    assert_eq!(added.after.as_deref(), Some(masked.as_str()));
    let at = path("/etc/kubernetes/encryption/config.yaml");
    let plan = planned(|_, observed| {
        observed.files.insert(at.clone(), present(&masked, "0600"));
    });
    assert!(plan.changes().all(|(_, change)| change.resource.name != "encryption-config"));
    // A secret that is yet to be made differs from every one that is there.
    let plan = planned(|resources, observed| {
        observed.files.insert(at.clone(), present(&masked, "0600"));
        if let Spec::File(spec) = &mut resources[1].spec {
            spec.content.secrets[0].sha256 = None;
        }
    });
    assert_eq!(change(&plan, "file.encryption-config").edits, ["content differs"]);
    let plan = planned(|_, observed| {
        let FileState::Present(mut file) = present(&masked, "0600") else { panic!() };
        file.content = ObservedContent::Opaque;
        observed.files.insert(at.clone(), FileState::Present(file));
    });
    assert_eq!(change(&plan, "file.encryption-config").reasons, ["content differs"]);
}

#[test]
fn a_certificate_of_a_day_is_renewed_in_its_last_third() {
    for (left, reason) in [(8 * 3600, ""), (8 * 3600 - 1, "expires in 7 hours"), (3600, "expires in 1 hour")]
    {
        let plan = planned(|resources, observed| {
            for resource in resources {
                if let Spec::Certificate(spec) = &mut resource.spec {
                    (spec.lifetime_days, spec.renew_before_days) = (1, 0);
                }
            }
            let found = CertificateFacts { not_after: NOW + left, ..facts(&certificate()) };
            observed.certificates.insert(path(CERTIFICATE_PATH), CertificateState::Present(found));
        });
        let found = plan.changes().find(|(_, change)| change.resource.name == "etcd-server");
        let found = found.map(|(_, change)| change.reasons.join("; ")).unwrap_or_default();
        assert_eq!(found, reason);
    }
}

#[test]
fn certificates_are_compared_by_meaning() {
    let reasons = |alter: &dyn Fn(&mut CertificateFacts)| {
        let plan = planned(|_, observed| {
            let mut found = facts(&certificate());
            alter(&mut found);
            observed.certificates.insert(path(CERTIFICATE_PATH), CertificateState::Present(found));
        });
        plan.changes()
            .find(|(_, change)| change.resource.name == "etcd-server")
            .map(|(_, change)| change.reasons.join("; "))
            .unwrap_or_default()
    };
    assert_eq!(reasons(&|_| ()), "");
    assert_eq!(reasons(&|found| found.not_after = NOW + 12 * 86_400 + 5), "expires in 12 days");
    assert_eq!(reasons(&|found| found.not_after = NOW + 30 * 86_400), "");
    assert_eq!(reasons(&|found| found.not_after = NOW - 1), "expired on 2026-11-23");
    assert_eq!(reasons(&|found| found.not_before = NOW + 1), "is not valid before 2026-11-24");
    assert_eq!(
        reasons(&|found| found.signed_by_issuer = false),
        "is not signed by /etc/kubernetes/pki/etcd/ca.crt"
    );
    assert_eq!(
        reasons(&|found| found.usages.clear()),
        "usage TLS client is missing; usage TLS server is missing"
    );
    let extra = |found: &mut CertificateFacts| found.dns_names.extend(["old".into()]);
    assert_eq!(reasons(&extra), "SAN old is not wanted");

    let plan = planned(|_, observed| {
        let state = CertificateState::WithoutKey(facts(&certificate()));
        observed.certificates.insert(path(CERTIFICATE_PATH), state);
    });
    let certificate = change(&plan, "certificate.etcd-server");
    assert_eq!(certificate.reasons, ["its key /etc/kubernetes/pki/etcd/server.key is missing"]);
    assert!(certificate.before.unwrap().contains("SAN: 10.77.0.12\n"));
    assert!(certificate.after.unwrap().ends_with("valid: for 365 days from apply\n"));
}

#[test]
fn a_due_certificate_is_nobody_s_drift() {
    let plan = planned(|resources, observed| {
        let mut found = facts(&certificate());
        found.not_after = NOW + 1;
        observed.certificates.insert(path(CERTIFICATE_PATH), CertificateState::Present(found));
        let applied = observed.applied.get_or_insert_default();
        let left = AppliedResource { desired: digest(&resources[3]), ..AppliedResource::default() };
        applied.resources.insert(resources[3].id.clone(), left);
    });
    assert_eq!(change(&plan, "certificate.etcd-server").origin, Origin::Pending);
}

#[test]
fn stricter_modes_stay_and_owners_may_be_unknown() {
    let at = "/etc/kubernetes/pki/sa.key";
    let of = |mode: &str, owner: &str, owners: bool| {
        let plan = planned(|_, observed| {
            let FileState::Present(mut file) = present("key", mode) else { panic!() };
            file.owner = owner.into();
            observed.files.insert(path(at), FileState::Present(file));
            observed.facts.owners = owners;
        });
        let reasons = plan
            .changes()
            .find(|(_, change)| change.resource.name == "pki")
            .map(|(_, change)| change.reasons.join("; "))
            .unwrap_or_default();
        (reasons, plan.notices.iter().filter(|notice| notice.contains("owners")).count())
    };
    assert_eq!(of("0400", "root", true), (String::new(), 0));
    assert_eq!(of("0440", "root", true).0, format!("{at}: mode 0440 → 0400"));
    assert_eq!(of("0600", "etcd", true).0, format!("{at}: owner etcd:root → root:root"));
    assert_eq!(of("0600", "etcd", false), (String::new(), 1));
}

#[test]
fn drift_and_pending_are_told_apart() {
    let inventory = inventory(ONE);
    let mut node = observed();
    let first = build(inputs(&inventory)).unwrap();
    first.changes().for_each(|(_, change)| model::apply(&mut node, change));
    let origin = |node: &Observed, alter: &dyn Fn(&mut StaticPodSpec)| {
        let mut inputs = inputs(&inventory);
        inputs.observed.insert(name("cp"), node.clone());
        for resource in &mut inputs.desired.get_mut(&name("cp")).unwrap().resources {
            if let Spec::StaticPod(spec) = &mut resource.spec {
                alter(spec);
            }
        }
        build(inputs).unwrap().changes().map(|(_, change)| change.origin).collect::<Vec<_>>()
    };
    let new_flag = |spec: &mut StaticPodSpec| spec.flags.push(is("v", "2"));
    assert_eq!(origin(&node, &|_| ()), []);
    assert_eq!(origin(&node, &new_flag), [Origin::Pending]);
    node.files.insert(path(API_PATH), present(API, "0600"));
    assert_eq!(origin(&node, &|_| ()), [Origin::Drift]);
    assert_eq!(origin(&node, &new_flag), [Origin::Both]);
}

#[test]
fn a_directory_tree_has_no_gates_and_nothing_live() {
    let plan = planned(|_, observed| {
        observed.facts.live = false;
        observed.units.clear();
        observed.sysctls.clear();
    });
    let node = &plan.waves[0].nodes[0];
    assert!(node.before.is_empty() && node.after.is_empty());
    assert!(node.restart_units.is_empty() && node.restart_pods.is_empty());
    let live =
        |operation: &Operation| matches!(operation, Operation::SetSysctls { .. } | Operation::SetUnit { .. });
    assert!(!node.changes.iter().flat_map(|change| &change.operations).any(live));
    assert_eq!(node.changes.len(), 8);
}

#[test]
fn gates_stand_around_a_control_plane_node() {
    let plan = planned(|_, _| ());
    let node = &plan.waves[0].nodes[0];
    let (cp, kubelet) = (name("cp"), String::from("kubelet.service"));
    assert_eq!(
        node.before,
        [
            Gate::EtcdHealthy { node: cp.clone() },
            Gate::ApiServerReady { node: cp.clone() },
            Gate::NodeReady { node: cp.clone() }
        ]
    );
    assert_eq!(node.restart_pods, ["kube-apiserver"]);
    assert_eq!(node.restart_units, ["containerd.service", "kubelet.service"]);
    let because_of = |id: &str| change(&plan, id).restarts;
    assert_eq!(because_of("static-pod.kube-apiserver"), ["kube-apiserver"]);
    assert_eq!(because_of("yaml-keys.kubelet"), ["kubelet.service"]);
    assert!(because_of("attributes.pki").is_empty());
    let Gate::StaticPodRuns { component, command, manifest, probe, .. } = &node.after[0] else {
        panic!("{:?}", node.after)
    };
    assert_eq!((component.as_str(), command[0].as_str()), ("kube-apiserver", "kube-apiserver"));
    let manifest = manifest.as_ref().map(ToString::to_string);
    assert_eq!(manifest.as_deref(), Some("/etc/kubernetes/manifests/kube-apiserver.yaml"));
    assert_eq!(probe.as_ref().map(ToString::to_string).as_deref(), Some(":6443/readyz"));
    assert!(command.contains(&String::from("--enable-admission-plugins=NodeRestriction,EventRateLimit")));
    assert_eq!(
        node.after[1..],
        [
            Gate::ApiServerReady { node: cp.clone() },
            Gate::EtcdHealthy { node: cp.clone() },
            Gate::UnitActive { node: cp.clone(), unit: "containerd.service".into() },
            Gate::UnitActive { node: cp.clone(), unit: kubelet },
            Gate::NodeReady { node: cp }
        ]
    );
}

#[test]
fn a_pod_whose_manifest_only_gets_another_mode_does_not_restart() {
    let mut node = observed();
    planned(|_, _| ()).changes().for_each(|(_, change)| model::apply(&mut node, change));
    let FileState::Present(file) = node.files.get_mut(&path(API_PATH)).unwrap() else { panic!() };
    file.mode = "0644".parse().unwrap();
    let plan = planned(|_, observed| *observed = node);
    assert!(plan.waves[0].nodes[0].restart_pods.is_empty());
    assert_eq!(change(&plan, "static-pod.kube-apiserver").reasons, ["mode 0644 → 0600"]);
    assert!(change(&plan, "static-pod.kube-apiserver").restarts.is_empty());
    assert!(change(&plan, "static-pod.kube-apiserver").before.is_none());
}

#[test]
fn digests_depend_on_what_is_wanted_alone() {
    let of = |resource: Resource| digest(&resource);
    let plain = || resource("file.x", Spec::File(policy()), &[]);
    let mut explained = plain();
    explained.templates.push("other".into());
    assert_eq!(of(plain()), of(explained));
    let mut other = policy();
    other.content.text.push('#');
    assert_ne!(of(plain()), of(resource("file.x", Spec::File(other), &[])));
    assert_eq!(of(plain()).len(), 64);
}

/// An API server with a flag that names a file of kubeadm's; the file, and the flag in its manifest.
fn with_named_file(file: Option<&str>, flag: Option<&str>) -> Result<Plan, String> {
    const CLIENT: &str = "/etc/kubernetes/pki/apiserver-kubelet-client.crt";
    let inventory = inventory(ONE);
    let mut inputs = inputs(&inventory);
    let mut observed = observed();
    let mut pod = static_pod();
    let wanted =
        FlagSpec { value: FlagValue::Existing(path(CLIENT)), ..is("kubelet-client-certificate", "") };
    pod.flags.push(wanted);
    let resources = &mut inputs.desired.get_mut(&name("cp")).unwrap().resources;
    resources.retain(|resource| resource.id.kind != Kind::StaticPod);
    resources.push(resource("static-pod.kube-apiserver", Spec::StaticPod(pod), &[]));
    let there = file.map_or(FileState::Absent, |text| present(text, "0644"));
    observed.files.insert(path(CLIENT), there);
    let line = format!("    - --kubelet-client-certificate={CLIENT}\n");
    let instead = flag.map(|flag| format!("    - --kubelet-client-certificate={flag}\n")).unwrap_or_default();
    let text = API.replace(&line, &instead);
    assert_ne!(text, API);
    observed.files.insert(path(API_PATH), present(&text, "0600"));
    inputs.observed.insert(name("cp"), observed);
    build(inputs).map_err(|error| harden::error::Chain(&error).to_string())
}

#[test]
fn a_flag_names_a_file_of_somebody_else_only_where_that_is() {
    let flag = |plan: Result<Plan, String>| {
        let after = change(&plan.unwrap(), "static-pod.kube-apiserver").after.unwrap();
        after
            .lines()
            .find(|line| line.contains("kubelet-client-certificate"))
            .map(|line| line.trim().to_owned())
    };
    let default = "- --kubelet-client-certificate=/etc/kubernetes/pki/apiserver-kubelet-client.crt";
    assert_eq!(flag(with_named_file(Some("x"), None)).as_deref(), Some(default));
    let own = "- --kubelet-client-certificate=/etc/mine.crt";
    assert_eq!(flag(with_named_file(None, Some("/etc/mine.crt"))).as_deref(), Some(own));
    let error = with_named_file(None, None).unwrap_err();
    assert!(
        error.contains("set --kubelet-client-certificate of kube-apiserver to /etc/kubernetes/pki/apiserver-kubelet-client.crt: there is no such file on the node"),
        "{error}"
    );
}

/// kube-vip's manifest is a file as a whole, and the kubelet starts what is in it anew: on the next node it must not end before this
/// one's runs and the endpoint answers again.
#[test]
fn a_manifest_that_is_a_file_of_its_own_is_waited_for() {
    let manifest = "/etc/kubernetes/manifests/kube-vip.yaml";
    let text = "kind: Pod\nspec:\n  containers:\n    - name: kube-vip\n      command: [/kube-vip, manager]\n";
    let file = |text: &str| {
        let spec = FileSpec {
            path: path(manifest),
            ownership: ownership("0600"),
            directory_mode: "0755".parse().unwrap(),
            content: Content { text: text.to_owned(), secrets: Vec::new() },
            sensitive_keys: Vec::new(),
            existing: Existing::Replaced,
        };
        resource("file.kube-vip", Spec::File(spec), &[])
    };
    let planned_with = |text: &str, configured: bool| {
        let mut inventory = inventory(ONE);
        inventory.cluster.endpoint = Some(String::from("[fd00::10]:6443"));
        let vip = harden::inventory::KubeVip { image: String::from("vip"), interface: None };
        inventory.kube_vip = configured.then_some(vip);
        let mut inputs = inputs(&inventory);
        inputs.desired.get_mut(&name("cp")).unwrap().resources = vec![file(text)];
        let mut observed = observed();
        observed.files.insert(path(manifest), FileState::Absent);
        inputs.observed.insert(name("cp"), observed);
        build(inputs).unwrap_or_else(|error| panic!("{error}"))
    };
    let plan = planned_with(text, true);
    let node = &plan.waves[0].nodes[0];
    assert_eq!(node.restart_pods, ["kube-vip"]);
    assert_eq!(change(&plan, "file.kube-vip").restarts, ["kube-vip"]);
    let Gate::StaticPodRuns { component, command, probe: None, .. } = &node.after[0] else {
        panic!("{:?}", node.after)
    };
    assert_eq!(
        (component.as_str(), command.as_slice()),
        ("kube-vip", ["/kube-vip", "manager"].map(String::from).as_slice())
    );
    let Some(Gate::EndpointAnswers { probe, .. }) = node.after.last() else { panic!("{:?}", node.after) };
    assert_eq!((probe.host.as_str(), probe.port), ("fd00::10", 6443));
    // What it runs is not said, and nobody says that the endpoint hangs on it.
    let plan = planned_with("kind: Pod\nspec:\n  containers:\n    - name: other\n", false);
    let node = &plan.waves[0].nodes[0];
    assert!(node.restart_pods.is_empty() && matches!(node.after[0], Gate::ApiServerReady { .. }));
}
