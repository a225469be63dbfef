//! The resources of one node against what is on it, one by one: what a plan of it is made from, and what a drift check reports.

use super::node::{Scene, context};
use crate::inventory::{self, Node, NodeName};
use crate::plan::diff::{self, Context, DiffError};
use crate::plan::{Change, Origin, digest};
use crate::resource::{Desired, Kind, Observed, Resource, ResourceId};
use std::collections::BTreeMap;

/// The resources of one node, compared.
#[derive(Default)]
pub(super) struct Compared<'a> {
    /// Those that are not as they should be.
    pub(super) changed: Vec<(&'a Resource, Change)>,
    /// Those that are, with the digests of what they should be.
    pub(super) unchanged: BTreeMap<ResourceId, String>,
    /// Those that could not be compared.
    pub(super) failed: Vec<(ResourceId, DiffError)>,
}

pub(super) fn compare<'a>(desired: &'a Desired, context: &mut Context<'_>, partial: bool) -> Compared<'a> {
    let observed = context.observed;
    let mut compared = Compared::default();
    for resource in &desired.resources {
        let applies = diff::applies(resource, observed);
        if matches!(applies, Ok(false)) {
            continue;
        }
        match applies.and_then(|_| diff::diff(resource, context)) {
            // What was noted of the whole is worth more than what is noted of a part.
            Ok(None) if partial && has_parts(resource) && is_known(&resource.id, observed) => {}
            Ok(None) => {
                compared.unchanged.insert(resource.id.clone(), digest(resource));
            }
            Ok(Some(mut change)) => {
                // A part always differs from what was noted of the whole: that tells nothing.
                if partial && change.origin == Origin::Both {
                    change.origin = Origin::Drift;
                }
                compared.changed.push((resource, change));
            }
            Err(source) => compared.failed.push((resource.id.clone(), source)),
        }
    }
    compared
}

/// Whether a part of it can be desired.
fn has_parts(resource: &Resource) -> bool {
    matches!(resource.id.kind, Kind::StaticPod | Kind::YamlKeys)
}

fn is_known(resource: &ResourceId, observed: &Observed) -> bool {
    observed.applied.as_ref().is_some_and(|applied| applied.resources.contains_key(resource))
}

/// What differs on one node. What cannot be compared hides nothing else.
#[derive(Debug)]
pub struct Differences {
    /// The resources that are not as they should be.
    pub changes: Vec<Change>,
    /// The resources that could not be compared, whether harden has applied each before, and why.
    pub failed: Vec<(ResourceId, bool, DiffError)>,
    /// What the user should know.
    pub notices: Vec<String>,
}

/// What differs on one node. `holders` are the nodes on which the keys of CAs may be.
pub fn differences(
    node: &Node,
    desired: &Desired,
    observed: &Observed,
    holders: &BTreeMap<NodeName, Observed>,
    now: i64,
    partial: bool,
) -> Differences {
    let drain = inventory::Drain::default();
    let scene = Scene {
        holders: holders.iter().collect(),
        now,
        partial,
        drain: &drain,
        members: Vec::new(),
        virtual_endpoint: None,
    };
    let mut context = context(node, desired, observed, &scene);
    let compared = compare(desired, &mut context, partial);
    let known = |(id, error): (ResourceId, DiffError)| {
        let is_known = is_known(&id, observed);
        (id, is_known, error)
    };
    Differences {
        changes: compared.changed.into_iter().map(|(_, change)| change).collect(),
        failed: compared.failed.into_iter().map(known).collect(),
        notices: context.notices,
    }
}
