//! Which kubelets get a certificate of the cluster's CA, and which API servers may trust no others.
//!
//! The rules, in the order of their weight: an API server that trusts no other kubelets is never taken back; none begins to
//! before every kubelet of the cluster has shown in a handshake that it serves with such a certificate; and nothing is begun
//! that cannot be finished, for want of the CA's key or since somebody else has set it up in another way.

use crate::error::Chain;
use crate::inventory::NodeName;
use crate::pki;
use crate::plan::yaml;
use crate::resource::{
    CertificateFacts, CertificateSpec, CertificateState, ClusterObserved, FileState, NodePath, Observed,
    ObservedContent, Usage,
};
use std::collections::{BTreeMap, BTreeSet};

const FLAG: &str = "--kubelet-certificate-authority";

/// Everything that the procedure depends on.
#[derive(Debug, Clone)]
pub struct ServingInput<'a> {
    /// Whether the inventory asks for it.
    pub wanted: bool,
    /// The CA's certificate, the value of the API servers' flag.
    pub authority: NodePath,
    /// Every node of the inventory that has a kubelet.
    pub nodes: Vec<ServingNode>,
    /// The running cluster; `None` where there is none (directory trees) or it cannot be read.
    pub cluster: Option<&'a ClusterObserved>,
}

/// A node with a kubelet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServingNode {
    /// Its name.
    pub name: NodeName,
    /// Whether it has an API server.
    pub control_plane: bool,
    /// What was observed on it; `None` where it could not be read.
    pub state: Option<ServingState>,
    /// What its kubelet shows in a handshake; `None` while it was not asked.
    pub served: Option<Served>,
}

/// What a kubelet shows in a handshake: nothing that is wrong, or why it does not count.
pub type Served = Result<(), String>;

/// What a node's files say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServingState {
    /// The value of `--kubelet-certificate-authority` in its API server's manifest.
    pub flag: Option<String>,
    /// Whether a template makes a certificate for its kubelet.
    pub has_template: bool,
    /// Whether the CA's key is on it, or in the store.
    pub holds_key: bool,
    /// The certificates in its copy of the CA's certificate.
    pub authorities: BTreeSet<String>,
    /// What its kubelet lacks to serve with a certificate of harden's; `None` where it has everything.
    pub lacks: Option<String>,
}

/// What a node should have; the probe must have asked for all of it.
#[derive(Debug, Clone, Copy)]
pub struct ServingWish<'a> {
    /// The certificate; `None` where no template makes one.
    pub certificate: Option<&'a CertificateSpec>,
    /// The kubelet's configuration.
    pub config: &'a NodePath,
    /// The API server's manifest.
    pub manifest: &'a NodePath,
    /// The names that the API knows the node by.
    pub names: &'a BTreeSet<String>,
    /// Seconds since 1970.
    pub now: i64,
}

impl ServingState {
    /// Reads it out of what was observed on a node.
    pub fn read(observed: &Observed, wish: &ServingWish<'_>) -> Self {
        let flag = super::flag(observed.files.get(wish.manifest), FLAG);
        let Some(spec) = wish.certificate else {
            let lacks = Some(String::from("no template makes a certificate for it"));
            return Self { flag, lacks, ..Self::default() };
        };
        Self {
            flag,
            has_template: true,
            holds_key: spec.stored_issuer.is_some()
                || matches!(observed.files.get(&spec.issuer_key_path), Some(FileState::Present(_))),
            authorities: observed.authorities.get(&spec.issuer_path).cloned().unwrap_or_default(),
            lacks: lacks(observed, spec, wish),
        }
    }
}

