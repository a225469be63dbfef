//! Lists what is data and becomes part of the program: the built-in templates, the controls and the benchmarks that map onto
//! them. A new file in one of these folders needs no line anywhere. It reads no file: that is left to the compiler.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Folder, how the names of its files end, and the list that is made of it. What is called otherwise is not part of it.
const LISTS: &[(&str, &str, &str)] = &[
    ("templates", "tera", "templates.rs"),
    ("templates/schedule", "tera", "schedule.rs"),
    ("templates/webhook", "tera", "webhook.rs"),
    ("src/check/controls", "toml", "controls.rs"),
    ("src/check/benchmarks", "toml", "benchmarks.rs"),
];

/// Folders below the first one that have a list of their own, or none: what is in them manages nothing on a node.
const APART: &[&str] = &["templates/schedule", "templates/webhook"];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo names no package")?);
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo names no folder to write to")?);
    writeln!(io::stdout(), "cargo::rerun-if-changed=build.rs")?;
    for (folder, extension, list) in LISTS {
        // Of a folder cargo looks at everything that is in it.
        writeln!(io::stdout(), "cargo::rerun-if-changed={folder}")?;
        let mut found = Vec::new();
        walk(&root.join(folder), "", extension, &mut found)?;
        found.retain(|path| {
            !APART.iter().any(|apart| Path::new(folder).join(path).starts_with(apart))
                || APART.contains(folder)
        });
        found.sort();
        fs::write(out.join(list), entries(folder, &found)?)?;
    }
    Ok(())
}

/// Path below the folder and text of each file, as an expression. The files' absolute paths are put together when it is
/// compiled, so that the list is the same on every machine.
fn entries(folder: &str, found: &[String]) -> Result<String, std::fmt::Error> {
    let mut text = String::from("&[\n");
    for path in found {
        writeln!(
            text,
            "    ({path:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {:?}))),",
            format!("/{folder}/{path}")
        )?;
    }
    text.push_str("]\n");
    Ok(text)
}

/// The files with an extension, in a folder and below it. Names that begin with a dot are left alone (editors' files).
fn walk(folder: &Path, below: &str, extension: &str, found: &mut Vec<String>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| format!("{} is not called in UTF-8", path.display()))?;
        if name.starts_with('.') {
            continue;
        }
        let relative = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        if path.is_dir() {
            walk(&path, &relative, extension, found)?;
        } else if path.extension().is_some_and(|other| other == extension) {
            found.push(relative);
        }
    }
    Ok(())
}
