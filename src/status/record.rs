//! What a node tells of one of its transactions that is to be taken back: one script that only reads, and a parser of its reply.
//! What follows from it is decided in `plan::undo`.

use super::StatusError;
use super::report::NodeState;
use super::transaction::{State, Transaction};
use crate::error::Hint;
use crate::plan::undo::{Kept, Past, Place, Record, RecordError, Setting};
use crate::remote::{Reply, Script, quote};
use crate::resource::{Applied, NodePath};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Why a transaction cannot be taken back, before it is looked at what it did.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    /// The node has its lock taken.
    #[error("the node is locked by {owner}")]
    Locked {
        /// Who, or what.
        owner: String,
    },
    /// There is none of that name, or none that is confirmed.
    #[error("{}; {}", match id {
        Some(id) => format!("it knows no transaction {id}"),
        None => String::from("it knows no transaction that is confirmed"),
    }, listed(known))]
    Unknown {
        /// The name that was asked for.
        id: Option<String>,
        /// The transactions that there are, a text each.
        known: Vec<String>,
    },
    /// It was not confirmed: its new state is not there.
    #[error("transaction {id} is not confirmed: {state}")]
    NotCommitted {
        /// Which.
        id: String,
        /// How it stands.
        state: &'static str,
    },
    /// It noted nothing.
    #[error("transaction {id} was made by an older harden, which did not note what it takes to take it back")]
    NoRecord {
        /// Which.
        id: String,
    },
    /// What it noted cannot be read.
    #[error("read what transaction {id} noted")]
    Record {
        /// Which.
        id: String,
        /// Why.
        source: RecordError,
    },
    /// The reply is not the script's.
    #[error("read transaction {id}")]
    Status {
        /// Which.
        id: String,
        /// Why.
        source: Box<StatusError>,
    },
}

impl Hint for PastError {
    fn hint(&self) -> Option<String> {
        Some(String::from(match self {
            Self::Locked { .. } => {
                "wait for its apply to end; where that is dead, `harden unlock` breaks the lock"
            }
            Self::Unknown { .. } => {
                "`harden status -v` names the transactions of a node; the oldest are forgotten, see `retention` under `[apply]`"
            }
            Self::NotCommitted { .. } => "its new state is not there, so there is nothing to put back",
            Self::NoRecord { .. } | Self::Record { .. } => {
                "change the inventory to what you want back, and apply"
            }
            Self::Status { source, .. } => return source.hint(),
        }))
    }
}

fn listed(known: &[String]) -> String {
    match known {
        [] => String::from("there is none at all"),
        known => format!("there are:\n{}", known.join("\n")),
    }
}

/// The transaction to take back: that of this name, otherwise the last that is confirmed.
pub fn choose<'a>(state: &'a NodeState, id: Option<&str>) -> Result<&'a Transaction, PastError> {
    if state.lock.is_some() {
        let owner = state.holder().map(|holder| holder.owner.clone()).filter(|owner| !owner.is_empty());
        let owner = owner.unwrap_or_else(|| String::from("something that is gone"));
        return Err(PastError::Locked { owner });
    }
    let mut all = all(state);
    let found = match id {
        Some(id) => all.find(|transaction| transaction.id == id),
        None => all.find(|transaction| transaction.state == State::Committed),
    };
    let Some(found) = found else {
        let known = self::all(state).map(told).collect();
        return Err(PastError::Unknown { id: id.map(str::to_owned), known });
    };
    match found.state {
        State::Committed => Ok(found),
        other => Err(PastError::NotCommitted { id: found.id.clone(), state: word(other) }),
    }
}

/// The newest first.
fn all(state: &NodeState) -> impl Iterator<Item = &Transaction> {
    state.last.iter().chain(&state.history)
}

fn told(transaction: &Transaction) -> String {
    let Transaction { id, state, undoes, .. } = transaction;
    let undoes = undoes.as_ref().map(|other| format!(", took back {other}")).unwrap_or_default();
    format!("  {id} by {}, {}{undoes}", transaction.by(), word(*state))
}

fn word(state: State) -> &'static str {
    match state {
        State::Prepared => "it never changed anything",
        State::Pending => "it is not at its end",
        State::PuttingBack => "its old state is being put back",
        State::PutBack => "its old state was put back",
        State::Failed => "its old state could not be put back",
        State::Committed => "confirmed",
    }
}

/// The script that reads a transaction.
pub fn script(id: &str) -> Script {
    let mut head = String::from(include_str!("record.sh"));
    let _ = writeln!(head, "harden_txn=\"$R/var/lib/harden/txn/\"{}", quote(id));
    let file = |name: &str| format!("cat -- \"$harden_txn/{name}\" 2>/dev/null\n:\n");
    let live = |call: &str| format!("[ -n \"$R\" ] || {call}\n:\n");
    Script::new("read a transaction")
        .section("record", format!("{head}{}", file("record.json")))
        .section("applied", file("state-before.json"))
        .section("paths", file("paths"))
        .section("left", file("left"))
        .section("now", "(cd -- \"$R/\" && harden_places)\n:\n")
        .section("copies", "(cd -- \"$harden_txn/files\" && harden_copies)\n:\n")
        .section("sysctls-before", file("sysctls"))
        .section("sysctls", live("harden_sysctls"))
        .section("units-before", file("unit-states"))
        .section("units", live("harden_units"))
}

