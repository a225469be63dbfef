//! What users see: plans, progress, errors, questions; and that no secret is ever among it.

use crate::plans;
use harden::error::Hint;
use harden::event::{Event, Outcome};
use harden::plan::{Origin, Plan};
use harden::secret::Secret;
use harden::ui::{
    self, Applied, Clock, Delivery, Output, Paint, Progress, ProgressMode, PromptError, View, confirm_from,
    json,
};
use insta::assert_snapshot;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const PLAIN: View = View { paint: Paint { color: false }, width: 100, verbose: false };

/// A stream whose content a test can read.
#[derive(Clone, Default)]
pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream that always fails the same way.
struct Broken(io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn captured() -> (Output, Captured, Captured) {
    let (stdout, stderr) = (Captured::default(), Captured::default());
    let output = Output::to(Box::new(stdout.clone()), Box::new(stderr.clone()), Paint { color: false });
    (output, stdout, stderr)
}

/// Escape sequences made readable.
fn visible(text: &str) -> String {
    text.replace('\x1b', "␛")
}

#[test]
fn a_plan_says_which_nodes_are_drained_and_for_how_long() {
    let mut plan = plans::whole();
    let drain =
        harden::plan::Drain { deadline: 90, delete_emptydir_data: false, delete_unmanaged_pods: false };
    for node in &mut plan.waves[1].nodes {
        node.drain = Some(drain);
    }
    let text = ui::plan::render(&plan, PLAIN);
    for line in [
        "  w-1: 1 change  [drained first]\n",
        "Drain: the pods of 2 nodes are evicted first; a node that takes longer than 90 s is left as it is.\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let document: serde_json::Value = serde_json::from_str(&json::plan(&plan).unwrap()).unwrap();
    let nodes = |wave: usize| &document["waves"][wave]["nodes"][0];
    assert_eq!((&nodes(1)["drain"]["deadline"], nodes(0).get("drain")), (&90.into(), None));
}

#[test]
fn a_plan_shows_every_part() {
    assert_snapshot!(ui::plan::render(&plans::whole(), PLAIN));
}

/// Without the timer nobody may rely on it.
#[test]
fn a_plan_says_when_nodes_put_their_old_state_back_and_only_where_they_do() {
    for (seconds, told) in [(Some(90), Some("not confirmed within 2 min")), (None, None)] {
        let mut plan = plans::whole();
        plan.set_rollback_after(seconds);
        let text = ui::plan::render(&plan, PLAIN);
        assert_eq!(text.contains("Rollback:"), told.is_some(), "{text}");
        assert!(told.is_none_or(|told| text.contains(told)), "{text}");
    }
}

#[test]
fn a_verbose_plan_shortens_nothing() {
    assert_snapshot!(ui::plan::render(&plans::alike(), View { verbose: true, ..PLAIN }));
    let text = ui::plan::render(&plans::whole(), View { verbose: true, ..PLAIN });
    assert!(text.contains("- level: Metadata # 40") && !text.contains("more lines"));
}

#[test]
fn a_plan_is_a_comment_on_a_pull_request() {
    assert_snapshot!(ui::plan::markdown(&plans::whole()));
}

#[test]
fn a_plan_is_written_to_files() {
    use harden::ui::reports::Kind;
    let folder = tempfile::tempdir().unwrap();
    for kind in ui::plan::ReportKind::ALL {
        let path = folder.path().join(kind.word());
        ui::plan::write(*kind, &path, &plans::whole()).unwrap();
        assert!(std::fs::read_to_string(path).unwrap().len() > 1_000);
    }
}

#[test]
fn a_coloured_plan_marks_the_changed_words() {
    let plan = plans::plan(vec![plans::wave(
        "canary control-plane node",
        vec![plans::node("cp-1", vec![plans::manifest("10.77.0.11"), plans::kubelet()])],
    )]);
    let text = ui::plan::render(&plan, View { paint: Paint { color: true }, ..PLAIN });
    assert_snapshot!(visible(&text));
}

#[test]
fn the_same_changes_are_shown_once() {
    assert_snapshot!(ui::plan::render(&plans::alike(), PLAIN));
}

#[test]
fn thousands_of_nodes_stay_readable() {
    let nodes = (1..=2000).map(|n| plans::node(&format!("w-{n}"), vec![plans::kubelet()])).collect();
    let mut plan = plans::plan(vec![plans::wave("workers", nodes)]);
    plan.in_sync = (1..=3000).map(|n| plans::name(&format!("s-{n}"))).collect();
    let text = ui::plan::render(&plan, PLAIN);
    assert_eq!(text.matches("same changes as w-1 (1)").count(), 1999);
    assert!(text.contains("s-12 and 2988 more\n"), "{text}");
    assert!(text.contains("Restarts: kubelet on 2000 nodes at once.\n"));
    assert!(text.ends_with("\nPlan: 0 to add, 2000 to change, 0 to remove on 2000 of 5000 nodes.\n"));
}

#[test]
fn controls_take_the_room_there_is() {
    let mut change = plans::manifest("10.77.0.11");
    change.origin = Origin::New;
    change.controls = (1..=20).map(|n| format!("cis-1.12:1.2.{n}").parse().unwrap()).collect();
    let plan = plans::plan(vec![plans::wave("canary", vec![plans::node("cp-1", vec![change])])]);
    let line = |width: usize| {
        let text = ui::plan::render(&plan, View { width, ..PLAIN });
        text.lines().find(|line| line.contains("~ /etc")).unwrap().to_owned()
    };
    assert_snapshot!([80, 110, 130, 300].map(line).join("\n"));
}

#[test]
fn nothing_to_do_is_said_in_one_line() {
    let mut plan = plans::plan(Vec::new());
    plan.in_sync = ["cp-1", "cp-2", "cp-3", "w-1"].map(plans::name).into();
    assert_snapshot!(ui::plan::render(&plan, PLAIN));
    plan.unreachable = plans::whole().unreachable;
    assert_snapshot!(ui::plan::render(&plan, PLAIN));
}

#[test]
fn what_a_node_says_cannot_drive_the_terminal() {
    let mut change = plans::kubelet();
    change.after = Some(String::from("anonymous:\r\n  enabled: \x1b[8mtrue\u{202e}\n"));
    change.reasons = vec![String::from("two\nlines\x07")];
    let mut plan =
        plans::plan(vec![plans::wave("w\x1b]0;title\x07", vec![plans::node("w-1", vec![change])])]);
    plan.notices = vec![String::from("a\x1b[2Jb")];
    let text = ui::plan::render(&plan, PLAIN);
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    assert!(text.contains(r"+  enabled: \u{1b}[8mtrue\u{202e}"), "{text}");
    assert!(text.contains(r"two\nlines\u{7}"), "{text}");
}

#[test]
fn a_plan_survives_the_way_through_json() {
    let plan = plans::whole();
    let text = json::plan(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["format_version"], "1.0");
    assert_eq!(
        value["summary"],
        serde_json::json!({ "add": 1, "change": 8, "remove": 1, "nodes": 3, "of": 6 })
    );
}

#[derive(Debug, thiserror::Error)]
#[error("read state of cp-1")]
struct Outer(#[source] io::Error);

#[test]
fn an_error_shows_its_causes_and_hints() {
    let (output, _, stderr) = captured();
    let error = Outer(io::Error::other("sudo: a password is required\x1b[8m"));
    ui::report(&output, &error, &[String::from("use --ask-become-pass")]);
    assert_snapshot!(stderr.text());
}

#[test]
fn only_yes_is_consent() {
    let (output, stdout, stderr) = captured();
    let ask =
        |answer: &str| confirm_from(&output, "Apply to 4 nodes?", &mut answer.as_bytes(), true).unwrap();
    assert!(ask("yes\n") && ask("  yes  \r\n"));
    for other in ["y\n", "YES\n", "\n", "", "no\n", "yes please\n"] {
        assert!(!ask(other), "{other:?}");
    }
    assert!(stderr.text().starts_with("Apply to 4 nodes? Only `yes` is accepted: "));
    assert_eq!(stdout.text(), "");
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    let (output, _, stderr) = captured();
    let error = confirm_from(&output, "Apply?", &mut "yes\n".as_bytes(), false).unwrap_err();
    assert!(matches!(error, PromptError::NobodyToConfirm));
    assert!(error.hint().unwrap().contains("--yes"));
    assert_eq!(stderr.text(), "");
}

#[test]
fn a_closed_pipe_is_no_error_and_a_full_disk_is() {
    let to = |kind| Output::to(Box::new(Broken(kind)), Box::new(Broken(kind)), Paint { color: false });
    let gone = to(io::ErrorKind::BrokenPipe);
    assert_eq!(gone.result("x").unwrap(), Delivery::ReaderGone);
    assert_eq!(gone.result("y").unwrap(), Delivery::ReaderGone);
    gone.message("nobody hears this");
    let full = to(io::ErrorKind::StorageFull).result("x").unwrap_err();
    assert_eq!(full.to_string(), "write to standard output");
}

/// Everything that `ui` can print, with a text in every place where one fits.
fn everything(text: &str) -> String {
    let (output, stdout, stderr) = captured();
    let mut plan = plans::whole();
    let change = &mut plan.waves[0].nodes[0].changes[0];
    // Two values that share their beginning: an inline diff would cut the secret in two.
    change.before = Some(format!("a: {}\n", &text[..text.len() / 2]));
    change.after = Some(format!("a: {text}\n"));
    change.reasons = vec![text.to_owned()];
    change.edits = vec![text.to_owned()];
    text.clone_into(&mut change.subject);
    plan.notices = vec![text.to_owned()];
    text.clone_into(&mut plan.unreachable[0].error);
    plan.cluster_changes[0].reasons = vec![text.to_owned()];
    text.clone_into(&mut plan.stage.title);
    let colored = View { paint: Paint { color: true }, ..PLAIN };
    for view in [PLAIN, colored, View { verbose: true, ..PLAIN }] {
        output.result(&ui::plan::render(&plan, view)).unwrap();
    }
    output.result(&json::plan(&plan).unwrap()).unwrap();
    output.result(&ui::plan::markdown(&plan)).unwrap();
    let mut applied = Applied::new(text, 0);
    applied.error = Some(text.to_owned());
    output.result(&json::applied(&applied).unwrap()).unwrap();
    output.result(text).unwrap();
    for mode in [ProgressMode::Plain, ProgressMode::Json, ProgressMode::None] {
        let clock = Clock::from_fn(|| Duration::from_secs(0));
        let progress = Progress::new(output.clone(), mode, false, clock);
        progress.emit(&Event::Step { node: plans::name("cp-1"), step: text.to_owned() });
        progress.emit(&Event::Warning { node: None, text: text.to_owned() });
        let outcome = Outcome::Failed(text.to_owned());
        progress.emit(&Event::Done { node: plans::name("cp-1"), outcome });
    }
    ui::report(&output, &Outer(io::Error::other(text.to_owned())), &[text.to_owned()]);
    let _ = confirm_from(&output, text, &mut io::empty(), true);
    output.message(&harden::cli::panic::describe(&text.to_owned(), "src/x.rs:1"));
    stdout.text() + &stderr.text()
}

#[test]
fn a_planted_secret_is_never_shown() {
    // A quote, a backslash and a newline: as JSON they read differently.
    let planted = "Tr0ub4dor\"and\\3-first\nsecond-line-of-it";
    let parts = ["Tr0ub4dor", "3-first", "second-line-of-it"];

    // The positive control: without its registration every part is seen, so that the search below can find it.
    let open = planted.replace('4', "5");
    let shown = everything(&open);
    assert!(parts.map(|part| part.replace('4', "5")).iter().all(|part| shown.contains(part)));
    assert!(shown.matches("Tr0ub5dor").count() > 20);

    let secret = Secret::new(planted.to_owned());
    let shown = everything(secret.expose());
    for part in parts {
        let line = shown.lines().find(|line| line.contains(part));
        // Half a secret is no secret that the mask knows; it is planted to make the diff cut the other one.
        let line = line.filter(|line| !line.contains("a: Tr0ub4dor"));
        assert_eq!(line, None, "{part}");
    }
    assert!(shown.matches("(sensitive)").count() > 20);
}
