//! Prometheus' text format: series by metric and labels, each once, written and read back.
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

use crate::ui::line;
use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

/// The labels of a series, escaped: `cluster="prod",host="cp-1"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Labels(String);

impl Labels {
    /// One label.
    pub(super) fn of(name: &str, value: &str) -> Self {
        Self(label(name, value))
    }

    /// And another one.
    pub(super) fn and(self, name: &str, value: &str) -> Self {
        Self(format!("{},{}", self.0, label(name, value)))
    }

    /// Whether these are the others, or the others and more.
    pub(super) fn begin_with(&self, others: &Self) -> bool {
        self.0.strip_prefix(&others.0).is_some_and(|rest| rest.is_empty() || rest.starts_with(','))
    }
}

fn label(name: &str, value: &str) -> String {
    // Control characters are written out before, so that no newline is left.
    let value = line(value).replace('\\', r"\\").replace('"', "\\\"");
    format!("{name}=\"{value}\"")
}

/// Series with their values, by the metric's name.
#[derive(Debug, Default)]
pub(super) struct Exposition(BTreeMap<&'static str, BTreeMap<Labels, String>>);

impl Exposition {
    /// Reads what [`Exposition::write`] wrote of these metrics. Whatever else stands there is passed over.
    pub(super) fn read(text: &str, families: &[(&'static str, &'static str)]) -> Self {
        let mut read = Self::default();
        for line in text.lines() {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let Some((name, labels)) = series.strip_suffix('}').and_then(|it| it.split_once('{')) else {
                continue;
            };
            let Some((name, _)) = families.iter().find(|(known, _)| *known == name) else { continue };
            if value.parse::<f64>().is_ok_and(f64::is_finite) {
                read.set(name, Labels(labels.to_owned()), value);
            }
        }
        read
    }

    /// Sets a value.
    pub(super) fn set(&mut self, name: &'static str, labels: Labels, value: impl Display) {
        self.0.entry(name).or_default().insert(labels, value.to_string());
    }

    /// Takes values over from another one.
    pub(super) fn copy(&mut self, from: &Self, name: &'static str, wanted: impl Fn(&Labels) -> bool) {
        for (labels, value) in from.0.get(name).into_iter().flatten().filter(|(labels, _)| wanted(labels)) {
            self.set(name, labels.clone(), value);
        }
    }

    /// Removes the series of a metric that have these labels.
    pub(super) fn remove(&mut self, name: &str, labels: &Labels) {
        if let Some(series) = self.0.get_mut(name) {
            series.retain(|other, _| !other.begin_with(labels));
        }
    }

    /// The labels of the series of a metric.
    pub(super) fn labels(&self, name: &str) -> Vec<Labels> {
        self.0.get(name).into_iter().flatten().map(|(labels, _)| labels.clone()).collect()
    }

    /// The text: metrics in the given order, those without a series left out.
    pub(super) fn write(&self, families: &[(&str, &str)]) -> String {
        let mut text = String::new();
        for (name, help) in families {
            let Some(series) = self.0.get(name).filter(|series| !series.is_empty()) else { continue };
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
            for (Labels(labels), value) in series {
                let _ = writeln!(text, "{name}{{{labels}}} {value}");
            }
        }
        text
    }
}
