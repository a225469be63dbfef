//! From a node's plan to the scripts of its transaction. Pure: it builds text, and the functions that the text calls
//! are in `transaction.sh`. It decides nothing: what is done stands in the plan, only the order within a node is here.

use super::material::Payload;
use crate::plan::{NodePlan, Operation, Prior};
use crate::remote::{Script, quote};
use crate::resource::{Kind, NodePath};
use base64::Engine as _;
use std::fmt::Write as _;

const FUNCTIONS: &str = include_str!("transaction.sh");
const ROLLBACK: &str = include_str!("rollback.sh");

/// Seconds between the API server's manifest and the other static pods' of the same node. The old API server says that
/// it is not ready as soon as it is asked to stop, and goes on serving while it drains; were etcd restarted at once, it
/// would fail requests that a load balancer still sends there.
const API_SERVER_LEAD: u32 = 5;

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

/// The script that locks, backs up, stages everything, replaces all but manifests, and restarts units.
pub(super) fn change(id: &str, owner: &str, plan: &NodePlan, payloads: &[Payload]) -> Script {
    let mut begin = format!("ID={}\n{FUNCTIONS}\nbegin {}\n", quote(id), quote(owner));
    let _ = writeln!(begin, "cat \"$H/state.json\" 2>/dev/null || :");
    Script::new("apply changes")
        .section("state", begin)
        .section("check", check(plan))
        .section("keep", keep(plan, payloads))
        .section("stage", stage(payloads))
        .section("swap", swap(plan, payloads))
        .section("restart", restart(plan, payloads))
}

/// The script that replaces the manifests of static pods; `None` when the plan has none.
pub(super) fn change_pods(id: &str, payloads: &[Payload]) -> Option<Script> {
    let body = swap_manifests(payloads)?;
    let begin = format!("ID={}\n{FUNCTIONS}\n", quote(id));
    Some(Script::new("replace manifests").section("manifests", begin + &body))
}

/// The script that confirms: from here on the new state is the one to keep. `state` is the new `state.json`.
pub(super) fn confirm(id: &str, state: &str) -> Script {
    let body = format!(
        "ID={}\n{FUNCTIONS}\nmv -T -- \"$T/pending\" \"$T/committed\" || exit 1\n\
         base64 -d >\"$H/.state.json\" <<'END_OF_STATE' || exit 1\n{}\nEND_OF_STATE\n\
         flush \"$H/.state.json\"; mv -fT -- \"$H/.state.json\" \"$H/state.json\"; flush \"$H\"\nunlock\n\
         # The ten newest transactions are kept.\n\
         ls -1t \"$H/txn\" | tail -n +11 | while IFS= read -r old; do rm -rf -- \"$H/txn/$old\"; done\n",
        quote(id),
        encode(state.as_bytes())
    );
    Script::new("confirm").section("confirm", body)
}

/// The script that puts the old state back, if the transaction is still pending. It is safe to run when nothing is known.
pub(super) fn roll_back(id: &str) -> Script {
    let body = format!(
        "ID={}\n{FUNCTIONS}\nif [ -f \"$T/rollback.sh\" ]; then sh \"$T/rollback.sh\" || exit {}; else unlock; fi\n\
         if [ -f \"$T/committed\" ]; then echo committed; else echo reverted; fi\n",
        quote(id),
        code::BROKEN
    );
    Script::new("roll back").section("outcome", body)
}

fn check(plan: &NodePlan) -> String {
    let mut body = String::new();
    for (path, prior) in operations(plan).filter_map(Operation::prior) {
        body.push_str(&expect(path, prior));
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
        let _ = writeln!(body, "keep {}", quote(payload.path.as_str()));
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
            Operation::Write { .. } | Operation::Issue { .. } => {}
        }
    }
    for unit in &plan.restart_units {
        let _ = writeln!(body, "printf '%s\\n' {} >>\"$T/units\"", quote(unit));
    }
    let _ = writeln!(
        body,
        "base64 -d >\"$T/rollback.sh\" <<'END_OF_ROLLBACK' || abandon 70\n{}\nEND_OF_ROLLBACK\nsh -n \"$T/rollback.sh\" || abandon 70",
        encode(ROLLBACK.as_bytes())
    );
    body
}

fn stage(payloads: &[Payload]) -> String {
    let mut body = String::new();
    for payload in payloads {
        let ownership = &payload.ownership;
        let _ = writeln!(
            body,
            "stage {} {:o} {} {} {:o} <<'END_OF_FILE'\n{}\nEND_OF_FILE",
            quote(payload.path.as_str()),
            ownership.mode.0,
            quote(&ownership.owner),
            quote(&ownership.group),
            payload.directory_mode.0,
            encode(payload.content.as_bytes())
        );
    }
    body
}

/// Files that no kubelet watches, then what is live. Static-pod manifests come last, in [`change_pods`]: what their flags
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
            Operation::Write { .. } | Operation::Issue { .. } | Operation::SetUnit { .. } => {}
        }
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
    body
}

fn swap_manifests(payloads: &[Payload]) -> Option<String> {
    let (first, others): (Vec<_>, Vec<_>) = payloads
        .iter()
        .filter(|payload| payload.resource.kind == Kind::StaticPod)
        .partition(|payload| payload.path.file_name() == "kube-apiserver.yaml");
    let mut body = String::new();
    for payload in &first {
        let _ = writeln!(body, "swap {}", quote(payload.path.as_str()));
    }
    if !first.is_empty() && !others.is_empty() {
        let _ = writeln!(body, "pause {API_SERVER_LEAD}");
    }
    for payload in &others {
        let _ = writeln!(body, "swap {}", quote(payload.path.as_str()));
    }
    (!body.is_empty()).then_some(body)
}

fn operations(plan: &NodePlan) -> impl Iterator<Item = &Operation> {
    plan.changes.iter().flat_map(|change| &change.operations)
}

fn encode(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
