//! Runs `harden` and measures it: wall time, peak memory, start-up.

use super::hosts::{Hosts, State};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long the servers get to close what the run before left open.
const PAUSE: Duration = Duration::from_millis(700);

/// `harden` with nothing from the environment that would change what it does.
fn harden() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harden"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Plan(State),
    /// What there is to be found depends on the machine, so only the reading counts.
    Check,
    /// Nobody has applied anything there, and everything is as the inventory wants it: there is nothing to report.
    Drift,
}

impl Verb {
    fn command(self, hosts: &Hosts) -> Command {
        let mut command = harden();
        match self {
            Self::Plan(state) => {
                command.args(["plan", "--detailed-exitcode", "-i"]).arg(hosts.inventory(state))
            }
            Self::Drift => command.args(["drift", "-i"]).arg(hosts.inventory(State::InSync)),
            Self::Check => command.args(["check", "--exit-code=0", "-i"]).arg(hosts.inventory(State::InSync)),
        };
        command
    }

    /// A plan in sync has no changes; the exit code of one with changes is 2.
    fn code(self) -> i32 {
        match self {
            Self::Plan(State::Differing) => 2,
            Self::Plan(State::InSync) | Self::Check | Self::Drift => 0,
        }
    }
}

/// The wall time of something, after a pause.
pub(super) fn quiet(work: impl FnOnce()) -> Duration {
    std::thread::sleep(PAUSE);
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Runs it, so many nodes at once.
pub(super) fn run(hosts: &Hosts, verb: Verb, parallelism: usize) {
    let mut command = verb.command(hosts);
    let code = command.arg(format!("--parallelism={parallelism}")).status().unwrap().code();
    assert_eq!(code, Some(verb.code()));
}

/// Plans once and looks at what is said, so that nothing is measured that does not work.
pub(super) fn check_plan(hosts: &Hosts, state: State) {
    let text = output(Verb::Plan(state).command(hosts), Verb::Plan(state).code());
    let closing = text.lines().last().unwrap_or_default();
    let changes = hosts.addresses().len() * super::hosts::FILES;
    let expected = match state {
        State::InSync => String::from("No changes"),
        State::Differing => format!("{changes} to change"),
    };
    assert!(closing.contains(&expected), "{closing}");
}

/// Checks once and counts the nodes that were judged.
pub(super) fn check_check(hosts: &Hosts) {
    let mut command = Verb::Check.command(hosts);
    command.arg("--output=json");
    let report: serde_json::Value = serde_json::from_str(&output(command, Verb::Check.code())).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let judged: std::collections::BTreeSet<&str> = findings
        .iter()
        .filter_map(|finding| finding["node"].as_str())
        .filter(|node| node.starts_with("w-"))
        .collect();
    assert_eq!(judged.len(), hosts.addresses().len());
}

/// Looks for drift once and at what is said.
pub(super) fn check_drift(hosts: &Hosts) {
    let text = output(Verb::Drift.command(hosts), Verb::Drift.code());
    let closing = text.lines().last().unwrap_or_default();
    assert_eq!(closing, format!("No drift on {} nodes.", hosts.addresses().len() + 1));
}

fn output(mut command: Command, code: i32) -> String {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Mebibytes of memory at the peak of a run, by the kernel's high-water mark.
pub(super) fn peak_memory(hosts: &Hosts, verb: Verb) -> f64 {
    std::thread::sleep(PAUSE);
    let mut child = verb.command(hosts).spawn().unwrap();
    let file = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    // The mark is gone when the process has ended, so it is looked at all the time.
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(&file).unwrap_or_default();
        let mark = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        peak = mark.and_then(|kibibytes| kibibytes.parse::<u32>().ok()).unwrap_or_default().max(peak);
        std::thread::sleep(Duration::from_millis(1));
    }
    f64::from(peak) / 1024.0
}

/// The wall time of `harden --version`.
pub(super) fn version() -> Duration {
    let start = Instant::now();
    assert!(harden().arg("--version").status().unwrap().success());
    start.elapsed()
}
