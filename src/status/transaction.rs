//! One transaction as its directory on the node tells it: plain data, and what follows from it.

use super::process::ProcessIdentity;
use serde::Serialize;
use std::collections::BTreeMap;

/// One transaction on one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transaction {
    /// Its name, which begins with the time.
    pub id: String,
    /// When it began, seconds since 1970 by the clock of who began it; `None` where the name does not say.
    pub began: Option<i64>,
    /// Who began it, `user@host (pid 4711, started 2026-11-24T08:45:00Z)`.
    pub owner: String,
    /// The process that began it; `None` where it is not told, as by older versions.
    #[serde(skip)]
    pub process: Option<ProcessIdentity>,
    /// How far it has come.
    pub state: State,
    /// Who put the old state back, or tried to last.
    pub ended_by: Option<Ender>,
    /// When that was, seconds since 1970 on the node's clock.
    pub ended: Option<i64>,
    /// When the node puts its old state back by itself, seconds since 1970 on its clock; `None` where it is not armed.
    pub deadline: Option<i64>,
    /// Whether a process on the node works on it; told of the one that holds the lock only.
    pub running: bool,
    /// What could not be put back, a text each.
    pub problems: Vec<String>,
    /// The paths that it changed, or was to change, by name.
    pub paths: Vec<ChangedPath>,
    /// The systemd units that it restarted, or was to restart.
    pub units: Vec<String>,
    /// The transaction that it takes back, where it is a rollback.
    pub undoes: Option<String>,
}

/// How far a transaction has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It has changed nothing yet.
    Prepared,
    /// It changes the node, or has, and is not confirmed.
    Pending,
    /// The old state is being put back.
    PuttingBack,
    /// The old state is back.
    PutBack,
    /// Not all of the old state could be put back.
    Failed,
    /// The new state is confirmed.
    Committed,
}

/// Who put an old state back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ender {
    /// The apply itself, or whoever ran `rollback.sh` by hand.
    Harden,
    /// `harden unlock`.
    Unlock,
    /// The node's own timer.
    Timer,
    /// The node when it started.
    Start,
}

/// A path that a transaction changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedPath {
    /// The path.
    pub path: String,
    /// What was to become of it.
    pub change: PathChange,
}

/// What became of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathChange {
    /// Only its owner, group or mode.
    Attributes,
    /// It was there, and was replaced or removed.
    Replaced,
    /// It was not there.
    Added,
}

impl Transaction {
    /// Who began it, without the process: `user@host`.
    pub fn by(&self) -> &str {
        self.owner.split(" (").next().unwrap_or_default()
    }

    /// Whether its apply may still be at work, here or where it was begun, at a time of the node's clock. Where no deadline is
    /// known only its owner can tell.
    pub fn may_still_run(&self, clock: i64) -> bool {
        let waits = matches!(self.state, State::Prepared | State::Pending);
        self.running || (waits && self.deadline.is_none_or(|deadline| clock < deadline))
    }

    /// A transaction of that name of which nothing else is known yet.
    pub(super) fn named(id: &str) -> Self {
        Self {
            began: id.split('-').next().and_then(|seconds| seconds.parse().ok()),
            id: id.to_owned(),
            owner: String::new(),
            process: None,
            state: State::Prepared,
            ended_by: None,
            ended: None,
            deadline: None,
            running: false,
            problems: Vec::new(),
            paths: Vec::new(),
            units: Vec::new(),
            undoes: None,
        }
    }

    /// Takes in what rollbacks wrote, the last of them last. Each says what it could not do and then who it was; one that was
    /// killed does not come to that.
    pub(super) fn take_result(&mut self, lines: &[String]) {
        let ends: Vec<usize> = (0..lines.len()).filter(|index| end(&lines[*index]).is_some()).collect();
        let behind = |index: Option<&usize>| index.map_or(0, |index| index + 1);
        let from = match self.state {
            State::Failed => behind(ends.len().checked_sub(2).and_then(|index| ends.get(index))),
            _ => behind(ends.last()),
        };
        if matches!(self.state, State::PutBack | State::Failed)
            && let Some((by, at)) = ends.last().and_then(|index| end(&lines[*index]))
        {
            (self.ended_by, self.ended) = (Some(by), Some(at));
        }
        self.problems = lines[from..].iter().filter(|line| end(line).is_none()).cloned().collect();
    }

