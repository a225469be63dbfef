//! The scored controls of cis-1.12 for the control plane, 1.2 to 1.4: with the default profile every one is satisfied on what
//! kubeadm leaves, and on what somebody loosened; and the templates claim those that they bring about.

use crate::desired::{Case, rendered_for};
use harden::plan::manifest;
use harden::resource::Spec;
use std::collections::{BTreeMap, BTreeSet};

/// What a flag must be.
enum Test {
    Is(&'static str),
    AtLeast(u32),
    Present,
    Absent,
    /// Absent, or this.
    AbsentOr(&'static str),
    Holds(&'static str),
    Lacks(&'static str),
}
use Test::{Absent, AbsentOr, AtLeast, Holds, Is, Lacks, Present};

const API: &str = "kube-apiserver";
const MANAGER: &str = "kube-controller-manager";
const SCHEDULER: &str = "kube-scheduler";

/// Item, component, flag, test; whether a template claims it, or kubeadm alone brings it about.
const SCORED: &[(&str, &str, &str, Test, bool)] = &[
    ("1.2.2", API, "token-auth-file", Absent, true),
    ("1.2.4", API, "kubelet-client-certificate", Present, true),
    ("1.2.4", API, "kubelet-client-key", Present, true),
    ("1.2.6", API, "authorization-mode", Lacks("AlwaysAllow"), true),
    ("1.2.7", API, "authorization-mode", Holds("Node"), true),
    ("1.2.8", API, "authorization-mode", Holds("RBAC"), true),
    ("1.2.10", API, "enable-admission-plugins", Lacks("AlwaysAdmit"), true),
    ("1.2.12", API, "disable-admission-plugins", Lacks("ServiceAccount"), true),
    ("1.2.13", API, "disable-admission-plugins", Lacks("NamespaceLifecycle"), true),
    ("1.2.14", API, "enable-admission-plugins", Holds("NodeRestriction"), true),
    ("1.2.15", API, "profiling", Is("false"), true),
    ("1.2.16", API, "audit-log-path", Present, true),
    ("1.2.17", API, "audit-log-maxage", AtLeast(30), true),
    ("1.2.18", API, "audit-log-maxbackup", AtLeast(10), true),
    ("1.2.19", API, "audit-log-maxsize", AtLeast(100), true),
    ("1.2.21", API, "service-account-lookup", AbsentOr("true"), true),
    ("1.2.22", API, "service-account-key-file", Present, false),
    ("1.2.23", API, "etcd-certfile", Present, true),
    ("1.2.23", API, "etcd-keyfile", Present, true),
    ("1.2.24", API, "tls-cert-file", Present, false),
    ("1.2.24", API, "tls-private-key-file", Present, false),
    ("1.2.25", API, "client-ca-file", Present, false),
    ("1.2.26", API, "etcd-cafile", Present, true),
    ("1.2.30", API, "service-account-extend-token-expiration", Is("false"), true),
    ("1.3.2", MANAGER, "profiling", Is("false"), true),
    ("1.3.3", MANAGER, "use-service-account-credentials", Is("true"), true),
    ("1.3.4", MANAGER, "service-account-private-key-file", Present, false),
    ("1.3.5", MANAGER, "root-ca-file", Present, false),
    ("1.3.6", MANAGER, "feature-gates", Lacks("RotateKubeletServerCertificate=false"), true),
    ("1.3.7", MANAGER, "bind-address", AbsentOr("127.0.0.1"), true),
    ("1.4.1", SCHEDULER, "profiling", Is("false"), true),
    ("1.4.2", SCHEDULER, "bind-address", AbsentOr("127.0.0.1"), true),
    // Not scored, and satisfied by default all the same.
    ("1.2.3", API, "enable-admission-plugins", Holds("DenyServiceExternalIPs"), true),
    ("1.2.9", API, "enable-admission-plugins", Holds("EventRateLimit"), true),
    ("1.2.29", API, "tls-cipher-suites", Present, true),
    ("1.3.1", MANAGER, "terminated-pod-gc-threshold", Present, true),
    ("3.2.1", API, "audit-policy-file", Present, true),
];

/// What somebody may have loosened, as the flag that is put before another one.
const LOOSENED: &[(&str, &str, &str)] = &[
    (API, "--advertise-address", "--token-auth-file=/etc/kubernetes/pki/tokens.csv"),
    (API, "--advertise-address", "--disable-admission-plugins=ServiceAccount,NamespaceLifecycle,PodSecurity"),
    (API, "--advertise-address", "--service-account-lookup=false"),
    (API, "--advertise-address", "--profiling=true"),
    (API, "--advertise-address", "--enable-admission-plugins=AlwaysAdmit"),
    (API, "--advertise-address", "--authorization-mode=AlwaysAllow"),
    (
        MANAGER,
        "--leader-elect",
        "--feature-gates=RotateKubeletServerCertificate=false,ContextualLogging=true",
    ),
    (MANAGER, "--leader-elect", "--bind-address=0.0.0.0"),
    (SCHEDULER, "--leader-elect", "--bind-address=0.0.0.0"),
];

fn kubeadm(component: &str) -> &'static str {
    match component {
        API => include_str!("plan/kubeadm-1.35/kube-apiserver.yaml"),
        MANAGER => include_str!("plan/kubeadm-1.35/kube-controller-manager.yaml"),
        _ => include_str!("plan/kubeadm-1.35/kube-scheduler.yaml"),
    }
}

fn holds(flags: &BTreeMap<String, String>, name: &str, test: &Test) -> bool {
    let value = flags.get(name).map(String::as_str);
    let item = |item: &str| value.unwrap_or_default().split(',').any(|other| other == item);
    match test {
        Is(wanted) => value == Some(wanted),
        AtLeast(least) => {
            value.and_then(|value| value.parse::<u32>().ok()).is_some_and(|value| value >= *least)
        }
        Present => value.is_some(),
        Absent => value.is_none(),
        AbsentOr(wanted) => value.is_none_or(|value| value == *wanted),
        Holds(wanted) => item(wanted),
        Lacks(unwanted) => !item(unwanted),
    }
}

/// The flags of each component after the default profile was applied to a manifest.
fn hardened(text: impl Fn(&str) -> String) -> BTreeMap<String, BTreeMap<String, String>> {
    let desired = rendered_for(&Case::default(), "cp-1");
    let pods = desired.resources.iter().filter_map(|resource| match &resource.spec {
        Spec::StaticPod(pod) if pod.component != "etcd" => Some(pod),
        _ => None,
    });
    pods.map(|pod| {
        let edited = manifest::edit(&text(&pod.component), pod).unwrap().text;
        assert_eq!(manifest::edit(&edited, pod).unwrap().text, edited);
        (pod.component.clone(), manifest::flags(&edited, &pod.component).unwrap())
    })
    .collect()
}

#[test]
fn every_scored_control_is_satisfied_by_default() {
    let loosened = |component: &str| {
        let all = LOOSENED.iter().filter(|(of, ..)| *of == component);
        all.fold(kubeadm(component).to_owned(), |text, (_, before, flag)| {
            let new = text.replacen(&format!("- {before}"), &format!("- {flag}\n    - {before}"), 1);
            assert_ne!(new, text);
            new
        })
    };
    // The tests can fail.
    let failing = SCORED.iter().filter(|(_, component, flag, test, _)| {
        !holds(&manifest::flags(&loosened(component), component).unwrap(), flag, test)
    });
    assert!(failing.count() > 15);
    for flags in [hardened(|component| kubeadm(component).to_owned()), hardened(loosened)] {
        for (item, component, flag, test, _) in SCORED {
            assert!(
                holds(&flags[*component], flag, test),
                "{item} --{flag}: {:?}",
                flags[*component].get(*flag)
            );
        }
    }
    // What else stands in a list stays.
    assert_eq!(hardened(loosened)[MANAGER]["feature-gates"], "ContextualLogging=true");
}

#[test]
fn what_templates_bring_about_they_claim() {
    let desired = rendered_for(&Case::default(), "cp-1");
    let mut claimed: BTreeSet<(String, String)> = BTreeSet::new();
    for resource in &desired.resources {
        if let Spec::StaticPod(pod) = &resource.spec {
            for flag in &pod.flags {
                claimed.extend(flag.controls.iter().map(|control| (control.item.clone(), flag.name.clone())));
            }
        }
    }
    for (item, _, flag, _, claims) in SCORED {
        let found = claimed.contains(&((*item).to_owned(), (*flag).to_owned()));
        assert_eq!(found, *claims, "{item} --{flag}");
    }
}
