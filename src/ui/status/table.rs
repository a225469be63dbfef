//! The table of `harden status`: a line for each node, or for all that say the same; below it what is wrong and what to do, and
//! with -v everything else that is known.

use super::words;
use crate::plan::Unreachable;
use crate::status::{Age, Consequence, NodeStatus, PathChange, Report, Standing, State, Transaction};
use crate::ui::moment::moment;
use crate::ui::names::names;
use crate::ui::{Tone, View, count, line};

/// Names of nodes in one line.
const NAMES_SHOWN: usize = 3;
const COLUMNS: [&str; 5] = ["NODE", "LAST TRANSACTION", "WHEN", "WHO", "PATHS"];
const DETAIL: &str = "      ";

/// A line for some nodes.
struct Row<'a> {
    nodes: Vec<&'a str>,
    /// What stands in the columns behind the names.
    cells: [String; 4],
    standing: Standing,
    below: Vec<String>,
}

/// The text of a report. The last line is stable: `Status: 3 at rest, 1 pending, 0 failed, 0 locked on 4 of 4 nodes.`
pub fn render(report: &Report, view: View) -> String {
    let mut lines = vec![header(report, view)];
    let rows = fold(report, view);
    if !rows.is_empty() {
        lines.push(String::new());
        lines.extend(table(&rows, view));
    }
    lines.extend(not_read(&report.unreachable, view));
    lines.push(String::new());
    lines.push(view.paint.tone(Tone::Heading, &closing(report)));
    lines.push(String::new());
    lines.join("\n")
}

fn header(report: &Report, view: View) -> String {
    let cluster = view.paint.tone(Tone::Heading, &format!("Cluster {}", line(&report.cluster)));
    format!("{cluster}: {} of {} read", report.nodes.len(), count(report.summary.of, "node"))
}

/// The rows, those at rest that say the same in one. A verbose view names each node apart.
fn fold<'a>(report: &'a Report, view: View) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = Vec::new();
    for node in &report.nodes {
        let row = row(node, report.created, view);
        let same = |other: &&mut Row<'_>| {
            !view.verbose
                && row.standing == Standing::AtRest
                && other.cells == row.cells
                && other.below == row.below
        };
        match rows.iter_mut().find(same) {
            Some(other) => other.nodes.extend(row.nodes),
            None => rows.push(row),
        }
    }
    rows
}

fn row(node: &NodeStatus, now: i64, view: View) -> Row<'_> {
    let state = &node.state;
    let last = state.last.as_ref();
    let (when, who) = match (last, &state.applied) {
        (Some(last), _) => (last.began, line(last.by())),
        (None, Some(applied)) => (Some(applied.at), line(&applied.by)),
        (None, None) => (None, String::new()),
    };
    let when = when.map(|when| format!("{} ({} ago)", moment(when), Age::between(when, now)));
    let mut below = below(node, view);
    if view.verbose {
        below.extend(last.iter().flat_map(|last| details(last)));
        below.extend(past(node));
    }
    Row {
        nodes: vec![node.node.as_str()],
        cells: [
            words::standing(state),
            when.unwrap_or_default(),
            who,
            last.map(|last| last.paths.len().to_string()).unwrap_or_default(),
        ],
        standing: node.standing,
        below,
    }
}

/// What is wrong, and what to do about it.
fn below(node: &NodeStatus, view: View) -> Vec<String> {
    let state = &node.state;
    let mut lines: Vec<String> = Vec::new();
    for problem in state.last.iter().flat_map(|last| &last.problems) {
        lines.push(view.paint.tone(Tone::Error, &line(problem)));
    }
    let unlock = format!("`harden unlock --limit {}`", node.node);
    let wait = match &state.last {
        Some(last) if last.running => "wait, it is at work; otherwise ",
        Some(last) if !last.may_still_run(state.clock) => "",
        Some(last) if last.deadline.is_some() => "wait for its apply or for the node itself; sooner, ",
        _ => "wait for its apply; where that is dead, ",
    };
    let remedy = match (node.standing, state.consequence()) {
        (Standing::AtRest, _) => return lines,
        (_, Some(Consequence::Nothing)) => {
            format!("look at /var/lib/harden/lock on {} and remove it", node.node)
        }
        (_, None) => {
            format!("run `sh /var/lib/harden/txn/{}/rollback.sh` as root on {}", id(node), node.node)
        }
        (Standing::Pending, Some(Consequence::Discard)) => format!("{wait}{unlock} ends it"),
        (Standing::Pending, _) => format!("{wait}{unlock} puts the old state back"),
        (Standing::Failed, _) => format!("put right what it names, then {unlock} tries again"),
        (Standing::Locked, _) => format!("{unlock} frees the lock"),
    };
    lines.push(remedy);
    lines
}

