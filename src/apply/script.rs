//! From a node's plan to the scripts of its transaction. Pure: it builds text, and the functions that the text calls
//! are in `transaction.sh`, `users.sh`, `host.sh` and `pods.sh`, and in
//! `places.sh` of `status`. It decides nothing: what is done stands in the plan, only the order
//! within a node is here.

use super::material::{Payload, Source};
use super::owner::Owner;
use super::pods::{manifests, removed, rested};
use super::remember::remember;
use crate::plan::{NodePlan, Operation, Prior, sha256};
use crate::remote::{Reply, Script, quote};
use crate::resource::{Kind, NodePath};
use base64::Engine as _;
use std::fmt::Write as _;

const FUNCTIONS: &str = concat!(
    include_str!("transaction.sh"),
    "\n",
    include_str!("users.sh"),
    "\n",
    include_str!("host.sh"),
    "\n",
    include_str!("pods.sh"),
    "\n",
    include_str!("../status/places.sh")
);
const ROLLBACK: &str = include_str!("rollback.sh");

/// What stands in a command for the file that it is asked about.
const STAGED: &str = "{staged}";

/// The exit codes of `transaction.sh`.
pub(super) mod code {
    /// The node is not as it was planned; nothing was changed.
    pub(in crate::apply) const STALE: i32 = 74;
    /// Somebody else holds the lock; nothing was changed.
    pub(in crate::apply) const LOCKED: i32 = 75;
    /// It failed before the first change.
    pub(in crate::apply) const UNTOUCHED: i32 = 70;
    /// It failed and was rolled back.
    pub(in crate::apply) const ROLLED_BACK: i32 = 71;
    /// It failed, and so did the rollback.
    pub(in crate::apply) const BROKEN: i32 = 72;
}

/// The script that locks, backs up, stages, swaps and restarts. Units are left to [`restart_units`] where the plan has gates
/// between.
/// The node's own rollback is armed before anything else is written, where the plan says so.
pub(super) fn change(id: &str, owner: Owner<'_>, plan: &NodePlan, payloads: &[Payload]) -> Script {
    let arm = plan.rollback_after.map(|after| format!("arm {after}\n")).unwrap_or_default();
    let begin = format!(
        "{}begin {} {} {} <<'END_OF_ROLLBACK' || exit 70\n{}\nEND_OF_ROLLBACK\n{arm}cat \"$H/state.json\" 2>/dev/null || true\n",
        functions(id),
        quote(owner.text),
        quote(owner.process),
        sha256(ROLLBACK.as_bytes()),
        encode(ROLLBACK.as_bytes())
    );
    let script = Script::new("apply changes")
        .section("state", begin)
        .section("check", check(plan))
        .section("keep", format!("{}{}", keep(plan, payloads), remember(plan)))
        .section("users", users(plan))
        .section("stage", stage(payloads))
        .section("validate", validate(plan))
        .section("swap", swap(plan, payloads));
    // What an earlier transaction made goes after the manifests that came with it and name it.
    let late = if plan.undoes.is_some() { remove_others(plan) } else { String::new() };
    let script =
        if plan.between.is_empty() { script.section("restart", restart(plan, payloads)) } else { script };
    script.section("manifests", format!("{}{}leave\n", manifests(plan, payloads), late))
}

/// The script that restarts units after the static pods; `None` where [`change`] has done that.
pub(super) fn restart_units(id: &str, plan: &NodePlan, payloads: &[Payload]) -> Option<Script> {
    let body = || format!("{}resume\n{}", functions(id), restart(plan, payloads));
    (!plan.between.is_empty()).then(|| Script::new("restart units").section("restart", body()))
}

/// Tells whether a connection is alive.
pub(super) fn nothing() -> Script {
    Script::new("look whether the connection is alive").section("alive", "true\n")
}

/// The script that confirms: from here on the new state is the one to keep. `state` is the new `state.json`; it is on the
/// node before the rename that decides, and takes the old one's place after it. `retention` transactions stay.
pub(super) fn confirm(id: &str, state: &str, retention: u32) -> Script {
    let body = format!(
        "{}receive \"$T/state.json\" {} <<'END_OF_STATE' && flush \"$T/state.json\" || exit 1\n{}\nEND_OF_STATE\n\
         mv -T -- \"$T/pending\" \"$T/committed\" 2>/dev/null || {{ echo 'it has put its old state back by itself meanwhile' >&2; exit 1; }}\n\
         flush \"$T\"\n\
         sh \"$T/rollback.sh\"\nforget_old {retention}\nexit 0\n",
        functions(id),
        sha256(state.as_bytes()),
        encode(state.as_bytes())
    );
    Script::new("confirm").section("outcome", body)
}

