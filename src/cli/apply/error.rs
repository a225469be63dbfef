//! Why an apply did not begin, or did not come to its end.

use super::MOST_STAGES;
use crate::error::Hint;
use crate::health::preflight::Refusal;
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
    /// The user did not say yes.
    #[error("nothing was changed: the answer was not `yes`")]
    Declined,
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

fn listed(moved: &[String]) -> String {
    moved.iter().map(|path| format!("  {path}")).collect::<Vec<_>>().join("\n")
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
            Self::Declined => None,
        }
    }
}
