//! `harden check`: what it reads, what it selects, what it ends with, and that it changes nothing.

use super::{Ran, Site, differing, ran};
use insta::assert_snapshot;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

/// Every text of one key in the findings of `-o json`.
fn all(ran: &Ran, key: &str) -> Vec<String> {
    let report: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr));
    let findings = report["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding[key].as_str().unwrap_or_default().to_owned()).collect()
}

fn json(site: &Site, arguments: &[&str]) -> Ran {
    site.run(&[&["check", "-o", "json", "--exit-code", "0"], arguments].concat())
}

#[test]
fn a_check_changes_nothing_and_is_the_same_twice() {
    let site = Site::new();
    let before = site.tree();
    let first = site.run(&["check"]);
    let second = site.run(&["check"]);
    assert_eq!(first.code, 2, "{}{}", first.stdout, first.stderr);
    assert_eq!(first.stdout, second.stdout);
    assert_eq!(differing(&before, &site.tree()), [""; 0].map(std::path::PathBuf::from));
}

#[test]
fn the_check_of_the_quickstart() {
    let site = Site::new();
    if fs::metadata(site.inventory()).unwrap().uid() != 0 {
        println!("who is not root cannot make files of root's");
        return;
    }
    let ran = site.run(&["check", "--progress", "none"]);
    let text = format!(
        "exit code: {}\n--- standard output ---\n{}--- standard error ---\n{}",
        ran.code, ran.stdout, ran.stderr
    );
    assert_snapshot!(text);
}

#[test]
fn findings_end_with_the_code_that_is_asked_for() {
    let site = Site::new();
    for (code, expected) in [("0", 0), ("2", 2), ("9", 9)] {
        assert_eq!(site.run(&["check", "--exit-code", code]).code, expected);
    }
    let ran = site.run(&["check", "--exit-code", "200"]);
    assert!(ran.code == 1 && ran.stderr.contains("200 is not in 0..=125"), "{}", ran.stderr);
}

