//! One static pod: all templates that speak of its component, and the inventory's flags over them, make one spec. Its flags
//! are checked against the node's version and its mounts, since either mistake is a crash loop.

use super::body::{Unusable, scalar, yaml};
use super::error::{Claim, TemplateError};
use super::flags::{FlagList, FlagLists, is_below};
use super::front_matter::FrontMatter;
use super::load::hex;
use crate::inventory::{Minor, NodeName};
use crate::resource::{
    ControlId, FlagSpec, FlagValue, Kind, MountSpec, NodePath, OnNode, Ownership, Resource, ResourceId, Spec,
    StaticPodSpec, Undo,
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The annotation that changes with everything that harden owns of a pod, so that the kubelet restarts it. The kubelet
/// does that only when the manifest changes, and a changed audit policy is in another file.
pub const REVISION: &str = "harden/revision";

/// Who asks for a flag that stands in the inventory.
pub(super) const INVENTORY: &str = "inventory";

/// A template's body.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Body {
    /// Flags with exactly this value.
    flags: BTreeMap<String, Value>,
    /// Flags that are lists with at least these.
    includes: BTreeMap<String, Vec<String>>,
    /// Flags that must not be there.
    absent: Vec<String>,
    mounts: Vec<MountBody>,
    /// Files whose content restarts the pod: those that the component does not read again by itself.
    files: Vec<ResourceId>,
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
    controls: BTreeSet<ControlId>,
    undo: Undo,
    pub(super) templates: Vec<String>,
}

/// On which node something is asked for, and in which version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) node: &'a NodeName,
    pub(super) minor: Minor,
}

