//! Static-pod manifests: the flags, mounts and annotations that we own are brought to what is wanted, everything else stays
//! byte for byte. What is wanted is computed on the parsed manifest alone; the text is then changed to say exactly that.

mod arguments;
pub(super) use arguments::list;
pub(super) mod mounts;
mod probe;
mod run_as;

pub use probe::{Probe, probe};
pub use run_as::{PodUser, RunAs, is_own, run_as, run_as_root, user};

use super::yaml::{self, YamlError};
use crate::error::Hint;
use crate::resource::{ControlId, FileState, FlagSpec, NodePath, Observed, ObservedContent, StaticPodSpec};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Where the kubelet looks for static pods, as kubeadm sets it up.
pub const FOLDER: &str = "/etc/kubernetes/manifests/";

/// The annotation in which older versions kept one digest over everything that they owned of a pod. It goes with the next
/// change of the manifest: by itself it is no reason to restart anything.
const FORMER_ANNOTATION: &str = "harden/revision";

/// A manifest after its edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The new text; the old one where nothing had to change.
    pub text: String,
    /// What changed, one line each; empty where nothing did.
    pub reasons: Vec<String>,
    /// The controls whose flags were wrong.
    pub changed: BTreeSet<ControlId>,
    /// The controls whose flags were all as they should be.
    pub settled: BTreeSet<ControlId>,
}

/// A static-pod manifest cannot be read or edited.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It cannot be read as YAML, or the text cannot be changed safely.
    #[error("edit the manifest")]
    Yaml(#[from] YamlError),
    /// It is not the manifest of a pod.
    #[error("edit the manifest: {place} is not {expected}")]
    Shape {
        /// Where, `spec.containers`.
        place: &'static str,
        /// What was expected there.
        expected: &'static str,
    },
    /// The container does not run the component itself.
    #[error(
        "edit the manifest: the container's command does not run {component}, so its flags cannot be told"
    )]
    OtherProgram {
        /// The component.
        component: String,
    },
    /// A path or a volume's name that we need is taken by something else.
    #[error("edit the manifest: {what} is taken: {by}")]
    Taken {
        /// What we need, `mount /var/log/kubernetes`.
        what: String,
        /// What takes it.
        by: String,
    },
    /// Two volumes are mounted at one path.
    #[error("edit the manifest: mount {path} is named by two volumes")]
    Twice {
        /// The path.
        path: NodePath,
    },
}

impl Hint for ManifestError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Yaml(error) => error.hint(),
            Self::Shape { .. } => Some(String::from(
                "write the manifest again with `kubeadm init phase control-plane` and plan again",
            )),
            Self::OtherProgram { .. } => {
                Some(String::from("let the container run the component directly, without a shell around it"))
            }
            Self::Taken { .. } | Self::Twice { .. } => {
                Some(String::from("rename or remove the other volume in the manifest, and plan again"))
            }
        }
    }
}

/// The manifest brought to what the spec wants.
pub fn edit(text: &str, spec: &StaticPodSpec) -> Result<Edited, ManifestError> {
    let old = yaml::parse(text)?;
    let mut pod = old.clone();
    let mut reasons = Vec::new();
    let (mut changed, mut settled) = (BTreeSet::new(), BTreeSet::new());
    let container = container_mut(&mut pod, &spec.component)?;
    let mut arguments = arguments::Arguments::read(container, &spec.component)?;
    for flag in &spec.flags {
        let reason = arguments.set(flag);
        let controls = if reason.is_some() { &mut changed } else { &mut settled };
        controls.extend(flag.controls.iter().cloned());
        reasons.extend(reason);
    }
    settled.retain(|control| !changed.contains(control));
    arguments.write(container);
    for mount in &spec.mounts {
        reasons.extend(mounts::set(&mut pod, &spec.component, mount)?);
    }
    for (name, value) in &spec.annotations {
        reasons.extend(annotate(&mut pod, name, value)?);
    }
    if !reasons.is_empty() {
        reasons.extend(drop_former(&mut pod));
    }
    Ok(Edited { text: yaml::rewrite_from(text, &old, &pod)?, reasons, changed, settled })
}

/// The text of a component's manifest on a node, where it could be read.
pub fn text<'a>(observed: &'a Observed, component: &str) -> Option<&'a str> {
    let path: NodePath = format!("{FOLDER}{component}.yaml").parse().ok()?;
    let FileState::Present(file) = observed.files.get(&path)? else { return None };
    let ObservedContent::Text(text) = &file.content else { return None };
    Some(text)
}

/// The container's whole command in a manifest, arguments included.
pub fn command(text: &str, component: &str) -> Result<Vec<String>, ManifestError> {
    let mut pod = yaml::parse(text)?;
    let container = container_mut(&mut pod, component)?;
    let mut all = arguments::texts(container, "command")?;
    all.extend(arguments::texts(container, "args")?);
    Ok(all)
}

