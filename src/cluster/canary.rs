//! A Secret that exists only to see how one API server stores it and whether the others can read it. What it holds is no secret.

use super::api::success;
use super::link::Question;
use super::{Api, ClusterError};
use http::{Method, StatusCode};

const ROOT: &str = "/api/v1/namespaces/kube-system/secrets";

impl Api {
    /// Creates it, in kube-system.
    pub fn create_canary(&self, name: &str) -> Result<(), ClusterError> {
        let attempt = format!("create Secret kube-system/{name}");
        let secret = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": name, "labels": { "app.kubernetes.io/managed-by": "harden" } },
            "stringData": { "about": "made by harden to test encryption at rest; it can be deleted" },
        });
        let body = secret.to_string().into_bytes();
        success(&attempt, self.link.ask(Question::send(&attempt, Method::POST, ROOT, body))?).map(|_| ())
    }

    /// Whether this API server can read it. An API server without its key answers 500.
    pub fn reads_canary(&self, name: &str) -> Result<bool, ClusterError> {
        let path = format!("{ROOT}/{name}");
        let answer = self.link.ask(Question::get("read a Secret back", &path))?;
        Ok(answer.status.is_success())
    }

    /// Deletes it; that it is gone already is no error.
    pub fn delete_canary(&self, name: &str) -> Result<(), ClusterError> {
        let attempt = format!("delete Secret kube-system/{name}");
        let path = format!("{ROOT}/{name}");
        let answer = self.link.ask(Question::send(&attempt, Method::DELETE, &path, Vec::new()))?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(());
        }
        success(&attempt, answer).map(|_| ())
    }
}
