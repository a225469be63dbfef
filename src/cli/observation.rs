//! Reading the nodes of an inventory, and the cluster through its control planes.

use super::pipeline::Pipeline;
use super::running::Running;
use super::{Error, members, preflight, serving};
use crate::cluster::NodeInfo;
use crate::desired::{EncryptionPhase, Inputs, RunningMembers};
use crate::error::{Chain, Hint};
use crate::event::{Event, Listener, Outcome};
use crate::health::Reach;
use crate::health::preflight::ClockReading;
use crate::inventory::{Connection, Node, NodeName, Role};
use crate::observe::{self, fleet};
use crate::plan::Unreachable;
use crate::remote::{self, Session};
use crate::resource::{CertificateSpec, ClusterObserved, Desired, Facts, Observed};
use crate::stage::Served;
use crate::status::{self, Depth, NodeState};
use std::collections::BTreeMap;
use std::time::Duration;

/// Which connections outlive the reading of the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Those that the cluster and its etcd are read through. The others are closed at once: a fleet's would cost as many descriptors
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
    /// The Kubernetes nodes in full; `None` where there is no running cluster.
    pub(super) kubernetes: Option<Vec<NodeInfo>>,
    /// Their transactions, where connections are kept to change the nodes.
    pub(super) transactions: BTreeMap<NodeName, NodeState>,
    /// The clocks of running nodes.
    pub(super) clocks: BTreeMap<NodeName, ClockReading>,
    /// The certificate that each kubelet would serve with.
    pub(super) certificates: BTreeMap<NodeName, CertificateSpec>,
    /// What kubelets showed in a handshake, where it was their turn to be asked.
    pub(super) served: BTreeMap<NodeName, Served>,
    /// The running etcd that nodes join whose own member has no data yet.
    pub(super) etcd_joins: BTreeMap<NodeName, RunningMembers>,
}

/// What was found on one node.
struct Seen {
    session: Option<Box<dyn Session>>,
    state: Observed,
    transactions: Option<NodeState>,
    clock: Option<ClockReading>,
}

impl Pipeline {
    /// Connects to every node and reads it, then the cluster through its control planes.
    pub(super) fn observe(&self, keep: Keep, listener: &Listener<'_>) -> Result<Observation, Error> {
        let inputs = self.inputs(EncryptionPhase::Read, BTreeMap::new(), self.all_serving())?;
        // What only a host that joins is given is read of every node: which of them do is not known yet.
        let joining = self.inventory.nodes.iter().map(|node| node.name.clone()).collect();
        let wishes = self.wishes(&Inputs { joining, ..inputs })?;
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
        let (mut clocks, mut transactions) = (BTreeMap::new(), BTreeMap::new());
        for (node, result) in found {
            match result {
                Ok(seen) => {
                    sessions.extend(seen.session.map(|session| (node.clone(), session)));
                    transactions.extend(seen.transactions.map(|state| (node.clone(), state)));
                    clocks.extend(seen.clock.map(|clock| (node.clone(), clock)));
                    observed.insert(node, seen.state);
                }
                Err(error) => {
                    let hint = error.hint();
                    unreachable.push(Unreachable { node, error: Chain(&error).to_string(), hint });
                }
            }
        }
        let mut reach = Reach::new();
        for node in &self.inventory.nodes {
            let Some(session) = sessions.remove(&node.name) else { continue };
            let has_api_server = observed
                .get(&node.name)
                .is_some_and(|state| has_api_server(node, &state.facts) && !self.is_joining(node, state));
            reach.add(node.name.clone(), session, has_api_server);
            if observed.get(&node.name).is_some_and(|state| members::has_one(node, &state.facts)) {
                reach.add_member(node.name.clone());
            }
        }
        let (cluster, kubernetes) = self.observe_cluster(&reach, listener)?.unzip();
        let etcd_joins = members::joins(&self.inventory, &observed, &reach);
        let certificates = serving::certificates(&wishes);
        let served = BTreeMap::new();
        let mut observation = Observation {
            nodes: observed,
            unreachable,
            reach,
            cluster,
            kubernetes,
            transactions,
            clocks,
            certificates,
            served,
            etcd_joins,
        };
        // Without the API servers' flag nothing would rest on the answers.
        if self.takes_authority() && self.serving_step(&observation).ask {
            observation.served = self.ask_kubelets(&observation, listener);
        }
        Ok(observation)
    }

    fn observe_node(&self, node: &Node, wishes: &Desired, keep: Keep) -> Result<Seen, observe::ObserveError> {
        let mut session = remote::connect(node, &self.access)?;
        let read_certificate = |certificate: &[u8], issuer: Option<&[u8]>| {
            crate::pki::read(certificate, issuer).map_err(|error| Chain(&error).to_string())
        };
        let asked = preflight::milliseconds();
        let within = deadline(node);
        let (state, transactions) = match keep {
            Keep::ControlPlanes => {
                (observe::observe(session.as_mut(), wishes, within, &read_certificate)?, None)
            }
            Keep::All => {
                let beside = status::probe(Depth::Last);
                let (state, reply) =
                    observe::observe_beside(session.as_mut(), beside, wishes, within, &read_certificate)?;
                // What cannot be read of them is left to the lock itself.
                (state, status::parse(&reply).ok())
            }
        };
        let clock = preflight::clock(asked, &state.facts);
        let is_kept =
            keep == Keep::All || has_api_server(node, &state.facts) || members::has_one(node, &state.facts);
        Ok(Seen { session: is_kept.then_some(session), state, transactions, clock })
    }

    fn observe_cluster(
        &self,
        reach: &Reach,
        listener: &Listener<'_>,
    ) -> Result<Option<(ClusterObserved, Vec<NodeInfo>)>, Error> {
        if reach.control_planes().is_empty() {
            return Ok(None);
        }
        listener(Event::Cluster { step: String::from("read the cluster") });
        let resources =
            if self.wants_encryption() { self.inventory.encryption.resources.as_slice() } else { &[] };
        let running = Running::new(reach);
        let mut cluster = observe::observe_cluster(&running, reach.control_planes(), resources, listener)
            .map_err(Error::hinted)?;
        let nodes = running.into_nodes();
        let marks = nodes.iter().filter(|node| node.unschedulable);
        let marks = marks.filter_map(|node| Some((node.name.clone(), node.cordon_mark.clone()?)));
        cluster.cordoned = marks.collect();
        Ok(Some((cluster, nodes)))
    }
}

/// How long one reading of a node may take.
pub(super) fn deadline(node: &Node) -> Duration {
    match &node.connection {
        Connection::Ssh(settings) => settings.timeouts.command,
        Connection::Local { .. } => Duration::from_mins(1),
    }
}

/// Whether it is a control-plane node of a running cluster.
pub(super) fn has_api_server(node: &Node, facts: &Facts) -> bool {
    facts.live && node.roles.contains(&Role::ControlPlane)
}
