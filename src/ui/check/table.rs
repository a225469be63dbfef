//! The text of a report: sections, a line for each control, what there is to say below what is open, totals, and the
//! closing line.

use super::fold::{CLUSTER, Control, Line, fold};
use super::standing::{self, Standing, Summary, Tally};
use crate::check::{Finding, Report, Verdict};
use crate::ui::{Tone, View, block, count, line};
use std::collections::BTreeMap;

/// Names of nodes in one line.
const NAMES_SHOWN: usize = 6;
/// Objects of one finding.
const OBJECTS_SHOWN: usize = 10;
/// Groups of nodes of one line that have different things to say.
const GROUPS_SHOWN: usize = 4;
/// Where the nodes and the words below a control begin, and the values beside them.
const GROUP: &str = "        ";
const DETAIL: &str = "          ";
const LABEL_WIDTH: usize = 10;

/// The text of a report. The last line is stable: `Check: 68 passed, 12 failed, 51 warned, 0 waived on 4 of 4 nodes.` Each
/// control counts once there, as it stands where it stands worst. A verbose view has the evidence of what passes, too,
/// and shortens no list.
pub fn render(report: &Report, view: View) -> String {
    let summary = Summary::of(report);
    let mut lines = vec![header(report, &summary, view)];
    for section in fold(report) {
        lines.push(String::new());
        lines.push(view.paint.tone(Tone::Heading, &line(section.title)));
        for control in &section.controls {
            lines.extend(control_lines(control, view));
        }
    }
    lines.push(String::new());
    lines.extend(totals(&summary, view));
    lines.extend(not_read(report, view));
    lines.extend(remarks(report, &summary, view));
    lines.extend(report.notes.iter().map(|note| format!("Note: {}", line(note))));
    lines.push(view.paint.tone(Tone::Heading, &closing(report, &summary)));
    lines.push(String::new());
    lines.join("\n")
}

fn header(report: &Report, summary: &Summary, view: View) -> String {
    let cluster = view.paint.tone(Tone::Heading, &format!("Cluster {}", line(&report.cluster)));
    let nodes = match summary.of {
        0 => String::from("no node asked for"),
        of => format!("{} of {} read", summary.nodes.len(), count(of, "node")),
    };
    format!("{cluster}: {} ({}), {nodes}", line(&report.benchmark_title), line(&report.benchmark))
}

fn control_lines(control: &Control<'_>, view: View) -> Vec<String> {
    control.lines.iter().flat_map(|it| standing_lines(control, it, view)).collect()
}

fn standing_lines(control: &Control<'_>, of: &Line<'_>, view: View) -> Vec<String> {
    let tone = match of.standing {
        Standing::Pass => Tone::Added,
        Standing::Waived => Tone::Faint,
        Standing::Warn => Tone::Changed,
        Standing::Fail => Tone::Error,
    };
    let word = view.paint.tone(tone, &format!("{:<6}", of.standing.word()));
    let mark = of.deeper.words().map(|words| view.paint.tone(Tone::Changed, &format!("  [{words}]")));
    let mark = mark.unwrap_or_default();
    let nodes: Vec<_> = of.groups.iter().flat_map(|group| group.nodes.iter().copied()).collect();
    let nodes = view.paint.tone(Tone::Faint, &names(&nodes, view));
    let title = line(control.title);
    let mut lines = vec![format!("  {word} {:<7} {title}{mark}  {nodes}", line(&control.id.item))];
    lines.extend(told_lines(of, view));
    lines
}

