//! How the API's JSON becomes those types: what nobody asks for is dropped while it is read. A list that is `null` is empty.

use super::{
    AdmissionPolicy, AdmissionPolicyBinding, Capabilities, Handler, Metadata, OperationRule, Owner,
    SeLinuxOptions, SecurityContext, Volume,
};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};
use std::collections::BTreeMap;

/// The beginnings of the labels that are kept.
const KEPT_LABELS: &[&str] =
    &["kubernetes.io/bootstrapping", "pod-template-hash", "pod-security.kubernetes.io/"];
/// The beginning of the annotations that are kept.
const KEPT_ANNOTATIONS: &str = "container.apparmor.security.beta.kubernetes.io/";
/// The beginnings of the flags that are kept.
const KEPT_FLAGS: &[&str] = &["--enable-admission-plugins", "--disable-admission-plugins"];

pub(super) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads a list, and keeps of each item what `keep` makes of it.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>, K>(
    deserializer: D,
    keep: impl Fn(T) -> Option<K>,
) -> Result<Vec<K>, D::Error> {
    let items: Vec<T> = nullable(deserializer)?;
    let mut kept: Vec<K> = items.into_iter().filter_map(keep).collect();
    kept.shrink_to_fit();
    Ok(kept)
}

pub(super) fn labels<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let mut labels: BTreeMap<String, String> = nullable(deserializer)?;
    labels.retain(|label, _| KEPT_LABELS.iter().any(|kept| label.starts_with(kept)));
    Ok(labels)
}

pub(super) fn annotations<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let mut annotations: BTreeMap<String, String> = nullable(deserializer)?;
    annotations.retain(|annotation, _| annotation.starts_with(KEPT_ANNOTATIONS));
    Ok(annotations)
}

/// The owner that controls it, else the first one.
pub(super) fn owner<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Owner>, D::Error> {
    #[derive(Deserialize)]
    struct Reference {
        #[serde(default)]
        controller: bool,
        #[serde(flatten)]
        owner: Owner,
    }
    let mut references: Vec<Reference> = nullable(deserializer)?;
    references.sort_by_key(|reference| !reference.controller);
    Ok(references.into_iter().next().map(|reference| reference.owner))
}

/// A security context as the API has it. What is only asked for being there at all is not kept.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Context {
    privileged: Option<bool>,
    allow_privilege_escalation: Option<bool>,
    run_as_non_root: Option<bool>,
    run_as_user: Option<i64>,
    capabilities: Option<Capabilities>,
    seccomp_profile: Option<Profile>,
    windows_options: Option<WindowsOptions>,
    app_armor_profile: Option<Profile>,
    fs_group: Option<IgnoredAny>,
    proc_mount: Option<String>,
    read_only_root_filesystem: Option<IgnoredAny>,
    run_as_group: Option<IgnoredAny>,
    se_linux_options: Option<Box<SeLinuxOptions>>,
    supplemental_groups: Option<IgnoredAny>,
    sysctls: Option<Vec<Named>>,
}

/// A seccomp or AppArmor profile.
#[derive(Deserialize)]
struct Profile {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(default, rename_all = "camelCase")]
struct WindowsOptions {
    host_process: Option<bool>,
}

/// `{}`, which the API gives every pod, is as good as none.
pub(super) fn context<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Box<SecurityContext>>, D::Error> {
    let context: Context = nullable(deserializer)?;
    let only_there = [
        context.fs_group,
        context.read_only_root_filesystem,
        context.run_as_group,
        context.supplemental_groups,
    ];
    let is_set = only_there.iter().any(Option::is_some)
        || context.windows_options.is_some()
        || context.sysctls.is_some();
    let kept = SecurityContext {
        privileged: context.privileged,
        allow_privilege_escalation: context.allow_privilege_escalation,
        run_as_non_root: context.run_as_non_root,
        run_as_user: context.run_as_user,
        capabilities: context.capabilities.unwrap_or_default(),
        seccomp: context.seccomp_profile.map(|profile| profile.kind),
        host_process: context.windows_options.and_then(|options| options.host_process),
        app_armor: context.app_armor_profile.map(|profile| profile.kind),
        se_linux: context.se_linux_options,
        proc_mount: context.proc_mount,
        sysctls: context.sysctls.unwrap_or_default().into_iter().map(|sysctl| sysctl.name).collect(),
    };
    Ok((is_set || kept != SecurityContext::default()).then(|| Box::new(kept)))
}

