//! The API for those who only read.

use super::server::{Server, answer};
use harden::cluster::{ReadApi, Writing, without_values};
use harden::resource::ConfigMapKey;
use serde_json::{Value, json};

const CORE: &str = r#"{"resources":[{"name":"configmaps","kind":"ConfigMap","namespaced":true},
    {"name":"secrets","kind":"Secret","namespaced":true}]}"#;
const RECORD: &str = "GET /api/v1/namespaces/kube-system/configmaps/kube-proxy";

/// kube-proxy's ConfigMap as a kubeadm cluster has it, edited by hand since.
fn edited() -> Value {
    let entry = |manager: &str, time: &str, fields: Value| {
        json!({"manager": manager, "operation": "Update",
        "apiVersion": "v1", "time": time, "fieldsType": "FieldsV1", "fieldsV1": {"f:data": fields}})
    };
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "kube-proxy", "namespace": "kube-system", "resourceVersion": "77", "managedFields": [
            entry("kubeadm", "2026-01-02T03:04:05Z", json!({".": {}, "f:config.conf": {}, "f:kubeconfig.conf": {}})),
            entry("kubectl-edit", "2026-11-24T08:45:00Z", json!({"f:config.conf": {}})),
        ]},
        "data": { "config.conf": "mode: iptables\n", "kubeconfig.conf": "x" },
    })
}

#[test]
fn a_record_says_who_wrote_it_last() {
    let server = Server::new(
        "kubernetes",
        [
            answer("GET /api/v1", 200, CORE),
            answer(RECORD, 200, edited().to_string()),
            answer(RECORD, 404, "{}"),
        ],
    );
    let api = ReadApi::connect(&server.credentials, &server.dial()).unwrap();
    let record = api.record(ConfigMapKey::KubeProxyConfiguration).unwrap().unwrap();
    assert_eq!((record.value.as_str(), record.resource_version.as_str()), ("mode: iptables\n", "77"));
    assert_eq!(
        record.writing,
        Some(Writing { manager: String::from("kubectl-edit"), at: Some(1_795_509_900) })
    );
    assert_eq!(api.record(ConfigMapKey::KubeProxyConfiguration).unwrap(), None);
    server.assert_done();
    assert!(
        server.requests().iter().all(|request| request.line.starts_with("GET ") && request.body.is_empty())
    );
}

#[test]
fn the_writer_of_a_field_is_found_by_the_keys_that_lead_to_it() {
    let object = edited();
    let by = |field: &[&str]| Writing::last(&object, field).map(|writing| writing.manager);
    assert_eq!(by(&["data", "kubeconfig.conf"]).as_deref(), Some("kubeadm"));
    assert_eq!(by(&["data"]).as_deref(), Some("kubectl-edit"));
    assert_eq!(by(&["data", "other"]), None);
    assert_eq!(Writing::last(&json!({}), &["data"]), None);
}

#[test]
fn a_secret_is_read_without_its_values() {
    const SECRET: &str = "GET /api/v1/namespaces/default/secrets/s";
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"password": "aHVudGVyMg=="}});
    let server = Server::new(
        "kubernetes",
        [answer("GET /api/v1", 200, CORE), answer(SECRET, 200, secret.to_string())],
    );
    let api = ReadApi::connect(&server.credentials, &server.dial()).unwrap();
    let found = api.object("v1", "Secret", None, "s").unwrap().unwrap();
    assert!(!found.to_string().contains("aHVudGVyMg"));
    assert_eq!(found, without_values(secret));
}

#[test]
fn what_the_api_does_not_serve_is_not_there() {
    let server = Server::new("kubernetes", [answer("GET /apis/example.org/v1", 404, "404 page not found")]);
    let api = ReadApi::connect(&server.credentials, &server.dial()).unwrap();
    assert_eq!(api.object("example.org/v1", "Pool", None, "pool").unwrap(), None);
}
