//! The clients of the API server and of etcd, against a TLS server with scripted answers and replies of a real cluster
//! (kubeadm 1.35.4 with three control planes).

mod credentials;
mod membership;
mod objects;
mod policies;
mod read_api;
mod rewrite;
pub(crate) mod server;
mod ten_thousand;

use harden::cluster::{Api, ClusterError, ControlPlane, Dial, Etcd};
use harden::error::{Chain, Hint as _, Severity};
use harden::inventory::Minor;
use harden::resource::ConfigMapKey;
use server::{Answer, Server, answer};
use std::sync::Arc;

fn reply(name: &str) -> String {
    let path = format!("{}/tests/cluster/replies/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn api(script: impl IntoIterator<Item = Answer>) -> (Server, Api) {
    let server = Server::new("kubernetes", script);
    let api = Api::connect(&server.credentials, &server.dial()).unwrap();
    (server, api)
}

fn etcd(script: impl IntoIterator<Item = Answer>) -> (Server, Etcd) {
    let server = Server::new("localhost", script);
    let etcd = Etcd::connect(server.credentials.etcd().unwrap(), &server.dial()).unwrap();
    (server, etcd)
}

#[test]
fn readiness_names_the_checks_that_failed() {
    let text = reply("readyz.txt");
    let failing = text.replace("[+]etcd ok", "[-]etcd failed: reason withheld");
    let (server, api) = api([
        answer("GET /readyz?verbose", 200, &text),
        answer("GET /readyz?verbose", 500, failing),
        answer("GET /readyz?verbose", 403, r#"{"kind":"Status","message":"forbidden: User \"x\""}"#),
    ]);
    let ready = api.ready().unwrap();
    assert!(ready.ready && ready.failed.is_empty());
    let ready = api.ready().unwrap();
    assert_eq!((ready.ready, ready.failed), (false, vec![String::from("etcd")]));
    let error = api.ready().unwrap_err();
    assert_eq!(error.to_string(), "ask for readiness: 403 forbidden: User \"x\"");
    assert!(error.hint().unwrap().contains("admin.conf"));
    server.assert_done();
    assert_eq!(server.connections(), 1, "an open connection is used again");
}

#[test]
fn nodes_are_read_with_what_troubles_them() {
    let sick = reply("nodes.json")
        .replacen("\"status\": \"True\",\n      \"type\": \"Ready\"", "", 1)
        .replacen("\"status\": \"False\"", "\"status\": \"True\"", 1);
    let (_server, api) = api([
        answer("GET /api/v1/nodes", 200, reply("nodes.json")),
        answer("GET /api/v1/nodes", 200, sick),
        answer("GET /api/v1/nodes/w-9", 404, "{}"),
        answer(
            "GET /apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/cp-1",
            200,
            reply("lease.json"),
        ),
        answer("GET /version", 200, reply("version.json")),
    ]);
    let nodes = api.nodes().unwrap();
    let names: Vec<_> = nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["cp-1", "cp-2", "cp-3", "w-1"]);
    assert!(nodes.iter().all(|node| node.ready && node.pressures.is_empty()));
    assert_eq!(nodes[0].addresses[0], (String::from("InternalIP"), String::from("10.77.0.11")));
    assert!(nodes[0].roles.contains("control-plane") && nodes[3].roles.is_empty());
    assert_eq!(nodes[3].kubelet_version, "v1.35.4");
    let sick = api.nodes().unwrap();
    assert_eq!(sick.iter().map(|node| node.pressures.len()).sum::<usize>(), 1, "{sick:?}");
    assert_eq!(api.node("w-9").unwrap(), None);
    assert_eq!(api.last_heartbeat("cp-1").unwrap(), Some(1_795_507_259));
    assert_eq!(api.minor().unwrap(), Minor(35));
}

#[test]
fn a_config_map_is_written_only_as_it_was_read() {
    let path = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config";
    let get: &str = Box::leak(format!("GET {path}").into_boxed_str());
    let write_line: &str = Box::leak(format!("PATCH {path}?fieldManager=harden").into_boxed_str());
    let (server, api) = api([
        answer(get, 200, reply("kubeadm-config.json")),
        answer(write_line, 200, "{}"),
        answer(write_line, 409, r#"{"message":"the object has been modified"}"#),
    ]);
    let seen = api.observed_key(ConfigMapKey::ClusterConfiguration).unwrap().unwrap();
    assert!(seen.value.contains("kubernetesVersion: v1.35.4"));
    let write = |value| {
        let version = &seen.resource_version;
        api.replace_config_map_key("kube-system", "kubeadm-config", "ClusterConfiguration", value, version)
    };
    write("a: b\n").unwrap();
    let error = write("a: c\n").unwrap_err();
    assert!(matches!(error, ClusterError::Conflict { .. }), "{error}");
    let sent: serde_json::Value = serde_json::from_str(&server.requests()[1].body).unwrap();
    assert_eq!(
        sent,
        serde_json::json!({
            "metadata": { "resourceVersion": seen.resource_version },
            "data": { "ClusterConfiguration": "a: b\n" },
        })
    );
}

#[test]
fn the_loaded_encryption_config_is_read_from_the_metrics() {
    let metrics = "process_start_time_seconds 5\n\
        apiserver_encryption_config_controller_last_config_info{apiserver_id_hash=\"sha256:a\",hash=\"sha256:b\"} 1\n";
    let (_server, api) = api([answer("GET /metrics", 200, metrics), answer("GET /metrics", 200, "x 1\n")]);
    assert_eq!(api.loaded_encryption().unwrap().as_deref(), Some("b"));
    assert_eq!(api.loaded_encryption().unwrap(), None);
}

/// A restart breaks connections: the next call opens a new one.
#[test]
fn a_broken_connection_is_replaced() {
    let ready = || answer("GET /readyz", 200, "ok");
    let (server, api) =
        api([Answer { close: true, ..ready() }, ready(), Answer { silent: true, ..ready() }, ready()]);
    api.ready().unwrap();
    // Until the server's end is really closed the client could still use the connection.
    std::thread::sleep(std::time::Duration::from_millis(100));
    api.ready().unwrap();
    let error = api.ready().unwrap_err();
    assert!(error.is_silence(), "{error}");
    assert_eq!(error.severity(), Severity::Retryable);
    api.ready().unwrap();
    assert_eq!(server.connections(), 3);
}

#[test]
fn errors_show_their_cause_and_no_key() {
    let refused: Dial = Arc::new(|_, _| Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused)));
    let server = Server::new("kubernetes", []);
    let plane = ControlPlane::connect(&server.credentials, &refused).unwrap();
    let error = plane.api.ready().unwrap_err();
    assert!(Chain(&error).to_string().starts_with("ask for readiness (kube-apiserver)"));
    assert!(Chain(&error).to_string().contains("onnection refused"), "{}", Chain(&error));
    assert!(error.hint().unwrap().contains("crictl"));
    assert!(!format!("{plane:?} {:?} {error:?}", server.credentials).contains("PRIVATE KEY"));

    // A server that shows a certificate for another name, and one of another CA.
    let other_name = Server::new("example.org", []);
    let api = Api::connect(&other_name.credentials, &other_name.dial()).unwrap();
    let error = api.ready().unwrap_err();
    assert!(Chain(&error).to_string().contains("certificate verify failed"), "{}", Chain(&error));
    let api = Api::connect(&server.credentials, &Server::new("kubernetes", []).dial()).unwrap();
    let error = api.ready().unwrap_err();
    assert!(error.hint().unwrap().contains("not signed by the CA"), "{}", Chain(&error));
}

