//! One change backwards: the operations that bring back what was there before it, or what stands in their way.

use super::obstacle::{Moved, NoCopy, Obstacle};
use super::record::{Kept, Past, Place, Setting};
use crate::plan::{Action, Change, Operation, Origin, Prior, manifest};
use crate::resource::{Kind, Mode, NodePath, ResourceId, Undo};
use std::collections::{BTreeMap, BTreeSet};

/// The bits of a mode that tell what something is.
const KIND: u32 = 0o170_000;

/// The paths that a change wrote or removed, with what its plan saw there. The key of a certificate was not looked at.
pub(super) fn contents(change: &Change) -> Vec<(&NodePath, Option<&Prior>)> {
    change.operations.iter().flat_map(contents_of).collect()
}

fn contents_of(operation: &Operation) -> Vec<(&NodePath, Option<&Prior>)> {
    match operation {
        Operation::Issue { certificate, prior, .. } => {
            let key = certificate.key_path().map(|path| (path, None));
            key.into_iter().chain([(&certificate.path, Some(prior))]).collect()
        }
        Operation::Write { path, prior, .. }
        | Operation::Remove { path, prior }
        | Operation::Restore { path, prior, .. } => vec![(path, Some(prior))],
        _ => Vec::new(),
    }
}

/// What takes changes back.
pub(super) struct Reverse<'a> {
    pub(super) past: &'a Past,
    /// Every path whose content changes.
    pub(super) contents: BTreeSet<&'a NodePath>,
    pub(super) obstacles: Vec<Obstacle>,
}

