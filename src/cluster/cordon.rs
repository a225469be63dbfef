//! Keeping new pods off a node, and letting them on again. A mark on the node says whose cordon it is.

use super::api::success;
use super::link::Question;
use super::{Api, ClusterError};
use http::Method;
use serde_json::Value;

/// The annotation of a node that harden cordoned.
pub(super) const MARK: &str = "harden/cordoned-by";

impl Api {
    /// Keeps new pods off a node, and marks it.
    pub fn cordon(&self, node: &str, mark: &str) -> Result<(), ClusterError> {
        self.set_cordon(&format!("cordon node {node}"), node, &Value::Bool(true), &Value::from(mark))
    }

    /// Lets new pods on a node again, and takes the mark away.
    pub fn uncordon(&self, node: &str) -> Result<(), ClusterError> {
        self.set_cordon(&format!("uncordon node {node}"), node, &Value::Null, &Value::Null)
    }

    fn set_cordon(
        &self,
        attempt: &str,
        node: &str,
        unschedulable: &Value,
        mark: &Value,
    ) -> Result<(), ClusterError> {
        let patch = serde_json::json!({
            "metadata": { "annotations": { MARK: mark } },
            "spec": { "unschedulable": unschedulable },
        });
        let target = format!("/api/v1/nodes/{node}?fieldManager=harden");
        let question = Question {
            content_type: "application/merge-patch+json",
            ..Question::send(attempt, Method::PATCH, &target, patch.to_string().into_bytes())
        };
        success(attempt, self.link.ask(question)?).map(|_| ())
    }
}
