//! A drift check as SARIF 2.1.0, for code scanning: a rule for each resource, a result for each difference, at the line of the inventory
//! that declares the node. A busy node or one that could not be read is told of the run.

use super::words;
use crate::drift::{Item, NodeReport, NodeState, Report};
use crate::inventory::{Inventory, NodeName};
use crate::plan::sha256;
use crate::ui::line;
use crate::ui::reports::sarif::{Rules, Run, document, location, message};
use serde_json::{Value, json};

/// A part of the fingerprint's name that changes when its recipe does.
const FINGERPRINT: &str = "hardenDrift/v1";

/// A report as a pretty-printed SARIF document. Without an inventory the results have no line.
pub fn render(report: &Report, inventory: Option<&Inventory>) -> Result<String, serde_json::Error> {
    let mut rules = Rules::default();
    for (_, item) in report.items() {
        rules.add(&line(&item.resource), || rule(item));
    }
    let results = report.items().map(|(node, item)| result(node, item, report, inventory, &rules)).collect();
    let unread = report.cluster_error.iter();
    let unread = unread.map(|error| format!("the cluster's own records were not read: {error}"));
    document(&Run {
        id: format!("harden/drift/{}", report.cluster),
        ended: report.started,
        errors: report.nodes.iter().filter_map(not_judged).chain(unread).collect(),
        rules,
        results,
    })
}

fn not_judged(node: &NodeReport) -> Option<String> {
    match &node.state {
        NodeState::Read { .. } => None,
        NodeState::Busy { by, since } => {
            Some(format!("{} was not judged: {}", node.node, words::busy(by, *since)))
        }
        NodeState::Unreachable { error, .. } => Some(format!("{} was not read: {error}", node.node)),
    }
}

fn rule(item: &Item) -> Value {
    let title = message(&format!("{} is not as it was last applied", item.resource));
    let help = "Somebody or something changed it on the node. `harden plan` shows what `harden apply` would do about it; where the \
                change is wanted, declare it in the inventory, or ignore it for a time with `[[drift.ignore]]`.";
    json!({
        "shortDescription": { "text": title },
        "fullDescription": { "text": title },
        "help": { "text": help },
        "defaultConfiguration": { "level": "error" },
        "properties": { "tags": ["security", "kubernetes", "drift"] },
    })
}

fn result(
    node: Option<&NodeName>,
    item: &Item,
    report: &Report,
    inventory: Option<&Inventory>,
    rules: &Rules,
) -> Value {
    let rule = line(&item.resource);
    let place = node.map_or(words::CLUSTER, NodeName::as_str);
    let declared = inventory.map_or(0, |inventory| {
        let node = node.and_then(|name| inventory.node(name)).map(|node| node.line);
        node.unwrap_or(inventory.cluster.line)
    });
    let said: Vec<_> = words::said(item).iter().map(|said| format!(" {said}.")).collect();
    let text = format!("{} on {place} ({}).{}", item.subject, item.class, said.concat());
    let identity = [&*item.resource, place, &item.subject].join("\0");
    let mut result = json!({
        "ruleId": rule,
        "ruleIndex": rules.index(&rule),
        "level": if item.class.is_drift() { "error" } else { "note" },
        "message": { "text": message(&text) },
        "locations": [location(inventory, declared, &[&report.cluster, place, &item.subject])],
        // The same difference has the same one in every run, wherever its lines are.
        "partialFingerprints": { FINGERPRINT: sha256(identity.as_bytes()) },
    });
    if report.since_last.is_some() {
        result["baselineState"] = Value::from(if item.known { "unchanged" } else { "new" });
    }
    if let Some(ignored) = &item.ignored {
        // Without a status it is an accepted one, and not every reader knows that key.
        result["suppressions"] = json!([{ "kind": "external", "justification": line(&ignored.reason) }]);
    }
    result
}
