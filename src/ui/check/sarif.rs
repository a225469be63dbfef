//! A report as SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"), for code scanning. A result points at
//! the line of the inventory that declares the node or the cluster, or the waiver: the nodes themselves are in no repository. What
//! passes is no result. A difference between file, process and kubeadm's records is a result of its own.

use super::fold::place;
use super::standing::{self, Deeper, Standing};
use crate::check::{Difference, Finding, Report, waiver_of};
use crate::inventory::Inventory;
use crate::plan::sha256;
use crate::ui::reports::sarif::{self, Rules, Run, document, escaped, message};
use crate::ui::{block, line};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A part of the fingerprint's name that changes when its recipe does.
const FINGERPRINT: &str = "hardenFinding/v1";

/// A report as a pretty-printed SARIF document.
pub fn render(report: &Report, inventory: &Inventory) -> Result<String, serde_json::Error> {
    let rules = rules(report);
    let results = report.findings.iter().flat_map(|finding| results(finding, report, inventory, &rules));
    let results = results.collect();
    let unread = report.unreachable.iter().map(|unread| {
        let node = unread.node.as_ref().map_or("the API", |node| node.as_str());
        format!("{node} was not read: {}", unread.error)
    });
    document(&Run {
        id: format!("harden/check/{}/{}", report.benchmark, report.cluster),
        ended: report.created,
        errors: unread.collect(),
        rules,
        results,
    })
}

/// The rules of a run: one for each control that was judged, one for each kind of difference.
fn rules(report: &Report) -> Rules {
    let mut rules = Rules::default();
    // What passes everywhere has no remedy, and what passes on one node may have one on the next.
    let mut remedies: BTreeMap<_, &str> = BTreeMap::new();
    for finding in report.findings.iter().filter(|finding| !finding.remedy.is_empty()) {
        remedies.entry(&finding.control).or_insert(&finding.remedy);
    }
    for finding in &report.findings {
        let remedy = remedies.get(&finding.control).copied().unwrap_or_default();
        rules.add(&line(&finding.control.to_string()), || control_rule(finding, remedy));
    }
    for difference in report.findings.iter().flat_map(|finding| &finding.differences) {
        rules.add(difference_id(*difference), || difference_rule(*difference));
    }
    rules
}

fn control_rule(finding: &Finding, remedy: &str) -> Value {
    let title = message(&finding.title);
    let help = match remedy {
        "" => format!("{title}."),
        remedy => format!("{title}.\n\nRemedy: {}", escaped(&block(remedy.trim()))),
    };
    let level = if finding.scored { "error" } else { "warning" };
    json!({
        "shortDescription": { "text": title },
        "fullDescription": { "text": format!("{} ({})", title, message(&finding.section)) },
        "help": { "text": help },
        "defaultConfiguration": { "level": level },
        "properties": { "tags": ["security", "kubernetes", line(&finding.section)] },
    })
}

fn difference_id(difference: Difference) -> &'static str {
    match difference {
        Difference::NotRestarted => "harden:not-restarted",
        Difference::LostAtRestart => "harden:lost-at-restart",
        Difference::LostAtUpgrade => "harden:lost-at-upgrade",
    }
}

fn difference_rule(difference: Difference) -> Value {
    let (help, title) = match difference {
        Difference::NotRestarted => (
            "The file has it and the running process does not. Restart the process.",
            "Written but not restarted",
        ),
        Difference::LostAtRestart => (
            "The process has it and the file does not. Write it into the file, or it is gone when the process starts again.",
            "Lost at the next restart",
        ),
        Difference::LostAtUpgrade => (
            "The node has it and kubeadm's record does not. Write it into the ConfigMap kubeadm-config, or `kubeadm upgrade` \
             takes it away.",
            "Lost at the next kubeadm upgrade",
        ),
    };
    json!({
        "shortDescription": { "text": title },
        "fullDescription": { "text": help },
        "help": { "text": help },
        "defaultConfiguration": { "level": "warning" },
        "properties": { "tags": ["security", "kubernetes"] },
    })
}

/// The results of a finding: one for each object, or one without; and one for each difference.
fn results(finding: &Finding, report: &Report, inventory: &Inventory, rules: &Rules) -> Vec<Value> {
    let result = |rule: &str, level: &str, text: &str, object: Option<&str>| {
        let mut result = json!({
            "ruleId": rule,
            "ruleIndex": rules.index(rule),
            "level": level,
            "message": { "text": message(text) },
            "locations": [location(finding, object, report, inventory)],
            "partialFingerprints": { FINGERPRINT: fingerprint(rule, finding, object) },
        });
        if let Some(waiver) = finding.waiver.as_ref().filter(|_| standing::is_waived(finding)) {
            // Without a status it is an accepted one, and not every reader knows that key.
            result["suppressions"] = json!([{ "kind": "external", "justification": line(&waiver.reason) }]);
        }
        result
    };
    let control = line(&finding.control.to_string());
    let level = match finding.verdict {
        crate::check::Verdict::Fail => "error",
        _ if Deeper::of(finding) == Deeper::Clean => "note",
        _ => "warning",
    };
    let text = text(finding);
    let mut results = Vec::new();
    match Standing::of(finding) {
        Standing::Pass if Deeper::of(finding) == Deeper::Same => {}
        _ if finding.objects.is_empty() => results.push(result(&control, level, &text, None)),
        _ => results.extend(
            finding.objects.iter().map(|it| result(&control, level, &format!("{it}: {text}"), Some(it))),
        ),
    }
    results.extend(finding.differences.iter().map(|difference| {
        let text = format!("{}: {}: {text}", finding.control, standing::difference(*difference));
        result(difference_id(*difference), "warning", &text, Some(&finding.control.item))
    }));
    results
}

fn text(finding: &Finding) -> String {
    let mut text = format!("{} on {}.", finding.title, place(finding));
    for evidence in &finding.evidence {
        let _ = write!(text, " {evidence}.");
    }
    if let Some(waiver) = standing::waiver(finding) {
        let _ = write!(text, " Waiver: {waiver}.");
    }
    if !finding.fixed_by.is_empty() && finding.is_open() {
        let _ = write!(text, " Fixed by harden apply: {}.", finding.fixed_by.join(", "));
    }
    text
}

fn location(finding: &Finding, object: Option<&str>, report: &Report, inventory: &Inventory) -> Value {
    let node = finding.node.as_ref().and_then(|name| inventory.node(name)).map(|node| node.line);
    let waiver = waiver_of(finding, &inventory.waivers).map(|waiver| waiver.line);
    let at = waiver.or(node).unwrap_or(inventory.cluster.line);
    let path: Vec<_> = [&*report.cluster, place(finding)].into_iter().chain(object).collect();
    sarif::location(Some(inventory), at, &path)
}

/// The same finding has the same one in every run, wherever its lines are.
fn fingerprint(rule: &str, finding: &Finding, object: Option<&str>) -> String {
    sha256(format!("{rule}\0{}\0{}", place(finding), object.unwrap_or_default()).as_bytes())
}
