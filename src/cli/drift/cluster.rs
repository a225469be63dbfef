//! What is of no node in a drift check: kubeadm's own records, and the objects that manifests beside the inventory declare. Read
//! through the API of a control-plane node, with GET and nothing else.

use super::gather::Check;
use crate::cli::Error;
use crate::cluster::{ClusterError, ReadApi, Writing};
use crate::drift::{self, Report};
use crate::error::Chain;
use crate::event::{Event, Listener};
use crate::health::ReadReach;
use crate::inventory::{NodeName, Role};
use crate::manifests::{self, Manifest};
use crate::plan::{self, ClusterChange, ClusterOperation, StageTitle};
use crate::remote::Reader;
use crate::resource::{ClusterObserved, ConfigMapKey, DaemonSetState, Desired, Observed, ObservedKey};
use serde_json::Value;
use std::collections::BTreeMap;

/// The name that harden gives itself when it writes.
const OURSELVES: &str = "harden";
/// What writes to objects that it does not declare, such as how often a Deployment was rolled out.
const COUNTERS: [&str; 2] = ["kube-controller-manager", "kube-scheduler"];
/// What is said where no API can be asked since the keys of the control planes are locked.
const LOCKED: &str =
    "the cluster's own records were not looked at: a key that is locked to the probe reaches no API";

/// What was read of the cluster.
#[derive(Default)]
struct Records {
    cluster: ClusterObserved,
    /// Who wrote each record last.
    writings: BTreeMap<String, Writing>,
}

/// Adds what differs in the cluster to the report. Where no API can be asked it says so, and the nodes' findings stand.
pub(super) fn judge(
    check: &Check<'_>,
    desired: BTreeMap<NodeName, Desired>,
    observed: BTreeMap<NodeName, Observed>,
    readers: BTreeMap<NodeName, Box<dyn Reader>>,
    report: &mut Report,
    listener: &Listener<'_>,
) -> Result<(), Error> {
    let inventory = &check.pipeline.inventory;
    let (mut reach, mut is_locked) = (ReadReach::new(), false);
    for (node, reader) in readers {
        let is_plane = inventory.node(&node).is_some_and(|node| node.roles.contains(&Role::ControlPlane));
        if is_plane && observed.get(&node).is_some_and(|state| state.facts.live) {
            is_locked |= reader.is_locked();
            if !reader.is_locked() {
                reach.add(node, reader);
            }
        }
    }
    if reach.control_planes().next().is_none() {
        if is_locked {
            report.notices.push(String::from(LOCKED));
        }
        return Ok(());
    }
    listener(Event::Cluster { step: String::from("read the cluster's records") });
    let declared = declared(check)?;
    let answer = reach.ask(|api| Ok((records(api)?, objects(api, &declared)?)));
    let (records, items) = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let text = Chain(&error).to_string();
            report.notices.push(format!("the cluster's own records could not be read: {text}"));
            report.cluster_error = Some(text);
            return Ok(());
        }
    };
    // Who has never applied to a control plane has never written its record either.
    let has_applied = inventory
        .with_role(Role::ControlPlane)
        .any(|node| observed.get(&node.name).is_some_and(|state| state.applied.is_some()));
    let (changes, notices) = plan::cluster_differences(&inputs(check, desired, observed, &records.cluster))
        .map_err(Error::hinted)?;
    report.notices.extend(notices);
    for change in &changes {
        let writing = records.writings.get(&subject(change)).filter(|writing| writing.manager != OURSELVES);
        let by_others = writing.filter(|_| has_applied).map(|writing| (writing.manager.as_str(), writing.at));
        report.cluster_items.push(drift::of_cluster(change, by_others));
    }
    report.cluster_items.extend(items);
    Ok(())
}

/// What a writing is kept under: the ConfigMap of a record.
fn subject(change: &ClusterChange) -> String {
    match &change.operation {
        ClusterOperation::ReplaceConfigMapKey { namespace, name, .. } => format!("{namespace}/{name}"),
        _ => String::new(),
    }
}

fn records(api: &ReadApi) -> Result<Records, ClusterError> {
    let mut records = Records::default();
    for key in ConfigMapKey::ALL {
        let Some(record) = api.record(key)? else { continue };
        let (namespace, name, _) = key.place();
        records.writings.extend(record.writing.map(|writing| (format!("{namespace}/{name}"), writing)));
        let observed = ObservedKey { value: record.value, resource_version: record.resource_version };
        records.cluster.config_maps.insert(key, observed);
    }
    let kube_proxy = api.object("apps/v1", "DaemonSet", Some("kube-system"), "kube-proxy")?;
    records.cluster.kube_proxy = kube_proxy.map(|set| DaemonSetState {
        annotations: serde_json::from_value(set["spec"]["template"]["metadata"]["annotations"].clone())
            .unwrap_or_default(),
    });
    Ok(records)
}

/// The objects of the cluster's own manifests: the network plugin's, and the others that the inventory names.
fn declared(check: &Check<'_>) -> Result<Vec<Manifest>, Error> {
    let bootstrap = &check.pipeline.inventory.bootstrap;
    let mut declared = Vec::new();
    for path in bootstrap.cni.iter().chain(&bootstrap.manifests) {
        declared.extend(manifests::read(path).map_err(Error::hinted)?);
    }
    Ok(declared)
}

fn objects(api: &ReadApi, declared: &[Manifest]) -> Result<Vec<drift::Item>, ClusterError> {
    let mut items = Vec::new();
    for manifest in declared {
        let text = |pointer: &str| manifest.value().pointer(pointer).and_then(Value::as_str);
        let namespace = text("/metadata/namespace");
        let version = text("/apiVersion").unwrap_or_default();
        let live = api.object(version, manifest.kind(), namespace, manifest.name())?;
        let by = live.as_ref().and_then(last_other);
        let by = by.as_ref().map(|writing| (writing.manager.as_str(), writing.at));
        items.extend(drift::object(&manifest.title(), manifest.value(), live.as_ref(), by));
    }
    Ok(items)
}

/// Who wrote to an object after harden did, its status and the like aside.
fn last_other(object: &Value) -> Option<Writing> {
    let last = Writing::last_beside(object, &COUNTERS)?;
    (last.manager != OURSELVES).then_some(last)
}

/// What the cluster's records are judged by.
fn inputs<'a>(
    check: &'a Check<'_>,
    desired: BTreeMap<NodeName, Desired>,
    observed: BTreeMap<NodeName, Observed>,
    cluster: &'a ClusterObserved,
) -> plan::Inputs<'a> {
    let pipeline = check.pipeline;
    plan::Inputs {
        inventory: &pipeline.inventory,
        desired,
        rendered_with: BTreeMap::new(),
        observed,
        unreachable: Vec::new(),
        cluster: Some(cluster),
        stage: StageTitle { name: String::new(), title: String::new() },
        remaining: Vec::new(),
        stage_gates: Vec::new(),
        stage_changes: Vec::new(),
        partial: pipeline.partial.is_some(),
        notices: Vec::new(),
        now: pipeline.now,
        digest: String::new(),
        limit: pipeline.limit.clone(),
        max_unavailable: pipeline.inventory.apply.max_unavailable,
        joining: plan::join::Joining::default(),
    }
}