#[test]
fn a_reply_that_is_not_json_is_not_quoted() {
    let (_server, api) = api([answer("GET /api/v1/nodes", 200, r#"{"items": "c2VjcmV0LXZhbHVl"}"#)]);
    let error = api.nodes().unwrap_err();
    assert_eq!(error.to_string(), "list the nodes: the answer cannot be read (Data error at 1:28)");
}

#[test]
fn a_member_is_asked_for_everything_a_gate_needs() {
    let (server, etcd) = etcd([
        answer("POST /v3/maintenance/status", 200, reply("etcd-status.json")),
        answer("POST /v3/cluster/member/list", 200, reply("etcd-members.json")),
        answer(
            "POST /v3/maintenance/alarm",
            200,
            r#"{"header":{},"alarms":[{"memberID":"7","alarm":"NOSPACE"}]}"#,
        ),
        answer("POST /v3/maintenance/alarm", 200, r#"{"header":{}}"#),
        answer("POST /v3/kv/range", 200, r#"{"header":{}}"#),
        answer(
            "POST /v3/kv/range",
            503,
            r#"{"error":"etcdserver: no leader","code":14,"message":"etcdserver: no leader"}"#,
        ),
    ]);
    let status = etcd.status().unwrap();
    assert_eq!(status.version, "3.6.16");
    assert_eq!(status.leader, status.header.member_id);
    assert!(status.raft_applied_index > 0 && status.raft_applied_index <= status.raft_index);
    let members = etcd.members().unwrap();
    assert_eq!(
        members.iter().map(|member| member.name.as_str()).collect::<Vec<_>>(),
        ["cp-1", "cp-2", "cp-3"]
    );
    assert_eq!(etcd.alarms().unwrap()[0].alarm, "NOSPACE");
    assert!(etcd.alarms().unwrap().is_empty());
    etcd.quorum_read().unwrap();
    let error = etcd.quorum_read().unwrap_err();
    assert_eq!(error.to_string(), "read through the quorum: 503 etcdserver: no leader");
    server.assert_done();
}

#[test]
fn stored_values_are_counted_by_prefix_over_pages() {
    use base64::Engine as _;
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let pair = |key: &str, value: &str| serde_json::json!({ "key": base64(key), "value": base64(value) });
    let first = serde_json::json!({ "more": true, "kvs": [
        pair("/registry/secrets/a/1", "k8s:enc:secretbox:v1:key-1:xyz"),
        pair("/registry/secrets/a/2", "k8s\0protobuf"),
    ]});
    let second = serde_json::json!({ "kvs": [
        pair("/registry/secrets/b/1", "k8s:enc:secretbox:v1:key-1:abc"),
        pair("/registry/secrets/b/2", "k8s:enc:aescbc:v1:old:abc"),
    ]});
    let range = "POST /v3/kv/range";
    let (server, etcd) = etcd([
        answer(range, 200, first.to_string()),
        answer(range, 200, second.to_string()),
        answer(range, 200, r#"{"header":{}}"#),
    ]);
    let found = etcd.stored_prefixes("secrets").unwrap();
    let found: Vec<_> = found.iter().map(|(prefix, count)| (prefix.as_str(), *count)).collect();
    assert_eq!(found, [("", 1), ("k8s:enc:aescbc:v1:old:", 1), ("k8s:enc:secretbox:v1:key-1:", 2)]);
    let asked: serde_json::Value = serde_json::from_str(&server.requests()[1].body).unwrap();
    assert_eq!(asked["key"], base64("/registry/secrets/a/2\0"));
    assert_eq!(asked["range_end"], base64("/registry/secrets0"));
    assert_eq!(etcd.stored_prefix("secrets", "kube-system/x").unwrap(), None);
}
