//! What every SARIF 2.1.0 document (OASIS, "Static Analysis Results Interchange Format") of harden has: the run, its rules, and where
//! a result is. It points at a line of the inventory, since the nodes themselves are in no repository.

use crate::inventory::Inventory;
use crate::ui::moment::rfc3339;
use crate::ui::{json as ui_json, line};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Component, Path};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// A run.
pub(in crate::ui) struct Run {
    /// Tells the runs of one kind from others: "harden/drift/prod".
    pub(in crate::ui) id: String,
    /// When it ended, seconds since 1970.
    pub(in crate::ui) ended: i64,
    /// What could not be looked at. It belongs to the run, not to the results.
    pub(in crate::ui) errors: Vec<String>,
    pub(in crate::ui) rules: Rules,
    pub(in crate::ui) results: Vec<Value>,
}

/// A run as a pretty-printed SARIF document.
pub(in crate::ui) fn document(run: &Run) -> Result<String, serde_json::Error> {
    let notifications =
        run.errors.iter().map(|error| json!({ "level": "error", "message": { "text": message(error) } }));
    ui_json::document(&json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "harden",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": run.rules.list,
            } },
            "automationDetails": { "id": line(&run.id) },
            "invocations": [{
                "executionSuccessful": run.errors.is_empty(),
                "endTimeUtc": rfc3339(run.ended),
                "toolExecutionNotifications": notifications.collect::<Vec<_>>(),
            }],
            "columnKind": "unicodeCodePoints",
            "results": run.results,
        }],
    }))
}

/// The rules of a run, each once.
#[derive(Default)]
pub(in crate::ui) struct Rules {
    list: Vec<Value>,
    index: BTreeMap<String, usize>,
}

impl Rules {
    /// Adds a rule where there is none of that name yet.
    pub(in crate::ui) fn add(&mut self, id: &str, rule: impl FnOnce() -> Value) {
        if self.index.contains_key(id) {
            return;
        }
        let mut rule = rule();
        rule["id"] = Value::from(id);
        self.index.insert(id.to_owned(), self.list.len());
        self.list.push(rule);
    }

    /// Where a rule stands in the list.
    pub(in crate::ui) fn index(&self, id: &str) -> Option<usize> {
        self.index.get(id).copied()
    }
}

/// Where a result is: a line of the inventory, and a path of names from the cluster down.
pub(in crate::ui) fn location(inventory: Option<&Inventory>, at: usize, path: &[&str]) -> Value {
    let mut location = json!({
        "logicalLocations": [{
            "name": line(path.last().copied().unwrap_or_default()),
            "fullyQualifiedName": line(&path.join("/")),
            "kind": "resource",
        }],
    });
    if let Some(inventory) = inventory {
        location["physicalLocation"] = json!({
            "artifactLocation": { "uri": uri(&inventory.file) },
            "region": { "startLine": at.max(1) },
        });
    }
    location
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
pub(in crate::ui) fn message(text: &str) -> String {
    escaped(&line(text))
}

/// A text whose brackets are none of a link.
pub(in crate::ui) fn escaped(text: &str) -> String {
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
