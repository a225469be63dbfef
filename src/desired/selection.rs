//! Which templates take part: those of some controls or resources with everything that they need, and without those whose
//! controls are all switched off. The unit is the template; of a static pod's template single flags can be switched off, and
//! of yaml-keys each key with controls of its own is chosen and switched off by itself.

use super::context::Shared;
use super::keys::Keys;
use super::load::{Entry, Templates};
use super::{Inputs, TemplateError};
use crate::inventory::Inventory;
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
    /// The controls that it names, those of its flags and keys included.
    fn controls(&self) -> impl Iterator<Item = &ControlId> {
        let of_parts = self.front.flag_controls.values().chain(self.front.key_controls.values());
        self.front.controls.iter().chain(of_parts.flatten())
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
    /// What an inventory switches off asks for nothing else.
    pub fn select(mut self, selection: Selection, inventory: &Inventory) -> Result<Self, TemplateError> {
        let shared = Shared::of(inventory, &Inputs::default())?;
        let chosen = self.entries.iter().filter(|(_, entry)| {
            let id = entry.id();
            let is_meant = !selection.is_partial()
                || selection.targets.contains(&id)
                || entry.controls().any(|control| selection.controls.contains(control));
            is_meant && !selection.are_off(entry.controls())
        });
        let chosen: BTreeSet<String> = chosen.map(|(path, _)| path.clone()).collect();
        let needed = self.needed(&chosen, &selection, &shared);
        let taking_part: BTreeSet<String> = chosen.iter().chain(needed.keys()).cloned().collect();
        let keys: BTreeMap<String, Keys> = taking_part
            .iter()
            .map(|path| (path.clone(), self.keys(path, chosen.contains(path), &taking_part, &selection)))
            .collect();
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
            let stays = taking_part.contains(path);
            if !stays {
                left_out.insert(path.clone(), entry.id());
            }
            stays
        });
        for (path, keys) in keys {
            let Some(entry) = self.entries.get_mut(&path) else { continue };
            entry.keys = keys;
            if chosen.contains(&path) {
                let notice = entry.switch_off(&path, &selection);
                // What this inventory has no use for stays nowhere.
                notices.extend(notice.filter(|_| shared.may_hold(&entry.front.when)));
            }
        }
        if selection.is_partial() {
            notices.extend(brought(&needed));
        }
        self.selected = Selected { selection, left_out, notices };
        Ok(self)
    }

    /// Everything that templates need beyond themselves, with the template that needs it.
    fn needed(
        &self,
        chosen: &BTreeSet<String>,
        selection: &Selection,
        shared: &Shared,
    ) -> BTreeMap<String, String> {
        let mut needed: BTreeMap<String, String> = BTreeMap::new();
        let mut taking_part = chosen.clone();
        // A template that comes with a part may need more keys of another, and these kernel parameters.
        loop {
            let mut more: BTreeMap<String, String> = BTreeMap::new();
            let asking = |(path, entry): &(&String, &Entry)| {
                taking_part.contains(*path) && shared.may_hold(&entry.front.when)
            };
            for (path, entry) in self.entries.iter().filter(asking) {
                let keys = self.keys(path, chosen.contains(path), &taking_part, selection);
                let others = self.entries.iter().filter(|(other, _)| !taking_part.contains(*other));
                for (other, _) in others.filter(|(other, theirs)| entry.needs(&keys, other, theirs)) {
                    more.entry(other.clone()).or_insert_with(|| path.clone());
                }
            }
            if more.is_empty() {
                return needed;
            }
            taking_part.extend(more.keys().cloned());
            needed.append(&mut more);
        }
    }

    /// Which keys of a template take part when these templates do. It is chosen, or only needed by one of them.
    fn keys(
        &self,
        path: &str,
        is_chosen: bool,
        taking_part: &BTreeSet<String>,
        selection: &Selection,
    ) -> Keys {
        let Some(entry) = self.entries.get(path).filter(|entry| !entry.front.key_controls.is_empty()) else {
            return Keys::default();
        };
        let named = &entry.front.key_controls;
        let others = self.entries.iter().filter(|(other, _)| taking_part.contains(*other));
        let needing: Vec<&Entry> = others
            .map(|(_, other)| other)
            .filter(|other| other.needs(&Keys::default(), path, entry))
            .collect();
        // Of a template that is there for the same controls it is known which keys it needs, of any other it is not.
        let shares = |other: &Entry, controls: &[ControlId]| {
            other.controls().any(|control| controls.contains(control))
        };
        let needs_all = |other: &&Entry| !named.values().any(|controls| shares(other, controls));
        let whole = (is_chosen && !selection.is_partial())
            || selection.targets.contains(&entry.id())
            || needing.iter().any(needs_all);
        let takes = |controls: &[ControlId]| {
            needing.iter().any(|other| shares(other, controls))
                || ((whole || controls.iter().any(|control| selection.controls.contains(control)))
                    && !selection.are_off(controls))
        };
        let off = named.iter().filter(|(_, controls)| !takes(controls)).map(|(key, _)| key.clone());
        Keys { off: off.collect(), only_named: !whole }
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
    /// Whether it does not work without another template, when these of its keys take part.
    fn needs(&self, keys: &Keys, path: &str, other: &Self) -> bool {
        let id = other.id();
        self.front.needs(path, &id, |key| keys.takes(&self.front, key)) || self.files.contains(&id)
    }

    /// Takes out the flags whose controls are all switched off, and says which controls it satisfies all the same.
    fn switch_off(&mut self, path: &str, selection: &Selection) -> Option<String> {
        let flags = self.front.flag_controls.iter().filter(|(_, controls)| selection.are_off(*controls));
        self.flags_off = flags.map(|(name, _)| name.clone()).collect();
        let kept = self.front.flag_controls.iter().filter(|(name, _)| !self.flags_off.contains(*name));
        // A key whose controls are all switched off and that is there all the same is needed, which is said of what needs it.
        let keys = self.front.key_controls.iter().filter(|(_, controls)| !selection.are_off(*controls));
        let keys = keys.filter(|(key, _)| self.keys.takes(&self.front, key));
        let of_parts = kept.chain(keys).flat_map(|(_, controls)| controls);
        let satisfied: BTreeSet<&ControlId> = self.front.controls.iter().chain(of_parts).collect();
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
