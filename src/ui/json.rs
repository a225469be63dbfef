//! The JSON forms, which are an interface: `format_version` says when a reader must change.
//!
//! A plan (`harden plan -o json`, `harden show FILE -o json`) is one object:
//!
//! | key | what |
//! |---|---|
//! | `format_version` | [`crate::plan::FORMAT_VERSION`]: a reader must refuse another number before the dot and ignore keys it does not know |
//! | `harden_version`, `cluster`, `created`, `inputs` | who made it, for what, when (seconds since 1970), from which inputs (SHA-256) |
//! | `stage`, `remaining` | the present stage and those that follow, each `{"name", "title"}` |
//! | `waves` | in order, each `{"title", "nodes": [{"node", "changes", "restart_units", "restart_pods", "drain", "before", "after"}]}`; `drain` is left out where the node's pods are left alone, and `undoes` of what is no rollback |
//! | `waves[].nodes[].changes` | each with `resource`, `action` (`add`, `change`, `remove`), `subject`, `reasons` (why, beyond what the texts show), `edits` (what the texts show, in words), `restarts`, the masked texts `before` and `after`, `origin` (`new`, `drift`, `pending`, `both`), `controls`, `undo` (`full`, `until-commit`, `none`) and `operations` |
//! | `cluster_changes`, `gates` | what follows the waves |
//! | `in_sync`, `unreachable`, `notices` | the other nodes, and what the user should know |
//! | `partial` | `true` where only a part of what is declared was looked at; otherwise left out |
//! | `summary` | `{"add", "change", "remove", "nodes", "of"}`, the numbers of the closing line |
//! | `no_return` | the changes whose `undo` is `none`, each resource once, `{"resource", "subject", "reason", "nodes"}`: `harden apply` asks for each, or takes `--accept RESOURCE` |
//!
//! Without `summary` and `no_return` it is the type [`Plan`], and it can be read as one. Secrets are masked in every text.
//!
//! A drift check (`harden drift -o json`) stands in [`crate::ui::drift`].
//!
//! An apply (`harden apply -o json`) is one object, printed at the end of the run, and the only thing on standard output:
//!
//! | key | what |
//! |---|---|
//! | `format_version` | `1.0`, as above |
//! | `harden_version`, `cluster`, `started`, `seconds` | who applied, to what, when (seconds since 1970), for how long |
//! | `stages` | the stages that were begun, in order, each `{"stage": {"name", "title"}, "summary", "nodes", "cluster_changes", "stopped"}`: `summary` is that of its plan, `cluster_changes` the number of the cluster's own records that were changed, `stopped` why the stage as a whole was not finished, or `null` |
//! | `stages[].nodes` | by name `{"outcome", "changes", "error"}`; `outcome` is `applied`, `unchanged` (it failed before the first change), `rolled-back`, `needs-human` or `not-begun`, and `error` a text or `null` |
//! | `remaining` | the stages that are left, as far as they are known |
//! | `nothing_left` | `true` when a plan after the last stage found nothing to change |
//! | `unreachable` | the nodes that could not be read, each `{"node", "error", "hint"}` |
//! | `error` | the error that ended the run where it was not one of a node, or `null` |
//! | `exit_code` | that of the process |
//!
//! What fails before the inventory is read prints no object.
//!
//! A removal (`harden remove NODE -o json`) is one object:
//!
//! | key | what |
//! |---|---|
//! | `format_version`, `harden_version`, `cluster`, `node` | as above, and which node |
//! | `steps` | in order, each `{"step", "text", "outcome"}`; `step` is `drain`, `remove-etcd-member`, `stop-kubelet`, `delete-node` or `reset-host`, `outcome` is `done`, `failed` or `not-begun`. Empty where nothing was left to do |
//! | `refusals` | what speaks against it, each `{"reason", "remedy"}`; nothing was begun where there is one |
//! | `warnings` | what the user should know |
//! | `remains` | what stays valid or in place, a text each |
//! | `error`, `exit_code` | why it stopped, or `null`, and the code of the process |
//!
//! Progress (`--progress json`, on standard error) is one object a line: `time` (seconds since 1970), `event`, and the
//! fields of the [`Event`]. `event` is `step`, `done` (with `outcome` `in-sync`, `finished`, `rolled-back` or `failed`,
//! and `text`), `wave`, `waiting` and `passed` (with `elapsed_seconds`), `cluster` or `warning`. `node` is left out of
//! what is about the whole cluster.

