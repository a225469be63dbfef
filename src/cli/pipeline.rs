//! The way from an inventory to a plan, which `plan`, `apply` and `drift` share: load, connect, observe, find the stage,
//! render, plan. It wires modules together and decides nothing about clusters.

use super::stage_change::stage_change;
use super::{Error, Global, keys};
use crate::desired::{self, EncryptionInput, EncryptionPhase, Inputs, Templates};
use crate::error::Chain;
use crate::event::{Event, Listener, Outcome};
use crate::health::{HealthError, Reach};
use crate::inventory::{self, Connection, EncryptionProvider, Inventory, Minor, Node, NodeName, Role};
use crate::observe::{self, fleet};
use crate::plan::wave::MaxUnavailable;
use crate::plan::{self, Plan, Unreachable};
use crate::remote::{self, Access, Session};
use crate::resource::{
    ClusterObserved, ConfigMapKey, DaemonSetState, Desired, FileState, NodePath, Observed, ObservedContent,
    ObservedKey, SecretRef,
};
use crate::stage::{self, ControlPlane, EncryptionGoal, EncryptionState, Stage, StageInput};
use crate::store::{self, Store};
use crate::ui::Output;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the template puts the encryption config, and where kubeadm puts the API server's manifest.
const ENCRYPTION_CONFIG: &str = "/etc/kubernetes/encryption/config.yaml";
const API_SERVER_MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";

/// Everything that a run knows before it talks to a node.
pub(super) struct Pipeline {
    pub(super) inventory: Inventory,
    pub(super) templates: Templates,
    pub(super) store: Store,
    access: Access,
    limit: BTreeSet<NodeName>,
    parallelism: std::num::NonZeroUsize,
    /// Seconds since 1970, once for the whole run.
    pub(super) now: i64,
}

/// Which connections outlive the reading of the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Those that the cluster is read through. The others are closed at once: a fleet's would cost as many descriptors
    /// here, and as many processes there.
    ControlPlanes,
    /// All, to change the nodes through them.
    All,
}

/// What was found on the nodes, and the connections that found it.
pub(super) struct Observation {
    pub(super) nodes: BTreeMap<NodeName, Observed>,
    pub(super) unreachable: Vec<Unreachable>,
    pub(super) reach: Reach,
    pub(super) cluster: Option<ClusterObserved>,
}

/// Loads the inventory and prints its warnings; its errors are all in one [`Error`].
pub(super) fn load_inventory(global: &Global, output: &Output) -> Result<Inventory, Error> {
    let color = output.stderr_paint().color;
    match inventory::load(&global.inventory) {
        Ok(loaded) => {
            if !global.quiet {
                for warning in &loaded.warnings {
                    output.message(&warning.render(color));
                }
            }
            Ok(loaded.inventory)
        }
        Err(error) => {
            let diagnostics = error.render(color);
            if !diagnostics.is_empty() {
                output.message(&diagnostics);
            }
            Err(Error::hinted(error))
        }
    }
}

/// `--ssh-known-hosts` takes the place of every known-hosts file of the inventory.
pub(super) fn override_known_hosts(inventory: &mut Inventory, global: &Global) {
    let Some(file) = &global.ssh_known_hosts else { return };
    for node in &mut inventory.nodes {
        if let Connection::Ssh(settings) = &mut node.connection {
            settings.known_hosts = vec![file.clone()];
            for bastion in &mut settings.bastions {
                bastion.known_hosts = vec![file.clone()];
            }
        }
    }
}

/// Where the user's templates are looked for.
pub(super) fn overrides(inventory: &Inventory) -> PathBuf {
    inventory.directory().join("templates")
}

/// Reads the templates: those of the profile and those beside the inventory.
pub(super) fn load_templates(inventory: &Inventory) -> Result<Templates, Error> {
    let overrides = overrides(inventory);
    let overrides = overrides.exists().then_some(overrides.as_path());
    Templates::load(inventory.cluster.profile, overrides).map_err(Error::hinted)
}

/// Seconds since 1970; 0 on a clock before that.
pub(super) fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}

impl Pipeline {
    /// Reads everything that lies on this machine.
    pub(super) fn load(global: &Global, output: &Output) -> Result<Self, Error> {
        let mut inventory = load_inventory(global, output)?;
        override_known_hosts(&mut inventory, global);
        let templates = load_templates(&inventory)?;
        let store = Store::open(&inventory.directory().join(store::FOLDER)).map_err(Error::hinted)?;
        let limit = match &global.limit {
            Some(limit) => {
                limit.check(&inventory).map_err(Error::hinted)?;
                inventory
                    .nodes
                    .iter()
                    .filter(|node| limit.selects(node))
                    .map(|node| node.name.clone())
                    .collect()
            }
            None => inventory.nodes.iter().map(|node| node.name.clone()).collect(),
        };
        let access = keys::access(global, output)?;
        Ok(Self { inventory, templates, store, access, limit, parallelism: global.parallelism, now: now() })
    }

