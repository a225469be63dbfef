//! Templates, inventory and the store's index in, [`Desired`] per node out. Deterministic: the same inputs give the same
//! bytes. No I/O but reading templates.
//!
//! A managed thing is one file below `templates/`, and no Rust: TOML front matter between `+++` lines says what it is and
//! where it goes, the Tera body below it says what is in it. Rendered output is parsed and checked before it is planned.

mod body;
mod certificate;
mod context;
mod embedded;
pub mod engine;
mod error;
mod etcd;
mod flags;
mod front_matter;
mod keys;
mod load;
mod node;
mod notice;
mod pki;
mod place;
mod pods;
mod run_as;
mod selection;
mod standing;
mod static_pod;
mod version;

pub use certificate::is_alternative_name;
pub use error::{Claim, TemplateError};
pub use etcd::RunningMembers;
pub use load::Templates;
pub use selection::Selection;
pub use static_pod::FILE_ANNOTATION;

use crate::inventory::{EncryptionProvider, Inventory, Minor, Node, NodeName};
use crate::resource::{Desired, SecretRef, StoredPair};
use context::Shared;
use std::collections::{BTreeMap, BTreeSet};

/// The longest name with which the client certificate of a kubelet is issued: its common name, `system:node:NAME`, has 64
/// characters at most.
const LONGEST_JOINING: usize = 52;

/// What is known beside the inventory.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// Encryption at rest, when it is its turn; `None` leaves it alone.
    pub encryption: Option<EncryptionInput>,
    /// The cluster's own CAs and key pairs, where they are in the store; `None` where they are on the nodes alone, as kubeadm
    /// leaves them.
    pub pki: Option<PkiInput>,
    /// The nodes that are about to join the cluster.
    pub joining: BTreeSet<NodeName>,
    /// The certificates that kubelets serve with, by node; a node that is missing is left alone.
    pub serving: BTreeMap<NodeName, ServingInput>,
    /// The versions that nodes were seen to run; the inventory's for those that are missing.
    pub versions: BTreeMap<NodeName, Versions>,
    /// The flags that the nodes' API servers were seen to have in their manifests.
    pub api_server_flags: BTreeMap<NodeName, BTreeMap<String, String>>,
    /// The members of the running etcd that a node's own member joins; a node that is missing makes a new one with the others
    /// of the inventory, if it has no data yet.
    pub etcd_joins: BTreeMap<NodeName, RunningMembers>,
}

/// The versions that one node was seen to run. In the middle of an upgrade they differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versions {
    /// Its kubelet's.
    pub kubelet: Option<Minor>,
    /// Those of the components that run as static pods, by the images in their manifests; the kubelet's for those that are missing.
    pub components: BTreeMap<String, Minor>,
}

/// What a node has to do with the certificates that kubelets serve with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServingInput {
    /// Whether its kubelet gets one.
    pub certificate: bool,
    /// Whether its API server trusts no other kubelets than those that have one.
    pub trusted: bool,
    /// The names and addresses that the API knows the node by.
    pub names: BTreeSet<String>,
}

/// The cluster's own CAs and the key pair of its service-account tokens, as the store has them.
#[derive(Debug, Clone)]
pub struct PkiInput {
    /// The CA of the API server, its clients and the kubelets.
    pub kubernetes_ca: StoredPair,
    /// The CA of etcd.
    pub etcd_ca: StoredPair,
    /// The CA of the API server's requests to its extensions.
    pub front_proxy_ca: StoredPair,
    /// The key pair that service-account tokens are signed with; its public part is a public key.
    pub service_account: StoredPair,
}

/// With which key values are encrypted, and how far that is.
#[derive(Debug, Clone)]
pub struct EncryptionInput {
    /// The key; the last part of its name is the key's name in the API server's configuration.
    pub key: SecretRef,
    /// How far it is.
    pub phase: EncryptionPhase,
}

impl EncryptionInput {
    /// The key's name in the API server's configuration, which is stored with every value. It is never used again for
    /// another key.
    pub fn key_name(&self) -> &str {
        self.key.name.rsplit('/').next().unwrap_or_default()
    }
}

