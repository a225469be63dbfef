//! What an earlier report had already: with `--since-last` only what is new makes a check fail.

use super::report::{FORMAT_VERSION, Item, Report};
use crate::error::Hint;
use crate::inventory::NodeName;
use std::collections::BTreeSet;

/// A text is no report to compare with.
#[derive(Debug, thiserror::Error)]
pub enum ReportTextError {
    /// It is not a report of a drift check.
    #[error("this is no report of a drift check")]
    NotAReport(#[source] serde_json::Error),
    /// It is of a harden whose reports this one does not understand.
    #[error("its format is {found}, and this harden reads {FORMAT_VERSION}")]
    Format {
        /// The format that it has.
        found: String,
    },
    /// It is of another cluster.
    #[error("it is of the cluster `{found}`, and not of `{expected}`")]
    OtherCluster {
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
}

impl Hint for ReportTextError {
    fn hint(&self) -> Option<String> {
        Some(String::from("name a file that `harden drift --report json=FILE` wrote for this inventory"))
    }
}

/// Reads a report, as `-o json` and `--report json=FILE` give it.
pub fn read(text: &str) -> Result<Report, ReportTextError> {
    #[derive(serde::Deserialize)]
    struct Head {
        format_version: String,
    }
    let head: Head = serde_json::from_str(text).map_err(ReportTextError::NotAReport)?;
    let major = |version: &str| version.split('.').next().unwrap_or_default().to_owned();
    if major(&head.format_version) != major(FORMAT_VERSION) {
        return Err(ReportTextError::Format { found: head.format_version });
    }
    serde_json::from_str(text).map_err(ReportTextError::NotAReport)
}

/// Marks the drift that the last report had already. What was drift there and ignored counts as known too: it is not new.
pub fn compare(report: &mut Report, last: &Report) -> Result<(), ReportTextError> {
    if last.cluster != report.cluster {
        let (found, expected) = (last.cluster.clone(), report.cluster.clone());
        return Err(ReportTextError::OtherCluster { found, expected });
    }
    let drift = last.items().filter(|(_, item)| item.class.is_drift());
    let known: BTreeSet<Identity> = drift.map(|(node, item)| identity(node, item)).collect();
    for node in &mut report.nodes {
        let name = node.node.clone();
        for item in node.items_mut() {
            item.known = known.contains(&identity(Some(&name), item));
        }
    }
    for item in &mut report.cluster_items {
        item.known = known.contains(&identity(None, item));
    }
    report.since_last = Some(last.started);
    Ok(())
}

/// What makes two differences the same one: what differs, how, and since when.
type Identity = (Option<String>, String, String, Option<i64>, Vec<String>);

fn identity(node: Option<&NodeName>, item: &Item) -> Identity {
    let node = node.map(ToString::to_string);
    (node, item.resource.clone(), item.subject.clone(), item.since, item.what.clone())
}
