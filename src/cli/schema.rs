//! `harden schema`: JSON Schemas, of the inventory for editors and of reports for who reads them by program.

use super::Error;
use crate::error::ExitCode;
use crate::inventory;
use crate::ui::{self, Output};
use clap::{Args, ValueEnum};

/// Print the JSON Schema of the inventory, or of a report
#[derive(Debug, Clone, Args)]
pub struct Schema {
    /// Of what
    #[arg(value_enum, default_value_t)]
    pub of: Of,
}

/// What there is a schema of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Of {
    /// The inventory.
    #[default]
    Inventory,
    /// What `harden drift -o json` prints.
    Drift,
}

/// Prints it.
pub fn run(arguments: &Schema, output: &Output) -> Result<ExitCode, Error> {
    output.result(&match arguments.of {
        Of::Inventory => inventory::schema(),
        Of::Drift => ui::drift::schema(),
    })?;
    Ok(ExitCode::Success)
}
