//! Every form of the one report; those for programs are parsed again.

use super::fixture::{inventory, quiet, report};
use crate::support::xml::elements;
use harden::drift::{Class, NodeReport, NodeState, Report};
use harden::ui::drift::{
    FailedRun, ReportKind, closing, html, json, junit, markdown, sarif, schema, table, write, write_failed,
};
use harden::ui::reports::Kind;
use harden::ui::{Paint, View};
use insta::assert_snapshot;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

const PLAIN: View = View { paint: Paint { color: false }, width: 100, verbose: false };

#[test]
fn a_table_shows_every_part() {
    assert_snapshot!(table(&report(), PLAIN));
}

#[test]
fn a_verbose_table_shortens_nothing() {
    assert_snapshot!(table(&report(), View { verbose: true, ..PLAIN }));
}

#[test]
fn a_quiet_cluster_is_told_in_one_line() {
    assert_snapshot!(table(&quiet(), PLAIN));
}

#[test]
fn the_last_line_counts() {
    let mut report = report();
    let mut closing = |alter: fn(&mut Report)| {
        alter(&mut report);
        closing(&report)
    };
    let lines = [
        closing(|_| {}),
        closing(|report| report.cluster_items.clear()),
        closing(|report| report.nodes.retain(|node| matches!(node.state, NodeState::Read { .. }))),
        closing(|report| report.nodes.truncate(2)),
        closing(|report| each_item(&mut report.nodes, |class| *class = Class::Pending)),
        closing(|report| report.nodes.iter_mut().for_each(|node| node.state = nothing())),
        closing(|report| report.partial = true),
        closing(|report| report.cluster_items = super::fixture::report().cluster_items),
        closing(|report| report.nodes.iter_mut().for_each(|node| node.state = lost())),
        closing(|report| {
            report.cluster_items.clear();
            report.nodes.clear();
        }),
    ];
    assert_snapshot!(lines.join("\n"));
}

fn each_item(nodes: &mut [NodeReport], change: fn(&mut Class)) {
    for node in nodes {
        if let NodeState::Read { items, .. } = &mut node.state {
            for item in items {
                change(&mut item.class);
            }
        }
    }
}

fn nothing() -> NodeState {
    NodeState::Read { items: Vec::new(), applied: None, failed_apply: None, certificates: Vec::new() }
}

fn lost() -> NodeState {
    NodeState::Unreachable { error: String::from("gone"), hint: None }
}

#[test]
fn json_can_be_read_back() {
    let text = json(&report()).unwrap();
    assert_snapshot!(text);
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report());
}

#[test]
fn json_holds_no_character_that_a_terminal_obeys() {
    let text = json(&report()).unwrap();
    assert!(text.chars().all(|c| c == '\n' || !(c.is_control() || c == '\u{202e}')));
}

#[test]
fn junit_counts() {
    let text = junit(&report());
    assert_snapshot!(text);
    let elements = elements(&text);
    let count = |name: &str| elements.iter().filter(|(element, _)| element == name).count();
    assert_eq!((count("testsuite"), count("failure"), count("error")), (8, report().summary().drift, 1));
}

#[test]
fn sarif_points_into_the_inventory() {
    let text = sarif(&report(), Some(&inventory())).unwrap();
    assert_snapshot!(text.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    let value: Value = serde_json::from_str(&text).unwrap();
    let run = &value["runs"][0];
    let results = run["results"].as_array().unwrap();
    let fingerprints: BTreeSet<_> =
        results.iter().map(|result| result["partialFingerprints"].to_string()).collect();
    assert_eq!(fingerprints.len(), results.len());
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
    }
    let line = |index: usize| &results[index]["locations"][0]["physicalLocation"]["region"]["startLine"];
    assert_eq!((line(0), line(results.len() - 1)), (&6.into(), &2.into()));
    let without: Value = serde_json::from_str(&sarif(&report(), None).unwrap()).unwrap();
    assert_eq!(without["runs"][0]["results"][0]["locations"][0].get("physicalLocation"), None);
}

#[test]
fn html_is_one_page_without_a_script() {
    let page = html(&report());
    assert_snapshot!(page.split_once("</style>").unwrap().1);
    assert!(page.contains("script-src 'none'") && !page.contains("<script"));
}

#[test]
fn markdown_is_ready_for_a_comment() {
    assert_snapshot!(markdown(&report()));
    assert_snapshot!(markdown(&quiet()));
}

#[test]
fn every_report_is_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ReportKind::ALL {
        let path = folder.path().join(kind.word());
        fs::write(&path, "the last one").unwrap();
        write(*kind, &path, &report(), Some(&inventory())).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.len() > 1000 && text.ends_with('\n'), "{kind:?}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o644, "{kind:?}");
    }
    let path = folder.path().join("prom");
    let failed = FailedRun { cluster: Some("prod"), shard: None, started: 1, milliseconds: 1 };
    write_failed(&path, &failed).unwrap();
    assert!(
        fs::read_to_string(path).unwrap().contains("harden_last_run_timestamp_seconds{cluster=\"prod\"} 1\n")
    );
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        ReportKind::ALL.len(),
        "nothing is left beside them"
    );
}

#[test]
fn the_schema_names_every_key() {
    let text = schema();
    assert_snapshot!(text);
    let schema: Value = serde_json::from_str(&text).unwrap();
    let document: Value = serde_json::from_str(&json(&report()).unwrap()).unwrap();
    for key in document.as_object().unwrap().keys() {
        assert!(schema["properties"].get(key).is_some(), "{key}");
    }
}
