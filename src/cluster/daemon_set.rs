//! DaemonSets: what their pods are annotated with, restarting them, and how far that is.

use super::api::success;
use super::link::Question;
use super::{Api, ClusterError};
use crate::resource::DaemonSetState;
use http::Method;
use k8s_openapi::api::apps::v1::DaemonSet;

/// How far a DaemonSet's new pods are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rollout {
    /// Whether the controller has seen the last change; the numbers mean nothing before.
    pub seen: bool,
    /// The nodes that must run a pod.
    pub desired: i32,
    /// Those whose pod is of the last change.
    pub updated: i32,
    /// Those whose pod is available.
    pub available: i32,
}

impl Rollout {
    /// Whether every node runs a pod of the last change, and it is available.
    pub fn is_complete(&self) -> bool {
        self.seen && self.updated >= self.desired && self.available >= self.desired
    }
}

impl From<&DaemonSet> for Rollout {
    fn from(set: &DaemonSet) -> Self {
        let Some(status) = &set.status else { return Self::default() };
        Self {
            seen: status.observed_generation >= set.metadata.generation,
            desired: status.desired_number_scheduled,
            updated: status.updated_number_scheduled.unwrap_or_default(),
            available: status.number_available.unwrap_or_default(),
        }
    }
}

fn path(namespace: &str, name: &str) -> String {
    format!("/apis/apps/v1/namespaces/{namespace}/daemonsets/{name}")
}

impl Api {
    /// A DaemonSet; `None` when there is none of that name.
    pub fn daemon_set(&self, namespace: &str, name: &str) -> Result<Option<DaemonSetState>, ClusterError> {
        Ok(self.read_daemon_set(namespace, name)?.map(|set| {
            let metadata = set.spec.and_then(|spec| spec.template.metadata);
            DaemonSetState { annotations: metadata.and_then(|it| it.annotations).unwrap_or_default() }
        }))
    }

    /// How far a DaemonSet's new pods are; nothing is done when there is none of that name.
    pub fn rollout(&self, namespace: &str, name: &str) -> Result<Rollout, ClusterError> {
        Ok(self.read_daemon_set(namespace, name)?.as_ref().map(Rollout::from).unwrap_or_default())
    }

    /// Annotates the pods of a DaemonSet. Its controller replaces them, as many at once as its update strategy says.
    pub fn annotate_daemon_set(
        &self,
        namespace: &str,
        name: &str,
        annotation: &str,
        value: &str,
    ) -> Result<(), ClusterError> {
        let attempt = format!("restart DaemonSet {namespace}/{name}");
        let patch = serde_json::json!({
            "spec": { "template": { "metadata": { "annotations": { annotation: value } } } },
        });
        let target = format!("{}?fieldManager=harden", path(namespace, name));
        let question = Question {
            content_type: "application/merge-patch+json",
            ..Question::send(&attempt, Method::PATCH, &target, patch.to_string().into_bytes())
        };
        success(&attempt, self.link.ask(question)?).map(|_| ())
    }

    fn read_daemon_set(&self, namespace: &str, name: &str) -> Result<Option<DaemonSet>, ClusterError> {
        self.get(&format!("read DaemonSet {namespace}/{name}"), &path(namespace, name))
    }
}
