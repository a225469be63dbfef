//! A host in memory: what is on it, and what a probe with these questions would find there, and no more. So a test on it
//! proves that what is asked is enough.

use super::support::{empty, file, path, process};
use harden::resource::{Evidence, EvidenceFile, NodePath, Process, Questions};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A host.
#[derive(Default, Clone)]
pub(super) struct Host {
    files: BTreeMap<NodePath, EvidenceFile>,
    texts: BTreeMap<NodePath, String>,
    processes: Vec<Process>,
}

impl Host {
    /// One of the quick start's trees, with the modes and owners that kubeadm leaves on a real host.
    pub(super) fn quickstart(name: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("inventories/quickstart").join(name);
        let mut host = Self::default();
        host.walk(&root, &root);
        host.set("/var/lib/kubelet/config.yaml", "644 root:root");
        host.set("/etc/systemd/system/kubelet.service", "644 root:root");
        host.set("/etc/systemd/system/kubelet.service.d/10-kubeadm.conf", "644 root:root");
        host.run("/usr/bin/kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf --config=/var/lib/kubelet/config.yaml --pod-infra-container-image=registry.k8s.io/pause:3.10.1");
        host.run("/usr/local/bin/kube-proxy --config=/var/lib/kube-proxy/config.conf --hostname-override=x");
        host.set("/var/lib/cni/networks", "d755 root:root");
        host.set("/var/lib/cni/networks/cbr0/10.244.0.2", "644 root:root");
        host.restart();
        host
    }

    fn walk(&mut self, folder: &Path, root: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let at = entry.unwrap().path();
            // Links to what is not part of the tree.
            if !at.exists() {
                continue;
            }
            let name = format!("/{}", at.strip_prefix(root).unwrap().to_str().unwrap());
            let is_public =
                [".crt", ".pub", ".service", "os-release", "hostname"].iter().any(|end| name.ends_with(end));
            let mode = match (at.is_dir(), is_public) {
                (true, _) if name == "/var/lib/etcd" => "d700 root:root",
                (true, _) => "d755 root:root",
                (false, true) => "644 root:root",
                (false, false) => "600 root:root",
            };
            self.set(&name, mode);
            if at.is_dir() {
                self.walk(&at, root);
            } else {
                self.texts.insert(path(&name), fs::read_to_string(&at).unwrap());
            }
        }
    }

    /// Something at a path.
    pub(super) fn set(&mut self, at: &str, mode: &str) {
        self.files.insert(path(at), file(mode));
    }

    /// A file with a text.
    pub(super) fn write(&mut self, at: &str, mode: &str, text: &str) {
        self.set(at, mode);
        self.texts.insert(path(at), text.to_owned());
    }

    /// Flags more in a static pod's manifest, in place of those of the same name.
    pub(super) fn flags(&mut self, component: &str, flags: &[&str]) {
        let text = self.texts.get_mut(&path(&manifest(component))).unwrap();
        let command = format!("    - {component}\n");
        for flag in flags {
            let name = format!("    - {}=", flag.split('=').next().unwrap());
            let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with(&name)).collect();
            *text = lines.join("\n").replacen(&command, &format!("{command}    - {flag}\n"), 1) + "\n";
        }
    }

    /// Keys more in the kubelet's configuration.
    pub(super) fn kubelet(&mut self, keys: &str) {
        self.texts.get_mut(&path("/var/lib/kubelet/config.yaml")).unwrap().push_str(keys);
    }

    /// One more process.
    pub(super) fn run(&mut self, line: &str) {
        let pid = 100 + u32::try_from(self.processes.len()).unwrap();
        self.processes.push(process(pid, line));
    }

    /// Ends the processes of a program.
    pub(super) fn stop(&mut self, program: &str) {
        self.processes.retain(|process| process.program != program);
    }

    /// Variables of the environment of a process that runs.
    pub(super) fn environment(&mut self, program: &str, variables: &BTreeMap<String, String>) {
        let found = self.processes.iter_mut().find(|process| process.program == program);
        found.unwrap().environment.clone_from(variables);
    }

    /// Starts the static pods as their manifests say now.
    pub(super) fn restart(&mut self) {
        for component in ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
            self.processes.retain(|process| process.program != component);
            if let Some(text) = self.texts.get(&path(&manifest(component))) {
                let line = harden::plan::manifest::command(text, component).unwrap().join(" ");
                self.run(&line);
            }
        }
    }

    /// What a probe finds.
    pub(super) fn answer(&self, questions: &Questions) -> Evidence {
        let mut evidence = empty();
        let mut wanted: BTreeSet<NodePath> = BTreeSet::new();
        let mut documents: BTreeSet<NodePath> = questions.documents.keys().cloned().collect();
        for pattern in &questions.patterns {
            assert!(!pattern.contains(['*', '?']), "this host expands no patterns: {pattern}");
            wanted.insert(path(pattern));
        }
        for tree in &questions.trees {
            let prefix = format!("{tree}/");
            let inside = |at: &&NodePath| *at == tree || at.as_str().starts_with(&prefix);
            wanted.extend(self.files.keys().filter(inside).cloned());
        }
        for flag in &questions.flags {
            let name = format!("--{}=", flag.flag);
            let variable = format!("ETCD_{}", flag.flag.to_uppercase().replace('-', "_"));
            let processes = self.processes.iter().filter(|process| process.program == flag.program);
            let values = processes.flat_map(|process| {
                let words = process.command.iter().filter_map(|word| word.strip_prefix(&name));
                words.chain(process.environment.get(&variable).map(String::as_str))
            });
            for value in values {
                let Ok(at) = value.parse::<NodePath>() else { continue };
                wanted.insert(at.clone());
                if flag.document.is_some() {
                    documents.insert(at);
                }
            }
        }
        let programs = &questions.programs;
        evidence.processes.clone_from(&self.processes);
        evidence.processes.retain(|process| programs.contains(&process.program));
        evidence.files.clone_from(&self.files);
        evidence.files.retain(|at, _| wanted.contains(at));
        evidence.documents.clone_from(&self.texts);
        evidence.documents.retain(|at, _| documents.contains(at));
        evidence
    }
}

fn manifest(component: &str) -> String {
    format!("/etc/kubernetes/manifests/{component}.yaml")
}
