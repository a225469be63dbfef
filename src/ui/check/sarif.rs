//! A report as SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"), for code scanning. A result points at
//! the line of the inventory that declares the node or the cluster, or the waiver: the nodes themselves are in no repository. What
//! passes is no result. A difference between file, process and kubeadm's records is a result of its own.

use super::fold::place;
use super::standing::{self, Deeper, Standing};
use crate::check::{Difference, Finding, Report, waiver_of};
use crate::inventory::Inventory;
use crate::plan::sha256;
use crate::ui::moment::rfc3339;
use crate::ui::{block, json as ui_json, line};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Component, Path};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
/// A part of the fingerprint's name that changes when its recipe does.
const FINGERPRINT: &str = "hardenFinding/v1";

/// A report as a pretty-printed SARIF document.
pub fn render(report: &Report, inventory: &Inventory) -> Result<String, serde_json::Error> {
    let rules = Rules::of(report);
    let results: Vec<_> =
        report.findings.iter().flat_map(|finding| results(finding, report, inventory, &rules)).collect();
    ui_json::document(&json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "harden",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.list,
            } },
            "automationDetails": { "id": line(&format!("harden/check/{}/{}", report.benchmark, report.cluster)) },
            "invocations": [invocation(report)],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    }))
}

/// What could not be read belongs to the run, not to the results.
fn invocation(report: &Report) -> Value {
    let notifications = report.unreachable.iter().map(|unread| {
        let node = unread.node.as_ref().map_or("the API", |node| node.as_str());
        json!({ "level": "error", "message": { "text": message(&format!("{node} was not read: {}", unread.error)) } })
    });
    json!({
        "executionSuccessful": report.unreachable.is_empty(),
        "endTimeUtc": rfc3339(report.created),
        "toolExecutionNotifications": notifications.collect::<Vec<_>>(),
    })
}

/// The rules of a run: one for each control that was judged, one for each kind of difference.
struct Rules {
    list: Vec<Value>,
    index: BTreeMap<String, usize>,
}

impl Rules {
    fn of(report: &Report) -> Self {
        let mut rules = Self { list: Vec::new(), index: BTreeMap::new() };
        // What passes everywhere has no remedy, and what passes on one node may have one on the next.
        let mut remedies: BTreeMap<_, &str> = BTreeMap::new();
        for finding in report.findings.iter().filter(|finding| !finding.remedy.is_empty()) {
            remedies.entry(&finding.control).or_insert(&finding.remedy);
        }
        for finding in &report.findings {
            let id = line(&finding.control.to_string());
            if !rules.index.contains_key(&id) {
                let remedy = remedies.get(&finding.control).copied().unwrap_or_default();
                rules.add(id, control_rule(finding, remedy));
            }
        }
        for difference in report.findings.iter().flat_map(|finding| &finding.differences) {
            let id = difference_id(*difference);
            if !rules.index.contains_key(id) {
                rules.add(id.to_owned(), difference_rule(*difference));
            }
        }
        rules
    }

    fn add(&mut self, id: String, mut rule: Value) {
        rule["id"] = Value::from(id.as_str());
        self.index.insert(id, self.list.len());
        self.list.push(rule);
    }
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
            "ruleIndex": rules.index.get(rule),
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
    let place = place(finding);
    let mut path = format!("{}/{place}", report.cluster);
    if let Some(object) = object {
        path.push('/');
        path.push_str(object);
    }
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(&inventory.file) },
            "region": { "startLine": waiver.or(node).unwrap_or(inventory.cluster.line).max(1) },
        },
        "logicalLocations": [{
            "name": line(object.unwrap_or(place)),
            "fullyQualifiedName": line(&path),
            "kind": "resource",
        }],
    })
}

/// The same finding has the same one in every run, wherever its lines are.
fn fingerprint(rule: &str, finding: &Finding, object: Option<&str>) -> String {
    sha256(format!("{rule}\0{}\0{}", place(finding), object.unwrap_or_default()).as_bytes())
}

/// A path as a URI reference, RFC 3986: absolute ones with the scheme `file`, others relative to where harden runs, which
/// in CI is the repository.
fn uri(path: &Path) -> String {
    let mut uri = String::from(if path.is_absolute() { "file://" } else { "" });
    let mut is_first = true;
    for component in path.components() {
        let text = match component {
            Component::CurDir | Component::RootDir => continue,
            other => other.as_os_str().to_string_lossy(),
        };
        if !is_first || path.is_absolute() {
            uri.push('/');
        }
        is_first = false;
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                uri.push(char::from(byte));
            } else {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

/// A text in one line for a message. SARIF reads `[text](target)` in messages as a link (3.11.6), and a name in the cluster
/// must not become one.
fn message(text: &str) -> String {
    escaped(&line(text))
}

fn escaped(text: &str) -> String {
    if text.contains("](") { text.replace('[', "\\[").replace(']', "\\]") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        for (path, expected) in [
            ("harden.toml", "harden.toml"),
            ("./a b/ü.toml", "a%20b/%C3%BC.toml"),
            ("/etc/x.toml", "file:///etc/x.toml"),
            ("../x.toml", "../x.toml"),
        ] {
            assert_eq!(uri(Path::new(path)), expected);
        }
    }

    #[test]
    fn no_name_becomes_a_link() {
        assert_eq!(message("[x](https://evil.example)"), r"\[x\](https://evil.example)");
        assert_eq!(message("a [b] c"), "a [b] c");
    }
}
