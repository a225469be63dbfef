//! Reports of parts of an inventory, joined.

use super::fixture::{NOW, ignores, item, quiet, read, report};
use assert_cmd::Command;
use harden::drift::{Class, MergeError, Part, Report, Shard, merge};
use harden::error::Hint;
use harden::ui::drift::json;
use std::path::Path;

fn part(index: u32, of: u32, nodes: &[&str]) -> Part {
    let nodes = nodes.iter().map(|node| read(node, Vec::new())).collect();
    let report = Report { shards: vec![Shard { index, of }], nodes, ..quiet() };
    Part { name: format!("{index}.json"), report }
}

#[test]
fn what_was_split_is_joined_to_what_it_was() {
    let whole = Report { harden_version: String::from("1"), ..report() };
    let nodes = |wanted: usize| {
        whole
            .nodes
            .iter()
            .enumerate()
            .filter(|(at, _)| at % 2 == wanted)
            .map(|(_, node)| node.clone())
            .collect()
    };
    let shard = |index: u32| vec![Shard { index, of: 2 }];
    let mut first = Report { shards: shard(1), nodes: nodes(0), ..whole.clone() };
    let mut second = Report { shards: shard(2), nodes: nodes(1), cluster_items: Vec::new(), ..whole.clone() };
    first.ignores[0].count = 2;
    second.ignores[0].count = 0;
    second.ignores[1].count = 0;
    second.started += 60;
    second.since_last = second.since_last.map(|at| at + 60);
    let parts = [second, first].map(|report| Part { name: String::from("x"), report });
    let merged = merge(parts.into()).unwrap();
    assert_eq!(merged.missing, []);
    assert_eq!(merged.report.milliseconds, 60_000 + whole.milliseconds);
    assert_eq!(Report { milliseconds: whole.milliseconds, ..merged.report }, whole);
}

#[test]
fn what_is_missing_is_named() {
    let merged = merge(vec![part(3, 4, &["c"]), part(1, 4, &["a"])]).unwrap();
    let shards = |indices: [u32; 2]| indices.map(|index| Shard { index, of: 4 });
    assert_eq!((merged.missing, merged.report.shards), (shards([2, 4]).into(), shards([1, 3]).into()));
    assert_eq!(merged.report.notices, ["the report of 2/4 is missing", "the report of 4/4 is missing"]);
    // What was joined in part can be joined with the rest.
    let some = Part {
        name: String::from("some"),
        report: merge(vec![part(1, 3, &["a"]), part(2, 3, &["b"])]).unwrap().report,
    };
    assert_eq!(merge(vec![some, part(3, 3, &["c"])]).unwrap().missing, []);
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let with = |change: fn(&mut Report)| {
        let mut part = part(2, 2, &["b"]);
        change(&mut part.report);
        vec![self::part(1, 2, &["a"]), part]
    };
    let cases = [
        (
            with(|report| report.cluster = String::from("test")),
            "1.json is of the cluster `prod`, and 2.json of `test`",
        ),
        (
            with(|report| report.format_version = String::from("2.9")),
            "1.json has the format 2.0, and 2.json has 2.9",
        ),
        (with(|report| report.shards[0].of = 3), "1.json is about one of 2 parts, and 2.json about one of 3"),
        (with(|report| report.shards[0].index = 1), "1.json and 2.json are both about 1/2"),
        (with(|report| report.shards.clear()), "2.json is about no part of an inventory"),
        (with(|report| report.nodes = vec![read("a", Vec::new())]), "1.json and 2.json both have the node a"),
        (Vec::new(), "there is no report to join"),
    ];
    for (parts, message) in cases {
        let error = merge(parts).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(error.hint().is_some());
    }
    assert_eq!(merge(Vec::new()), Err(MergeError::Nothing));
}

fn harden_merge(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harden"));
    let output = command.current_dir(folder).args(["report", "merge"]).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_exit_code_is_that_of_one_check() {
    let folder = tempfile::tempdir().unwrap();
    let write =
        |part: &Part| std::fs::write(folder.path().join(&part.name), json(&part.report).unwrap()).unwrap();
    let mut drifted = part(2, 2, &["b"]);
    drifted.report.nodes = vec![read("b", vec![item("file.x", Class::Drift, "/etc/x", "it differs")])];
    drifted.report.ignores = ignores();
    write(&part(1, 2, &["a"]));
    write(&drifted);
    let (code, stdout, _) = harden_merge(folder.path(), &["1.json", "2.json"]);
    assert_eq!(code, Some(2), "{stdout}");
    assert!(
        stdout.ends_with("Drift: 1 resource on 1 of 2 nodes.\n\n") || stdout.ends_with("nodes.\n"),
        "{stdout}"
    );
    let (code, stdout, _) = harden_merge(folder.path(), &["2.json"]);
    assert_eq!(code, Some(1));
    assert!(stdout.contains("Notice: the report of 1/2 is missing\n"), "{stdout}");
    write(&part(2, 2, &["b"]));
    let arguments =
        ["-o", "json", "1.json", "2.json", "--report", "prom=x.prom", "--report", "json=none/x.json"];
    let (code, stdout, stderr) = harden_merge(folder.path(), &arguments);
    assert_eq!(code, Some(1), "a report could not be written");
    assert_eq!(serde_json::from_str::<Report>(&stdout).unwrap().started, NOW);
    assert!(
        stderr.contains("write the json report none/x.json: ") && stderr.contains("make the directory none"),
        "{stderr}"
    );
    let metrics = std::fs::read_to_string(folder.path().join("x.prom")).unwrap();
    assert!(metrics.contains("harden_hosts{cluster=\"prod\"} 2\n"), "the others are written all the same");
    let (code, ..) = harden_merge(folder.path(), &arguments[..6]);
    assert_eq!(code, Some(0));
    std::fs::write(folder.path().join("1.json"), "{}").unwrap();
    let (code, _, stderr) = harden_merge(folder.path(), &["1.json"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("read 1.json: this is no report of a drift check"), "{stderr}");
}

#[test]
fn no_error_repeats_a_url() {
    let folder = tempfile::tempdir().unwrap();
    for request in ["https://hooks.example/T0/secret", "slak=https://hooks.example/T0/secret"] {
        let (code, _, stderr) = harden_merge(folder.path(), &["1.json", "--report", request]);
        assert_eq!(code, Some(1));
        assert!(stderr.contains("there is no report") && !stderr.contains("hooks"), "{stderr}");
    }
}
