//! A drift check as what others are told of it: the variables of the templates below `templates/webhook/`.
//!
//! | variable | what |
//! |---|---|
//! | `cluster`, `text` | the cluster's name, and the closing line |
//! | `message` | for a chat: the closing line, and below it the first differences and what else needs somebody, a line each |
//! | `summary`, `report` | as in the JSON form of the report |
//! | `incomplete` | whether something could not be read |
//! | `alerts` | for Alertmanager, each with `name`, `host`, `severity`, `summary`, `description`, `firing`, `starts_at` and `ends_at` (RFC 3339): of every node that was judged, those that have ended too |
//!
//! No secret is in them, and no character that moves a cursor or reorders text.

use super::closing::closing;
use super::words;
use crate::drift::{Item, NodeReport, NodeState, Report};
use crate::ui::json::{document, masked};
use crate::ui::line;
use crate::ui::moment::{rfc3339, since};
use crate::ui::names::names;
use crate::ui::reports::Kind;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Lines of a message below the first one.
const LINES_SHOWN: usize = 20;
/// Characters of such a line.
const LINE_SHOWN: usize = 300;
/// Subjects in an alert.
const SUBJECTS_SHOWN: usize = 10;
/// How long an alert goes on that no later run sends again: a little more than a day, since some jobs run once a day.
const LASTS: i64 = 25 * 3_600;

/// The kinds of a drift check's reports that are sent. Each is a template below `templates/webhook/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageKind {
    /// The whole report as JSON.
    Webhook,
    /// A message in Slack's form.
    Slack,
    /// Alerts for Alertmanager.
    Alertmanager,
}

impl Kind for MessageKind {
    const ALL: &'static [Self] = &[Self::Webhook, Self::Slack, Self::Alertmanager];

    fn word(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::Alertmanager => "alertmanager",
        }
    }
}

/// The variables of a template.
pub fn message(report: &Report) -> Result<BTreeMap<String, Value>, serde_json::Error> {
    let whole: Value = serde_json::from_str(&super::json(report)?)?;
    let variables = json!({
        "cluster": line(&report.cluster),
        "text": closing(report),
        "message": chat(report),
        "summary": report.summary(),
        "incomplete": report.is_incomplete(),
        "alerts": alerts(report),
        "report": whole,
    });
    serde_json::from_value(masked(variables))
}

/// A body as it is sent: JSON without a character that a terminal obeys.
pub fn body(body: &Value) -> Result<String, serde_json::Error> {
    document(body)
}

fn chat(report: &Report) -> String {
    let mut lines = Vec::new();
    for (node, item) in report.items().filter(|(_, item)| item.counts()) {
        let place = node.map_or(words::CLUSTER, |node| node.as_str());
        let first = item.what.first().map(|what| format!(": {what}")).unwrap_or_default();
        let at = item.since.map(|at| format!(", {}", since(at))).unwrap_or_default();
        lines.push(format!("{place}: {}{first}{at}", item.subject));
    }
    lines.extend(report.nodes.iter().filter_map(|node| match &node.state {
        NodeState::Unreachable { error, .. } => Some(format!("{}: not read: {error}", node.node)),
        NodeState::Read { failed_apply: Some(failed), .. } => {
            Some(format!("{}: {}", node.node, words::failed_apply(node.node.as_str(), failed)))
        }
        NodeState::Read { .. } | NodeState::Busy { .. } => None,
    }));
    let more = lines.len().saturating_sub(LINES_SHOWN);
    let shown = lines.iter().take(LINES_SHOWN).map(|text| format!("• {}", shortened(&line(text))));
    let more = (more > 0).then(|| format!("… and {more} more"));
    let head = format!("{}: {}", line(&report.cluster), closing(report));
    std::iter::once(head).chain(shown).chain(more).collect::<Vec<_>>().join("\n")
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LINE_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// An alert, or that one has ended.
#[derive(Debug, Serialize)]
struct Alert<'a> {
    name: &'static str,
    host: &'a str,
    severity: &'static str,
    firing: bool,
    summary: String,
    description: String,
    starts_at: String,
    ends_at: String,
}

fn alerts(report: &Report) -> Vec<Alert<'_>> {
    let nodes = report.nodes.iter().flat_map(|node| of_node(node, report.started));
    // Of several jobs with a part of the inventory each, the first one tells of the cluster.
    let tells_of_it = report.shards.is_empty() || report.shards.iter().any(|shard| shard.is_first());
    let cluster = if tells_of_it { of_cluster(report) } else { Vec::new() };
    nodes.chain(cluster).collect()
}

fn of_cluster(report: &Report) -> Vec<Alert<'_>> {
    let (name, now) = (words::CLUSTER, report.started);
    let error = report.cluster_error.as_deref();
    let items = error.is_none().then(|| of_items(name, &report.cluster_items, now));
    items.into_iter().chain([reachable(name, error, now)]).collect()
}

/// Whether it could be read, or why not.
fn reachable<'a>(name: &'a str, error: Option<&str>, now: i64) -> Alert<'a> {
    let problem = error.map(|error| (format!("{name} could not be read"), line(error), now));
    alert("HardenHostUnreachable", name, "warning", problem.ok_or(format!("{name} can be read")), now)
}

fn of_node(node: &NodeReport, now: i64) -> Vec<Alert<'_>> {
    let name = node.node.as_str();
    match &node.state {
        NodeState::Unreachable { error, .. } => vec![reachable(name, Some(error), now)],
        NodeState::Busy { .. } => vec![reachable(name, None, now)],
        NodeState::Read { items, failed_apply, .. } => {
            let failed = failed_apply.as_ref().map(|failed| {
                let text = line(&words::failed_apply(name, failed));
                (format!("an apply on {name} failed"), text, now)
            });
            vec![
                reachable(name, None, now),
                alert(
                    "HardenApplyFailed",
                    name,
                    "critical",
                    failed.ok_or(format!("no apply on {name} needs a human")),
                    now,
                ),
                of_items(name, items, now),
            ]
        }
    }
}

/// Drift, that which was reported before too: it has not ended.
fn of_items<'a>(host: &'a str, items: &[Item], now: i64) -> Alert<'a> {
    let drift: Vec<_> = items.iter().filter(|it| it.class.is_drift() && it.ignored.is_none()).collect();
    let problem = (!drift.is_empty()).then(|| {
        let subjects: Vec<String> = drift.iter().map(|item| line(&item.subject)).collect();
        let subjects: Vec<&str> = subjects.iter().map(String::as_str).collect();
        let began = drift.iter().filter_map(|item| item.since).min().unwrap_or(now);
        let summary = format!("{} on {host} drifted", crate::ui::count(drift.len(), "resource"));
        (summary, names(&subjects, SUBJECTS_SHOWN), began.min(now))
    });
    alert("HardenDrift", host, "warning", problem.ok_or(format!("nothing on {host} drifted")), now)
}

/// An alert of a problem, with its summary, its description and when it began; or in words that there is none, or none any more.
fn alert<'a>(
    name: &'static str,
    host: &'a str,
    severity: &'static str,
    problem: Result<(String, String, i64), String>,
    now: i64,
) -> Alert<'a> {
    let firing = problem.is_ok();
    let (summary, description, began) = problem.unwrap_or_else(|fine| (fine, String::new(), now));
    let ends = if firing { now + LASTS } else { now };
    let (starts_at, ends_at) = (rfc3339(began), rfc3339(ends));
    Alert { name, host, severity, firing, summary, description, starts_at, ends_at }
}
