//! How fast `harden plan`, `harden check` and `harden drift` read a fleet: N real sshd on this machine, 20 managed files each, beside a minimal
//! ssh2 program that shakes hands, logs in and runs one command per node (the floor). Prints a Markdown table; exit code 1 when a
//! target is missed. The machine plays controller and nodes at once, so the ratio counts, not the seconds.
//!
//! `cargo bench --bench fleet -- [--nodes 100] [--runs 5]`; needs root and the Debian package `openssh-server`. With `--simulate` it
//! runs `harden drift` on 1,250, 2,500 and 5,000 nodes whose answers are in memory instead: processor and memory must grow with them.

// A benchmark that unwraps says where it failed; the lints that forbid it are for the program.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

mod floor;
mod hosts;
mod measure;
mod simulation;
#[allow(dead_code)]
#[path = "../support/sshd.rs"]
mod sshd;

use hosts::{FILES, Hosts, State};
use measure::Verb;
use std::process::ExitCode;
use std::time::Duration;

/// harden's own default of `--parallelism`.
const PARALLELISM: usize = 10;

/// What the floor is tried with to find its best.
const PARALLELISMS: [usize; 5] = [2, 5, 10, 20, 50];

/// Starts of `harden --version`.
const STARTS: usize = 50;

const MOST_RATIO: f64 = 1.3;
const MOST_MEBIBYTES: f64 = 64.0;
/// Of a drift check of 200 nodes.
const MOST_MEBIBYTES_DRIFT: f64 = 96.0;
const MOST_MILLISECONDS: f64 = 20.0;

struct Arguments {
    nodes: usize,
    runs: usize,
    mode: Mode,
}

#[derive(Clone, Copy)]
enum Mode {
    /// Real sshd.
    Fleet,
    /// Fleets that nobody has.
    Simulate,
    /// One of them, in a process of its own.
    Simulated(usize),
}

fn main() -> ExitCode {
    let Arguments { nodes, runs, mode } = arguments();
    match mode {
        Mode::Fleet => {}
        Mode::Simulate => return simulate(),
        Mode::Simulated(nodes) => {
            simulation::simulate(nodes);
            return ExitCode::SUCCESS;
        }
    }
    eprintln!("starting {nodes} sshd");
    let hosts = Hosts::start(nodes);
    measure::check_plan(&hosts, State::InSync);
    measure::check_plan(&hosts, State::Differing);
    measure::check_check(&hosts);
    measure::check_drift(&hosts);

    let in_sync = pairs(&hosts, Verb::Plan(State::InSync), PARALLELISM, runs);
    let differing = pairs(&hosts, Verb::Plan(State::Differing), PARALLELISM, runs);
    let check = pairs(&hosts, Verb::Check, PARALLELISM, runs);
    let drift = pairs(&hosts, Verb::Drift, PARALLELISM, runs);
    let best = best_parallelism(&hosts, runs);
    let at_best = pairs(&hosts, Verb::Plan(State::InSync), best, runs);
    let mebibytes = measure::peak_memory(&hosts, Verb::Plan(State::InSync));
    let mebibytes_differing = measure::peak_memory(&hosts, Verb::Plan(State::Differing));
    let mebibytes_drift = measure::peak_memory(&hosts, Verb::Drift);
    let mebibytes_check = measure::peak_memory(&hosts, Verb::Check);
    let start = 1000.0 * median((0..STARTS).map(|_| seconds(measure::version())).collect());

    println!(
        "| {nodes} nodes, {FILES} files each, {PARALLELISM} at once | floor | harden | ratio | target |"
    );
    println!("|---|---|---|---|---|");
    row("`harden plan`, everything in sync", &in_sync, &format!("≤ {MOST_RATIO}"));
    row(&format!("the same, {best} at once, which suits the floor best"), &at_best, "");
    row("`harden plan`, every file differs", &differing, "");
    row("`harden check`, what a benchmark asks of a worker", &check, &format!("≤ {MOST_RATIO}"));
    row("`harden drift`, nothing drifted", &drift, &format!("≤ {MOST_RATIO}"));
    println!("| peak memory, in sync | | {mebibytes:.0} MiB | | ≤ {MOST_MEBIBYTES} MiB |");
    println!("| peak memory, every file differs | | {mebibytes_differing:.0} MiB | | |");
    println!("| peak memory, `harden check` | | {mebibytes_check:.0} MiB | | ≤ {MOST_MEBIBYTES} MiB |");
    println!("| peak memory, `harden drift` | | {mebibytes_drift:.0} MiB | | ≤ {MOST_MEBIBYTES_DRIFT} MiB |");
    println!("| start-up, `harden --version` | | {start:.1} ms | | < {MOST_MILLISECONDS} ms |");

    let is_slow = [&in_sync, &check, &drift].into_iter().any(|pairs| ratio(pairs) > MOST_RATIO);
    let is_large = [mebibytes, mebibytes_check].into_iter().any(|peak| peak > MOST_MEBIBYTES)
        || mebibytes_drift > MOST_MEBIBYTES_DRIFT;
    let missed = is_slow || is_large || start >= MOST_MILLISECONDS;
    if missed {
        println!("\nA target is missed.");
    }
    ExitCode::from(u8::from(missed))
}

