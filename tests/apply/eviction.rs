//! Cordon, eviction and uncordon as the API sees them: requests through the tunnel to a server with scripted answers.

use super::world::name;
use crate::cluster::server::{Answer, answer};
use crate::health::reach::{Site, site};
use harden::apply::{Cordon, DrainError, Fleet as _};
use harden::error::Hint as _;
use harden::event::Event;
use harden::plan::Drain;
use std::sync::Mutex;

const NODE: &str = "GET /api/v1/nodes/w-1";
const CORDON: &str = "PATCH /api/v1/nodes/w-1?fieldManager=harden";
const PODS: &str = "GET /api/v1/pods?fieldSelector=spec.nodeName%3Dw-1";
const EVICT: &str = "POST /api/v1/namespaces/shop/pods/web-1/eviction";
const MARK: &str = "1795478400-00000001 by me@here";
const DRAIN: Drain = Drain { deadline: 60, delete_emptydir_data: false, delete_unmanaged_pods: false };

fn node(unschedulable: bool, mark: Option<&str>) -> Answer {
    let annotations = mark.map(|mark| serde_json::json!({ "harden/cordoned-by": mark }));
    let node = serde_json::json!({
        "metadata": { "name": "w-1", "annotations": annotations },
        "spec": { "unschedulable": unschedulable },
    });
    answer(NODE, 200, node.to_string())
}

fn pod(name: &str, uid: &str, controller: &str, volumes: &str) -> String {
    format!(
        r#"{{"metadata":{{"namespace":"shop","name":"{name}","uid":"{uid}","ownerReferences":
        [{{"apiVersion":"apps/v1","kind":"{controller}","name":"x","uid":"0","controller":true}}]}},
        "spec":{{"containers":[],"volumes":[{volumes}]}},"status":{{"phase":"Running"}}}}"#
    )
}

fn pods(pods: &[String]) -> Answer {
    answer(PODS, 200, format!(r#"{{"items":[{}]}}"#, pods.join(",")))
}

fn web(uid: &str) -> String {
    pod("web-1", uid, "StatefulSet", "")
}

fn agent() -> String {
    pod("agent", "7", "DaemonSet", r#"{"name":"cache","emptyDir":{}}"#)
}

fn blocked() -> Answer {
    answer(
        EVICT,
        429,
        r#"{"message":"Cannot evict pod as it would violate the pod's disruption budget.","details":{"causes":[{"reason":
        "DisruptionBudget","message":"The disruption budget web needs 1 healthy pods and has 1 currently"}],
        "retryAfterSeconds":1}}"#,
    )
}

fn lines(site: &Site) -> Vec<String> {
    site.server.requests().into_iter().map(|request| request.line).collect()
}

#[test]
fn a_pod_is_evicted_when_its_budget_allows_it_and_a_later_one_of_its_name_is_another() {
    let site = site([
        node(false, None),
        pods(&[web("1"), agent()]),
        answer(CORDON, 200, "{}"),
        pods(&[web("1"), agent()]),
        blocked(),
        pods(&[web("1"), agent()]),
        answer(EVICT, 201, "{}"),
        // Its controller made it again, and it tolerates the cordon.
        pods(&[web("2"), agent()]),
        node(true, Some(MARK)),
        answer(CORDON, 200, "{}"),
    ]);
    let events = Mutex::new(Vec::new());
    let listener = |event| events.lock().unwrap().push(event);
    let w1 = name("w-1");
    assert_eq!(site.reach.cordon(&w1, &DRAIN, MARK, &listener).unwrap(), Cordon::Own);
    site.reach.evict_pods(&w1, &DRAIN, &listener, &|| false).unwrap();
    site.reach.uncordon(&w1, MARK).unwrap();
    site.server.assert_done();
    let steps: Vec<String> = events
        .into_inner()
        .unwrap()
        .into_iter()
        .filter_map(|event| match event {
            Event::Step { step, .. } => Some(step),
            _ => None,
        })
        .collect();
    assert_eq!(
        steps,
        [
            "evict pods: 0 of 1 gone; shop/web-1 waits for the PodDisruptionBudget shop/web",
            "evict pods: 1 of 1 gone"
        ]
    );
    let body = |expect: &str, index: usize| {
        let found = site.server.requests().into_iter().filter(|it| it.line == expect).nth(index).unwrap();
        serde_json::from_str::<serde_json::Value>(&found.body).unwrap()
    };
    let cordon = body(CORDON, 0);
    assert_eq!(cordon["spec"]["unschedulable"], true);
    assert_eq!(cordon["metadata"]["annotations"]["harden/cordoned-by"], MARK);
    let uncordon = body(CORDON, 1);
    assert!(uncordon["spec"]["unschedulable"].is_null());
    assert!(uncordon["metadata"]["annotations"].as_object().unwrap()["harden/cordoned-by"].is_null());
    assert_eq!(body(EVICT, 0)["deleteOptions"]["preconditions"]["uid"], "1");
}

