//! kubeadm's records as a judge needs them: what each component gets at the next `kubeadm upgrade`.

use super::super::command_line::CommandLine;
use super::super::finding::Unread;
use super::super::places::PLACES;
use super::source::{Config, Kind, Source};
use crate::error::Chain;
use crate::plan::{kubeadm, yaml};
use crate::resource::{ClusterEvidence, ConfigMapKey};
use std::collections::BTreeMap;

/// kubeadm's records; empty for a cluster that has none.
#[derive(Default)]
pub(super) struct Kubeadm {
    components: BTreeMap<&'static str, CommandLine>,
    kubelet: Option<Config>,
    /// What of them could not be read.
    pub unread: Vec<Unread>,
}

impl Kubeadm {
    /// Reads them.
    pub(super) fn new(cluster: Option<&ClusterEvidence>) -> Self {
        let mut records = Self::default();
        let Some(cluster) = cluster else { return records };
        if let Some(text) = cluster.config_maps.get(&ConfigMapKey::ClusterConfiguration) {
            let managed = PLACES.components().filter(|(_, component)| component.manifest.is_some());
            for (name, _) in managed {
                match kubeadm::command_line(text, name) {
                    Ok(line) => {
                        let line = line.map(|words| (name, CommandLine::of_words(&words)));
                        records.components.extend(line);
                    }
                    Err(error) => {
                        records.unreadable("kubeadm-config", &error);
                        break;
                    }
                }
            }
        }
        if let Some(text) = cluster.config_maps.get(&ConfigMapKey::KubeletConfiguration) {
            match yaml::parse(text) {
                Ok(value) => {
                    let name = String::from("kubeadm's record kubelet-config");
                    records.kubelet = Some(Config { name, value: Some(value) });
                }
                Err(error) => records.unreadable("kubelet-config", &error),
            }
        }
        records
    }

    fn unreadable(&mut self, name: &str, error: &dyn std::error::Error) {
        let error = format!("read ConfigMap kube-system/{name}: {}", Chain(error));
        self.unread.push(Unread { node: None, error });
    }

    /// A component of the control plane.
    pub(super) fn component(&self, name: &str) -> Option<Source> {
        let command = self.components.get(name)?.clone();
        Some(Source { kind: Kind::Kubeadm("kubeadm-config"), command, config: None })
    }

    /// The kubelets' configuration.
    pub(super) fn kubelet(&self) -> Option<&Config> {
        self.kubelet.as_ref()
    }
}
