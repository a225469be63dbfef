//! Metrics: what they say, and what they keep from the run before.

use super::fixture::{NOW, item, quiet, read, report};
use harden::drift::{Class, NodeReport, NodeState, Report, Shard};
use harden::ui::drift::{FailedRun, prometheus, prometheus_failed};
use insta::assert_snapshot;
use std::collections::BTreeMap;

/// The series of a text, each once; panics where Prometheus would refuse it.
pub(super) fn series(text: &str) -> BTreeMap<String, String> {
    assert!(text.ends_with('\n') && !text.contains('\r'));
    let (mut found, mut family) = (BTreeMap::new(), "");
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            family = help.split(' ').next().unwrap();
            continue;
        }
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            assert_eq!(kind, format!("{family} gauge"));
            continue;
        }
        let (name, rest) = line.split_once('{').unwrap();
        assert_eq!(name, family, "series stand with their metric");
        let (labels, value) = rest.rsplit_once("} ").unwrap();
        check_labels(labels);
        assert!(value.parse::<f64>().unwrap().is_finite());
        assert_eq!(found.insert(format!("{name}{{{labels}}}"), value.to_owned()), None, "{line}");
    }
    found
}

fn check_labels(labels: &str) {
    let mut rest = labels;
    loop {
        let (name, value) = rest.split_once("=\"").unwrap();
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{labels}");
        let mut escaped = false;
        let end = value.find(|c| {
            let ends = c == '"' && !escaped;
            assert!(!escaped || "\\\"n".contains(c), "{labels}");
            escaped = c == '\\' && !escaped;
            ends
        });
        match &value[end.unwrap() + 1..] {
            "" => break,
            more => rest = more.strip_prefix(',').unwrap(),
        }
    }
}

/// The value of a series; empty where there is none.
fn value(text: &str, name: &str) -> String {
    series(text).remove(name).unwrap_or_default()
}

#[test]
fn metrics_say_everything() {
    let metrics = prometheus(&report(), "");
    series(&metrics);
    assert_snapshot!(metrics);
}

#[test]
fn the_last_success_is_kept_and_never_invented() {
    const LAST: &str = "harden_last_success_timestamp_seconds{cluster=\"prod\"}";
    let failing = report();
    assert_eq!(value(&prometheus(&failing, ""), LAST), "");
    let first = prometheus(&quiet(), "");
    assert_eq!(value(&first, LAST), NOW.to_string());
    let later = Report { started: NOW + 3_600, ..failing };
    let second = prometheus(&later, &first);
    assert_eq!(value(&second, LAST), NOW.to_string());
    assert_eq!(value(&second, "harden_run_success{cluster=\"prod\"}"), "0");
    let other = Report { cluster: String::from("test"), ..later };
    assert!(
        !prometheus(&other, &second).contains("last_success"),
        "that of another cluster is none of this one"
    );
}

#[test]
fn what_was_seen_of_a_node_is_kept_while_it_is_not_judged() {
    const DRIFT: &str = "harden_drift_items{cluster=\"prod\",host=\"w-1\",kind=\"drift\"}";
    const UP: &str = "harden_host_up{cluster=\"prod\",host=\"w-1\"}";
    let one = |state: Option<NodeState>| {
        let drifted = read("w-1", vec![item("file.x", Class::Drift, "/x", "it differs")]);
        let node = NodeReport { state: state.unwrap_or(drifted.state), ..read("w-1", Vec::new()) };
        Report { nodes: vec![read("w-10", Vec::new()), node], ..quiet() }
    };
    let lost = || Some(NodeState::Unreachable { error: String::from("gone"), hint: None });
    assert_eq!(value(&prometheus(&one(lost()), ""), DRIFT), "", "nothing is invented");
    let before = prometheus(&one(None), "");
    assert_eq!((value(&before, DRIFT), value(&before, UP)), (String::from("1"), String::from("1")));
    let after = prometheus(&one(lost()), &before);
    assert_eq!((value(&after, DRIFT), value(&after, UP)), (String::from("1"), String::from("0")));
    let busy = Some(NodeState::Busy { by: String::from("x"), since: 0 });
    let after = prometheus(&one(busy), &after);
    assert_eq!((value(&after, DRIFT), value(&after, UP)), (String::from("1"), String::from("1")));
}

