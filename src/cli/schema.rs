//! `harden schema`: the inventory's JSON Schema, for editors.

use super::Error;
use crate::error::ExitCode;
use crate::inventory;
use crate::ui::Output;
use clap::Args;

/// Print the inventory's JSON Schema
#[derive(Debug, Clone, Args)]
pub struct Schema {}

/// Prints it.
pub fn run(output: &Output) -> Result<ExitCode, Error> {
    output.result(&inventory::schema())?;
    Ok(ExitCode::Success)
}
