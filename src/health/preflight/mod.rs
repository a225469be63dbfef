//! Whether a cluster is fit to be changed: what is known of it in, what speaks against it out, each with the node, the fact and
//! the remedy. The judgement is pure; what only a node can tell is asked by [`script()`] in one round trip and read by [`parse`].
//!
//! Running components hide what is missing: an image that the kubelet's collection has deleted, or a certificate that ends, shows
//! at the next restart, and that is what an apply brings about.

mod ask;
mod certificates;
mod clocks;
mod disk;
mod etcd;
mod facts;
mod finding;
mod gather;
mod images;
mod nodes;
mod read;
mod scope;

pub use ask::script;
pub use etcd::EtcdFacts;
pub use facts::{Facts, FileSystem, Images, NodeCertificate, NodeFacts};
pub use finding::{Findings, Preflight, Refusal};
pub use gather::{ask_api_for_images, ask_etcd, ask_node};
pub use read::parse;
pub use scope::{Need, Scope, Touched};

pub use crate::resource::ClockReading;

/// What speaks against changing a cluster, of everything that is known.
pub fn judge(scope: &Scope, facts: &Facts) -> Findings {
    let mut findings = known(scope, facts);
    for (node, answer) in &facts.nodes {
        if let Err(reason) = answer {
            findings.refuse(
                Preflight::Nodes,
                Some(node),
                format!("it cannot be asked: {reason}"),
                "see whether it can be reached, and begin again",
            );
        }
    }
    etcd::judge(scope, facts, &mut findings);
    disk::judge(scope, facts, &mut findings);
    images::judge(scope, facts, &mut findings);
    certificates::judge(scope, facts, &mut findings);
    findings
}

/// The part of it that is known from the reading for a plan, without a further question.
pub fn known(scope: &Scope, facts: &Facts) -> Findings {
    let mut findings = Findings::default();
    nodes::judge(scope, facts, &mut findings);
    clocks::judge(scope, facts, &mut findings);
    findings
}
