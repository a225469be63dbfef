//! What can be chosen for each kind of schedule.

use super::super::Error;
use super::files::{ScheduleFileError, inventory_files, utf8};
use super::text;
use crate::inventory::Inventory;
use crate::schedule::{self, Every, Run};
use clap::Args;
use std::num::NonZeroU32;
use std::path::PathBuf;

/// How often checks run unless it is said.
const USUAL: &str = "15m";

/// Units for systemd
#[derive(Debug, Clone, Args)]
pub struct Systemd {
    /// How often it runs: 5m, 15m, 1h, 6h, 1d
    #[arg(long, value_name = "TIME", default_value = USUAL)]
    pub every: Every,
    /// When it runs instead, as systemd.time(7) writes it; alerts go by --every all the same
    #[arg(long, value_name = "CALENDAR", value_parser = text::line)]
    pub on_calendar: Option<String>,
    /// What units, user and folder are called; for a second cluster on the same machine
    #[arg(long, value_name = "NAME", default_value = "harden-drift", value_parser = text::unit_name)]
    pub name: String,
    /// The program
    #[arg(long, value_name = "FILE", default_value = "/usr/local/bin/harden", value_parser = text::plain_path)]
    pub program: String,
    /// The inventory on that machine; otherwise it is where it is here
    #[arg(long, value_name = "FILE")]
    pub inventory_path: Option<PathBuf>,
    /// The folder with ssh-key and known_hosts, for root alone
    #[arg(long, value_name = "FOLDER", default_value = "/etc/harden", value_parser = text::plain_path)]
    pub credentials: String,
    /// Where node_exporter's textfile collector looks
    #[arg(long, value_name = "FOLDER", default_value = "/var/lib/prometheus/node-exporter", value_parser = text::plain_path)]
    pub textfile_dir: String,
}

impl Systemd {
    pub(super) fn run(&self) -> Run {
        Run::new(self.every, self.on_calendar.clone(), None)
    }

    pub(super) fn settings(&self, inventory: &Inventory) -> Result<schedule::Systemd, Error> {
        let path = self.inventory_path.as_deref().unwrap_or(&inventory.file);
        let failed = |source| Error::new(ScheduleFileError::Read { path: path.to_owned(), source });
        let absolute = std::path::absolute(path).map_err(failed)?;
        let hidden = ["/home", "/root", "/run/user"];
        Ok(schedule::Systemd {
            name: self.name.clone(),
            program: self.program.clone(),
            inventory: utf8(&absolute)?,
            credentials: self.credentials.clone(),
            textfile: self.textfile_dir.clone(),
            home: hidden.iter().any(|folder| absolute.starts_with(folder)),
        })
    }
}

/// Manifests for Kubernetes
#[derive(Debug, Clone, Args)]
pub struct CronJob {
    /// How often it runs: 5m, 15m, 1h, 6h, 1d
    #[arg(long, value_name = "TIME", default_value = USUAL)]
    pub every: Every,
    /// When it runs instead, as cron writes it; alerts go by --every all the same
    #[arg(long, value_name = "SCHEDULE", value_parser = text::cron)]
    pub cron: Option<String>,
    /// The image, which `harden schedule containerfile` makes
    #[arg(long, value_name = "IMAGE", value_parser = text::image)]
    pub image: String,
    /// The namespace
    #[arg(long, value_name = "NAME", default_value = "harden", value_parser = text::label)]
    pub namespace: String,
    /// Check the inventory in so many parts, each by a CronJob of its own
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    pub shards: NonZeroU32,
    /// The Secret with ssh-key and known_hosts, which you make
    #[arg(long, value_name = "NAME", default_value = "harden-ssh", value_parser = text::subdomain)]
    pub secret: String,
    /// A PersistentVolumeClaim for reports and metrics, which are served from there; without one they are in the log alone
    #[arg(long, value_name = "NAME", value_parser = text::subdomain)]
    pub claim: Option<String>,
    /// The image of node_exporter, which serves the metrics of --claim
    #[arg(long, value_name = "IMAGE", default_value = "quay.io/prometheus/node-exporter:v1.9.1", value_parser = text::image)]
    pub exporter_image: String,
    /// The namespace of Prometheus, which alone may read the metrics
    #[arg(long, value_name = "NAME", default_value = "monitoring", value_parser = text::label)]
    pub metrics_namespace: String,
}

