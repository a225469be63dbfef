//! The inventory's switches: which controls `harden apply` leaves alone, and what a report says of them. A control that is
//! switched off is as open as before: a waiver accepts it.

use super::control::Test;
use super::waivers::unknown_control;
use super::{Benchmark, Report};
use crate::inventory::{Diagnostic, Switch, glob};
use crate::resource::ControlId;
use std::collections::{BTreeMap, BTreeSet};

/// An error at the place of each switch that is about none of the known controls.
pub fn unknown_switches(switches: &[Switch], known: &[ControlId]) -> Vec<Diagnostic> {
    switches.iter().filter_map(|switch| unknown_control(&switch.control, &switch.place, known)).collect()
}

/// The controls that are switched off, each with the reason. One that is switched on by another switch stays on, whatever a
/// pattern says.
pub fn switched_off<'a>(switches: &'a [Switch], known: &[ControlId]) -> BTreeMap<ControlId, &'a str> {
    let named = |control: &ControlId, apply: bool| {
        let name = control.to_string();
        switches
            .iter()
            .filter(move |switch| switch.apply == apply)
            .find(move |switch| glob(&switch.control, &name))
    };
    let off = known.iter().filter(|control| named(control, true).is_none());
    off.filter_map(|control| Some((control.clone(), named(control, false)?.reason.as_str()))).collect()
}

/// Says of each finding whose control is switched off that it is, and why.
pub fn apply_switches(report: &mut Report, switches: &[Switch], known: &[ControlId]) {
    let off = switched_off(switches, known);
    for finding in &mut report.findings {
        let reasons: BTreeSet<&str> =
            same_demands(&finding.control).iter().filter_map(|control| off.get(control)).copied().collect();
        let line = |reason: &str| {
            format!("switched off under [controls], so `harden apply` leaves it alone: {reason}")
        };
        finding.evidence.extend(reasons.into_iter().map(line));
    }
}

/// The names under which a template may claim a control, its own among them: benchmarks share items, and templates name one
/// of them.
pub fn same_demands(control: &ControlId) -> Vec<ControlId> {
    let mut items = BTreeSet::from([control.item.as_str()]);
    let own = Benchmark::named(&control.benchmark).and_then(|benchmark| benchmark.control(&control.item));
    if let Some(Test::Items(mapped)) = own.map(|own| &own.test) {
        items.extend(mapped.iter().map(String::as_str));
    }
    let of = |benchmark: &'static Benchmark| {
        let id = |item: &&str| ControlId { benchmark: benchmark.name.clone(), item: (*item).to_owned() };
        items.iter().map(id).collect::<Vec<_>>()
    };
    // One of a benchmark that is not known here, which a template of the user's may name, is only itself.
    let known = own.is_some();
    Benchmark::all().iter().flat_map(of).chain((!known).then(|| control.clone())).collect()
}