use super::Applied;
use super::foreign::is_unsafe;
use crate::event::{Event, Outcome};
use crate::inventory::NodeName;
use crate::plan::{NoReturn, Plan, Summary};
use crate::secret::mask;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::time::Duration;

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    summary: Summary,
    no_return: Vec<NoReturn>,
}

/// A plan as a pretty-printed JSON document.
pub fn plan(plan: &Plan) -> Result<String, serde_json::Error> {
    document(&Document { plan, summary: plan.summary(), no_return: plan.no_return() })
}

/// What an apply did as a pretty-printed JSON document.
pub fn applied(applied: &Applied) -> Result<String, serde_json::Error> {
    document(applied)
}

/// An event as one line of JSON; `now` is the time since 1970.
pub fn event(event: &Event, now: Duration) -> String {
    let mut object = Map::new();
    object.insert(String::from("time"), Value::from(now.as_secs()));
    let (name, node, fields) = parts(event);
    object.insert(String::from("event"), Value::from(name));
    if let Some(node) = node {
        object.insert(String::from("node"), Value::from(node.as_str()));
    }
    if let Value::Object(fields) = fields {
        object.extend(fields);
    }
    escaped(&masked(Value::Object(object)).to_string())
}

fn parts(event: &Event) -> (&'static str, Option<&NodeName>, Value) {
    match event {
        Event::Step { node, step } => ("step", Some(node), json!({ "step": step })),
        Event::Done { node, outcome } => ("done", Some(node), self::outcome(outcome)),
        Event::Wave { number, of, title } => {
            ("wave", None, json!({ "number": number, "of": of, "title": title }))
        }
        Event::Waiting { node, gate, elapsed, last } => (
            "waiting",
            node.as_ref(),
            json!({ "gate": gate, "elapsed_seconds": elapsed.as_secs(), "last": last }),
        ),
        Event::Passed { node, gate, elapsed } => {
            ("passed", node.as_ref(), json!({ "gate": gate, "elapsed_seconds": elapsed.as_secs() }))
        }
        Event::Cluster { step } => ("cluster", None, json!({ "step": step })),
        Event::Warning { node, text } => ("warning", node.as_ref(), json!({ "text": text })),
    }
}

fn outcome(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::InSync => json!({ "outcome": "in-sync" }),
        Outcome::Finished(text) => json!({ "outcome": "finished", "text": text }),
        Outcome::RolledBack(text) => json!({ "outcome": "rolled-back", "text": text }),
        Outcome::Failed(text) => json!({ "outcome": "failed", "text": text }),
    }
}

/// Anything as a pretty-printed JSON document with its secrets masked.
pub(super) fn document(value: &impl Serialize) -> Result<String, serde_json::Error> {
    Ok(escaped(&serde_json::to_string_pretty(&masked(serde_json::to_value(value)?))?))
}

/// Writes characters out that move the cursor or reorder text and that JSON lets stand as they are. They occur in its strings
/// only, and read back as what they were.
fn escaped(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        if character != '\n' && is_unsafe(character) {
            let mut units = [0; 2];
            safe.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Masks the texts before they are written as JSON: afterwards a secret with a quote or a newline in it reads
/// differently and would no longer be found.
pub(super) fn masked(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(mask(&text).into_owned()),
        Value::Array(values) => values.into_iter().map(masked).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(key, value)| (mask(&key).into_owned(), masked(value))).collect()
        }
        other => other,
    }
}
