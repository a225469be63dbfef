//! `harden remove`: one node leaves the cluster. Plan, one yes, and the steps in order; what cannot be revoked is said before and
//! after. It wires `removal` to sessions and terminal.

use super::nodes::Nodes;
use super::{Error, Format, Global, signal};
use crate::error::{Chain, ExitCode, Hint};
use crate::event::{Listener, Outcome as NodeOutcome};
use crate::health::Reach;
use crate::inventory::{Connection, Deadline, EtcdTopology, Inventory, Node, NodeName, Role};
use crate::observe::fleet;
use crate::plan::Drain;
use crate::remote;
use crate::removal::{self, ByReach, Consent, Outcome, Question, Refusal, Removal};
use crate::ui::{self, Output, Progress, Removed, line};
use clap::Args;
use std::collections::BTreeMap;
use std::path::Path;

/// Take a node out of the cluster, and off its host what it has of it
///
/// Shows the steps and what nothing can revoke, asks, and then: drains the node, removes its etcd member where it has one while the
/// others are healthy (an external one too, and stops its unit), stops its kubelet, deletes the Node, resets the host (`kubeadm
/// reset`, certificates, keys, etcd's data, harden's own state) and looks that nothing is left. No apply touches the host meanwhile. Refused with every reason where the cluster would not survive it: the last
/// control plane, an etcd without a healthy rest, an endpoint that is the node's own address. The hardening of the host beneath
/// Kubernetes stays. Run again after it was cut, it goes on with what is left. The node is in the inventory until you take it out.
#[derive(Debug, Clone, Args)]
pub struct Remove {
    /// The node
    #[arg(value_name = "NODE")]
    pub node: String,

    /// Do not ask; there is no environment variable for it, on purpose
    #[arg(short, long)]
    pub yes: bool,

    /// Go on although the host cannot be reached: it is lost, and stays as it is
    #[arg(long)]
    pub unreachable: bool,

    /// What may become of its pods.
    #[command(flatten)]
    pub eviction: Eviction,

    /// Whether its host is to join again at once.
    #[arg(skip)]
    pub joins_again: bool,
}

/// What may become of the node's pods, beside what [apply.drain] says
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Eviction {
    /// How long evicting its pods may take, as in `10m` [default: that of [apply.drain]]
    #[arg(long, value_name = "TIME")]
    pub drain_deadline: Option<Deadline>,

    /// Evict pods whose data in an emptyDir is lost with them
    #[arg(long)]
    pub delete_emptydir_data: bool,

    /// Evict pods that no controller creates again
    #[arg(long)]
    pub delete_unmanaged_pods: bool,
}

/// Why nothing was begun.
#[derive(Debug, thiserror::Error)]
enum RemoveError {
    /// The inventory has no such node, or `--limit` leaves it out.
    #[error("there is no node {name} to remove; the nodes are {}", known.join(", "))]
    NoNode { name: String, known: Vec<String> },
    /// The cluster would not survive it, or it is not what it seems.
    #[error("{node} cannot be removed, and nothing was changed:\n{}", listed(refusals))]
    Refused { node: NodeName, refusals: Vec<Refusal> },
    /// The user did not say yes.
    #[error("nothing was changed: the answer was not `yes`")]
    Declined,
}

fn listed(refusals: &[Refusal]) -> String {
    let each = |refusal: &Refusal| format!("  {}\n    {}", line(&refusal.reason), line(&refusal.remedy));
    refusals.iter().map(each).collect::<Vec<_>>().join("\n")
}

/// Reads, shows, asks, removes, tells.
pub fn run(arguments: &Remove, global: &Global, output: &Output) -> Result<ExitCode, Error> {
    let nodes = Nodes::load(global, output)?;
    let node = nodes.selected().into_iter().find(|node| node.name.as_str() == arguments.node).cloned();
    let Some(node) = node else {
        let known = nodes.limit.iter().map(ToString::to_string).collect();
        return Err(Error::new(RemoveError::NoNode { name: arguments.node.clone(), known }));
    };
    let (reach, facts) = {
        let progress = Progress::start(output.clone(), global.progress, global.quiet);
        gather(&nodes, &node, &|event| progress.emit(&event))
    };
    let removal = removal::plan(&facts, Consent { unreachable: arguments.unreachable });
    let mut removed =
        Removed::new(&nodes.inventory.cluster.name, &node.name, &removal, removal::remains(&facts));
    if !removal.refusals.is_empty() {
        removed.exit_code = ExitCode::Error.number();
        print_json(&removed, global, output)?;
        return Err(Error::new(RemoveError::Refused { node: node.name, refusals: removal.refusals }));
    }
    if removal.steps.is_empty() {
        return nothing_left(arguments, &removed, &nodes, global, output);
    }
    ask(arguments, &removed, global, output)?;
    signal::listen(output);
    let outcome = {
        let progress = Progress::start(output.clone(), global.progress, global.quiet);
        let listener = |event| progress.emit(&event);
        let drain = drain(arguments.eviction, &nodes);
        let mut hands =
            ByReach::new(&reach, &node.name, drain, &signal::who(), &listener, &signal::interrupted);
        removal::carry_out(&node.name, &removal.steps, &mut hands, &listener, &signal::interrupted)
    };
    tell(arguments, outcome, &removal, &mut removed, &nodes, global, output)
}