fn simulate() -> ExitCode {
    let costs = simulation::run();
    println!("| simulated nodes, {FILES} files each | processor | peak memory |\n|---|---|---|");
    for simulation::Cost { nodes, processor, memory } in &costs {
        println!("| {nodes} | {processor:.1} s | {memory:.0} MiB |");
    }
    let is_linear = simulation::is_linear(&costs);
    if !is_linear {
        println!("\nIt does not grow with the number of nodes alone.");
    }
    ExitCode::from(u8::from(!is_linear))
}

fn arguments() -> Arguments {
    let mut arguments = Arguments { nodes: 100, runs: 5, mode: Mode::Fleet };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|word| word.parse().ok()).filter(|number| *number > 0);
        match word.as_str() {
            // From cargo.
            "--bench" => {}
            "--simulate" => arguments.mode = Mode::Simulate,
            "--simulated" => arguments.mode = Mode::Simulated(number().expect("--simulated takes a number")),
            "--nodes" => arguments.nodes = number().expect("--nodes takes a number"),
            "--runs" => arguments.runs = number().expect("--runs takes a number"),
            other => {
                panic!("unknown argument {other}; there are --nodes NUMBER, --runs NUMBER and --simulate")
            }
        }
    }
    arguments
}

/// Seconds of the floor and of harden, taken in turns, so that both see the same weather.
fn pairs(hosts: &Hosts, verb: Verb, parallelism: usize, runs: usize) -> Vec<(f64, f64)> {
    let floor = || seconds(measure::quiet(|| floor::run(hosts, parallelism)));
    let harden = || seconds(measure::quiet(|| measure::run(hosts, verb, parallelism)));
    (0..runs)
        .map(|run| {
            let pair = if run % 2 == 0 {
                let first = floor();
                (first, harden())
            } else {
                let first = harden();
                (floor(), first)
            };
            eprintln!(
                "{verb:?}, {parallelism} at once: floor {:.2} s, harden {:.2} s, ratio {:.2}",
                pair.0,
                pair.1,
                pair.1 / pair.0
            );
            pair
        })
        .collect()
}

/// With how many at once the floor is fastest.
fn best_parallelism(hosts: &Hosts, runs: usize) -> usize {
    let time = |parallelism| {
        let times = (0..runs.div_ceil(2)).map(|_| measure::quiet(|| floor::run(hosts, parallelism)));
        median(times.map(seconds).collect())
    };
    let tried = PARALLELISMS.map(|parallelism| (time(parallelism), parallelism));
    tried.into_iter().min_by(|a, b| a.0.total_cmp(&b.0)).unwrap().1
}

fn row(what: &str, pairs: &[(f64, f64)], target: &str) {
    let floor = median(pairs.iter().map(|pair| pair.0).collect());
    let harden = median(pairs.iter().map(|pair| pair.1).collect());
    println!("| {what} | {floor:.2} s | {harden:.2} s | {:.2} | {target} |", ratio(pairs));
}

/// The median of the ratios within each pair.
fn ratio(pairs: &[(f64, f64)]) -> f64 {
    median(pairs.iter().map(|(floor, harden)| harden / floor).collect())
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