#[test]
fn what_was_not_read_wins_over_what_was_found() {
    let site = Site::new();
    super::plan::with_unreachable_node(&site);
    let ran = site.run(&["check", "-o", "json"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["unreachable"][0]["node"], "w-2");
    assert!(report["findings"].as_array().unwrap().len() > 1);
    assert_eq!(site.run(&["check", "--limit", "!w-2"]).code, 2);
}

#[test]
fn a_limit_leaves_nodes_out() {
    let site = Site::new();
    let nodes = all(&json(&site, &["--limit", "worker"]), "node");
    assert!(
        nodes.iter().all(|node| node == "w-1" || node.is_empty()) && nodes.iter().any(|node| node == "w-1")
    );
    assert!(all(&json(&site, &[]), "node").iter().any(|node| node == "cp-1"));
}

#[test]
fn controls_are_selected() {
    let site = Site::new();
    for (arguments, begins) in [
        (&["--controls", "1.1.*"][..], "cis-1.12:1.1."),
        (&["--controls", "cis-1.12:1.2.16"], "cis-1.12:1.2.16"),
        (&["--section", "1.2"], "cis-1.12:1.2."),
        (&["--section", "1"], "cis-1.12:1."),
        (&["--section", "1.1", "--controls", "1.*"], "cis-1.12:1.1."),
        (&["--benchmark", "cis-2.0"], "cis-2.0:"),
        (&["--benchmark", "cis-2.0", "--controls", "cis-2.0:1.1.1"], "cis-2.0:1.1.1"),
    ] {
        let controls = all(&json(&site, arguments), "control");
        assert!(
            !controls.is_empty() && controls.iter().all(|control| control.starts_with(begins)),
            "{controls:?}"
        );
    }
    let two = all(&json(&site, &["--controls", "1.1.1", "--controls", "1.2.16"]), "control");
    assert!(
        two.iter().any(|control| control.ends_with(":1.1.1"))
            && two.iter().any(|control| control.ends_with(":1.2.16"))
    );
}

#[test]
fn what_there_is_not_is_refused_before_any_node_is_read() {
    let site = Site::new();
    for (arguments, message, hint) in [
        (
            &["--benchmark", "cis-9"][..],
            "there is no benchmark `cis-9`",
            "the benchmarks are cis-1.12, cis-2.0",
        ),
        (
            &["--controls", "9.*"],
            "`9.*` matches no control of cis-1.12",
            "in cis-1.12 there are 1.1.*, 1.2.*",
        ),
        (
            &["--controls", "1.1"],
            "`1.1` matches no control of cis-1.12",
            "in cis-1.12 there are 1.1.*, 1.2.*",
        ),
        (
            &["--controls", "cis-9:1.1.*"],
            "`cis-9:1.1.*` names the benchmark cis-9, which there is not",
            "the benchmarks are cis-1.12, cis-2.0",
        ),
        (
            &["--controls", "cis-2.0:1.1.*"],
            "`cis-2.0:1.1.*` is about cis-2.0, and the cluster is judged by cis-1.12",
            "add --benchmark cis-2.0",
        ),
        (&["--section", "9"], "cis-1.12 has no section `9`", "its sections are 1.1, 1.2"),
        (
            &["--section", "1.2", "--controls", "1.1.*"],
            "no control is in section 1.2 and chosen by --controls",
            "",
        ),
    ] {
        let ran = site.run(&[&["check"], arguments].concat());
        let expected = (1, format!("error: {message}\n"));
        assert!(
            (ran.code, ran.stdout.as_str()) == (expected.0, "") && ran.stderr.starts_with(&expected.1),
            "{arguments:?}: {}",
            ran.stderr
        );
        assert!(ran.stderr.contains(hint), "{arguments:?}: {}", ran.stderr);
    }
    let ran = site.run(&["check", "--controls", "1.2 "]);
    assert!(ran.code == 1 && ran.stderr.contains("`1.2 ` chooses no controls"), "{}", ran.stderr);
}

#[test]
fn a_control_is_explained_without_an_inventory() {
    let site = Site::new();
    let explain = |arguments: &[&str]| {
        let mut command = site.command(&[&["check"], arguments].concat());
        ran(command.env("HARDEN_INVENTORY", "/nowhere.toml"))
    };
    let found = explain(&["--explain", "cis-1.12:1.2.16"]);
    assert_eq!((found.code, found.stderr.as_str()), (0, ""));
    assert!(found.stdout.starts_with("cis-1.12:1.2.16  "), "{}", found.stdout);
    let satisfied = "static-pod.kube-apiserver (templates/kube-apiserver/audit.tera)";
    assert!(found.stdout.contains(satisfied), "{}", found.stdout);
    assert_eq!(explain(&["--explain", "1.2.16"]).stdout, found.stdout);
    assert!(
        explain(&["--explain", "1.2.16", "--benchmark", "cis-2.0"]).stdout.starts_with("cis-2.0:1.2.16  ")
    );
    for (name, message) in [
        ("1.1.99", "error: there is no control `1.1.99`\n"),
        ("x", "error: there is no control `x`\n"),
        ("cis-9:1.1.1", "error: there is no benchmark `cis-9`\n"),
    ] {
        let found = explain(&["--explain", name]);
        assert!(found.code == 1 && found.stderr.starts_with(message), "{}", found.stderr);
        assert!(found.stderr.contains("hint: "), "{}", found.stderr);
    }
    // What comes in a later stage is named as well.
    for (control, template) in
        [("1.2.5", "kube-apiserver/kubelet-authority.tera"), ("4.2.9", "kubelet/serving.tera")]
    {
        let found = explain(&["--explain", control]);
        assert!(found.stdout.contains(&format!("templates/{template}")), "{}", found.stdout);
    }
    assert_eq!(explain(&["--explain", "1.2.16", "--section", "1"]).code, 1);
}

#[test]
fn reports_are_written_beside_the_result() {
    let site = Site::new();
    let (one, other) = (site.outside("one.json"), site.outside("other.json"));
    let request = |path: &std::path::Path| format!("json={}", path.display());
    let ran = site.run(&["check", "--report", &request(&one), "--report", &request(&other)]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert_eq!(fs::read(&one).unwrap(), fs::read(&other).unwrap());
    let report: Value = serde_json::from_str(&fs::read_to_string(&one).unwrap()).unwrap();
    assert_eq!(report["benchmark"], "cis-1.12");
    let ran = site.run(&["check", "--report", &request(&site.outside("nowhere/x.json"))]);
    assert!(ran.code == 1 && ran.stderr.contains("error: write the"), "{}", ran.stderr);
}

#[test]
fn a_waiver_that_nothing_needs_is_noted_by_a_check_of_everything() {
    let site = Site::new();
    site.declare("[[waivers]]\ncontrol = \"cis-1.12:1.1.2\"\nreason = \"it passes\"\n");
    let notes = |arguments: &[&str]| {
        let report: Value = serde_json::from_str(&json(&site, arguments).stdout).unwrap();
        report["notes"].as_array().unwrap().len()
    };
    assert_eq!(notes(&[]), 1);
    for part in [&["--section", "1.1"][..], &["--controls", "1.1.*"], &["--limit", "cp-1"]] {
        assert_eq!(notes(part), 0, "{part:?}");
    }
    let table = site.run(&["check"]).stdout;
    assert!(
        table.contains("Note: the waiver of cis-1.12:1.1.2 on line ")
            && table.contains(" matches nothing: delete it\n")
    );
}

#[test]
fn a_waiver_closes_a_finding_and_must_be_about_a_control() {
    let site = Site::new();
    site.declare("[[waivers]]\ncontrol = \"cis-1.12:1.1.1\"\nreason = \"a golden image\"\n");
    assert_eq!(site.run(&["check", "--controls", "1.1.1"]).code, 0);
    let site = Site::new();
    site.declare("[[waivers]]\ncontrol = \"cis-1.12:1.99\"\nreason = \"a typing error\"\n");
    for verb in ["check", "validate", "plan"] {
        let ran = site.run(&[verb]);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{verb}");
        assert!(
            ran.stderr.contains("cis-1.12:1.99") && ran.stderr.contains("quickstart.toml:"),
            "{}",
            ran.stderr
        );
    }
}
