//! Roles: which one a binding gives, and which ones have wildcards.

use super::evaluation::{Evaluation, count};
use super::shipped;
use crate::resource::{Binding, ClusterObjects, Role, Rule};
use std::collections::BTreeMap;

/// Roles by namespace and name; ClusterRoles have the empty namespace.
pub(super) struct Index<'a>(BTreeMap<(&'a str, &'a str), &'a [Rule]>);

impl<'a> Index<'a> {
    pub(super) fn new(objects: &'a ClusterObjects) -> Self {
        let key = |role: &'a Role| (role.metadata.namespace.as_str(), role.metadata.name.as_str());
        Self(objects.roles.iter().map(|role| (key(role), role.rules.as_slice())).collect())
    }

    /// What the binding gives; nothing where its role does not exist.
    pub(super) fn rules(&self, binding: &Binding) -> &'a [Rule] {
        let role = &binding.role_ref;
        let namespace = if role.kind == "ClusterRole" { "" } else { &binding.metadata.namespace };
        self.0.get(&(namespace, role.name.as_str())).copied().unwrap_or_default()
    }
}

/// Whether the rule allows everything.
pub(super) fn is_almighty(rule: &Rule) -> bool {
    let all = |list: &[String]| list.iter().any(|word| word == "*");
    all(&rule.verbs) && all(&rule.api_groups) && all(&rule.resources)
}

/// 5.1.3: roles with a wildcard in them.
pub(super) fn wildcards(objects: &ClusterObjects) -> Evaluation {
    let mut evaluation = Evaluation::of(count(objects.roles.len(), "role"));
    for role in &objects.roles {
        let parts = wild_parts(role);
        if parts.is_empty() {
            continue;
        }
        if shipped::role(role) {
            evaluation.shipped += 1;
        } else {
            evaluation.offenders.insert(format!("{}: {}", display(role), parts.join(", ")));
        }
    }
    evaluation
}

/// The parts of its rules that have a wildcard.
fn wild_parts(role: &Role) -> Vec<&'static str> {
    let is_wild = |word: &String| word == "*" || word.starts_with("*/");
    let any = |part: fn(&Rule) -> &[String]| role.rules.iter().any(|rule| part(rule).iter().any(is_wild));
    [
        ("verbs", any(|rule| &rule.verbs)),
        ("resources", any(|rule| &rule.resources)),
        ("API groups", any(|rule| &rule.api_groups)),
        ("paths", any(|rule| &rule.non_resource_urls)),
    ]
    .into_iter()
    .filter_map(|(part, is_wild)| is_wild.then_some(part))
    .collect()
}

fn display(role: &Role) -> String {
    let name = &role.metadata.name;
    match role.metadata.namespace.as_str() {
        "" => format!("ClusterRole {name}"),
        namespace => format!("Role {namespace}/{name}"),
    }
}