/// The node's own API server is about to go: it is asked for nothing.
fn gather(nodes: &Nodes, node: &Node, listener: &Listener<'_>) -> (Reach, removal::Facts) {
    let inventory = &nodes.inventory;
    let is_asked = |other: &&Node| {
        other.name == node.name
            || other.roles.contains(&Role::ControlPlane)
            || (is_member(other, inventory) && is_member(node, inventory))
    };
    let asked: Vec<&Node> = inventory.nodes.iter().filter(is_asked).collect();
    let mut sessions = fleet::each_node(
        &asked,
        nodes.parallelism,
        "log in",
        |node| remote::connect(node, &nodes.access),
        |_| NodeOutcome::Finished(String::from("logged in")),
        listener,
    );
    let (mut reach, mut lost) = (Reach::new(), BTreeMap::new());
    for other in asked {
        let name = &other.name;
        match sessions.remove(name) {
            Some(Ok(session)) => {
                let stays = other.name != node.name && !is_tree(other);
                reach.add(name.clone(), session, stays && other.roles.contains(&Role::ControlPlane));
                if stays && is_member(other, inventory) {
                    reach.add_member(name.clone());
                }
            }
            Some(Err(error)) => drop(lost.insert(name.clone(), Chain(&error).to_string())),
            None => {}
        }
    }
    let facts = removal::gather(&Question { inventory, node, reach: &reach, lost: &lost });
    (reach, facts)
}

/// Whether it has a member of an external etcd.
fn is_member(node: &Node, inventory: &Inventory) -> bool {
    inventory.etcd.topology == EtcdTopology::External && node.roles.contains(&Role::Etcd)
}

/// Whether it is a directory tree, in which nothing runs.
fn is_tree(node: &Node) -> bool {
    matches!(&node.connection, Connection::Local { root } if root != Path::new("/"))
}

fn drain(arguments: Eviction, nodes: &Nodes) -> Drain {
    let settings = &nodes.inventory.apply.drain;
    let deadline = arguments.drain_deadline.map_or(settings.deadline, |deadline| deadline.0);
    Drain {
        deadline: deadline.as_secs(),
        delete_emptydir_data: settings.delete_emptydir_data || arguments.delete_emptydir_data,
        delete_unmanaged_pods: settings.delete_unmanaged_pods || arguments.delete_unmanaged_pods,
    }
}

fn print_json(removed: &Removed, global: &Global, output: &Output) -> Result<(), Error> {
    if global.output == Format::Json {
        output.result(&ui::removal_json(removed)?)?;
    }
    Ok(())
}

fn nothing_left(
    arguments: &Remove,
    removed: &Removed,
    nodes: &Nodes,
    global: &Global,
    output: &Output,
) -> Result<ExitCode, Error> {
    let text = format!(
        "Nothing to remove: the cluster has no Node {0} and no etcd member of it, and its host nothing of the cluster.\n",
        removed.node
    );
    match global.output {
        Format::Text => drop(output.result(&text)?),
        Format::Json => print_json(removed, global, output)?,
    }
    output.message(&inventory_is_yours(arguments, removed, nodes));
    Ok(ExitCode::Success)
}

fn ask(arguments: &Remove, removed: &Removed, global: &Global, output: &Output) -> Result<(), Error> {
    let text = ui::removal_plan(removed, output.view(global.verbose > 0));
    match global.output {
        Format::Text => drop(output.result(&text)?),
        Format::Json if arguments.yes => {}
        Format::Json => output.message(&text),
    }
    let question = format!("Remove {} from {}?", removed.node, removed.cluster);
    if !arguments.yes && !ui::confirm(output, &question)? {
        return Err(Error::new(RemoveError::Declined));
    }
    Ok(())
}

fn tell(
    arguments: &Remove,
    outcome: Outcome,
    removal: &Removal,
    removed: &mut Removed,
    nodes: &Nodes,
    global: &Global,
    output: &Output,
) -> Result<ExitCode, Error> {
    let code = exit_code(&outcome);
    removed.ended(&outcome, outcome.error.as_ref().map(|error| Chain(error).to_string()), code.number());
    match global.output {
        Format::Text => {
            output.result(&ui::removal_ended(removed, output.view(global.verbose > 0)))?;
        }
        Format::Json => print_json(removed, global, output)?,
    }
    let is_whole = outcome.error.is_none() && !outcome.is_interrupted;
    if is_whole {
        output.message(&inventory_is_yours(arguments, removed, nodes));
    } else if outcome.is_changed {
        output.message(&format!(
            "{} is between in and out: run the same command again, and it goes on with what is left of {} steps.\n",
            removed.node,
            removal.steps.len()
        ));
    }
    match outcome.error {
        Some(error) if !outcome.is_interrupted => {
            let hint = error.hint();
            let error = Error::new(error).code(code);
            Err(hint.into_iter().fold(error, Error::hint))
        }
        _ => Ok(code),
    }
}

fn exit_code(outcome: &Outcome) -> ExitCode {
    match outcome.error {
        _ if outcome.is_interrupted => ExitCode::Interrupted,
        None => ExitCode::Success,
        Some(_) if outcome.is_changed => ExitCode::Stopped,
        Some(_) => ExitCode::Error,
    }
}

fn inventory_is_yours(arguments: &Remove, removed: &Removed, nodes: &Nodes) -> String {
    if arguments.joins_again {
        return String::new();
    }
    let etcd = nodes.inventory.node(&removed.node).is_some_and(|node| is_member(node, &nodes.inventory));
    let then = if etcd { "; then `harden apply` has the API servers name it no more" } else { "" };
    let line =
        nodes.inventory.nodes.iter().find(|node| node.name == removed.node).map_or(0, |node| node.line);
    format!(
        "Take {} out of {}, line {line}: until then the next bootstrap would have it there{then}.\n",
        removed.node,
        nodes.inventory.file.display()
    )
}
