//! `harden schedule`: files that run `harden drift` at regular times, watch over it, and put harden into pipelines. It contacts
//! no node, and writes only where it is told to.

mod files;
mod kinds;
mod next;
mod text;

use self::files::{ScheduleFileError, write};
use self::kinds::{Containerfile, CronJob, Grafana, Pipeline, Prometheus, Systemd};
use super::load::{load_inventory, overrides};
use super::{Error, Global};
use crate::error::ExitCode;
use crate::inventory::Inventory;
use crate::schedule::{Every, FOLDER, RenderedFile, Run, Settings, Templates, first_hops};
use crate::ui::Output;
use clap::{Args, Subcommand};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Write what runs drift checks at regular times, and what watches over them
///
/// Every file is a template below templates/schedule; one of the same name beside the inventory takes its place.
#[derive(Debug, Clone, Args)]
pub struct Schedule {
    /// Write the files into this folder, and say what to type next; otherwise they are printed
    #[arg(long, value_name = "FOLDER", global = true)]
    pub out: Option<PathBuf>,
    /// Replace files that are there
    #[arg(long, global = true, requires = "out")]
    pub force: bool,
    /// What.
    #[command(subcommand)]
    pub kind: Kind,
}

/// What is written.
#[derive(Debug, Clone, Subcommand)]
pub enum Kind {
    /// A hardened service, its timer and its user, for the machine that runs the checks
    Systemd(Systemd),
    /// A CronJob with all that it needs, for a cluster that runs the checks
    #[command(name = "cronjob")]
    CronJob(CronJob),
    /// A Containerfile for an image with harden and nothing else
    Containerfile(Containerfile),
    /// Alerts for Prometheus
    Prometheus(Prometheus),
    /// A dashboard for Grafana
    Grafana(Grafana),
    /// A workflow of GitHub: plan on pull request, apply on merge, drift on schedule
    #[command(name = "github")]
    GitHub(Pipeline),
    /// A pipeline of GitLab: plan on merge request, apply on merge, drift on schedule
    #[command(name = "gitlab")]
    GitLab(Pipeline),
}

impl Kind {
    fn settings(&self, inventory: &Inventory) -> Result<(Run, Settings), Error> {
        match self {
            Self::Systemd(arguments) => {
                Ok((arguments.run(), Settings::Systemd(arguments.settings(inventory)?)))
            }
            Self::CronJob(arguments) => {
                Ok((arguments.run(), Settings::CronJob(arguments.settings(inventory)?)))
            }
            Self::Containerfile(_) => Ok((Run::new(Every::default(), None, None), Settings::Containerfile)),
            Self::Prometheus(arguments) => Ok((arguments.run(), Settings::Prometheus(arguments.settings()))),
            Self::Grafana(arguments) => Ok((arguments.run(), Settings::Grafana)),
            Self::GitHub(arguments) => {
                Ok((arguments.run(), Settings::GitHub(arguments.settings(inventory)?)))
            }
            Self::GitLab(arguments) => {
                Ok((arguments.run(), Settings::GitLab(arguments.settings(inventory)?)))
            }
        }
    }
}

/// Renders, and prints or writes.
pub fn run(arguments: &Schedule, global: &Global, output: &Output) -> Result<ExitCode, Error> {
    let inventory = load_inventory(global, output)?;
    let templates = Templates::load(&overrides(&inventory).join(FOLDER)).map_err(Error::hinted)?;
    let (run, settings) = arguments.kind.settings(&inventory)?;
    let files = templates.render(&inventory, &run, &settings).map_err(Error::hinted)?;
    if files.is_empty() {
        return Err(Error::new(ScheduleFileError::SwitchedOff));
    }
    if !global.quiet {
        warn(&inventory, &settings, output);
    }
    let Some(folder) = &arguments.out else {
        output.result(&printed(&files))?;
        return Ok(ExitCode::Success);
    };
    write(folder, &files, arguments.force)?;
    let mut said = String::new();
    for file in &files {
        let _ = writeln!(said, "wrote {}", folder.join(&file.name).display());
    }
    let _ = write!(said, "\nNext:\n{}", next::commands(folder, &inventory, &settings));
    output.result(&said)?;
    Ok(ExitCode::Success)
}

/// One file as it is; several with a line before each, which is a comment in all of them.
fn printed(files: &[RenderedFile]) -> String {
    match files {
        [only] => only.text.clone(),
        _ => files
            .iter()
            .map(|file| format!("### {}\n{}", file.name, file.text))
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

/// What the files cannot bring about.
fn warn(inventory: &Inventory, settings: &Settings, output: &Output) {
    let hops = first_hops(inventory);
    let runs = matches!(settings, Settings::Systemd(_) | Settings::CronJob(_));
    if runs && !hops.local.is_empty() {
        let names: Vec<&str> = hops.local.iter().map(crate::inventory::NodeName::as_str).collect();
        output.message(&format!(
            "warning: {} read from a folder of this machine (`connection = \"local\"`), which scheduled checks do not see\n",
            if let [only] = names.as_slice() { format!("{only} is") } else { format!("{} are", names.join(", ")) }
        ));
    }
    let names: usize = hops.ports.iter().map(|port| port.names.len()).sum();
    if matches!(settings, Settings::CronJob(_)) && names > 0 {
        output.message(
            "warning: the NetworkPolicy leaves the SSH port open to every address: some hosts are known by name alone, and it \
             knows no names\n",
        );
    }
}
