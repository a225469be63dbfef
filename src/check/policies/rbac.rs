//! Who holds which powers: the subjects of every binding whose role has a rule that the item asks for.

use super::evaluation::{Evaluation, count};
use super::roles::{Index, is_almighty};
use super::shipped;
use crate::resource::{Binding, ClusterObjects, Rule};

/// Something that a rule can allow.
struct Power {
    /// Any of these verbs; any verb at all where it is empty.
    verbs: &'static [&'static str],
    group: &'static str,
    resources: &'static [&'static str],
    /// Whether a binding in a namespace can give it: what has no namespace only a ClusterRoleBinding can.
    in_namespace: bool,
}

const fn cluster(
    verbs: &'static [&'static str],
    group: &'static str,
    resources: &'static [&'static str],
) -> Power {
    Power { verbs, group, resources, in_namespace: false }
}

const fn anywhere(
    verbs: &'static [&'static str],
    group: &'static str,
    resources: &'static [&'static str],
) -> Power {
    Power { verbs, group, resources, in_namespace: true }
}

/// The powers that each item asks for.
const ITEMS: &[(&str, &[Power])] = &[
    ("5.1.2", &[anywhere(&["get", "list", "watch"], "", &["secrets"])]),
    // Whoever may create a Deployment may create pods.
    (
        "5.1.4",
        &[
            anywhere(&["create"], "", &["pods", "replicationcontrollers"]),
            anywhere(&["create"], "apps", &["daemonsets", "deployments", "replicasets", "statefulsets"]),
            anywhere(&["create"], "batch", &["cronjobs", "jobs"]),
        ],
    ),
    (
        "5.1.8",
        &[
            // A RoleBinding lets its subjects bind a ClusterRole within its namespace.
            anywhere(&["bind", "escalate"], "rbac.authorization.k8s.io", &["clusterroles", "roles"]),
            cluster(&["impersonate"], "", &["groups", "users"]),
            anywhere(&["impersonate"], "", &["serviceaccounts"]),
            // Constrained impersonation, from 1.35.
            cluster(
                &["impersonate:user-info", "impersonate:arbitrary-node", "impersonate:associated-node"],
                "authentication.k8s.io",
                &["groups", "nodes", "users"],
            ),
            anywhere(&["impersonate:serviceaccount"], "authentication.k8s.io", &["serviceaccounts"]),
        ],
    ),
    ("5.1.9", &[cluster(&["create"], "", &["persistentvolumes"])]),
    // Reading is enough: the kubelet takes a GET for exec.
    ("5.1.10", &[cluster(&[], "", &["nodes/proxy"])]),
    (
        "5.1.11",
        &[cluster(&["patch", "update"], "certificates.k8s.io", &["certificatesigningrequests/approval"])],
    ),
    (
        "5.1.12",
        &[cluster(
            &["create", "delete", "deletecollection", "patch", "update"],
            "admissionregistration.k8s.io",
            &["mutatingwebhookconfigurations", "validatingwebhookconfigurations"],
        )],
    ),
    ("5.1.13", &[anywhere(&["create"], "", &["serviceaccounts/token"])]),
];

impl Power {
    /// Whether the rule allows it, by the rules of Kubernetes' RBAC authorizer.
    fn is_allowed_by(&self, rule: &Rule) -> bool {
        let group = rule.api_groups.iter().any(|group| group == "*" || group == self.group);
        group && self.resources.iter().any(|resource| self.is_allowed_on(rule, resource))
    }

    fn is_allowed_on(&self, rule: &Rule, resource: &str) -> bool {
        let subresource = resource.split_once('/').map(|(_, subresource)| subresource);
        let named = rule.resources.iter().any(|name| {
            name == "*"
                || name == resource
                || subresource.is_some_and(|sub| name.strip_prefix("*/") == Some(sub))
        });
        // An object that is yet to be made has no name that a rule could be limited to.
        let is_nameless = |verb: &str| matches!(verb, "create" | "deletecollection");
        let counts =
            |verb: &&&str| rule.resource_names.is_empty() || subresource.is_some() || !is_nameless(verb);
        let mut verbs = self.verbs.iter().filter(counts);
        named
            && if self.verbs.is_empty() {
                !rule.verbs.is_empty()
            } else {
                verbs.any(|verb| rule.verbs.iter().any(|allowed| allowed == "*" || allowed == verb))
            }
    }
}

/// An item that asks for powers.
pub(super) fn powers(item: &str, objects: &ClusterObjects) -> Option<Evaluation> {
    let (_, powers) = ITEMS.iter().find(|(name, _)| *name == item)?;
    let index = Index::new(objects);
    Some(holders(objects, |binding| {
        let reaches = |power: &&Power| power.in_namespace || binding.metadata.namespace.is_empty();
        index
            .rules(binding)
            .iter()
            .any(|rule| powers.iter().filter(reaches).any(|power| power.is_allowed_by(rule)))
    }))
}

/// 5.1.1: who holds cluster-admin, or a role that allows the same, in the cluster or in a namespace.
pub(super) fn administrators(objects: &ClusterObjects) -> Evaluation {
    let index = Index::new(objects);
    holders(objects, |binding| {
        let is_cluster_admin =
            binding.role_ref.kind == "ClusterRole" && binding.role_ref.name == "cluster-admin";
        is_cluster_admin || index.rules(binding).iter().any(is_almighty)
    })
}

/// 5.1.7: who else gives something to system:masters.
pub(super) fn masters(objects: &ClusterObjects) -> Evaluation {
    let mut evaluation = Evaluation::of(count(objects.bindings.len(), "binding"));
    evaluation.notes.push(String::from(
        "a client certificate can put its owner into system:masters, and the API does not show which do",
    ));
    for binding in &objects.bindings {
        let mut subjects = binding.subjects.iter();
        let Some(subject) =
            subjects.find(|subject| subject.kind == "Group" && subject.name == "system:masters")
        else {
            continue;
        };
        if shipped::subject(binding, subject) {
            evaluation.shipped += 1;
        } else {
            evaluation.offenders.insert(format!("{}: Group system:masters", display(binding)));
        }
    }
    evaluation
}

/// The subjects of all bindings that give what is asked for.
fn holders(objects: &ClusterObjects, gives: impl Fn(&Binding) -> bool) -> Evaluation {
    let mut evaluation = Evaluation::of(count(objects.bindings.len(), "binding"));
    for binding in objects.bindings.iter().filter(|binding| gives(binding)) {
        let (own, yours): (Vec<_>, Vec<_>) =
            binding.subjects.iter().partition(|subject| shipped::subject(binding, subject));
        evaluation.shipped += usize::from(!own.is_empty());
        if !yours.is_empty() {
            let subjects: Vec<String> = yours.into_iter().map(shipped::display).collect();
            let role = &binding.role_ref;
            evaluation.offenders.insert(format!(
                "{}: {} ({} {})",
                display(binding),
                subjects.join(", "),
                role.kind,
                role.name
            ));
        }
    }
    evaluation
}

fn display(binding: &Binding) -> String {
    let name = &binding.metadata.name;
    match binding.metadata.namespace.as_str() {
        "" => format!("ClusterRoleBinding {name}"),
        namespace => format!("RoleBinding {namespace}/{name}"),
    }
}
