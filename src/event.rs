//! What happened, as plain data: emitted by `observe`, `health` and `apply`, consumed by `ui`. Nothing here
//! prints, and nothing that emits knows who listens.

use crate::inventory::NodeName;
use std::time::Duration;

/// One thing that happened during a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A node began a step; the text is what the user reads ("read state", "restart kubelet").
    Step {
        /// Which node.
        node: NodeName,
        /// The step, in the imperative.
        step: String,
    },
    /// A node is done for this phase.
    Done {
        /// Which node.
        node: NodeName,
        /// How it ended.
        outcome: Outcome,
    },
    /// A wave begins.
    Wave {
        /// Its number, from 1.
        number: usize,
        /// Of how many.
        of: usize,
        /// Its title ("canary control-plane node").
        title: String,
    },
    /// A gate is being waited for; sent at every poll, so that a listener can show life.
    Waiting {
        /// Which node the gate looks at; `None` for a gate of the whole cluster.
        node: Option<NodeName>,
        /// The gate's title ("kube-apiserver answers /readyz").
        gate: String,
        /// How long it has been waited for.
        elapsed: Duration,
        /// What the last poll saw.
        last: String,
    },
    /// A gate held for as long as it must.
    Passed {
        /// Which node the gate looked at.
        node: Option<NodeName>,
        /// The gate's title.
        gate: String,
        /// How long it took.
        elapsed: Duration,
    },
    /// A step of the whole cluster, not of one node ("rewrite 312 Secrets").
    Cluster {
        /// The step, in the imperative.
        step: String,
    },
    /// Something that the user should know and that stops nothing.
    Warning {
        /// Which node, where it is about one.
        node: Option<NodeName>,
        /// The text.
        text: String,
    },
}

/// How a node's phase ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There was nothing to do.
    InSync,
    /// The phase was done; the text says what ("7 changes", "read").
    Finished(String),
    /// It failed and the node is as it was before.
    RolledBack(String),
    /// It failed; the text is the error.
    Failed(String),
}

/// Where events go. It is called from several threads at once.
pub type Listener<'a> = dyn Fn(Event) + Sync + 'a;