    /// Reads the store's index as it is now.
    pub(super) fn open_store(&self) -> Result<Store, Error> {
        Store::open(&self.inventory.directory().join(store::FOLDER)).map_err(Error::hinted)
    }

    /// Connects to every node and reads it, then the cluster through its control planes.
    pub(super) fn observe(&self, keep: Keep, listener: &Listener<'_>) -> Result<Observation, Error> {
        let wishes = self.desired(&self.inputs(EncryptionPhase::Read, BTreeMap::new()))?;
        let nodes: Vec<&Node> = self.inventory.nodes.iter().collect();
        let found = fleet::each_node(
            &nodes,
            self.parallelism,
            "read its state",
            |node| self.observe_node(node, &wishes[&node.name], keep),
            |_| Outcome::Finished(String::from("read")),
            listener,
        );
        let (mut observed, mut sessions, mut unreachable) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for (node, result) in found {
            match result {
                Ok((session, state)) => {
                    sessions.extend(session.map(|session| (node.clone(), session)));
                    observed.insert(node, state);
                }
                Err(error) => unreachable.push(Unreachable { node, error: Chain(&error).to_string() }),
            }
        }
        let mut reach = Reach::new();
        for node in &self.inventory.nodes {
            let Some(session) = sessions.remove(&node.name) else { continue };
            let has_api_server = observed.get(&node.name).is_some_and(|state| has_api_server(node, state));
            reach.add(node.name.clone(), session, has_api_server);
        }
        let cluster = self.observe_cluster(&reach, listener)?;
        Ok(Observation { nodes: observed, unreachable, reach, cluster })
    }

    fn observe_node(
        &self,
        node: &Node,
        wishes: &Desired,
        keep: Keep,
    ) -> Result<(Option<Box<dyn Session>>, Observed), observe::ObserveError> {
        let mut session = remote::connect(node, &self.access)?;
        let deadline = match &node.connection {
            Connection::Ssh(settings) => settings.timeouts.command,
            Connection::Local { .. } => std::time::Duration::from_mins(1),
        };
        let observed = observe::observe(session.as_mut(), wishes, deadline, &|certificate, issuer| {
            crate::pki::read(certificate, issuer).map_err(|error| Chain(&error).to_string())
        })?;
        let is_kept = keep == Keep::All || has_api_server(node, &observed);
        Ok((is_kept.then_some(session), observed))
    }

    fn observe_cluster(
        &self,
        reach: &Reach,
        listener: &Listener<'_>,
    ) -> Result<Option<ClusterObserved>, Error> {
        if reach.control_planes().is_empty() {
            return Ok(None);
        }
        listener(Event::Cluster { step: String::from("read the cluster") });
        let resources = match self.inventory.encryption.provider {
            EncryptionProvider::None => &[],
            _ => self.inventory.encryption.resources.as_slice(),
        };
        observe::observe_cluster(&Running(reach), reach.control_planes(), resources, listener)
            .map(Some)
            .map_err(Error::hinted)
    }

    /// The key that values are, or will be, encrypted with: the newest of the store, or a new one named by the day.
    pub(super) fn encryption_key(&self) -> Option<SecretRef> {
        (self.inventory.encryption.provider != EncryptionProvider::None)
            .then(|| keys::encryption_key(&self.store, self.now))
    }

    /// The plan of the present stage.
    pub(super) fn plan(&self, observation: &Observation) -> Result<Plan, Error> {
        let versions = versions(&observation.nodes);
        let flags = api_server_flags(&observation.nodes);
        let (mut desired, mut notices) = (BTreeMap::new(), Vec::new());
        let mut stage = self.stage(observation)?;
        if observation.cluster.is_none() {
            // Directory trees: nothing can be proven there that the next stage must rest on.
            let names = stage.remaining.drain(..).map(|stage| stage.name).collect::<Vec<_>>();
            if !names.is_empty() {
                notices.push(format!("{} need a running cluster and are not planned", names.join(" and ")));
            }
        }
        let (writing, reading): (Vec<&Node>, Vec<&Node>) = self
            .inventory
            .nodes
            .iter()
            .partition(|node| stage.encryption.get(&node.name) == Some(&stage::EncryptionPhase::Write));
        for (nodes, phase) in [(writing, EncryptionPhase::Write), (reading, EncryptionPhase::Read)] {
            let inputs = Inputs { api_server_flags: flags.clone(), ..self.inputs(phase, versions.clone()) };
            let rendered = desired::render_nodes(&self.templates, &self.inventory, &nodes, &inputs)
                .map_err(Error::hinted)?;
            for (node, rendered) in rendered {
                notices.extend(rendered.notices);
                desired.insert(node, rendered.desired);
            }
        }
        let digest = inputs_digest(&desired)?;
        plan::build(plan::Inputs {
            inventory: &self.inventory,
            desired,
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
            notices,
            now: self.now,
            digest,
            limit: self.limit.clone(),
            max_unavailable: MaxUnavailable::default(),
        })
        .map_err(Error::hinted)
    }

