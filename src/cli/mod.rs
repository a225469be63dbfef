//! The command line: its types, one file per verb, and what joins a verb's result with the exit code. The verbs wire
//! the other modules together; no rule about clusters lives here.

pub mod apply;
pub mod bootstrap;
pub mod check;
pub mod doctor;
pub mod drift;
mod error;
pub mod global;
pub mod hostkeys;
pub mod init;
mod joining;
mod keys;
pub mod kubeconfig;
mod left_behind;
mod load;
pub mod logging;
mod manifests;
mod materials;
mod members;
mod node_files;
mod nodes;
mod observation;
pub mod panic;
pub mod parts;
mod pipeline;
pub mod pki;
pub mod plan;
mod pod_security;
mod preflight;
mod process;
pub mod remove;
pub mod report;
pub mod reports;
pub mod requests;
pub mod rollback;
mod running;
pub mod schedule;
pub mod schema;
mod serving;
pub mod show;
mod signal;
mod stage_change;
pub mod status;
pub mod unlock;
pub mod validate;
mod waivers;

pub use error::Error;
pub use global::{Format, Global, LogFormat};
pub use parts::Parts;

use crate::error::ExitCode;
use crate::ui::Output;
use clap::{Parser, Subcommand};
use std::ffi::OsString;

/// The same table for every verb.
const EXIT_CODES: &str = "Exit codes:
    0  success; nothing left to change
    1  an error or incomplete information, nothing was changed; wrong usage too
    2  changes, drift, findings or locked nodes (drift, check, status, plan --detailed-exitcode)
    3  apply stopped part-way; what failed was rolled back and the cluster is healthy.
       remove stopped part-way; run again, it goes on with what is left
    4  a human is needed: a rollback failed, or the outcome on a node is unknown
  130  interrupted";

/// Makes Kubernetes clusters match a declared, hardened state, over SSH
#[derive(Debug, Parser)]
#[command(name = "harden", version, after_help = EXIT_CODES, max_term_width = 100, disable_help_subcommand = true)]
pub struct Cli {
    /// Flags of every verb.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Write a new inventory, from scratch or from a living cluster
    Init(init::Init),
    /// Check the inventory and render every template; offline
    Validate(validate::Validate),
    /// Print the inventory's JSON Schema
    Schema(schema::Schema),
    /// Look whether the hosts are fit for Kubernetes; changes nothing
    Doctor(doctor::Doctor),
    /// SSH host keys of the nodes
    #[command(name = "hostkeys")]
    HostKeys(hostkeys::HostKeys),
    /// The cluster's own CAs and its service-account key, sealed beside the inventory
    Pki(pki::Pki),
    /// Write a kubeconfig for a person, valid for hours or days
    Kubeconfig(kubeconfig::Kubeconfig),
    /// Show what would be changed; changes nothing
    Plan(plan::Plan),
    /// Show a saved plan; contacts no node
    Show(show::Show),
    /// Make the nodes match the inventory, or carry out a saved plan
    Apply(apply::Apply),
    /// Make a cluster of blank hosts, hardened from its first second, or add hosts to one
    Bootstrap(bootstrap::Bootstrap),
    /// Tell what somebody changed on the nodes since the last apply; changes nothing
    Drift(drift::Drift),
    /// Write what runs drift checks at regular times: systemd, CronJob, alerts, dashboard, pipelines
    Schedule(schedule::Schedule),
    /// Work on reports of drift checks
    Report(report::Report),
    /// Judge the cluster by a security benchmark; changes nothing
    Check(check::Check),
    /// Take a node out of the cluster, and off its host what it has of it
    Remove(remove::Remove),
    /// Put back the state before a node's last transaction, or before another one
    Rollback(rollback::Rollback),
    /// Tell what became of the last transaction on each node; changes nothing
    Status(status::Status),
    /// Break the locks that applies left behind: what is not confirmed is put back
    Unlock(unlock::Unlock),
}

/// The command line as parsed, or the exit code where it ends here: usage errors (1, since 2 means changes), `--help`
/// and `--version` (0).
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, ExitCode> {
    Cli::try_parse_from(arguments).map_err(|error| {
        // Before it is parsed there is no --color.
        let output = Output::process(crate::ui::Color::Auto);
        let styled = |color: bool| {
            let text = error.render();
            if color { text.ansi().to_string() } else { text.to_string() }
        };
        if error.use_stderr() {
            output.message(&styled(output.stderr_paint().color));
            return ExitCode::Error;
        }
        match output.result(&styled(output.view(false).paint.color)) {
            Ok(_) => ExitCode::Success,
            Err(_) => ExitCode::Error,
        }
    })
}

/// Runs a verb.
pub fn run(cli: Cli, output: &Output) -> Result<ExitCode, Error> {
    let Cli { global, verb } = cli;
    match verb {
        Verb::Init(arguments) => init::run(&arguments, &global, output),
        Verb::Validate(_) => validate::run(&global, output),
        Verb::Schema(arguments) => schema::run(&arguments, output),
        Verb::Doctor(arguments) => doctor::run(&arguments, &global, output),
        Verb::HostKeys(arguments) => hostkeys::run(&arguments, &global, output),
        Verb::Pki(arguments) => pki::run(&arguments, &global, output),
        Verb::Kubeconfig(arguments) => kubeconfig::run(&arguments, &global, output),
        Verb::Plan(arguments) => plan::run(&arguments, &global, output),
        Verb::Show(arguments) => show::run(&arguments, &global, output),
        Verb::Apply(arguments) => apply::run(&arguments, &global, output),
        Verb::Bootstrap(arguments) => bootstrap::run(&arguments, &global, output),
        Verb::Drift(arguments) => drift::run(&arguments, &global, output),
        Verb::Schedule(arguments) => schedule::run(&arguments, &global, output),
        Verb::Report(arguments) => report::run(&arguments, &global, output),
        Verb::Check(arguments) => check::run(&arguments, &global, output),
        Verb::Remove(arguments) => remove::run(&arguments, &global, output),
        Verb::Rollback(arguments) => rollback::run(&arguments, &global, output),
        Verb::Status(_) => status::run(&global, output),
        Verb::Unlock(arguments) => unlock::run(&arguments, &global, output),
    }
}
