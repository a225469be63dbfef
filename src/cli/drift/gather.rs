//! The way from an inventory to the report of a drift check. Each node is read and judged in one go, so that of a fleet no more than
//! what is being looked at is in memory; control planes and etcd members come first, since others are judged beside them.

use super::error::NodeError;
use super::judge::Judged;
use super::{Connect, cluster};
use crate::cli::Error;
use crate::cli::pipeline::{Pipeline, deadline};
use crate::desired::{EncryptionPhase, Inputs, Renderer};
use crate::drift::{self, NodeReport, NodeState, Report, Shard};
use crate::error::{Chain, Hint as _};
use crate::event::{Listener, Outcome};
use crate::inventory::{Node, NodeName, Role};
use crate::observe::{self, fleet};
use crate::remote::{self, Probe, Reader};
use crate::resource::{Desired, Observed, Process, Spec};
use crate::status::{self, Depth};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long to wait before a connection that was refused is tried once more. sshd refuses them at random while many log in at once
/// (`MaxStartups`), so that not all may come back together.
const BACK_OFF: (u64, u64) = (500, 2_500);

/// What a check works with.
pub(super) struct Check<'a> {
    pub(super) pipeline: &'a Pipeline,
    shard: Option<Shard>,
    until: Option<Instant>,
    /// Other connections than those to the inventory's nodes.
    connect: Option<&'a Connect<'a>>,
    /// Everything that any template manages: what is read.
    reading: Renderer<'a>,
    /// What nodes should have whose API servers read with the encryption key, and write with it.
    pub(super) reads: Renderer<'a>,
    pub(super) writes: Renderer<'a>,
}

/// What was read of one node.
pub(super) struct Seen {
    pub(super) reader: Box<dyn Reader>,
    pub(super) observed: Observed,
    pub(super) transactions: status::NodeState,
    pub(super) processes: Vec<Process>,
}

impl<'a> Check<'a> {
    pub(super) fn prepare(
        pipeline: &'a Pipeline,
        shard: Option<Shard>,
        until: Option<Instant>,
    ) -> Result<Self, Error> {
        // What is of single nodes is added for each: a fleet's would be copied with every one of them.
        let inputs = |phase| pipeline.inputs(phase, BTreeMap::new(), BTreeMap::new());
        let joining = pipeline.inventory.nodes.iter().map(|node| node.name.clone()).collect();
        let serving = pipeline.all_serving();
        let all = Inputs { joining, serving, ..inputs(EncryptionPhase::Read)? };
        let renderer = |templates, inputs: Inputs| {
            Renderer::new(templates, &pipeline.inventory, inputs).map_err(Error::hinted)
        };
        Ok(Self {
            pipeline,
            shard,
            until,
            connect: None,
            reading: renderer(pipeline.whole(), all)?,
            reads: renderer(&pipeline.templates, inputs(EncryptionPhase::Read)?)?,
            writes: renderer(&pipeline.templates, inputs(EncryptionPhase::Write)?)?,
        })
    }

    /// By these connections, where there are some.
    pub(super) fn through(self, connect: Option<&'a Connect<'a>>) -> Self {
        Self { connect, ..self }
    }

    /// Reads and judges everything.
    pub(super) fn run(&self, listener: &Listener<'_>) -> Result<Report, Error> {
        let (planes, others): (Vec<&Node>, Vec<&Node>) =
            self.nodes().into_iter().partition(|node| is_plane(node));
        let read = |_: &Seen| Outcome::Finished(String::from("read"));
        let mut seen = fleet::each_node(
            &planes,
            self.pipeline.parallelism,
            "read its state",
            |node| self.see(node),
            read,
            listener,
        );
        let holders: BTreeMap<NodeName, Observed> = seen
            .iter()
            .filter_map(|(node, seen)| Some((node.clone(), seen.as_ref().ok()?.observed.clone())))
            .collect();
        let mut judged = fleet::each_node(
            &others,
            self.pipeline.parallelism,
            "read its state",
            |node| {
                let judged = self.see(node).and_then(|seen| self.judge(node, seen, &holders))?;
                // A fleet's connections would cost as many descriptors here, and as many processes there.
                let desired = judged.desired.map(of_the_records);
                Ok(Judged { reader: None, desired, ..judged })
            },
            |_| Outcome::Finished(String::from("read")),
            listener,
        );
        let mut readers = BTreeMap::new();
        for node in &planes {
            let Some(seen) = seen.remove(&node.name) else { continue };
            judged.insert(node.name.clone(), seen.and_then(|seen| self.judge(node, seen, &holders)));
        }
        for (node, judged) in &mut judged {
            if let Ok(judged) = judged {
                readers.extend(judged.reader.take().map(|reader| (node.clone(), reader)));
            }
        }
        let mut report = self.blank();
        let desired = self.collect(judged, &mut report);
        if self.shard.is_none_or(Shard::is_first) && self.has_all_control_planes() {
            cluster::judge(self, desired, holders, readers, &mut report, listener)?;
        }
        Ok(report)
    }

