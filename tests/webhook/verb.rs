//! Reports that `--report` sends: one that fails keeps no other from its receiver, and no URL is shown.

use super::server::{Answer, Server};
use crate::drift_reports::fixture::{quiet, report};
use harden::drift::{Report, Shard};
use harden::ui::drift::json;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Writes the report as the one part of an inventory, and joins it with these arguments: the shortest way through the verb.
fn merge(report: &Report, folder: &Path, arguments: &[&str]) -> (i32, String) {
    let whole = Report { shards: vec![Shard { index: 1, of: 1 }], ..report.clone() };
    fs::write(folder.join("report.json"), json(&whole).unwrap()).unwrap();
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_harden"));
    command.current_dir(folder).args(["report", "merge", "report.json", "-vvv", "--report-deadline", "1s"]);
    let output = command.args(arguments).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn every_receiver_gets_its_report_whatever_becomes_of_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let broken = Server::answering(vec![Answer::status(404)]);
    let servers = [(); 3].map(|()| Server::answering(vec![Answer::status(200)]));
    let url = |server: &Server| server.url("/services/T000/B000/token-of-the-channel");
    fs::write(folder.path().join("slack.url"), format!("{}\n", url(&servers[1]))).unwrap();
    let arguments = [
        format!("webhook={}", url(&broken)),
        format!("webhook={}", url(&servers[0])),
        String::from("slack=@slack.url"),
        String::from("slack=@none.url"),
        format!("alertmanager={}", url(&servers[2])),
        String::from("prom=x.prom"),
    ];
    let arguments: Vec<_> = arguments.iter().flat_map(|argument| ["--report", argument]).collect();
    let (code, stderr) = merge(&report(), folder.path(), &arguments);
    assert_eq!(code, 1);
    assert!(stderr.contains("http://127.0.0.1 refused it: 404"), "{stderr}");
    assert!(stderr.contains("read the URL of a receiver from none.url: "), "{stderr}");
    assert!(!stderr.contains("token-of-the-channel"), "{stderr}");
    assert!(folder.path().join("x.prom").exists());
    let bodies: Vec<Value> = servers
        .iter()
        .map(|server| serde_json::from_str(&server.requests().first().unwrap().body).unwrap())
        .collect();
    assert_eq!(bodies[0]["report"]["summary"]["drift"], 14);
    assert!(bodies[1]["text"].as_str().unwrap().starts_with("prod: Drift: 13 resources on 3 of 7 nodes"));
    assert_eq!(bodies[2][0]["labels"]["cluster"], "prod");
}

#[test]
fn a_channel_is_not_told_that_all_is_well() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::answering(vec![Answer::status(200)]);
    let (code, stderr) = merge(&quiet(), folder.path(), &["--report", &format!("slack={}", server.url("/"))]);
    assert_eq!((code, server.requests().len()), (0, 0), "{stderr}");
}

#[test]
fn a_template_beside_the_inventory_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("templates/webhook")).unwrap();
    fs::write(folder.path().join("templates/webhook/slack.json.tera"), "[{{ cluster | q }}]").unwrap();
    let server = Server::answering(vec![Answer::status(200)]);
    let (code, stderr) = merge(&quiet(), folder.path(), &["--report", &format!("slack={}", server.url("/"))]);
    assert_eq!(code, 0, "{stderr}");
    let body = server.requests()[0].body.clone();
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), serde_json::json!(["prod"]));
}
