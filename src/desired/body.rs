//! From a rendered body to what its kind holds, checked: every kind but `static-pod`, of which several templates make one,
//! and `yaml-keys`, of which a part can be wanted.

use super::certificate::certificate;
use super::front_matter::FrontMatter;
use super::keys::yaml_keys;
use super::load::Entry;
use super::pki::Known;
use crate::resource::{
    AbsentSpec, AttributesSpec, ControlId, Existing, FileSpec, Kind, Mode, NodePath, Ownership, Spec,
    SysctlSpec, UnitSpec, UserSpec,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Mode of directories that are made for a file, unless its template says another.
const DIRECTORY_MODE: Mode = Mode(0o755);

/// What a mode allows to others than the owner.
pub(super) const OTHERS: u32 = 0o077;

/// The longest name that useradd takes.
const LONGEST_USER_NAME: usize = 32;

/// Why a rendered body is not usable; a sentence for [`super::TemplateError::Shape`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unusable(pub(super) String);

/// Parses YAML as Kubernetes reads it. The error never quotes the text, which may hold what nobody should see.
pub(super) fn yaml<T: DeserializeOwned>(text: &str) -> Result<T, Unusable> {
    let options = serde_saphyr::options! { legacy_octal_numbers: true, with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| Unusable(error.to_string()))
}

/// What a kind holds, and the controls that its keys satisfy. `merge` are values of the inventory that are laid over
/// yaml-keys.
pub(super) fn spec(
    entry: &Entry,
    text: &str,
    merge: Option<&Map<String, Value>>,
    known: &Known,
) -> Result<(Spec, Vec<ControlId>), Unusable> {
    if text.contains("{{") || text.contains("{%") {
        return Err(Unusable(String::from("a template sign is left in it")));
    }
    let front = &entry.front;
    let spec = match *front.kind.get_ref() {
        Kind::YamlKeys => {
            let (keys, controls) = yaml_keys(entry, text, merge)?;
            return Ok((Spec::YamlKeys(keys), controls));
        }
        Kind::User => user(text).map(Spec::User),
        Kind::File => file(front, text, known).map(Spec::File),
        Kind::Attributes => attributes(front, text).map(Spec::Attributes),
        Kind::Certificate | Kind::Kubeconfig => certificate(front, text, known).map(Spec::Certificate),
        Kind::Unit => unit(text).map(Spec::Unit),
        Kind::Sysctl => sysctl(front, text).map(Spec::Sysctl),
        Kind::Absent => absent(front, text).map(Spec::Absent),
        kind @ (Kind::StaticPod | Kind::Object) => Err(Unusable(format!("kind `{kind}` is not made here"))),
    };
    Ok((spec?, Vec::new()))
}

/// Where it goes.
pub(super) fn path(front: &FrontMatter) -> Result<NodePath, Unusable> {
    let text = front.path.as_deref().unwrap_or_default();
    NodePath::try_from(text.to_owned()).map_err(|error| Unusable(error.to_string()))
}

/// Owner and group are root unless a template says another; the mode is always said.
pub(super) fn ownership(front: &FrontMatter) -> Result<Ownership, Unusable> {
    Ok(Ownership {
        owner: front.owner.clone().unwrap_or_else(|| String::from("root")),
        group: front.group.clone().unwrap_or_else(|| String::from("root")),
        mode: front.mode.ok_or_else(|| Unusable(String::from("no mode is said")))?,
    })
}

fn file(front: &FrontMatter, text: &str, known: &Known) -> Result<FileSpec, Unusable> {
    let path = path(front)?;
    if text.trim().is_empty() {
        return Err(Unusable(String::from("it is empty")));
    }
    if [".yaml", ".yml"].iter().any(|end| path.as_str().ends_with(end)) {
        let options = serde_saphyr::options! { legacy_octal_numbers: true, with_snippet: false };
        serde_saphyr::from_multiple_with_options::<Value>(text, options)
            .map_err(|error| Unusable(error.to_string()))?;
    }
    let content = known.content(text)?;
    match content.whole() {
        Some(_) if !front.sensitive.is_empty() => {
            return Err(Unusable(String::from(
                "it is a secret as a whole, and `sensitive` names a key of it",
            )));
        }
        Some(_) if front.mode.is_some_and(|mode| mode.0 & OTHERS != 0) => {
            return Err(Unusable(String::from("it is a secret, and its `mode` lets others read it")));
        }
        None if content.is_sensitive() && front.sensitive.is_empty() => {
            return Err(Unusable(String::from("it holds a secret, and `sensitive` names no key")));
        }
        Some(_) | None => {}
    }
    if let Some(key) = front.sensitive.iter().find(|key| stands_open(text, key)) {
        return Err(Unusable(format!("`{key}` is declared sensitive, and its value stands in the template")));
    }
    Ok(FileSpec {
        path,
        ownership: ownership(front)?,
        directory_mode: front.directory_mode.unwrap_or(DIRECTORY_MODE),
        content,
        sensitive_keys: front.sensitive.clone(),
        existing: match &front.refuse {
            Some(reason) => Existing::Refused(reason.clone()),
            None if front.keep => Existing::Kept,
            None => Existing::Replaced,
        },
    })
}

/// Whether a key has a value that is no secret of the store. It would be shown in every plan, and could not be compared:
/// of sensitive keys only digests come back from a node.
fn stands_open(text: &str, key: &str) -> bool {
    let value = |line: &str| {
        let own =
            line.trim_start().trim_start_matches("- ").strip_prefix(key)?.trim_start().strip_prefix(':');
        own.map(|value| value.trim().to_owned())
    };
    text.lines().filter_map(value).any(|value| !value.is_empty() && !value.contains("<<secret:"))
}

fn attributes(front: &FrontMatter, text: &str) -> Result<AttributesSpec, Unusable> {
    if !text.trim().is_empty() {
        return Err(Unusable(String::from("kind `attributes` has no body")));
    }
    Ok(AttributesSpec {
        // A pattern has the same shape as a path; only its last parts may match more than one.
        pattern: path(front)?.to_string(),
        owner: front.owner.clone(),
        group: front.group.clone(),
        only_from_owner: front.only_from_owner.clone(),
        mode: front.mode,
    })
}

fn absent(front: &FrontMatter, text: &str) -> Result<AbsentSpec, Unusable> {
    if !text.trim().is_empty() {
        return Err(Unusable(String::from("kind `absent` has no body")));
    }
    Ok(AbsentSpec { path: path(front)? })
}

fn user(text: &str) -> Result<UserSpec, Unusable> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        name: String,
    }
    let Body { name } = yaml(text)?;
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let sound = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    if !begins || name.len() > LONGEST_USER_NAME || !name.chars().all(sound) {
        return Err(Unusable(format!("`{name}` is not the name of a system user")));
    }
    Ok(UserSpec { name })
}

fn unit(text: &str) -> Result<UnitSpec, Unusable> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        unit: String,
        enabled: Option<bool>,
        active: Option<bool>,
    }
    let body: Body = yaml(text)?;
    if !body.unit.contains('.') {
        return Err(Unusable(format!("`{}` is not a unit's full name, `kubelet.service`", body.unit)));
    }
    Ok(UnitSpec { unit: body.unit, enabled: body.enabled, active: body.active })
}

fn sysctl(front: &FrontMatter, text: &str) -> Result<SysctlSpec, Unusable> {
    let body: BTreeMap<String, Value> = yaml(text)?;
    let values =
        body.into_iter().map(|(name, value)| Ok((name, scalar(&value)?))).collect::<Result<_, _>>()?;
    Ok(SysctlSpec { path: path(front)?, ownership: ownership(front)?, values })
}

/// A scalar as the text that stands in a flag or a kernel parameter.
pub(super) fn scalar(value: &Value) -> Result<String, Unusable> {
    match value {
        Value::String(text) if text.chars().any(char::is_control) => {
            Err(Unusable(format!("{value} holds a control character")))
        }
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        _ => Err(Unusable(format!("{value} is not a single value"))),
    }
}
