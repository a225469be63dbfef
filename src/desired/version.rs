//! Ranges of Kubernetes versions, as front matter and flag lists write them: `>=1.34`, `>=1.32, <1.36`.

use crate::inventory::Minor;
use serde::Deserialize;
use std::str::FromStr;

/// A range of minor versions; all of its bounds must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct VersionRange(Vec<(Bound, u32)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    AtLeast,
    AtMost,
    Above,
    Below,
    Is,
}

/// Longer signs first: `>` is the beginning of `>=`.
const SIGNS: [(&str, Bound); 5] = [
    (">=", Bound::AtLeast),
    ("<=", Bound::AtMost),
    (">", Bound::Above),
    ("<", Bound::Below),
    ("=", Bound::Is),
];

impl VersionRange {
    /// Whether a version is in it.
    pub(super) fn contains(&self, minor: Minor) -> bool {
        self.0.iter().all(|(bound, limit)| match bound {
            Bound::AtLeast => minor.0 >= *limit,
            Bound::AtMost => minor.0 <= *limit,
            Bound::Above => minor.0 > *limit,
            Bound::Below => minor.0 < *limit,
            Bound::Is => minor.0 == *limit,
        })
    }
}

/// A text is not a range of versions.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a range of Kubernetes versions; it looks like `>=1.34` or `>=1.32, <1.36`")]
pub(super) struct VersionRangeError(String);

impl FromStr for VersionRange {
    type Err = VersionRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || VersionRangeError(text.to_owned());
        text.split(',')
            .map(|part| {
                let part = part.trim();
                let (sign, bound) =
                    SIGNS.iter().find(|(sign, _)| part.starts_with(sign)).ok_or_else(error)?;
                let minor = part[sign.len()..].trim().strip_prefix("1.").ok_or_else(error)?;
                Ok((*bound, minor.parse().map_err(|_| error())?))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl TryFrom<String> for VersionRange {
    type Error = VersionRangeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_together() {
        let range: VersionRange = ">=1.34, <1.36".parse().unwrap();
        let inside: Vec<u32> = (32..38).filter(|minor| range.contains(Minor(*minor))).collect();
        assert_eq!(inside, [34, 35]);
        assert!("=1.35".parse::<VersionRange>().unwrap().contains(Minor(35)));
        assert!(!">1.35".parse::<VersionRange>().unwrap().contains(Minor(35)));
        for bad in ["", "1.34", ">=34", ">= 1.x", ">=1.34,"] {
            assert!(bad.parse::<VersionRange>().is_err(), "{bad}");
        }
        assert!(VersionRange::default().contains(Minor(99)));
    }
}
