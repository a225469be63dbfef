//! Telling others, over real connections to a server on this machine.

mod server;
mod verb;

use harden::error::Hint;
use harden::secret::Secret;
use harden::webhook::{Receiver, WebhookError, post};
use server::{Answer, Server};
use std::net::TcpListener;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(20);

fn receiver(url: &str) -> Receiver {
    Receiver::new(&Secret::new(url.to_owned())).unwrap()
}

#[test]
fn a_body_is_posted_once() {
    let server = Server::answering(vec![Answer::status(200)]);
    post(&receiver(&server.url("/hooks/x?y=z")), "{\"a\": \"ü\"}", LONG).unwrap();
    let [request] = server.requests().try_into().unwrap();
    assert!(request.head.starts_with("POST /hooks/x?y=z HTTP/1.1\r\n"), "{}", request.head);
    let head = request.head.to_ascii_lowercase();
    for header in ["content-type: application/json\r\n", "content-length: 11\r\n", "user-agent: harden/"] {
        assert!(head.contains(header), "{head}");
    }
    assert_eq!(request.body, "{\"a\": \"ü\"}");
}

#[test]
fn what_fails_for_a_while_is_tried_again() {
    for first in [Answer::status(500), Answer::status(503), Answer::Cut, Answer::asking(429, 1)] {
        let waits = matches!(first, Answer::Status { retry_after: Some(_), .. });
        let server = Server::answering(vec![first, Answer::status(204)]);
        let begun = Instant::now();
        post(&receiver(&server.url("/")), "{}", LONG).unwrap();
        assert_eq!(server.requests().len(), 2);
        assert!(!waits || begun.elapsed() >= Duration::from_secs(1), "as long as the receiver asks for");
    }
}

#[test]
fn what_is_refused_is_not_tried_again() {
    for status in [400, 401, 404, 302] {
        let server = Server::answering(vec![Answer::status(status), Answer::status(200)]);
        let error = post(&receiver(&server.url("/token-that-is-long-enough")), "{}", LONG).unwrap_err();
        assert!(matches!(error, WebhookError::Refused { .. }), "{error}");
        let text = error.to_string();
        assert!(text.starts_with(&format!("http://127.0.0.1 refused it: {status} ")), "{text}");
        assert!(text.ends_with(": it is so"), "{text}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_receiver_that_asks_for_more_time_than_there_is_is_given_up() {
    let server = Server::answering(vec![Answer::asking(429, 3_600)]);
    let begun = Instant::now();
    let error = post(&receiver(&server.url("/")), "{}", LONG).unwrap_err();
    assert!(error.to_string().contains("429"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn nobody_there_ends_with_the_deadline() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (begun, deadline) = (Instant::now(), Duration::from_secs(1));
    let error = post(&receiver(&format!("http://{free}/secret-token-of-it")), "{}", deadline).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("http://127.0.0.1 did not take it within 1 s: "), "{text}");
    assert!(text.to_lowercase().contains("connection refused") && !text.contains("secret"), "{text}");
    assert!(error.hint().unwrap().contains("--report-deadline"));
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[test]
fn a_server_that_never_answers_ends_with_the_deadline() {
    let server = Server::answering(vec![Answer::Never]);
    let begun = Instant::now();
    let error = post(&receiver(&server.url("/")), "{}", Duration::from_secs(1)).unwrap_err();
    assert!(error.to_string().ends_with("did not take it within 1 s: it did not answer"), "{error}");
    assert!((1..3).contains(&begun.elapsed().as_secs()));
}

#[test]
fn a_server_without_tls_or_with_a_certificate_of_nobody_is_not_told() {
    let begun = Instant::now();
    let error = post(&receiver(&server::without_tls()), "{}", LONG).unwrap_err();
    assert!(matches!(error, WebhookError::Tls { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5), "no further attempt changes that");
    let url = server::with_a_certificate_of_nobody();
    let error = post(&receiver(&url), "{}", LONG).unwrap_err();
    assert!(error.to_string().contains("certificate verify failed"), "{error}");
    assert!(error.hint().unwrap().contains("SSL_CERT_FILE"));
}
