//! The command line: standard output, standard error and exit code, as one snapshot each.

use crate::plans;
use clap::{Args, Command as Definition, CommandFactory};
use harden::cli::{
    Cli, apply, check, doctor, drift, hostkeys, init, kubeconfig, pki, plan, remove, report, rollback,
    schedule, schema, status, unlock, validate,
};
use insta::assert_snapshot;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use tempfile::TempDir;

fn harden(arguments: &[&str]) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_harden"));
    command.args(arguments).env_clear();
    command
}

/// Runs a command and shows all that comes of it. Paths below `folder` are shown without it.
fn shown(command: &mut assert_cmd::Command, folder: &str) -> String {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap().replace(&format!("{folder}/"), "");
        text.replace('\x1b', "␛").replace(env!("CARGO_PKG_VERSION"), "VERSION")
    };
    format!(
        "exit code: {}\n--- standard output ---\n{}--- standard error ---\n{}",
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr)
    )
}

fn run(arguments: &[&str]) -> String {
    shown(&mut harden(arguments), "")
}

#[test]
fn without_arguments_the_help_is_an_error() {
    assert_snapshot!(run(&[]));
}

#[test]
fn help_and_version_succeed() {
    assert_snapshot!(run(&["--help"]));
    assert_snapshot!(run(&["-V"]));
    assert_snapshot!(run(&["show", "--help"]));
}

/// The help of verbs that take part in the command line once they are wired.
#[test]
fn every_verb_has_its_help() {
    let verbs: [fn(Definition) -> Definition; 17] = [
        plan::Plan::augment_args,
        apply::Apply::augment_args,
        drift::Drift::augment_args,
        report::Report::augment_args,
        check::Check::augment_args,
        doctor::Doctor::augment_args,
        remove::Remove::augment_args,
        rollback::Rollback::augment_args,
        status::Status::augment_args,
        unlock::Unlock::augment_args,
        validate::Validate::augment_args,
        schema::Schema::augment_args,
        init::Init::augment_args,
        hostkeys::HostKeys::augment_args,
        pki::Pki::augment_args,
        kubeconfig::Kubeconfig::augment_args,
        schedule::Schedule::augment_args,
    ];
    let names = [
        "plan",
        "apply",
        "drift",
        "report",
        "check",
        "doctor",
        "remove",
        "rollback",
        "status",
        "unlock",
        "validate",
        "schema",
        "init",
        "hostkeys",
        "pki",
        "kubeconfig",
        "schedule",
    ];
    let mut help = Vec::new();
    for (name, verb) in names.into_iter().zip(verbs) {
        // The global part is the same everywhere and in the snapshot of `show --help`.
        let text =
            verb(Definition::new(name).bin_name(format!("harden {name}"))).render_long_help().to_string();
        help.push(format!("$ harden {name} --help\n{text}"));
    }
    // The actions of these verbs have a help of their own.
    let pki = pki::Pki::augment_args(Definition::new("pki").bin_name("harden pki"));
    let schedule = schedule::Schedule::augment_args(Definition::new("schedule").bin_name("harden schedule"));
    for mut verb in [pki, schedule] {
        // What all actions of a verb take is handed to them then.
        verb.build();
        for mut action in verb.get_subcommands().filter(|action| action.get_name() != "help").cloned() {
            let name = format!("harden {} {}", verb.get_name(), action.get_name());
            action = action.bin_name(&name);
            help.push(format!("$ {name} --help\n{}", action.render_long_help()));
        }
    }
    assert_snapshot!(help.join("\n"));
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn wrong_usage_is_exit_code_1() {
    assert_snapshot!(run(&["sohw"]));
    assert_snapshot!(run(&["show", "--colour", "x", "FILE"]));
    assert_snapshot!(run(&["show"]));
    assert_snapshot!(run(&["show", "x", "-p", "0"]));
    assert_snapshot!(run(&["show", "x", "-l", "cp-1,,w-1"]));
}

/// A folder with a plan, a half plan, a plan of the future, and no plan.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let good = serde_json::to_string_pretty(&plans::whole()).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("good.plan", &good);
    write("half.plan", &good[..good.len() / 2]);
    write("future.plan", &good.replace("\"format_version\": \"1.0\"", "\"format_version\": \"2.3\""));
    write("none.plan", "[]\n");
    folder
}

