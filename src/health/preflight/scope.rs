//! What of a cluster a plan concerns. Pure.

use super::images::named_images;
use crate::inventory::{Inventory, Node, NodeName, Role};
use crate::plan::{NodePlan, Operation, Plan};
use crate::resource::Kind;
use std::collections::{BTreeMap, BTreeSet};

/// Where transactions keep what they need.
const STATE: &str = "/var/lib/harden";
/// More than any certificate with its key.
const CERTIFICATE_BYTES: u64 = 16 * 1024;
/// The kubelet's client certificate as harden issues it, and the link to it by which the kubelet knows it.
const KUBELET_CLIENT: &str = "/var/lib/kubelet/pki/kubelet-client-harden.pem";
const KUBELET_CLIENT_CURRENT: &str = "/var/lib/kubelet/pki/kubelet-client-current.pem";
/// Units whose restart starts pods anew, or may.
const RUNNERS: &[&str] =
    &["kubelet.service", "containerd.service", "crio.service", "cri-docker.service", "docker.service"];

/// What of a cluster a plan concerns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// The nodes that it touches.
    pub touched: BTreeMap<NodeName, Touched>,
    /// The control-plane nodes, all of them.
    pub control_planes: BTreeSet<NodeName>,
    /// Nodes of both kinds that a kubelet registers.
    pub kubernetes: BTreeSet<NodeName>,
    /// Whether a node with a member of etcd is touched.
    pub touches_etcd: bool,
}

/// What a plan does on a node, as far as preflights look at it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    /// What is needed in each directory.
    pub needs: BTreeMap<String, Need>,
    /// Whether static pods or the kubelet start again.
    pub restarts: bool,
    /// The images of the new manifests, by component.
    pub images: BTreeMap<String, BTreeSet<String>>,
    /// The certificates that are issued anew.
    pub renews: BTreeSet<String>,
}

/// What is needed in a directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Need {
    /// Bytes, of each file twice its size.
    pub bytes: u64,
    /// Files.
    pub files: u64,
}

impl Need {
    pub(super) fn add(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.files += other.files;
    }
}

impl Scope {
    /// What a plan concerns.
    pub fn of(plan: &Plan, inventory: &Inventory) -> Self {
        let nodes = plan.waves.iter().flat_map(|wave| &wave.nodes);
        let mut touched: BTreeMap<NodeName, Touched> =
            nodes.map(|node| (node.node.clone(), Touched::of(node))).collect();
        let names = |nodes: &mut dyn Iterator<Item = &Node>| nodes.map(|node| node.name.clone()).collect();
        let control_planes: BTreeSet<NodeName> = names(&mut inventory.with_role(Role::ControlPlane));
        // Whoever says yes says it to the stages that follow as well. These are about the control planes; how far they go is not
        // planned yet.
        if !plan.remaining.is_empty() {
            for node in &control_planes {
                if plan.in_sync.contains(node) || touched.contains_key(node) {
                    touched.entry(node.clone()).or_insert_with(Touched::nothing).restarts = true;
                }
            }
        }
        let has_kubelet = |node: &&Node| {
            node.roles.contains(&Role::ControlPlane)
                || (node.roles.contains(&Role::Worker) && touched.contains_key(&node.name))
        };
        let kubernetes = names(&mut inventory.nodes.iter().filter(has_kubelet));
        let touches_etcd = inventory.with_role(Role::Etcd).any(|node| touched.contains_key(&node.name));
        Self { touched, control_planes, kubernetes, touches_etcd }
    }
}

impl Touched {
    /// A transaction without a change.
    fn nothing() -> Self {
        Self { needs: BTreeMap::from([(String::from(STATE), Need::default())]), ..Self::default() }
    }

    fn of(plan: &NodePlan) -> Self {
        let mut touched = Self {
            restarts: !plan.restart_pods.is_empty()
                || plan.restart_units.iter().any(|unit| RUNNERS.contains(&unit.as_str())),
            ..Self::nothing()
        };
        for change in &plan.changes {
            let before = change.before.as_ref().map_or(0, |text| size(text));
            for operation in &change.operations {
                match operation {
                    Operation::Write { path, content, .. } => {
                        let after = size(&content.text);
                        touched.need(path.parent(), after, 1);
                        touched.need(STATE, before.max(after), 2);
                        if change.resource.kind == Kind::StaticPod {
                            let images = touched.images.entry(change.resource.name.clone()).or_default();
                            images.extend(named_images(&content.text));
                        }
                    }
                    Operation::Restore { path, .. } => {
                        let text = change.after.as_deref().unwrap_or_default();
                        touched.need(path.parent(), size(text), 1);
                        touched.need(STATE, before, 1);
                        if change.resource.kind == Kind::StaticPod {
                            let images = touched.images.entry(change.resource.name.clone()).or_default();
                            images.extend(named_images(text));
                        }
                    }
                    Operation::Remove { .. } => touched.need(STATE, before, 1),
                    Operation::Issue { certificate, .. } => {
                        touched.need(certificate.path.parent(), CERTIFICATE_BYTES, 1);
                        if let Some(key) = certificate.key_path() {
                            touched.need(key.parent(), CERTIFICATE_BYTES, 1);
                        }
                        touched.need(STATE, CERTIFICATE_BYTES, 4);
                        touched.renews.insert(certificate.path.to_string());
                        if certificate.path.as_str() == KUBELET_CLIENT {
                            touched.renews.insert(String::from(KUBELET_CLIENT_CURRENT));
                        }
                    }
                    _ => {}
                }
            }
        }
        touched
    }

    fn need(&mut self, directory: &str, bytes: u64, files: u64) {
        self.needs.entry(directory.to_owned()).or_default().add(Need { bytes: 2 * bytes, files });
    }
}

fn size(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX / 4)
}
