//! `harden validate`: the inventory and every template, offline.

use super::load::{load_inventory, overrides};
use super::{Error, Global};
use crate::desired::{TemplateError, Templates};
use crate::error::{Chain, ExitCode, Hint as _};
use crate::inventory::Inventory;
use crate::ui::{Output, Tone, count, line};
use clap::Args;
use std::path::Path;

/// Check the inventory and render every template; offline
#[derive(Debug, Clone, Args)]
pub struct Validate {}

/// Templates cannot be read or do not render.
#[derive(Debug, thiserror::Error)]
#[error("the templates have {}", count(*errors, "error"))]
struct TemplatesFail {
    errors: usize,
}

/// Validates.
pub fn run(global: &Global, output: &Output) -> Result<ExitCode, Error> {
    let inventory = load_inventory(global, output)?;
    let folder = overrides(&inventory);
    let errors = errors(&inventory, &folder);
    for error in &errors {
        output.message(&described(error, &folder, output));
    }
    if !errors.is_empty() {
        return Err(Error::new(TemplatesFail { errors: errors.len() }));
    }
    output.result(&format!(
        "{}: cluster {}, {}: valid, and every template renders.\n",
        global.inventory.display(),
        inventory.cluster.name,
        count(inventory.nodes.len(), "node")
    ))?;
    Ok(ExitCode::Success)
}

/// Every error of every template. What cannot be read is not rendered.
fn errors(inventory: &Inventory, folder: &Path) -> Vec<TemplateError> {
    match Templates::load_all(inventory.cluster.profile, folder.exists().then_some(folder)) {
        Ok(templates) => templates.validate(inventory),
        Err((first, others)) => std::iter::once(*first).chain(others).collect(),
    }
}

/// The error as an editor can jump to it, and its remedy.
fn described(error: &TemplateError, folder: &Path, output: &Output) -> String {
    let text = line(&Chain(error).to_string());
    let own = error.template().map(|template| folder.join(template)).filter(|path| path.is_file());
    let place = match own {
        Some(_) => format!("{}/", folder.display()),
        None => String::new(),
    };
    let hint = output.stderr_paint().tone(Tone::Heading, "hint:");
    let remedy = error.hint().map(|remedy| format!("{hint} {}\n", line(&remedy))).unwrap_or_default();
    format!("{place}{text}\n{remedy}")
}
