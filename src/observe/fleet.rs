//! The same work on many nodes at once: a bounded pool of threads, one node to a thread at a time. A slow or dead node
//! keeps one thread busy until its own deadline and holds up nobody else. What the work is, this does not know.

use crate::event::{Event, Listener, Outcome};
use crate::inventory::{Node, NodeName};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Does `work` on every node, at most `parallelism` at once, and gives the results by name.
///
/// Each node is announced as [`Event::Step`] with the text `step` when its turn comes, and as [`Event::Done`] when it is
/// over, with what `outcome` makes of the result. Nodes are begun in the order given. There is no deadline here: the work brings
/// its own, as it alone can cut its connection.
pub fn each_node<T, E>(
    nodes: &[&Node],
    parallelism: NonZeroUsize,
    step: &str,
    work: impl Fn(&Node) -> Result<T, E> + Sync,
    outcome: impl Fn(&T) -> Outcome + Sync,
    listener: &Listener<'_>,
) -> BTreeMap<NodeName, Result<T, E>>
where
    T: Send,
    E: Display + Send,
{
    let next = AtomicUsize::new(0);
    let results = Mutex::new(BTreeMap::new());
    let worker = || {
        while let Some(node) = nodes.get(next.fetch_add(1, Ordering::Relaxed)) {
            listener(Event::Step { node: node.name.clone(), step: step.to_owned() });
            let result = work(node);
            let outcome = match &result {
                Ok(value) => outcome(value),
                Err(error) => Outcome::Failed(error.to_string()),
            };
            listener(Event::Done { node: node.name.clone(), outcome });
            results.lock().unwrap_or_else(PoisonError::into_inner).insert(node.name.clone(), result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..parallelism.get().min(nodes.len()) {
            scope.spawn(worker);
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}
