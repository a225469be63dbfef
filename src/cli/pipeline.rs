//! The way from an inventory to a plan, which `plan`, `apply` and `drift` share: load, connect, observe, find the stage,
//! render, plan. It wires modules together and decides nothing about clusters.

pub(super) use super::observation::{Keep, Observation, deadline, has_api_server};

use super::load::{load_inventory, load_templates, now, override_ssh};
use super::manifests::{api_server_flags, versions};
use super::stage_change::stage_change;
use super::{Error, Global, Parts, keys, nodes};
use crate::desired::{
    self, EncryptionInput, EncryptionPhase, Inputs, PkiInput, ServingInput, Templates, Versions,
};
use crate::inventory::{EncryptionProvider, Inventory, Node, NodeName, Role};
use crate::plan::join::Joining;
use crate::plan::{self, Plan};
use crate::remote::Access;
use crate::resource::{Desired, Kind, NodePath, RenderedWith, ResourceId, SecretRef, StoredPair};
use crate::stage::{self, ControlPlane, EncryptionGoal, EncryptionState, ServingStep, Stage, StageInput};
use crate::store::{self, Store};
use crate::ui::Output;
use std::collections::{BTreeMap, BTreeSet};

/// The name of the template's encryption config, where it goes, and where kubeadm puts the API server's manifest.
const ENCRYPTION_CONFIG_NAME: &str = "encryption-config";
const ENCRYPTION_CONFIG: &str = "/etc/kubernetes/encryption/config.yaml";
pub(super) const API_SERVER_MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";

/// Everything that a run knows before it talks to a node.
pub(super) struct Pipeline {
    pub(super) inventory: Inventory,
    /// The templates that take part.
    pub(super) templates: Templates,
    /// All templates, where some were left out: what they manage is read all the same, since it tells what must not be touched.
    whole: Option<Templates>,
    pub(super) store: Store,
    pub(super) access: Access,
    /// The nodes that the run is about.
    pub(super) limit: BTreeSet<NodeName>,
    pub(super) parallelism: std::num::NonZeroUsize,
    /// Seconds since 1970, once for the whole run.
    pub(super) now: i64,
    /// What to say of a run that is about a part.
    pub(super) partial: Option<String>,
}

impl Pipeline {
    /// Reads everything that lies on this machine.
    pub(super) fn load(global: &Global, parts: &Parts, output: &Output) -> Result<Self, Error> {
        let mut inventory = load_inventory(global, output)?;
        override_ssh(&mut inventory, global);
        let templates = load_templates(&inventory)?;
        let (inventory, templates, partial) = parts.select(inventory, templates)?;
        let whole = (templates.left_out() > 0).then(|| load_templates(&inventory)).transpose()?;
        let store = Store::open(&inventory.directory().join(store::FOLDER)).map_err(Error::hinted)?;
        let limit = nodes::limited(&inventory, global)?;
        let access = keys::access(global, output)?;
        let parallelism = global.parallelism;
        Ok(Self { inventory, templates, whole, store, access, limit, parallelism, now: now(), partial })
    }

    /// All templates: what they manage is read.
    pub(super) fn whole(&self) -> &Templates {
        self.whole.as_ref().unwrap_or(&self.templates)
    }

    /// Reads the store's index as it is now.
    pub(super) fn open_store(&self) -> Result<Store, Error> {
        Store::open(&self.inventory.directory().join(store::FOLDER)).map_err(Error::hinted)
    }

    /// The key that values are, or will be, encrypted with: the newest of the store, or a new one named by the day.
    pub(super) fn encryption_key(&self) -> Option<SecretRef> {
        self.wants_encryption().then(|| keys::encryption_key(&self.store, self.now))
    }

    pub(super) fn wants_encryption(&self) -> bool {
        self.inventory.encryption.provider != EncryptionProvider::None
            && self.templates.wants(&ResourceId::new(Kind::File, ENCRYPTION_CONFIG_NAME))
    }

