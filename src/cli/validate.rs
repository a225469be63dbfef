//! `harden validate`: the inventory and every template, offline.

use super::pipeline::{load_inventory, load_templates};
use super::{Error, Global};
use crate::error::{Chain, ExitCode};
use crate::ui::{Output, count};
use clap::Args;

/// Check the inventory and render every template; offline
#[derive(Debug, Clone, Args)]
pub struct Validate {}

/// Templates do not render.
#[derive(Debug, thiserror::Error)]
#[error("{0} of the templates' errors are shown above")]
struct TemplatesFail(usize);

/// Validates.
pub fn run(global: &Global, output: &Output) -> Result<ExitCode, Error> {
    let inventory = load_inventory(global, output)?;
    let errors = load_templates(&inventory)?.validate(&inventory);
    for error in &errors {
        output.message(&format!("{}\n", Chain(error)));
    }
    if !errors.is_empty() {
        return Err(Error::new(TemplatesFail(errors.len())));
    }
    output.result(&format!(
        "{}: cluster {}, {}: valid, and every template renders.\n",
        global.inventory.display(),
        inventory.cluster.name,
        count(inventory.nodes.len(), "node")
    ))?;
    Ok(ExitCode::Success)
}
