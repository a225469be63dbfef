//! A drift check in the form of JUnit's test results: a suite for each node, a failure for each difference that counts. What does not
//! count is skipped with its reason, and a node that could not be read is an error.

use super::words;
use crate::drift::{Class, Item, NodeReport, NodeState, Report};
use crate::ui::reports::junit::{Case, Outcome, Suite, document};

/// A report as JUnit XML.
pub fn render(report: &Report) -> String {
    let mut suites: Vec<_> = report.nodes.iter().map(|node| suite(node, &report.cluster)).collect();
    let of_cluster = report.cluster_items.iter().map(|item| case(item, &report.cluster, words::CLUSTER));
    let unread = report.cluster_error.iter().map(|error| Case {
        class: format!("{}.{}", report.cluster, words::CLUSTER),
        name: String::from("reachable"),
        outcome: Outcome::Error("unreachable", error.clone()),
        text: String::new(),
    });
    let cases: Vec<_> = of_cluster.chain(unread).collect();
    if !cases.is_empty() {
        suites.push(Suite { name: words::CLUSTER.to_owned(), cases });
    }
    document(&format!("Drift of {}", report.cluster), report.started, &suites)
}

fn suite(node: &NodeReport, cluster: &str) -> Suite {
    let name = node.node.as_str();
    let of_node = |what: &str, outcome: Outcome, text: String| Case {
        class: format!("{cluster}.{name}"),
        name: what.to_owned(),
        outcome,
        text,
    };
    let cases = match &node.state {
        NodeState::Unreachable { error, hint } => {
            let hint = hint.as_ref().map(|hint| format!("hint: {hint}")).unwrap_or_default();
            vec![of_node("reachable", Outcome::Error("unreachable", error.clone()), hint)]
        }
        NodeState::Busy { by, since } => {
            vec![of_node("judged", Outcome::Skipped(words::busy(by, *since)), String::new())]
        }
        NodeState::Read { items, failed_apply, .. } => {
            let failed = failed_apply.as_ref().map(|failed| {
                let outcome = Outcome::Skipped(words::failed_apply(name, failed));
                of_node("last apply", outcome, String::new())
            });
            let clean = || of_node("no difference", Outcome::Passed, String::new());
            let clean = items.is_empty().then(clean);
            items.iter().map(|item| case(item, cluster, name)).chain(failed).chain(clean).collect()
        }
    };
    Suite { name: name.to_owned(), cases }
}

fn case(item: &Item, cluster: &str, node: &str) -> Case {
    let first = item.what.first().map_or("it differs", String::as_str);
    let outcome = match (&item.ignored, item.class) {
        _ if item.counts() => Outcome::Failed("drift", format!("{}: {first}", item.subject)),
        (Some(ignored), Class::Drift | Class::Both) => {
            Outcome::Skipped(format!("ignored {}", words::ignored(ignored)))
        }
        (None, Class::Drift | Class::Both) => Outcome::Skipped(format!("reported before: {first}")),
        (_, Class::Pending) => Outcome::Skipped(format!("pending: {first}")),
    };
    Case {
        class: format!("{cluster}.{node}"),
        name: format!("{} {}", item.resource, item.subject),
        outcome,
        text: words::said(item).join("\n"),
    }
}