    /// The nodes that are read: those that are asked for, and those beside which they are judged.
    fn nodes(&self) -> Vec<&'a Node> {
        let nodes = self.pipeline.inventory.nodes.iter();
        nodes.filter(|node| self.is_asked(node) || is_plane(node)).collect()
    }

    /// Whether the report is about a node.
    fn is_asked(&self, node: &Node) -> bool {
        self.pipeline.limit.contains(&node.name) && self.shard.is_none_or(|shard| shard.has(&node.name))
    }

    /// Whether the limit leaves the cluster as a whole to be judged.
    fn has_all_control_planes(&self) -> bool {
        let mut planes = self.pipeline.inventory.with_role(Role::ControlPlane);
        planes.all(|node| self.pipeline.limit.contains(&node.name))
    }

    fn blank(&self) -> Report {
        let inventory = &self.pipeline.inventory;
        Report {
            format_version: drift::FORMAT_VERSION.to_owned(),
            harden_version: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: inventory.cluster.name.clone(),
            started: self.pipeline.now,
            partial: self.pipeline.partial.is_some(),
            notices: self.pipeline.partial.iter().cloned().collect(),
            ..Report::default()
        }
    }

    /// Puts the nodes that were asked for into the report, in the inventory's order, and gives what each should have, as far as the
    /// cluster's records depend on it.
    fn collect(
        &self,
        mut judged: BTreeMap<NodeName, Result<Judged, NodeError>>,
        report: &mut Report,
    ) -> BTreeMap<NodeName, Desired> {
        let (mut desired, mut told) = (BTreeMap::new(), BTreeSet::new());
        for node in self.nodes() {
            let Some(result) = judged.remove(&node.name) else { continue };
            let state = match result {
                Ok(judged) => {
                    desired.extend(judged.desired.map(|desired| (node.name.clone(), desired)));
                    let new = judged.notices.into_iter().filter(|notice| told.insert(notice.clone()));
                    report.notices.extend(new);
                    judged.state
                }
                Err(error) => NodeState::Unreachable { error: error.text(), hint: error.hint() },
            };
            if self.is_asked(node) {
                report.nodes.push(NodeReport { node: node.name.clone(), state });
            }
        }
        desired
    }

    /// Reads one node, in one round trip.
    fn see(&self, node: &Node) -> Result<Seen, NodeError> {
        let wishes = self.reading.node(node, self.reading.inputs())?.desired;
        let programs = programs(node);
        let mut reader = self.connect(node)?;
        let read_certificate = |certificate: &[u8], issuer: Option<&[u8]>| {
            crate::pki::read(certificate, issuer).map_err(|error| Chain(&error).to_string())
        };
        let (observed, reply) = observe::observe_beside(
            reader.as_mut(),
            beside(programs),
            &wishes,
            self.time_left(deadline(node))?,
            &read_certificate,
        )?;
        Ok(Seen {
            reader,
            observed,
            transactions: status::parse(&reply)?,
            processes: observe::parse_processes(&reply, programs)?,
        })
    }

    /// The probe that a node is read with.
    pub(super) fn probe(&self, node: &Node) -> Result<Probe, Error> {
        let wishes = self.reading.node(node, self.reading.inputs()).map_err(Error::hinted)?.desired;
        Ok(beside(programs(node)).and(observe::probe(&wishes)))
    }

    fn connect(&self, node: &Node) -> Result<Box<dyn Reader>, NodeError> {
        self.time_left(Duration::MAX)?;
        let access = &self.pipeline.access;
        let connect = || match (self.connect, self.pipeline.inventory.drift.locked_login(node)) {
            (Some(connect), _) => connect(node),
            (None, Some(login)) => remote::connect_locked(&node.name, &login, access),
            (None, None) => remote::connect_reader(node, access),
        };
        match connect() {
            Err(error) if error.is_refusal() => {
                std::thread::sleep(Duration::from_millis(random_between(BACK_OFF)));
                self.time_left(Duration::MAX)?;
                Ok(connect()?)
            }
            result => Ok(result?),
        }
    }

    /// No more than what is left of the run.
    pub(super) fn time_left(&self, wanted: Duration) -> Result<Duration, NodeError> {
        let Some(until) = self.until else { return Ok(wanted) };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(NodeError::Late) } else { Ok(wanted.min(left)) }
    }
}

/// The programs of which a node's processes are looked at.
fn programs(node: &Node) -> &'static [&'static str] {
    if is_plane(node) { &drift::PROGRAMS[..] } else { &[] }
}

/// What is read beside the state, in the same round trip.
fn beside(programs: &[&str]) -> Probe {
    status::probe(Depth::Last).and(observe::process_probe(programs))
}

/// What the cluster's records depend on of a node without a control plane: the keys of the kubelet's configuration. The contents of
/// a fleet's files would be all of its memory.
fn of_the_records(mut desired: Desired) -> Desired {
    desired.resources.retain(|resource| matches!(resource.spec, Spec::YamlKeys(_)));
    desired
}

/// Whether others are judged beside it: it may hold the keys of CAs.
fn is_plane(node: &Node) -> bool {
    [Role::ControlPlane, Role::Etcd].iter().any(|role| node.roles.contains(role))
}

/// A number that differs from run to run and from thread to thread; nothing secret rests on it.
pub(super) fn random_between((least, most): (u64, u64)) -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    least + RandomState::new().hash_one(Instant::now()) % (most - least + 1)
}