/// The value of a flag in a manifest, of repeated ones joined by commas; `None` where it is not set.
pub fn flag(text: &str, component: &str, name: &str) -> Result<Option<String>, ManifestError> {
    let mut pod = yaml::parse(text)?;
    let container = container_mut(&mut pod, component)?;
    Ok(arguments::Arguments::read(container, component)?.value(name))
}

/// Whether one of the flags is not as it should be in a manifest.
pub fn lacks(text: &str, component: &str, flags: &[FlagSpec]) -> Result<bool, ManifestError> {
    let mut pod = yaml::parse(text)?;
    let mut arguments = arguments::Arguments::read(container_mut(&mut pod, component)?, component)?;
    Ok(flags.iter().any(|flag| arguments.set(flag).is_some()))
}

/// All flags in a manifest, the values of repeated ones joined by commas.
pub fn flags(text: &str, component: &str) -> Result<BTreeMap<String, String>, ManifestError> {
    let mut pod = yaml::parse(text)?;
    let container = container_mut(&mut pod, component)?;
    Ok(arguments::Arguments::read(container, component)?.all())
}

/// The version that a manifest's image has, by its tag: `v1.35.4`, `3.6.6-0`. `None` where it has no tag.
pub fn version(text: &str, component: &str) -> Result<Option<String>, ManifestError> {
    let mut pod = yaml::parse(text)?;
    let container = container_mut(&mut pod, component)?;
    let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
    let image = image.split('@').next().unwrap_or_default();
    let last = image.rsplit('/').next().unwrap_or_default();
    Ok(last.split_once(':').map(|(_, tag)| tag.to_owned()))
}

fn annotate(pod: &mut Value, name: &str, value: &str) -> Result<Option<String>, ManifestError> {
    let metadata = object_mut(pod, "metadata", "metadata")?;
    let annotations = child_object_mut(metadata, "annotations", "metadata.annotations")?;
    let before = annotations.insert(name.to_owned(), Value::from(value));
    Ok(match before {
        Some(before) if before == value => None,
        Some(before) => Some(format!("annotation {name}: {} → {value}", shown(&before))),
        None => Some(format!("annotation {name} is missing, wanted {value}")),
    })
}

/// Takes out what an older version wrote.
fn drop_former(pod: &mut Value) -> Option<String> {
    let metadata = pod.get_mut("metadata")?.as_object_mut()?;
    let annotations = metadata.get_mut("annotations")?.as_object_mut()?;
    annotations.remove(FORMER_ANNOTATION)?;
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
    Some(format!("annotation {FORMER_ANNOTATION} goes: a digest of each file takes its place"))
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The container of that name, or the first one.
fn container_mut<'a>(
    pod: &'a mut Value,
    component: &str,
) -> Result<&'a mut Map<String, Value>, ManifestError> {
    const EXPECTED: ManifestError =
        ManifestError::Shape { place: "spec.containers", expected: "a list of containers" };
    let spec = object_mut(pod, "spec", "spec")?;
    let containers = spec.get_mut("containers").and_then(Value::as_array_mut).ok_or(EXPECTED)?;
    let index = containers.iter().position(|container| container["name"] == component).unwrap_or(0);
    containers.get_mut(index).and_then(Value::as_object_mut).ok_or(EXPECTED)
}

fn object_mut<'a>(
    value: &'a mut Value,
    key: &str,
    place: &'static str,
) -> Result<&'a mut Map<String, Value>, ManifestError> {
    value
        .get_mut(key)
        .and_then(Value::as_object_mut)
        .ok_or(ManifestError::Shape { place, expected: "a mapping" })
}

/// The mapping at a key, made where there is none.
fn child_object_mut<'a>(
    parent: &'a mut Map<String, Value>,
    key: &str,
    place: &'static str,
) -> Result<&'a mut Map<String, Value>, ManifestError> {
    child_mut(parent, key, json!({}))
        .as_object_mut()
        .ok_or(ManifestError::Shape { place, expected: "a mapping" })
}

/// The list at a key, made where there is none.
fn child_array_mut<'a>(
    parent: &'a mut Map<String, Value>,
    key: &str,
    place: &'static str,
) -> Result<&'a mut Vec<Value>, ManifestError> {
    child_mut(parent, key, json!([])).as_array_mut().ok_or(ManifestError::Shape { place, expected: "a list" })
}

fn child_mut<'a>(parent: &'a mut Map<String, Value>, key: &str, empty: Value) -> &'a mut Value {
    let child = parent.entry(key).or_insert(Value::Null);
    if child.is_null() {
        *child = empty;
    }
    child
}
