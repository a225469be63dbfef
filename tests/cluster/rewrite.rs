//! Every object is written again as it was sent, whatever happens in between.

use super::server::{Answer, answer};
use super::{ClusterError, api};
use std::sync::Mutex;

const LIST: &str = "GET /api/v1/secrets?";

/// An object with a number that a float cannot hold and fields that nobody has heard of.
fn secret(name: &str, version: u32) -> String {
    format!(
        r#"{{"metadata":{{"name":"{name}","namespace":"a","resourceVersion":"{version}"}},"x-new":9007199254740993123,"f":0.10}}"#
    )
}

fn page(items: &[String], next: &str, remaining: usize) -> String {
    format!(
        r#"{{"kind":"SecretList","metadata":{{"continue":"{next}","remainingItemCount":{remaining}}},"items":[{}]}}"#,
        items.join(",")
    )
}

fn list(items: &[String]) -> Answer {
    answer(LIST, 200, page(items, "", 0))
}

#[test]
fn pages_are_followed_and_nothing_is_lost() {
    let (server, api) = api([
        answer(LIST, 200, page(&[secret("s1", 1), secret("s2", 2)], "a+b", 1)),
        answer("GET /api/v1/secrets?limit=500&continue=a%2Bb", 200, page(&[secret("s3", 3)], "", 0)),
        answer("PUT /api/v1/namespaces/a/secrets/s1", 200, "{}"),
        answer("PUT /api/v1/namespaces/a/secrets/s2", 200, "{}"),
        answer("PUT /api/v1/namespaces/a/secrets/s3", 200, "{}"),
    ]);
    let seen = Mutex::new(Vec::new());
    let written = api.rewrite("secrets", &|done, total| seen.lock().unwrap().push((done, total))).unwrap();
    assert_eq!(written, 3);
    assert_eq!(*seen.lock().unwrap(), [(1, 3), (2, 3), (3, 3)]);
    let put = server.requests().into_iter().find(|request| request.line.ends_with("secrets/s1")).unwrap();
    assert_eq!(put.body, secret("s1", 1), "byte for byte");
    server.assert_done();
}

#[test]
fn a_conflict_is_read_again_and_what_was_deleted_is_skipped() {
    let changed = "PUT /api/v1/namespaces/a/secrets/changed";
    let (server, api) = api([
        list(&[secret("changed", 1), secret("gone", 1), secret("gone-later", 1)]),
        answer(changed, 409, r#"{"message":"the object has been modified"}"#),
        answer("GET /api/v1/namespaces/a/secrets/changed", 200, secret("changed", 2)),
        answer(changed, 200, "{}"),
        answer("PUT /api/v1/namespaces/a/secrets/gone-later", 409, "{}"),
        answer("GET /api/v1/namespaces/a/secrets/gone-later", 404, "{}"),
        answer("PUT /api/v1/namespaces/a/secrets/gone", 404, "{}"),
    ]);
    assert_eq!(api.rewrite("secrets", &|_, _| {}).unwrap(), 1);
    server.assert_done();
    let puts: Vec<_> = server.requests().into_iter().filter(|request| request.line == changed).collect();
    assert_eq!(puts[1].body, secret("changed", 2), "the newer object is written");
}

#[test]
fn a_lost_connection_and_a_busy_server_are_overcome() {
    let put = "PUT /api/v1/namespaces/a/secrets/s";
    let (server, api) = api([
        answer(LIST, 429, r#"{"message":"too many requests"}"#),
        list(&[secret("s", 1)]),
        Answer { silent: true, ..answer(put, 200, "{}") },
        answer("GET /api/v1/namespaces/a/secrets/s", 200, secret("s", 2)),
        answer(put, 200, "{}"),
    ]);
    assert_eq!(api.rewrite("secrets", &|_, _| {}).unwrap(), 1);
    server.assert_done();
}

#[test]
fn a_list_that_expired_goes_on_where_the_server_says() {
    let (server, api) = api([
        answer("GET /api/v1/secrets?limit=50&", 200, page(&[secret("s1", 1)], "old", 1)),
        answer(
            "GET /api/v1/secrets?limit=500&continue=old",
            410,
            r#"{"metadata":{"continue":"new"},"message":"expired"}"#,
        ),
        answer("GET /api/v1/secrets?limit=500&continue=new", 200, page(&[secret("s2", 2)], "", 0)),
        answer("PUT /api/v1/namespaces/a/secrets/s1", 200, "{}"),
        answer("PUT /api/v1/namespaces/a/secrets/s2", 200, "{}"),
    ]);
    assert_eq!(api.rewrite("secrets", &|_, _| {}).unwrap(), 2);
    server.assert_done();
}

#[test]
fn a_refusal_stops_it_and_names_the_object() {
    let (server, api) = api([
        list(&[secret("s", 1)]),
        answer("PUT /api/v1/namespaces/a/secrets/s", 403, r#"{"message":"denied by a webhook"}"#),
    ]);
    let error = api.rewrite("secrets", &|_, _| {}).unwrap_err();
    assert!(matches!(error, ClusterError::Refused { code: 403, .. }));
    assert_eq!(error.to_string(), "write secrets a/s: 403 denied by a webhook");
    server.assert_done();
}

#[test]
fn a_resource_of_a_group_is_found_by_its_preferred_version() {
    let (server, api) = api([
        answer(
            "GET /apis/example.org",
            200,
            r#"{"preferredVersion":{"groupVersion":"example.org/v2","version":"v2"}}"#,
        ),
        answer(
            "GET /apis/example.org/v2/tokens?",
            200,
            r#"{"metadata":{},"items":[{"metadata":{"name":"t:1"}}]}"#,
        ),
        answer("PUT /apis/example.org/v2/tokens/t%3A1", 200, "{}"),
    ]);
    assert_eq!(api.rewrite("tokens.example.org", &|_, _| {}).unwrap(), 1);
    server.assert_done();
}
