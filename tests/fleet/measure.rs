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

fn plan_command(hosts: &Hosts, state: State) -> Command {
    let mut command = harden();
    command.args(["plan", "--detailed-exitcode", "-i"]).arg(hosts.inventory(state));
    command
}

/// The wall time of something, after a pause.
pub(super) fn quiet(work: impl FnOnce()) -> Duration {
    std::thread::sleep(PAUSE);
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Plans, so many nodes at once.
pub(super) fn plan(hosts: &Hosts, state: State, parallelism: usize) {
    let mut command = plan_command(hosts, state);
    let code = command.arg(format!("--parallelism={parallelism}")).status().unwrap().code();
    assert_eq!(code, Some(code_of(state)));
}

/// A plan in sync has no changes; the exit code of one with changes is 2.
fn code_of(state: State) -> i32 {
    match state {
        State::InSync => 0,
        State::Differing => 2,
    }
}

/// Plans once and looks at what is said, so that nothing is measured that does not work.
pub(super) fn check_plan(hosts: &Hosts, state: State) {
    let output = plan_command(hosts, state).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(code_of(state)), "{}", String::from_utf8_lossy(&output.stderr));
    let closing = text.lines().last().unwrap_or_default();
    let changes = hosts.addresses().len() * super::hosts::FILES;
    let expected = match state {
        State::InSync => String::from("No changes"),
        State::Differing => format!("{changes} to change"),
    };
    assert!(closing.contains(&expected), "{closing}");
}

/// Mebibytes of memory at the peak of a plan, by the kernel's high-water mark.
pub(super) fn peak_memory(hosts: &Hosts, state: State) -> f64 {
    std::thread::sleep(PAUSE);
    let mut child = plan_command(hosts, state).spawn().unwrap();
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
