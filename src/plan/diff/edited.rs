//! Files of which only some parts are ours: static-pod manifests and YAML keys.

use super::{
    Context, DiffError, Draft, ownership_reasons, present, regular, run_as, set_ownership, sysctl, write,
};
use crate::plan::{Action, manifest, yaml_keys};
use crate::resource::{
    Content, ControlId, FlagValue, Mode, NodePath, ObservedContent, Ownership, PresentFile, Resource,
    StaticPodSpec, YamlKeysSpec,
};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The file exists, and so does its directory; the mode is that of kubeadm's manifests folder.
const DIRECTORY_MODE: Mode = Mode(0o700);

pub(super) fn static_pod(
    resource: &Resource,
    spec: &StaticPodSpec,
    context: &mut Context<'_>,
) -> Result<Option<Draft>, DiffError> {
    let path = &spec.path;
    let file =
        regular(context.observed, path)?.ok_or_else(|| DiffError::NoManifest { path: path.clone() })?;
    let text = text(path, file)?;
    let manifest = |source| DiffError::Manifest { path: path.clone(), source };
    named_files(spec, text, context)?;
    let edited = manifest::edit(text, spec).map_err(manifest)?;
    let planned = match &spec.run_as {
        None => None,
        Some(wanted) => Some(run_as::run_as(spec, wanted, text, edited.text.clone(), context)?),
    };
    let mut edits = edited.reasons;
    let mut new = edited.text;
    let (mut reasons, mut operations) = (Vec::new(), Vec::new());
    if let Some(planned) = planned {
        new = planned.text;
        edits.extend(planned.edits);
        (reasons, operations) = (planned.reasons, planned.operations);
    }
    let part = Part { path, ownership: &spec.ownership, file, text };
    let mut draft = draft(resource, context, &part, new, edits);
    if !operations.is_empty() {
        // Its data may not be as it should be while the manifest is.
        let draft = draft.get_or_insert_with(|| Draft::new(Action::Change, path.as_str(), resource));
        draft.reasons.extend(reasons);
        draft.operations.extend(operations);
    }
    let mut notices = Vec::new();
    for notice in &resource.notices {
        if notice.flags.is_empty()
            || manifest::lacks(text, &spec.component, &notice.flags).map_err(manifest)?
        {
            notices.push(notice.text.clone());
        }
    }
    Ok(draft.map(|mut draft| {
        draft.notices = notices;
        // A control whose flags are all in place is not what this change is for.
        draft.controls.retain(|control| !edited.settled.contains(control));
        let known: BTreeSet<ControlId> = draft.controls.iter().cloned().collect();
        draft.controls.extend(edited.changed.difference(&known).cloned());
        draft
    }))
}

/// Files of somebody else's that flags would name must be there, or be made by this plan: the program does not start without
/// them.
fn named_files(spec: &StaticPodSpec, text: &str, context: &Context<'_>) -> Result<(), DiffError> {
    for flag in &spec.flags {
        let FlagValue::Existing(file) = &flag.value else { continue };
        let lacks = manifest::lacks(text, &spec.component, std::slice::from_ref(flag));
        let lacks = lacks.map_err(|source| DiffError::Manifest { path: spec.path.clone(), source })?;
        if lacks && !context.made.contains(file) && present(context.observed, file)?.is_none() {
            let (flag, component) = (flag.name.clone(), spec.component.clone());
            return Err(DiffError::NoNamedFile { flag, component, file: file.clone() });
        }
    }
    Ok(())
}

pub(super) fn yaml_keys(
    resource: &Resource,
    spec: &YamlKeysSpec,
    context: &mut Context<'_>,
) -> Result<Option<Draft>, DiffError> {
    let path = &spec.path;
    let file = regular(context.observed, path)?.ok_or_else(|| DiffError::NoFile { path: path.clone() })?;
    let text = text(path, file)?;
    let keys = safe_keys(spec, context)?;
    let edited =
        yaml_keys::edit(text, &keys).map_err(|source| DiffError::Yaml { path: path.clone(), source })?;
    Ok(draft(
        resource,
        context,
        &Part { path, ownership: &spec.ownership, file, text },
        edited.text,
        edited.reasons,
    ))
}

/// The keys without those whose kernel parameters are not to be had here: the program would not start with them.
pub(in crate::plan) fn safe_keys(
    spec: &YamlKeysSpec,
    context: &mut Context<'_>,
) -> Result<Map<String, Value>, DiffError> {
    let mut keys = spec.keys.clone();
    for (key, needed) in &spec.needs {
        if let Some(obstacle) = sysctl::obstacle(needed, context)? {
            keys.remove(key);
            context.notices.push(format!("{key} in {} is left as it is: {obstacle}", spec.path));
        }
    }
    Ok(keys)
}

struct Part<'a> {
    path: &'a NodePath,
    ownership: &'a Ownership,
    file: &'a PresentFile,
    text: &'a str,
}

fn text<'a>(path: &NodePath, file: &'a PresentFile) -> Result<&'a str, DiffError> {
    match &file.content {
        ObservedContent::Text(text) => Ok(text),
        _ => Err(DiffError::NotText { path: path.clone() }),
    }
}

fn draft(
    resource: &Resource,
    context: &Context<'_>,
    part: &Part<'_>,
    new: String,
    edits: Vec<String>,
) -> Option<Draft> {
    let Part { path, ownership, file, text } = part;
    let mut draft = Draft::new(Action::Change, path.as_str(), resource);
    draft.edits = edits;
    draft.reasons = ownership_reasons(file, ownership, context.observed);
    if new != *text {
        draft.before = Some((*text).to_owned());
        draft.after = Some(new.clone());
        draft.operations = vec![write(path, Content::plain(new), ownership, DIRECTORY_MODE, Some(file))];
    } else if draft.reasons.is_empty() && draft.edits.is_empty() {
        return None;
    } else {
        draft.operations = vec![set_ownership(path, file, ownership, context.observed)];
    }
    Some(draft)
}
