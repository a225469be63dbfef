//! What benchmarks ask of the cluster is listed in pages, whatever happens in between, and no Secret is asked for.

use super::server::{Answer, Server, answer};
use super::{Chain, ClusterError, api};
use harden::cluster::Api;
use harden::resource::{ClusterObjects, ConfigMapKey};

/// The lists, in the order in which they are asked for.
const LISTS: &[&str] = &[
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/rbac.authorization.k8s.io/v1/roles",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/rbac.authorization.k8s.io/v1/rolebindings",
    "/api/v1/serviceaccounts",
    "/api/v1/pods",
    "/api/v1/namespaces",
    "/apis/networking.k8s.io/v1/networkpolicies",
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
];
const PODS: &str = "GET /api/v1/pods?";
const EMPTY: &str = r#"{"kind":"List","metadata":{"resourceVersion":"9"},"items":[]}"#;

/// Everything that nobody scripted is empty.
fn with_empty_rest(script: impl IntoIterator<Item = Answer>) -> (Server, Api) {
    let mut script: Vec<Answer> = script.into_iter().collect();
    for path in LISTS {
        script.push(answer(Box::leak(format!("GET {path}?").into_boxed_str()), 200, EMPTY));
    }
    script.push(answer("GET /api/v1/namespaces/kube-system/configmaps/kubelet-config", 404, "{}"));
    script.push(answer("GET /api/v1/namespaces/kube-system/configmaps/kubeadm-config", 404, "{}"));
    api(script)
}

fn pod(name: &str) -> String {
    format!(
        r#"{{"metadata":{{"name":"{name}","namespace":"a"}},"spec":{{"containers":[{{"name":"c"}}]}},"status":{{}}}}"#
    )
}

