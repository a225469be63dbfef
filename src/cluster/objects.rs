//! Any object by server-side apply, as the manager `harden`. Where a kind is served is asked of the API, once for each version of a
//! group, and once more where a kind is not there: its definition may just have been made.

use super::api::{parse, refusal, success};
use super::error::FieldConflict;
use super::link::{Answer, PAGE_LIMIT, Question};
use super::rewrite::escape;
use super::{Api, ClusterError};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The namespace of objects that name none.
const DEFAULT_NAMESPACE: &str = "default";

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It was not there.
    Created,
    /// It was there and said something else.
    Changed,
    /// It said so already.
    Unchanged,
}

/// Where the kinds of a version of a group are served, by `apps/v1`.
#[derive(Debug, Default)]
pub(super) struct Kinds(Mutex<BTreeMap<String, Vec<Resource>>>);

/// A kind as it is served.
#[derive(Debug, Clone, Deserialize)]
struct Resource {
    /// In the plural, `daemonsets`; with a part after a slash where it is no object of its own.
    name: String,
    kind: String,
    #[serde(default)]
    namespaced: bool,
}

#[derive(Deserialize)]
struct Resources {
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize, Default)]
struct Status {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    details: Details,
}

#[derive(Deserialize, Default)]
struct Details {
    #[serde(default)]
    causes: Vec<Cause>,
}

#[derive(Deserialize, Default)]
struct Cause {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    field: String,
}

#[derive(Deserialize)]
struct Definition {
    #[serde(default)]
    status: DefinitionStatus,
}

#[derive(Deserialize, Default)]
struct DefinitionStatus {
    #[serde(default)]
    conditions: Vec<Condition>,
}

#[derive(Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    name: String,
    status: String,
}

/// What tells an object from all others.
pub(super) struct Identity<'a> {
    pub(super) api_version: &'a str,
    pub(super) kind: &'a str,
    pub(super) namespace: Option<&'a str>,
    pub(super) name: &'a str,
}

impl<'a> Identity<'a> {
    fn of(object: &'a Value) -> Option<Self> {
        let text = |pointer: &str| object.pointer(pointer)?.as_str().filter(|text| !text.is_empty());
        Some(Self {
            api_version: text("/apiVersion")?,
            kind: text("/kind")?,
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name")?,
        })
    }

    fn title(&self) -> String {
        match self.namespace {
            Some(namespace) => format!("{} {namespace}/{}", self.kind, self.name),
            None => format!("{} {}", self.kind, self.name),
        }
    }

    fn path(&self, resource: &Resource) -> String {
        let (root, plural, name) = (root(self.api_version), &resource.name, escape(self.name));
        if resource.namespaced {
            let namespace = escape(self.namespace.unwrap_or(DEFAULT_NAMESPACE));
            format!("{root}/namespaces/{namespace}/{plural}/{name}")
        } else {
            format!("{root}/{plural}/{name}")
        }
    }
}

/// `v1` and `apps/v1` are served below different roots.
fn root(api_version: &str) -> String {
    match api_version.split_once('/') {
        Some((group, version)) => format!("/apis/{}/{}", escape(group), escape(version)),
        None => format!("/api/{}", escape(api_version)),
    }
}

impl Api {
    /// Makes an object say what this one says, fields that it does not name aside. A field that somebody else manages and wants
    /// otherwise is [`ClusterError::Fields`], unless `force` takes it over. It may be sent twice.
    pub fn apply_object(&self, object: &Value, force: bool) -> Result<Applied, ClusterError> {
        let identity = Identity::of(object).ok_or(ClusterError::Nameless)?;
        let title = identity.title();
        let attempt = format!("apply {title}");
        let path = identity.path(&self.resource(&identity)?);
        let before: Option<Value> = self.get(&format!("read {title}"), &path)?;
        let force = if force { "&force=true" } else { "" };
        let target = format!("{path}?fieldManager=harden&fieldValidation=Strict{force}");
        let question = Question {
            content_type: "application/apply-patch+yaml",
            limit: PAGE_LIMIT,
            ..Question::send(&attempt, Method::PATCH, &target, object.to_string().into_bytes())
        };
        let answer = self.link.ask(question)?;
        if !answer.status.is_success() {
            return Err(refused(&identity, &attempt, &answer));
        }
        let after: Value = parse(&attempt, &answer.body)?;
        let Some(before) = before else { return Ok(Applied::Created) };
        Ok(if meaning(before) == meaning(after) { Applied::Unchanged } else { Applied::Changed })
    }

    /// Whether an object of this kind and name is there, whatever it says. One of a kind that the API does not serve is not.
    pub fn has_object(&self, object: &Value) -> Result<bool, ClusterError> {
        let identity = Identity::of(object).ok_or(ClusterError::Nameless)?;
        Ok(self.object(&identity)?.is_some())
    }

    /// An object as it is. One of a kind that the API does not serve is not there.
    pub(super) fn object(&self, identity: &Identity<'_>) -> Result<Option<Value>, ClusterError> {
        let resource = match self.resource(identity) {
            Err(ClusterError::UnknownKind { .. }) => return Ok(None),
            found => found?,
        };
        self.get(&format!("read {}", identity.title()), &identity.path(&resource))
    }

