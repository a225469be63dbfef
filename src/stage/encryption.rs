//! The stages of the first enabling of encryption at rest.
//!
//! The rules, in the order of their weight: nothing that somebody else set up is touched; nobody who writes with the key
//! stops being able to; nobody begins to write before every API server has proven that it reads; and a node that cannot
//! read what is already written gets there in one step.

use super::{
    ControlPlane, EncryptionConfig, EncryptionFile, EncryptionGoal, EncryptionState, Provider, Refusal,
    Scope, Stage, StageInput,
};
use crate::desired::EncryptionPhase;
use crate::inventory::{EncryptionProvider, NodeName};
use crate::plan::{ClusterOperation, Gate, StageTitle};
use crate::resource::ClusterObserved;
use std::collections::BTreeMap;

const READ: (&str, &str) =
    ("encryption-read", "harden every node; every API server learns to read the encryption key");
const WRITE: (&str, &str) = ("encryption-write", "every API server writes with the encryption key");
const REWRITE: (&str, &str) = ("encryption-rewrite", "write every stored value again, and prove it in etcd");
const DECLARED: (&str, &str) = ("declared", "bring every node to the declared state");

/// What is known of one API server.
#[derive(Debug, Clone, Copy)]
struct Server {
    /// The config that it uses; `None` where it has none.
    phase: Option<EncryptionPhase>,
    /// Whether it is proven to have loaded just that config.
    proven: bool,
}

/// The next stage. It depends on nothing but its input; the engine applies it, observes again and asks again, until the
/// stage has nothing left to change and none remains.
pub fn next(input: &StageInput<'_>) -> Result<Stage, Refusal> {
    let Some(goal) = input.goal.as_ref().filter(|goal| goal.provider != EncryptionProvider::None) else {
        return Ok(stage(DECLARED, &[], input.cluster.is_some(), BTreeMap::new()));
    };
    let mut servers = BTreeMap::new();
    for node in &input.control_planes {
        servers.insert(node.name.clone(), server(node, goal, input.cluster)?);
    }
    let written = written(goal, input.cluster)?;
    let writing = written > 0 || servers.values().any(|server| server.phase == Some(EncryptionPhase::Write));
    let all_read = !servers.is_empty() && servers.values().all(|server| server.proven);
    let phases: BTreeMap<NodeName, EncryptionPhase> =
        servers.iter().map(|(name, server)| (name.clone(), target(*server, writing, all_read))).collect();
    let all_write = all_read && servers.values().all(|server| server.phase == Some(EncryptionPhase::Write));
    let live = input.cluster.is_some();
    let mut stage = if all_write && is_rewritten(goal, input.cluster) {
        stage(DECLARED, &[], live, phases)
    } else if all_write {
        stage(REWRITE, &[], live, phases)
    } else if writing || all_read {
        stage(WRITE, &[REWRITE], live, phases)
    } else {
        stage(READ, &[WRITE, REWRITE], live, phases)
    };
    if stage.title.name == REWRITE.0 {
        stage.operations.push(ClusterOperation::RewriteEncrypted {
            resources: goal.resources.iter().cloned().collect(),
            prefix: goal.prefix(),
        });
    }
    if live {
        let loaded = |node: &NodeName| Gate::EncryptionLoaded { node: node.clone(), path: goal.path.clone() };
        stage.gates = servers.keys().map(loaded).collect();
    }
    Ok(stage)
}

/// The config that a node gets. It never goes back from writing to reading only.
fn target(server: Server, writing: bool, all_read: bool) -> EncryptionPhase {
    let write = match server.phase {
        Some(EncryptionPhase::Write) => true,
        Some(EncryptionPhase::Read) => all_read,
        // It cannot read what the others write: it must not wait for a second restart.
        None => writing,
    };
    if write { EncryptionPhase::Write } else { EncryptionPhase::Read }
}

fn server(
    node: &ControlPlane,
    goal: &EncryptionGoal,
    cluster: Option<&ClusterObserved>,
) -> Result<Server, Refusal> {
    let nothing = Server { phase: None, proven: false };
    let Some(state) = &node.state else { return Ok(nothing) };
    check_flag(node, state, goal)?;
    let (config, sha256) = match &state.file {
        EncryptionFile::Absent => return Ok(nothing),
        EncryptionFile::Unreadable(reason) => {
            let (node, path, reason) = (node.name.clone(), goal.path.clone(), reason.clone());
            return Err(Refusal::UnreadableConfig { node, path, reason });
        }
        EncryptionFile::Present { config, sha256 } => (config, sha256),
    };
    let phase = phase(node, config, goal)?;
    // A file that no API server is told of is a leftover of an interrupted run: nobody reads by it, nobody writes by it.
    if state.flag.is_none() {
        return Ok(nothing);
    }
    let loaded = cluster.and_then(|cluster| cluster.loaded_encryption.get(node.name.as_str())?.as_deref());
    let proven = loaded.is_some_and(|hash| hash.strip_prefix("sha256:").unwrap_or(hash) == sha256);
    Ok(Server { phase: Some(phase), proven })
}

