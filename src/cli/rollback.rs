//! `harden rollback`: one node goes back to the state before one of its confirmed transactions, as a transaction of its own:
//! plan, preflights, one yes, gates and confirmation are those of an apply. What cannot be taken back is refused before
//! anything is written.

use super::apply::{Consent, Safeguards, carry_out};
use super::load::now;
use super::pipeline::{Observation, Pipeline, deadline};
use super::{Error, Global, Parts};
use crate::error::{ExitCode, Hint};
use crate::health::HealthError;
use crate::inventory::{Inventory, Node, NodeName, Role};
use crate::plan::undo::{self, Obstacle, UndoError};
use crate::plan::{NodePlan, Operation, Plan};
use crate::remote::Script;
use crate::resource::{FileState, ObservedContent, PresentFile};
use crate::status::{self, Depth, PastError, StatusError, Transaction, record};
use crate::ui::{Output, line};
use clap::Args;
use std::collections::BTreeSet;

/// Put back the state before a node's last transaction, or before another one
///
/// Goes back to what was on the node before its last confirmed transaction, or before the one that is named: shows the plan, asks,
/// and does it as one transaction with the preflights, gates and confirmation of an apply. All of the old transaction is
/// taken back, or it is refused with every reason and nothing is written: what can never be taken back (encryption keys in use),
/// copies of private files, which are not kept, and whatever was changed since. `harden status -v` names the transactions.
/// The inventory is not changed: what it asks for is pending afterwards, and `harden apply` brings it again.
#[derive(Debug, Clone, Args)]
pub struct Rollback {
    /// The node
    #[arg(value_name = "NODE")]
    pub node: String,

    /// The transaction [default: the node's last confirmed one]
    #[arg(value_name = "ID")]
    pub id: Option<String>,

    /// Do not ask; there is no environment variable for it, on purpose
    #[arg(short, long)]
    pub yes: bool,

    /// How careful.
    #[command(flatten)]
    pub safeguards: Safeguards,
}

/// Why there is nothing that a rollback could do.
#[derive(Debug, thiserror::Error)]
pub enum RollbackError {
    /// The inventory has no such node, or `--limit` leaves it out.
    #[error("there is no node {name} to roll back; the nodes are {}", known.join(", "))]
    NoNode {
        /// The name.
        name: String,
        /// The nodes that there are.
        known: Vec<String>,
    },
    /// The node could not be read.
    #[error("read {node}: {error}")]
    Unreachable {
        /// Which.
        node: NodeName,
        /// Why.
        error: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Its transactions could not be read.
    #[error("read the transactions of {node}")]
    Remote {
        /// Which.
        node: NodeName,
        /// Why.
        source: Box<HealthError>,
    },
    /// What was read is not what was asked for.
    #[error("read the transactions of {node}")]
    Status {
        /// Which.
        node: NodeName,
        /// Why.
        source: Box<StatusError>,
    },
    /// There is no such transaction, or none that could be taken back.
    #[error("roll back {node}, on which nothing was changed")]
    Past {
        /// Which.
        node: NodeName,
        /// Why.
        source: PastError,
    },
    /// Something stands in the way.
    #[error(
        "transaction {id} of {node} cannot be taken back, and nothing was changed:\n{}",
        listed(obstacles)
    )]
    Refused {
        /// Which node.
        node: NodeName,
        /// Which transaction.
        id: String,
        /// Every reason.
        obstacles: Vec<Obstacle>,
    },
    /// There is no plan.
    #[error("take back transaction {id} of {node}, on which nothing was changed")]
    NoPlan {
        /// Which node.
        node: NodeName,
        /// Which transaction.
        id: String,
        /// Why.
        source: UndoError,
    },
}

/// A line for each; nodes have a say in the words.
fn listed(obstacles: &[Obstacle]) -> String {
    obstacles.iter().map(|it| format!("  {}", line(&it.to_string()))).collect::<Vec<_>>().join("\n")
}

impl Hint for RollbackError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoNode { .. } => None,
            Self::Unreachable { hint, .. } => hint.clone(),
            Self::Remote { source, .. } => source.hint(),
            Self::Status { source, .. } => source.hint(),
            Self::Past { source, .. } => source.hint(),
            Self::Refused { .. } | Self::NoPlan { .. } => {
                Some(String::from("go forward instead: change the inventory to what you want, and apply"))
            }
        }
    }
}

