//! What has to be read on a node so that a benchmark can be judged there. It follows from the controls' data alone.

use super::benchmark::{Benchmark, mapped};
use super::control::{Control, OwnAuthority, Test};
use super::judge::ADMISSION_CONFIG_FLAG;
use super::places::{PLACES, Place};
use crate::inventory::Role;
use crate::resource::{FlagPath, NodePath, Questions};
use std::collections::{BTreeMap, BTreeSet};

/// The YAML keys of an encryption configuration whose values are secret.
const ENCRYPTION_SECRETS: &[&str] = &["secret"];

/// Everything that must be read on a node with these roles.
pub fn questions(benchmark: &Benchmark, roles: &BTreeSet<Role>) -> Questions {
    let mut asked = Asked::default();
    for control in benchmark.controls() {
        match &control.test {
            Test::Items(items) => {
                let items = mapped().controls().filter(|control| items.contains(&control.item));
                items.for_each(|control| asked.control(control, roles));
            }
            _ => asked.control(control, roles),
        }
    }
    asked.into_questions()
}

#[derive(Default)]
struct Asked {
    questions: Questions,
    flags: BTreeMap<(String, String), Option<BTreeSet<String>>>,
}

impl Asked {
    fn control(&mut self, control: &Control, roles: &BTreeSet<Role>) {
        // The audit policy is judged once for the cluster, but read on the nodes.
        if matches!(control.test, Test::AuditPolicy) && roles.contains(&Role::ControlPlane) {
            self.component("kube-apiserver");
            self.flag("kube-apiserver", "audit-policy-file", Some(&[]));
        }
        // So is what PodSecurity enforces by default, which the objects of the cluster do not tell.
        if matches!(control.test, Test::Policy) && roles.contains(&Role::ControlPlane) {
            self.programs("kube-apiserver");
            self.flag("kube-apiserver", ADMISSION_CONFIG_FLAG, Some(&[]));
        }
        if !control.concerns(roles) {
            return;
        }
        match &control.test {
            Test::Mode(test) => self.place(&test.of),
            Test::Owner(test) => self.place(&test.of),
            Test::Flags(test) => {
                self.component(&test.of);
                if let Some(OwnAuthority { flag, other }) = &test.own_authority {
                    self.component(&other.of);
                    self.flag(&test.of, flag.trim_start_matches('-'), Some(&[]));
                    self.flag(&other.of, other.flag.trim_start_matches('-'), Some(&[]));
                }
            }
            Test::Shown(test) => self.component(&test.of),
            Test::Encryption(test) => {
                self.component(&test.of);
                self.flag(&test.of, test.flag.trim_start_matches('-'), Some(ENCRYPTION_SECRETS));
            }
            Test::Manual | Test::Policy | Test::AuditPolicy | Test::Items(_) => {}
        }
    }

    /// What is at a place: kind, mode and owner.
    fn place(&mut self, name: &str) {
        let Some(place) = PLACES.place(name) else { return };
        let paths = place.candidates().chain(&place.every);
        self.questions.patterns.extend(paths.map(ToString::to_string));
        self.questions.trees.extend(place.below.clone());
        if let Some(flag) = &place.flag {
            self.programs(&flag.of);
            self.flag(&flag.of, &flag.name, None);
        }
    }

    /// A component's processes, and the text of its manifest and configuration.
    fn component(&mut self, name: &str) {
        self.programs(name);
        let Some(component) = PLACES.component(name) else { return };
        if let Some(place) = component.manifest.as_deref().and_then(|place| PLACES.place(place)) {
            self.documents(place.candidates().filter(|path| is_manifest(path)));
        }
        if let Some(place) = component.environment.as_deref().and_then(|place| PLACES.place(place)) {
            self.documents(place.candidates());
        }
        if let Some(place) = component.config.as_deref().and_then(|place| PLACES.place(place)) {
            self.documents(place.candidates());
            if let Some(Place { flag: Some(flag), .. }) = Some(place) {
                self.flag(&flag.of, &flag.name, Some(&[]));
            }
        }
    }

    fn programs(&mut self, name: &str) {
        if let Some(component) = PLACES.component(name) {
            self.questions.programs.extend(component.programs.iter().cloned());
        }
    }

    fn documents<'a>(&mut self, paths: impl Iterator<Item = &'a NodePath>) {
        self.questions.documents.extend(paths.map(|path| (path.clone(), BTreeSet::new())));
    }

    /// A flag that names a path, of each of the component's programs; whoever wants the text gets it.
    fn flag(&mut self, name: &str, flag: &str, document: Option<&[&str]>) {
        let Some(component) = PLACES.component(name) else { return };
        for program in &component.programs {
            let wanted = self.flags.entry((program.clone(), flag.to_owned())).or_default();
            if let Some(secrets) = document {
                wanted.get_or_insert_default().extend(secrets.iter().map(ToString::to_string));
            }
        }
    }

    fn into_questions(self) -> Questions {
        let flags = self.flags.into_iter();
        let flags = flags.map(|((program, flag), document)| FlagPath { program, flag, document }).collect();
        Questions { flags, ..self.questions }
    }
}

/// Whether a path is that of a static pod's manifest: other distributions' argument files and units are none.
pub(super) fn is_manifest(path: &NodePath) -> bool {
    path.parent().ends_with("manifests")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(roles: &[Role]) -> Questions {
        questions(mapped(), &roles.iter().copied().collect())
    }

    #[test]
    fn a_worker_is_asked_for_its_kubelet_alone() {
        let worker = asked(&[Role::Worker]);
        assert!(worker.trees.is_empty());
        assert_eq!(worker.programs.iter().collect::<Vec<_>>(), ["kube-proxy", "kubelet", "proxy"]);
        assert!(worker.documents.keys().all(|path| path.as_str().contains("kubelet")));
        let config = FlagPath {
            program: String::from("kubelet"),
            flag: String::from("config"),
            document: Some(BTreeSet::new()),
        };
        assert!(worker.flags.contains(&config), "{:?}", worker.flags);
    }

    #[test]
    fn a_control_plane_is_asked_for_more() {
        let node = asked(&[Role::ControlPlane, Role::Etcd]);
        assert!(node.trees.iter().any(|tree| tree.as_str() == "/etc/kubernetes/pki"));
        assert!(node.programs.contains("etcd"));
        let document = |flag: &str| {
            node.flags.iter().find(|path| path.flag == flag).and_then(|path| path.document.clone())
        };
        assert_eq!(document("encryption-provider-config"), Some([String::from("secret")].into()));
        assert_eq!(document("audit-policy-file"), Some(BTreeSet::new()));
        assert_eq!(document("data-dir"), None);
    }

    #[test]
    fn no_key_and_no_kubeconfig_is_read() {
        for benchmark in Benchmark::all() {
            let questions = questions(benchmark, &Role::ALL.into());
            assert!(questions.documents.keys().any(|path| path.as_str() == "/var/lib/kubelet/config.yaml"));
            for path in questions.documents.keys() {
                let path = path.as_str();
                let secret = ["kubeconfig", "pki", ".key", "admin", "kubelet/kubeconfig"];
                let harmless = path == "/etc/default/kubeletconfig.json";
                assert!(harmless || !secret.iter().any(|part| path.contains(part)), "{path}");
                let is_kubeadms =
                    path.starts_with("/etc/kubernetes/") && path.split('.').next_back() == Some("conf");
                assert!(!is_kubeadms, "{path}");
            }
        }
    }
}