#[test]
fn a_budget_that_never_allows_it_is_named_at_the_deadline() {
    let site = site((0..9).flat_map(|_| [blocked(), pods(&[web("1")])]));
    let settings = Drain { deadline: 1, ..DRAIN };
    let error = site.reach.evict_pods(&name("w-1"), &settings, &|_| (), &|| false).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains(
            "after 1 s shop/web-1 is kept by the PodDisruptionBudget shop/web (The disruption budget web"
        ),
        "{text}"
    );
    assert!(error.hint().unwrap().contains("kubectl get pdb -A"));
}

#[test]
fn what_would_be_lost_is_refused_before_anything_is_done() {
    let data = pod("cache-1", "3", "ReplicaSet", r#"{"name":"cache","emptyDir":{}}"#);
    let site = site([node(false, None), pods(&[data, web("1")])]);
    let error = site.reach.cordon(&name("w-1"), &DRAIN, MARK, &|_| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "evict the pods of w-1: shop/cache-1 would be lost (it keeps data in the emptyDir `cache`)"
    );
    assert!(error.hint().unwrap().contains("`delete-emptydir-data = true` under [apply.drain]"));
    assert!(lines(&site).iter().all(|line| line.starts_with("GET ")));
}

#[test]
fn a_cordon_of_somebody_else_stays_and_one_of_a_dead_apply_is_taken_over() {
    let w1 = name("w-1");
    let by_hand = site([node(true, None), pods(&[]), node(true, None)]);
    assert_eq!(by_hand.reach.cordon(&w1, &DRAIN, MARK, &|_| ()).unwrap(), Cordon::Kept);
    by_hand.reach.uncordon(&w1, MARK).unwrap();
    by_hand.server.assert_done();
    assert!(lines(&by_hand).iter().all(|line| line.starts_with("GET ")));

    let other = "1795470000-0000000f by you@there";
    let left = site([
        node(true, Some(other)),
        pods(&[]),
        answer(CORDON, 200, "{}"),
        // Somebody took it over from here in turn: it is not ours to take away.
        node(true, Some(other)),
    ]);
    let warnings = Mutex::new(Vec::new());
    let listener = |event| warnings.lock().unwrap().push(event);
    assert_eq!(left.reach.cordon(&w1, &DRAIN, MARK, &listener).unwrap(), Cordon::Own);
    left.reach.uncordon(&w1, MARK).unwrap();
    left.server.assert_done();
    let warnings = warnings.into_inner().unwrap();
    assert!(matches!(&warnings[..], [Event::Warning { text, .. }] if text.contains(other)), "{warnings:?}");
}

#[test]
fn a_node_that_the_api_does_not_know_is_no_node_to_drain() {
    let site = site([answer(NODE, 404, "{}")]);
    let error = site.reach.cordon(&name("w-1"), &DRAIN, MARK, &|_| ()).unwrap_err();
    assert!(matches!(error, DrainError::NotJoined { .. }) && error.hint().is_some());
}