fn check_flag(node: &ControlPlane, state: &EncryptionState, goal: &EncryptionGoal) -> Result<(), Refusal> {
    match &state.flag {
        Some(found) if found != goal.path.as_str() => {
            Err(Refusal::OtherPath { node: node.name.clone(), found: found.clone(), path: goal.path.clone() })
        }
        _ => Ok(()),
    }
}

/// Which of harden's two configs it is; anything else is somebody else's.
fn phase(
    node: &ControlPlane,
    config: &EncryptionConfig,
    goal: &EncryptionGoal,
) -> Result<EncryptionPhase, Refusal> {
    let foreign =
        |reason: String| Refusal::ForeignConfig { node: node.name.clone(), path: goal.path.clone(), reason };
    let [(resources, providers)] = &config.groups[..] else {
        return Err(foreign(format!("it has {} groups of resources instead of one", config.groups.len())));
    };
    if *resources != goal.resources {
        let list: Vec<&str> = resources.iter().map(String::as_str).collect();
        return Err(foreign(format!("it is for {}", list.join(", "))));
    }
    let mut order = Vec::new();
    for entry in providers {
        match entry {
            Provider::Identity => order.push(None),
            Provider::Key { provider, name, sha256 }
                if *provider == goal.provider_name() && *name == goal.key =>
            {
                if sha256.is_none() || *sha256 != goal.key_sha256 {
                    return Err(Refusal::KeyDiffers { node: node.name.clone(), key: name.clone() });
                }
                order.push(Some(()));
            }
            Provider::Key { provider, name, .. } => {
                return Err(foreign(format!("it has the {provider} key `{name}`")));
            }
            Provider::Other(provider) => return Err(foreign(format!("it has the provider {provider}"))),
        }
    }
    match order[..] {
        [None, Some(())] => Ok(EncryptionPhase::Read),
        // Dropping `identity` at the end of the procedure is a choice that Kubernetes' documentation offers.
        [Some(()), None] | [Some(())] => Ok(EncryptionPhase::Write),
        _ => Err(foreign(String::from("its providers are not just the key and identity"))),
    }
}

/// How many values etcd holds that are written with the key; refuses those of any other key.
fn written(goal: &EncryptionGoal, cluster: Option<&ClusterObserved>) -> Result<usize, Refusal> {
    let mut written = 0;
    for resource in &goal.resources {
        let stored = cluster.and_then(|cluster| cluster.stored.get(resource));
        for (prefix, count) in stored.into_iter().flatten().filter(|(_, count)| **count > 0) {
            if *prefix == goal.prefix() {
                written += count;
            } else if !prefix.is_empty() {
                let (resource, prefix, count) = (resource.clone(), prefix.clone(), *count);
                return Err(Refusal::StoredWithOtherKey { resource, prefix, count });
            }
        }
    }
    Ok(written)
}

/// Whether etcd is known to hold nothing in plain text of what must be encrypted.
fn is_rewritten(goal: &EncryptionGoal, cluster: Option<&ClusterObserved>) -> bool {
    goal.resources.iter().all(|resource| {
        cluster
            .and_then(|cluster| cluster.stored.get(resource))
            .is_some_and(|stored| stored.iter().all(|(prefix, count)| *count == 0 || !prefix.is_empty()))
    })
}

fn stage(
    title: (&str, &str),
    remaining: &[(&str, &str)],
    live: bool,
    encryption: BTreeMap<NodeName, EncryptionPhase>,
) -> Stage {
    let named = |(name, title): &(&str, &str), note: &str| StageTitle {
        name: (*name).to_owned(),
        title: format!("{title}{note}"),
    };
    let note = if live { "" } else { " (needs a running cluster)" };
    Stage {
        title: named(&title, ""),
        remaining: remaining.iter().map(|stage| named(stage, note)).collect(),
        scope: Scope::All,
        encryption,
        gates: Vec::new(),
        operations: Vec::new(),
    }
}
