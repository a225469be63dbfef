//! What PodSecurity will refuse once a plan is applied: pods go on running when a stricter default comes, and are missed when they
//! are created again. Pure: whether to look at the pods is told by the plan, and whoever holds the API brings them.

mod rules;

pub use rules::violations;

use super::Plan;
use super::yaml;
use crate::inventory::{Minor, PodSecurityLevel};
use crate::resource::{Kind, Namespace, Pod, ResourceId};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The resource that holds the default.
const FILE: &str = "admission-config";
const ENFORCE_LABEL: &str = "pod-security.kubernetes.io/enforce";
/// How many workloads are named; the rest is counted.
const NAMED: usize = 10;

/// What PodSecurity enforces in namespaces that do not say so themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodSecurityDefault {
    /// The level.
    pub enforce: PodSecurityLevel,
    /// The version whose rules count.
    pub version: Minor,
    /// The namespaces that it is not about.
    pub exempt: BTreeSet<String>,
}

impl PodSecurityDefault {
    /// What an AdmissionConfiguration says; `None` where it says nothing of PodSecurity, or in a file of its own.
    pub fn read(text: &str) -> Option<Self> {
        let configuration = yaml::parse(text).ok()?;
        let plugins = configuration["plugins"].as_array()?;
        let plugin = plugins.iter().find(|plugin| plugin["name"] == "PodSecurity")?;
        let configuration = plugin.get("configuration").filter(|inline| inline.is_object())?;
        let defaults = &configuration["defaults"];
        let level = defaults["enforce"].as_str().unwrap_or("privileged");
        let version = defaults["enforce-version"].as_str().and_then(|version| version.strip_prefix("v1."));
        let exempt = configuration["exemptions"]["namespaces"].as_array();
        Some(Self {
            enforce: serde_json::from_value(Value::from(level)).ok()?,
            // `latest` is the default.
            version: version.and_then(|minor| minor.parse().ok()).map_or(Minor::NEWEST, Minor),
            exempt: exempt.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
        })
    }

    /// Whether it may refuse something that `before` lets in.
    fn is_tighter_than(&self, before: Option<&Self>) -> bool {
        let enforces = self.enforce > PodSecurityLevel::Privileged;
        enforces
            && before.is_none_or(|before| {
                self.enforce > before.enforce
                    || self.version != before.version
                    || !self.exempt.is_superset(&before.exempt)
            })
    }
}

/// The default that a plan brings to some node, where it may refuse what was let in there before.
pub fn tightened(plan: &Plan) -> Option<PodSecurityDefault> {
    let id = ResourceId::new(Kind::File, FILE);
    let mut changes = plan.changes().filter(|(_, change)| change.resource == id);
    changes.find_map(|(_, change)| {
        let before = change.before.as_deref().and_then(PodSecurityDefault::read);
        let after = change.after.as_deref().and_then(PodSecurityDefault::read)?;
        after.is_tighter_than(before.as_ref()).then_some(after)
    })
}

/// Which of the pods that run now would be refused, as a notice; `None` where none would.
pub fn notice(default: &PodSecurityDefault, namespaces: &[Namespace], pods: &[Pod]) -> Option<String> {
    let spared: BTreeSet<&str> = namespaces
        .iter()
        .filter(|namespace| namespace.metadata.labels.contains_key(ENFORCE_LABEL))
        .map(|namespace| namespace.metadata.name.as_str())
        .chain(default.exempt.iter().map(String::as_str))
        .collect();
    let mut refused: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
    let mut of_namespaces: BTreeSet<&str> = BTreeSet::new();
    for pod in pods.iter().filter(|pod| !spared.contains(pod.metadata.namespace.as_str())) {
        let found = violations(pod, default.enforce, default.version);
        if found.is_empty() {
            continue;
        }
        of_namespaces.insert(&pod.metadata.namespace);
        let fields = refused.entry(pod.workload()).or_default();
        fields.extend(found.into_iter().filter(|field| !fields.contains(field)).collect::<Vec<_>>());
    }
    if refused.is_empty() {
        return None;
    }
    let first = refused.iter().take(NAMED);
    let mut words: Vec<String> =
        first.map(|(workload, fields)| format!("{workload} ({})", fields.join(", "))).collect();
    let more = refused.len() - words.len();
    let end = if more > 0 { Some(format!("{more} more")) } else { words.pop() }.unwrap_or_default();
    let named = if words.is_empty() { end } else { format!("{} and {end}", words.join(", ")) };
    let of_namespaces = of_namespaces.into_iter().collect::<Vec<_>>().join(", ");
    Some(format!(
        "PodSecurity {} will refuse these when they are created again: {named}; exempt their namespaces ({of_namespaces}) with \
         [admission.pod-security] exempt-namespaces, or label them {ENFORCE_LABEL}",
        default.enforce
    ))
}
