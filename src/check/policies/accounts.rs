//! Service accounts: whether the default ones are used, and which pods get a token.

use super::evaluation::{Evaluation, count};
use super::pods::Offenders;
use super::shipped;
use crate::resource::{ClusterObjects, Pod, ServiceAccount};
use std::collections::{BTreeMap, BTreeSet};

/// Accounts by namespace and name, with whether they say that their pods get the token.
pub(super) struct Accounts<'a>(BTreeMap<(&'a str, &'a str), Option<bool>>);

impl<'a> Accounts<'a> {
    pub(super) fn new(objects: &'a ClusterObjects) -> Self {
        let entry = |account: &'a ServiceAccount| {
            let key = (account.metadata.namespace.as_str(), account.metadata.name.as_str());
            (key, account.automount_service_account_token)
        };
        Self(objects.service_accounts.iter().map(entry).collect())
    }

    /// What the pod's account says; `None` where it does not say or does not exist.
    pub(super) fn of(&self, pod: &Pod) -> Option<bool> {
        self.0.get(&(pod.metadata.namespace.as_str(), account_name(pod))).copied().flatten()
    }

    /// Whether the pod gets a token. A mirror pod never does.
    fn is_mounted(&self, pod: &Pod) -> bool {
        let is_mirror = pod.metadata.owner.as_ref().is_some_and(|owner| owner.kind == "Node");
        let own = pod.spec.automount_service_account_token;
        !is_mirror && own.or_else(|| self.of(pod)).unwrap_or(true)
    }
}

fn account_name(pod: &Pod) -> &str {
    if pod.spec.service_account_name.is_empty() { "default" } else { &pod.spec.service_account_name }
}

/// The accounts that a binding names, by namespace and name.
fn bound(objects: &ClusterObjects) -> BTreeSet<(&str, &str)> {
    let subjects = objects.bindings.iter().flat_map(|binding| &binding.subjects);
    subjects
        .filter(|subject| subject.kind == "ServiceAccount")
        .map(|subject| (subject.namespace.as_str(), subject.name.as_str()))
        .collect()
}

/// 5.1.5: default accounts that are used, that a binding gives something to, or that leave their token to every pod. The last does not
/// count in the namespaces that every cluster has, as long as nobody uses it there.
pub(super) fn default_accounts(objects: &ClusterObjects) -> Evaluation {
    let (accounts, bound) = (Accounts::new(objects), bound(objects));
    let users: BTreeSet<&str> = objects
        .pods
        .iter()
        .filter(|pod| account_name(pod) == "default" && accounts.is_mounted(pod))
        .map(|pod| pod.metadata.namespace.as_str())
        .collect();
    let defaults: Vec<_> =
        objects.service_accounts.iter().filter(|account| account.metadata.name == "default").collect();
    let mut evaluation = Evaluation::of(count(defaults.len(), "default service account"));
    for account in defaults {
        let namespace = account.metadata.namespace.as_str();
        let is_open = account.automount_service_account_token != Some(false);
        let (is_used, is_bound) = (users.contains(namespace), bound.contains(&(namespace, "default")));
        if is_open && !is_used && !is_bound && shipped::NAMESPACES.contains(&namespace) {
            evaluation.shipped += 1;
            continue;
        }
        let reasons: Vec<&str> = [
            (is_open, "automountServiceAccountToken is not false"),
            (is_used, "pods get its token"),
            (is_bound, "a binding names it"),
        ]
        .into_iter()
        .filter_map(|(holds, reason)| holds.then_some(reason))
        .collect();
        if !reasons.is_empty() {
            evaluation
                .offenders
                .insert(format!("ServiceAccount {namespace}/default: {}", reasons.join(", ")));
        }
    }
    evaluation
}

/// 5.1.6: pods that get a token although nothing gives their account a right.
pub(super) fn mounted_tokens(objects: &ClusterObjects) -> Evaluation {
    let (accounts, bound) = (Accounts::new(objects), bound(objects));
    let mut evaluation = Evaluation::of(count(objects.pods.len(), "pod"));
    let (mut offenders, mut needing) = (Offenders::default(), 0);
    for pod in objects.pods.iter().filter(|pod| accounts.is_mounted(pod)) {
        let account = account_name(pod);
        if shipped::pod(pod) {
            evaluation.shipped += 1;
        } else if account != "default" && bound.contains(&(pod.metadata.namespace.as_str(), account)) {
            needing += 1;
        } else {
            offenders.add(pod, [format!("ServiceAccount {account}")]);
        }
    }
    if needing > 0 {
        let pods = count(needing, "pod");
        evaluation
            .notes
            .push(format!("{pods} with a service account that a binding names: taken as necessary"));
    }
    evaluation.offenders = offenders.into_lines();
    evaluation
}