/// What there is to say below a control, of all its nodes or of each group of them.
fn told_lines(of: &Line<'_>, view: View) -> Vec<String> {
    let told: Vec<_> = of.groups.iter().filter(|group| view.verbose || is_told(group.finding)).collect();
    let Some(first) = told.first() else { return Vec::new() };
    // Where all nodes have the same to say, the line above has named them already.
    if told.len() == 1 && of.groups.len() == 1 {
        let mut lines = seen(first.finding, view);
        lines.extend(advice(first.finding, view));
        return lines;
    }
    let same_advice = told.iter().all(|group| {
        group.finding.remedy == first.finding.remedy && group.finding.fixed_by == first.finding.fixed_by
    });
    let mut lines = if same_advice { advice(first.finding, view) } else { Vec::new() };
    let shown = if view.verbose || told.len() <= GROUPS_SHOWN + 1 { told.len() } else { GROUPS_SHOWN };
    for group in told.iter().take(shown) {
        let names = format!("{}:", names(&group.nodes, view));
        lines.push(format!("{GROUP}{}", view.paint.tone(Tone::Heading, &names)));
        lines.extend(seen(group.finding, view));
        if !same_advice {
            lines.extend(advice(group.finding, view));
        }
    }
    let left: usize = told.iter().skip(shown).map(|group| group.nodes.len()).sum();
    if left > 0 {
        let text = format!("{GROUP}… and {} with other evidence (-v shows all)", count(left, "node"));
        lines.push(view.paint.tone(Tone::Faint, &text));
    }
    lines
}

/// Whether there is something to say without being asked.
fn is_told(finding: &Finding) -> bool {
    finding.verdict != Verdict::Pass || !finding.differences.is_empty() || finding.is_open()
}

/// What was seen, and what is accepted of it.
fn seen(finding: &Finding, view: View) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(waiver) = standing::waiver(finding) {
        let waiver = line(&waiver);
        let text = if standing::is_waived(finding) {
            format!("{}, {waiver}", standing::verdict(finding.verdict))
        } else {
            view.paint.tone(Tone::Warning, &waiver)
        };
        lines.extend(labelled("waiver", [text], view));
    }
    if !finding.differences.is_empty() {
        let text = view.paint.tone(Tone::Warning, &standing::differences(finding));
        lines.extend(labelled("differs", [text], view));
    }
    lines.extend(labelled("evidence", finding.evidence.iter().map(|text| line(text)), view));
    lines.extend(labelled("objects", objects(finding, view), view));
    lines
}

/// What to do about it. What is accepted, or not the user's, needs none.
fn advice(finding: &Finding, view: View) -> Vec<String> {
    let advised = finding.is_open();
    let mut lines = Vec::new();
    if (view.verbose || advised) && !finding.remedy.is_empty() {
        lines.extend(labelled("remedy", block(finding.remedy.trim()).lines().map(str::to_owned), view));
    }
    if advised && !finding.fixed_by.is_empty() {
        let resources: Vec<_> = finding.fixed_by.iter().map(|id| line(id)).collect();
        let text = view.paint.tone(Tone::Added, &format!("by harden apply: {}", resources.join(", ")));
        lines.extend(labelled("fixed", [text], view));
    }
    lines
}

/// Lines with a word before the first.
fn labelled(label: &str, values: impl IntoIterator<Item = String>, view: View) -> Vec<String> {
    let label = format!("{label:<LABEL_WIDTH$}");
    let indent = " ".repeat(LABEL_WIDTH);
    let line = |(index, value): (usize, String)| {
        let word = if index == 0 { view.paint.tone(Tone::Faint, &label) } else { indent.clone() };
        format!("{DETAIL}{word}{value}").trim_end().to_owned()
    };
    values.into_iter().enumerate().map(line).collect()
}

fn objects(finding: &Finding, view: View) -> Vec<String> {
    let all = finding.objects.len();
    // One more than the limit is shown rather than announced.
    let shown = if view.verbose || all <= OBJECTS_SHOWN + 1 { all } else { OBJECTS_SHOWN };
    let mut lines: Vec<_> = finding.objects.iter().take(shown).map(|object| line(object)).collect();
    if shown < all {
        lines.push(view.paint.tone(Tone::Faint, &format!("… and {} more (-v shows all)", all - shown)));
    }
    lines
}