fn show(file: &str, arguments: &[&str]) -> String {
    let folder = folder();
    let file = folder.path().join(file);
    let path = folder.path().to_str().unwrap();
    shown(harden(arguments).arg("show").arg(file), path)
}

#[test]
fn a_saved_plan_is_shown() {
    assert_snapshot!(show("good.plan", &[]));
    assert_eq!(show("good.plan", &["-o", "json"]).matches("\"summary\": {").count(), 1);
}

#[test]
fn what_is_no_plan_is_refused() {
    assert_snapshot!(show("half.plan", &[]));
    assert_snapshot!(show("future.plan", &[]));
    assert_snapshot!(show("none.plan", &[]));
    assert_snapshot!(show("missing.plan", &[]));
}

#[test]
fn global_flags_stand_before_and_after_the_verb() {
    let folder = folder();
    let file = folder.path().join("good.plan");
    let file = file.to_str().unwrap();
    let before = run(&["-o", "json", "show", file]);
    assert_eq!(before, run(&["show", file, "-o", "json"]));
    assert_eq!(before, shown(harden(&["show", file]).env("HARDEN_OUTPUT", "json"), ""));
    assert!(before.contains("\"format_version\""));
    assert!(run(&["show", file, "--forks", "3"]).starts_with("exit code: 0\n"));
}

#[test]
fn colour_obeys_the_flag_and_then_the_environment() {
    let folder = folder();
    let file = folder.path().join("good.plan");
    let colored = |arguments: &[&str], variables: &[&str]| {
        let mut command = harden(arguments);
        command.arg("show").arg(&file).envs(variables.iter().map(|name| (*name, "1")));
        shown(&mut command, "").contains('␛')
    };
    assert!(!colored(&[], &[]));
    assert!(colored(&[], &["CLICOLOR_FORCE"]));
    assert!(!colored(&[], &["CLICOLOR_FORCE", "NO_COLOR"]));
    assert!(colored(&["--color", "always"], &["NO_COLOR"]));
    assert!(!colored(&["--color=never"], &["CLICOLOR_FORCE"]));
}

/// `harden show FILE | head -1`
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("large.plan");
    // More than a pipe holds, so that harden still writes when the reader is gone.
    let nodes = (0..20_000).map(|n| plans::node(&format!("w-{n}"), vec![plans::kubelet()])).collect();
    let plan = plans::plan(vec![plans::wave("workers", nodes)]);
    std::fs::write(&file, serde_json::to_string(&plan).unwrap()).unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_harden"))
        .arg("show")
        .arg(&file)
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::with_capacity(64, child.stdout.take().unwrap());
    let mut first = String::new();
    stdout.read_line(&mut first).unwrap();
    drop(stdout);
    let mut complaints = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaints).unwrap();
    assert_eq!(first, "Cluster prod: 20000 of 20000 nodes read\n");
    assert_eq!((child.wait().unwrap().code(), complaints.as_str()), (Some(0), ""));
}

/// A write that fails otherwise is an error: what a script reads would be cut short.
#[test]
fn a_full_disk_is_an_error() {
    let folder = folder();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_harden"))
        .arg("show")
        .arg(folder.path().join("good.plan"))
        .env_clear()
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text, "error: write to standard output: No space left on device (os error 28)\n");
}

#[test]
fn a_panic_is_masked_and_exit_code_1() {
    let secret = harden::secret::Secret::new(String::from("panicking-passphrase"));
    let payload: Box<dyn std::any::Any> = Box::new(format!("unexpected {}", secret.expose()));
    let text = harden::cli::panic::describe(&*payload, "src/x.rs:1:2");
    assert!(
        text.starts_with("error: internal error at src/x.rs:1:2: unexpected (sensitive)\nhint: "),
        "{text}"
    );
    let code = harden::cli::panic::guard(|| panic!("on purpose"));
    assert_eq!(code, harden::error::ExitCode::Error);
}
