//! What can be chosen for each kind of schedule, and the times that follow from how often it runs.

use super::bundle::BundledFile;
use super::every::Every;
use serde::Serialize;

/// The longest that one run may take.
const MOST_DEADLINE: u32 = 600;

/// The most by which runs are spread.
const MOST_SPREAD: u32 = 600;

/// How often a run that could not read every node is tried again before its Job has failed.
const RETRIES: u32 = 2;

/// How often, and what follows from it, in seconds unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Run {
    /// As it was given.
    pub every: String,
    /// The same in seconds.
    pub every_seconds: u32,
    /// For `OnCalendar=`.
    pub calendar: String,
    /// For cron.
    pub cron: String,
    /// By how much runs are spread, so that many of them do not begin at once.
    pub spread_seconds: u32,
    /// `--deadline`.
    pub deadline_seconds: u32,
    /// When a run is ended from outside, should it not keep its own deadline.
    pub limit_seconds: u32,
    /// The same in minutes, for those that count in them.
    pub limit_minutes: u32,
    /// How often a Job tries again.
    pub retries: u32,
    /// When a Job is ended with all that it tried.
    pub job_limit_seconds: u32,
    /// After how long without success somebody must look: three runs, and half an hour at least.
    pub stale_seconds: u32,
    /// How long something lasts that two runs in a row have seen.
    pub twice_seconds: u32,
}

impl Run {
    /// What follows from how often it runs. `calendar` and `cron` may be the user's own.
    pub fn new(every: Every, calendar: Option<String>, cron: Option<String>) -> Self {
        let seconds = every.seconds();
        let spread_seconds = (seconds / 10).min(MOST_SPREAD);
        let deadline_seconds = seconds.min(MOST_DEADLINE);
        let limit_seconds = deadline_seconds + 60;
        Self {
            every: every.to_string(),
            every_seconds: seconds,
            calendar: calendar.unwrap_or_else(|| every.calendar()),
            cron: cron.unwrap_or_else(|| every.cron()),
            spread_seconds,
            deadline_seconds,
            limit_seconds,
            limit_minutes: limit_seconds.div_ceil(60),
            retries: RETRIES,
            // The pauses between tries are 10 and 20 s; each try is spread anew.
            job_limit_seconds: (RETRIES + 1) * (spread_seconds + limit_seconds + 20),
            stale_seconds: (3 * seconds).max(1_800) + spread_seconds,
            twice_seconds: seconds + spread_seconds + 60,
        }
    }
}

/// A service and its timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Systemd {
    /// What the units, their user and their folder are called.
    pub name: String,
    /// The program.
    pub program: String,
    /// The inventory on the machine that runs it.
    pub inventory: String,
    /// The folder with `ssh-key` and `known_hosts`, which root alone need be able to read.
    pub credentials: String,
    /// The folder of node_exporter's textfile collector; only named, nothing is written there.
    pub textfile: String,
    /// Whether the inventory is in somebody's home directory.
    pub home: bool,
}

/// A CronJob and what it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CronJob {
    /// The namespace.
    pub namespace: String,
    /// The image.
    pub image: String,
    /// In how many parts the inventory is checked.
    pub shards: u32,
    /// The Secret with `ssh-key` and `known_hosts`.
    pub secret: String,
    /// The claim for reports; without one they are in the log alone.
    pub claim: Option<String>,
    /// The image that serves the metrics of the claim.
    pub exporter_image: String,
    /// The namespace whose pods may read the metrics.
    pub metrics_namespace: String,
    /// Inventory, templates and index, as they lie beside each other.
    pub files: Vec<BundledFile>,
}

/// Alerts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Prometheus {
    /// In how many parts the inventory is checked.
    pub shards: u32,
}

/// A pipeline of GitHub or GitLab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pipeline {
    /// The inventory in the repository.
    pub inventory: String,
    /// The folder that it is in, with a slash at its end unless it is the repository's own.
    pub folder: String,
    /// An image with harden and a shell.
    pub image: String,
    /// The label or tag of the runners that reach the nodes.
    pub runner: String,
    /// The branch that is applied.
    pub branch: String,
    /// The environment whose approval an apply needs.
    pub environment: String,
}

/// A kind of schedule and what was chosen for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Settings {
    /// systemd units.
    Systemd(Systemd),
    /// A CronJob.
    CronJob(CronJob),
    /// The image.
    Containerfile,
    /// Rules.
    Prometheus(Prometheus),
    /// A dashboard.
    Grafana,
    /// A workflow of GitHub.
    GitHub(Pipeline),
    /// A pipeline of GitLab.
    GitLab(Pipeline),
}

impl Settings {
    /// The files that it is made of: the template, without `.tera`, and what it is written as.
    pub(super) fn files(&self) -> Vec<(&'static str, String)> {
        let same = |template: &'static str| vec![(template, template.to_owned())];
        match self {
            Self::Systemd(systemd) => ["harden-drift.service", "harden-drift.timer", "harden-drift.sysusers"]
                .map(|template| (template, template.replace("harden-drift", &systemd.name)))
                .into(),
            Self::CronJob(_) => same("cronjob.yaml"),
            Self::Containerfile => same("Containerfile"),
            Self::Prometheus(_) => same("harden.rules.yaml"),
            Self::Grafana => same("harden.dashboard.json"),
            Self::GitHub(_) => same("github.yaml"),
            Self::GitLab(_) => same("gitlab.yaml"),
        }
    }
}
