//! Which flags a component has in which Kubernetes version, and which host paths its pod sees, as data files beside this
//! one. An unknown flag is a crash loop of the component, so it is refused before anything is planned.

use super::error::TemplateError;
use crate::inventory::Minor;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The data files; `tests` parse them all.
const FILES: [(&str, &str); 4] = [
    ("etcd", include_str!("flags/etcd.toml")),
    ("kube-apiserver", include_str!("flags/kube-apiserver.toml")),
    ("kube-controller-manager", include_str!("flags/kube-controller-manager.toml")),
    ("kube-scheduler", include_str!("flags/kube-scheduler.toml")),
];

/// The feature gates that all but etcd share.
const FEATURE_GATES: &str = include_str!("flags/feature-gates.toml");

/// Below this likeness (`strsim::jaro_winkler`) a flag is not suggested.
const LIKE: f64 = 0.85;

/// The flags of every component.
#[derive(Debug, Clone)]
pub(super) struct FlagLists(BTreeMap<&'static str, FlagList>);

/// The flags of one component.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FlagList {
    mounts: Vec<String>,
    not_files: BTreeSet<String>,
    flags: BTreeSet<String>,
    new: BTreeMap<String, Version>,
    gone: BTreeMap<String, Gone>,
    /// Flags that a flag cannot be given together with.
    #[serde(default)]
    excludes: BTreeMap<String, Vec<String>>,
    /// Items of lists that a flag no longer takes.
    #[serde(default)]
    gone_values: BTreeMap<String, BTreeMap<String, Gone>>,
    /// The values of its `feature-gates`; `None` for etcd, which has gates of its own.
    #[serde(skip)]
    gates: Option<Arc<FeatureGates>>,
}

/// The feature gates of Kubernetes' own components.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeatureGates {
    gates: BTreeSet<String>,
    new: BTreeMap<String, Version>,
    gone: BTreeMap<String, Version>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Version(Minor);

impl TryFrom<String> for Version {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.strip_prefix("1.").unwrap_or(&text).parse().map(|minor| Self(Minor(minor)))
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Gone {
    r#in: Version,
    instead: String,
}

impl Gone {
    fn check(&self, minor: Minor) -> Result<(), Unusable> {
        let (version, instead) = (self.r#in.0, &self.instead);
        if minor < version {
            return Ok(());
        }
        Err(Unusable {
            remedy: Some(format!("it was removed in Kubernetes {version}; in its place: {instead}")),
        })
    }
}

/// A flag cannot be used in a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unusable {
    /// What to do about it, where that is known.
    pub(super) remedy: Option<String>,
}

impl FlagLists {
    /// Reads the embedded data.
    pub(super) fn load() -> Result<Self, TemplateError> {
        let gates: Arc<FeatureGates> = Arc::new(read("feature gates", FEATURE_GATES)?);
        let read = |(component, text): (&'static str, &str)| {
            let list: FlagList = read(component, text)?;
            let gates = (component != "etcd").then(|| Arc::clone(&gates));
            Ok((component, FlagList { gates, ..list }))
        };
        FILES.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// The flags of a component; `None` for one that harden does not know.
    pub(super) fn of(&self, component: &str) -> Option<&FlagList> {
        self.0.get(component)
    }

    /// The components that harden knows.
    pub(super) fn components() -> impl Iterator<Item = &'static str> {
        FILES.into_iter().map(|(component, _)| component)
    }
}

fn read<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> Result<T, TemplateError> {
    toml::from_str(text).map_err(|error| TemplateError::Syntax {
        template: format!("flags of {name}"),
        line: 1,
        column: 1,
        reason: error.message().to_owned(),
    })
}

impl FlagList {
    /// Whether a flag can be given in a version.
    pub(super) fn check(&self, flag: &str, minor: Minor) -> Result<(), Unusable> {
        if let Some(gone) = self.gone.get(flag) {
            gone.check(minor)?;
        }
        if let Some(new) = self.new.get(flag)
            && minor < new.0
        {
            return Err(Unusable { remedy: Some(format!("it is there from Kubernetes {} on", new.0)) });
        }
        if self.flags.contains(flag) {
            return Ok(());
        }
        let usable = self.flags.iter().filter(|known| self.check(known, minor).is_ok());
        Err(Unusable { remedy: like(flag, usable).map(|known| format!("did you mean --{known}?")) })
    }

    /// Whether a value, or an item of a list, can be given in a version: an admission plugin, a feature gate with or without
    /// its value.
    pub(super) fn check_value(&self, flag: &str, item: &str, minor: Minor) -> Result<(), Unusable> {
        let name = item.split('=').next().unwrap_or_default();
        if flag == "feature-gates"
            && let Some(gates) = &self.gates
        {
            // A gate may be named with the component that it is of.
            return gates.check(name.rsplit(':').next().unwrap_or_default(), minor);
        }
        match self.gone_values.get(flag).and_then(|gone| gone.get(name)) {
            Some(gone) => gone.check(minor),
            None => Ok(()),
        }
    }

    /// The flags that a flag cannot be given together with.
    pub(super) fn excluded_by(&self, flag: &str) -> impl Iterator<Item = &str> {
        self.excludes.get(flag).into_iter().flatten().map(String::as_str)
    }

    /// Whether a flag was ever there: then its absence can be asked for.
    pub(super) fn has_had(&self, flag: &str) -> bool {
        self.flags.contains(flag) || self.gone.contains_key(flag)
    }

