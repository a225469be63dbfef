//! The last part of a transaction's script: the manifests of static pods, in their order, and what is done beside them. Pure.

use super::material::Payload;
use crate::plan::{Change, NodePlan, Operation, manifest, sha256};
use crate::remote::quote;
use crate::resource::{Kind, NodePath};
use std::fmt::Write as _;

/// Seconds between the API server's manifest and etcd's on the same node. The old API server says that it is not ready as
/// soon as it is asked to stop, and goes on serving while it drains; were etcd restarted at once, it would fail requests
/// that a load balancer still sends there.
const API_SERVER_LEAD: u32 = 5;

/// The flag that lets an API server end: without it open watches keep the old process until the kubelet kills it.
const WATCH_GRACE: &str = "shutdown-watch-termination-grace-period";

/// Seconds after an API server without that flag closed its port: by then it has answered what it had accepted.
const DRAINED: u32 = 8;

/// The manifests of static pods, each of which the kubelet acts on at once. The API server goes before etcd. What a pod's user
/// needs is done beside its manifest, while the old pod is gone.
pub(super) fn manifests(plan: &NodePlan, payloads: &[Payload]) -> String {
    let place = |path: &NodePath| match path.file_name() {
        "kube-apiserver.yaml" => 1,
        "etcd.yaml" => 2,
        _ => 0,
    };
    let mut body = String::new();
    let pods = plan.changes.iter().filter(|change| change.resource.kind == Kind::StaticPod);
    let (written, kept): (Vec<&Change>, Vec<&Change>) =
        pods.partition(|change| payloads.iter().any(|payload| payload.resource == change.resource));
    // The program of a manifest that stays may go on meanwhile.
    for change in kept {
        beside_manifest(change, &mut body);
    }
    let mut pods: Vec<(&Payload, Option<&Change>)> = payloads
        .iter()
        .filter(|payload| payload.resource.kind == Kind::StaticPod)
        .map(|payload| (payload, written.iter().find(|change| change.resource == payload.resource).copied()))
        .collect();
    pods.sort_by_key(|(payload, _)| place(&payload.path));
    let mut before = 0;
    for (payload, change) in pods {
        if before == 1 && place(&payload.path) == 2 {
            let _ = writeln!(body, "pause {API_SERVER_LEAD}");
        }
        before = place(&payload.path);
        if let Some(change) = change {
            beside_manifest(change, &mut body);
        }
        let _ = writeln!(body, "swap {}", quote(payload.path.as_str()));
    }
    written.into_iter().filter_map(hasten).for_each(|line| body.push_str(&line));
    body
}

/// Ends the old API server where it would not end by itself. Its process is told by its command, which is the old manifest's.
fn hasten(change: &Change) -> Option<String> {
    const COMPONENT: &str = "kube-apiserver";
    let (before, after) = (change.before.as_deref()?, change.after.as_deref()?);
    let has = |text: &str, name: &str| manifest::flag(text, COMPONENT, name).ok().flatten();
    if change.resource.name != COMPONENT
        || has(before, WATCH_GRACE).is_some()
        || has(after, WATCH_GRACE).is_none()
    {
        return None;
    }
    let command = manifest::command(before, COMPONENT).ok()?;
    let line: String = command.iter().flat_map(|word| [word.as_str(), "\0"]).collect();
    let port = has(before, "secure-port").unwrap_or_else(|| String::from("6443"));
    Some(format!("hasten {} {} {DRAINED}\n", sha256(line.as_bytes()), quote(&port)))
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
