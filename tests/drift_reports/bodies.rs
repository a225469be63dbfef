//! What is sent: the built-in templates with the rich report.

use super::fixture::{quiet, report};
use harden::drift::Report;
use harden::ui::drift::{MessageKind, body, message};
use harden::ui::reports::Kind;
use harden::webhook;
use insta::assert_snapshot;
use serde_json::Value;
use std::path::Path;

pub(super) fn sent(kind: MessageKind, report: &Report) -> Option<String> {
    let made = webhook::body(kind.word(), Path::new("/nonexistent"), &message(report).unwrap()).unwrap();
    made.map(|made| body(&made).unwrap())
}

#[test]
fn slack_is_told_what_somebody_has_to_do() {
    assert_snapshot!(sent(MessageKind::Slack, &report()).unwrap());
    assert_eq!(sent(MessageKind::Slack, &quiet()), None);
}

#[test]
fn alertmanager_gets_alerts_and_the_ends_of_those_before() {
    let text = sent(MessageKind::Alertmanager, &report()).unwrap();
    assert_snapshot!(text);
    let alerts: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut labels: Vec<_> = alerts.iter().map(|alert| alert["labels"].to_string()).collect();
    labels.sort();
    labels.dedup();
    assert_eq!(labels.len(), alerts.len(), "each is another alert");
    let ended = alerts.iter().filter(|alert| alert["startsAt"] == alert["endsAt"]).count();
    let quiet: Vec<Value> =
        serde_json::from_str(&sent(MessageKind::Alertmanager, &quiet()).unwrap()).unwrap();
    assert!(ended < alerts.len() && quiet.iter().all(|alert| alert["startsAt"] == alert["endsAt"]));
}

#[test]
fn records_of_the_cluster_that_could_not_be_read_are_told() {
    let lost = Report { cluster_error: Some(String::from("503")), ..quiet() };
    assert!(sent(MessageKind::Slack, &lost).unwrap().contains("the cluster's own records could not be read"));
    let alerts: Vec<Value> = serde_json::from_str(&sent(MessageKind::Alertmanager, &lost).unwrap()).unwrap();
    let of_cluster: Vec<_> = alerts.iter().filter(|alert| alert["labels"]["host"] == "cluster").collect();
    assert_eq!(of_cluster.len(), 1, "its drift is not known");
    assert_ne!(of_cluster[0]["startsAt"], of_cluster[0]["endsAt"]);
}

#[test]
fn a_webhook_gets_the_whole_report() {
    let value: Value = serde_json::from_str(&sent(MessageKind::Webhook, &report()).unwrap()).unwrap();
    assert_eq!(value["event"], "harden.drift");
    assert_eq!(serde_json::from_value::<Report>(value["report"].clone()).unwrap(), report());
}