impl CronJob {
    pub(super) fn run(&self) -> Run {
        Run::new(self.every, None, self.cron.clone())
    }

    pub(super) fn settings(&self, inventory: &Inventory) -> Result<schedule::CronJob, Error> {
        Ok(schedule::CronJob {
            namespace: self.namespace.clone(),
            image: self.image.clone(),
            shards: self.shards.get(),
            secret: self.secret.clone(),
            claim: self.claim.clone(),
            exporter_image: self.exporter_image.clone(),
            metrics_namespace: self.metrics_namespace.clone(),
            files: schedule::bundle(inventory_files(inventory)?).map_err(Error::hinted)?,
        })
    }
}

/// An image
#[derive(Debug, Clone, Args)]
pub struct Containerfile {}

/// Alerts
#[derive(Debug, Clone, Args)]
pub struct Prometheus {
    /// How often checks run, which says when one is missed
    #[arg(long, value_name = "TIME", default_value = USUAL)]
    pub every: Every,
    /// In how many parts the inventory is checked
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    pub shards: NonZeroU32,
}

impl Prometheus {
    pub(super) fn run(&self) -> Run {
        Run::new(self.every, None, None)
    }

    pub(super) fn settings(&self) -> schedule::Prometheus {
        schedule::Prometheus { shards: self.shards.get() }
    }
}

/// A dashboard
#[derive(Debug, Clone, Args)]
pub struct Grafana {
    /// How often checks run, which says when one is missed
    #[arg(long, value_name = "TIME", default_value = USUAL)]
    pub every: Every,
}

impl Grafana {
    pub(super) fn run(&self) -> Run {
        Run::new(self.every, None, None)
    }
}

/// A pipeline
#[derive(Debug, Clone, Args)]
pub struct Pipeline {
    /// How often drift is looked for: 15m, 1h, 6h, 1d
    #[arg(long, value_name = "TIME", default_value = "1h")]
    pub every: Every,
    /// When it is looked for instead, as cron writes it
    #[arg(long, value_name = "SCHEDULE", value_parser = text::cron)]
    pub cron: Option<String>,
    /// The inventory in the repository; otherwise its path as it was given
    #[arg(long, value_name = "FILE", value_parser = text::relative_path)]
    pub inventory_path: Option<String>,
    /// An image with harden and a shell, which `harden schedule containerfile` makes
    #[arg(long, value_name = "IMAGE", value_parser = text::image)]
    pub image: String,
    /// The label or tag of the runners that reach the nodes
    #[arg(long, value_name = "LABEL", default_value = "self-hosted", value_parser = text::name)]
    pub runner: String,
    /// The branch that is applied
    #[arg(long, value_name = "BRANCH", default_value = "main", value_parser = text::name)]
    pub branch: String,
    /// The environment whose approval an apply needs; otherwise it is called as the cluster
    #[arg(long, value_name = "NAME", value_parser = text::name)]
    pub environment: Option<String>,
}

impl Pipeline {
    pub(super) fn run(&self) -> Run {
        Run::new(self.every, None, self.cron.clone())
    }

    pub(super) fn settings(&self, inventory: &Inventory) -> Result<schedule::Pipeline, Error> {
        let path = if let Some(path) = &self.inventory_path {
            path.clone()
        } else {
            let given = utf8(&inventory.file)?;
            let path = given.trim_start_matches("./").to_owned();
            text::relative_path(&path)
                .map_err(|reason| Error::hinted(ScheduleFileError::NotInRepository { path, reason }))?
        };
        let folder = path.rsplit_once('/').map(|(folder, _)| format!("{folder}/")).unwrap_or_default();
        Ok(schedule::Pipeline {
            inventory: path,
            folder,
            image: self.image.clone(),
            runner: self.runner.clone(),
            branch: self.branch.clone(),
            environment: self.environment.clone().unwrap_or_else(|| inventory.cluster.name.clone()),
        })
    }
}
