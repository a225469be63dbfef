//! Changes that nothing takes back: each is accepted by name with `--accept`, or by a yes of its own. A yes to the plan as a whole,
//! or `--yes`, is none.

use super::{ApplyError, Applying};
use crate::cli::Error;
use crate::inventory::{glob, nearest};
use crate::plan::{NoReturn, Plan};
use crate::ui;
use std::collections::BTreeSet;

/// The changes of two plans that nothing takes back, each resource once.
pub(super) fn all(plan: &Plan, whole: Option<&Plan>) -> Vec<NoReturn> {
    let mut found = plan.no_return();
    for more in whole.map(Plan::no_return).unwrap_or_default() {
        if !found.iter().any(|known| known.resource == more.resource) {
            found.push(more);
        }
    }
    found
}

/// Where it is, for people: `/etc/kubernetes/super-admin.conf on cp-1, cp-2`.
pub(super) fn place(change: &NoReturn) -> String {
    let nodes: Vec<&str> = change.nodes.iter().map(crate::inventory::NodeName::as_str).collect();
    match nodes.as_slice() {
        [] => change.subject.clone(),
        nodes => format!("{} on {}", change.subject, nodes.join(", ")),
    }
}

impl Applying<'_> {
    /// A pattern that is about nothing at all is a mistake, as with `--target`. One whose change is made already is none.
    pub(super) fn refuse_unknown_patterns(&self, plan: &Plan) -> Result<(), Error> {
        let mut known: BTreeSet<String> =
            self.pipeline.templates.resources().iter().map(ToString::to_string).collect();
        known.extend(plan.changes().map(|(_, change)| change.resource.to_string()));
        known.extend(plan.cluster_changes.iter().map(|change| change.resource.to_string()));
        let is_unknown = |pattern: &&String| !known.iter().any(|resource| glob(pattern, resource));
        let Some(pattern) = self.accepted.iter().find(is_unknown) else { return Ok(()) };
        let meant = nearest(pattern, known.iter().map(String::as_str)).map(str::to_owned);
        Err(Error::hinted(ApplyError::AcceptsNothing { pattern: pattern.clone(), meant }))
    }

    /// Where nobody is asked, what is not accepted is refused before anything is written.
    pub(super) fn refuse_unaccepted(&self, changes: &[NoReturn]) -> Result<(), Error> {
        let unaccepted = self.unaccepted(changes);
        if unaccepted.is_empty() || !self.unattended {
            return Ok(());
        }
        let (changes, done) = (unaccepted.into_iter().cloned().collect(), self.record.stages.len());
        Err(Error::hinted(ApplyError::Unaccepted { changes, done }))
    }

    /// Asks for each that is not accepted yet.
    pub(super) fn ask_for_each(&mut self, changes: &[NoReturn]) -> Result<(), Error> {
        let unaccepted: Vec<NoReturn> = self.unaccepted(changes).into_iter().cloned().collect();
        for change in unaccepted {
            let resource = change.resource.to_string();
            let question =
                format!("{resource} cannot be undone ({}: {}). Accept it?", place(&change), change.reason);
            if !ui::confirm(self.output, &question)? {
                return Err(Error::new(ApplyError::NotAccepted { resource, done: self.record.stages.len() }));
            }
            self.accepted.push(resource);
        }
        Ok(())
    }

    fn unaccepted<'b>(&self, changes: &'b [NoReturn]) -> Vec<&'b NoReturn> {
        let is_accepted = |change: &NoReturn| {
            let resource = change.resource.to_string();
            self.accepted.iter().any(|pattern| *pattern == resource || glob(pattern, &resource))
        };
        changes.iter().filter(|change| !is_accepted(change)).collect()
    }
}