    /// Whether objects of a kind can be made by now, by the name of its CustomResourceDefinition.
    pub fn is_established(&self, definition: &str) -> Result<bool, ClusterError> {
        let attempt = format!("read CustomResourceDefinition {definition}");
        let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{}", escape(definition));
        let found: Option<Definition> = self.get(&attempt, &path)?;
        let conditions = found.map(|found| found.status.conditions).unwrap_or_default();
        Ok(conditions.iter().any(|it| it.name == "Established" && it.status == "True"))
    }

    fn resource(&self, identity: &Identity<'_>) -> Result<Resource, ClusterError> {
        let find = |resources: &[Resource]| {
            resources.iter().find(|it| it.kind == identity.kind && !it.name.contains('/')).cloned()
        };
        let known =
            self.kinds.0.lock().unwrap_or_else(PoisonError::into_inner).get(identity.api_version).cloned();
        if let Some(found) = known.as_deref().and_then(find) {
            return Ok(found);
        }
        let read = self.resources(identity.api_version)?;
        let found = find(&read).ok_or_else(|| ClusterError::UnknownKind {
            object: identity.title(),
            api_version: identity.api_version.to_owned(),
            kind: identity.kind.to_owned(),
        });
        let mut kinds = self.kinds.0.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.insert(identity.api_version.to_owned(), read);
        found
    }

    /// What a version of a group serves; nothing where it is not served.
    fn resources(&self, api_version: &str) -> Result<Vec<Resource>, ClusterError> {
        let attempt = format!("ask which kinds {api_version} has");
        let answer = self.link.ask(Question::get(&attempt, &root(api_version)))?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(Vec::new());
        }
        let read: Resources = parse(&attempt, &success(&attempt, answer)?)?;
        Ok(read.resources)
    }
}

/// The error of an apply. What the API says of a value that it cannot use quotes the value, and that of a Secret is nobody's
/// business.
fn refused(identity: &Identity<'_>, attempt: &str, answer: &Answer) -> ClusterError {
    let status: Status = serde_json::from_slice(&answer.body).unwrap_or_default();
    let conflicts: Vec<FieldConflict> = status
        .details
        .causes
        .into_iter()
        .filter(|cause| cause.reason == "FieldManagerConflict")
        .map(|cause| FieldConflict {
            manager: cause.message.strip_prefix("conflict with ").unwrap_or(&cause.message).to_owned(),
            field: cause.field,
        })
        .collect();
    if answer.status == StatusCode::CONFLICT && !conflicts.is_empty() {
        return ClusterError::Fields { object: identity.title(), conflicts };
    }
    let may_quote = answer.status == StatusCode::BAD_REQUEST
        || answer.status == StatusCode::UNPROCESSABLE_ENTITY
        || answer.status.is_server_error();
    if identity.kind != "Secret" || !may_quote {
        return refusal(attempt, answer);
    }
    ClusterError::Refused {
        attempt: attempt.to_owned(),
        code: answer.status.as_u16(),
        message: format!("{} (the rest may quote the Secret, and is not shown)", status.reason)
            .trim()
            .to_owned(),
    }
}

/// An object without what the API itself keeps in it.
fn meaning(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object.pointer_mut("/metadata").and_then(Value::as_object_mut) {
        for key in ["managedFields", "resourceVersion", "generation"] {
            metadata.remove(key);
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn path(object: &Value, name: &str, namespaced: bool) -> String {
        let kind = String::from("X");
        Identity::of(object).unwrap().path(&Resource { name: name.to_owned(), kind, namespaced })
    }

    #[test]
    fn a_path_says_group_namespace_and_name() {
        let object = json!({"apiVersion":"v1","kind":"X","metadata":{"name":"a"}});
        assert_eq!(path(&object, "pods", true), "/api/v1/namespaces/default/pods/a");
        assert_eq!(path(&object, "namespaces", false), "/api/v1/namespaces/a");
        let object = json!({"apiVersion":"rbac.authorization.k8s.io/v1","kind":"X","metadata":{"name":"system:a/b","namespace":"n"}});
        let expected = "/apis/rbac.authorization.k8s.io/v1/namespaces/n/roles/system%3Aa%2Fb";
        assert_eq!(path(&object, "roles", true), expected);
        assert!(Identity::of(&json!({"apiVersion":"v1","kind":"X","metadata":{}})).is_none());
    }

    #[test]
    fn what_the_api_keeps_is_no_difference() {
        let before = json!({"metadata":{"name":"a","resourceVersion":"1","managedFields":[1]},"spec":{"a":1},"status":{"b":2}});
        let after = json!({"metadata":{"name":"a","resourceVersion":"2","generation":3},"spec":{"a":1}});
        assert_eq!(meaning(before.clone()), meaning(after.clone()));
        let labelled = json!({"metadata":{"name":"a","labels":{"x":"y"}},"spec":{"a":1}});
        assert_ne!(meaning(before), meaning(labelled));
    }
}
