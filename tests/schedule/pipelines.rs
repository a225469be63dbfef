//! The pipelines: their scripts are shell that shells read, keep the exit codes apart, and leave secrets out of command lines.

use super::{SMALL, printed};
use serde_json::Value;
use std::io::Write as _;
use std::process::{Command, Stdio};

const IMAGE: [&str; 2] = ["--image", "r/h:1"];

fn pipeline(kind: &str) -> Value {
    serde_saphyr::from_str(&printed(SMALL, &[&[kind], &IMAGE[..]].concat())).unwrap()
}

/// Every text that a shell runs.
fn scripts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("run", Value::String(script)) => found.push(script.clone()),
                    ("script", Value::Array(lines)) => {
                        found.extend(lines.iter().map(|line| line.as_str().unwrap().to_owned()));
                    }
                    _ => scripts(value, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| scripts(value, found)),
        _ => {}
    }
}

fn is_read_by(shell: &str, script: &str) {
    let mut child =
        Command::new(shell).arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{script}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn their_scripts_are_read_by_shells() {
    for (kind, shell, count) in [("github", "bash", 3), ("gitlab", "dash", 3)] {
        let mut found = Vec::new();
        scripts(&pipeline(kind), &mut found);
        assert_eq!(found.len(), count, "{kind}");
        for script in found {
            is_read_by(shell, &script);
            // What the forge puts into the text of a script is not quoted by anybody.
            assert!(!script.contains("${{"), "{script}");
            assert!(
                script.contains("exit \"$code\"") || script.contains("plan --detailed-exitcode"),
                "{script}"
            );
        }
    }
}

/// The script ends with what harden ended with; a stand-in takes harden's place.
fn ended(script: &str, code: i32) -> i32 {
    let folder = tempfile::tempdir().unwrap();
    let stand_in = format!("harden() {{ return {code}; }}\nset -e\n{script}");
    let status = Command::new("bash")
        .args(["-c", &stand_in])
        .current_dir(folder.path())
        .env("RUNNER_TEMP", folder.path())
        .env("GITHUB_OUTPUT", folder.path().join("output"))
        .env("GITHUB_STEP_SUMMARY", folder.path().join("summary"))
        .stdout(Stdio::null())
        .status()
        .unwrap();
    status.code().unwrap()
}

#[test]
fn changes_pass_a_plan_and_drift_fails_a_check() {
    for kind in ["github", "gitlab"] {
        let mut found = Vec::new();
        scripts(&pipeline(kind), &mut found);
        for script in found {
            let verb = ["plan", "apply", "drift"]
                .into_iter()
                .find(|verb| script.contains(&format!("harden {verb} ")))
                .unwrap();
            for code in [0, 1, 2, 3, 4] {
                // A plan with changes is what a pull request is for.
                let expected = match (verb, code) {
                    ("plan", 0 | 2) => 0,
                    ("plan", _) => 1,
                    _ => code,
                };
                assert_eq!(ended(&script, code), expected, "{kind} {verb} {code}");
            }
        }
    }
}

#[test]
fn an_apply_waits_for_an_approval_and_runs_alone() {
    let github = pipeline("github");
    let apply = &github["jobs"]["apply"];
    assert_eq!(apply["environment"], "prod");
    assert_eq!(apply["concurrency"]["cancel-in-progress"], false);
    assert_eq!(github["permissions"], serde_json::json!({"contents": "read"}));
    let gitlab = pipeline("gitlab");
    assert_eq!(gitlab["apply"]["rules"][0]["when"], "manual");
    assert_eq!(gitlab["apply"]["environment"]["name"], "prod");
    assert_eq!(gitlab["apply"]["resource_group"], "harden-apply-prod");
}
