//! ClusterConfiguration: `extraArgs` and `extraVolumes` of the control plane's components.

use super::{defaults, external_etcd};
use crate::plan::manifest::{self, mounts::type_name};
use crate::plan::yaml::{self, YamlError};
use crate::resource::{FlagSpec, FlagValue, MountSpec};
use serde_json::{Map, Value, json};

/// What all control-plane nodes want of one component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlPlaneComponent {
    /// The component, `kube-apiserver`.
    pub component: String,
    /// The flags; of a list the whole value as it stands in the manifest.
    pub flags: Vec<FlagSpec>,
    /// The mounts.
    pub mounts: Vec<MountSpec>,
}

/// A ClusterConfiguration after its edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The new text; the old one where nothing had to change.
    pub text: String,
    /// What changed, one line each; empty where nothing did.
    pub reasons: Vec<String>,
    /// What kubeadm's configuration cannot say.
    pub notices: Vec<String>,
}

/// A ClusterConfiguration cannot be read or edited.
#[derive(Debug, thiserror::Error)]
pub enum KubeadmError {
    /// It cannot be read as YAML, or the text cannot be changed safely.
    #[error("edit ClusterConfiguration")]
    Yaml(#[from] YamlError),
    /// It has a version that is not known.
    #[error("edit ClusterConfiguration: its apiVersion `{found}` is not known")]
    Version {
        /// The version.
        found: String,
    },
    /// A part of it is not what it should be.
    #[error("edit ClusterConfiguration: {place} is not {expected}")]
    Shape {
        /// Where, `apiServer.extraArgs`.
        place: String,
        /// What was expected there.
        expected: &'static str,
    },
}

/// How `extraArgs` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arguments {
    /// A mapping from name to value.
    Mapping,
    /// A list of name and value.
    List,
}

/// The configuration brought to what is wanted of the components.
pub fn cluster_configuration(
    text: &str,
    components: &[ControlPlaneComponent],
) -> Result<Edited, KubeadmError> {
    let old = yaml::parse(text)?;
    let mut value = old.clone();
    let version = old["apiVersion"].as_str().unwrap_or_default();
    let style = match version {
        "kubeadm.k8s.io/v1beta4" => Arguments::List,
        "kubeadm.k8s.io/v1beta3" | "kubeadm.k8s.io/v1beta2" => Arguments::Mapping,
        found => return Err(KubeadmError::Version { found: found.to_owned() }),
    };
    let (mut reasons, mut notices) = (Vec::new(), Vec::new());
    let has_endpoints = external_etcd::endpoints(&mut value, components, &mut reasons);
    for component in components {
        let Some(place) = place(&component.component) else {
            notices.push(format!(
                "kubeadm does not know {}: its settings are not kept in kubeadm-config",
                component.component
            ));
            continue;
        };
        let Some(section) = section(&mut value, place)? else { continue };
        let editor = Section { component: &component.component, place, style };
        let is_said = |name: &str| has_endpoints && external_etcd::is_said_there(&component.component, name);
        for flag in component.flags.iter().filter(|flag| !is_said(&flag.name)) {
            editor.flag(section, flag, &mut reasons, &mut notices)?;
        }
        let mounts = component.mounts.iter().filter(|mount| !defaults::is_default_mount(mount.path.as_str()));
        for mount in mounts {
            if component.component == "etcd" {
                notices.push(format!(
                    "kubeadm has no extraVolumes for etcd: the mount {} is lost at `kubeadm upgrade`, until harden is applied again",
                    mount.path
                ));
            } else {
                editor.mount(section, mount, &mut reasons)?;
            }
        }
    }
    if reasons.is_empty() {
        return Ok(Edited { text: text.to_owned(), reasons, notices });
    }
    Ok(Edited { text: yaml::rewrite_from(text, &old, &value)?, reasons, notices })
}

/// Where the configuration speaks of a component; `None` for what kubeadm does not know.
pub(super) fn place(component: &str) -> Option<&'static str> {
    match component {
        "kube-apiserver" => Some("apiServer"),
        "kube-controller-manager" => Some("controllerManager"),
        "kube-scheduler" => Some("scheduler"),
        "etcd" => Some("etcd.local"),
        _ => None,
    }
}

/// The part of the configuration that speaks of a component; `None` for an etcd that kubeadm does not run.
fn section<'a>(
    configuration: &'a mut Value,
    place: &'static str,
) -> Result<Option<&'a mut Map<String, Value>>, KubeadmError> {
    let top = configuration
        .as_object_mut()
        .ok_or_else(|| KubeadmError::Shape { place: String::from("the top"), expected: "a mapping" })?;
    if place == "etcd.local" {
        return Ok(top.get_mut("etcd").and_then(|etcd| etcd.get_mut("local")).and_then(Value::as_object_mut));
    }
    child(top, place, json!({}), place, Value::as_object_mut, "a mapping").map(Some)
}

struct Section<'a> {
    component: &'a str,
    place: &'static str,
    style: Arguments,
}

