//! The pods of one node, and asking the API to evict one of them. Whether it may be evicted now is the API's to say: it knows
//! the `PodDisruptionBudgets`. Which pods should be, and how often to ask, is the caller's.

use super::api::{parse, refusal, success};
use super::link::{Answer, PAGE_LIMIT, Question};
use super::{Api, ClusterError};
use http::{Method, StatusCode};
use k8s_openapi::api::core::v1::Pod;
use serde::Deserialize;
use std::time::Duration;

/// What the API begins the cause of a refusal with, before the name of the budget.
const BUDGET: &str = "The disruption budget ";

/// A pod that is bound to a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodOnNode {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What tells it from a later pod of the same name.
    pub uid: String,
    /// Whether it has come to its end and runs nothing any more.
    pub finished: bool,
    /// Whether it is being deleted already.
    pub terminating: bool,
    /// Whether it is the API's image of a static pod.
    pub mirror: bool,
    /// The kind of the controller that creates it again; `None` where none does.
    pub controller: Option<String>,
    /// Its emptyDir volumes, whose data is lost with it.
    pub empty_dirs: Vec<String>,
}

impl From<Pod> for PodOnNode {
    fn from(pod: Pod) -> Self {
        let metadata = pod.metadata;
        let owners = metadata.owner_references.unwrap_or_default();
        let controller = owners.into_iter().find(|owner| owner.controller == Some(true));
        let annotations = metadata.annotations.unwrap_or_default();
        let phase = pod.status.and_then(|status| status.phase).unwrap_or_default();
        let volumes = pod.spec.and_then(|spec| spec.volumes).unwrap_or_default();
        let empty_dirs = volumes.into_iter().filter(|volume| volume.empty_dir.is_some());
        Self {
            namespace: metadata.namespace.unwrap_or_default(),
            name: metadata.name.unwrap_or_default(),
            uid: metadata.uid.unwrap_or_default(),
            finished: matches!(phase.as_str(), "Succeeded" | "Failed"),
            terminating: metadata.deletion_timestamp.is_some(),
            mirror: annotations.contains_key("kubernetes.io/config.mirror"),
            controller: controller.map(|owner| owner.kind),
            empty_dirs: empty_dirs.map(|volume| volume.name).collect(),
        }
    }
}

/// What the API said to an eviction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Eviction {
    /// The pod is being deleted.
    Accepted,
    /// The pod is not there any more; another one of its name may be.
    Gone,
    /// Not now.
    Blocked(Blocked),
}

/// Why a pod cannot be evicted now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// The `PodDisruptionBudget` in the pod's namespace that does not allow it; `None` where it is something else.
    pub budget: Option<String>,
    /// Why, in the API's words.
    pub message: String,
    /// When to ask again, where the API says so.
    pub retry_after: Option<Duration>,
}

#[derive(Deserialize)]
struct Pods {
    items: Vec<Pod>,
}

#[derive(Deserialize, Default)]
struct Status {
    #[serde(default)]
    message: String,
    #[serde(default)]
    details: Option<Details>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Details {
    #[serde(default)]
    causes: Vec<Cause>,
    #[serde(default)]
    retry_after_seconds: u64,
}

#[derive(Deserialize, Default)]
struct Cause {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
}

impl Status {
    fn cause(&self, reason: &str) -> Option<&Cause> {
        self.details.iter().flat_map(|details| &details.causes).find(|cause| cause.reason == reason)
    }
}

impl Api {
    /// The pods that are bound to a node, by namespace and name.
    pub fn pods_on(&self, node: &str) -> Result<Vec<PodOnNode>, ClusterError> {
        let attempt = format!("list the pods on {node}");
        let path = format!("/api/v1/pods?fieldSelector=spec.nodeName%3D{node}");
        let question = Question { limit: PAGE_LIMIT, ..Question::get(&attempt, &path) };
        let reply: Pods = parse(&attempt, &success(&attempt, self.link.ask(question)?)?)?;
        let mut pods: Vec<PodOnNode> = reply.items.into_iter().map(PodOnNode::from).collect();
        pods.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        Ok(pods)
    }