/// Reads, shows, asks, puts back, tells.
pub fn run(arguments: &Rollback, global: &Global, output: &Output) -> Result<ExitCode, Error> {
    let mut pipeline = Pipeline::load(global, &Parts::default(), output)?;
    let node = pipeline
        .inventory
        .nodes
        .iter()
        .find(|node| node.name.as_str() == arguments.node && pipeline.limit.contains(&node.name));
    let Some(node) = node.cloned() else {
        let (name, known) =
            (arguments.node.clone(), pipeline.limit.iter().map(ToString::to_string).collect());
        return Err(Error::hinted(RollbackError::NoNode { name, known }));
    };
    pipeline.limit = BTreeSet::from([node.name.clone()]);
    let inventory = pipeline.inventory.clone();
    // The cluster's health is told by its control planes; nobody else is asked.
    pipeline.inventory.nodes.retain(|other| {
        other.name == node.name
            || other.roles.contains(&Role::ControlPlane)
            || other.roles.contains(&Role::Etcd)
    });
    // Nothing that it plans is a point of no return.
    let consent = Consent { yes: arguments.yes, accepted: &[] };
    let code = carry_out(&consent, &arguments.safeguards, pipeline, global, output, |applying| {
        let observation = applying.observe()?;
        let mut plan =
            plan(&node, arguments.id.as_deref(), &inventory, &observation).map_err(Error::hinted)?;
        applying.set_rollback_after(&mut plan);
        applying.as_it_is(&plan, &observation)
    })?;
    if code == ExitCode::Success && !global.quiet {
        output.message(&format!(
            "The inventory still asks for what was taken back on {0}: `harden plan --limit {0}` shows it, and `harden apply` would \
             bring it again.\n",
            node.name
        ));
    }
    Ok(code)
}

/// What there is to do on the node.
fn plan(
    node: &Node,
    id: Option<&str>,
    inventory: &Inventory,
    observation: &Observation,
) -> Result<Plan, RollbackError> {
    let name = &node.name;
    let Some(observed) = observation.nodes.get(name) else {
        let found = observation.unreachable.iter().find(|lost| lost.node == *name);
        let (error, hint) = found.map(|lost| (lost.error.clone(), lost.hint.clone())).unwrap_or_default();
        return Err(RollbackError::Unreachable { node: name.clone(), error, hint });
    };
    let run = |script: &Script| {
        let reply = observation.reach.run(name, script, deadline(node));
        reply.map_err(|source| RollbackError::Remote { node: name.clone(), source: Box::new(source) })
    };
    let state = status::parse(&run(status::probe(Depth::History).script())?)
        .map_err(|source| RollbackError::Status { node: name.clone(), source: Box::new(source) })?;
    let past_error = |source| RollbackError::Past { node: name.clone(), source };
    let transaction = status::choose(&state, id).map_err(past_error)?;
    let reply = run(&record::script(&transaction.id))?;
    let past = record::past(&reply, transaction, &state, observed.facts.live).map_err(past_error)?;
    let id = transaction.id.clone();
    let undone =
        undo::undo(node, &past, observed, observation.certificates.get(name), &inventory.apply.drain)
            .map_err(|error| {
                let node = name.clone();
                match error {
                    UndoError::Obstacles(obstacles) => RollbackError::Refused { node, id, obstacles },
                    source => RollbackError::NoPlan { node, id, source },
                }
            })?;
    let notices = notices(&undone, observation);
    Ok(undo::whole(inventory, undone, title(transaction), now(), notices))
}

/// What the user should know.
fn notices(plan: &NodePlan, observation: &Observation) -> Vec<String> {
    let node = &plan.node;
    let mut notices =
        vec![format!("only {node} goes back: other nodes, and the cluster's own records, stay as they are")];
    let certificate = observation.certificates.get(node).map(|spec| &spec.path);
    let mut operations = plan.changes.iter().flat_map(|change| &change.operations);
    let loses_certificate =
        operations.any(|it| matches!(it, Operation::Remove { path, .. } if Some(path) == certificate));
    let mut files = observation.nodes.values().flat_map(|observed| observed.files.values());
    let is_verified = files.any(|state| match state {
        FileState::Present(PresentFile { content: ObservedContent::Text(text), .. }) => {
            text.contains("--kubelet-certificate-authority=")
        }
        _ => false,
    });
    if loses_certificate && is_verified {
        notices.push(format!(
            "{node}: its kubelet will serve with a certificate that API servers do not trust: `kubectl logs` and `exec` on it \
             will not work until `harden apply`"
        ));
    }
    notices
}

fn title(transaction: &Transaction) -> String {
    let when = transaction.began.and_then(|began| jiff::Timestamp::from_second(began).ok());
    let when = when.map(|when| when.strftime(" of %Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default();
    let undoes = transaction.undoes.as_ref().map(|other| format!(", which took back {other}"));
    format!(
        "take back transaction {}{when} by {}{}",
        transaction.id,
        transaction.by(),
        undoes.unwrap_or_default()
    )
}
