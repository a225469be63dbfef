//! From the reply of the probe to a [`NodeState`]: a pure function on bytes that come from a machine which may be broken or
//! hostile. It never panics.

use super::StatusError;
use super::report::{Lock, NodeState, Recorded};
use super::transaction::{State, Transaction};
use crate::remote::Reply;
use crate::resource::Applied;

/// What the probe found.
pub fn parse(reply: &Reply) -> Result<NodeState, StatusError> {
    if reply.code != 0 {
        return Err(StatusError::Failed { code: reply.code, message: reply.last_words() });
    }
    let mut reading = Reading::default();
    let text = reply.section("transactions").text();
    for (index, line) in text.lines().enumerate() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if word == "closed" {
            return Err(StatusError::Closed { path: rest.to_owned() });
        }
        if reading.take(word, rest).is_none() {
            return Err(StatusError::Malformed { line: index + 1, found: line.chars().take(80).collect() });
        }
    }
    reading.close();
    // Nothing is decided by the record: one that is not readable is as good as none.
    let recorded = serde_json::from_slice::<Applied>(&reply.section("state").output).ok();
    let applied = recorded.filter(|applied| !applied.transaction.is_empty()).map(|applied| Recorded {
        transaction: applied.transaction,
        by: applied.by,
        at: applied.at,
    });
    Ok(NodeState { applied, ..reading.state() })
}

#[derive(Default)]
struct Reading {
    clock: i64,
    lock: Option<Lock>,
    /// Those that are read, in the order of the reply.
    transactions: Vec<Transaction>,
    open: Option<Transaction>,
    paths: Vec<String>,
    result: Vec<String>,
}

impl Reading {
    /// Takes in one line; `None` where it is not as the probe writes it.
    fn take(&mut self, word: &str, rest: &str) -> Option<()> {
        match word {
            "clock" => self.clock = rest.parse().ok()?,
            "lock" => {
                self.lock = Some(Lock { target: Some(rest.to_owned()), since: None, has_transaction: false });
            }
            // It may have gone while it was looked at.
            "since" => self.lock.as_mut()?.since = rest.parse().ok(),
            "obstacle" => self.lock = Some(Lock { target: None, since: None, has_transaction: false }),
            "transaction" => {
                self.close();
                self.open = Some(Transaction::named(rest));
            }
            "paths" => self.paths.push(rest.to_owned()),
            "result" => self.result.push(rest.to_owned()),
            _ => self.take_of_transaction(word, rest)?,
        }
        Some(())
    }

    fn take_of_transaction(&mut self, word: &str, rest: &str) -> Option<()> {
        let open = self.open.as_mut()?;
        match word {
            "marker" => {
                open.state = match rest {
                    "pending" => State::Pending,
                    "reverting" => State::PuttingBack,
                    "reverted" => State::PutBack,
                    "failed" => State::Failed,
                    "committed" => State::Committed,
                    _ => return None,
                };
            }
            "owner" => rest.clone_into(&mut open.owner),
            "process" => open.process = rest.parse().ok(),
            // On a full disk it is empty, and then it was not armed.
            "deadline" => open.deadline = rest.parse().ok(),
            "undoes" => open.undoes = Some(rest.to_owned()),
            "units" => open.units.push(rest.to_owned()),
            "worker" => open.running = true,
            _ => return None,
        }
        Some(())
    }

    /// Brings the open transaction to its end.
    fn close(&mut self) {
        let (paths, result) = (std::mem::take(&mut self.paths), std::mem::take(&mut self.result));
        if let Some(mut open) = self.open.take() {
            open.take_paths(&paths);
            open.take_result(&result);
            self.transactions.push(open);
        }
    }

    fn state(mut self) -> NodeState {
        // The names begin with the time.
        self.transactions.sort_by(|one, other| other.id.cmp(&one.id));
        let target = self.lock.as_ref().and_then(|lock| lock.target.as_deref()?.strip_prefix("txn/"));
        let holder = self.transactions.iter().position(|found| Some(found.id.as_str()) == target);
        let mut history = self.transactions;
        let last = (!history.is_empty()).then(|| history.remove(holder.unwrap_or(0)));
        let lock = self.lock.map(|lock| Lock { has_transaction: holder.is_some(), ..lock });
        NodeState { clock: self.clock, lock, last, history, applied: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::fake::reply;

    #[test]
    fn a_reply_that_is_not_the_probes_is_an_error() {
        for (text, expected) in [
            ("clock x\n", "line 1 of the reply is \"clock x\""),
            ("clock 1\nowner me\n", "line 2 of the reply is \"owner me\""),
            ("clock 1\nsince 1\n", "line 2 of the reply is \"since 1\""),
            ("transaction t1\nmarker x\n", "line 2 of the reply is \"marker x\""),
            ("closed /var/lib/harden\n", "look into /var/lib/harden on the node: permission denied"),
        ] {
            let error = parse(&reply([("transactions", text)])).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
        let cut = Reply { code: 127, ..Reply::default() };
        assert!(parse(&cut).unwrap_err().to_string().contains("exit code 127"));
    }

    #[test]
    fn a_record_that_is_not_readable_is_none() {
        for state in ["", "{\"x\": 1}", "[]", "{"] {
            let found = parse(&reply([("transactions", "clock 1\n"), ("state", state)])).unwrap();
            assert_eq!(found, NodeState { clock: 1, ..NodeState::default() });
        }
    }
}
