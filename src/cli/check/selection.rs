//! What to judge by: which benchmark, and which of its controls.

use super::Check;
use super::error::CheckError;
use crate::check::{Benchmark, Control};
use crate::cli::waivers;
use crate::inventory::Minor;
use crate::resource::{ControlId, ControlPattern};
use std::collections::BTreeSet;

/// The benchmark, and those of its controls that are asked for.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    pub(super) benchmark: &'static Benchmark,
    pub(super) controls: BTreeSet<ControlId>,
    /// Whether that is all of them.
    pub(super) is_whole: bool,
}

/// The name of a control of a benchmark.
pub(super) fn id(benchmark: &Benchmark, control: &Control) -> ControlId {
    ControlId { benchmark: benchmark.name.clone(), item: control.item.clone() }
}

/// The names of all controls of a benchmark, in its order.
pub(super) fn ids(benchmark: &Benchmark) -> Vec<ControlId> {
    benchmark.controls().map(|control| id(benchmark, control)).collect()
}

/// The names of all benchmarks.
pub(super) fn names() -> Vec<String> {
    Benchmark::all().iter().map(|benchmark| benchmark.name.clone()).collect()
}

/// The benchmark of that name.
pub(super) fn named(name: &str) -> Result<&'static Benchmark, CheckError> {
    Benchmark::named(name)
        .ok_or_else(|| CheckError::UnknownBenchmark { name: name.to_owned(), known: names() })
}

impl Selection {
    /// What is asked for, of a cluster of that version.
    pub(super) fn of(arguments: &Check, kubernetes: Minor) -> Result<Self, CheckError> {
        let benchmark = match &arguments.benchmark {
            Some(name) => named(name)?,
            None => Benchmark::for_version(kubernetes),
        };
        let present = benchmark.name.clone();
        let known = waivers::controls();
        let mut controls: BTreeSet<ControlId> = ids(benchmark).into_iter().collect();
        if !arguments.controls.is_empty() {
            controls = ControlPattern::select(&arguments.controls, &present, &known)?;
        }
        for pattern in &arguments.controls {
            if let Some(other) = pattern.benchmark().filter(|other| *other != present) {
                let (pattern, other) = (pattern.to_string(), other.to_owned());
                return Err(CheckError::OtherBenchmark { pattern, other, present });
            }
        }
        if let Some(section) = &arguments.section {
            controls = in_section(&controls, section, benchmark)?;
        }
        let is_whole = arguments.controls.is_empty() && arguments.section.is_none();
        Ok(Self { benchmark, controls, is_whole })
    }

    /// Whether the objects of the cluster are asked for. Sections 1 to 4 of the CIS benchmarks are about nodes and about
    /// kubeadm's records; reading every pod of a large cluster for them would be a waste.
    pub(super) fn wants_objects(&self) -> bool {
        self.controls.iter().any(|control| !control.item.starts_with(['1', '2', '3', '4']))
    }
}

fn in_section(
    controls: &BTreeSet<ControlId>,
    section: &str,
    benchmark: &Benchmark,
) -> Result<BTreeSet<ControlId>, CheckError> {
    let inside = |control: &ControlId| {
        control.section() == section
            || control.item.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'))
    };
    let all = ids(benchmark);
    if !all.iter().any(inside) {
        let mut known: Vec<String> = all.iter().map(|control| control.section().to_owned()).collect();
        known.dedup();
        let benchmark = benchmark.name.clone();
        return Err(CheckError::UnknownSection { benchmark, section: section.to_owned(), known });
    }
    let left: BTreeSet<ControlId> = controls.iter().filter(|control| inside(control)).cloned().collect();
    if left.is_empty() {
        return Err(CheckError::Nothing { section: section.to_owned() });
    }
    Ok(left)
}
