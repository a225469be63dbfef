//! The JSON form of a drift check (`harden drift -o json`, `--report json=FILE`), which is an interface. It is one object:
//!
//! | key | what |
//! |---|---|
//! | `format_version` | [`crate::drift::FORMAT_VERSION`]: a reader must refuse another number before the dot and ignore keys it does not know |
//! | `harden_version`, `cluster`, `started`, `milliseconds` | who checked, what, when (seconds since 1970), for how long |
//! | `shards` | the parts of the inventory that it is about, each `{"index", "of"}`; left out where it is about all of it |
//! | `partial` | `true` where only a part of what is declared was looked at; otherwise left out |
//! | `since_last` | when the check began whose report this one was compared with; left out where it was compared with none |
//! | `nodes` | every node that was asked, in the inventory's order, with the keys below |
//! | `cluster_items` | the differences in the cluster's own records, as those of a node |
//! | `cluster_error` | why the cluster's own records could not be read, where they should have been; otherwise left out |
//! | `ignores` | each `[[drift.ignore]]`: `{"of", "reason", "expires", "expired", "count"}` |
//! | `notices` | what else the user should know, a text each |
//! | `summary` | `{"drift", "drift_nodes", "pending", "pending_nodes", "ignored", "known", "of", "busy", "unreachable", "failed_applies"}`, the numbers of the closing line |
//!
//! | key of a node | what |
//! |---|---|
//! | `node`, `state` | its name; `read`, `busy` or `unreachable` |
//! | `items` | of one that was read: what differs, with the keys below |
//! | `applied` | of one that was read: the last apply, `{"by", "at", "transaction"}`; left out where there was none |
//! | `failed_apply` | of one that was read: an apply that needs a human, `{"transaction", "by", "state"}`; otherwise left out |
//! | `certificates` | of one that was read: `{"path", "not_after"}` each |
//! | `by`, `since` | of one that is busy: whose apply works on it, since when |
//! | `error`, `hint` | of one that is unreachable: why, and what to do about it |
//!
//! | key of a difference | what |
//! |---|---|
//! | `resource`, `subject` | `static-pod.kube-apiserver`, and the path, unit or process |
//! | `class` | `drift` (it is not what was last applied), `pending` (the inventory or a template changed since) or `both` |
//! | `action` | what apply would do: `add`, `change` or `remove` |
//! | `what` | in words, a text each, the most important first |
//! | `before`, `after` | the text as it is and as apply would leave it, where there is one to show |
//! | `sensitive` | `true` where the content holds secrets, whose masked form is shown; otherwise left out |
//! | `since` | since when it has been so, seconds since 1970, where that can be told |
//! | `cause` | what did it, `{"kind", "text"}`; `kind` is `kubeadm-upgrade`, `kubeadm-renewal` or `package` |
//! | `evidence` | lines of the node's logs that name it |
//! | `controls` | the controls that it satisfies when it is as declared |
//! | `ignored` | `{"reason", "expires"}` where the inventory says so: it does not count |
//! | `known` | `true` where the report that this one was compared with had it already: it does not count |
//!
//! What is `null` or empty elsewhere is left out. Without `summary` it is the type [`Report`], and it can be read as one.
//! Secrets are masked in every text.

use crate::drift::{Report, Summary};
use crate::ui::json::document;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

/// What is printed.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "Report of a drift check by harden")]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a Report,
    /// The numbers of the report.
    summary: Summary,
}

/// A report as a pretty-printed JSON document.
pub fn render(report: &Report) -> Result<String, serde_json::Error> {
    document(&Document { report, summary: report.summary() })
}

/// The JSON Schema (draft 2020-12) of such a document.
pub fn schema() -> String {
    let schema = SchemaSettings::draft2020_12().for_serialize().into_generator();
    format!("{:#}\n", schema.into_root_schema_for::<Document<'static>>().to_value())
}
