//! The places where a component's flags stand: the running process, its manifest, kubeadm's record. Each is the same thing to
//! a test: a command line, and for a kubelet a configuration beside it.

use super::super::command_line::CommandLine;
use super::super::control::FlagCheck;
use super::super::places::{Component, PLACES, Place};
use super::super::questions::is_manifest;
use super::environment_file;
use super::place::flag_path;
use crate::plan::{manifest, yaml};
use crate::resource::{Evidence, NodePath};
use serde_json::Value;
use std::collections::BTreeMap;

/// One place where a component's flags stand.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// What it is.
    pub kind: Kind,
    /// The flags.
    pub command: CommandLine,
    /// The configuration file beside them; `None` for a component without one.
    pub config: Option<Config>,
}

/// What a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// The running program of that component.
    Running(String),
    /// A manifest.
    Manifest(NodePath),
    /// kubeadm's record, the name of its ConfigMap.
    Kubeadm(&'static str),
}

/// A configuration file.
#[derive(Debug, Clone)]
pub(super) struct Config {
    /// Where it is.
    pub name: String,
    /// What it says; `None` where it is missing or cannot be read.
    pub value: Option<Value>,
}

/// What was found of a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// It is set.
    Value(String),
    /// It is not.
    Nothing,
    /// It is not on the command line, and the configuration cannot be read.
    Unknown,
}

impl Source {
    /// The running component; `None` where it does not run.
    pub(super) fn running(name: &str, component: &Component, evidence: &Evidence) -> Option<Self> {
        let command = CommandLine::running(&component.programs, &evidence.processes)?;
        let config = component.config.as_deref().and_then(|place| PLACES.place(place));
        let config = config.map(|place| Config::of_node(place, evidence));
        Some(Self { kind: Kind::Running(name.to_owned()), command, config })
    }

    /// The component as its manifest has it; `None` where there is none.
    pub(super) fn manifest(name: &str, component: &Component, evidence: &Evidence) -> Option<Self> {
        let place = PLACES.place(component.manifest.as_deref()?)?;
        let mut paths = place.candidates().filter(|path| is_manifest(path));
        let (path, text) = paths.find_map(|path| evidence.documents.get_key_value(path))?;
        let command = manifest::command(text, name).ok()?;
        let command = CommandLine::of_words(&command).with_environment(environment(text));
        Some(Self { kind: Kind::Manifest(path.clone()), command, config: None })
    }

    /// The component as it is when its unit starts again: with the command line that it has, if it runs, and the environment of
    /// the unit's file. `None` where there is no such file.
    pub(super) fn unit(component: &Component, process: Option<&Self>, evidence: &Evidence) -> Option<Self> {
        let place = PLACES.place(component.environment.as_deref()?)?;
        let (path, text) = place.candidates().find_map(|path| evidence.documents.get_key_value(path))?;
        let variables = environment_file::variables(text);
        // Flags may be elsewhere: the file of a process without variables is none that it reads.
        let is_read = process.is_none_or(|process| process.command.has_environment());
        if variables.is_empty() || !is_read {
            return None;
        }
        let command = process.map(|process| process.command.clone()).unwrap_or_default();
        let command = command.with_environment(variables);
        Some(Self { kind: Kind::Manifest(path.clone()), command, config: None })
    }

    /// A component of a directory tree, where nothing runs: as its files have it.
    pub(super) fn at_rest(name: &str, component: &Component, evidence: &Evidence) -> Option<Self> {
        let place = component.config.as_deref().and_then(|place| PLACES.place(place));
        match place {
            None => {
                Self::manifest(name, component, evidence).or_else(|| Self::unit(component, None, evidence))
            }
            Some(place) => Some(Self {
                kind: Kind::Running(name.to_owned()),
                command: CommandLine::default(),
                config: Some(Config::of_node(place, evidence)),
            }),
        }
    }

