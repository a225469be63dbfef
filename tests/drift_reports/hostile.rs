//! Whatever a node says, every report stays what it is, and holds no secret.

use super::bodies::sent;
use super::fixture::{inventory, item, quiet, read, report};
use super::metrics::series;
use crate::support::xml::elements;
use harden::drift::{CertificateExpiry, Class, Item, NodeState, Report};
use harden::secret::Secret;
use harden::ui::drift::{MessageKind, html, json, junit, markdown, prometheus, sarif, table};
use harden::ui::{Paint, View};
use proptest::prelude::*;

/// A report with a text in every place where a node, a log or the inventory could put one.
fn planted(text: &str) -> Report {
    let mut report = report();
    let plant = |into: &mut String| *into = format!("before {text} after");
    let in_item = |item: &mut Item| {
        plant(&mut item.subject);
        plant(&mut item.resource);
        item.what.iter_mut().chain(&mut item.evidence).for_each(plant);
        item.before.iter_mut().chain(&mut item.after).for_each(plant);
        item.cause.iter_mut().for_each(|cause| plant(&mut cause.text));
        item.ignored.iter_mut().for_each(|ignored| plant(&mut ignored.reason));
        item.controls = vec![format!("cis:{text}")];
    };
    for node in &mut report.nodes {
        match &mut node.state {
            NodeState::Read { items, applied, failed_apply, certificates } => {
                items.iter_mut().for_each(in_item);
                if let Some(applied) = applied {
                    plant(&mut applied.by);
                }
                if let Some(failed) = failed_apply {
                    plant(&mut failed.state);
                }
                *certificates = vec![CertificateExpiry { path: format!("/{text}"), not_after: 1 }];
            }
            NodeState::Busy { by, .. } => plant(by),
            NodeState::Unreachable { error, hint } => {
                plant(error);
                hint.iter_mut().for_each(plant);
            }
        }
    }
    report.cluster_items.iter_mut().for_each(in_item);
    report.notices.iter_mut().for_each(plant);
    report.ignores.iter_mut().for_each(|ignore| plant(&mut ignore.of));
    plant(&mut report.cluster);
    report
}

fn forms(report: &Report) -> Vec<(&'static str, String)> {
    let view = View { paint: Paint { color: false }, width: 100, verbose: true };
    vec![
        ("table", table(report, view)),
        ("json", json(report).unwrap()),
        ("prometheus", prometheus(report, "")),
        ("junit", junit(report)),
        ("sarif", sarif(report, Some(&inventory())).unwrap()),
        ("html", html(report)),
        ("markdown", markdown(report)),
        ("webhook", sent(MessageKind::Webhook, report).unwrap()),
        ("slack", sent(MessageKind::Slack, report).unwrap()),
        ("alertmanager", sent(MessageKind::Alertmanager, report).unwrap()),
    ]
}

/// What a terminal obeys, or what reorders or hides text, is in no form.
fn is_harmless(text: &str) -> bool {
    let reorders = |c| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    text.chars().all(|c| "\n\t".contains(c) || !(c.is_control() || reorders(c)))
}

/// The text of a comment without what stands in code; panics where code does not end, or where markup is left.
fn outside_of_code(markdown: &str) -> String {
    let mut outside = String::new();
    let mut lines = markdown.lines();
    while let Some(line) = lines.next() {
        let ticks = line.len() - line.trim_start_matches('`').len();
        if ticks >= 3 && !line[ticks..].contains('`') {
            let fence = &line[..ticks];
            assert!(lines.any(|line| line == fence), "a block of code ends");
            continue;
        }
        let mut rest = line;
        while let Some(start) = rest.find('`') {
            outside.push_str(&rest[..start]);
            let code = &rest[start..];
            let ticks = code.len() - code.trim_start_matches('`').len();
            let runs = code[ticks..].split_inclusive(|c| c != '`').scan(ticks, |at, piece| {
                let begin = *at;
                *at += piece.len();
                Some((begin, piece))
            });
            let mut end = None;
            for (begin, piece) in runs {
                if piece.chars().take_while(|c| *c == '`').count() == ticks {
                    end = Some(begin + ticks);
                    break;
                }
            }
            rest = &code[end.expect("a span of code ends")..];
        }
        outside.push_str(rest);
        outside.push('\n');
    }
    outside
}

fn check(report: &Report, planted: &str) {
    for (form, text) in forms(report) {
        assert!(is_harmless(&text), "{form}: {text:?}");
    }
    elements(&junit(report));
    series(&prometheus(report, ""));
    serde_json::from_str::<serde_json::Value>(&sarif(report, None).unwrap()).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json(report).unwrap()).unwrap(), *report);
    let page = html(report);
    assert_eq!((page.matches("<script").count(), page.matches("<style").count()), (0, 1));
    let comment = markdown(report);
    assert!(comment.len() <= 65_536);
    let outside = outside_of_code(&comment);
    assert!(planted.len() < 8 || !outside.contains(planted), "{outside}");
    assert_eq!(outside.matches("<details>").count(), outside.matches("</details>").count());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_form_stays_what_it_is(text in r#"[`|<>&"'\\\[\](){}#@~=\n\r\t $%;,a-c\x00\x1b\u{9b}\u{202e}\u{fffe}ü-]{0,40}"#) {
        check(&planted(&text), &text);
    }
}

#[test]
fn every_form_of_the_rich_report_stays_what_it_is() {
    check(&report(), "\u{0}never there");
}

#[test]
fn no_report_shows_a_secret() {
    let marks = ["quartz-crossing", "orange-submarine"];
    let _secret = Secret::new(String::from("quartz-crossing<\"'&]\norange-submarine"));
    for (form, text) in forms(&planted("quartz-crossing<\"'&]\norange-submarine")) {
        for mark in marks {
            assert!(!text.contains(mark), "{form} shows {mark}");
        }
        assert!(text.contains("(sensitive)"), "{form}");
    }
}

#[test]
fn the_test_above_can_fail() {
    for (form, text) in forms(&planted("violet-player<\"'&]\npurple-elephant")) {
        assert!(text.contains("violet-player") && text.contains("purple-elephant"), "{form}");
        assert!(!text.contains("(sensitive)"), "{form}");
    }
}

#[test]
fn a_comment_is_shortened_and_says_so() {
    let large = |node: usize| {
        let lines: Vec<_> = (0..60).map(|line| format!("key-{line}: {node}\n")).collect();
        Item {
            before: Some(lines.concat()),
            after: Some(lines.concat().replace(": ", " = ")),
            ..item("file.x", Class::Drift, "/etc/x", "it differs")
        }
    };
    let nodes = (0..3000).map(|node| read(&format!("w-{node}"), vec![large(node)])).collect();
    let text = markdown(&Report { nodes, ..quiet() });
    assert!(text.len() <= 65_536 && text.len() > 60_000);
    let last = text.trim_end().lines().last().unwrap();
    assert!(last.starts_with("**Shortened to the 65536 characters that a comment may have:** "), "{last}");
    assert!(last.contains("shown without the diffs") && last.contains("not shown at all"), "{last}");
    assert!(text.contains("… and 2900 more"));
    outside_of_code(&text);
    let nodes = (0..3000).map(|node| read(&format!("w-{node}"), vec![large(1)])).collect();
    let text = markdown(&Report { nodes, ..quiet() });
    assert!(text.contains("w-7 and 2992 more") && !text.contains("Shortened"), "{text}");
}
