//! What a value must be, with the meaning that kube-bench gives each comparison (its `check/test.go`).

use serde::Deserialize;
use std::fmt;

/// What a value must be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Demand {
    /// Set, to whatever.
    #[default]
    Present,
    /// Not set.
    Absent,
    /// Exactly this; true and false in any case of letters.
    Is(String),
    /// Anything but this; true and false in any case of letters.
    IsNot(String),
    /// A whole number, and not smaller.
    AtLeast(i64),
    /// A text with this in it.
    Has(String),
    /// A text without this in it.
    Lacks(String),
    /// A list, separated by commas and not empty, of nothing but these.
    Among(Vec<String>),
}

impl Demand {
    /// Whether a value that is set is what it must be.
    pub(super) fn holds(&self, value: &str) -> bool {
        match self {
            Self::Present => true,
            Self::Absent => false,
            Self::Is(wanted) => same(value, wanted),
            Self::IsNot(unwanted) => !same(value, unwanted),
            Self::AtLeast(least) => value.trim().parse::<i64>().is_ok_and(|number| number >= *least),
            Self::Has(part) => value.contains(part.as_str()),
            Self::Lacks(part) => !value.contains(part.as_str()),
            Self::Among(elements) => {
                let value = value.trim().trim_end_matches(',');
                !value.is_empty()
                    && value.split(',').all(|part| elements.iter().any(|element| element == part.trim()))
            }
        }
    }
}

fn same(value: &str, wanted: &str) -> bool {
    let lower = value.to_lowercase();
    if matches!(lower.as_str(), "true" | "false") { lower == wanted } else { value == wanted }
}

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present => f.write_str("is set"),
            Self::Absent => f.write_str("is not set"),
            Self::Is(value) => write!(f, "is {value}"),
            Self::IsNot(value) => write!(f, "is not {value}"),
            Self::AtLeast(least) => write!(f, "is {least} or more"),
            Self::Has(part) => write!(f, "holds {part}"),
            Self::Lacks(part) => write!(f, "does not hold {part}"),
            Self::Among(elements) => write!(f, "holds nothing but {}", elements.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_are_kube_benchs() {
        let is = |value: &str| Demand::Is(value.to_owned());
        assert!(is("false").holds("False") && !is("false").holds("0") && is("0").holds("0"));
        assert!(!Demand::IsNot(String::from("0")).holds("0"));
        assert!(Demand::IsNot(String::from("0")).holds("0s"));
        assert!(Demand::AtLeast(30).holds("30") && !Demand::AtLeast(30).holds("29"));
        assert!(!Demand::AtLeast(0).holds("many"));
        assert!(Demand::Lacks(String::from("AlwaysAdmit")).holds("NodeRestriction"));
        assert!(!Demand::Absent.holds("") && Demand::Present.holds(""));
    }

    #[test]
    fn a_list_is_a_subset_and_not_empty() {
        let among = Demand::Among(vec![String::from("A"), String::from("B")]);
        assert!(among.holds("A") && among.holds("B,A") && among.holds(" A , B,"));
        assert!(!among.holds("") && !among.holds(",") && !among.holds("A,C"));
    }
}
