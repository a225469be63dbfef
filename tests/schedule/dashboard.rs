//! The dashboard: its panels do not overlap, ask for metrics that there are, by a data source that is chosen in Grafana, and in
//! PromQL that Prometheus reads.

use super::rules::assert_rules;
use super::{SMALL, printed};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// What `harden drift --report prom=FILE` writes.
const METRICS: [&str; 12] = [
    "harden_build_info",
    "harden_drift_items",
    "harden_run_success",
    "harden_last_run_timestamp_seconds",
    "harden_last_success_timestamp_seconds",
    "harden_run_duration_seconds",
    "harden_hosts",
    "harden_hosts_unreachable",
    "harden_hosts_busy",
    "harden_host_up",
    "harden_apply_failed",
    "harden_cert_not_after_timestamp_seconds",
];

fn panels() -> Vec<Value> {
    let dashboard: Value = serde_json::from_str(&printed(SMALL, &["grafana"])).unwrap();
    dashboard["panels"].as_array().unwrap().clone()
}

/// The metrics that a text names.
fn metrics(text: &str) -> BTreeSet<&str> {
    let word = |c: char| !(c.is_ascii_lowercase() || c == '_');
    text.split(word).filter(|word| word.starts_with("harden_")).collect()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

#[test]
fn panels_stand_beside_each_other() {
    let panels = panels();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| number(&panel["id"])).collect();
    assert_eq!(ids.len(), panels.len());
    let mut taken = BTreeSet::new();
    for panel in &panels {
        let place = &panel["gridPos"];
        let (x, y, w, h) =
            (number(&place["x"]), number(&place["y"]), number(&place["w"]), number(&place["h"]));
        assert!(x + w <= 24);
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "{} overlaps at {cell:?}", panel["title"]);
        }
    }
}

#[test]
fn they_ask_for_metrics_that_there_are() {
    let mut rules = String::from("groups:\n  - name: dashboard\n    rules:\n");
    for panel in panels() {
        assert_eq!(panel["datasource"]["uid"], "${datasource}");
        for target in panel["targets"].as_array().unwrap() {
            assert_eq!(target["datasource"]["uid"], "${datasource}");
            let asked = target["expr"].as_str().unwrap();
            assert!(metrics(asked).iter().all(|metric| METRICS.contains(metric)), "{asked}");
            let plain = asked.replace("$cluster", "prod|test");
            let name = rules.len();
            writeln!(rules, "      - record: dashboard:n{name}\n        expr: {}", Value::from(plain))
                .unwrap();
        }
    }
    assert_rules(&rules);
}

#[test]
fn so_do_the_alerts() {
    let rules = printed(SMALL, &["prometheus"]);
    let asked = metrics(&rules);
    assert!(asked.len() > 7);
    assert!(asked.iter().all(|metric| METRICS.contains(metric)), "{asked:?}");
}
