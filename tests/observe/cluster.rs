//! What is read of the cluster as a whole, from a source of the test's.

use super::node::node_name;
use harden::event::Event;
use harden::inventory::NodeName;
use harden::observe::{ClusterSource, observe_cluster};
use harden::resource::{ConfigMapKey, DaemonSetState, ObservedKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

struct Source {
    etcd_works: bool,
}

impl ClusterSource for Source {
    type Error = String;

    fn observed_key(&self, key: ConfigMapKey) -> Result<Option<ObservedKey>, String> {
        let known = key == ConfigMapKey::ClusterConfiguration;
        Ok(known
            .then(|| ObservedKey { value: String::from("kind: x\n"), resource_version: String::from("7") }))
    }

    fn nodes(&self) -> Result<BTreeMap<String, BTreeSet<String>>, String> {
        Ok(BTreeMap::from([(String::from("w-1"), BTreeSet::from([String::from("10.0.0.21")]))]))
    }

    fn kube_proxy(&self) -> Result<Option<DaemonSetState>, String> {
        panic!("there is no ConfigMap of kube-proxy")
    }

    fn loaded_encryption(&self, node: &NodeName) -> Result<Option<String>, String> {
        match node.as_str() {
            "cp-1" => Ok(Some(String::from("abc"))),
            "cp-2" => Ok(None),
            _ => Err(String::from("connection refused")),
        }
    }

    fn stored_prefixes(&self, resource: &str) -> Result<BTreeMap<String, usize>, String> {
        if !self.etcd_works {
            return Err(String::from("etcd is down"));
        }
        Ok(BTreeMap::from([(String::new(), resource.len())]))
    }
}

#[test]
fn an_api_server_that_does_not_answer_is_unknown_and_the_rest_is_read() {
    let warnings = Mutex::new(Vec::new());
    let observed = observe_cluster(
        &Source { etcd_works: true },
        &["cp-1", "cp-2", "cp-3"].map(node_name),
        &[String::from("secrets")],
        &|event| warnings.lock().unwrap().push(event),
    )
    .unwrap();
    assert_eq!(observed.config_maps.keys().collect::<Vec<_>>(), [&ConfigMapKey::ClusterConfiguration]);
    let loaded: Vec<_> =
        observed.loaded_encryption.iter().map(|(name, hash)| (name.as_str(), hash.as_deref())).collect();
    assert_eq!(loaded, [("cp-1", Some("abc")), ("cp-2", None), ("cp-3", None)]);
    assert!(observed.nodes["w-1"].contains("10.0.0.21"));
    assert_eq!(observed.stored["secrets"], BTreeMap::from([(String::new(), 7)]));
    let warnings = warnings.into_inner().unwrap();
    assert!(
        matches!(&warnings[..], [Event::Warning { node: Some(node), text }] if node.as_str() == "cp-3" && text.ends_with("connection refused"))
    );
}

#[test]
fn without_encryption_nobody_is_asked_about_it() {
    let observed =
        observe_cluster(&Source { etcd_works: false }, &[node_name("cp-3")], &[], &|_| panic!("no event"))
            .unwrap();
    assert!(observed.loaded_encryption.is_empty() && observed.stored.is_empty());
}

#[test]
fn etcd_that_cannot_be_read_is_an_error() {
    let result = observe_cluster(&Source { etcd_works: false }, &[], &[String::from("secrets")], &|_| {});
    assert_eq!(result.unwrap_err(), "etcd is down");
}