/// The script that brings the transaction to its end, whatever is known of it: what is not confirmed is put back. Where the
/// change has not even begun it leaves a directory in the way, so that a change script that arrives late cannot begin.
pub(super) fn roll_back(id: &str) -> Script {
    let body = format!(
        "{}late=\"$H/txn/.$ID.late\"\n\
         mkdir -p -- \"$late\" && printf '' >\"$late/late\"\n\
         if mv -T -- \"$late\" \"$T\" 2>/dev/null; then rm -rf -- \"$H/txn/.$ID\"; else rm -rf -- \"$late\"; fi\n\
         if [ -f \"$T/rollback.sh\" ]; then sh \"$T/rollback.sh\" || exit {}; else echo untouched; fi\nexit 0\n",
        functions(id),
        code::BROKEN
    );
    Script::new("roll back").section("outcome", body)
}

pub(super) fn functions(id: &str) -> String {
    format!("ID={}\n{FUNCTIONS}\n", quote(id))
}

/// What is true on the node when a transaction has come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It never changed anything.
    Untouched,
    /// The old state is back.
    Reverted,
    /// The new state is confirmed.
    Committed,
}

/// Reads the reply to [`confirm`] and [`roll_back`].
pub(super) fn end(reply: &Reply) -> Option<End> {
    match reply.section("outcome").text().lines().last() {
        Some("untouched") => Some(End::Untouched),
        Some("reverted") => Some(End::Reverted),
        Some("committed") => Some(End::Committed),
        _ => None,
    }
}

fn check(plan: &NodePlan) -> String {
    let mut body = String::new();
    for (path, prior) in operations(plan).filter_map(Operation::prior) {
        body.push_str(&expect(path, prior));
    }
    for operation in operations(plan) {
        if let Operation::AddUser { name, user, group, number: Some(number) } = operation {
            for (list, _) in [("passwd", user), ("group", group)].iter().filter(|(_, is_made)| **is_made) {
                let _ = writeln!(body, "expect_number {list} {} {number}", quote(name));
            }
        }
    }
    body.push_str("unless_stale\n");
    body
}

fn expect(path: &NodePath, prior: &Prior) -> String {
    let path = quote(path.as_str());
    match prior {
        Prior::Absent => format!("expect_absent {path}\n"),
        Prior::Present { sha256, mode, owner, group } => {
            format!("expect {path} {} {:o} {} {}\n", quote(sha256), mode.0, quote(owner), quote(group))
        }
    }
}

fn keep(plan: &NodePlan, payloads: &[Payload]) -> String {
    let mut body = String::new();
    for payload in payloads {
        let kind = if payload.is_private { "private" } else { "file" };
        let _ = writeln!(body, "keep {} {kind}", quote(payload.path.as_str()));
    }
    if let Some(manifest) = rested(plan, payloads) {
        let _ = writeln!(body, "keep_rested {}", quote(&manifest));
    }
    // What an earlier transaction had made may be a key.
    let kind = if plan.undoes.is_some() { "private" } else { "file" };
    // A rollback puts back in this order, and attributes need a file that they are of.
    for path in plan.changes.iter().flat_map(|change| removed(&change.operations)) {
        let _ = writeln!(body, "keep {} {kind}", quote(path.as_str()));
    }
    for operation in operations(plan) {
        match operation {
            Operation::SetAttributes { path, .. } => {
                let _ = writeln!(body, "keep_attributes {}", quote(path.as_str()));
            }
            Operation::SetSysctls { values } => {
                for name in values.keys() {
                    let _ = writeln!(body, "keep_sysctl {}", quote(name));
                }
            }
            Operation::SetUnit { unit, .. } => {
                let _ = writeln!(body, "keep_unit {}", quote(unit));
            }
            Operation::Activate { command } => {
                let line = quote(&quoted(command));
                let _ = writeln!(body, "printf '%s\\n' {line} >>\"$T/activations\" || abandon 70");
            }
            Operation::SetOwners { path, .. } => {
                let _ = writeln!(body, "keep_tree {}", quote(path.as_str()));
            }
            Operation::RemoveDirectory { path } => {
                let _ = writeln!(body, "keep_directory {}", quote(path.as_str()));
            }
            Operation::Write { .. }
            | Operation::Restore { .. }
            | Operation::Remove { .. }
            | Operation::Issue { .. }
            | Operation::AddUser { .. }
            | Operation::StopPod { .. }
            | Operation::Validate { .. } => {}
        }
    }
    for unit in &plan.restart_units {
        let _ = writeln!(body, "printf '%s\\n' {} >>\"$T/units\" || abandon 70", quote(unit));
    }
    body
}

/// Before anything is staged, since staged files get their owners at once.
fn users(plan: &NodePlan) -> String {
    let mut body = String::new();
    for operation in operations(plan) {
        if let Operation::AddUser { name, user, group, number } = operation {
            let name = quote(name);
            let number = number.map(|number| format!(" {number}")).unwrap_or_default();
            if *group {
                let _ = writeln!(body, "add_group {name}{number}");
            }
            if *user {
                let _ = writeln!(body, "add_user {name}{number}");
            }
        }
    }
    body
}