    /// Asks for the eviction of just this pod.
    pub fn evict(&self, pod: &PodOnNode) -> Result<Eviction, ClusterError> {
        let PodOnNode { namespace, name, uid, .. } = pod;
        let attempt = format!("evict pod {namespace}/{name}");
        let eviction = serde_json::json!({
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": { "namespace": namespace, "name": name },
            "deleteOptions": { "preconditions": { "uid": uid } },
        });
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/eviction");
        let body = eviction.to_string().into_bytes();
        judge(&attempt, &self.link.ask(Question::send(&attempt, Method::POST, &path, body))?)
    }
}

fn judge(attempt: &str, answer: &Answer) -> Result<Eviction, ClusterError> {
    let status: Status = serde_json::from_slice(&answer.body).unwrap_or_default();
    match answer.status {
        code if code.is_success() => Ok(Eviction::Accepted),
        // 409: the pod of that name has another uid.
        StatusCode::NOT_FOUND | StatusCode::CONFLICT => Ok(Eviction::Gone),
        StatusCode::TOO_MANY_REQUESTS => Ok(Eviction::Blocked(blocked(&status))),
        // Its namespace is being deleted, and it with that.
        StatusCode::FORBIDDEN if status.cause("NamespaceTerminating").is_some() => Ok(Eviction::Accepted),
        _ => Err(refusal(attempt, answer)),
    }
}

/// <https://github.com/kubernetes/kubernetes/blob/v1.35.0/pkg/registry/core/pod/storage/eviction.go>: the name of the budget is in the
/// words of the cause only.
fn blocked(status: &Status) -> Blocked {
    let cause = status.cause("DisruptionBudget");
    let budget = cause.and_then(|cause| cause.message.strip_prefix(BUDGET)?.split(' ').next());
    let message = cause.map_or(&status.message, |cause| &cause.message);
    let seconds = status.details.as_ref().map(|details| details.retry_after_seconds);
    Blocked {
        budget: budget.map(str::to_owned),
        message: if message.is_empty() { String::from("too many requests") } else { message.clone() },
        retry_after: seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: u16, body: &str) -> Result<Eviction, ClusterError> {
        let answer = Answer { status: StatusCode::from_u16(code).unwrap(), body: body.as_bytes().to_vec() };
        judge("evict pod a/b", &answer)
    }

    #[test]
    fn a_budget_that_does_not_allow_it_is_named() {
        let body = r#"{"kind":"Status","status":"Failure","message":"Cannot evict pod as it would violate the pod's disruption budget.","reason":"TooManyRequests","details":{"causes":[{"reason":"DisruptionBudget","message":"The disruption budget web needs 2 healthy pods and has 2 currently"}]},"code":429}"#;
        let Ok(Eviction::Blocked(blocked)) = said(429, body) else { panic!() };
        assert_eq!(blocked.budget.as_deref(), Some("web"));
        assert_eq!(blocked.message, "The disruption budget web needs 2 healthy pods and has 2 currently");
        assert_eq!(blocked.retry_after, None);
        let body = r#"{"message":"Cannot evict pod as it would violate the pod's disruption budget.","details":{"causes":[{"reason":"DisruptionBudget","message":"The disruption budget web is still being processed by the server."}],"retryAfterSeconds":10}}"#;
        let Ok(Eviction::Blocked(blocked)) = said(429, body) else { panic!() };
        assert_eq!(blocked.retry_after, Some(Duration::from_secs(10)));
        // A busy server: plain text.
        let Ok(Eviction::Blocked(blocked)) = said(429, "Too many requests, please try again later.") else {
            panic!()
        };
        assert_eq!((blocked.budget, blocked.message.as_str()), (None, "too many requests"));
    }

    #[test]
    fn what_is_gone_or_going_is_no_error() {
        assert_eq!(said(201, "{}").unwrap(), Eviction::Accepted);
        assert_eq!(said(404, "{}").unwrap(), Eviction::Gone);
        assert_eq!(said(409, "{}").unwrap(), Eviction::Gone);
        let ending = r#"{"message":"x","details":{"causes":[{"reason":"NamespaceTerminating"}]}}"#;
        assert_eq!(said(403, ending).unwrap(), Eviction::Accepted);
        assert!(said(403, r#"{"message":"forbidden"}"#).is_err());
        let two = r#"{"message":"This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."}"#;
        assert!(said(500, two).unwrap_err().to_string().contains("more than one PodDisruptionBudget"));
    }

    #[test]
    fn a_pod_tells_what_becomes_of_it() {
        let pod = r#"{"metadata":{"namespace":"a","name":"b","uid":"1","ownerReferences":[
            {"apiVersion":"v1","kind":"Node","name":"n","uid":"2"},
            {"apiVersion":"apps/v1","kind":"ReplicaSet","name":"r","uid":"3","controller":true}]},
            "spec":{"containers":[],"volumes":[{"name":"cache","emptyDir":{}},{"name":"host","hostPath":{"path":"/"}}]},
            "status":{"phase":"Running"}}"#;
        let pod = PodOnNode::from(serde_json::from_str::<Pod>(pod).unwrap());
        assert_eq!(pod.controller.as_deref(), Some("ReplicaSet"));
        assert_eq!(pod.empty_dirs, ["cache"]);
        assert!(!pod.finished && !pod.mirror && !pod.terminating);
    }
}
