//! The inventory's waivers and switches, held against the benchmarks: one that is about no control is an error, since a typing
//! error must not become an exception that nobody notices.

use super::Error;
use crate::check::{self, Benchmark};
use crate::inventory::{Inventory, InventoryError};
use crate::resource::ControlId;
use crate::ui::Output;

/// The names of all controls of all benchmarks.
pub(super) fn controls() -> Vec<ControlId> {
    let ids = |benchmark: &'static Benchmark| {
        let id = |item: &String| ControlId { benchmark: benchmark.name.clone(), item: item.clone() };
        benchmark.controls().map(move |control| id(&control.item))
    };
    Benchmark::all().iter().flat_map(ids).collect()
}

/// Refuses waivers and switches that are about no control.
pub(super) fn refuse_unknown(inventory: &Inventory, output: &Output) -> Result<(), Error> {
    if inventory.waivers.is_empty() && inventory.switches.is_empty() {
        return Ok(());
    }
    let known = controls();
    let mut diagnostics = check::unknown_waivers(&inventory.waivers, &known);
    diagnostics.extend(check::unknown_switches(&inventory.switches, &known));
    if diagnostics.is_empty() {
        return Ok(());
    }
    let error = InventoryError::Invalid { path: inventory.file.clone(), diagnostics };
    output.message(&error.render(output.stderr_paint().color));
    Err(Error::hinted(error))
}
