//! The alerts, as Prometheus reads them: `promtool` checks the rules, and tries them on series (rules_test.yaml beside this file).
//! Where it is not installed nothing is tried, and that is said.

use super::{SMALL, printed, printed_nasty, write};
use std::process::Command;
use tempfile::TempDir;

/// HARDEN_PROMTOOL, or the one on the PATH.
fn promtool(arguments: &[&str]) -> Option<(bool, String)> {
    let program = std::env::var_os("HARDEN_PROMTOOL").unwrap_or_else(|| "promtool".into());
    let Ok(output) = Command::new(program).args(arguments).output() else {
        println!("skipped: promtool is not installed (HARDEN_PROMTOOL names it)");
        return None;
    };
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

fn check(rules: &str) -> Option<(bool, String)> {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("rules.yaml");
    write(&file, rules);
    promtool(&["check", "rules", file.to_str().unwrap()])
}

pub(super) fn assert_rules(rules: &str) {
    if let Some((sound, said)) = check(rules) {
        assert!(sound, "{said}");
    }
}

#[test]
fn prometheus_takes_them() {
    assert_rules(&printed(SMALL, &["prometheus"]));
    assert_rules(&printed_nasty(&["prometheus", "--every", "1d", "--shards", "8"]));
    if let Some((sound, _)) = check(&printed(SMALL, &["prometheus"]).replace("by (cluster)", "by cluster)")) {
        assert!(!sound);
    }
}

#[test]
fn they_fire_when_they_should_and_not_before() {
    let folder = TempDir::new().unwrap();
    let test = folder.path().join("rules_test.yaml");
    write(&test, include_str!("rules_test.yaml"));
    write(&folder.path().join("prod.yaml"), &printed(SMALL, &["prometheus"]));
    write(
        &folder.path().join("shards.yaml"),
        &printed(&SMALL.replace("\"prod\"", "\"big\""), &["prometheus", "--shards", "2"]),
    );
    if let Some((sound, said)) = promtool(&["test", "rules", test.to_str().unwrap()]) {
        assert!(sound, "{said}");
    }
}

#[test]
fn every_alert_says_what_to_type() {
    #[derive(serde::Deserialize)]
    struct File {
        groups: Vec<Group>,
    }
    #[derive(serde::Deserialize)]
    struct Group {
        rules: Vec<Rule>,
    }
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Rule {
        alert: String,
        expr: String,
        r#for: String,
        labels: std::collections::BTreeMap<String, String>,
        annotations: std::collections::BTreeMap<String, String>,
    }
    let file: File = serde_saphyr::from_str(&printed(SMALL, &["prometheus"])).unwrap();
    let rules: Vec<Rule> = file.groups.into_iter().flat_map(|group| group.rules).collect();
    assert_eq!(rules.len(), 10);
    for rule in rules {
        assert!(
            ["info", "warning", "critical"].contains(&rule.labels["severity"].as_str()),
            "{}",
            rule.alert
        );
        assert!(rule.annotations["runbook"].contains("`harden "), "{}", rule.alert);
        assert!(rule.annotations.contains_key("summary") && rule.annotations.contains_key("description"));
        assert!(rule.expr.contains("cluster=\"prod\"") && !rule.r#for.is_empty(), "{}", rule.alert);
    }
}
