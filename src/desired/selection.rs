//! Which templates take part: those of some controls or resources with everything that they need, and without those whose
//! controls are all switched off. The unit is the template; of a static pod's template single flags can be switched off.

use super::load::{Entry, Templates};
use crate::resource::{ControlId, Kind, ResourceId};
use std::collections::{BTreeMap, BTreeSet};

/// What is chosen of the templates. Without controls and targets that is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only what satisfies one of these controls, as templates name them.
    pub controls: BTreeSet<ControlId>,
    /// Only these resources.
    pub targets: BTreeSet<ResourceId>,
    /// The controls that are switched off.
    pub off: BTreeSet<ControlId>,
}

impl Selection {
    /// Whether it is about a part only.
    pub fn is_partial(&self) -> bool {
        !self.controls.is_empty() || !self.targets.is_empty()
    }

    /// Whether something is chosen that is no template, by the controls that it satisfies and the resource that it is.
    pub fn includes(&self, controls: &[ControlId], resource: &ResourceId) -> bool {
        !self.are_off(controls)
            && (!self.is_partial()
                || self.targets.contains(resource)
                || controls.iter().any(|control| self.controls.contains(control)))
    }

    /// Whether there are controls and all of them are switched off.
    fn are_off<'a>(&self, controls: impl IntoIterator<Item = &'a ControlId>) -> bool {
        let mut controls = controls.into_iter().peekable();
        controls.peek().is_some() && controls.all(|control| self.off.contains(control))
    }
}

/// What a selection did to the templates.
#[derive(Debug, Default)]
pub(super) struct Selected {
    /// What was chosen.
    pub(super) selection: Selection,
    /// The templates that were left out, and their resources.
    left_out: BTreeMap<String, ResourceId>,
    notices: Vec<String>,
}

impl Selected {
    /// Whether the flags that the inventory sets on a component are all asked for; otherwise only those that the templates
    /// speak of too.
    pub(super) fn is_whole(&self, component: &str) -> bool {
        !self.selection.is_partial()
            || self.selection.targets.contains(&ResourceId::new(Kind::StaticPod, component))
    }
}

impl Entry {
    /// The controls that it names, those of its flags included.
    fn controls(&self) -> impl Iterator<Item = &ControlId> {
        self.front.controls.iter().chain(self.front.flag_controls.values().flatten())
    }

    /// The resource that it makes, or is a part of.
    fn id(&self) -> ResourceId {
        let kind = *self.front.kind.get_ref();
        let component = self.front.component.as_ref().filter(|_| kind == Kind::StaticPod);
        ResourceId::new(kind, component.unwrap_or(&self.name))
    }
}

impl Templates {
    /// The controls that the templates satisfy.
    pub fn controls(&self) -> BTreeSet<ControlId> {
        self.entries.values().flat_map(Entry::controls).cloned().collect()
    }

    /// The resources that the templates make.
    pub fn resources(&self) -> BTreeSet<ResourceId> {
        self.entries.values().map(Entry::id).collect()
    }

    /// How many templates take part.
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// Leaves out what is not selected. A selection of nothing that there is leaves nothing: that is for the caller to tell.
    #[must_use]
    pub fn select(mut self, selection: Selection) -> Self {
        let chosen = self.entries.iter().filter(|(_, entry)| {
            let id = entry.id();
            let is_meant = !selection.is_partial()
                || selection.targets.contains(&id)
                || entry.controls().any(|control| selection.controls.contains(control));
            is_meant && !selection.are_off(entry.controls())
        });
        let chosen: BTreeSet<String> = chosen.map(|(path, _)| path.clone()).collect();
        let needed = self.needed(&chosen);
        let mut notices = Vec::new();
        for (path, by) in &needed {
            if let Some(entry) = self.entries.get(path).filter(|entry| selection.are_off(entry.controls())) {
                let off: Vec<String> = entry.controls().map(ToString::to_string).collect();
                notices.push(format!(
                    "{path} stays although [controls] switches off {}: {by} needs it",
                    texts(off)
                ));
            }
        }
        let mut left_out = BTreeMap::new();
        self.entries.retain(|path, entry| {
            let stays = chosen.contains(path) || needed.contains_key(path);
            if !stays {
                left_out.insert(path.clone(), entry.id());
            }
            stays
        });
        for (path, entry) in self.entries.iter_mut().filter(|(path, _)| chosen.contains(*path)) {
            notices.extend(entry.switch_off(path, &selection));
        }
        if selection.is_partial() {
            notices.extend(brought(&needed));
        }
        self.selected = Selected { selection, left_out, notices };
        self
    }

    /// Everything that templates need beyond themselves, with the template that needs it.
    fn needed(&self, chosen: &BTreeSet<String>) -> BTreeMap<String, String> {
        let mut needed: BTreeMap<String, String> = BTreeMap::new();
        let mut open: Vec<&String> = chosen.iter().collect();
        while let Some(path) = open.pop() {
            let Some(entry) = self.entries.get(path) else { continue };
            let is_needed =
                |other: &str, id: &ResourceId| entry.front.needs(other, id) || entry.files.contains(id);
            for (other, theirs) in &self.entries {
                if is_needed(other, &theirs.id()) && !chosen.contains(other) && !needed.contains_key(other) {
                    needed.insert(other.clone(), path.clone());
                    open.push(other);
                }
            }
        }
        needed
    }

    /// Whether a resource may be asked for: no selection has left it out.
    pub fn wants(&self, resource: &ResourceId) -> bool {
        !self.selected.left_out.values().any(|id| id == resource)
            || self.entries.values().any(|entry| entry.id() == *resource)
    }

    /// Whether a template may take part: no selection has left it out.
    pub fn takes(&self, template: &str) -> bool {
        !self.selected.left_out.contains_key(template)
    }

    /// How many templates a selection has left out.
    pub fn left_out(&self) -> usize {
        self.selected.left_out.len()
    }

    /// What the user should know about the selection.
    pub fn selection_notices(&self) -> &[String] {
        &self.selected.notices
    }
}

impl Entry {
    /// Takes out the flags whose controls are all switched off, and says which controls it satisfies all the same.
    fn switch_off(&mut self, path: &str, selection: &Selection) -> Option<String> {
        let flags = self.front.flag_controls.iter().filter(|(_, controls)| selection.are_off(*controls));
        self.flags_off = flags.map(|(name, _)| name.clone()).collect();
        let kept = self.front.flag_controls.iter().filter(|(name, _)| !self.flags_off.contains(*name));
        let satisfied: BTreeSet<&ControlId> =
            self.front.controls.iter().chain(kept.flat_map(|(_, controls)| controls)).collect();
        let off: Vec<String> = satisfied
            .iter()
            .filter(|control| selection.off.contains(*control))
            .map(ToString::to_string)
            .collect();
        (!off.is_empty()).then(|| {
            format!("[controls] switches off {}, and {path} satisfies other controls in the same breath: it stays", texts(off))
        })
    }
}

fn brought(needed: &BTreeMap<String, String>) -> Option<String> {
    let list: Vec<String> = needed.iter().map(|(path, by)| format!("{path} ({by} needs it)")).collect();
    (!list.is_empty()).then(|| format!("With it comes {}", texts(list)))
}

/// A list for people.
fn texts(list: Vec<String>) -> String {
    list.into_iter().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
}