    /// The plan of the present stage.
    pub(super) fn plan(&self, observation: &Observation) -> Result<Plan, Error> {
        let step = self.serving_step(observation);
        if step.kubelets_first {
            let plan = self.plan_step(observation, &step)?;
            // Nothing to do within the limit, or by the templates as they are: then the others go on.
            if !plan.waves.is_empty() || !plan.cluster_changes.is_empty() {
                return Ok(plan);
            }
        }
        self.plan_whole(observation)
    }

    /// The plan of everything, without the stage that leaves static pods alone: the other stages only differ in how far they go.
    pub(super) fn plan_whole(&self, observation: &Observation) -> Result<Plan, Error> {
        let step = self.serving_step(observation);
        let step = if step.kubelets_first { step.without_stage() } else { step };
        self.plan_step(observation, &step)
    }

    fn plan_step(&self, observation: &Observation, step: &ServingStep) -> Result<Plan, Error> {
        self.plan_limited(observation, step, self.limit.clone())
    }

    pub(super) fn plan_limited(
        &self,
        observation: &Observation,
        step: &ServingStep,
        limit: BTreeSet<NodeName>,
    ) -> Result<Plan, Error> {
        let versions = versions(&observation.nodes);
        let flags = api_server_flags(&observation.nodes);
        let serving = self.serving(observation, step);
        let joining = self.joining(observation);
        self.refuse_strangers(observation, &joining)?;
        let (mut desired, mut notices) = (BTreeMap::new(), step.notices.clone());
        notices.extend(self.partial.clone());
        notices.extend_from_slice(self.templates.selection_notices());
        let mut stage = self.stage(observation, &joining)?;
        if step.kubelets_first {
            stage = stage.behind_kubelets();
        }
        if observation.cluster.is_none() {
            // Directory trees: nothing can be proven there that the next stage must rest on.
            let names = stage.remaining.drain(..).map(|stage| stage.name).collect::<Vec<_>>();
            if !names.is_empty() && !observation.nodes.is_empty() {
                notices.push(format!("{} need a running cluster and are not planned", names.join(" and ")));
            }
        }
        let writes = |node: &NodeName| stage.encryption.get(node) == Some(&EncryptionPhase::Write);
        let (writing, reading): (Vec<&Node>, Vec<&Node>) =
            self.inventory.nodes.iter().partition(|node| writes(&node.name));
        let rendered_with = self.inventory.nodes.iter().map(|node| {
            let of_node = serving.get(&node.name).cloned().unwrap_or_default();
            (node.name.clone(), rendered_with(of_node, writes(&node.name)))
        });
        let rendered_with = rendered_with.collect();
        for (nodes, phase) in [(writing, EncryptionPhase::Write), (reading, EncryptionPhase::Read)] {
            let inputs = Inputs {
                api_server_flags: flags.clone(),
                etcd_joins: observation.etcd_joins.clone(),
                joining: joining.nodes.clone(),
                ..self.inputs(phase, versions.clone(), serving.clone())?
            };
            let rendered = desired::render_nodes(&self.templates, &self.inventory, &nodes, &inputs)
                .map_err(Error::hinted)?;
            for (node, mut rendered) in rendered {
                notices.extend(rendered.notices);
                if !joining.nodes.contains(&node) {
                    rendered.desired.resources.retain(|resource| stage.scope.covers(resource));
                }
                desired.insert(node, rendered.desired);
            }
        }
        let digest = inputs_digest(&desired)?;
        plan::build(plan::Inputs {
            inventory: &self.inventory,
            desired,
            rendered_with,
            observed: observation.nodes.clone(),
            unreachable: observation.unreachable.clone(),
            cluster: observation.cluster.as_ref(),
            stage: stage.title,
            remaining: stage.remaining,
            stage_gates: stage.gates,
            stage_changes: stage
                .operations
                .into_iter()
                .map(|operation| stage_change(operation, observation.cluster.as_ref()))
                .collect(),
            partial: self.partial.is_some(),
            notices,
            now: self.now,
            digest,
            limit,
            max_unavailable: self.inventory.apply.max_unavailable,
            joining,
        })
        .map_err(Error::hinted)
    }