impl Place<'_> {
    pub(super) fn shape(&self, template: &str, unusable: Unusable) -> TemplateError {
        TemplateError::Shape { template: template.to_owned(), node: self.node.clone(), reason: unusable.0 }
    }

    /// Two templates differ about something.
    pub(super) fn conflict(&self, subject: String, first: [&str; 2], second: [&str; 2]) -> TemplateError {
        let claim = |[by, value]: [&str; 2]| Claim { by: by.to_owned(), value: value.to_owned() };
        let claims = Box::new([claim(first), claim(second)]);
        TemplateError::Conflict { node: self.node.clone(), subject, claims }
    }
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
            controls: BTreeSet::new(),
            undo: Undo::Full,
            templates: Vec::new(),
        })
    }

    /// Adds what a template asks for.
    pub(super) fn add(
        &mut self,
        template: &str,
        front: &FrontMatter,
        text: &str,
        place: Place<'_>,
    ) -> Result<(), TemplateError> {
        let shape = |unusable| place.shape(template, unusable);
        let body: Body = if text.trim().is_empty() { Body::default() } else { yaml(text).map_err(shape)? };
        for (name, value) in wanted(&body).map_err(shape)? {
            let controls = front.flag_controls.get(&name).cloned().unwrap_or_default();
            self.add_flag(FlagSpec { name, value, controls, template: template.to_owned() }, place)?;
        }
        if let Some(name) = front.flag_controls.keys().find(|name| !self.flags.contains_key(*name)) {
            return Err(shape(Unusable(format!("flag-controls names --{name}, which the body does not"))));
        }
        for mount in body.mounts {
            let spec = MountSpec {
                name: mount.name,
                path: mount.path,
                mount_type: mount.r#type,
                read_only: mount.read_only,
            };
            self.add_mount(spec, template, place)?;
        }
        self.files.extend(body.files.into_iter().map(|id| (id, template.to_owned())));
        self.controls.extend(front.controls.iter().cloned());
        self.undo = self.undo.max(front.undo);
        self.templates.push(template.to_owned());
        Ok(())
    }

    fn add_flag(&mut self, flag: FlagSpec, place: Place<'_>) -> Result<(), TemplateError> {
        let Some(known) = self.flags.get_mut(&flag.name) else {
            self.flags.insert(flag.name.clone(), flag);
            return Ok(());
        };
        match (&mut known.value, flag.value) {
            (FlagValue::Includes(items), FlagValue::Includes(more)) => {
                for item in more {
                    if !items.contains(&item) {
                        items.push(item);
                    }
                }
                items.sort();
            }
            (value, other) if *value == other => {}
            (value, other) => {
                let subject = format!("--{} of {}", flag.name, self.component);
                let (value, other) = (value_text(value), value_text(&other));
                return Err(place.conflict(subject, [&known.template, &value], [&flag.template, &other]));
            }
        }
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

    /// Lays the inventory's flags over the templates'. Controls stay only where the value does.
    pub(super) fn lay_over(&mut self, flags: &BTreeMap<String, String>) {
        for (name, value) in flags {
            let value = FlagValue::Is(value.clone());
            let controls = match self.flags.get(name) {
                Some(known) if known.value == value => known.controls.clone(),
                _ => Vec::new(),
            };
            let flag = FlagSpec { name: name.clone(), value, controls, template: INVENTORY.to_owned() };
            self.flags.insert(name.clone(), flag);
        }
    }

    /// Checks every flag against the version and the mounts.
    pub(super) fn check(&self, list: &FlagList, place: Place<'_>) -> Vec<TemplateError> {
        let mut errors = Vec::new();
        for flag in self.flags.values() {
            let verdict = match &flag.value {
                FlagValue::Absent if list.has_had(&flag.name) => Ok(()),
                _ => list.check(&flag.name, place.minor),
            };
            if let Err(unusable) = verdict {
                errors.push(TemplateError::UnknownFlag {
                    template: flag.template.clone(),
                    component: self.component.clone(),
                    minor: place.minor,
                    node: place.node.clone(),
                    flag: flag.name.clone(),
                    remedy: unusable.remedy.map(Into::into),
                });
            }
            if let FlagValue::Is(value) = &flag.value {
                let unmounted = list.paths(&flag.name, value).into_iter().find(|path| {
                    !list.mounts(path)
                        && !self.mounts.values().any(|(mount, _)| is_below(path, mount.path.as_str()))
                });
                errors.extend(unmounted.map(|path| TemplateError::Unmounted {
                    template: flag.template.clone(),
                    component: self.component.clone(),
                    node: place.node.clone(),
                    flag: flag.name.clone(),
                    path: path.to_owned(),
                }));
            }
        }
        errors
    }

    /// SHA-256 over everything that harden owns of the pod and the files that restart it; secrets are in it by digest.
    pub(super) fn revision(&self, files: &[Resource], place: Place<'_>) -> Result<String, TemplateError> {
        let mut contents = Vec::new();
        for (id, template) in &self.files {
            let resource = files.iter().find(|resource| resource.id == *id);
            let Some(Spec::File(file)) = resource.map(|resource| &resource.spec) else {
                let reason = format!("it names {id}, and there is no such file on this node");
                return Err(place.shape(template, Unusable(reason)));
            };
            contents.push((id, file.content.masked()));
        }
        let flags: Vec<_> = self.flags.values().map(|flag| (&flag.name, &flag.value)).collect();
        let mounts: Vec<_> = self.mounts.values().map(|(mount, _)| mount).collect();
        serde_json::to_vec(&(flags, mounts, contents))
            .map(|bytes| hex(&openssl::sha::sha256(&bytes)))
            .map_err(|error| place.shape(&self.component, Unusable(error.to_string())))
    }

    pub(super) fn into_resource(self, revision: String) -> Resource {
        let flags: Vec<FlagSpec> = self.flags.into_values().collect();
        let controls = flags.iter().flat_map(|flag| flag.controls.iter().cloned()).chain(self.controls);
        Resource {
            id: ResourceId::new(Kind::StaticPod, &self.component),
            controls: controls.collect::<BTreeSet<_>>().into_iter().collect(),
            restarts: Vec::new(),
            undo: self.undo,
            templates: self.templates,
            on_node: OnNode::default(),
            spec: Spec::StaticPod(StaticPodSpec {
                component: self.component,
                path: self.path,
                ownership: self.ownership,
                flags,
                mounts: self.mounts.into_values().map(|(mount, _)| mount).collect(),
                annotations: BTreeMap::from([(REVISION.to_owned(), revision)]),
            }),
        }
    }
}

/// The flags that a body asks for.
fn wanted(body: &Body) -> Result<Vec<(String, FlagValue)>, Unusable> {
    let mut wanted: Vec<(String, FlagValue)> = Vec::new();
    for (name, value) in &body.flags {
        wanted.push((name.clone(), FlagValue::Is(scalar(value)?)));
    }
    for (name, items) in &body.includes {
        let mut items = items.clone();
        items.sort();
        items.dedup();
        wanted.push((name.clone(), FlagValue::Includes(items)));
    }
    wanted.extend(body.absent.iter().map(|name| (name.clone(), FlagValue::Absent)));
    Ok(wanted)
}

fn value_text(value: &FlagValue) -> String {
    match value {
        FlagValue::Is(value) => value.clone(),
        FlagValue::Includes(items) => format!("includes {}", items.join(",")),
        FlagValue::Absent => String::from("absent"),
    }
}
