//! Signs of life while a run goes on: plain lines with a heartbeat, JSON, or nothing, on a clock of the tests' own.

use crate::plans;
use crate::ui::captured;
use harden::event::{Event, Outcome};
use harden::ui::{Clock, Progress, ProgressMode};
use insta::assert_snapshot;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

fn events() -> Vec<(u64, Event)> {
    let node = || plans::name("cp-2");
    let gate = || String::from("kube-apiserver answers /readyz");
    let waiting = |seconds: u64| Event::Waiting {
        node: Some(node()),
        gate: gate(),
        elapsed: Duration::from_secs(seconds),
        last: String::from("connection refused"),
    };
    let mut events = vec![
        (0, Event::Step { node: plans::name("cp-1"), step: String::from("read state") }),
        (0, Event::Done { node: plans::name("cp-1"), outcome: Outcome::InSync }),
        (1, Event::Wave { number: 2, of: 3, title: String::from("control-plane nodes") }),
        (1, Event::Step { node: node(), step: String::from("restart kubelet") }),
        (2, waiting(0)),
    ];
    events.extend((1..=13).map(|poll| (2 + poll * 2, waiting(poll * 2))));
    events.extend([
        (29, Event::Passed { node: Some(node()), gate: gate(), elapsed: Duration::from_secs(27) }),
        (30, Event::Warning { node: Some(node()), text: String::from("clock is 3 s ahead") }),
        (30, Event::Done { node: node(), outcome: Outcome::Finished(String::from("7 changes")) }),
        (31, Event::Cluster { step: String::from("rewrite 312 Secrets") }),
        (
            50,
            Event::Done { node: plans::name("w-1"), outcome: Outcome::RolledBack(String::from("not Ready")) },
        ),
        (50, Event::Done { node: plans::name("w-2"), outcome: Outcome::Failed(String::from("link lost")) }),
    ]);
    events
}

fn shown(mode: ProgressMode, quiet: bool) -> String {
    written(events(), mode, quiet)
}

/// What is written on standard error while the events happen, with a tick every second.
fn written(events: Vec<(u64, Event)>, mode: ProgressMode, quiet: bool) -> String {
    let (output, stdout, stderr) = captured();
    let second = Arc::new(AtomicU64::new(0));
    let shared = Arc::clone(&second);
    // 2026-11-24 12:01:02 UTC.
    let clock = Clock::from_fn(move || Duration::from_secs(1_795_521_662 + shared.load(Ordering::SeqCst)));
    let progress = Progress::new(output, mode, quiet, clock);
    let mut events = events.into_iter().peekable();
    for now in 0..60 {
        second.store(now, Ordering::SeqCst);
        while let Some((_, event)) = events.next_if(|(at, _)| *at == now) {
            progress.emit(&event);
        }
        progress.tick();
    }
    drop(progress);
    assert_eq!(stdout.text(), "", "progress belongs on standard error");
    stderr.text()
}

#[test]
fn plain_progress_has_a_heartbeat() {
    assert_snapshot!(shown(ProgressMode::Plain, false));
    // Standard error of a test is no terminal.
    assert_eq!(shown(ProgressMode::Auto, false), shown(ProgressMode::Plain, false));
}

#[test]
fn json_progress_is_an_object_a_line() {
    let text = shown(ProgressMode::Json, false);
    assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).unwrap().is_object()));
    assert_eq!(text.lines().count(), events().len());
    let mut seen = Vec::new();
    let first_of_each = text.lines().filter(|line| {
        let event = serde_json::from_str::<serde_json::Value>(line).unwrap()["event"].clone();
        let new = !seen.contains(&event);
        seen.push(event);
        new
    });
    assert_snapshot!(first_of_each.collect::<Vec<_>>().join("\n"));
}

#[test]
fn no_progress_still_warns_and_quiet_does_not() {
    assert_eq!(shown(ProgressMode::None, false), "warning: cp-2: clock is 3 s ahead\n");
    assert_eq!(shown(ProgressMode::Plain, true), "");
    assert_eq!(shown(ProgressMode::Json, true), "");
}

#[test]
fn progress_takes_events_from_many_threads() {
    let (output, _, stderr) = captured();
    let progress = Progress::start(output, ProgressMode::Plain, false);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let progress = &progress;
            scope.spawn(move || {
                for step in 0..50 {
                    let node = plans::name(&format!("w-{thread}"));
                    progress.emit(&Event::Step { node, step: format!("step {step}") });
                }
            });
        }
    });
    drop(progress);
    let text = stderr.text();
    assert_eq!(text.lines().count(), 400);
    assert!(text.lines().all(|line| line.contains("  step ")), "torn lines");
}

/// Several gates of one node, polled twice a second and reported in turn, one of which falls once more.
fn many_gates() -> Vec<(u64, Event)> {
    let node = || Some(plans::name("cp-1"));
    let waiting = |second: u64, gate: &str, last: &str| {
        let (gate, last) = (gate.to_owned(), last.to_owned());
        (second, Event::Waiting { node: node(), gate, elapsed: Duration::from_secs(second), last })
    };
    let passed = |second: u64, gate: &str| {
        let gate = gate.to_owned();
        (second, Event::Passed { node: node(), gate, elapsed: Duration::from_secs(second) })
    };
    let (etcd, api, ready) =
        ("etcd is healthy and caught up", "kube-apiserver answers /readyz", "node is Ready");
    let step = String::from("change files and restart what they need");
    let mut events = vec![(0, Event::Step { node: plans::name("cp-1"), step })];
    for poll in 0..50 {
        let second = poll / 2;
        match second {
            0..3 => events.push(waiting(second, etcd, "it holds")),
            3 if poll == 6 => events.push(passed(second, etcd)),
            12..15 => events.push(waiting(second, etcd, "no leader")),
            15 if poll == 30 => events.push(passed(second, etcd)),
            _ => {}
        }
        let last = if second < 14 { "connection refused" } else { "etcd: not ok" };
        events.push(waiting(second, api, last));
        events.push(waiting(second, ready, "it is NotReady"));
    }
    events.extend([passed(25, api), passed(25, ready)]);
    events
        .push((25, Event::Step { node: plans::name("cp-1"), step: String::from("confirm by a new login") }));
    events.push((
        38,
        Event::Done {
            node: plans::name("cp-1"),
            outcome: Outcome::Finished(String::from("3 changes applied")),
        },
    ));
    events
}

#[test]
fn gates_that_are_waited_for_together_do_not_chatter() {
    assert_snapshot!(written(many_gates(), ProgressMode::Plain, false));
}
