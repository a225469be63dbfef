//! The changes that nothing takes back: the templates say which they are.

use super::fixture::*;
use harden::inventory::Role::{ControlPlane, Etcd};
use harden::plan::build;
use harden::resource::*;

#[test]
fn each_is_named_once_with_its_nodes_and_its_reason() {
    let inventory = inventory(&[("a", &[ControlPlane, Etcd]), ("b", &[ControlPlane, Etcd])]);
    let mut inputs = inputs(&inventory);
    let absent = AbsentSpec { path: path(API_PATH) };
    for desired in inputs.desired.values_mut() {
        desired.resources = vec![
            Resource { undo: Undo::UntilCommit, ..resource("file.key", Spec::File(secret_file()), &[]) },
            Resource { undo: Undo::None, ..resource("file.audit-policy", Spec::File(policy()), &[]) },
            Resource { undo: Undo::None, ..resource("absent.manifest", Spec::Absent(absent.clone()), &[]) },
        ];
    }
    let plan = build(inputs).unwrap();
    let found: Vec<String> = plan
        .no_return()
        .iter()
        .map(|it| format!("{} {} on {}: {}", it.resource, it.subject, it.nodes.len(), it.reason))
        .collect();
    assert_eq!(
        found,
        [
            "file.audit-policy /etc/kubernetes/audit/policy.yaml on 2: what is done with it from then on depends on it",
            "absent.manifest /etc/kubernetes/manifests/kube-apiserver.yaml on 2: it is removed, and no copy of it is kept",
        ]
    );
}