impl Reverse<'_> {
    /// The change that takes another one back; `None` where nothing of it is to be done.
    pub(super) fn change(&mut self, change: &Change) -> Option<Change> {
        let undo = if turns_encryption(change) { Undo::UntilCommit } else { change.undo };
        if undo != Undo::Full {
            self.obstacles.push(Obstacle::Final { resource: change.resource.clone(), undo });
            return None;
        }
        let mut reasons = Vec::new();
        let mut operations = Vec::new();
        for (path, prior) in contents(change) {
            operations.extend(self.content(&change.resource, path, prior, &mut reasons));
        }
        for operation in &change.operations {
            operations.extend(self.other(&change.resource, operation, &mut reasons));
        }
        let restored = |path: &NodePath| {
            operations.iter().any(|it| matches!(it, Operation::Restore { path: other, .. } if other == path))
        };
        // A command that has to accept a file has nothing to say to one that goes.
        let commands: Vec<Operation> = change
            .operations
            .iter()
            .filter(|operation| match operation {
                Operation::Validate { path, .. } => restored(path),
                Operation::Activate { .. } => true,
                _ => false,
            })
            .cloned()
            .collect();
        if operations.is_empty() {
            return None;
        }
        operations.extend(self.directories(&operations));
        operations.extend(commands);
        Some(Change {
            resource: change.resource.clone(),
            action: match change.action {
                Action::Add => Action::Remove,
                Action::Change => Action::Change,
                Action::Remove => Action::Add,
            },
            subject: change.subject.clone(),
            reasons,
            edits: Vec::new(),
            restarts: change.restarts.clone(),
            before: change.after.clone(),
            after: change.before.clone(),
            sensitive: change.sensitive,
            origin: Origin::Pending,
            controls: Vec::new(),
            undo: Undo::Full,
            operations,
            desired: String::new(),
        })
    }

    /// Brings back what was at a path.
    fn content(
        &mut self,
        resource: &ResourceId,
        path: &NodePath,
        prior: Option<&Prior>,
        reasons: &mut Vec<String>,
    ) -> Option<Operation> {
        let past = self.past;
        let kept = past.kept.get(path);
        // What is missing counts for more than what somebody did since.
        let copy = match kept {
            Some(Kept::Absent) => None,
            Some(Kept::Copy(number)) => match past.copies.get(number).filter(|sum| is_copy(sum, prior)) {
                Some(sum) => Some((*number, sum.clone())),
                None if !past.left.contains_key(path) => {
                    return self.no_copy(resource, path, NoCopy::Removed);
                }
                None => return self.no_copy(resource, path, NoCopy::Damaged),
            },
            Some(Kept::Private) if !past.left.contains_key(path) => {
                return self.no_copy(resource, path, NoCopy::Removed);
            }
            Some(Kept::Private) => return self.no_copy(resource, path, NoCopy::Private),
            Some(Kept::Attributes) | None => return self.no_copy(resource, path, NoCopy::Damaged),
        };
        self.compare(resource, path, true)?;
        let now = past.now.get(path);
        let found = now.map_or(Prior::Absent, Place::prior);
        let Some((copy, sha256)) = copy else {
            // It left nothing where nothing had been.
            now?;
            return Some(Operation::Remove { path: path.clone(), prior: found });
        };
        if let (Some(now), Some(Prior::Present { mode, owner, group, .. })) = (now, prior) {
            reasons.extend(now.reasons(Some(*mode), Some(owner), Some(group)));
        }
        let (path, transaction) = (path.clone(), past.transaction.clone());
        Some(Operation::Restore { path, transaction, copy, sha256, prior: found })
    }

    fn no_copy(&mut self, resource: &ResourceId, path: &NodePath, why: NoCopy) -> Option<Operation> {
        self.obstacles.push(Obstacle::NoCopy { resource: resource.clone(), path: path.clone(), why });
        None
    }

    /// Brings back what is no content.
    fn other(
        &mut self,
        resource: &ResourceId,
        operation: &Operation,
        reasons: &mut Vec<String>,
    ) -> Option<Operation> {
        match operation {
            Operation::SetAttributes { path, owner, group, mode, prior } => {
                // The copy of a file has its attributes.
                if self.contents.contains(path) {
                    return None;
                }
                let Prior::Present { mode: old_mode, owner: old_owner, group: old_group, .. } = prior else {
                    return None;
                };
                self.compare(resource, path, false)?;
                let now = self.past.now.get(path)?;
                let mode = mode.map(|_| *old_mode);
                let owner = owner.as_ref().map(|_| old_owner.clone());
                let group = group.as_ref().map(|_| old_group.clone());
                let told = now.reasons(mode, owner.as_deref(), group.as_deref());
                reasons.extend(told.into_iter().map(|reason| format!("{path}: {reason}")));
                Some(Operation::SetAttributes { path: path.clone(), owner, group, mode, prior: now.prior() })
            }
            Operation::SetSysctls { values } => self.sysctls(resource, values, reasons),
            Operation::SetUnit { unit, enabled, active } => {
                let past = self.past;
                let words = [["enabled", "disabled"], ["active", "inactive"]];
                let enabled = self.unit(resource, unit, *enabled, past.enabled.get(unit), words[0], reasons);
                let active = self.unit(resource, unit, *active, past.active.get(unit), words[1], reasons);
                let something = enabled.is_some() || active.is_some();
                something.then(|| Operation::SetUnit { unit: unit.clone(), enabled, active })
            }
            // Users stay, and what was given to one: an old program that runs as root may use every file.
            _ => None,
        }
    }

    fn sysctls(
        &mut self,
        resource: &ResourceId,
        values: &BTreeMap<String, String>,
        reasons: &mut Vec<String>,
    ) -> Option<Operation> {
        let same = |one: &str, other: &str| one.split_whitespace().eq(other.split_whitespace());
        let mut old = BTreeMap::new();
        for (name, set) in values {
            let Some(Setting { before, now }) = self.past.sysctls.get(name) else { continue };
            if !same(now, set) {
                self.moved(resource, name, Moved::Value(set.clone(), now.clone()), None);
            }
            reasons.push(format!("{name} {now} → {before} in the running kernel"));
            old.insert(name.clone(), before.clone());
        }
        (!old.is_empty()).then_some(Operation::SetSysctls { values: old })
    }

    /// What a unit was before it was switched: only a state that it can be switched to again.
    fn unit(
        &mut self,
        resource: &ResourceId,
        unit: &str,
        set: Option<bool>,
        setting: Option<&Setting>,
        words: [&'static str; 2],
        reasons: &mut Vec<String>,
    ) -> Option<bool> {
        let (set, Setting { before, now }) = (set?, setting?);
        let state = |word: &str| words.iter().position(|known| *known == word).map(|index| index == 0);
        let old = state(before)?;
        if state(now) != Some(set) {
            let set = words[usize::from(!set)].to_owned();
            self.moved(resource, unit, Moved::Value(set, now.clone()), None);
        }
        reasons.push(format!("{now} → {before}"));
        Some(old)
    }

    /// The directories that were made for the files which go.
    fn directories(&self, operations: &[Operation]) -> Vec<Operation> {
        let goes = |directory: &NodePath| {
            operations.iter().any(|operation| {
                matches!(operation, Operation::Remove { path, .. }
                    if path.as_str().strip_prefix(directory.as_str()).is_some_and(|rest| rest.starts_with('/')))
            })
        };
        let made = self.past.made.iter().filter(|directory| goes(directory));
        made.map(|path| Operation::RemoveDirectory { path: path.clone() }).collect()
    }

    /// `None` where a path is not as the transaction left it: as a whole, or its attributes.
    fn compare(&mut self, resource: &ResourceId, path: &NodePath, whole: bool) -> Option<()> {
        let (left, now) = (self.past.left.get(path), self.past.now.get(path));
        let what = match (left, now) {
            (None, None) => None,
            (Some(_), None) => Some(Moved::Gone),
            (None, Some(_)) => Some(Moved::There),
            (Some(left), Some(now)) => left.moved(now, whole),
        };
        let Some(what) = what else { return Some(()) };
        let by = self.past.later.get(path).cloned();
        self.moved(resource, path.as_str(), what, by);
        None
    }

    fn moved(&mut self, resource: &ResourceId, place: &str, what: Moved, by: Option<String>) {
        let (resource, place) = (resource.clone(), place.to_owned());
        self.obstacles.push(Obstacle::Moved { resource, place, what, by });
    }
}