impl Section<'_> {
    fn flag(
        &self,
        section: &mut Map<String, Value>,
        flag: &FlagSpec,
        reasons: &mut Vec<String>,
        notices: &mut Vec<String>,
    ) -> Result<(), KubeadmError> {
        let (name, place) = (&flag.name, self.place);
        let present = self.values(section, name);
        let wanted = match &flag.value {
            FlagValue::Is(value) => value.clone(),
            // kubeadm writes its own file by itself, and what somebody chose stays where they said it.
            FlagValue::Existing(_) => return Ok(()),
            FlagValue::List { includes, excludes } => {
                let before = (!present.is_empty()).then(|| present.join(","));
                match manifest::list(name, before.as_deref(), includes, excludes) {
                    None => return Ok(()),
                    Some((value, reason)) if value.is_empty() => {
                        self.remove(section, name);
                        reasons.push(format!("{place}: {reason}"));
                        return Ok(());
                    }
                    Some((value, _)) => value,
                }
            }
            FlagValue::Absent => {
                if !present.is_empty() {
                    self.remove(section, name);
                    reasons.push(format!("{place}: {name}={} must be absent", present.join(",")));
                } else if defaults::is_written(self.component, name) {
                    notices.push(format!(
                        "kubeadm writes --{name} of {} by itself: it comes back at `kubeadm upgrade`, until harden is applied again",
                        self.component
                    ));
                }
                return Ok(());
            }
        };
        if present == [wanted.as_str()]
            || (present.is_empty() && defaults::is_default_flag(self.component, name, &wanted))
        {
            return Ok(());
        }
        reasons.push(match present.as_slice() {
            [] => format!("{place}: {name} is missing, wanted {wanted}"),
            before => format!("{place}: {name}: {} → {wanted}", before.join(",")),
        });
        self.set(section, name, &wanted)
    }

    /// The values that an argument has, in order.
    fn values(&self, section: &Map<String, Value>, name: &str) -> Vec<String> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match (self.style, section.get("extraArgs")) {
            (Arguments::Mapping, Some(Value::Object(arguments))) => {
                arguments.get(name).map(text).into_iter().collect()
            }
            (Arguments::List, Some(Value::Array(arguments))) => arguments
                .iter()
                .filter(|item| item["name"] == name)
                .map(|item| text(&item["value"]))
                .collect(),
            _ => Vec::new(),
        }
    }

    fn remove(&self, section: &mut Map<String, Value>, name: &str) {
        let empty = match (self.style, section.get_mut("extraArgs")) {
            (Arguments::Mapping, Some(Value::Object(arguments))) => {
                arguments.remove(name);
                arguments.is_empty()
            }
            (Arguments::List, Some(Value::Array(arguments))) => {
                arguments.retain(|item| item["name"] != name);
                arguments.is_empty()
            }
            _ => false,
        };
        if empty {
            section.remove("extraArgs");
        }
    }

    fn set(&self, section: &mut Map<String, Value>, name: &str, value: &str) -> Result<(), KubeadmError> {
        let place = format!("{}.extraArgs", self.place);
        match self.style {
            Arguments::Mapping => {
                let arguments =
                    child(section, "extraArgs", json!({}), &place, Value::as_object_mut, "a mapping")?;
                arguments.insert(name.to_owned(), Value::from(value));
            }
            Arguments::List => {
                let arguments =
                    child(section, "extraArgs", json!([]), &place, Value::as_array_mut, "a list")?;
                let wanted = json!({"name": name, "value": value});
                if let Some(first) = arguments.iter().position(|item| item["name"] == name) {
                    arguments[first] = wanted;
                    let mut index = 0;
                    arguments.retain(|item| {
                        index += 1;
                        index - 1 <= first || item["name"] != name
                    });
                } else {
                    let sorted = arguments.is_sorted_by(|a, b| a["name"].as_str() <= b["name"].as_str());
                    let next = arguments.iter().position(|item| item["name"].as_str() > Some(name));
                    arguments.insert(next.filter(|_| sorted).unwrap_or(arguments.len()), wanted);
                }
            }
        }
        Ok(())
    }

    fn mount(
        &self,
        section: &mut Map<String, Value>,
        mount: &MountSpec,
        reasons: &mut Vec<String>,
    ) -> Result<(), KubeadmError> {
        let place = format!("{}.extraVolumes", self.place);
        let path = mount.path.as_str();
        let mut wanted = json!({
            "name": mount.name, "hostPath": path, "mountPath": path, "pathType": type_name(mount.mount_type),
        });
        if mount.read_only {
            wanted["readOnly"] = true.into();
        }
        let volumes = child(section, "extraVolumes", json!([]), &place, Value::as_array_mut, "a list")?;
        if let Some(present) = volumes.iter_mut().find(|other| other["name"] == mount.name.as_str()) {
            if *present != wanted {
                reasons.push(format!("{}: volume {} differs", self.place, mount.name));
                *present = wanted;
            }
        } else if !volumes.iter().any(|other| other["mountPath"] == path && other["hostPath"] == path) {
            reasons.push(format!("{}: volume {} is missing", self.place, mount.name));
            volumes.push(wanted);
        }
        Ok(())
    }
}

/// The list or mapping at a key, made where there is none.
fn child<'a, T: ?Sized>(
    parent: &'a mut Map<String, Value>,
    key: &str,
    empty: Value,
    place: &str,
    cast: fn(&mut Value) -> Option<&mut T>,
    expected: &'static str,
) -> Result<&'a mut T, KubeadmError> {
    let value = parent.entry(key).or_insert(Value::Null);
    if value.is_null() {
        *value = empty;
    }
    cast(value).ok_or_else(|| KubeadmError::Shape { place: place.to_owned(), expected })
}
