//! Names: of resources, of their kinds, of benchmark controls.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The kind of a managed thing, as written in a template's front matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A system user and its group.
    User,
    /// A kernel-parameter file.
    Sysctl,
    /// A whole file.
    File,
    /// Owner and mode of files that somebody else writes.
    Attributes,
    /// A certificate and its key.
    Certificate,
    /// A kubeconfig with a certificate and its key in it.
    Kubeconfig,
    /// Owned keys of a YAML file.
    YamlKeys,
    /// Owned parts of a static-pod manifest.
    StaticPod,
    /// A systemd unit.
    Unit,
    /// A file that must not be there.
    Absent,
    /// An object in the Kubernetes API.
    Object,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Sysctl => "sysctl",
            Self::File => "file",
            Self::Attributes => "attributes",
            Self::Certificate => "certificate",
            Self::Kubeconfig => "kubeconfig",
            Self::YamlKeys => "yaml-keys",
            Self::StaticPod => "static-pod",
            Self::Unit => "unit",
            Self::Absent => "absent",
            Self::Object => "object",
        })
    }
}

/// The name of a resource, unique on a node: `static-pod.kube-apiserver`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ResourceId {
    /// Its kind.
    pub kind: Kind,
    /// Its name within the kind.
    pub name: String,
}

impl ResourceId {
    /// A resource's name from its parts.
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind, self.name)
    }
}

impl From<ResourceId> for String {
    fn from(id: ResourceId) -> Self {
        id.to_string()
    }
}

/// A text is not the name of a resource.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a resource name; it looks like `static-pod.kube-apiserver`")]
pub struct ResourceIdError(String);

impl FromStr for ResourceId {
    type Err = ResourceIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ResourceIdError(text.to_owned());
        let (kind, name) = text.split_once('.').ok_or_else(error)?;
        let kind = serde_json::from_value(serde_json::Value::from(kind)).map_err(|_| error())?;
        if name.is_empty() {
            return Err(error());
        }
        Ok(Self::new(kind, name))
    }
}

impl TryFrom<String> for ResourceId {
    type Error = ResourceIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// One item of a benchmark, `cis-1.12:1.2.16`. The benchmark is part of the name since numbers move between versions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ControlId {
    /// The benchmark and its version, `cis-1.12`.
    pub benchmark: String,
    /// The item's number within it, `1.2.16`.
    pub item: String,
}

impl fmt::Display for ControlId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.benchmark, self.item)
    }
}

impl From<ControlId> for String {
    fn from(id: ControlId) -> Self {
        id.to_string()
    }
}

impl ControlId {
    /// The section of the benchmark that it stands in, `1.2`; the item itself where that has no parts.
    pub fn section(&self) -> &str {
        self.item.rsplit_once('.').map_or(&self.item, |(section, _)| section)
    }
}

/// A text is not the name of a control.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a control; it looks like `cis-1.12:1.2.16`")]
pub struct ControlIdError(String);

impl FromStr for ControlId {
    type Err = ControlIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some((benchmark, item)) if !benchmark.is_empty() && !item.is_empty() => {
                Ok(Self { benchmark: benchmark.to_owned(), item: item.to_owned() })
            }
            _ => Err(ControlIdError(text.to_owned())),
        }
    }
}

impl TryFrom<String> for ControlId {
    type Error = ControlIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_the_way_through_text() {
        for text in ["static-pod.kube-apiserver", "file.audit-policy", "yaml-keys.kubelet"] {
            assert_eq!(text.parse::<ResourceId>().unwrap().to_string(), text);
        }
        assert!("pod.x".parse::<ResourceId>().is_err());
        assert!("file.".parse::<ResourceId>().is_err());
        assert_eq!("cis-1.12:1.2.16".parse::<ControlId>().unwrap().to_string(), "cis-1.12:1.2.16");
        assert!("1.2.16".parse::<ControlId>().is_err());
    }
}