    /// What is found of a flag: on the command line first, which hides the rest, then in the configuration, then in the
    /// environment.
    pub(super) fn look(&self, check: &FlagCheck) -> Found {
        if let Some(value) = self.command.value(&check.flag) {
            return Found::Value(value);
        }
        let configured = self.configured(check);
        match (&configured, check.variable.as_deref().and_then(|name| self.command.variable(name))) {
            (Found::Nothing, Some(value)) => Found::Value(value.to_owned()),
            _ => configured,
        }
    }

    fn configured(&self, check: &FlagCheck) -> Found {
        let (Some(key), Some(config)) = (&check.key, &self.config) else { return Found::Nothing };
        match &config.value {
            None => Found::Unknown,
            Some(value) => config_text(value, key).map_or(Found::Nothing, Found::Value),
        }
    }

    /// What was seen of a flag, as a line of evidence.
    pub(super) fn says(&self, check: &FlagCheck) -> String {
        let flag = &check.flag;
        let subject = match &self.kind {
            Kind::Running(name) => name.clone(),
            Kind::Manifest(path) => path.to_string(),
            Kind::Kubeadm(name) => format!("kubeadm's record {name}"),
        };
        let runs = matches!(self.kind, Kind::Running(_));
        let (with, without) = if runs { ("runs with", "runs without") } else { ("has", "has no") };
        let config = self.config.as_ref().zip(check.key.as_ref());
        if let Some(value) = self.command.value(flag) {
            let hidden = match (self.configured(check), config) {
                (Found::Value(hidden), Some((config, key))) => {
                    format!(", which hides {key}: {hidden} in {}", config.name)
                }
                _ => String::new(),
            };
            return format!("{subject} {with} {flag}={value}{hidden}");
        }
        match (self.look(check), config) {
            (Found::Value(value), Some((config, key))) => format!("{} has {key}: {value}", config.name),
            (Found::Value(value), None) => {
                format!("{subject} {with} {}={value}", check.variable.as_deref().unwrap_or_default())
            }
            (Found::Nothing, Some((config, key))) => {
                format!("{subject} {without} {flag}, and {} has no {key}", config.name)
            }
            (Found::Nothing, None) => format!("{subject} {without} {flag}"),
            (Found::Unknown, _) => {
                let name = config.map(|(config, _)| config.name.as_str()).unwrap_or_default();
                format!("{subject} {without} {flag}, and {name} is missing or cannot be read")
            }
        }
    }
}

impl Config {
    /// A component's configuration on a node.
    fn of_node(place: &Place, evidence: &Evidence) -> Self {
        let path = flag_path(place, evidence)
            .or_else(|| place.candidates().find(|path| evidence.documents.contains_key(path)).cloned())
            .or_else(|| place.usual().cloned());
        let text = path.as_ref().and_then(|path| evidence.documents.get(path));
        Self {
            name: path.map(String::from).unwrap_or_default(),
            value: text.and_then(|text| yaml::parse(text).ok()),
        }
    }
}

/// What a configuration says at a key, as text; a list as its parts separated by commas. What is empty is not set.
fn config_text(config: &Value, key: &str) -> Option<String> {
    let value = key.split('.').try_fold(config, |value, part| value.get(part))?;
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let text = match value {
        Value::Null => return None,
        Value::Array(parts) => parts.iter().map(text).collect::<Vec<_>>().join(","),
        other => text(other),
    };
    (!text.is_empty()).then_some(text)
}

/// The variables that a manifest's containers are given in so many words.
fn environment(text: &str) -> BTreeMap<String, String> {
    let Ok(pod) = yaml::parse(text) else { return BTreeMap::new() };
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let variables = containers.filter_map(|container| container["env"].as_array()).flatten();
    let pair = |variable: &Value| {
        Some((variable["name"].as_str()?.to_owned(), variable["value"].as_str()?.to_owned()))
    };
    variables.filter_map(pair).collect()
}
