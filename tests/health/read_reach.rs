//! The way to the API for those who only read.

use super::name;
use super::reach::Tree;
use crate::cluster::server::{Server, answer};
use harden::health::{HealthError, ReadReach};
use harden::resource::ConfigMapKey;
use std::path::Path;

const CORE: &str = r#"{"resources":[{"name":"configmaps","kind":"ConfigMap","namespaced":true}]}"#;
const RECORD: &str = "GET /api/v1/namespaces/kube-system/configmaps/kubeadm-config";

/// A control plane with its server.
fn plane(root: &Path, server: &Server) -> Tree {
    server.write_credentials(root);
    Tree::new(root, server)
}

#[test]
fn the_next_control_plane_is_asked_where_one_does_not_answer() {
    let map = r#"{"data":{"ClusterConfiguration":"kind: ClusterConfiguration"},"metadata":{"resourceVersion":"5"}}"#;
    let busy = Server::new("kubernetes", [answer("GET /api/v1", 503, "{}")]);
    let server = Server::new("kubernetes", [answer("GET /api/v1", 200, CORE), answer(RECORD, 200, map)]);
    let roots = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let mut reach = ReadReach::new();
    // Nothing is there to log in to the API with.
    reach.add(name("cp-1"), Box::new(Tree::new(roots[0].path(), &server)));
    reach.add(name("cp-2"), Box::new(plane(roots[1].path(), &busy)));
    reach.add(name("cp-3"), Box::new(plane(roots[2].path(), &server)));
    let record = reach.ask(|api| api.record(ConfigMapKey::ClusterConfiguration)).unwrap().unwrap();
    assert_eq!((record.value.as_str(), record.writing), ("kind: ClusterConfiguration", None));
    server.assert_done();
    busy.assert_done();
}

#[test]
fn a_refusal_is_an_answer_and_nobody_is_no_cluster() {
    let server = Server::new("kubernetes", [answer("GET /api/v1", 403, "{}")]);
    let root = tempfile::tempdir().unwrap();
    let mut reach = ReadReach::new();
    let asked = reach.ask(|api| api.record(ConfigMapKey::ClusterConfiguration));
    assert!(matches!(asked, Err(HealthError::NoCluster)));
    for node in ["cp-1", "cp-2"] {
        reach.add(name(node), Box::new(plane(root.path(), &server)));
    }
    let asked = reach.ask(|api| api.record(ConfigMapKey::ClusterConfiguration));
    assert!(matches!(asked, Err(HealthError::Cluster(_))));
    assert_eq!(server.requests().len(), 1);
}
