//! The reports that a drift check writes or sends beside its result. One that fails keeps no other from its receiver.

use super::Error;
use super::requests::requests;
use crate::drift::Report;
use crate::error::Chain;
use crate::inventory::{Inventory, ReportDeadline};
use crate::ui::drift::{self, FailedRun, MessageKind, ReportKind};
use crate::ui::reports::{Kind as _, Receiver, Request};
use crate::webhook;
use clap::Args;
use std::path::Path;

/// Which reports, and where to.
#[derive(Debug, Clone, Args)]
pub struct Reports {
    /// Write or send a report as well; may be repeated. To a file: json, prom (metrics for node_exporter), junit, sarif, html,
    /// markdown. To a URL: webhook, slack, alertmanager; `slack=@FILE` takes the URL from a file, where nobody reads it from the
    /// list of processes
    #[arg(long = "report", value_name = "KIND=PLACE", value_parser = requests::<ReportKind, MessageKind>())]
    pub reports: Vec<Request<ReportKind, MessageKind>>,

    /// How long a receiver is tried that does not take its report
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub report_deadline: ReportDeadline,
}

/// Reports that came to nothing.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(|error| Chain(error).to_string()).collect::<Vec<_>>().join("\n"))]
struct NotDelivered(Vec<Error>);

impl Reports {
    /// Writes and sends all of them, and fails where one came to nothing. SARIF points into the inventory, where there is one; the
    /// templates of what is sent stand below `templates`.
    pub fn deliver(
        &self,
        report: &Report,
        inventory: Option<&Inventory>,
        templates: &Path,
    ) -> Result<(), Error> {
        self.each(|request| match request {
            Request::File { kind, path } => {
                drift::write(*kind, path, report, inventory).map_err(Error::hinted)
            }
            Request::Sent { kind, receiver } => self.send(*kind, receiver, report, templates),
        })
    }

    /// Says in the metrics that a run ended before it had a report.
    pub fn deliver_failure(&self, run: &FailedRun<'_>) -> Result<(), Error> {
        self.each(|request| match request {
            Request::File { kind: ReportKind::Prometheus, path } => {
                drift::write_failed(path, run).map_err(Error::hinted)
            }
            Request::File { .. } | Request::Sent { .. } => Ok(()),
        })
    }

    fn send(
        &self,
        kind: MessageKind,
        receiver: &Receiver,
        report: &Report,
        templates: &Path,
    ) -> Result<(), Error> {
        let receiver = match receiver {
            Receiver::Url(url) => webhook::Receiver::new(url),
            Receiver::UrlIn(file) => webhook::Receiver::in_file(file),
        };
        let receiver = receiver.map_err(Error::hinted)?;
        let told = drift::message(report)?;
        let body =
            webhook::body(kind.word(), &templates.join(webhook::FOLDER), &told).map_err(Error::hinted)?;
        let Some(body) = body else { return Ok(()) };
        webhook::post(&receiver, &drift::body(&body)?, self.report_deadline.0).map_err(Error::hinted)
    }

    fn each(
        &self,
        deliver: impl Fn(&Request<ReportKind, MessageKind>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let failed: Vec<Error> = self.reports.iter().filter_map(|request| deliver(request).err()).collect();
        if failed.is_empty() {
            return Ok(());
        }
        let hints: Vec<String> = failed.iter().flat_map(|error| error.hints().to_vec()).collect();
        Err(hints.into_iter().fold(Error::new(NotDelivered(failed)), Error::hint))
    }
}
