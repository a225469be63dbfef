//! The fault matrix as data: `tests/faults/cases.toml`. Whoever proves a case takes its outcome from here.

use serde::Deserialize;
use std::collections::BTreeSet;

/// Where a case is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Place {
    /// Imagined nodes whose scripts really run.
    Imagined,
    /// Real hosts, in each run of `tests/run`.
    EveryRun,
    /// Real hosts, with `tests/run --full`.
    Full,
}

/// What is on the node that was in hand, and who brought it there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum End {
    /// The old state: nothing was written.
    Untouched,
    /// The old state, at harden's word.
    PutBack,
    /// The old state, by the node's own timer.
    ByTimer,
    /// The old state, by the node's own unit when it was started again.
    AtStart,
    /// The new state.
    Applied,
}

/// One fault and its outcome.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// As a user would say it.
    pub(crate) fault: String,
    pub(crate) proven: BTreeSet<Place>,
    pub(crate) end: End,
    /// harden's exit code; `None` where harden itself was killed.
    pub(crate) exit: Option<u8>,
    /// Where it is a fault at one script: which, and all the ways in which it comes about.
    pub(crate) cut: Option<Cut>,
}

/// The connection is cut at one script.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cut {
    pub(crate) script: Step,
    pub(crate) how: Vec<How>,
    /// Sections of the script, or lines of it: it comes in front of each of them.
    #[serde(default)]
    pub(crate) at: Vec<String>,
}

/// A script of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Step {
    Change,
    RestartUnits,
    Confirm,
    RollBack,
}

/// What becomes of a script whose connection is cut, and of its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum How {
    /// It is not sent.
    NotSent,
    /// It dies with the connection.
    Killed,
    /// It goes on.
    GoesOn,
    /// harden's deadline comes first, and it goes on.
    Deadline,
    /// It comes to its end, and part of its reply arrives.
    ReplyCut,
    /// It comes to its end, and nothing of its reply arrives.
    ReplyLost,
}

/// Cases under one title.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    pub(crate) title: String,
    #[serde(rename = "case")]
    pub(crate) cases: Vec<Case>,
}

/// The whole matrix, in its order.
pub(crate) fn parts() -> Vec<Part> {
    #[derive(Deserialize)]
    struct Matrix {
        part: Vec<Part>,
    }
    let matrix: Matrix = toml::from_str(include_str!("../faults/cases.toml")).unwrap();
    matrix.part
}

/// The cases that are proven in one of these places.
pub(crate) fn proven(places: &[Place]) -> Vec<Case> {
    let cases = parts().into_iter().flat_map(|part| part.cases);
    cases.filter(|case| places.iter().any(|place| case.proven.contains(place))).collect()
}

/// Every case of these places has a proof, and every proof a case.
pub(crate) fn is_complete<'a>(places: &[Place], proofs: impl Iterator<Item = &'a str>) {
    let cases: Vec<String> = proven(places).into_iter().map(|case| case.name).collect();
    let cases: BTreeSet<&str> = cases.iter().map(String::as_str).collect();
    assert_eq!(cases, proofs.collect(), "the cases of {places:?}, and the tests that prove one");
}