fn lacks(observed: &Observed, spec: &CertificateSpec, wish: &ServingWish<'_>) -> Option<String> {
    let facts = match observed.certificates.get(&spec.path) {
        Some(CertificateState::Present(facts)) => facts,
        Some(CertificateState::WithoutKey(_)) => return Some(format!("{} has no key", spec.path)),
        Some(CertificateState::Unreadable(reason)) => return Some(format!("{}: {reason}", spec.path)),
        Some(CertificateState::Absent) | None => return Some(format!("it has no {}", spec.path)),
    };
    if let Some(reason) = shortcoming(facts, wish.names, wish.now) {
        return Some(format!("{} {reason}", spec.path));
    }
    if facts.not_after - wish.now < spec.renewal_window() {
        return Some(format!("{} must be renewed", spec.path));
    }
    let config = match observed.files.get(wish.config) {
        Some(FileState::Present(file)) => match &file.content {
            ObservedContent::Text(text) => yaml::parse(text).unwrap_or_default(),
            _ => serde_json::Value::Null,
        },
        _ => serde_json::Value::Null,
    };
    let named = [("tlsCertFile", Some(&spec.path)), ("tlsPrivateKeyFile", spec.key_path())];
    for (key, path) in named.into_iter().filter_map(|(key, path)| Some((key, path?))) {
        if config.get(key).and_then(|value| value.as_str()) != Some(path.as_str()) {
            return Some(format!("its configuration does not name {path} as {key}"));
        }
    }
    None
}

/// Why an API server would not take a certificate for the kubelet of the node with these names.
pub fn shortcoming(facts: &CertificateFacts, names: &BTreeSet<String>, now: i64) -> Option<String> {
    if !facts.signed_by_issuer {
        return Some(String::from("is not signed by the cluster's CA"));
    }
    if now < facts.not_before || facts.not_after <= now {
        return Some(String::from("is not valid now"));
    }
    if !facts.usages.contains(&Usage::Server) {
        return Some(String::from("is not for servers"));
    }
    let has = |name: &&String| match name.parse() {
        Ok(address) => facts.addresses.contains(&address),
        Err(_) => facts.dns_names.contains(*name),
    };
    names.iter().find(|name| !has(name)).map(|name| format!("is not for {name}"))
}

/// What a kubelet's certificate is worth to the API servers, by the CA's certificate that each of them has: while the CA is changed
/// these may differ, and one that knows only another key would not reach the kubelet.
pub fn judge(
    certificate: &[u8],
    authorities: &BTreeMap<NodeName, Vec<u8>>,
    names: &BTreeSet<String>,
    now: i64,
) -> Served {
    for (node, authority) in authorities {
        let facts = pki::read(certificate, Some(authority))
            .map_err(|error| format!("cannot be judged with the CA of {node}: {}", Chain(&error)))?;
        if let Some(reason) = shortcoming(&facts, names, now) {
            let whose = if facts.signed_by_issuer { String::new() } else { format!(", as {node} has it") };
            return Err(format!("serves with a certificate that {reason}{whose}"));
        }
    }
    Ok(())
}

/// What comes next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServingStep {
    /// The nodes whose kubelets have, or get, a certificate of harden's.
    pub certificates: BTreeSet<NodeName>,
    /// The control-plane nodes whose API servers trust, or come to trust, no kubelets but those.
    pub trusting: BTreeSet<NodeName>,
    /// Kubelets must be changed before any API server: the stage of the kubelets comes first.
    pub kubelets_first: bool,
    /// Everything is in place as far as files tell: the kubelets must be asked, and then this function again.
    pub ask: bool,
    /// What the API servers wait for, by node.
    pub waiting: BTreeMap<NodeName, String>,
    /// What the user should know.
    pub notices: Vec<String>,
}

impl ServingStep {
    /// The step without a stage of its own, for when that stage has nothing left to do within the present limit: what the API
    /// servers wait for is told instead.
    #[must_use]
    pub fn without_stage(mut self) -> Self {
        self.kubelets_first = false;
        if !self.waiting.is_empty() {
            let list: Vec<String> =
                self.waiting.iter().map(|(node, reason)| format!("{node} ({reason})")).collect();
            self.notices.push(format!("{FLAG} of the API servers waits for {}", list.join(", ")));
        }
        self
    }
}

