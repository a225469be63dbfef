//! What bootstrap and removal write: labels, taints, tokens, nodes and etcd's members.

use super::server::answer;
use super::{ClusterError, api, etcd};
use harden::inventory::{Taint, TaintEffect};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const GET: &str = "GET /api/v1/nodes/w-1";
const PATCH: &str = "PATCH /api/v1/nodes/w-1?fieldManager=harden";

fn node(version: &str) -> String {
    json!({
        "metadata": { "name": "w-1", "resourceVersion": version, "labels": { "zone": "a", "by-hand": "yes" } },
        "spec": { "podCIDR": "10.244.1.0/24", "taints": [
            { "key": "node.kubernetes.io/not-ready", "effect": "NoSchedule" },
            { "key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": "2026-11-24T08:00:00Z" },
            { "key": "old", "value": "x", "effect": "NoSchedule" },
        ] },
    })
    .to_string()
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn taint(key: &str, value: &str, effect: TaintEffect) -> Taint {
    Taint { key: key.to_owned(), value: value.to_owned(), effect }
}

#[test]
fn labels_are_added_and_taints_replaced_but_those_that_tell_of_its_state() {
    let (server, api) = api([
        answer(GET, 200, node("7")),
        answer(PATCH, 409, r#"{"message":"the object has been modified"}"#),
        answer(GET, 200, node("8")),
        answer(PATCH, 200, "{}"),
    ]);
    let taints = [
        taint("dedicated", "gpu", TaintEffect::NoSchedule),
        taint("slow", "", TaintEffect::PreferNoSchedule),
    ];
    assert!(api.set_node("w-1", &labels(&[("zone", "b"), ("by-hand", "yes")]), Some(&taints)).unwrap());
    server.assert_done();
    let sent: Value = serde_json::from_str(&server.requests()[3].body).unwrap();
    assert_eq!(
        sent,
        json!({
            "metadata": { "resourceVersion": "8", "labels": { "zone": "b" } },
            "spec": { "taints": [
                { "key": "dedicated", "value": "gpu", "effect": "NoSchedule" },
                { "key": "slow", "effect": "PreferNoSchedule" },
                { "key": "node.kubernetes.io/not-ready", "effect": "NoSchedule" },
                { "key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": "2026-11-24T08:00:00Z" },
            ] },
        })
    );
}

#[test]
fn what_is_so_already_is_not_written() {
    let (server, api) =
        api([answer(GET, 200, node("7")), answer(GET, 200, node("7")), answer(GET, 200, node("7"))]);
    assert!(!api.set_node("w-1", &labels(&[("zone", "a")]), None).unwrap());
    let old = taint("old", "x", TaintEffect::NoSchedule);
    assert!(!api.set_node("w-1", &labels(&[]), Some(&[old])).unwrap());
    // One of a node's state that is asked for is not there twice.
    let asked = taint("node.kubernetes.io/not-ready", "", TaintEffect::NoSchedule);
    let both = [taint("old", "x", TaintEffect::NoSchedule), asked];
    assert!(!api.set_node("w-1", &labels(&[]), Some(&both)).unwrap());
    server.assert_done();
}

#[test]
fn no_taints_at_all_takes_the_others_away() {
    let (server, api) = api([answer(GET, 200, node("7")), answer(PATCH, 200, "{}"), answer(GET, 404, "{}")]);
    assert!(api.set_node("w-1", &labels(&[]), Some(&[])).unwrap());
    let sent: Value = serde_json::from_str(&server.requests()[1].body).unwrap();
    assert_eq!(sent["spec"]["taints"].as_array().unwrap().len(), 2);
    assert!(sent["metadata"].get("labels").is_none());
    let error = api.set_node("w-1", &labels(&[]), Some(&[])).unwrap_err();
    assert!(matches!(error, ClusterError::Refused { code: 404, .. }), "{error}");
}

#[test]
fn what_is_gone_already_is_no_error() {
    let token = "DELETE /api/v1/namespaces/kube-system/secrets/bootstrap-token-abcdef";
    let (server, api) = api([
        answer(token, 200, "{}"),
        answer(token, 404, "{}"),
        answer("DELETE /api/v1/nodes/w-1", 200, "{}"),
        answer("DELETE /api/v1/nodes/w-1", 404, "{}"),
        answer("DELETE /api/v1/nodes/w-1", 403, r#"{"message":"forbidden"}"#),
    ]);
    assert!(api.delete_bootstrap_token("abcdef").unwrap());
    assert!(!api.delete_bootstrap_token("abcdef").unwrap());
    assert!(api.delete_node("w-1").unwrap());
    assert!(!api.delete_node("w-1").unwrap());
    assert_eq!(api.delete_node("w-1").unwrap_err().to_string(), "delete node w-1: 403 forbidden");
    server.assert_done();
}

#[test]
fn a_member_is_removed_once_and_promoted_when_it_has_caught_up() {
    let remove = "POST /v3/cluster/member/remove";
    let promote = "POST /v3/cluster/member/promote";
    let gone =
        r#"{"error":"etcdserver: member not found","code":5,"message":"etcdserver: member not found"}"#;
    let unhealthy = r#"{"code":14,"message":"etcdserver: unhealthy cluster"}"#;
    let behind = r#"{"code":9,"message":"etcdserver: can only promote a learner member which is in sync with leader"}"#;
    let (server, etcd) = etcd([
        answer(remove, 200, r#"{"header":{},"members":[]}"#),
        answer(remove, 404, gone),
        answer(remove, 503, unhealthy),
        answer(promote, 400, behind),
        answer(promote, 200, "{}"),
    ]);
    assert!(etcd.remove_member(15_564_659_752_425_236_790).unwrap());
    assert!(!etcd.remove_member(7).unwrap());
    let error = etcd.remove_member(7).unwrap_err();
    assert_eq!(error.to_string(), "remove a member: 503 etcdserver: unhealthy cluster");
    assert!(etcd.promote_member(7).unwrap_err().to_string().contains("in sync with leader"));
    assert!(etcd.promote_member(7).unwrap());
    let sent: Value = serde_json::from_str(&server.requests()[0].body).unwrap();
    assert_eq!(sent, json!({ "ID": "15564659752425236790" }));
    server.assert_done();
}