/// How far the first enabling of encryption is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncryptionPhase {
    /// The key can be read with, and values are still written in plain text.
    Read,
    /// Values are written with the key.
    Write,
}

/// What one node should have.
#[derive(Debug, Clone, Default)]
pub struct Rendered {
    /// Its resources.
    pub desired: Desired,
    /// What the user should know about it.
    pub notices: Vec<String>,
}

/// Renders every template for every node. The first error stops it; [`Templates::validate`] finds them all.
pub fn render(
    templates: &Templates,
    inventory: &Inventory,
    inputs: &Inputs,
) -> Result<BTreeMap<NodeName, Rendered>, TemplateError> {
    let nodes: Vec<&Node> = inventory.nodes.iter().collect();
    render_nodes(templates, inventory, &nodes, inputs)
}

/// Renders every template for some of the nodes.
pub fn render_nodes(
    templates: &Templates,
    inventory: &Inventory,
    nodes: &[&Node],
    inputs: &Inputs,
) -> Result<BTreeMap<NodeName, Rendered>, TemplateError> {
    let renderer = Renderer::new(templates, inventory, inputs.clone())?;
    nodes.iter().map(|node| Ok((node.name.clone(), renderer.node(node, inputs)?))).collect()
}

/// Renders node by node. What all nodes share is made once, since a fleet's inventory is as long as the fleet.
#[derive(Debug)]
pub struct Renderer<'a> {
    templates: &'a Templates,
    inventory: &'a Inventory,
    inputs: Inputs,
    shared: Shared,
}

impl<'a> Renderer<'a> {
    /// Makes what all nodes share.
    pub fn new(
        templates: &'a Templates,
        inventory: &'a Inventory,
        inputs: Inputs,
    ) -> Result<Self, TemplateError> {
        let shared = Shared::of(inventory, &inputs)?;
        Ok(Self { templates, inventory, inputs, shared })
    }

    /// What it was made with.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// Renders every template for one node. Of the inputs only what is of that node counts; the rest is the renderer's own.
    pub fn node(&self, node: &Node, inputs: &Inputs) -> Result<Rendered, TemplateError> {
        let (rendered, errors) = self.templates.render_node(self.inventory, node, inputs, &self.shared);
        errors.into_iter().next().map_or(Ok(rendered), Err)
    }
}

impl Templates {
    /// Renders every template for every node and in every phase of encryption, and gives all errors. What is wrong on
    /// many nodes in the same way is told of the first.
    pub fn validate(&self, inventory: &Inventory) -> Vec<TemplateError> {
        let phase = |phase| {
            let key = SecretRef { name: String::from("encryption/key"), sha256: None };
            Inputs { encryption: Some(EncryptionInput { key, phase }), ..Inputs::default() }
        };
        let mut all = vec![Inputs::default()];
        if inventory.encryption.provider != EncryptionProvider::None {
            all.extend([phase(EncryptionPhase::Read), phase(EncryptionPhase::Write)]);
        }
        let serving = ServingInput { certificate: true, trusted: true, names: BTreeSet::new() };
        let serving = inventory.nodes.iter().map(|node| (node.name.clone(), serving.clone())).collect();
        all.push(Inputs { serving, ..Inputs::default() });
        // As if all of them were about to join a cluster of harden's own. Others may have names that are too long for that.
        let can_join = |node: &&Node| node.name.as_str().len() <= LONGEST_JOINING;
        let joining = inventory.nodes.iter().filter(can_join).map(|node| node.name.clone()).collect();
        all.push(Inputs { pki: Some(PkiInput::sample()), joining, ..Inputs::default() });
        let mut errors: Vec<TemplateError> = Vec::new();
        for inputs in &all {
            let shared = match Shared::of(inventory, inputs) {
                Ok(shared) => shared,
                Err(error) => return vec![error],
            };
            for node in &inventory.nodes {
                for error in self.render_node(inventory, node, inputs, &shared).1 {
                    if !errors.iter().any(|known| known.same_as(&error)) {
                        errors.push(error);
                    }
                }
            }
        }
        errors
    }
}