fn page(names: &[&str], next: &str) -> String {
    let items: Vec<String> = names.iter().map(|name| pod(name)).collect();
    format!(r#"{{"kind":"PodList","metadata":{{"continue":"{next}"}},"items":[{}]}}"#, items.join(","))
}

fn names(objects: &ClusterObjects) -> Vec<&str> {
    objects.pods.iter().map(|pod| pod.metadata.name.as_str()).collect()
}

#[test]
fn an_empty_cluster_is_read_and_no_secret_is_asked_for() {
    let (server, api) = with_empty_rest([answer(
        "GET /api/v1/namespaces/kube-system/configmaps/kubeadm-config",
        200,
        super::reply("kubeadm-config.json"),
    )]);
    let evidence = api.policy_evidence().unwrap();
    assert_eq!(evidence.objects, Some(ClusterObjects::default()));
    assert!(evidence.config_maps[&ConfigMapKey::ClusterConfiguration].contains("kubernetesVersion: v1.35.4"));
    assert!(!evidence.config_maps.contains_key(&ConfigMapKey::KubeletConfiguration));
    let requests = server.requests();
    assert!(requests.iter().all(|request| request.line.starts_with("GET ") && request.body.is_empty()));
    assert!(!requests.iter().any(|request| request.line.contains("secrets")));
    assert_eq!(server.connections(), 1);
}

#[test]
fn running_pods_are_those_that_have_not_ended() {
    let selector = "&fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed";
    let first = Box::leak(format!("GET /api/v1/pods?limit=500{selector} ").into_boxed_str()).trim_end();
    let second = Box::leak(format!("GET /api/v1/pods?limit=500{selector}&continue=n").into_boxed_str());
    let (server, api) = with_empty_rest([
        answer(second, 200, page(&["p-2"], "")),
        answer(first, 200, page(&["p-1"], "n")),
        answer("GET /api/v1/namespaces?", 200, r#"{"items":[{"metadata":{"name":"a","labels":{"x":"y"}}}]}"#),
    ]);
    let objects = api.running_pods().unwrap();
    assert_eq!(names(&objects), ["p-1", "p-2"]);
    assert_eq!(objects.namespaces.len(), 1);
    assert_eq!(server.requests().len(), 3, "nothing else is asked for");
}

#[test]
fn pages_are_followed_and_shrink_where_objects_are_large() {
    let long = "x".repeat(8 << 20);
    let first = page(&["p-1", "p-2"], "a+b").replacen(r#""status":{}"#, &format!(r#""status":"{long}""#), 1);
    let (server, api) = with_empty_rest([
        answer("GET /api/v1/pods?limit=500", 200, first),
        answer("GET /api/v1/pods?limit=249&continue=a%2Bb", 200, page(&["p-3"], "")),
    ]);
    let objects = api.policy_evidence().unwrap().objects.unwrap();
    assert_eq!(names(&objects), ["p-1", "p-2", "p-3"]);
    let pages = server.requests().into_iter().filter(|request| request.line.starts_with(PODS));
    assert_eq!(pages.count(), 2);
}

/// What was read before the list was forgotten is of another moment, and would be there twice.
#[test]
fn a_list_that_the_server_forgot_is_begun_again() {
    let gone = r#"{"kind":"Status","code":410,"reason":"Expired","metadata":{"continue":"newer"},"message":"too old"}"#;
    let (server, api) = with_empty_rest([
        answer(PODS, 200, page(&["old-1", "old-2"], "t1")),
        answer("GET /api/v1/pods?limit=500&continue=t1", 410, gone),
        answer("GET /api/v1/pods?limit=500", 200, page(&["new-1"], "t2")),
        answer("GET /api/v1/pods?limit=500&continue=t2", 200, page(&["new-2"], "")),
    ]);
    let objects = api.policy_evidence().unwrap().objects.unwrap();
    assert_eq!(names(&objects), ["new-1", "new-2"]);
    assert!(!server.requests().iter().any(|request| request.line.contains("newer")));
}

#[test]
fn a_list_that_is_forgotten_again_and_again_is_an_error() {
    let script = (0..5).flat_map(|_| {
        [
            answer("GET /api/v1/pods?limit=500&continue=t", 410, r#"{"message":"too old"}"#),
            answer(PODS, 200, page(&["p"], "t")),
        ]
    });
    let (_server, api) = with_empty_rest(script);
    let error = api.policy_evidence().unwrap_err();
    assert_eq!(error.to_string(), "list the pods: 410 too old");
}

#[test]
fn patience_and_a_new_connection_bring_a_page_after_all() {
    let (server, api) = with_empty_rest([
        answer(PODS, 429, r#"{"message":"too many requests"}"#),
        Answer { silent: true, ..answer(PODS, 200, "") },
        answer(PODS, 200, page(&["p"], "")),
    ]);
    let objects = api.policy_evidence().unwrap().objects.unwrap();
    assert_eq!(names(&objects), ["p"]);
    assert_eq!(server.connections(), 2);
}

#[test]
fn what_is_not_served_is_empty_and_what_is_refused_is_an_error() {
    let (_server, api) = with_empty_rest([answer(
        "GET /apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies?",
        404,
        "404 page not found",
    )]);
    assert_eq!(api.policy_evidence().unwrap().objects, Some(ClusterObjects::default()));

    let forbidden = r#"{"message":"pods is forbidden: User \"x\" cannot list resource"}"#;
    let (_server, api) = with_empty_rest([answer(PODS, 403, forbidden)]);
    let error = api.policy_evidence().unwrap_err();
    assert!(matches!(error, ClusterError::Refused { code: 403, .. }), "{error}");

    let (_server, api) = with_empty_rest([answer(PODS, 404, "404 page not found")]);
    assert!(api.policy_evidence().is_err(), "a cluster that has no pods resource is none");
}

#[test]
fn a_page_that_cannot_be_read_is_not_quoted() {
    let (_server, api) = with_empty_rest([answer(PODS, 200, r#"{"items":[{"spec":"hunter2-password"}]}"#)]);
    let error = api.policy_evidence().unwrap_err();
    let text = Chain(&error).to_string();
    assert!(text.starts_with("list the pods: the answer cannot be read"), "{text}");
    assert!(!text.contains("hunter2"));
}