fn names(all: &[&str], view: View) -> String {
    let shown = if view.verbose || all.len() <= NAMES_SHOWN + 1 { all.len() } else { NAMES_SHOWN };
    let listed = all.iter().take(shown).copied().collect::<Vec<_>>().join(", ");
    if shown < all.len() { format!("{listed} and {} more", all.len() - shown) } else { listed }
}

/// The totals of nodes, those with the same numbers in one line.
fn totals(summary: &Summary, view: View) -> Vec<String> {
    let mut order: Vec<(Tally, Vec<&str>)> = Vec::new();
    let mut known: BTreeMap<Tally, usize> = BTreeMap::new();
    for (node, tally) in &summary.nodes {
        let at = *known.entry(*tally).or_insert_with(|| {
            order.push((*tally, Vec::new()));
            order.len() - 1
        });
        if let Some((_, nodes)) = order.get_mut(at) {
            nodes.push(node.as_str());
        }
    }
    if summary.cluster != Tally::default() {
        order.push((summary.cluster, vec![CLUSTER]));
    }
    if order.is_empty() {
        return Vec::new();
    }
    let each = |nodes: &[&str]| if nodes.len() > 1 { " each" } else { "" };
    let line = |(tally, nodes): &(Tally, Vec<&str>)| {
        format!("  {}: {}{}", view.paint.tone(Tone::Heading, &names(nodes, view)), tally.words(), each(nodes))
    };
    std::iter::once(view.paint.tone(Tone::Heading, "Totals")).chain(order.iter().map(line)).collect()
}

fn not_read(report: &Report, view: View) -> Vec<String> {
    if report.unreachable.is_empty() {
        return Vec::new();
    }
    let of = |unread: &crate::check::Unread| {
        let node = unread.node.as_ref().map_or("the API", |node| node.as_str());
        format!("  {node}: {}", line(&unread.error))
    };
    std::iter::once(view.paint.tone(Tone::Warning, "Not read:"))
        .chain(report.unreachable.iter().map(of))
        .collect()
}

/// What the numbers alone do not say.
fn remarks(report: &Report, summary: &Summary, view: View) -> Vec<String> {
    let controls = summary.controls;
    let open = fold(report).into_iter().flat_map(|section| section.controls);
    let fixed = open
        .filter(|control| {
            let mut failing = control.lines.iter().filter(|line| line.standing == Standing::Fail).peekable();
            failing.peek().is_some()
                && failing.all(|line| line.groups.iter().all(|group| !group.finding.fixed_by.is_empty()))
        })
        .count();
    let mut lines = Vec::new();
    if controls.differ > 0 {
        let text = format!(
            "{} where file, process and kubeadm's records differ.",
            count(controls.differ, "control")
        );
        lines.push(view.paint.tone(Tone::Warning, &text));
    }
    if controls.overlooked > 0 {
        let text = format!(
            "{} where something offends that the test overlooks.",
            count(controls.overlooked, "control")
        );
        lines.push(view.paint.tone(Tone::Warning, &text));
    }
    if controls.expired > 0 {
        let text = format!("{} with a waiver that has expired.", count(controls.expired, "control"));
        lines.push(view.paint.tone(Tone::Warning, &text));
    }
    if controls.clean > 0 {
        lines.push(format!(
            "{} of the {} warned with nothing of yours to blame.",
            controls.clean, controls.warn
        ));
    }
    if controls.fail > 0 {
        lines.push(format!("{fixed} of the {} failed are fixed by harden apply.", controls.fail));
    }
    lines
}

/// The last line; scripts look for it.
fn closing(report: &Report, summary: &Summary) -> String {
    let Tally { pass, fail, warn, waived, .. } = summary.controls;
    if report.findings.is_empty() {
        return String::from("Check: nothing was judged.");
    }
    let place = match summary.of {
        0 => String::from("in the cluster"),
        of => format!("on {} of {}", summary.nodes.len(), count(of, "node")),
    };
    format!("Check: {pass} passed, {fail} failed, {warn} warned, {waived} waived {place}.")
}
