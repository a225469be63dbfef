//! What decides on requests to the API besides its own admission plugins, as far as benchmarks ask.

use super::{Metadata, read};
use serde::Deserialize;

/// A ValidatingWebhookConfiguration or a MutatingWebhookConfiguration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct WebhookConfiguration {
    /// Who it is.
    pub metadata: Metadata,
    /// Its webhooks.
    #[serde(deserialize_with = "read::nullable")]
    pub webhooks: Vec<Webhook>,
}

/// One webhook.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Webhook {
    /// Its name, `policy.sigstore.dev`.
    pub name: String,
    /// The requests that it is asked about.
    #[serde(deserialize_with = "read::nullable")]
    pub rules: Vec<OperationRule>,
}

/// A kind of request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OperationRule {
    /// API groups, the core's being empty, or `*`.
    #[serde(deserialize_with = "read::nullable")]
    pub api_groups: Vec<String>,
    /// `CREATE`, `UPDATE`, or `*`.
    #[serde(deserialize_with = "read::nullable")]
    pub operations: Vec<String>,
    /// Resources, or `*`.
    #[serde(deserialize_with = "read::nullable")]
    pub resources: Vec<String>,
}

/// A ValidatingAdmissionPolicy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "read::Policy")]
pub struct AdmissionPolicy {
    /// Who it is.
    pub metadata: Metadata,
    /// The requests that it decides on.
    pub rules: Vec<OperationRule>,
    /// Whether one of its expressions speaks of images.
    pub is_on_images: bool,
}

/// A ValidatingAdmissionPolicyBinding.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "read::PolicyBinding")]
pub struct AdmissionPolicyBinding {
    /// Who it is.
    pub metadata: Metadata,
    /// The policy that it puts in force.
    pub policy: String,
    /// Whether what violates the policy is refused, not just reported.
    pub denies: bool,
}
