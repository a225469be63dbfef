//! One node of a drift check, judged: what it should have is rendered with what it was rendered with at its last apply, so that
//! the inventory alone decides what is pending.

use super::error::NodeError;
use super::gather::{Check, Seen};
use crate::cli::manifests::{api_server_flags, versions};
use crate::cli::pipeline::deadline;
use crate::desired::{Inputs, Rendered, ServingInput};
use crate::drift::{self, CertificateExpiry, Class, FailedApply, Found, Item, LastApply, NodeState};
use crate::inventory::{Node, NodeName};
use crate::observe;
use crate::plan::{self, Action};
use crate::remote::Reader;
use crate::resource::{CertificateState, Desired, NodePath, Observed, RenderedWith, Spec};
use crate::status;
use std::collections::BTreeMap;

/// How long a lock counts as that of an apply of which too little is known to tell, in seconds: it makes the lock first.
const FRESH_LOCK: i64 = 15 * 60;

/// What is kept of a node.
pub(super) struct Judged {
    pub(super) state: NodeState,
    /// What it should have, of what the cluster's records depend on; `None` of one that is no node yet, or was not judged.
    pub(super) desired: Option<Desired>,
    pub(super) notices: Vec<String>,
    /// Of a control-plane node, to ask its API.
    pub(super) reader: Option<Box<dyn Reader>>,
}

impl Check<'_> {
    /// Judges a node by what was read of it.
    pub(super) fn judge(
        &self,
        node: &Node,
        seen: Seen,
        holders: &BTreeMap<NodeName, Observed>,
    ) -> Result<Judged, NodeError> {
        let Seen { mut reader, observed, transactions, processes } = seen;
        if let Some(state) = busy(&transactions) {
            return Ok(Judged { state, desired: None, notices: Vec::new(), reader: Some(reader) });
        }
        if self.pipeline.is_joining(node, &observed) {
            return Ok(Judged { state: no_node_yet(), desired: None, notices: Vec::new(), reader: None });
        }
        let mut rendered = self.render(node, &observed)?;
        let partial = self.pipeline.partial.is_some();
        let differences =
            plan::differences(node, &rendered.desired, &observed, holders, self.pipeline.now, partial);
        let mut found = drift::found(&differences, &observed);
        if found.iter().any(|found| found.item.class.is_drift()) {
            self.explain(node, reader.as_mut(), &mut found, &observed);
        }
        let mut items: Vec<Item> = found.into_iter().map(|found| found.item).collect();
        items.extend(drift::processes(&observed, &processes));
        let notices = differences.notices.into_iter().map(|notice| format!("{}: {notice}", node.name));
        rendered.notices.extend(notices);
        let state = NodeState::Read {
            items,
            applied: last_apply(&observed),
            failed_apply: failed_apply(&transactions),
            certificates: certificates(&rendered.desired, &observed),
        };
        Ok(Judged { state, desired: Some(rendered.desired), notices: rendered.notices, reader: Some(reader) })
    }

    fn render(&self, node: &Node, observed: &Observed) -> Result<Rendered, NodeError> {
        let with = observed.applied.as_ref().map(|applied| applied.rendered_with.clone());
        // Of one that was never applied to, everything is pending that the first stages would bring.
        let with = with.unwrap_or_else(|| RenderedWith {
            serving_certificate: self.pipeline.wants_serving(),
            ..RenderedWith::default()
        });
        let renderer = if with.writes_encrypted { &self.writes } else { &self.reads };
        let of_node = || [(&node.name, observed)];
        let inputs = Inputs {
            serving: BTreeMap::from([(node.name.clone(), serving(with))]),
            versions: versions(of_node()),
            api_server_flags: api_server_flags(of_node()),
            ..renderer.inputs().clone()
        };
        Ok(renderer.node(node, &inputs)?)
    }

    /// Asks the node once more, where something drifted: who did it, and when. A node that does not answer that is judged all the same.
    fn explain(&self, node: &Node, reader: &mut dyn Reader, found: &mut [Found], observed: &Observed) {
        // What asks depends on what was found, and so it is not among the probes that are installed.
        if reader.is_locked() {
            return;
        }
        let drifted = found.iter().filter(|found| found.item.class.is_drift());
        let paths: Vec<NodePath> = drifted.flat_map(|found| found.paths.iter().cloned()).collect();
        let Ok(time) = self.time_left(deadline(node)) else { return };
        match observe::traces(reader, &paths, time) {
            Ok(traces) => drift::explain(found, &traces, observed),
            Err(error) => tracing::warn!(node = %node.name, %error, "read the traces of changes"),
        }
    }
}

