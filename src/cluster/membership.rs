//! What makes a node part of the cluster, and what ends that: its labels and taints, the token that it joined with, the Node itself.

use super::api::{parse, refusal, success};
use super::link::Question;
use super::rewrite::escape;
use super::{Api, ClusterError};
use crate::inventory::Taint;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// How often a node is written that others write too: its kubelet and the node controller.
const ATTEMPTS: usize = 5;

/// Taints that Kubernetes itself puts on a node and takes away: `not-ready`, `unschedulable`, and those of cloud providers.
const LIFECYCLE: [&str; 2] = ["node.kubernetes.io/", "node.cloudprovider.kubernetes.io/"];

impl Api {
    /// Gives a node these labels, and, where taints are named, these and no others, those that tell of its state aside. Other labels
    /// stay. Returns whether there was anything to change.
    pub fn set_node(
        &self,
        node: &str,
        labels: &BTreeMap<String, String>,
        taints: Option<&[Taint]>,
    ) -> Result<bool, ClusterError> {
        let attempt = format!("label and taint node {node}");
        let path = format!("/api/v1/nodes/{}", escape(node));
        let target = format!("{path}?fieldManager=harden");
        let mut turn = 0;
        loop {
            let answer = self.link.ask(Question::get(&attempt, &path))?;
            let present: Value = parse(&attempt, &success(&attempt, answer)?)?;
            let Some(change) = change(&present, labels, taints) else { return Ok(false) };
            let question = Question {
                content_type: "application/merge-patch+json",
                ..Question::send(&attempt, Method::PATCH, &target, change.to_string().into_bytes())
            };
            let answer = self.link.ask(question)?;
            turn += 1;
            if answer.status.is_success() {
                return Ok(true);
            }
            if answer.status != StatusCode::CONFLICT || turn == ATTEMPTS {
                return Err(refusal(&attempt, &answer));
            }
        }
    }

    /// Deletes the token that nodes join with, by its id. Returns whether it was there.
    pub fn delete_bootstrap_token(&self, id: &str) -> Result<bool, ClusterError> {
        let name = format!("bootstrap-token-{}", escape(id));
        self.delete(
            &format!("delete Secret kube-system/{name}"),
            &format!("/api/v1/namespaces/kube-system/secrets/{name}"),
        )
    }

    /// Deletes a node. Returns whether it was there.
    pub fn delete_node(&self, node: &str) -> Result<bool, ClusterError> {
        self.delete(&format!("delete node {node}"), &format!("/api/v1/nodes/{}", escape(node)))
    }

    fn delete(&self, attempt: &str, path: &str) -> Result<bool, ClusterError> {
        let answer = self.link.ask(Question::send(attempt, Method::DELETE, path, Vec::new()))?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        success(attempt, answer).map(|_| true)
    }
}

/// What is to be written; `None` where the node is so already. The version makes it fail if another write comes between: taints are
/// one list.
fn change(present: &Value, labels: &BTreeMap<String, String>, taints: Option<&[Taint]>) -> Option<Value> {
    let known = present.pointer("/metadata/labels");
    let missing: Map<String, Value> = labels
        .iter()
        .filter(|(key, value)| known.and_then(|known| known.get(key)?.as_str()) != Some(value.as_str()))
        .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
        .collect();
    let found = present.pointer("/spec/taints").and_then(Value::as_array).cloned().unwrap_or_default();
    let wanted = taints.map(|taints| merged(&found, taints)).filter(|wanted| !are_same(&found, wanted));
    if missing.is_empty() && wanted.is_none() {
        return None;
    }
    let mut metadata = Map::new();
    if let Some(version) = present.pointer("/metadata/resourceVersion") {
        metadata.insert(String::from("resourceVersion"), version.clone());
    }
    if !missing.is_empty() {
        metadata.insert(String::from("labels"), Value::Object(missing));
    }
    let mut patch = json!({ "metadata": metadata });
    if let Some(wanted) = wanted {
        patch["spec"] = json!({ "taints": wanted });
    }
    Some(patch)
}

/// The taints that are wanted, and those that tell of the node's state.
fn merged(found: &[Value], taints: &[Taint]) -> Vec<Value> {
    let wanted = taints.iter().map(|taint| {
        let mut fields = json!({ "key": taint.key, "effect": taint.effect.to_string() });
        if !taint.value.is_empty() {
            fields["value"] = Value::from(taint.value.as_str());
        }
        fields
    });
    let is_wanted = |found: &Value| {
        taints.iter().any(|taint| {
            found["key"] == taint.key.as_str() && found["effect"] == taint.effect.to_string().as_str()
        })
    };
    let is_kept = |found: &&Value| {
        let key = found["key"].as_str().unwrap_or_default();
        LIFECYCLE.iter().any(|prefix| key.starts_with(prefix)) && !is_wanted(found)
    };
    wanted.chain(found.iter().filter(is_kept).cloned()).collect()
}

/// Whether two lists of taints say the same, in whatever order and since whenever.
fn are_same(a: &[Value], b: &[Value]) -> bool {
    let parts = |taints: &[Value]| {
        let text = |taint: &Value, key: &str| taint[key].as_str().unwrap_or_default().to_owned();
        let mut parts: Vec<_> =
            taints.iter().map(|it| (text(it, "key"), text(it, "value"), text(it, "effect"))).collect();
        parts.sort();
        parts
    };
    parts(a) == parts(b)
}
