//! Every form of the one report; those for programs are parsed again.

use super::fixture::{quiet, report};
use harden::drift::{Class, NodeReport, NodeState, Report};
use harden::ui::drift::{closing, json, table};
use harden::ui::{Paint, View};
use insta::assert_snapshot;

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
