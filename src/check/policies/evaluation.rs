//! What an evaluation found, and how it is told.

use std::collections::BTreeSet;

/// What an evaluation found.
#[derive(Debug, Default)]
pub(super) struct Evaluation {
    /// What was looked at: "18 pods".
    pub(super) looked_at: String,
    /// What else is worth knowing, one line each.
    pub(super) notes: Vec<String>,
    /// How many of the objects that Kubernetes and kubeadm ship would offend.
    pub(super) shipped: usize,
    /// Everything of the user's that offends.
    pub(super) offenders: BTreeSet<String>,
    /// What was looked for in vain, where that alone is no good sign: "no plugin that …".
    pub(super) missing: Option<&'static str>,
}

impl Evaluation {
    pub(super) fn of(looked_at: String) -> Self {
        Self { looked_at, ..Self::default() }
    }

    /// Whether it could be told and nothing offends.
    pub(super) fn is_clean(&self) -> bool {
        self.missing.is_none() && self.offenders.is_empty()
    }

    pub(super) fn evidence(&self) -> Vec<String> {
        let result = match (self.missing, self.offenders.len()) {
            (Some(missing), 0) => format!("evaluated: {missing}"),
            (_, 0) => String::from("evaluated: no offending object"),
            (_, 1) => String::from("evaluated: 1 offending object"),
            (_, many) => format!("evaluated: {many} offending objects"),
        };
        let mut lines = vec![format!("looked at {}", self.looked_at)];
        lines.extend(self.notes.iter().cloned());
        if self.shipped > 0 {
            lines.push(format!("{} of Kubernetes' own not counted", self.shipped));
        }
        lines.push(result);
        lines
    }

    pub(super) fn into_offenders(self) -> Vec<String> {
        self.offenders.into_iter().collect()
    }
}

/// A number with its noun: "1 pod", "2 pods".
pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
