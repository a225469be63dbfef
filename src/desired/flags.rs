//! Which flags a component has in which Kubernetes version, and which host paths its pod sees, as data files beside this
//! one. An unknown flag is a crash loop of the component, so it is refused before anything is planned.

use super::error::TemplateError;
use crate::inventory::Minor;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The data files; `tests` parse them all.
const FILES: [(&str, &str); 4] = [
    ("etcd", include_str!("flags/etcd.toml")),
    ("kube-apiserver", include_str!("flags/kube-apiserver.toml")),
    ("kube-controller-manager", include_str!("flags/kube-controller-manager.toml")),
    ("kube-scheduler", include_str!("flags/kube-scheduler.toml")),
];

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

/// A flag cannot be used in a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unusable {
    /// What to do about it, where that is known.
    pub(super) remedy: Option<String>,
}

impl FlagLists {
    /// Reads the embedded data.
    pub(super) fn load() -> Result<Self, TemplateError> {
        let read = |(component, text): (&'static str, &str)| {
            let list = toml::from_str(text).map_err(|error| TemplateError::Syntax {
                template: format!("flags of {component}"),
                line: 1,
                column: 1,
                reason: error.message().to_owned(),
            })?;
            Ok((component, list))
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

impl FlagList {
    /// Whether a flag can be given in a version.
    pub(super) fn check(&self, flag: &str, minor: Minor) -> Result<(), Unusable> {
        if let Some(gone) = self.gone.get(flag)
            && minor >= gone.r#in.0
        {
            let remedy =
                Some(format!("it is gone since Kubernetes {}; in its place: {}", gone.r#in.0, gone.instead));
            return Err(Unusable { remedy });
        }
        if let Some(new) = self.new.get(flag)
            && minor < new.0
        {
            return Err(Unusable { remedy: Some(format!("it is there from Kubernetes {} on", new.0)) });
        }
        if self.flags.contains(flag) {
            return Ok(());
        }
        let like = self
            .flags
            .iter()
            .filter(|known| self.check(known, minor).is_ok())
            .map(|known| (strsim::jaro_winkler(flag, known), known))
            .filter(|(likeness, _)| *likeness >= LIKE)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        Err(Unusable { remedy: like.map(|(_, known)| format!("did you mean --{known}?")) })
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
            for flag in list.new.keys().chain(&list.not_files) {
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
            "it is gone since Kubernetes 1.24; in its place: --secure-port"
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
