//! What a transaction notes on its node so that it can be taken back once it is confirmed. Pure: it builds a part of the script;
//! what follows from the notes is decided in `plan::undo`.

use super::script::encode;
use crate::plan::undo::Record;
use crate::plan::{NodePlan, sha256};
use crate::remote::quote;

/// What it takes to take this transaction back once it is confirmed.
pub(super) fn remember(plan: &NodePlan) -> String {
    let record = Record::of(plan).to_json();
    let undoes = plan.undoes.as_ref().map(|undoes| {
        format!("printf '%s\\n' {} >\"$T/undoes\" || abandon 70\n", quote(&undoes.transaction))
    });
    format!(
        "remember {} <<'END_OF_RECORD' || abandon 70\n{}\nEND_OF_RECORD\n{}",
        sha256(record.as_bytes()),
        encode(record.as_bytes()),
        undoes.unwrap_or_default()
    )
}
