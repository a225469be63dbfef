//! Objects of the Kubernetes API, with no more of each than benchmarks ask for: ten thousand pods fit into a few megabytes.
//! They are read from the API's own JSON. Nothing here asks the API, and nothing can hold the value of a Secret.

mod admission;
mod pods;
mod read;

pub use admission::{AdmissionPolicy, AdmissionPolicyBinding, OperationRule, Webhook, WebhookConfiguration};
pub use pods::{Capabilities, Container, Handler, Pod, PodSpec, SeLinuxOptions, SecurityContext, Volume};

use serde::Deserialize;
use std::collections::BTreeMap;

/// Every object that benchmarks ask for, each kind by namespace and name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterObjects {
    /// Roles and ClusterRoles.
    pub roles: Vec<Role>,
    /// RoleBindings and ClusterRoleBindings.
    pub bindings: Vec<Binding>,
    /// ServiceAccounts.
    pub service_accounts: Vec<ServiceAccount>,
    /// Pods, those that have ended too.
    pub pods: Vec<Pod>,
    /// Namespaces.
    pub namespaces: Vec<Namespace>,
    /// NetworkPolicies.
    pub network_policies: Vec<NetworkPolicy>,
    /// ValidatingWebhookConfigurations.
    pub validating_webhooks: Vec<WebhookConfiguration>,
    /// MutatingWebhookConfigurations.
    pub mutating_webhooks: Vec<WebhookConfiguration>,
    /// ValidatingAdmissionPolicies.
    pub admission_policies: Vec<AdmissionPolicy>,
    /// ValidatingAdmissionPolicyBindings.
    pub admission_policy_bindings: Vec<AdmissionPolicyBinding>,
}

/// Who an object is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Metadata {
    /// Its name.
    pub name: String,
    /// Its namespace; empty where it has none.
    pub namespace: String,
    /// Those of its labels that tell whose it is and how its pods are restricted.
    #[serde(deserialize_with = "read::labels")]
    pub labels: BTreeMap<String, String>,
    /// Those of its annotations that name an AppArmor profile.
    #[serde(deserialize_with = "read::annotations")]
    pub annotations: BTreeMap<String, String>,
    /// What made it, where something did.
    #[serde(rename = "ownerReferences", deserialize_with = "read::owner")]
    pub owner: Option<Owner>,
}

/// What made an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Owner {
    /// `ReplicaSet`, `DaemonSet`; `Node` for a mirror pod.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// A Role, or a ClusterRole where it has no namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Role {
    /// Who it is.
    pub metadata: Metadata,
    /// What it allows; of an aggregated one what was aggregated.
    #[serde(deserialize_with = "read::nullable")]
    pub rules: Vec<Rule>,
}

/// One rule of a role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Rule {
    /// Verbs, or `*`.
    #[serde(deserialize_with = "read::nullable")]
    pub verbs: Vec<String>,
    /// API groups, the core's being empty, or `*`.
    #[serde(deserialize_with = "read::nullable")]
    pub api_groups: Vec<String>,
    /// Resources, `pods/exec`, `*/scale` or `*`.
    #[serde(deserialize_with = "read::nullable")]
    pub resources: Vec<String>,
    /// The only objects that it is for; all where there is none.
    #[serde(deserialize_with = "read::nullable")]
    pub resource_names: Vec<String>,
    /// Paths that are no resources, `/healthz` or `*`.
    #[serde(rename = "nonResourceURLs", deserialize_with = "read::nullable")]
    pub non_resource_urls: Vec<String>,
}

/// A RoleBinding, or a ClusterRoleBinding where it has no namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Binding {
    /// Who it is.
    pub metadata: Metadata,
    /// The role that it gives.
    pub role_ref: RoleRef,
    /// Whom it gives it to.
    #[serde(deserialize_with = "read::nullable")]
    pub subjects: Vec<Subject>,
}

/// The role that a binding gives.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RoleRef {
    /// `Role` or `ClusterRole`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// Whom a binding gives its role to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Subject {
    /// `User`, `Group` or `ServiceAccount`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The namespace of a service account.
    pub namespace: String,
}

/// A ServiceAccount.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServiceAccount {
    /// Who it is.
    pub metadata: Metadata,
    /// Whether its pods get its token where they do not say; `None` counts as yes.
    pub automount_service_account_token: Option<bool>,
}

/// A Namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Namespace {
    /// Who it is.
    pub metadata: Metadata,
}

/// A NetworkPolicy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct NetworkPolicy {
    /// Who it is.
    pub metadata: Metadata,
}
