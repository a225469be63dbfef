//! The inventory's waivers, held against the benchmarks: one that is about no control is an error, since a typing error must
//! not become an exception that nobody notices.

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

/// Refuses waivers that are about no control.
pub(super) fn refuse_unknown(inventory: &Inventory, output: &Output) -> Result<(), Error> {
    if inventory.waivers.is_empty() {
        return Ok(());
    }
    let diagnostics = check::unknown_waivers(&inventory.waivers, &controls());
    if diagnostics.is_empty() {
        return Ok(());
    }
    let error = InventoryError::Invalid { path: inventory.file.clone(), diagnostics };
    output.message(&error.render(output.stderr_paint().color));
    Err(Error::hinted(error))
}
