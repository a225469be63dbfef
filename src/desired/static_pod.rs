//! One static pod: all templates that speak of its component, and the inventory's flags over them, make one spec. Its flags
//! are checked against the node's version and its mounts, since either mistake is a crash loop.

use super::body::{Unusable, scalar, yaml};
use super::error::TemplateError;
use super::flags::{FlagList, FlagLists, is_below};
use super::load::{Entry, hex};
use super::place::Place;
use super::run_as::RunAs;
use crate::resource::{
    ControlId, FlagSpec, FlagValue, Kind, MountSpec, NodePath, Notice, OnNode, Ownership, Resource,
    ResourceId, RunAsSpec, Spec, StaticPodSpec, Undo,
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What the names of the annotations begin with that hold digests of files, one for each that a pod reads when it starts.
/// The kubelet restarts a pod only when its manifest changes, and a changed audit policy is in another file. One for each, so
/// that a run which is not about a file leaves its annotation alone.
pub const FILE_ANNOTATION: &str = "harden/";

/// The longest name of an annotation, without what stands before the slash.
const LONGEST_ANNOTATION: usize = 63;

/// Who asks for a flag that stands in the inventory.
pub(super) const INVENTORY: &str = "inventory";

/// A template's body.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Body {
    /// Flags with exactly this value.
    flags: BTreeMap<String, Value>,
    /// Flags that name a file which somebody else makes: what is there stays.
    existing: BTreeMap<String, NodePath>,
    /// Flags that are lists with at least these.
    includes: BTreeMap<String, Vec<String>>,
    /// Flags that are lists without these.
    excludes: BTreeMap<String, Vec<String>>,
    /// Flags that must not be there.
    absent: Vec<String>,
    mounts: Vec<MountBody>,
    /// Files whose content restarts the pod: those that the component does not read again by itself.
    files: Vec<ResourceId>,
    /// The user that it runs as.
    #[serde(rename = "run-as")]
    run_as: Option<RunAsSpec>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct MountBody {
    name: String,
    path: NodePath,
    r#type: crate::resource::MountType,
    read_only: bool,
}

/// What templates ask of one component on one node, so far.
#[derive(Debug)]
pub(super) struct Pod {
    component: String,
    pub(super) path: NodePath,
    pub(super) ownership: Ownership,
    flags: BTreeMap<String, FlagSpec>,
    mounts: BTreeMap<String, (MountSpec, String)>,
    files: BTreeMap<ResourceId, String>,
    run_as: RunAs,
    controls: BTreeSet<ControlId>,
    undo: Undo,
    pub(super) templates: Vec<String>,
    notices: Vec<Notice>,
    /// Which template asks for which item of which list.
    items: BTreeMap<(String, String), String>,
}

impl Pod {
    /// A pod of which nothing is asked yet.
    pub(super) fn new(component: &str, path: Option<String>, ownership: Ownership) -> Result<Self, Unusable> {
        if !FlagLists::components().any(|known| known == component) {
            let known = FlagLists::components().collect::<Vec<_>>().join(", ");
            return Err(Unusable(format!("`{component}` is not a component that harden knows: {known}")));
        }
        let path = path.unwrap_or_else(|| format!("/etc/kubernetes/manifests/{component}.yaml"));
        Ok(Self {
            component: component.to_owned(),
            path: NodePath::try_from(path).map_err(|error| Unusable(error.to_string()))?,
            ownership,
            flags: BTreeMap::new(),
            mounts: BTreeMap::new(),
            files: BTreeMap::new(),
            run_as: RunAs::default(),
            controls: BTreeSet::new(),
            undo: Undo::Full,
            templates: Vec::new(),
            notices: Vec::new(),
            items: BTreeMap::new(),
        })
    }

    /// Adds what a template asks for.
    pub(super) fn add(
        &mut self,
        template: &str,
        entry: &Entry,
        text: &str,
        notice: Option<String>,
        place: Place<'_>,
    ) -> Result<(), TemplateError> {
        let shape = |unusable| place.shape(template, unusable);
        let front = &entry.front;
        let body: Body = if text.trim().is_empty() { Body::default() } else { yaml(text).map_err(shape)? };
        let mut flags = Vec::new();
        let wanted = wanted(&body).map_err(shape)?;
        if let Some(name) = front.flag_controls.keys().find(|name| !wanted.iter().any(|(it, _)| it == *name))
        {
            return Err(shape(Unusable(format!("flag-controls names --{name}, which the body does not"))));
        }
        for (name, value) in wanted.into_iter().filter(|(name, _)| !entry.flags_off.contains(name)) {
            let controls = front.flag_controls.get(&name).cloned().unwrap_or_default();
            flags.push(FlagSpec { name, value, controls, templates: vec![template.to_owned()] });
        }
        for flag in &flags {
            self.add_flag(flag.clone(), place)?;
        }
        self.notices.extend(notice.map(|text| Notice { text, flags }));
        for mount in body.mounts {
            let spec = MountSpec {
                name: mount.name,
                path: mount.path,
                mount_type: mount.r#type,
                read_only: mount.read_only,
            };
            self.add_mount(spec, template, place)?;
        }
        if let Some(spec) = body.run_as {
            self.run_as.add(&self.component, spec, template, place)?;
        }
        self.files.extend(body.files.into_iter().map(|id| (id, template.to_owned())));
        self.controls.extend(front.controls.iter().cloned());
        self.undo = self.undo.max(front.undo);
        self.templates.push(template.to_owned());
        Ok(())
    }

    fn add_flag(&mut self, flag: FlagSpec, place: Place<'_>) -> Result<(), TemplateError> {
        if let (FlagValue::List { includes, .. }, Some(template)) = (&flag.value, flag.templates.first()) {
            for item in includes {
                self.items.entry((flag.name.clone(), item.clone())).or_insert(template.clone());
            }
        }
        let Some(known) = self.flags.get_mut(&flag.name) else {
            self.flags.insert(flag.name.clone(), flag);
            return Ok(());
        };
        match (&mut known.value, flag.value) {
            (FlagValue::List { includes, excludes }, FlagValue::List { includes: more, excludes: fewer })
                if !more.iter().any(|item| excludes.contains(item))
                    && !fewer.iter().any(|item| includes.contains(item)) =>
            {
                add_all(includes, more);
                add_all(excludes, fewer);
            }
            (value, other) if *value == other => {}
            (value, other) => {
                let subject = format!("--{} of {}", flag.name, self.component);
                let (value, other) = (value_text(value), value_text(&other));
                let (first, second) = (known.templates.join(", "), flag.templates.join(", "));
                return Err(place.conflict(subject, [&first, &value], [&second, &other]));
            }
        }
        known.templates.extend(flag.templates);
        known.controls.extend(flag.controls);
        known.controls.sort();
        known.controls.dedup();
        Ok(())
    }

    fn add_mount(&mut self, spec: MountSpec, template: &str, place: Place<'_>) -> Result<(), TemplateError> {
        match self.mounts.get(&spec.name) {
            Some((known, first)) if *known != spec => {
                let subject = format!("mount {} of {}", spec.name, self.component);
                Err(place.conflict(subject, [first, known.path.as_str()], [template, spec.path.as_str()]))
            }
            Some(_) => Ok(()),
            None => {
                self.mounts.insert(spec.name.clone(), (spec, template.to_owned()));
                Ok(())
            }
        }
    }

    /// Lays the inventory's flags over the templates': all, or those that a template speaks of. Controls stay only where the
    /// value does.
    pub(super) fn lay_over(&mut self, flags: &BTreeMap<String, String>, all: bool) {
        for (name, value) in flags {
            if !all && !self.flags.contains_key(name) {
                continue;
            }
            let value = FlagValue::Is(value.clone());
            let controls = match self.flags.get(name) {
                Some(known) if known.value == value => known.controls.clone(),
                _ => Vec::new(),
            };
            let flag =
                FlagSpec { name: name.clone(), value, controls, templates: vec![INVENTORY.to_owned()] };
            self.flags.insert(name.clone(), flag);
        }
    }

    /// Checks every flag against the version and the mounts.
    pub(super) fn check(&self, list: &FlagList, place: Place<'_>) -> Vec<TemplateError> {
        let mut errors = self.run_as.conflicts(&self.component, &self.flags, place);
        for flag in self.flags.values() {
            let verdict = match &flag.value {
                FlagValue::Absent if list.has_had(&flag.name) => Ok(()),
                _ => list.check(&flag.name, place.minor),
            };
            if let Err(unusable) = verdict {
                errors.push(TemplateError::UnknownFlag {
                    template: place.asking(&self.component, flag),
                    component: self.component.clone(),
                    minor: place.minor,
                    node: place.node.clone(),
                    flag: flag.name.clone(),
                    remedy: unusable.remedy.map(Into::into),
                });
            }
            errors.extend(self.beside(flag, list, place));
            let values: Vec<&str> = match &flag.value {
                FlagValue::Is(value) => value.split(',').map(str::trim).collect(),
                FlagValue::List { includes, .. } => includes.iter().map(String::as_str).collect(),
                FlagValue::Existing(_) | FlagValue::Absent => Vec::new(),
            };
            for value in values {
                let Err(unusable) = list.check_value(&flag.name, value, place.minor) else { continue };
                let from = match flag.value {
                    FlagValue::List { .. } => self.items.get(&(flag.name.clone(), value.to_owned())),
                    _ => None,
                };
                errors.push(TemplateError::UnknownValue {
                    template: from.cloned().unwrap_or_else(|| place.asking(&self.component, flag)),
                    component: self.component.as_str().into(),
                    minor: place.minor,
                    node: place.node.clone(),
                    flag: flag.name.as_str().into(),
                    value: value.into(),
                    remedy: unusable.remedy.map(Into::into),
                });
            }
            let value = match &flag.value {
                FlagValue::Is(value) => Some(value.as_str()),
                FlagValue::Existing(path) => Some(path.as_str()),
                FlagValue::List { .. } | FlagValue::Absent => None,
            };
            if let Some(value) = value {
                let unmounted = list.paths(&flag.name, value).into_iter().find(|path| {
                    !list.mounts(path)
                        && !self.mounts.values().any(|(mount, _)| is_below(path, mount.path.as_str()))
                });
                errors.extend(unmounted.map(|path| TemplateError::Unmounted {
                    template: place.asking(&self.component, flag),
                    component: self.component.clone(),
                    node: place.node.clone(),
                    flag: flag.name.clone(),
                    path: path.to_owned(),
                }));
            }
        }
        errors
    }

    /// Another flag that this one cannot be given together with.
    fn beside(&self, flag: &FlagSpec, list: &FlagList, place: Place<'_>) -> Option<TemplateError> {
        let given = |flag: &FlagSpec| !matches!(flag.value, FlagValue::Absent);
        let other =
            list.excluded_by(&flag.name).find_map(|other| self.flags.get(other)).filter(|other| given(other));
        let other = other.filter(|_| given(flag))?;
        let subject = format!("the flags of {}, of which these exclude each other", self.component);
        let [first, second] =
            [flag, other].map(|flag| (flag.templates.join(", "), format!("--{}", flag.name)));
        Some(place.conflict(subject, [&first.0, &first.1], [&second.0, &second.1]))
    }

    /// The annotations: SHA-256 of each file that restarts it; secrets are in it by digest.
    pub(super) fn annotations(
        &self,
        files: &[Resource],
        place: Place<'_>,
    ) -> Result<BTreeMap<String, String>, TemplateError> {
        let mut annotations = BTreeMap::new();
        for (id, template) in &self.files {
            let resource = files.iter().find(|resource| resource.id == *id);
            let Some(Spec::File(file)) = resource.map(|resource| &resource.spec) else {
                let reason = format!("it names {id}, and there is no such file on this node");
                return Err(place.shape(template, Unusable(reason)));
            };
            let name = id.to_string();
            if !is_annotation(&name) {
                let reason = format!(
                    "{name} cannot be the name of an annotation: give the file a shorter or plainer one"
                );
                return Err(place.shape(template, Unusable(reason)));
            }
            let digest = hex(&openssl::sha::sha256(file.content.masked().as_bytes()));
            annotations.insert(format!("{FILE_ANNOTATION}{name}"), digest);
        }
        Ok(annotations)
    }

    pub(super) fn into_resource(self, annotations: BTreeMap<String, String>) -> Resource {
        let flags: Vec<FlagSpec> = self.flags.into_values().collect();
        let controls = flags.iter().flat_map(|flag| flag.controls.iter().cloned()).chain(self.controls);
        Resource {
            id: ResourceId::new(Kind::StaticPod, &self.component),
            controls: controls.collect::<BTreeSet<_>>().into_iter().collect(),
            restarts: Vec::new(),
            undo: self.undo,
            templates: self.templates,
            on_node: OnNode::default(),
            notices: self.notices,
            spec: Spec::StaticPod(StaticPodSpec {
                component: self.component,
                path: self.path,
                ownership: self.ownership,
                flags,
                mounts: self.mounts.into_values().map(|(mount, _)| mount).collect(),
                annotations,
                run_as: self.run_as.into_spec(),
            }),
        }
    }
}

/// Whether Kubernetes takes a text as the last part of an annotation's name; otherwise it would refuse the mirror pod.
fn is_annotation(name: &str) -> bool {
    let is_sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    name.len() <= LONGEST_ANNOTATION
        && name.chars().all(is_sound)
        && name.ends_with(|c: char| c.is_ascii_alphanumeric())
}

/// The flags that a body asks for.
fn wanted(body: &Body) -> Result<Vec<(String, FlagValue)>, Unusable> {
    let mut wanted: Vec<(String, FlagValue)> = Vec::new();
    for (name, value) in &body.flags {
        wanted.push((name.clone(), FlagValue::Is(scalar(value)?)));
    }
    wanted.extend(body.existing.iter().map(|(name, path)| (name.clone(), FlagValue::Existing(path.clone()))));
    for name in body.includes.keys().chain(body.excludes.keys()).collect::<BTreeSet<_>>() {
        let items = |of: &BTreeMap<String, Vec<String>>| {
            of.get(name).into_iter().flatten().cloned().collect::<BTreeSet<_>>().into_iter().collect()
        };
        let value = FlagValue::List { includes: items(&body.includes), excludes: items(&body.excludes) };
        wanted.push((name.clone(), value));
    }
    wanted.extend(body.absent.iter().map(|name| (name.clone(), FlagValue::Absent)));
    Ok(wanted)
}

/// Adds to a sorted list what is not in it.
fn add_all(list: &mut Vec<String>, more: Vec<String>) {
    list.extend(more);
    list.sort();
    list.dedup();
}

fn value_text(value: &FlagValue) -> String {
    match value {
        FlagValue::Is(value) => value.clone(),
        FlagValue::Existing(path) => path.to_string(),
        FlagValue::List { includes, excludes } => {
            let parts = [("includes", includes), ("excludes", excludes)];
            let parts = parts.iter().filter(|(_, items)| !items.is_empty());
            parts.map(|(word, items)| format!("{word} {}", items.join(","))).collect::<Vec<_>>().join(" and ")
        }
        FlagValue::Absent => String::from("absent"),
    }
}
