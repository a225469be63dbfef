//! `harden check`: is the cluster as a benchmark demands? Strictly reading. What is judged how is for `check` to know; this
//! wires the reading, the judging and the showing together.

mod error;
mod explain;
mod gather;
mod selection;

use super::pipeline::Pipeline;
use super::requests::requests;
use super::{Error, Format, Global, Parts};
use crate::check::{Report, Verdict};
use crate::error::ExitCode;
use crate::resource::ControlPattern;
use crate::ui::check::ReportKind;
use crate::ui::reports::Request;
use crate::ui::{self, Output, Progress};
use clap::Args;
use selection::Selection;
use std::convert::Infallible;

/// Judge the cluster by a security benchmark; changes nothing
///
/// Exits with 2 (or --exit-code) where a control fails, or where file, process and kubeadm's records differ, and no waiver
/// accepts it; with 1 where a node or the API could not be read, whatever was found elsewhere, or where nothing was judged at
/// all; and with 0 otherwise. A warning alone is no failure: the benchmark does not score it, a person has to decide.
#[derive(Debug, Clone, Args)]
pub struct Check {
    /// The benchmark, as in `cis-1.12`; without it, the one for the inventory's version of Kubernetes
    #[arg(long, value_name = "NAME")]
    pub benchmark: Option<String>,

    /// Only these controls, as in `1.2.*` or `cis-1.12:1.2.16`; may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub controls: Vec<ControlPattern>,

    /// Only this section, as in `1.2` or `5`
    #[arg(long, value_name = "SECTION")]
    pub section: Option<String>,

    /// Exit code for open findings; 0 only reports them
    #[arg(long, value_name = "CODE", default_value = "2", value_parser = clap::value_parser!(u8).range(0..=125))]
    pub exit_code: u8,

    /// Write a report as well, as in `sarif=FILE`; the kinds are json, sarif, junit and html; may be repeated
    #[arg(long = "report", value_name = "KIND=FILE", value_parser = requests::<ReportKind, Infallible>())]
    pub reports: Vec<Request<ReportKind>>,

    /// Explain a control, as in `cis-1.12:1.2.16`, and do nothing else; needs no inventory
    #[arg(long, value_name = "CONTROL", conflicts_with_all = ["controls", "section", "exit_code", "reports"])]
    pub explain: Option<String>,
}

/// Judges and reports.
pub fn run(arguments: &Check, global: &Global, output: &Output) -> Result<ExitCode, Error> {
    if let Some(control) = &arguments.explain {
        return explain::run(control, arguments.benchmark.as_deref(), output);
    }
    let pipeline = Pipeline::load(global, &Parts::default(), output)?;
    let selection = Selection::of(arguments, pipeline.inventory.cluster.kubernetes).map_err(Error::hinted)?;
    let report = {
        let progress = Progress::start(output.clone(), global.progress, global.quiet);
        pipeline.check(&selection, &|event| progress.emit(&event))?
    };
    output.result(&match global.output {
        Format::Text => ui::check::table(&report, output.view(global.verbose > 0)),
        Format::Json => ui::check::json(&report)?,
    })?;
    for request in &arguments.reports {
        match request {
            Request::File { kind, path } => ui::check::write(*kind, path, &report, &pipeline.inventory),
            Request::Sent { kind, .. } => match *kind {},
        }
        .map_err(Error::hinted)?;
    }
    Ok(exit_code(&report, arguments.exit_code))
}

/// What could not be read may be the worst of all, so it wins over what was found; and to have judged nothing is no success.
fn exit_code(report: &Report, findings: u8) -> ExitCode {
    let fails = report.findings.iter().any(|finding| {
        finding.is_open() && (finding.verdict == Verdict::Fail || !finding.differences.is_empty())
    });
    match () {
        () if !report.unreachable.is_empty() || report.findings.is_empty() => ExitCode::Error,
        () if fails => ExitCode::Chosen(findings),
        () => ExitCode::Success,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Difference, FORMAT_VERSION, Finding, Unread, Waived};

    fn report(verdict: Verdict, differences: Vec<Difference>, waiver: Option<bool>, unread: bool) -> Report {
        let text = String::new;
        let waiver = waiver.map(|is_expired| Waived { reason: text(), expires: None, is_expired });
        let finding = Finding {
            control: "cis-1.12:1.1.1".parse().unwrap(),
            title: text(),
            section: text(),
            node: None,
            verdict,
            scored: true,
            evidence: Vec::new(),
            objects: Vec::new(),
            differences,
            remedy: text(),
            fixed_by: Vec::new(),
            waiver,
            clean: None,
        };
        Report {
            format_version: FORMAT_VERSION.to_owned(),
            cluster: text(),
            benchmark: text(),
            benchmark_title: text(),
            created: 0,
            findings: vec![finding],
            unreachable: if unread { vec![Unread { node: None, error: text() }] } else { Vec::new() },
            notes: Vec::new(),
        }
    }

    #[test]
    fn exit_codes() {
        let differ = || vec![Difference::NotRestarted];
        for (verdict, differences, waiver, unread, code) in [
            (Verdict::Pass, Vec::new(), None, false, 0),
            (Verdict::Warn, Vec::new(), None, false, 0),
            (Verdict::Fail, Vec::new(), None, false, 7),
            (Verdict::Pass, differ(), None, false, 7),
            (Verdict::Warn, differ(), None, false, 7),
            (Verdict::Fail, Vec::new(), Some(false), false, 0),
            (Verdict::Fail, Vec::new(), Some(true), false, 7),
            (Verdict::Pass, differ(), Some(false), false, 0),
            (Verdict::Fail, Vec::new(), None, true, 1),
            (Verdict::Pass, Vec::new(), None, true, 1),
        ] {
            let found = exit_code(&report(verdict, differences.clone(), waiver, unread), 7).number();
            assert_eq!(found, code, "{verdict:?} {differences:?} {waiver:?} {unread}");
        }
        let nothing = Report { findings: Vec::new(), ..report(Verdict::Pass, Vec::new(), None, false) };
        assert_eq!(exit_code(&nothing, 0).number(), 1);
    }
}
