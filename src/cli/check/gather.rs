//! The way from a selection of controls to a report: every node is read in one round trip, then the cluster through its
//! control planes, and all of it is judged.

use super::selection::Selection;
use crate::check::{self, NodeEvidence, Report, Unread};
use crate::cli::pipeline::{Pipeline, deadline, has_api_server};
use crate::cli::{Error, waivers};
use crate::desired::{EncryptionPhase, Inputs, ServingInput};
use crate::error::Chain;
use crate::event::{Event, Listener, Outcome};
use crate::health::{HealthError, ReadReach};
use crate::inventory::Node;
use crate::observe::{self, ObserveError, fleet};
use crate::remote::{self, Reader};
use crate::resource::{ClusterEvidence, ConfigMapKey, Evidence};
use std::collections::{BTreeMap, BTreeSet};

/// What was read of the nodes, and the way to the API of the cluster.
#[derive(Default)]
struct Gathered {
    nodes: Vec<NodeEvidence>,
    unreachable: Vec<Unread>,
    reach: ReadReach,
}

impl Pipeline {
    /// Reads and judges.
    pub(super) fn check(&self, selection: &Selection, listener: &Listener<'_>) -> Result<Report, Error> {
        let desired = self.desired(&self.everything()?)?;
        let Gathered { nodes, mut unreachable, mut reach } = self.gather(selection, listener);
        let mut cluster_evidence = match cluster_evidence(&mut reach, selection, listener) {
            Ok(evidence) => evidence,
            Err(error) => {
                unreachable.push(Unread { node: None, error: Chain(&error).to_string() });
                None
            }
        };
        if let Some(evidence) = &mut cluster_evidence {
            check::add_pod_security(evidence, &nodes);
        } else if unreachable.is_empty() && selection.wants_objects() {
            let text = String::from(
                "what is of the cluster as a whole (section 5) is not judged: no control plane of a running cluster was asked",
            );
            listener(Event::Warning { node: None, text });
        }
        let mut report = check::judge(check::Inputs {
            cluster: &self.inventory.cluster.name,
            benchmark: selection.benchmark,
            nodes: &nodes,
            cluster_evidence: cluster_evidence.as_ref(),
            unreachable,
            fixes: &check::fixes(desired.values()),
            now: self.now,
        });
        report.findings.retain(|finding| selection.controls.contains(&finding.control));
        check::apply_switches(&mut report, &self.inventory.switches, &waivers::controls());
        if selection.is_whole
            && report.unreachable.is_empty()
            && self.limit.len() == self.inventory.nodes.len()
        {
            report.notes = check::unused_waivers(&report, &self.inventory.waivers);
        }
        check::apply_waivers(&mut report, &self.inventory.waivers, self.now);
        Ok(report)
    }

    /// What apply asks for in the end, when every stage is behind it.
    fn everything(&self) -> Result<Inputs, Error> {
        let wanted = self.inventory.kubelet.serving_certificates && self.wants_serving();
        let serving = ServingInput { certificate: wanted, trusted: wanted, names: BTreeSet::new() };
        let nodes = self.inventory.nodes.iter().map(|node| (node.name.clone(), serving.clone()));
        self.inputs(EncryptionPhase::Write, BTreeMap::new(), nodes.collect())
    }

    fn gather(&self, selection: &Selection, listener: &Listener<'_>) -> Gathered {
        let limit = &self.limit;
        let nodes: Vec<&Node> =
            self.inventory.nodes.iter().filter(|node| limit.contains(&node.name)).collect();
        let mut found = fleet::each_node(
            &nodes,
            self.parallelism,
            "read the evidence",
            |node| self.read_evidence(node, selection),
            |_| Outcome::Finished(String::from("read")),
            listener,
        );
        let mut gathered = Gathered::default();
        for node in nodes {
            match found.remove(&node.name) {
                Some(Ok((reader, evidence))) => {
                    for text in &evidence.unread {
                        listener(Event::Warning { node: Some(node.name.clone()), text: text.clone() });
                    }
                    if let Some(reader) = reader {
                        gathered.reach.add(node.name.clone(), reader);
                    }
                    gathered.nodes.push((node.name.clone(), node.roles.clone(), evidence));
                }
                Some(Err(error)) => {
                    let error = Chain(&error).to_string();
                    gathered.unreachable.push(Unread { node: Some(node.name.clone()), error });
                }
                None => {}
            }
        }
        gathered
    }

    /// The evidence, and the connection where the cluster can be read through it.
    fn read_evidence(
        &self,
        node: &Node,
        selection: &Selection,
    ) -> Result<(Option<Box<dyn Reader>>, Evidence), ObserveError> {
        let questions = check::questions(selection.benchmark, &node.roles);
        let mut reader = remote::connect_reader(node, &self.access)?;
        let evidence = observe::evidence(reader.as_mut(), &questions, deadline(node))?;
        let is_kept = has_api_server(node, &evidence.facts);
        Ok((is_kept.then_some(reader), evidence))
    }
}

/// What the cluster says of itself, asked of one control plane after the other until one answers; `None` where there is none
/// to ask: a directory tree runs nothing, and `--limit` may leave all of them out.
fn cluster_evidence(
    reach: &mut ReadReach,
    selection: &Selection,
    listener: &Listener<'_>,
) -> Result<Option<ClusterEvidence>, HealthError> {
    if reach.control_planes().next().is_none() {
        return Ok(None);
    }
    listener(Event::Cluster { step: String::from("read the cluster") });
    let evidence = reach.ask(|api| {
        if selection.wants_objects() {
            return api.policy_evidence();
        }
        let mut evidence = ClusterEvidence::default();
        for key in [ConfigMapKey::ClusterConfiguration, ConfigMapKey::KubeletConfiguration] {
            evidence.config_maps.extend(api.record(key)?.map(|record| (key, record.value)));
        }
        Ok(evidence)
    });
    evidence.map(Some)
}
