//! Server-side apply as the API sees it.

use super::server::answer;
use super::{Chain, ClusterError, api};
use harden::cluster::{Applied, FieldConflict};
use harden::error::Hint as _;
use serde_json::{Value, json};

const APPS: &str = r#"{"kind":"APIResourceList","groupVersion":"apps/v1","resources":[
    {"name":"daemonsets/status","kind":"DaemonSet","namespaced":true},
    {"name":"daemonsets","singularName":"daemonset","kind":"DaemonSet","namespaced":true},
    {"name":"deployments","kind":"Deployment","namespaced":true}]}"#;
const CORE: &str = r#"{"resources":[{"name":"secrets","kind":"Secret","namespaced":true},{"name":"namespaces","kind":"Namespace"}]}"#;
const GET: &str = "GET /apis/apps/v1/namespaces/kube-system/daemonsets/plugin";
const APPLY: &str =
    "PATCH /apis/apps/v1/namespaces/kube-system/daemonsets/plugin?fieldManager=harden&fieldValidation=Strict";

fn plugin() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": { "name": "plugin", "namespace": "kube-system" },
        "spec": { "minReadySeconds": 1 },
    })
}

fn stored(version: &str, seconds: u64) -> String {
    let mut object = plugin();
    object["metadata"]["resourceVersion"] = Value::from(version);
    object["spec"]["minReadySeconds"] = Value::from(seconds);
    object["status"] = json!({ "observedGeneration": version });
    object.to_string()
}

#[test]
fn an_object_is_created_changed_or_left_and_its_kind_is_asked_for_once() {
    let (server, api) = api([
        answer("GET /apis/apps/v1", 200, APPS),
        answer(GET, 404, "{}"),
        answer(APPLY, 201, stored("1", 1)),
        answer(GET, 200, stored("2", 2)),
        answer(APPLY, 200, stored("3", 1)),
        answer(GET, 200, stored("3", 1)),
        answer(APPLY, 200, stored("4", 1)),
    ]);
    assert_eq!(api.apply_object(&plugin(), false).unwrap(), Applied::Created);
    assert_eq!(api.apply_object(&plugin(), false).unwrap(), Applied::Changed);
    assert_eq!(api.apply_object(&plugin(), true).unwrap(), Applied::Unchanged);
    server.assert_done();
    let requests = server.requests();
    assert_eq!(serde_json::from_str::<Value>(&requests[2].body).unwrap(), plugin());
    assert_eq!(requests[2].line, APPLY);
    assert_eq!(requests[6].line, format!("{APPLY}&force=true"));
}

#[test]
fn an_object_is_there_or_it_is_not_and_one_of_an_unknown_kind_is_not() {
    let (server, api) = api([
        answer("GET /apis/apps/v1", 200, APPS),
        answer(GET, 200, stored("1", 2)),
        answer(GET, 404, "{}"),
        answer("GET /apis/example.org/v1", 404, "404 page not found"),
    ]);
    assert!(api.has_object(&plugin()).unwrap());
    assert!(!api.has_object(&plugin()).unwrap());
    let pool = json!({"apiVersion": "example.org/v1", "kind": "Pool", "metadata": {"name": "pool"}});
    assert!(!api.has_object(&pool).unwrap());
    server.assert_done();
}

