//! What a node tells of one of its transactions that is to be taken back: one script that only reads, and a parser of its reply.
//! What follows from it is decided in `plan::undo`.

use super::StatusError;
use super::choice::{PastError, all};
use super::report::NodeState;
use super::transaction::{State, Transaction};
use crate::plan::undo::{Kept, Past, Place, Record, Setting};
use crate::remote::{Reply, Script, quote};
use crate::resource::{Applied, NodePath};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The script that reads a transaction.
pub fn script(id: &str) -> Script {
    let mut head = String::from(concat!(include_str!("places.sh"), include_str!("record.sh")));
    let _ = writeln!(head, "harden_txn=\"$R/var/lib/harden/txn/\"{}", quote(id));
    let file = |name: &str| format!("cat -- \"$harden_txn/{name}\" 2>/dev/null\n:\n");
    let live = |call: &str| format!("[ -n \"$R\" ] || {call}\n:\n");
    Script::new("read a transaction")
        .section("record", format!("{head}{}", file("record.json")))
        .section("applied", file("state-before.json"))
        .section("paths", file("paths"))
        .section("left", file("left"))
        .section("now", "(cd -- \"$R/\" && harden_places \"$harden_txn/paths\")\n:\n")
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

#[cfg(test)]
mod tests {
    use super::*;

    const SUM: &str = "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7";

    #[test]
    fn places_are_told_by_two_programs() {
        let text = format!(
            "at 8180:0:7:root:UNKNOWN:./etc/a:b\nat 41ed:0:0:root:root:./etc\nat 8180:0:0:root:root:./etc/back\\slash\n\
             {SUM}  ./etc/a:b\n\\{SUM}  ./etc/back\\\\slash\n{SUM}  ./nobody/asked\n"
        );
        let found = places(&text);
        let told: Vec<_> = found
            .iter()
            .map(|(path, place)| (path.as_str(), place.mode, place.group_name.as_str(), place.sha256.len()))
            .collect();
        assert_eq!(
            told,
            [
                ("/etc", 0o040_755, "root", 0),
                ("/etc/a:b", 0o100_600, "7", 64),
                ("/etc/back\\slash", 0o100_600, "root", 64)
            ]
        );
        // busybox does not escape.
        let plain = format!("at 8180:0:0:root:root:./a\\b\n{SUM}  ./a\\b\n");
        assert_eq!(places(&plain).values().next().unwrap().sha256, SUM);
    }

    #[test]
    fn what_is_not_the_scripts_is_left_out() {
        for noise in ["", "at", "at ::::::", "at zz:0:0:a:b:./x", "at 81a4:0:0:a:b:x", "x  y", "\u{fffd}\t\t"]
        {
            assert!(places(noise).is_empty() && copies(noise).is_empty(), "{noise}");
            assert!(paths(noise).0.is_empty(), "{noise}");
        }
        let found = settings("net.x\t1\t2\ny\t3\nbad\n", "net.x\t4\t5\n", None);
        assert_eq!(found["net.x"], Setting { before: String::from("1\t2"), now: String::from("4\t5") });
        assert_eq!(found["y"].now, "");
    }
}
