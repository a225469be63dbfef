//! Accepted exceptions: which findings they accept, and which of them are about no control at all. The day comes from
//! the caller.

use super::{Finding, Report, Verdict, Waived};
use crate::inventory::{Diagnostic, Place, Waiver, glob, nearest, shown};
use crate::resource::ControlId;

/// Marks the findings that a waiver accepts; `now` is in seconds since 1970.
///
/// A waiver that has expired is marked too, and accepts nothing any more. One with `objects` takes those out of the
/// finding, and accepts it only where none is left: a new offender fires.
pub fn apply_waivers(report: &mut Report, waivers: &[Waiver], now: i64) {
    for finding in &mut report.findings {
        if says_something(finding) {
            let matching = waivers.iter().filter(|waiver| is_about(waiver, finding)).collect::<Vec<_>>();
            finding.waiver = waived(finding, &matching, now);
        }
    }
}

/// A note for each waiver that no finding needs, of a report on everything to which no waivers were applied yet. Of a control
/// that was not judged nothing is said: another benchmark has it, or it is about a cluster that was not asked.
pub fn unused_waivers(report: &Report, waivers: &[Waiver]) -> Vec<String> {
    let is_judged = |waiver: &&Waiver| {
        report.findings.iter().any(|finding| glob(&waiver.control, &finding.control.to_string()))
    };
    let is_needed = |waiver: &Waiver| {
        let needs = |finding: &Finding| {
            says_something(finding)
                && is_about(waiver, finding)
                && (waiver.objects.is_none() || finding.objects.iter().any(|object| names(waiver, object)))
        };
        report.findings.iter().any(needs)
    };
    let unused = waivers.iter().filter(is_judged).filter(|waiver| !is_needed(waiver));
    unused
        .map(|waiver| {
            format!("the waiver of {} on line {} matches nothing: delete it", waiver.control, waiver.line)
        })
        .collect()
}

/// What is waived is shown as waived, also where nothing of the user's is to blame.
fn says_something(finding: &Finding) -> bool {
    finding.verdict != Verdict::Pass || finding.is_open()
}

/// The waiver that marks a finding, so that a report can name its place.
pub fn waiver_of<'a>(finding: &Finding, waivers: &'a [Waiver]) -> Option<&'a Waiver> {
    let mark = finding.waiver.as_ref()?;
    let same = |waiver: &&Waiver| {
        is_about(waiver, finding) && waiver.reason == mark.reason && expires(waiver) == mark.expires
    };
    waivers.iter().find(same)
}

/// An error at the place of each waiver that is about none of the known controls: a typing error must not become an
/// exception that nobody notices.
pub fn unknown_waivers(waivers: &[Waiver], known: &[ControlId]) -> Vec<Diagnostic> {
    waivers.iter().filter_map(|waiver| unknown_control(&waiver.control, &waiver.place, known)).collect()
}

/// An error at the place of a pattern that is about none of the known controls.
pub(super) fn unknown_control(pattern: &str, place: &Place, known: &[ControlId]) -> Option<Diagnostic> {
    let names: Vec<_> = known.iter().map(ToString::to_string).collect();
    (!names.iter().any(|name| glob(pattern, name))).then(|| unknown(pattern, place, known, &names))
}

fn unknown(pattern: &str, place: &Place, known: &[ControlId], names: &[String]) -> Diagnostic {
    let benchmark = pattern.split(':').next().unwrap_or_default();
    let mut benchmarks: Vec<_> = known.iter().map(|control| control.benchmark.as_str()).collect();
    benchmarks.dedup();
    if !benchmarks.iter().any(|known| glob(benchmark, known)) {
        let help = match nearest(benchmark, benchmarks.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the benchmarks are {}", benchmarks.join(", ")),
        };
        return place.error(format!("there is no benchmark {}", shown(benchmark)), Some(help));
    }
    // What a pattern was meant to match cannot be guessed.
    let is_name = !pattern.contains(['*', '?', '[']);
    let help = nearest(pattern, names.iter().map(String::as_str).filter(|_| is_name))
        .map(|meant| format!("did you mean `{meant}`?"));
    place.error(format!("no control is called {}", shown(pattern)), help)
}

/// Whether a waiver speaks of the finding's control and node.
fn is_about(waiver: &Waiver, finding: &Finding) -> bool {
    let on_node = waiver
        .nodes
        .as_ref()
        .is_none_or(|nodes| finding.node.as_ref().is_some_and(|node| nodes.contains(node)));
    on_node && glob(&waiver.control, &finding.control.to_string())
}

fn waived(finding: &mut Finding, matching: &[&Waiver], now: i64) -> Option<Waived> {
    let (expired, live): (Vec<&Waiver>, Vec<&Waiver>) =
        matching.iter().partition(|waiver| waiver.expires.is_some_and(|day| day.is_over(now)));
    if let Some(whole) = live.iter().find(|waiver| waiver.objects.is_none()) {
        return Some(mark(whole, false));
    }
    let had_objects = !finding.objects.is_empty();
    let mut last = None;
    for waiver in live {
        let before = finding.objects.len();
        finding.objects.retain(|object| !names(waiver, object));
        let accepted = before - finding.objects.len();
        if accepted > 0 {
            finding.evidence.push(format!("{accepted} accepted by a waiver: {}", waiver.reason));
            last = Some(waiver);
        }
    }
    if had_objects && finding.objects.is_empty() {
        return last.map(|waiver| mark(waiver, false));
    }
    let about_the_rest = |waiver: &&&Waiver| {
        waiver.objects.is_none() || finding.objects.iter().any(|object| names(waiver, object))
    };
    expired.iter().find(about_the_rest).map(|waiver| mark(waiver, true))
}

fn names(waiver: &Waiver, object: &str) -> bool {
    waiver.objects.iter().flatten().any(|pattern| glob(pattern, object))
}

fn mark(waiver: &Waiver, is_expired: bool) -> Waived {
    Waived { reason: waiver.reason.clone(), expires: expires(waiver), is_expired }
}

fn expires(waiver: &Waiver) -> Option<String> {
    waiver.expires.map(|day| day.to_string())
}