fn serving(with: RenderedWith) -> ServingInput {
    ServingInput {
        certificate: with.serving_certificate,
        trusted: with.trusts_serving_certificates,
        names: with.names,
    }
}

/// Whether an apply works on the node.
fn busy(transactions: &status::NodeState) -> Option<NodeState> {
    let lock = transactions.lock.as_ref()?;
    let fresh = || lock.since.filter(|since| transactions.clock - since < FRESH_LOCK);
    // Without a deadline, as before the first write, nobody but its owner can tell. After a while it is taken for dead: a node that
    // stayed busy for ever would never be judged again.
    let may_run = |holder: &status::Transaction| {
        holder.may_still_run(transactions.clock)
            && (holder.running || holder.deadline.is_some() || fresh().is_some())
    };
    match transactions.holder() {
        Some(holder) if may_run(holder) => Some(NodeState::Busy {
            by: holder.by().to_owned(),
            since: lock.since.or(holder.began).unwrap_or(transactions.clock),
        }),
        None if lock.target.is_some() => {
            fresh().map(|since| NodeState::Busy { by: String::from("somebody"), since })
        }
        _ => None,
    }
}

fn failed_apply(transactions: &status::NodeState) -> Option<FailedApply> {
    let state = match transactions.standing() {
        status::Standing::AtRest => return None,
        status::Standing::Pending => "it is not at its end, and nobody works on it",
        status::Standing::Failed => "the old state could not be put back",
        status::Standing::Locked => "it left its lock behind",
    };
    let last = transactions.last.as_ref();
    Some(FailedApply {
        transaction: last.map(|last| last.id.clone()).unwrap_or_default(),
        by: last.map(|last| last.by().to_owned()).unwrap_or_default(),
        state: state.to_owned(),
    })
}

fn last_apply(observed: &Observed) -> Option<LastApply> {
    let applied = observed.applied.as_ref().filter(|applied| !applied.transaction.is_empty())?;
    Some(LastApply { by: applied.by.clone(), at: applied.at, transaction: applied.transaction.clone() })
}

/// A host that is declared and no node: that is the inventory's wish, and nobody's drift.
fn no_node_yet() -> NodeState {
    let item = Item {
        resource: String::from("node"),
        class: Class::Pending,
        action: Action::Add,
        subject: String::from("no node of the cluster yet"),
        what: vec![String::from("`harden bootstrap` makes it one")],
        ..Item::default()
    };
    NodeState::Read { items: vec![item], applied: None, failed_apply: None, certificates: Vec::new() }
}

/// When each certificate ends that harden manages there.
fn certificates(desired: &Desired, observed: &Observed) -> Vec<CertificateExpiry> {
    let managed = desired.resources.iter().filter_map(|resource| match &resource.spec {
        Spec::Certificate(spec) => Some(&spec.path),
        _ => None,
    });
    let found = managed.filter_map(|path| match observed.certificates.get(path)? {
        CertificateState::Present(facts) | CertificateState::WithoutKey(facts) => {
            Some(CertificateExpiry { path: path.to_string(), not_after: facts.not_after })
        }
        CertificateState::Absent | CertificateState::Unreadable(_) => None,
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::fake::reply;

    /// A lock of that age, and what its transaction says beside its owner.
    fn locked(age: i64, says: &str) -> bool {
        let text = format!("clock 100000\nlock txn/t1\nsince {}\n{says}", 100_000 - age);
        busy(&status::parse(&reply([("transactions", text.as_str())])).unwrap()).is_some()
    }

    #[test]
    fn a_node_is_not_busy_for_ever() {
        let transaction = |more: &str| format!("transaction t1\nowner ops@host (pid 1)\n{more}");
        // Armed: the node itself says until when.
        let armed = transaction("marker pending\ndeadline 100060\n");
        assert!(locked(86_400, &armed));
        assert!(!locked(10, &transaction("marker pending\ndeadline 99990\n")));
        assert!(locked(86_400, &transaction("marker pending\nworker revert\n")), "a process works on it");
        // Begun and nothing more is known, or the lock alone.
        for says in [transaction(""), String::new()] {
            assert!(locked(FRESH_LOCK - 1, &says) && !locked(FRESH_LOCK, &says), "{says}");
        }
        assert!(busy(&status::NodeState::default()).is_none());
    }
}
