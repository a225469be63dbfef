//! Where on a node the controls look: named places and components, as data in `places.toml`.

use crate::resource::NodePath;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// All places and components. A unit test parses the data; were it broken, nothing would be found anywhere.
pub(super) static PLACES: LazyLock<Places> = LazyLock::new(|| read().unwrap_or_default());

fn read() -> Result<Places, toml::de::Error> {
    toml::from_str(include_str!("places.toml"))
}

/// Everything in `places.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Places {
    place: BTreeMap<String, Place>,
    component: BTreeMap<String, Component>,
}

/// Files that belong together.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Place {
    /// What it is, for people.
    pub what: String,
    /// The first of these that exists.
    #[serde(default)]
    pub first: Vec<NodePath>,
    /// After those.
    pub default: Option<NodePath>,
    /// All of these that exist.
    #[serde(default)]
    pub every: Vec<NodePath>,
    /// A directory and everything in it.
    pub below: Option<NodePath>,
    /// Of `below` only names with this ending.
    pub ending: Option<String>,
    /// Of `below` only files.
    #[serde(default)]
    pub only_files: bool,
    /// A flag of a running program that names it; it goes before `first`.
    pub flag: Option<PlaceFlag>,
    /// What the file's name must hold.
    pub name_contains: Option<String>,
}

/// A flag that names a place.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PlaceFlag {
    /// The component.
    pub of: String,
    /// The flag without dashes.
    pub name: String,
    /// Whether only a path counts that is a directory: otherwise the list is used.
    #[serde(default)]
    pub must_be_directory: bool,
}

/// A program of Kubernetes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Component {
    /// Names of its executable; the first that runs counts.
    pub programs: Vec<String>,
    /// The place of its static-pod manifest.
    pub manifest: Option<String>,
    /// The place of its configuration file.
    pub config: Option<String>,
    /// The place of the file with its environment, where a unit of systemd runs it.
    pub environment: Option<String>,
}

impl Places {
    /// The place of that name.
    pub(super) fn place(&self, name: &str) -> Option<&Place> {
        self.place.get(name)
    }

    /// The component of that name.
    pub(super) fn component(&self, name: &str) -> Option<&Component> {
        self.component.get(name)
    }

    /// All components by name.
    pub(super) fn components(&self) -> impl Iterator<Item = (&str, &Component)> {
        self.component.iter().map(|(name, component)| (name.as_str(), component))
    }
}

impl Place {
    /// The paths that are tried one after the other.
    pub(super) fn candidates(&self) -> impl Iterator<Item = &NodePath> {
        self.first.iter().chain(&self.default)
    }

    /// The path that is named where none exists.
    pub(super) fn usual(&self) -> Option<&NodePath> {
        self.default.as_ref().or(self.below.as_ref()).or(self.first.first()).or(self.every.first())
    }

    /// Where it usually is, in words.
    pub(super) fn where_in_words(&self) -> String {
        let usual = self.usual().map(ToString::to_string).unwrap_or_default();
        match (&self.flag, &self.below, self.every.as_slice()) {
            (Some(flag), _, _) => format!("what --{} of {} names, or {usual}", flag.name, flag.of),
            (_, Some(below), _) => {
                format!("{below}/**{}", self.ending.as_ref().map_or(String::new(), |end| format!("/*{end}")))
            }
            (_, _, []) => usual,
            (_, _, every) => every.iter().map(NodePath::as_str).collect::<Vec<_>>().join(", "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_is_sound() {
        let places = read().unwrap();
        for (name, place) in &places.place {
            assert!(place.usual().is_some(), "{name} is nowhere");
            if let Some(flag) = &place.flag {
                assert!(places.component(&flag.of).is_some(), "{name}: {} is no component", flag.of);
            }
        }
        for (name, component) in places.components() {
            for place in component.manifest.iter().chain(&component.config).chain(&component.environment) {
                assert!(places.place(place).is_some(), "{name}: {place} is no place");
            }
        }
    }
}