#[test]
fn a_conflict_names_the_fields_and_whose_they_are() {
    let conflict = json!({
        "kind": "Status", "status": "Failure", "reason": "Conflict", "code": 409,
        "message": "Apply failed with 1 conflict: conflict with \"kubectl\" using apps/v1: .spec.minReadySeconds",
        "details": { "causes": [{
            "reason": "FieldManagerConflict", "message": "conflict with \"kubectl\" using apps/v1", "field": ".spec.minReadySeconds",
        }] },
    });
    let (_server, api) = api([
        answer("GET /apis/apps/v1", 200, APPS),
        answer(GET, 200, stored("1", 2)),
        answer(APPLY, 409, conflict.to_string()),
        answer(GET, 200, stored("1", 2)),
        answer(APPLY, 409, r#"{"message":"the object has been modified"}"#),
    ]);
    let error = api.apply_object(&plugin(), false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "apply DaemonSet kube-system/plugin: .spec.minReadySeconds is managed by \"kubectl\" using apps/v1"
    );
    let ClusterError::Fields { conflicts, .. } = &error else { panic!("{error:?}") };
    let field = String::from(".spec.minReadySeconds");
    assert_eq!(conflicts[..], [FieldConflict { field, manager: String::from("\"kubectl\" using apps/v1") }]);
    assert!(error.hint().unwrap().contains("other manager"));
    let error = api.apply_object(&plugin(), false).unwrap_err();
    assert!(matches!(error, ClusterError::Refused { code: 409, .. }), "{error}");
}

#[test]
fn a_kind_that_is_not_there_is_asked_for_again_each_time() {
    let pool = json!({"apiVersion":"example.org/v1","kind":"Pool","metadata":{"name":"a"}});
    let listed = r#"{"resources":[{"name":"pools","kind":"Pool","namespaced":false}]}"#;
    let (server, api) = api([
        answer("GET /apis/example.org/v1", 404, "404 page not found"),
        answer("GET /apis/example.org/v1", 200, r#"{"resources":[{"name":"others","kind":"Other"}]}"#),
        answer("GET /apis/example.org/v1", 200, listed),
        answer("GET /apis/example.org/v1/pools/a", 404, "{}"),
        answer("PATCH /apis/example.org/v1/pools/a?", 201, "{}"),
    ]);
    for _ in 0..2 {
        let error = api.apply_object(&pool, false).unwrap_err();
        assert!(matches!(error, ClusterError::UnknownKind { .. }), "{error}");
        assert_eq!(error.to_string(), "apply Pool a: the API serves no Pool of example.org/v1");
    }
    assert_eq!(api.apply_object(&pool, false).unwrap(), Applied::Created);
    server.assert_done();
    let error = api.apply_object(&json!({"kind":"Pool"}), false).unwrap_err();
    assert!(matches!(error, ClusterError::Nameless));
}

#[test]
fn a_definition_is_established_when_it_says_so() {
    let path = "GET /apis/apiextensions.k8s.io/v1/customresourcedefinitions/pools.example.org";
    let with = |status: &str| {
        format!(r#"{{"status":{{"conditions":[{{"type":"Established","status":"{status}"}}]}}}}"#)
    };
    let (_server, api) = api([
        answer(path, 404, "{}"),
        answer(path, 200, r#"{"spec":{}}"#),
        answer(path, 200, with("False")),
        answer(path, 200, with("True")),
    ]);
    let answers: Vec<bool> = (0..4).map(|_| api.is_established("pools.example.org").unwrap()).collect();
    assert_eq!(answers, [false, false, false, true]);
}

/// The API quotes the values that it cannot use.
#[test]
fn a_secret_is_not_quoted() {
    let secret =
        json!({"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"stringData":{"password":12_345}});
    let words = r#"{"reason":"InternalError","message":"failed to create typed patch object: .stringData.password: expected string, got &value.valueUnstructured{Value:12345}"}"#;
    let path = "/api/v1/namespaces/default/secrets/s";
    let (get, apply) = (format!("GET {path}"), format!("PATCH {path}?"));
    let (get, apply): (&str, &str) = (get.leak(), apply.leak());
    let (_server, api) = api([
        answer("GET /api/v1", 200, CORE),
        answer(get, 404, "{}"),
        answer(apply, 500, words),
        answer(get, 404, "{}"),
        answer(apply, 404, r#"{"reason":"NotFound","message":"namespaces \"default\" not found"}"#),
    ]);
    let text = Chain(&api.apply_object(&secret, false).unwrap_err()).to_string();
    assert_eq!(text, "apply Secret s: 500 InternalError (the rest may quote the Secret, and is not shown)");
    let text = Chain(&api.apply_object(&secret, false).unwrap_err()).to_string();
    assert_eq!(text, "apply Secret s: 404 namespaces \"default\" not found");
}