/// Beside its name a volume has one key, which says where it comes from.
pub(super) fn volumes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Volume>, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct RawVolume {
        #[serde(default)]
        host_path: Option<HostPath>,
        #[serde(flatten)]
        others: BTreeMap<String, Option<IgnoredAny>>,
    }
    #[derive(Deserialize)]
    struct HostPath {
        path: String,
    }
    list(deserializer, |volume: RawVolume| {
        let others = volume.others.into_iter();
        let mut kinds = others.filter(|(key, value)| key != "name" && value.is_some()).map(|(key, _)| key);
        Some(match volume.host_path {
            Some(host) => Volume { kind: String::from("hostPath"), host_path: Some(host.path) },
            None => Volume { kind: kinds.next().unwrap_or_default(), host_path: None },
        })
    })
}

/// A probe or the hooks of a life, as the API has them.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct RawHandler {
    http_get: Option<Target>,
    tcp_socket: Option<Target>,
    post_start: Option<Box<RawHandler>>,
    pre_stop: Option<Box<RawHandler>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Target {
    host: String,
}

impl From<RawHandler> for Handler {
    fn from(raw: RawHandler) -> Self {
        let names_host =
            |target: &Option<Target>| target.as_ref().is_some_and(|target| !target.host.is_empty());
        let hooks = [raw.post_start, raw.pre_stop].into_iter().flatten();
        let mut hooks = hooks.map(|hook| Self::from(*hook).names_host);
        Self {
            names_host: names_host(&raw.http_get) || names_host(&raw.tcp_socket) || hooks.any(|names| names),
        }
    }
}

pub(super) fn host_ports<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u16>, D::Error> {
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct Port {
        host_port: u16,
    }
    list(deserializer, |port: Port| (port.host_port != 0).then_some(port.host_port))
}

/// Something of which only the name is kept.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Named {
    name: String,
}

pub(super) fn secret_keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct Variable {
        value_from: Option<Source>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct Source {
        secret_key_ref: Option<Named>,
    }
    list(deserializer, |variable: Variable| Some(variable.value_from?.secret_key_ref?.name))
}

pub(super) fn whole_secrets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct Source {
        secret_ref: Option<Named>,
    }
    list(deserializer, |source: Source| source.secret_ref.map(|secret| secret.name))
}

pub(super) fn admission_flags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let is_kept = |word: &String| KEPT_FLAGS.iter().any(|flag| word.starts_with(flag));
    list(deserializer, |word: String| is_kept(&word).then_some(word))
}

pub(super) fn system<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let system: Named = nullable(deserializer)?;
    Ok(system.name)
}

/// A ValidatingAdmissionPolicy as the API has it.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Policy {
    metadata: Metadata,
    spec: PolicySpec,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct PolicySpec {
    match_constraints: Option<Constraints>,
    #[serde(deserialize_with = "nullable")]
    validations: Vec<Expression>,
    #[serde(deserialize_with = "nullable")]
    variables: Vec<Expression>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Constraints {
    #[serde(deserialize_with = "nullable")]
    resource_rules: Vec<OperationRule>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Expression {
    expression: String,
}

impl From<Policy> for AdmissionPolicy {
    fn from(policy: Policy) -> Self {
        let spec = policy.spec;
        let mut expressions = spec.validations.iter().chain(&spec.variables);
        Self {
            metadata: policy.metadata,
            is_on_images: expressions.any(|expression| expression.expression.contains(".image")),
            rules: spec.match_constraints.unwrap_or_default().resource_rules,
        }
    }
}

/// A ValidatingAdmissionPolicyBinding as the API has it.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct PolicyBinding {
    metadata: Metadata,
    spec: PolicyBindingSpec,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct PolicyBindingSpec {
    policy_name: String,
    #[serde(deserialize_with = "nullable")]
    validation_actions: Vec<String>,
}

impl From<PolicyBinding> for AdmissionPolicyBinding {
    fn from(binding: PolicyBinding) -> Self {
        Self {
            metadata: binding.metadata,
            policy: binding.spec.policy_name,
            denies: binding.spec.validation_actions.iter().any(|action| action == "Deny"),
        }
    }
}