fn validate(plan: &NodePlan) -> String {
    let mut body = String::new();
    for operation in operations(plan) {
        if let Operation::Validate { path, command } = operation {
            let path = quote(path.as_str());
            let _ = write!(body, "validate {path}");
            for word in command {
                let parts: Vec<String> = word.split(STAGED).map(quote).collect();
                let _ = write!(body, " {}", parts.join(&format!("\"$(staged {path})\"")));
            }
            body.push('\n');
        }
    }
    body
}

/// A command as the shell reads it.
fn quoted(command: &[String]) -> String {
    command.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

fn stage(payloads: &[Payload]) -> String {
    let mut body = String::new();
    for payload in payloads {
        let (path, ownership) = (quote(payload.path.as_str()), &payload.ownership);
        let content = match &payload.content {
            Source::Sent(content) => content,
            Source::Copy { transaction, number, sha256 } => {
                let _ = writeln!(body, "stage_copy {path} {} {number} {sha256}", quote(transaction));
                continue;
            }
        };
        let _ = writeln!(
            body,
            "stage {path} {} {:o} {} {} {:o} {} {} <<'END_OF_FILE' || abandon 70\n{}\nEND_OF_FILE",
            payload.sha256(),
            ownership.mode.0,
            quote(&ownership.owner),
            quote(&ownership.group),
            payload.directory.mode.0,
            quote(&payload.directory.owner),
            quote(&payload.directory.group),
            encode(content.as_bytes())
        );
    }
    body
}

/// Files that no kubelet watches, then what is live. Static-pod manifests come later, in [`manifests`]: what their flags
/// name must be there by then.
fn swap(plan: &NodePlan, payloads: &[Payload]) -> String {
    let mut body = String::from("armed\n");
    for payload in payloads.iter().filter(|payload| payload.resource.kind != Kind::StaticPod) {
        let _ = writeln!(body, "swap {}", quote(payload.path.as_str()));
    }
    for operation in operations(plan) {
        match operation {
            Operation::SetAttributes { path, owner, group, mode, .. } => {
                let or_dash = |name: &Option<String>| quote(name.as_deref().unwrap_or("-"));
                let mode = mode.map_or_else(|| String::from("-"), |mode| format!("{:o}", mode.0));
                let _ = writeln!(
                    body,
                    "attributes {} {} {} {mode}",
                    quote(path.as_str()),
                    or_dash(owner),
                    or_dash(group)
                );
            }
            Operation::SetSysctls { values } => {
                for (name, value) in values {
                    let _ = writeln!(body, "set_sysctl {} {}", quote(name), quote(value));
                }
            }
            Operation::Write { .. }
            | Operation::Restore { .. }
            | Operation::Remove { .. }
            | Operation::RemoveDirectory { .. }
            | Operation::Issue { .. }
            | Operation::AddUser { .. }
            | Operation::StopPod { .. }
            | Operation::SetOwners { .. }
            | Operation::Validate { .. }
            | Operation::Activate { .. }
            | Operation::SetUnit { .. } => {}
        }
    }
    if plan.undoes.is_none() {
        body.push_str(&remove_others(plan));
    }
    body
}

/// Removes files that belong to no static pod.
fn remove_others(plan: &NodePlan) -> String {
    let mut body = String::new();
    let others = plan.changes.iter().filter(|change| change.resource.kind != Kind::StaticPod);
    for path in others.flat_map(|change| removed(&change.operations)) {
        let _ = writeln!(body, "remove {}", quote(path.as_str()));
    }
    body
}

fn restart(plan: &NodePlan, payloads: &[Payload]) -> String {
    let mut body = String::new();
    let units_changed = payloads.iter().any(|payload| payload.path.as_str().contains("/systemd/"));
    if units_changed || !plan.restart_units.is_empty() {
        body.push_str("reload_units\n");
    }
    for operation in operations(plan) {
        if let Operation::SetUnit { unit, enabled, active } = operation {
            for (wanted, [yes, no]) in [(enabled, ["enable", "disable"]), (active, ["start", "stop"])] {
                if let Some(wanted) = wanted {
                    let _ = writeln!(body, "set_unit {} {}", if *wanted { yes } else { no }, quote(unit));
                }
            }
        }
    }
    for unit in &plan.restart_units {
        let _ = writeln!(body, "restart_unit {}", quote(unit));
    }
    for operation in operations(plan) {
        if let Operation::Activate { command } = operation {
            let _ = writeln!(body, "activate {}", quoted(command));
        }
    }
    body
}

fn operations(plan: &NodePlan) -> impl Iterator<Item = &Operation> {
    plan.changes.iter().flat_map(|change| &change.operations)
}

pub(super) fn encode(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