    /// Takes in the list of what it keeps of each path, a line each: what, how and where, between tabs. Directories that were
    /// made on the way to a file are left out.
    pub(super) fn take_paths(&mut self, lines: &[String]) {
        let mut paths: BTreeMap<&str, PathChange> = BTreeMap::new();
        for line in lines {
            let mut fields = line.splitn(3, '\t');
            let (kind, path) = (fields.next(), fields.nth(1));
            let (Some(kind), Some(path)) = (kind, path) else { continue };
            let change = match kind {
                "none" => PathChange::Added,
                "file" | "private" => PathChange::Replaced,
                "attributes" => PathChange::Attributes,
                _ => continue,
            };
            let known = paths.entry(path).or_insert(change);
            *known = (*known).max(change);
        }
        self.paths =
            paths.into_iter().map(|(path, change)| ChangedPath { path: path.to_owned(), change }).collect();
    }
}

/// The last line of a rollback: in which way it was run, and when it ended.
fn end(line: &str) -> Option<(Ender, i64)> {
    let (mode, at) = line.split_once(' ')?;
    let by = match mode {
        "asked" => Ender::Harden,
        "unlock" => Ender::Unlock,
        "alone" => Ender::Timer,
        "boot" => Ender::Start,
        _ => return None,
    };
    Some((by, at.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[&str]) -> Vec<String> {
        text.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn the_last_rollback_counts_and_says_what_it_could_not_do() {
        let told =
            ["restoring /a failed", "verifying /a failed", "alone 100", "verifying /a failed", "asked 200"];
        for (state, lines, ended_by, ended, problems) in [
            (State::Failed, &told[..3], Some(Ender::Timer), Some(100), &told[..2]),
            (State::Failed, &told[..], Some(Ender::Harden), Some(200), &told[3..4]),
            (State::PutBack, &[&told[..], &["unlock 300"]].concat(), Some(Ender::Unlock), Some(300), &[]),
            (
                State::PutBack,
                &["boot 7", "removing /l failed"],
                Some(Ender::Start),
                Some(7),
                &["removing /l failed"],
            ),
            (State::PutBack, &[], None, None, &[]),
            (State::PuttingBack, &told[..4], None, None, &told[3..4]),
            (State::Committed, &["recording in /s failed"], None, None, &["recording in /s failed"]),
        ] {
            let mut found = Transaction { state, ..Transaction::named("t1") };
            let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            found.take_result(&lines);
            assert_eq!((found.ended_by, found.ended), (ended_by, ended), "{lines:?}");
            assert_eq!(found.problems, problems, "{lines:?}");
        }
    }

    #[test]
    fn a_path_counts_once_and_a_directory_on_the_way_does_not() {
        let mut found = Transaction::named("t1");
        found.take_paths(&lines(&[
            "attributes\t640:0:0\t/b",
            "file\t1\t/b",
            "none\t-\t/c",
            "dir\t-\t/d",
            "private\t2\t/a b",
            "attributes\t640:0:0\t/e",
            "noise",
        ]));
        let found: Vec<_> = found.paths.iter().map(|path| (path.path.as_str(), path.change)).collect();
        assert_eq!(
            found,
            [
                ("/a b", PathChange::Replaced),
                ("/b", PathChange::Replaced),
                ("/c", PathChange::Added),
                ("/e", PathChange::Attributes)
            ]
        );
    }

    #[test]
    fn what_may_still_run() {
        for (state, running, deadline, expected) in [
            (State::Pending, false, Some(99), false),
            (State::Pending, false, Some(101), true),
            (State::Pending, false, None, true),
            (State::Prepared, false, None, true),
            (State::Failed, false, Some(101), false),
            (State::PuttingBack, true, Some(99), true),
            (State::Committed, false, None, false),
        ] {
            let found = Transaction { state, deadline, running, ..Transaction::named("t1") };
            assert_eq!(found.may_still_run(100), expected, "{found:?}");
        }
    }

    #[test]
    fn names_tell_when_and_owners_tell_who() {
        let mut found = Transaction::named("1764000000-0badcafe");
        found.owner = String::from("ops@bastion (pid 4711, started 2025-11-24T16:00:00Z)");
        assert_eq!((found.began, found.by()), (Some(1_764_000_000), "ops@bastion"));
        assert_eq!(Transaction::named("t1").began, None);
    }
}
