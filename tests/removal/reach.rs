//! The steps as the API and etcd see them.

use crate::cluster::server::answer;
use crate::health::name;
use crate::health::reach::site;
use harden::plan::Drain;
use harden::removal::{ByReach, Consent, Hands as _, Host, Question, RemovalError, Step, gather, plan};

const DRAIN: Drain = Drain { deadline: 60, delete_emptydir_data: false, delete_unmanaged_pods: false };
const STATUS: &str = "POST /v3/maintenance/status";
const RANGE: &str = "POST /v3/kv/range";
const LIST: &str = "POST /v3/cluster/member/list";
const REMOVE: &str = "POST /v3/cluster/member/remove";
const HEALTHY: &str = r#"{"header":{"member_id":"1"},"leader":"1"}"#;
const BOTH: &str = r#"{"members":[{"ID":"1","name":"cp-1"},{"ID":"2","name":"cp-2"}]}"#;
const ONE: &str = r#"{"members":[{"ID":"1","name":"cp-1"}]}"#;

fn member() -> Step {
    Step::RemoveMember { id: 2, name: String::from("cp-2"), of: 2 }
}

#[test]
fn a_member_is_removed_through_another_and_waited_for() {
    let site = site([
        answer(RANGE, 200, "{}"),
        answer(LIST, 200, BOTH),
        answer(STATUS, 200, HEALTHY),
        answer(REMOVE, 503, r#"{"message":"etcdserver: leader changed"}"#),
        answer(REMOVE, 200, ONE),
        answer(RANGE, 503, r#"{"message":"etcdserver: no leader"}"#),
        // Asked for again: it is gone already.
        answer(RANGE, 200, "{}"),
        answer(LIST, 200, ONE),
        answer(STATUS, 200, HEALTHY),
    ]);
    let node = name("cp-2");
    let mut hands = ByReach::new(&site.reach, &node, DRAIN, "me@here", &|_| (), &|| false);
    hands.act(&member()).unwrap();
    site.server.assert_done();
    let bodies: Vec<String> =
        site.server.requests().into_iter().filter(|it| it.line == REMOVE).map(|it| it.body).collect();
    assert_eq!(bodies, [r#"{"ID":"2"}"#, r#"{"ID":"2"}"#]);
}

#[test]
fn etcd_is_looked_at_again_before_it_is_touched() {
    let third = r#"{"members":[{"ID":"1","name":"cp-1"},{"ID":"2","name":"cp-2"},{"ID":"3","name":"cp-3"}]}"#;
    let site = site([answer(RANGE, 200, "{}"), answer(LIST, 200, third), answer(STATUS, 200, HEALTHY)]);
    let node = name("cp-2");
    let mut hands = ByReach::new(&site.reach, &node, DRAIN, "me@here", &|_| (), &|| false);
    let error = hands.act(&member()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "remove the etcd member cp-2: etcd is not as it was when the plan was made (the member cp-3 is not healthy)"
    );
    assert!(!hands.take_back(&member()));
    site.server.assert_done();
}

#[test]
fn a_drain_that_fails_takes_its_cordon_away_and_no_other() {
    let node_path = "GET /api/v1/nodes/w-1";
    let pods = "GET /api/v1/pods?fieldSelector=spec.nodeName%3Dw-1";
    let alone = r#"{"items":[{"metadata":{"namespace":"a","name":"p","uid":"1"},"spec":{"containers":[]}}]}"#;
    let site = site([
        answer(node_path, 200, r#"{"metadata":{"name":"w-1"},"spec":{}}"#),
        answer(pods, 200, alone),
        answer(node_path, 200, r#"{"metadata":{"name":"w-1"},"spec":{}}"#),
    ]);
    let node = name("w-1");
    let mut hands = ByReach::new(&site.reach, &node, DRAIN, "me@here", &|_| (), &|| false);
    let error = hands.act(&Step::Drain).unwrap_err();
    assert!(matches!(error, RemovalError::Drain(_)), "{error}");
    assert!(hands.take_back(&Step::Drain));
    site.server.assert_done();
    assert!(site.server.requests().iter().all(|request| request.line.starts_with("GET ")));
}

#[test]
fn a_node_that_is_gone_already_is_deleted_all_the_same() {
    let site = site([answer("DELETE /api/v1/nodes/w-1", 404, "{}")]);
    let node = name("w-1");
    let mut hands = ByReach::new(&site.reach, &node, DRAIN, "me@here", &|_| (), &|| false);
    hands.act(&Step::DeleteNode).unwrap();
    site.server.assert_done();
}

#[test]
fn everything_is_asked_of_those_that_stay() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("harden.toml");
    let text = "[cluster]\nname = \"lab\"\nkubernetes = \"1.35\"\n\
        [[nodes]]\nname = \"cp-1\"\naddress = \"10.0.0.1\"\nroles = [\"control-plane\", \"etcd\"]\n\
        [[nodes]]\nname = \"w-1\"\naddress = \"10.0.0.9\"\nroles = [\"worker\"]\n";
    std::fs::write(&file, text).unwrap();
    let inventory = harden::inventory::load(&file).unwrap().inventory;
    let site = site([
        answer("GET /readyz", 200, "ok"),
        answer(STATUS, 200, HEALTHY),
        answer(
            "GET /api/v1/nodes/w-1",
            200,
            r#"{"metadata":{"name":"w-1"},"status":{"conditions":[{"type":"Ready","status":"True"}]}}"#,
        ),
        answer(RANGE, 200, "{}"),
        answer(LIST, 200, ONE),
        answer("POST /v3/maintenance/alarm", 200, "{}"),
        answer(
            "GET /api/v1/namespaces/kube-system/configmaps/kubeadm-config",
            200,
            r#"{"metadata":{},"data":{"ClusterConfiguration":"controlPlaneEndpoint: api.example.org:6443\n"}}"#,
        ),
    ]);
    let (node, lost) = (&inventory.nodes[1], std::collections::BTreeMap::new());
    let facts = gather(&Question { inventory: &inventory, node, reach: &site.reach, lost: &lost });
    site.server.assert_done();
    assert_eq!(facts.endpoint.as_deref(), Some("api.example.org:6443"));
    assert_eq!(facts.others.len(), 1);
    assert!(facts.joined().is_some_and(|node| node.ready));
    assert_eq!(facts.etcd.as_ref().unwrap().as_ref().unwrap().members.len(), 1);
    let Host::Reached(host) = &facts.host else { panic!("{facts:?}") };
    assert!(host.is_tree && !facts.runs.control_plane && !facts.has_foreign_etcd);
    let reasons: Vec<String> =
        plan(&facts, Consent::default()).refusals.into_iter().map(|refusal| refusal.reason).collect();
    assert_eq!(reasons, ["it is a directory tree and no machine"]);
}
