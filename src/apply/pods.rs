//! The last part of a transaction's script: the manifests of static pods, in their order, and what is done beside them. Pure.

use super::material::Payload;
use crate::inventory::ETCD_CLIENT_PORT;
use crate::plan::{Change, NodePlan, Operation, manifest, sha256};
use crate::remote::quote;
use crate::resource::{Kind, NodePath};
use std::fmt::Write as _;

/// Seconds between the end of the API server's port and etcd's stop on the same node. The old API server goes on serving what it
/// has accepted while it drains; were etcd stopped at once, it would fail these requests.
const API_SERVER_LEAD: u32 = 2;

/// The flag that lets an API server end: without it open watches keep the old process until the kubelet kills it.
const WATCH_GRACE: &str = "shutdown-watch-termination-grace-period";

/// Seconds between the end of its port and the end of an API server without that flag: by then it has answered what it had accepted.
const DRAINED: u32 = 5;

/// Replaces static pods. Their manifests are taken away and put back when the kubelet has done with the old pods: it starts the new
/// ones at once then. The API server is stopped before etcd and comes back after it: a kubelet that finds an API server without
/// etcd waits for its answer for 10 s before it starts etcd. What a pod's user needs is done while the old pod is gone.
pub(super) fn manifests(plan: &NodePlan, payloads: &[Payload]) -> String {
    let mut body = String::new();
    let changes = plan.changes.iter().filter(|change| change.resource.kind == Kind::StaticPod);
    let payload_of = |change: &Change| payloads.iter().find(|payload| payload.resource == change.resource);
    let mut pods = Vec::new();
    for change in changes {
        match payload_of(change) {
            Some(payload) => pods.push(Pod { place: Place::of(&payload.path), payload, change }),
            // The program of a manifest that stays may go on meanwhile.
            None => beside_manifest(change, &mut body),
        }
    }
    pods.sort_by_key(|pod| pod.place);
    let rested = rested(plan, payloads);
    if let Some(manifest) = &rested {
        let manifest = quote(manifest);
        let _ = writeln!(body, "rest {manifest}\nclosed {API_SERVER_PORT}\npause {API_SERVER_LEAD}");
    }
    stop(&pods, &mut body);
    let (etcd, rest): (Vec<&Pod<'_>>, Vec<&Pod<'_>>) =
        pods.iter().rev().partition(|pod| pod.place == Place::Etcd);
    start(&etcd, &mut body);
    if !etcd.is_empty() && (rested.is_some() || !rest.is_empty()) {
        // Who waits for it in vain goes on.
        let _ = writeln!(body, "opened {ETCD_CLIENT_PORT}");
    }
    if let Some(manifest) = &rested {
        let _ = writeln!(body, "forgotten {API_SERVER}\nunrest {}", quote(manifest));
    }
    start(&rest, &mut body);
    body
}

/// The manifest of the API server that is stopped while its etcd is replaced, and stays as it is otherwise.
pub(super) fn rested(plan: &NodePlan, payloads: &[Payload]) -> Option<String> {
    let is_written = plan
        .changes
        .iter()
        .any(|change| change.resource.kind == Kind::StaticPod && change.resource.name == API_SERVER);
    if is_written || !plan.restart_pods.iter().any(|component| component == API_SERVER) {
        return None;
    }
    let etcd = payloads.iter().find(|payload| Place::of(&payload.path) == Place::Etcd)?;
    let folder = etcd.path.as_str().strip_suffix(etcd.path.file_name())?;
    Some(format!("{folder}{API_SERVER}.yaml"))
}

/// Puts the new manifests in their places.
fn start(pods: &[&Pod<'_>], body: &mut String) {
    for pod in pods {
        beside_manifest(pod.change, body);
    }
    let replaced = pods.iter().filter(|pod| pod.change.before.is_some());
    let names: String =
        replaced.flat_map(|pod| [String::from(" "), quote(&pod.change.resource.name)]).collect();
    if !names.is_empty() {
        let _ = writeln!(body, "forgotten{names}");
    }
    for pod in pods {
        let _ = writeln!(body, "swap {}", quote(pod.payload.path.as_str()));
    }
}

/// Takes the old manifests away.
fn stop(pods: &[Pod<'_>], body: &mut String) {
    let outlived = pods.iter().find_map(|pod| outlives(pod.change));
    // Seconds since the port of the old API server was closed.
    let mut closed = None;
    for Pod { place, payload, change } in pods {
        let Some(old) = &change.before else { continue };
        if let (Place::Etcd, Some(since)) = (place, &mut closed) {
            let _ = writeln!(body, "pause {API_SERVER_LEAD}");
            *since = API_SERVER_LEAD;
        }
        let _ = writeln!(body, "remove {}", quote(payload.path.as_str()));
        let etcd_follows = pods.iter().any(|pod| pod.place == Place::Etcd);
        if *place == Place::ApiServer && (etcd_follows || outlived.is_some()) {
            let port = flag(old, "secure-port").unwrap_or_else(|| API_SERVER_PORT.to_string());
            let _ = writeln!(body, "closed {}", quote(&port));
            closed = Some(0);
        }
    }
    if let (Some(since), Some(digest)) = (closed, outlived) {
        let _ = writeln!(body, "pause {}\nend_process {digest}", DRAINED - since);
    }
}

/// A static pod that gets a new manifest.
struct Pod<'a> {
    place: Place,
    payload: &'a Payload,
    change: &'a Change,
}

/// In which order static pods are stopped; they are started the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Other,
    ApiServer,
    Etcd,
}

impl Place {
    fn of(path: &NodePath) -> Self {
        match path.file_name() {
            "kube-apiserver.yaml" => Self::ApiServer,
            "etcd.yaml" => Self::Etcd,
            _ => Self::Other,
        }
    }
}

/// Its default.
const API_SERVER_PORT: u16 = 6443;

const API_SERVER: &str = "kube-apiserver";

fn flag(manifest: &str, name: &str) -> Option<String> {
    manifest::flag(manifest, API_SERVER, name).ok().flatten()
}

/// The digest of the old API server's command line, by which its process is told, where it would not end by itself and the new one
/// will.
fn outlives(change: &Change) -> Option<String> {
    let (before, after) = (change.before.as_deref()?, change.after.as_deref()?);
    let is_first = flag(before, WATCH_GRACE).is_none() && flag(after, WATCH_GRACE).is_some();
    if change.resource.name != API_SERVER || !is_first {
        return None;
    }
    let command = manifest::command(before, API_SERVER).ok()?;
    let line: String = command.iter().flat_map(|word| [word.as_str(), "\0"]).collect();
    Some(sha256(line.as_bytes()))
}

/// What is done before a static pod gets its new manifest.
fn beside_manifest(change: &Change, body: &mut String) {
    for operation in &change.operations {
        match operation {
            Operation::StopPod { manifest, held } => {
                let _ = writeln!(body, "stop_pod {} {}", quote(manifest.as_str()), quote(held.as_str()));
            }
            Operation::SetOwners { path, owner, group } => {
                let _ =
                    writeln!(body, "set_owners {} {} {}", quote(path.as_str()), quote(owner), quote(group));
            }
            _ => {}
        }
    }
    for path in removed(&change.operations) {
        let _ = writeln!(body, "remove {}", quote(path.as_str()));
    }
}

/// The files that go.
pub(super) fn removed(operations: &[Operation]) -> impl Iterator<Item = &NodePath> {
    operations.iter().filter_map(|operation| match operation {
        Operation::Remove { path, .. } => Some(path),
        _ => None,
    })
}