fn id(node: &NodeStatus) -> String {
    line(node.state.last.as_ref().map_or("", |last| &last.id))
}

/// Everything that is known of a transaction.
fn details(of: &Transaction) -> Vec<String> {
    let mut lines = vec![format!("transaction {} by {}", line(&of.id), words::owner(of))];
    if let Some(ended) = of.ended {
        lines.push(format!("ended at {}", moment(ended)));
    }
    for path in &of.paths {
        let sign = match path.change {
            PathChange::Added => "+",
            PathChange::Replaced => "~",
            PathChange::Attributes => "~ owner and mode of",
        };
        lines.push(format!("{sign} {}", line(&path.path)));
    }
    if !of.units.is_empty() {
        let units: Vec<_> = of.units.iter().map(|unit| line(unit)).collect();
        lines.push(format!("restarts {}", units.join(", ")));
    }
    lines
}

/// The transactions before the last, and whose state is in force where that is another one's.
fn past(node: &NodeStatus) -> Vec<String> {
    let state = &node.state;
    let is_last =
        |id: &str| state.last.as_ref().is_some_and(|last| last.id == id && last.state == State::Committed);
    let mut lines = Vec::new();
    if let Some(applied) = state.applied.as_ref().filter(|applied| !is_last(&applied.transaction)) {
        lines.push(format!(
            "in force: transaction {} of {} by {}",
            line(&applied.transaction),
            moment(applied.at),
            line(&applied.by)
        ));
    }
    for before in &state.history {
        let when = before.began.map(|began| format!(" of {}", moment(began))).unwrap_or_default();
        lines.push(format!(
            "before: transaction {}{when}, {} by {}, {}",
            line(&before.id),
            words::transaction(before, state.clock),
            line(before.by()),
            count(before.paths.len(), "path")
        ));
    }
    lines
}

fn table(rows: &[Row<'_>], view: View) -> Vec<String> {
    let cells: Vec<[String; 5]> = rows
        .iter()
        .map(|row| {
            let [what, when, who, paths] = row.cells.clone();
            [names(&row.nodes, NAMES_SHOWN), what, when, who, paths]
        })
        .collect();
    let width = |column: usize| {
        let wide = cells.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        wide.max(COLUMNS[column].len())
    };
    let widths: Vec<usize> = (0..COLUMNS.len()).map(width).collect();
    let joined = |row: &[String]| {
        let padded: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("  {}", padded.join("  ")).trim_end().to_owned()
    };
    let mut lines = vec![view.paint.tone(Tone::Faint, &joined(&COLUMNS.map(String::from)))];
    for (row, cells) in rows.iter().zip(&cells) {
        lines.push(view.paint.tone(words::tone(row.standing), &joined(cells)));
        lines.extend(row.below.iter().map(|text| format!("{DETAIL}{text}")));
    }
    lines
}

/// The nodes that could not be read, and why.
pub(super) fn not_read(unreachable: &[Unreachable], view: View) -> Vec<String> {
    if unreachable.is_empty() {
        return Vec::new();
    }
    let of = |node: &Unreachable| {
        let hint = node.hint.as_ref().map(|hint| format!("{DETAIL}hint: {}", line(hint)));
        std::iter::once(format!("  {}: {}", node.node, line(&node.error))).chain(hint)
    };
    [String::new(), view.paint.tone(Tone::Warning, "Not read:")]
        .into_iter()
        .chain(unreachable.iter().flat_map(of))
        .collect()
}

/// The last line; scripts look for it.
fn closing(report: &Report) -> String {
    let summary = report.summary;
    format!(
        "Status: {} at rest, {} pending, {} failed, {} locked on {} of {}.",
        summary.at_rest,
        summary.pending,
        summary.failed,
        summary.locked,
        report.nodes.len(),
        count(summary.of, "node")
    )
}
