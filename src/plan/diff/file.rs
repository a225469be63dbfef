//! Files and attributes.

use super::{Context, DiffError, Draft, ownership_reasons, present, prior, regular, set_ownership, write};
use crate::plan::digest::{certificates, sha256};
use crate::plan::{Action, Operation};
use crate::resource::{
    AttributesSpec, Content, Existing, FileKind, FileSpec, Mode, NodePath, Observed, ObservedContent,
    Ownership, PresentFile, Resource, UserState,
};

pub(super) fn file(
    resource: &Resource,
    spec: &FileSpec,
    context: &Context<'_>,
) -> Result<Option<Draft>, DiffError> {
    let whole = Whole {
        path: &spec.path,
        ownership: &spec.ownership,
        directory_mode: spec.directory_mode,
        content: &spec.content,
        sensitive: spec.content.is_sensitive() || !spec.sensitive_keys.is_empty(),
        existing: &spec.existing,
    };
    whole.diff(resource, context)
}

/// A file whose whole content is ours.
pub(super) struct Whole<'a> {
    pub(super) path: &'a NodePath,
    pub(super) ownership: &'a Ownership,
    pub(super) directory_mode: Mode,
    pub(super) content: &'a Content,
    /// Whether the old or the new content holds secrets.
    pub(super) sensitive: bool,
    /// What becomes of one that is there with another content.
    pub(super) existing: &'a Existing,
}

impl Whole<'_> {
    pub(super) fn diff(
        &self,
        resource: &Resource,
        context: &Context<'_>,
    ) -> Result<Option<Draft>, DiffError> {
        let found = regular(context.observed, self.path)?;
        let action = if found.is_some() { Action::Change } else { Action::Add };
        let mut draft = Draft::new(action, self.path.as_str(), resource);
        draft.sensitive = self.sensitive;
        let same = found.is_some_and(|file| *self.existing == Existing::Kept || self.is_same(file));
        if let Some(file) = found {
            if let (false, Existing::Refused(reason)) = (same, self.existing) {
                return Err(DiffError::Refused { path: self.path.clone(), reason: reason.clone() });
            }
            draft.reasons = ownership_reasons(file, self.ownership, context.observed);
            if same && draft.reasons.is_empty() {
                return Ok(None);
            }
            if same {
                draft.operations = vec![set_ownership(self.path, file, self.ownership, context.observed)];
                return Ok(Some(draft));
            }
            let differs = String::from("content differs");
            if let ObservedContent::Text(text) = &file.content {
                draft.before = Some(text.clone());
                draft.edits.push(differs);
            } else {
                draft.reasons.insert(0, differs);
            }
        } else {
            draft.edits.push(String::from("does not exist"));
        }
        draft.after = Some(self.content.masked());
        draft.operations =
            vec![write(self.path, self.content.clone(), self.ownership, self.directory_mode, found)];
        Ok(Some(draft))
    }

    /// Whether the content is the wanted one. Of a file with secrets only the masked text can be compared: its digest
    /// depends on values that are not known here. Of one that is a secret as a whole just the digest is known. A certificate that
    /// must not be replaced is the same one whatever stands around it.
    fn is_same(&self, file: &PresentFile) -> bool {
        match &file.content {
            ObservedContent::AsExpected => true,
            ObservedContent::Text(text) => *text == self.content.masked() || self.is_same_certificate(text),
            ObservedContent::NotRead | ObservedContent::Opaque => match self.content.whole() {
                Some(secret) => secret.sha256.as_ref() == Some(&file.sha256),
                None => !self.content.is_sensitive() && file.sha256 == sha256(self.content.text.as_bytes()),
            },
        }
    }

    fn is_same_certificate(&self, text: &str) -> bool {
        let wanted = certificates(self.content.text.as_bytes());
        matches!(self.existing, Existing::Refused(_))
            && !wanted.is_empty()
            && wanted == certificates(text.as_bytes())
    }
}

pub(super) fn attributes(
    resource: &Resource,
    spec: &AttributesSpec,
    context: &mut Context<'_>,
) -> Result<Option<Draft>, DiffError> {
    let observed = context.observed;
    let paths = observed
        .patterns
        .get(&spec.pattern)
        .ok_or_else(|| DiffError::NotRead { path: spec.pattern.clone() })?;
    let mut draft = Draft::new(Action::Change, spec.pattern.as_str(), resource);
    for path in paths {
        let Some(file) = present(observed, path)? else { continue };
        // A link's mode means nothing, and its target may be matched by itself.
        if file.kind == FileKind::Symlink {
            continue;
        }
        let chosen = is_chosen(path, file, spec, context)?;
        let differs = |is: &String, wanted: &Option<String>| {
            wanted.clone().filter(|wanted| !chosen && judged(wanted, observed) && wanted != is)
        };
        let owner = differs(&file.owner, &spec.owner);
        let group = differs(&file.group, &spec.group);
        let mode = spec.mode.map(|most| Mode(file.mode.0 & most.0)).filter(|mode| *mode != file.mode);
        if let Some(mode) = mode {
            draft.reasons.push(format!("{path}: mode {} → {mode}", file.mode));
        }
        if owner.is_some() || group.is_some() {
            draft.reasons.push(format!(
                "{path}: owner {}:{} → {}:{}",
                file.owner,
                file.group,
                owner.as_ref().unwrap_or(&file.owner),
                group.as_ref().unwrap_or(&file.group)
            ));
        }
        if owner.is_some() || group.is_some() || mode.is_some() {
            let prior = prior(Some(file));
            draft.operations.push(Operation::SetAttributes { path: path.clone(), owner, group, mode, prior });
        }
    }
    Ok((!draft.operations.is_empty()).then_some(draft))
}

/// Whether somebody chose an owner who must stay; the user is told of it. An owner that does not exist is an error.
fn is_chosen(
    path: &NodePath,
    file: &PresentFile,
    spec: &AttributesSpec,
    context: &mut Context<'_>,
) -> Result<bool, DiffError> {
    let observed = context.observed;
    let Some(wanted) = spec.owner.as_ref().filter(|wanted| judged(wanted, observed)) else {
        return Ok(false);
    };
    if file.owner == *wanted {
        return Ok(false);
    }
    if let Some(from) = spec.only_from_owner.as_ref().filter(|from| **from != file.owner) {
        context.notices.push(format!(
            "{path} belongs to {}, neither to {from} nor to {wanted}: it stays so, since a program may run as that user",
            file.owner
        ));
        return Ok(true);
    }
    let missing = |state: &UserState| state.user.is_none() || state.group.is_none();
    let is_missing = observed.users.get(wanted).is_some_and(|state| state.as_ref().is_some_and(missing));
    if is_missing && !context.users.contains(wanted.as_str()) {
        return Err(DiffError::NoUser { path: path.clone(), user: wanted.clone() });
    }
    Ok(false)
}

/// Whether an owner can be told and set: not without root, and not in a directory tree that has no list of users.
fn judged(owner: &str, observed: &Observed) -> bool {
    observed.facts.owners && observed.users.get(owner) != Some(&None)
}
