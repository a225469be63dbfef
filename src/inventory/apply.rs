//! `[apply]`: how many nodes are changed at once, which are drained, and how many transactions they keep. As it stands in the file,
//! as it is once checked, and the way between.

use super::diagnostic::{Problem, Report};
use super::drain::{self, Drain, RawDrain};
use super::raw::{Located, Scalar};
use super::structure::Damage;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use std::borrow::Cow;
use std::str::FromStr;

/// How changes are applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apply {
    /// How many workers may be changed at once.
    pub max_unavailable: MaxUnavailable,
    /// Which nodes are drained before what runs their pods is restarted.
    pub drain: Drain,
    /// How many transactions a node keeps; at least one.
    pub retention: u32,
}

impl Default for Apply {
    fn default() -> Self {
        Self { max_unavailable: MaxUnavailable::default(), drain: Drain::default(), retention: RETENTION }
    }
}

/// How many transactions a node keeps unless the inventory says so.
const RETENTION: u32 = 10;

/// How many workers may be changed at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxUnavailable {
    /// So many.
    Count(usize),
    /// So many in a hundred of all workers, rounded down; at least one.
    Percent(u8),
}

impl Default for MaxUnavailable {
    fn default() -> Self {
        Self::Count(1)
    }
}

impl MaxUnavailable {
    /// The number of workers at once, of so many in all; at least one.
    pub fn of(self, count: usize) -> usize {
        match self {
            Self::Count(count) => count.max(1),
            Self::Percent(percent) => (count * usize::from(percent) / 100).max(1),
        }
    }
}

/// A text does not say how many workers may be changed at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a number from 1 nor a percentage from 1% to 100%")]
pub struct MaxUnavailableError(String);

impl FromStr for MaxUnavailable {
    type Err = MaxUnavailableError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = match text.strip_suffix('%') {
            Some(percent) => {
                percent.parse().ok().filter(|percent| (1..=100).contains(percent)).map(Self::Percent)
            }
            None => text.parse().ok().filter(|count| *count >= 1).map(Self::Count),
        };
        parsed.ok_or_else(|| MaxUnavailableError(text.to_owned()))
    }
}

/// A number, or a text.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(super) struct Amount(Scalar);

impl JsonSchema for Amount {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Amount")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "type": ["integer", "string"],
            "minimum": 1,
            "pattern": "^([1-9][0-9]*|[1-9][0-9]?%|100%)$",
            "examples": [3, "25%"]
        })
    }
}

/// `[apply]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawApply {
    /// How many workers may be changed at once, after the first one: a number, or a percentage of all workers, rounded down
    /// and at least one. Control-plane nodes and etcd members are changed one by one, whatever it says.
    #[schemars(extend("default" = 1))]
    pub(super) max_unavailable: Option<Located<Amount>>,
    /// How many transactions a node keeps, the last one included: so many can be looked at, and taken back by `harden rollback`.
    #[schemars(range(min = 1, max = 1000), extend("default" = RETENTION))]
    pub(super) retention: Option<u32>,
    /// Nodes of which roles are drained before their kubelet or container runtime is restarted.
    pub(super) drain: Option<Located<RawDrain>>,
}

pub(super) fn lower(raw: &RawApply, damage: &Damage, report: &mut Report) -> Apply {
    let max_unavailable = raw.max_unavailable.as_ref().map(|amount| max_unavailable(amount, report));
    let drain = raw.drain.as_ref().map(|drain| drain::lower(drain, damage, report));
    Apply {
        max_unavailable: max_unavailable.unwrap_or_default(),
        drain: drain.unwrap_or_default(),
        retention: raw.retention.unwrap_or(RETENTION),
    }
}

fn max_unavailable(amount: &Located<Amount>, report: &mut Report) -> MaxUnavailable {
    amount.value().0.0.parse().unwrap_or_else(|error: MaxUnavailableError| {
        let problem =
            Problem::new(error.to_string()).help("write a number, or a percentage in quotes: `\"25%\"`");
        report.error(amount.span(), problem);
        MaxUnavailable::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_percentages_are_read() {
        assert_eq!("3".parse(), Ok(MaxUnavailable::Count(3)));
        assert_eq!("25%".parse(), Ok(MaxUnavailable::Percent(25)));
        for bad in ["0", "0%", "101%", "-1", "", "%", "x", "1.5"] {
            assert!(bad.parse::<MaxUnavailable>().is_err(), "{bad}");
        }
    }
}