    fn stage(&self, observation: &Observation) -> Result<Stage, Error> {
        let path: NodePath = ENCRYPTION_CONFIG.parse().map_err(Error::new)?;
        let manifest: NodePath = API_SERVER_MANIFEST.parse().map_err(Error::new)?;
        let goal = self.encryption_key().map(|key| EncryptionGoal {
            provider: self.inventory.encryption.provider,
            key: key.name.rsplit('/').next().unwrap_or_default().to_owned(),
            key_sha256: key.sha256,
            resources: self.inventory.encryption.resources.iter().cloned().collect(),
            path: path.clone(),
        });
        let control_planes = self
            .inventory
            .with_role(Role::ControlPlane)
            .map(|node| ControlPlane {
                name: node.name.clone(),
                state: observation
                    .nodes
                    .get(&node.name)
                    .map(|seen| EncryptionState::read(seen, &path, &manifest)),
            })
            .collect();
        stage::next(&StageInput { goal, control_planes, cluster: observation.cluster.as_ref() })
            .map_err(Error::hinted)
    }

    fn inputs(&self, phase: EncryptionPhase, versions: BTreeMap<NodeName, inventory::Minor>) -> Inputs {
        let encryption = self.encryption_key().map(|key| EncryptionInput { key, phase });
        Inputs { encryption, versions, ..Inputs::default() }
    }

    fn desired(&self, inputs: &Inputs) -> Result<BTreeMap<NodeName, Desired>, Error> {
        let rendered = desired::render(&self.templates, &self.inventory, inputs).map_err(Error::hinted)?;
        Ok(rendered.into_iter().map(|(node, rendered)| (node, rendered.desired)).collect())
    }
}

/// The running cluster, for `observe`.
struct Running<'a>(&'a Reach);

impl Running<'_> {
    fn first(&self) -> Result<&NodeName, HealthError> {
        self.0.control_planes().first().ok_or(HealthError::NoCluster)
    }
}

impl observe::ClusterSource for Running<'_> {
    type Error = HealthError;

    fn observed_key(&self, key: ConfigMapKey) -> Result<Option<ObservedKey>, HealthError> {
        self.0.ask(self.first()?, |plane| plane.api.observed_key(key))
    }

    fn kube_proxy(&self) -> Result<Option<DaemonSetState>, HealthError> {
        self.0.ask(self.first()?, |plane| plane.api.daemon_set("kube-system", "kube-proxy"))
    }

    fn loaded_encryption(&self, node: &NodeName) -> Result<Option<String>, HealthError> {
        self.0.ask(node, |plane| plane.api.loaded_encryption())
    }

    fn stored_prefixes(&self, resource: &str) -> Result<BTreeMap<String, usize>, HealthError> {
        self.0.ask(self.first()?, |plane| match &plane.etcd {
            Some(etcd) => etcd.stored_prefixes(resource),
            None => Ok(BTreeMap::new()),
        })
    }
}

fn has_api_server(node: &Node, observed: &Observed) -> bool {
    observed.facts.live && node.roles.contains(&Role::ControlPlane)
}

/// The minor versions that the nodes' kubelets say they are.
fn versions(observed: &BTreeMap<NodeName, Observed>) -> BTreeMap<NodeName, Minor> {
    let minor = |version: &str| version.strip_prefix("v1.")?.split('.').next()?.parse().ok().map(Minor);
    let seen = observed.iter().filter_map(|(node, state)| {
        Some((node.clone(), state.facts.kubelet_version.as_deref().and_then(minor)?))
    });
    seen.collect()
}

/// The flags in the manifests of the nodes' API servers. One that cannot be read is a problem of the plan, not of this.
fn api_server_flags(observed: &BTreeMap<NodeName, Observed>) -> BTreeMap<NodeName, BTreeMap<String, String>> {
    let manifest = |state: &Observed| {
        let (_, file) = state.files.iter().find(|(path, _)| path.as_str() == API_SERVER_MANIFEST)?;
        let FileState::Present(file) = file else { return None };
        let ObservedContent::Text(text) = &file.content else { return None };
        plan::manifest::flags(text, "kube-apiserver").ok()
    };
    observed.iter().filter_map(|(node, state)| Some((node.clone(), manifest(state)?))).collect()
}

/// SHA-256 over everything that the inventory and the templates ask for.
fn inputs_digest(desired: &BTreeMap<NodeName, Desired>) -> Result<String, Error> {
    let resources: Vec<_> = desired.iter().map(|(node, desired)| (node, &desired.resources)).collect();
    Ok(plan::sha256(&serde_json::to_vec(&resources)?))
}