#[test]
fn records_of_the_cluster_that_could_not_be_read_are_kept() {
    const DRIFT: &str = "harden_drift_items{cluster=\"prod\",host=\"cluster\",kind=\"drift\"}";
    let before = prometheus(&report(), "");
    let lost = Report { cluster_error: Some(String::from("503")), ..quiet() };
    assert_eq!(
        (value(&prometheus(&lost, &before), DRIFT), value(&prometheus(&lost, ""), DRIFT)),
        (String::from("1"), String::new())
    );
    assert_eq!(value(&prometheus(&lost, ""), "harden_run_success{cluster=\"prod\"}"), "0");
}

#[test]
fn a_run_without_a_report_says_so_and_keeps_the_rest() {
    let before = prometheus(&report(), &prometheus(&quiet(), ""));
    for cluster in [Some("prod"), None] {
        let run = FailedRun { cluster, shard: None, started: NOW + 60, milliseconds: 12 };
        let (before, after) = (series(&before), series(&prometheus_failed(&run, &before)));
        let changed: Vec<_> =
            after.iter().filter(|(name, value)| before.get(*name) != Some(*value)).collect();
        let changed: Vec<_> = changed.iter().map(|(name, value)| format!("{name} {value}")).collect();
        assert_eq!(
            changed,
            [
                "harden_last_run_timestamp_seconds{cluster=\"prod\"} 1795516860",
                "harden_run_duration_seconds{cluster=\"prod\"} 0.012",
            ]
        );
        assert_eq!(before.len(), after.len());
        assert_eq!(after["harden_run_success{cluster=\"prod\"}"], "0");
    }
    let run = FailedRun { cluster: None, shard: None, started: NOW, milliseconds: 1_002 };
    let first = prometheus_failed(&run, "garbage{\n# HELP x\nharden_run_success 1\n\u{0}");
    assert_eq!(value(&first, "harden_run_success{cluster=\"\"}"), "0");
    assert_eq!(value(&first, "harden_run_duration_seconds{cluster=\"\"}"), "1.002");
    assert!(!first.contains("last_success"));
}

#[test]
fn shards_and_clusters_never_say_the_same_series() {
    let mut all = BTreeMap::new();
    let cluster_items = report().cluster_items;
    for cluster in ["prod", "test"] {
        for index in 1..=3 {
            let part = Report {
                cluster: cluster.to_owned(),
                shards: vec![Shard { index, of: 3 }],
                nodes: vec![read(&format!("w-{index}"), Vec::new())],
                cluster_items: cluster_items.clone(),
                ..quiet()
            };
            for (name, value) in series(&prometheus(&part, "")) {
                assert_eq!(all.insert(name.clone(), value), None, "{name}");
            }
        }
    }
    assert!(all.contains_key("harden_run_success{cluster=\"prod\",shard=\"2/3\"}"));
    assert_eq!(all["harden_drift_items{cluster=\"prod\",host=\"cluster\",kind=\"drift\"}"], "1");
}

#[test]
fn a_node_that_is_called_cluster_and_the_cluster_are_one_series() {
    let drifted = || vec![item("file.x", Class::Drift, "/x", "it differs")];
    let report = Report { nodes: vec![read("cluster", drifted())], cluster_items: drifted(), ..quiet() };
    let metrics = prometheus(&report, "");
    assert_eq!(value(&metrics, "harden_drift_items{cluster=\"prod\",host=\"cluster\",kind=\"drift\"}"), "2");
}
