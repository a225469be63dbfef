//! The reports that a drift check writes beside its result. One that fails does not keep the others from being written.

use super::Error;
use super::requests::requests;
use crate::drift::Report;
use crate::error::{Chain, ExitCode};
use crate::inventory::Inventory;
use crate::ui;
use crate::ui::drift::ReportKind;
use crate::ui::reports::Request;
use clap::Args;
use std::convert::Infallible;

/// Which reports, and where to.
#[derive(Debug, Clone, Args)]
pub struct Reports {
    /// Write a report as well, as in `prom=FILE`; the kinds are json, prom (metrics for node_exporter), junit, sarif, html and
    /// markdown; may be repeated
    #[arg(long = "report", value_name = "KIND=FILE", value_parser = requests::<ReportKind, Infallible>())]
    pub reports: Vec<Request<ReportKind>>,
}

/// Reports that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(|error| Chain(error).to_string()).collect::<Vec<_>>().join("\n"))]
struct NotDelivered(Vec<Error>);

impl Reports {
    /// Writes all of them, and fails where one could not be written. SARIF points into the inventory, where there is one.
    pub fn deliver(&self, report: &Report, inventory: Option<&Inventory>) -> Result<(), Error> {
        self.each(|request| match request {
            Request::File { kind, path } => {
                ui::drift::write(*kind, path, report, inventory).map_err(Error::hinted)
            }
            Request::Sent { kind, .. } => match *kind {},
        })
    }

    /// Says in the metrics that a run ended before it had a report.
    pub fn deliver_failure(&self, run: &ui::drift::FailedRun<'_>) -> Result<(), Error> {
        self.each(|request| match request {
            Request::File { kind: ReportKind::Prometheus, path } => {
                ui::drift::write_failed(path, run).map_err(Error::hinted)
            }
            Request::File { .. } => Ok(()),
            Request::Sent { kind, .. } => match *kind {},
        })
    }

    fn each(&self, deliver: impl Fn(&Request<ReportKind>) -> Result<(), Error>) -> Result<(), Error> {
        let failed: Vec<Error> = self.reports.iter().filter_map(|request| deliver(request).err()).collect();
        if failed.is_empty() {
            return Ok(());
        }
        let hints: Vec<String> = failed.iter().flat_map(|error| error.hints().to_vec()).collect();
        let error = Error::new(NotDelivered(failed)).code(ExitCode::Error);
        Err(hints.into_iter().fold(error, Error::hint))
    }
}
