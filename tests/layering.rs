//! Imports go up the ranks of the architecture and never sideways: the table in the crate documentation is true. And only
//! the modules that answer for a script call it one that only reads.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules by rank; within a rank only rank 1's `event` may name its neighbours' ids.
const RANKS: &[&[&str]] = &[
    &["error", "secret"],
    &["inventory", "resource", "event"],
    &["plan", "pki", "store", "remote", "cluster", "manifests"],
    &["desired", "observe", "check", "health", "status", "trust", "doctor", "drift"],
    &["stage", "apply", "bootstrap", "schedule", "webhook"],
    &["removal"],
    &["ui"],
    &["cli"],
];

/// Pairs that are allowed beside the ranks, and pairs that are not although the ranks would allow them.
const ALLOWED: &[(&str, &str)] = &[("event", "inventory"), ("event", "resource")];
const FORBIDDEN: &[(&str, &str)] = &[
    ("apply", "desired"),
    ("apply", "pki"),
    ("apply", "store"),
    ("bootstrap", "desired"),
    ("bootstrap", "pki"),
    ("bootstrap", "store"),
    ("apply", "trust"),
    ("ui", "remote"),
    ("ui", "apply"),
    ("ui", "bootstrap"),
    ("ui", "cluster"),
    ("ui", "webhook"),
    ("webhook", "remote"),
    ("webhook", "cluster"),
    ("removal", "desired"),
    ("schedule", "observe"),
    ("schedule", "remote"),
    ("schedule", "cluster"),
];

/// The modules that build probes. A new one is looked at by a person: every command in its script only reads.
const PROBES: &[&str] = &[
    "src/health/read_reach.rs",
    "src/observe/evidence/probe.rs",
    "src/observe/probe.rs",
    "src/observe/traces.rs",
    "src/status/mod.rs",
];

fn rank(module: &str) -> Option<usize> {
    RANKS.iter().position(|modules| modules.contains(&module))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The modules of this crate that a source text names, documentation links aside.
fn imports(text: &str) -> Vec<String> {
    let code =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let names = |part: &str| {
        part.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_owned()
    };
    code.split("crate::")
        .skip(1)
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(group) => group
                .split('}')
                .next()
                .unwrap_or_default()
                .split(',')
                .map(|part| names(part.trim()))
                .collect(),
            None => vec![names(rest)],
        })
        .collect()
}

fn allowed(from: &str, to: &str) -> bool {
    if from == to || ALLOWED.contains(&(from, to)) {
        return true;
    }
    match (rank(from), rank(to)) {
        (Some(from_rank), Some(to_rank)) => from_rank > to_rank && !FORBIDDEN.contains(&(from, to)),
        _ => false,
    }
}

#[test]
fn imports_go_up_the_ranks() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 20);
    for file in files {
        let relative = file.strip_prefix(&src).unwrap();
        let module = relative.components().next().unwrap().as_os_str().to_string_lossy().replace(".rs", "");
        if matches!(module.as_str(), "main" | "lib") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//!"), "{} does not open with what it is for", relative.display());
        for import in imports(&text) {
            assert!(allowed(&module, &import), "{} must not import `{import}`", relative.display());
        }
    }
}

#[test]
fn probes_are_made_in_few_places() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    let makes = |path: &PathBuf| {
        // Its definition and its documentation aside.
        let text = fs::read_to_string(path).unwrap();
        let program = text.split("#[cfg(test)]").next().unwrap_or_default();
        !path.ends_with("remote/reader.rs") && program.contains("that_only_reads")
    };
    let mut found: Vec<String> = files
        .iter()
        .filter(|path| makes(path))
        .map(|path| path.strip_prefix(root).unwrap().display().to_string())
        .collect();
    found.sort();
    assert_eq!(found, PROBES);
}

#[test]
fn the_check_can_fail() {
    assert_eq!(
        imports("use crate::{plan::Plan, ui};\nuse crate::remote::Session;"),
        ["plan", "ui", "remote"]
    );
    assert!(!allowed("plan", "remote"));
    assert!(!allowed("apply", "pki"));
    assert!(!allowed("ui", "apply"));
    assert!(allowed("cli", "apply"));
}