/// What the node tells of a transaction. `state` is what is known of all of them.
pub fn past(
    reply: &Reply,
    transaction: &Transaction,
    state: &NodeState,
    live: bool,
) -> Result<Past, PastError> {
    let id = transaction.id.clone();
    if reply.code != 0 {
        let source = StatusError::Failed { code: reply.code, message: reply.last_words() };
        return Err(PastError::Status { id, source: Box::new(source) });
    }
    let record = reply.section("record").output;
    if record.is_empty() {
        return Err(PastError::NoRecord { id });
    }
    let record = Record::from_json(&record).map_err(|source| PastError::Record { id: id.clone(), source })?;
    // Without it no resource had been applied before, as far as anybody knows.
    let applied: Applied = serde_json::from_slice(&reply.section("applied").output).unwrap_or_default();
    let text = |name: &str| reply.section(name).text();
    let (kept, made) = paths(&text("paths"));
    let settings = |before: &str, now: &str, field: Option<usize>| settings(&text(before), &text(now), field);
    Ok(Past {
        record,
        applied,
        kept,
        made,
        copies: copies(&text("copies")),
        left: places(&text("left")),
        now: places(&text("now")),
        sysctls: settings("sysctls-before", "sysctls", None),
        enabled: settings("units-before", "units", Some(0)),
        active: settings("units-before", "units", Some(1)),
        later: later(state, &id),
        live,
        transaction: id,
    })
}

/// What is kept of each path, and the directories that were made.
fn paths(text: &str) -> (BTreeMap<NodePath, Kept>, Vec<NodePath>) {
    let (mut kept, mut made) = (BTreeMap::new(), Vec::new());
    for line in text.lines() {
        let mut fields = line.splitn(3, '\t');
        let (Some(kind), Some(how), Some(path)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let Ok(path) = path.parse::<NodePath>() else { continue };
        let found = match (kind, how.parse()) {
            ("file", Ok(number)) => Kept::Copy(number),
            ("private", _) => Kept::Private,
            ("none", _) => Kept::Absent,
            ("attributes", _) => Kept::Attributes,
            ("dir", _) => {
                made.push(path);
                continue;
            }
            _ => continue,
        };
        let known = kept.entry(path).or_insert(found);
        *known = (*known).max(found);
    }
    (kept, made)
}

/// What is at each path, told by `stat` and by `sha256sum`, whose names begin with a dot.
fn places(text: &str) -> BTreeMap<NodePath, Place> {
    let mut places = BTreeMap::new();
    let mut sums = Vec::new();
    for line in text.lines() {
        let Some(rest) = line.strip_prefix("at ") else {
            sums.extend(sum(line));
            continue;
        };
        let fields: Vec<&str> = rest.splitn(6, ':').collect();
        let [mode, user, group, user_name, group_name, name] = fields.as_slice() else { continue };
        let path = name.strip_prefix('.').and_then(|path| path.parse().ok());
        let (Some(path), Ok(mode)) = (path, u32::from_str_radix(mode, 16)) else { continue };
        let named = |name: &str, number: &str| {
            let is_name = !matches!(name, "" | "UNKNOWN" | "?");
            if is_name { name.to_owned() } else { number.to_owned() }
        };
        let place = Place {
            mode,
            user: (*user).to_owned(),
            group: (*group).to_owned(),
            user_name: named(user_name, user),
            group_name: named(group_name, group),
            sha256: String::new(),
        };
        places.insert(path, place);
    }
    for (sum, name) in sums {
        let path = name.strip_prefix('.').and_then(|path| path.parse::<NodePath>().ok());
        if let Some(place) = path.and_then(|path| places.get_mut(&path)) {
            place.sha256 = sum;
        }
    }
    places
}

/// A line of `sha256sum`: the digest and the name. One with a backslash is escaped, which a backslash in front of the line tells;
/// busybox does not.
fn sum(line: &str) -> Option<(String, String)> {
    let (escaped, line) = match line.strip_prefix('\\') {
        Some(line) => (true, line),
        None => (false, line),
    };
    let (sum, name) = line.split_once("  ")?;
    let is_sum = sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
    let name = if escaped { name.replace("\\\\", "\\") } else { name.to_owned() };
    is_sum.then(|| (sum.to_owned(), name))
}

fn copies(text: &str) -> BTreeMap<u32, String> {
    let numbered = |line| {
        let (sum, name) = sum(line)?;
        Some((name.parse().ok()?, sum))
    };
    text.lines().filter_map(numbered).collect()
}

/// Values by name, before and now: everything behind the name, or one field of it.
fn settings(before: &str, now: &str, field: Option<usize>) -> BTreeMap<String, Setting> {
    let of = |text: &str| -> BTreeMap<String, String> {
        let line = |line: &str| {
            let (name, rest) = line.split_once('\t')?;
            let value = match field {
                Some(field) => rest.split('\t').nth(field)?,
                None => rest,
            };
            Some((name.to_owned(), value.to_owned()))
        };
        text.lines().filter_map(line).collect()
    };
    let now = of(now);
    let setting = |(name, before): (String, String)| {
        let now = now.get(&name).cloned().unwrap_or_default();
        (name, Setting { before, now })
    };
    of(before).into_iter().map(setting).collect()
}

/// For each path the latest of the confirmed transactions that came after one.
fn later(state: &NodeState, id: &str) -> BTreeMap<NodePath, String> {
    let mut latest = BTreeMap::new();
    let after = |transaction: &&Transaction| transaction.id.as_str() > id;
    for transaction in all(state).filter(after).filter(|other| other.state == State::Committed) {
        for changed in &transaction.paths {
            if let Ok(path) = changed.path.parse() {
                latest.entry(path).or_insert_with(|| transaction.id.clone());
            }
        }
    }
    latest
}