/// Whether it told the API server another encryption config: with the old one it could not read what was written meanwhile.
fn turns_encryption(change: &Change) -> bool {
    const COMPONENT: &str = "kube-apiserver";
    let is_api_server = change.resource.kind == Kind::StaticPod && change.resource.name == COMPONENT;
    let (Some(before), Some(after)) = (&change.before, &change.after) else { return false };
    let config = |text: &str| manifest::flag(text, COMPONENT, "encryption-provider-config").ok().flatten();
    is_api_server && config(before) != config(after)
}

/// Whether a copy is one of what the plan saw.
fn is_copy(sum: &str, prior: Option<&Prior>) -> bool {
    match prior {
        Some(Prior::Present { sha256, .. }) => sum == sha256,
        Some(Prior::Absent) | None => false,
    }
}

impl Place {
    /// What of it changed: as a whole, or its attributes.
    fn moved(&self, now: &Self, whole: bool) -> Option<Moved> {
        let attributes = |place: &Self| (place.mode, place.user.clone(), place.group.clone());
        match () {
            () if self.mode & KIND != now.mode & KIND => Some(Moved::Content),
            () if whole && self.sha256 != now.sha256 => Some(Moved::Content),
            () if attributes(self) != attributes(now) => Some(Moved::Attributes),
            () => None,
        }
    }

    fn bits(&self) -> Mode {
        Mode(self.mode & 0o7777)
    }

    /// What a transaction must find there still.
    fn prior(&self) -> Prior {
        Prior::Present {
            sha256: self.sha256.clone(),
            mode: self.bits(),
            owner: self.user_name.clone(),
            group: self.group_name.clone(),
        }
    }

    /// How owner, group and mode change.
    fn reasons(&self, mode: Option<Mode>, owner: Option<&str>, group: Option<&str>) -> Vec<String> {
        let mut reasons = Vec::new();
        if let Some(mode) = mode.filter(|mode| *mode != self.bits()) {
            reasons.push(format!("mode {} → {mode}", self.bits()));
        }
        let (user, group_name) = (self.user_name.as_str(), self.group_name.as_str());
        let (owner, group) = (owner.unwrap_or(user), group.unwrap_or(group_name));
        if owner != user || group != group_name {
            reasons.push(format!("owner {user}:{group_name} → {owner}:{group}"));
        }
        reasons
    }
}
