//! What a stage does through the API, as a change that users read.

use crate::plan::{Action, ClusterChange, ClusterOperation};
use crate::resource::{ClusterObserved, Kind, ResourceId, Undo};
use crate::ui::count;

/// The change, with how many objects it is about.
pub(super) fn stage_change(operation: ClusterOperation, cluster: Option<&ClusterObserved>) -> ClusterChange {
    let mut undo = Undo::Full;
    let (name, subject, reasons) = match &operation {
        ClusterOperation::RewriteEncrypted { resources, prefix } => {
            let (all, plain) = stored(resources, prefix, cluster);
            let verb = if plain == 1 { "is" } else { "are" };
            undo = Undo::UntilCommit;
            (
                String::from("stored-values"),
                format!("every object of {} ({all} in etcd)", resources.join(", ")),
                vec![
                    format!("{} {verb} not stored with the key yet", count(plain, "object")),
                    format!("each is written again and proven in etcd to begin with {prefix}"),
                ],
            )
        }
        ClusterOperation::RestartDaemonSet { namespace, name, .. } => (
            name.clone(),
            format!("DaemonSet {namespace}/{name}"),
            vec![String::from("its pods are restarted")],
        ),
        ClusterOperation::ReplaceConfigMapKey { namespace, name, key, .. } => {
            (name.clone(), format!("ConfigMap {namespace}/{name}"), vec![format!("{key} is replaced")])
        }
        ClusterOperation::Uncordon { node, .. } => {
            (format!("node-{node}"), format!("Node {node}"), vec![String::from("it takes pods again")])
        }
    };
    ClusterChange {
        resource: ResourceId::new(Kind::Object, name),
        action: Action::Change,
        subject,
        reasons,
        before: None,
        after: None,
        controls: Vec::new(),
        undo,
        operation,
    }
}

/// How many objects etcd holds of the resources, and how many of them do not begin with the prefix.
fn stored(resources: &[String], prefix: &str, cluster: Option<&ClusterObserved>) -> (usize, usize) {
    let values = resources.iter().filter_map(|resource| cluster?.stored.get(resource)).flatten();
    values.fold((0, 0), |(all, plain), (found, number)| {
        (all + number, plain + if found == prefix { 0 } else { *number })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rewrite_says_how_many_objects() {
        let mut cluster = ClusterObserved::default();
        let prefix = "k8s:enc:secretbox:v1:key-1:";
        let secrets = [(String::new(), 311), (prefix.to_owned(), 29)].into();
        cluster.stored.insert(String::from("secrets"), secrets);
        let operation = ClusterOperation::RewriteEncrypted {
            resources: vec![String::from("secrets")],
            prefix: prefix.to_owned(),
        };
        let change = stage_change(operation, Some(&cluster));
        assert_eq!(change.subject, "every object of secrets (340 in etcd)");
        assert_eq!(change.reasons[0], "311 objects are not stored with the key yet");
        // The key stays in the store: nothing is lost, and nobody has to accept it by name.
        assert_eq!(change.undo, Undo::UntilCommit);
    }
}