/// What comes next. It depends on nothing but its input.
pub fn serving(input: &ServingInput<'_>) -> ServingStep {
    let mut step = ServingStep::default();
    if !input.wanted {
        return step;
    }
    if let Some((node, flag)) = foreign(input) {
        step.notices.push(format!(
            "{node}: its API server trusts kubelets by {flag}, not by {}: kubelet serving certificates are left alone; set `serving-certificates = false` under [kubelet] to say so",
            input.authority
        ));
        return step;
    }
    certificates(input, &mut step);
    let is_trusting = |node: &ServingNode| node.state.as_ref().is_some_and(|state| state.flag.is_some());
    let servers = || input.nodes.iter().filter(|node| node.control_plane);
    step.trusting = servers().filter(|node| is_trusting(node)).map(|node| node.name.clone()).collect();
    if step.certificates.is_empty() || servers().all(is_trusting) {
        return step;
    }
    let Some(cluster) = input.cluster else {
        step.notices.push(format!("{FLAG} of the API servers needs running kubelets and is not planned"));
        return step;
    };
    wait(input, cluster, &mut step);
    if step.kubelets_first {
        return step;
    }
    if step.waiting.is_empty() && !step.ask {
        step.trusting = servers().map(|node| node.name.clone()).collect();
    }
    if step.ask { step } else { step.without_stage() }
}

/// An API server that trusts kubelets by another CA: certificates of this one would cut them off.
fn foreign<'a>(input: &'a ServingInput<'_>) -> Option<(&'a NodeName, &'a str)> {
    input.nodes.iter().find_map(|node| {
        let flag = node.state.as_ref()?.flag.as_deref()?;
        (flag != input.authority.as_str()).then_some((&node.name, flag))
    })
}

/// Everybody gets one where the CA's key can be had; otherwise those that have one keep it.
fn certificates(input: &ServingInput<'_>, step: &mut ServingStep) {
    let has_key = input.nodes.iter().any(|node| node.state.as_ref().is_some_and(|state| state.holds_key));
    let mut without = Vec::new();
    for node in &input.nodes {
        // A configuration that names a certificate which nobody makes would keep the kubelet from starting.
        if node.state.as_ref().is_some_and(|state| !state.has_template) {
            continue;
        }
        let lacks = node.state.as_ref().is_some_and(|state| state.lacks.is_some());
        if has_key || !lacks {
            step.certificates.insert(node.name.clone());
        } else {
            without.push(node.name.as_str());
        }
    }
    if !without.is_empty() {
        step.notices.push(format!(
            "no kubelet serving certificate for {}: no control-plane node holds the key of {}; put it on one of them for the time of an apply, or set `serving-certificates = false` under [kubelet]",
            without.join(", "),
            input.authority
        ));
    }
}

/// What the API servers wait for.
fn wait(input: &ServingInput<'_>, cluster: &ClusterObserved, step: &mut ServingStep) {
    let known: BTreeSet<&str> = input.nodes.iter().map(|node| node.name.as_str()).collect();
    let strangers: Vec<&str> =
        cluster.nodes.keys().map(String::as_str).filter(|name| !known.contains(name)).collect();
    for node in strangers {
        let reason = String::from("it is in the cluster and not in the inventory");
        step.waiting.insert(NodeName(node.to_owned()), reason);
    }
    let can_be_finished = step.waiting.is_empty();
    let mut authorities: Option<BTreeSet<String>> = None;
    for node in &input.nodes {
        let Some(state) = &node.state else {
            step.waiting.insert(node.name.clone(), String::from("it could not be read"));
            continue;
        };
        authorities = Some(match authorities {
            None => state.authorities.clone(),
            Some(common) => common.intersection(&state.authorities).cloned().collect(),
        });
        if let Some(lack) = &state.lacks {
            step.waiting.insert(node.name.clone(), lack.clone());
            step.kubelets_first |= can_be_finished && step.certificates.contains(&node.name);
        } else if authorities.as_ref().is_some_and(BTreeSet::is_empty) {
            step.waiting
                .insert(node.name.clone(), format!("its {} is not that of the others", input.authority));
        }
    }
    if !step.waiting.is_empty() {
        return;
    }
    for node in &input.nodes {
        match &node.served {
            None => step.ask = true,
            Some(Ok(())) => {}
            Some(Err(reason)) => {
                step.waiting.insert(node.name.clone(), format!("its kubelet {reason}"));
            }
        }
    }
}