    fn stage(&self, observation: &Observation, joining: &Joining) -> Result<Stage, Error> {
        let path: NodePath = ENCRYPTION_CONFIG.parse().map_err(Error::new)?;
        let manifest: NodePath = API_SERVER_MANIFEST.parse().map_err(Error::new)?;
        let goal = self.encryption_key().map(|key| EncryptionGoal {
            provider: self.inventory.encryption.provider,
            key: key.name.rsplit('/').next().unwrap_or_default().to_owned(),
            key_sha256: key.sha256,
            resources: self.inventory.encryption.resources.iter().cloned().collect(),
            path: path.clone(),
        });
        let (new, members): (Vec<&Node>, Vec<&Node>) =
            self.inventory.with_role(Role::ControlPlane).partition(|node| joining.nodes.contains(&node.name));
        let new = new.into_iter().map(|node| node.name.clone());
        if members.is_empty() && new.len() > 0 {
            return Ok(Stage::of_hosts(new));
        }
        let control_planes = members
            .into_iter()
            .map(|node| ControlPlane {
                name: node.name.clone(),
                state: observation
                    .nodes
                    .get(&node.name)
                    .map(|seen| EncryptionState::read(seen, &path, &manifest)),
            })
            .collect();
        let stage = stage::next(&StageInput { goal, control_planes, cluster: observation.cluster.as_ref() });
        Ok(stage.map_err(Error::hinted)?.with_hosts(new))
    }

    pub(super) fn inputs(
        &self,
        phase: EncryptionPhase,
        versions: BTreeMap<NodeName, Versions>,
        serving: BTreeMap<NodeName, ServingInput>,
    ) -> Result<Inputs, Error> {
        let encryption = self.encryption_key().map(|key| EncryptionInput { key, phase });
        let pki = self.store.pki().map_err(Error::hinted)?.map(pki_input);
        Ok(Inputs { encryption, pki, serving, versions, ..Inputs::default() })
    }

    pub(super) fn desired(&self, inputs: &Inputs) -> Result<BTreeMap<NodeName, Desired>, Error> {
        self.rendered(&self.templates, inputs)
    }

    /// What is read of the nodes: everything that any template manages.
    pub(super) fn wishes(&self, inputs: &Inputs) -> Result<BTreeMap<NodeName, Desired>, Error> {
        self.rendered(self.whole(), inputs)
    }

    fn rendered(&self, templates: &Templates, inputs: &Inputs) -> Result<BTreeMap<NodeName, Desired>, Error> {
        let rendered = desired::render(templates, &self.inventory, inputs).map_err(Error::hinted)?;
        Ok(rendered.into_iter().map(|(node, rendered)| (node, rendered.desired)).collect())
    }
}

/// The cluster's own CAs and key pair as templates know them.
fn pki_input(pki: store::Pki) -> PkiInput {
    let pair = |pair: store::Pair| StoredPair { public: pair.public, key: pair.key };
    PkiInput {
        kubernetes_ca: pair(pki.kubernetes),
        etcd_ca: pair(pki.etcd),
        front_proxy_ca: pair(pki.front_proxy),
        service_account: pair(pki.service_account),
    }
}

/// What is noted on a node of what it was rendered with.
fn rendered_with(serving: ServingInput, writes_encrypted: bool) -> RenderedWith {
    let ServingInput { certificate, trusted, names } = serving;
    RenderedWith {
        writes_encrypted,
        serving_certificate: certificate,
        trusts_serving_certificates: trusted,
        names,
    }
}

/// SHA-256 over everything that the inventory and the templates ask for.
fn inputs_digest(desired: &BTreeMap<NodeName, Desired>) -> Result<String, Error> {
    let resources: Vec<_> = desired.iter().map(|(node, desired)| (node, &desired.resources)).collect();
    Ok(plan::sha256(&serde_json::to_vec(&resources)?))
}