    /// The host paths that a flag's value names: each part of a comma-separated list that begins with a slash.
    pub(super) fn paths<'v>(&self, flag: &str, value: &'v str) -> Vec<&'v str> {
        if self.not_files.contains(flag) {
            return Vec::new();
        }
        value.split(',').filter(|part| part.starts_with('/')).collect()
    }

    /// Whether a path is one of those that kubeadm mounts into the pod, or below one.
    pub(super) fn mounts(&self, path: &str) -> bool {
        self.mounts.iter().any(|mount| is_below(path, mount))
    }
}

impl FeatureGates {
    fn check(&self, gate: &str, minor: Minor) -> Result<(), Unusable> {
        let remedy = match (self.new.get(gate), self.gone.get(gate)) {
            (_, Some(gone)) if minor >= gone.0 => Some(format!(
                "it was removed in Kubernetes {}, which behaves as with the gate's last default: leave it out",
                gone.0
            )),
            (Some(new), _) if minor < new.0 => Some(format!("it is there from Kubernetes {} on", new.0)),
            _ if self.gates.contains(gate) => return Ok(()),
            _ => like(gate, self.gates.iter()).map(|known| format!("did you mean {known}?")),
        };
        Err(Unusable { remedy })
    }
}

/// The name that is most like another one, if any is like it at all.
fn like<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Option<&'a String> {
    let likeness = known.map(|known| (strsim::jaro_winkler(name, known), known));
    let best = likeness.filter(|(likeness, _)| *likeness >= LIKE).max_by(|a, b| a.0.total_cmp(&b.0));
    best.map(|(_, known)| known)
}

/// Whether a path is a directory or file, or something in that directory.
pub(super) fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedy(component: &str, flag: &str, minor: u32) -> Option<String> {
        let lists = FlagLists::load().unwrap();
        lists.of(component).unwrap().check(flag, Minor(minor)).unwrap_err().remedy
    }

    #[test]
    fn every_list_is_sound() {
        let lists = FlagLists::load().unwrap();
        for component in FlagLists::components() {
            let list = lists.of(component).unwrap();
            assert!(list.flags.len() > 50, "{component}");
            let excluded = list.excludes.iter().flat_map(|(flag, others)| others.iter().chain([flag]));
            for flag in list.new.keys().chain(&list.not_files).chain(list.gone_values.keys()).chain(excluded)
            {
                assert!(list.flags.contains(flag), "{component} --{flag}");
            }
            for (flag, gone) in &list.gone {
                let known = list.flags.contains(flag);
                assert_eq!(known, gone.r#in.0 > Minor::OLDEST, "{component} --{flag}");
            }
        }
    }

    #[test]
    fn what_cannot_be_used_comes_with_a_remedy() {
        let lists = FlagLists::load().unwrap();
        assert!(lists.of("kube-apiserver").unwrap().check("profiling", Minor(35)).is_ok());
        assert!(lists.of("etcd").unwrap().check("experimental-initial-corrupt-check", Minor(33)).is_ok());
        assert_eq!(
            remedy("kube-apiserver", "insecure-port", 35).unwrap(),
            "it was removed in Kubernetes 1.24; in its place: --secure-port"
        );
        assert_eq!(
            remedy("kube-apiserver", "audit-log-max-age", 35).unwrap(),
            "did you mean --audit-log-maxage?"
        );
        assert_eq!(
            remedy("kube-scheduler", "tls-curve-preferences", 35).unwrap(),
            "it is there from Kubernetes 1.36 on"
        );
        assert!(remedy("kube-apiserver", "zzz", 35).is_none());
        let list = lists.of("kube-apiserver").unwrap();
        let value = |flag, item, minor| list.check_value(flag, item, Minor(minor)).is_ok();
        assert!(!value("enable-admission-plugins", "PodSecurityPolicy", 32));
        assert!(value("enable-admission-plugins", "PodSecurity", 37));
        assert!(value("feature-gates", "AnonymousAuthConfigurableEndpoints=true", 36));
        assert!(!value("feature-gates", "AnonymousAuthConfigurableEndpoints=true", 37));
        assert!(value("feature-gates", "kube:ContextualLogging=true", 35));
        let gate = |item, minor| list.check_value("feature-gates", item, Minor(minor)).unwrap_err().remedy;
        assert_eq!(gate("ContextualLoging=true", 35).unwrap(), "did you mean ContextualLogging?");
        assert_eq!(gate("Zzz=true", 35), None);
        assert!(
            lists
                .of("etcd")
                .unwrap()
                .check_value("feature-gates", "InitialCorruptCheck=true", Minor(35))
                .is_ok()
        );
        let gates = list.gates.as_ref().unwrap();
        assert!(gates.new.keys().chain(gates.gone.keys()).all(|gate| gates.gates.contains(gate)));
    }

    #[test]
    fn paths_are_told_from_other_values() {
        let lists = FlagLists::load().unwrap();
        let list = lists.of("kube-apiserver").unwrap();
        assert_eq!(list.paths("tls-sni-cert-key", "/a/b.crt,/a/b.key"), ["/a/b.crt", "/a/b.key"]);
        assert!(list.paths("etcd-prefix", "/registry").is_empty());
        assert!(list.mounts("/etc/kubernetes/pki/ca.crt"));
        assert!(!list.mounts("/etc/kubernetes/pki-old/ca.crt"));
    }
}
