//! The templates below `templates/schedule/`: reading them, and rendering those of one kind for an inventory.

use super::error::ScheduleError;
use super::filters;
use super::reach::first_hops;
use super::settings::{Run, Settings};
use crate::desired::engine::{self, Wrong};
use crate::inventory::Inventory;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use tera::Tera;

/// The folder below `templates/`.
pub const FOLDER: &str = "schedule";

/// How the names of templates end.
const EXTENSION: &str = ".tera";

/// Path below the folder and text.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/schedule.rs"));

/// The names of all variables at the top level.
const VARIABLES: [&str; 5] = ["cluster", "harden", "hops", "run", "settings"];

/// All templates, ready to be rendered.
#[derive(Debug)]
pub struct Templates {
    tera: Tera,
}

/// One file of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedFile {
    /// What it is called.
    pub name: String,
    /// What is in it.
    pub text: String,
}

impl Templates {
    /// Reads the built-in templates, and those in a folder over them. A folder that does not exist is an empty one; an empty file
    /// switches its template off.
    pub fn load(overrides: &Path) -> Result<Self, ScheduleError> {
        let mut texts: BTreeMap<&'static str, String> =
            EMBEDDED.iter().map(|(path, text)| (*path, (*text).to_owned())).collect();
        replace(&mut texts, overrides)?;
        let mut tera = engine::tera();
        filters::register(&mut tera);
        for (path, text) in texts {
            let name = path.trim_end_matches(EXTENSION);
            if text.trim().is_empty() {
                continue;
            }
            tera.add_raw_template(name, &text).map_err(|error| at(path, engine::place(&error)))?;
            engine::check_variables(&tera, name, &text, &VARIABLES).map_err(|wrong| at(path, wrong))?;
        }
        Ok(Self { tera })
    }

    /// Renders the files of one kind.
    pub fn render(
        &self,
        inventory: &Inventory,
        run: &Run,
        settings: &Settings,
    ) -> Result<Vec<RenderedFile>, ScheduleError> {
        let context = context(inventory, run, settings)?;
        let is_on = |template: &str| self.tera.get_template_names().any(|name| name == template);
        let files = settings.files().into_iter().filter(|(template, _)| is_on(template));
        files
            .map(|(template, name)| {
                let path = format!("{template}{EXTENSION}");
                let text =
                    self.tera.render(template, &context).map_err(|error| at(&path, engine::place(&error)))?;
                parsed(&name, &text).map_err(|reason| ScheduleError::Shape { template: path, reason })?;
                Ok(RenderedFile { name, text })
            })
            .collect()
    }
}

fn at(template: &str, (line, column, reason): Wrong) -> ScheduleError {
    ScheduleError::Template { template: template.to_owned(), line, column, reason }
}

/// Puts the user's files in the place of built-in ones.
fn replace(texts: &mut BTreeMap<&'static str, String>, folder: &Path) -> Result<(), ScheduleError> {
    let read = |path: &Path, source| ScheduleError::Read { path: path.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(read(folder, error)),
    };
    for entry in entries {
        let path = entry.map_err(|error| read(folder, error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Editors' files.
        if name.starts_with('.') {
            continue;
        }
        let Some(place) = texts.get_mut(name.as_str()) else {
            let known = texts.keys().copied().collect();
            return Err(ScheduleError::Unknown { path, known });
        };
        *place = fs::read_to_string(&path).map_err(|error| read(&path, error))?;
    }
    Ok(())
}

fn context(inventory: &Inventory, run: &Run, settings: &Settings) -> Result<tera::Context, ScheduleError> {
    let value = |value: Result<Value, serde_json::Error>| value.map_err(ScheduleError::Variables);
    let variables = json!({
        "cluster": value(serde_json::to_value(&inventory.cluster))?,
        "harden": {"version": env!("CARGO_PKG_VERSION"), "rust": env!("CARGO_PKG_RUST_VERSION")},
        "hops": value(serde_json::to_value(first_hops(inventory)))?,
        "run": value(serde_json::to_value(run))?,
        "settings": value(serde_json::to_value(settings))?,
    });
    tera::Context::from_serialize(&variables).map_err(|error| {
        let reason = error.to_string();
        at("variables", (1, 1, reason))
    })
}

/// Looks whether a file can be read by those that it is for, as far as its name tells what it is.
fn parsed(name: &str, text: &str) -> Result<(), String> {
    let options = serde_saphyr::options! { with_snippet: false };
    match Path::new(name).extension().and_then(OsStr::to_str) {
        Some("json") => serde_json::from_str::<Value>(text).map(drop).map_err(|error| error.to_string()),
        Some("yaml") => serde_saphyr::from_multiple_with_options::<Value>(text, options)
            .map(drop)
            .map_err(|error| error.to_string()),
        _ => Ok(()),
    }
}
