//! Why an apply did not begin, or did not come to its end.

use super::MOST_STAGES;
use super::accept::place;
use crate::error::Hint;
use crate::health::preflight::Refusal;
use crate::plan::NoReturn;
use crate::ui::status::UnlockedNode;
use crate::ui::{count, line};
use std::collections::BTreeSet;

/// Why nothing was applied, or not everything.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A node could not be read.
    #[error("{} cannot be read, and nothing was changed{}", count(*nodes, "node"), since(*done))]
    Unreachable {
        /// How many nodes.
        nodes: usize,
        /// How many stages were applied before.
        done: usize,
    },
    /// Something speaks against changing the cluster.
    #[error("the cluster is not fit to be changed, and nothing was changed:\n{}", refused(refusals))]
    Unfit {
        /// What.
        refusals: Vec<Refusal>,
    },
    /// Changes that nothing takes back were not accepted by name.
    #[error(
        "{} cannot be undone, and nothing was changed{} without an --accept for each:\n{}",
        count(changes.len(), "change"),
        since(*done),
        final_changes(changes)
    )]
    Unaccepted {
        /// Which.
        changes: Vec<NoReturn>,
        /// How many stages were applied before.
        done: usize,
    },
    /// The user did not accept a change that nothing takes back.
    #[error("nothing was changed{}: {resource} was not accepted with `yes`", since(*done))]
    NotAccepted {
        /// Which.
        resource: String,
        /// How many stages were applied before.
        done: usize,
    },
    /// A pattern that is to be accepted is about no resource at all.
    #[error("`--accept {pattern}`: there is no such resource")]
    AcceptsNothing {
        /// The pattern.
        pattern: String,
        /// What was probably meant.
        meant: Option<String>,
    },
    /// Some hosts are no nodes yet.
    #[error("{} {} no node of the cluster yet, and nothing was changed", hosts.join(", "), if hosts.len() == 1 { "is" } else { "are" })]
    NoNodes {
        /// Which.
        hosts: Vec<String>,
    },
    /// The user did not say yes.
    #[error("nothing was changed: the answer was not `yes`")]
    Declined,
    /// What a harden that was killed left behind could not be ended, so that nothing was planned.
    #[error("end what a harden that was killed left behind:\n{}", still_locked(nodes))]
    LeftBehind {
        /// The nodes.
        nodes: Vec<UnlockedNode>,
    },
    /// The nodes are not as they were when the plan was saved.
    #[error("{} moved since the plan was made, and nothing was changed:\n{}", count(moved.len(), "path"), listed(moved))]
    Stale {
        /// What moved, a text each.
        moved: Vec<String>,
    },
    /// What the plan rests on is not so any more, beside the paths that it changes.
    #[error("what the plan rests on does not hold now, and nothing was changed:\n{}", listed(reasons))]
    Unproven {
        /// What does not hold, a text each.
        reasons: Vec<String>,
    },
    /// The plan is of another cluster.
    #[error("the plan is of the cluster {plan}, and the inventory of {inventory}; nothing was changed")]
    OtherCluster {
        /// The plan's cluster.
        plan: String,
        /// The inventory's cluster.
        inventory: String,
    },
    /// It applied everything and the next plan still had changes, again and again.
    #[error("after {MOST_STAGES} stages there are still changes; the last plan is shown above")]
    NeverEnds,
}

fn since(done: usize) -> String {
    match done {
        0 => String::new(),
        done => format!(" since {}", if done == 1 { "the stage above" } else { "the stages above" }),
    }
}

fn still_locked(nodes: &[UnlockedNode]) -> String {
    let each = |node: &UnlockedNode| {
        let error = node.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        line(&format!("{}: {}{error}", node.node, node.outcome.words()))
    };
    listed(&nodes.iter().map(each).collect::<Vec<_>>())
}

fn listed(moved: &[String]) -> String {
    moved.iter().map(|path| format!("  {path}")).collect::<Vec<_>>().join("\n")
}

fn final_changes(changes: &[NoReturn]) -> String {
    let lines = changes
        .iter()
        .map(|change| line(&format!("{}: {}, {}", change.resource, place(change), change.reason)));
    listed(&lines.collect::<Vec<_>>())
}

/// A line for each refusal and one for its remedy. Nodes and their runtimes have a say in the words.
fn refused(refusals: &[Refusal]) -> String {
    let lines = refusals
        .iter()
        .map(|refusal| format!("  {}\n    {}", line(&refusal.to_string()), line(&refusal.remedy)));
    lines.collect::<Vec<_>>().join("\n")
}

impl Hint for ApplyError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreachable { .. } => {
                Some(String::from("see `harden plan`; leave them out with --limit '!NODE' if you must"))
            }
            Self::Stale { .. } | Self::Unproven { .. } => {
                Some(String::from("plan again and look at the new plan"))
            }
            Self::OtherCluster { .. } => Some(String::from("name its inventory with --inventory")),
            Self::NeverEnds => Some(String::from(
                "something else writes the same settings; look for another tool on the nodes",
            )),
            Self::Unfit { refusals } => {
                let names: BTreeSet<&str> = refusals.iter().map(|refusal| refusal.preflight.name()).collect();
                let flags = names.into_iter().map(|name| format!("--skip-preflight {name}"));
                Some(format!(
                    "put it right, or leave it aside with {} if you must",
                    flags.collect::<Vec<_>>().join(" ")
                ))
            }
            Self::Unaccepted { changes, .. } => {
                let options: Vec<String> =
                    changes.iter().map(|change| format!("--accept {}", change.resource)).collect();
                Some(format!("look at them in the plan, and add {}", options.join(" ")))
            }
            Self::AcceptsNothing { meant: Some(meant), .. } => Some(format!("did you mean `{meant}`?")),
            Self::AcceptsNothing { meant: None, .. } => {
                Some(String::from("name the resource as the plan names it after --accept"))
            }
            Self::NoNodes { hosts } => Some(format!(
                "`harden bootstrap` makes nodes of them; --limit '!{}' leaves them out",
                hosts.join(",!")
            )),
            Self::LeftBehind { .. } => {
                Some(String::from("`harden status` tells what is true of them, `harden unlock` tries again"))
            }
            Self::Declined | Self::NotAccepted { .. } => None,
        }
    }
}
