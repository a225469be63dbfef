//! Files of a schedule: reading what goes into a ConfigMap, and writing what was rendered.

use super::super::Error;
use super::super::load::overrides;
use crate::error::Hint;
use crate::inventory::Inventory;
use crate::schedule::{self, RenderedFile};
use crate::store;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// What the inventory is called where a CronJob reads it.
const INVENTORY: &str = "harden.toml";

/// Why there is no schedule.
#[derive(Debug, thiserror::Error)]
pub(super) enum ScheduleFileError {
    /// A file could not be read.
    #[error("read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Files are there.
    #[error("{} is there already, and nothing was written", list(.0))]
    Exists(Vec<PathBuf>),
    /// A path is no text.
    #[error("{} is not called in UTF-8", .0.display())]
    NotUtf8(PathBuf),
    /// The path of the inventory is none of a repository.
    #[error("`{path}` cannot be the inventory's path in a repository: {reason}")]
    NotInRepository {
        /// The path.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The user's templates are empty.
    #[error("every template of it is switched off by an empty file beside the inventory")]
    SwitchedOff,
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

impl Hint for ScheduleFileError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Exists(_) => Some(String::from("name another folder, or replace them with --force")),
            Self::NotInRepository { .. } => Some(String::from(
                "run it at the root of the repository, or name the path there with --inventory-path",
            )),
            _ => None,
        }
    }
}

/// Writes all files or, where one is there already, none.
pub(super) fn write(folder: &Path, files: &[RenderedFile], force: bool) -> Result<(), Error> {
    let failed = |path: &Path, source| Error::new(ScheduleFileError::Write { path: path.to_owned(), source });
    let present: Vec<PathBuf> = files
        .iter()
        .map(|file| folder.join(&file.name))
        .filter(|path| path.symlink_metadata().is_ok())
        .collect();
    if !force && !present.is_empty() {
        return Err(Error::hinted(ScheduleFileError::Exists(present)));
    }
    fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
    for file in files {
        let path = folder.join(&file.name);
        let mut options = OpenOptions::new();
        let options = if force { options.create(true).truncate(true) } else { options.create_new(true) };
        let mut open = options.write(true).open(&path).map_err(|source| failed(&path, source))?;
        open.write_all(file.text.as_bytes()).map_err(|source| failed(&path, source))?;
    }
    Ok(())
}

/// What a drift check reads, as paths below the inventory's folder and texts: the inventory, the user's templates, and the
/// store's index, which is public. Nothing else of the store.
pub(super) fn inventory_files(inventory: &Inventory) -> Result<Vec<(String, String)>, Error> {
    let mut files = vec![(String::from(INVENTORY), read(&inventory.file)?)];
    let index = Path::new(store::FOLDER).join(store::INDEX);
    let place = inventory.directory().join(&index);
    if place.exists() {
        files.push((utf8(&index)?, read(&place)?));
    }
    walk(&overrides(inventory), "templates", &mut files)?;
    Ok(files)
}

/// The templates of a folder and its sub-folders, in a fixed order. Editors' files and those of schedules are left out.
fn walk(folder: &Path, below: &str, files: &mut Vec<(String, String)>) -> Result<(), Error> {
    let failed = |source| Error::new(ScheduleFileError::Read { path: folder.to_owned(), source });
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries.collect::<Result<Vec<_>, _>>().map_err(failed)?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        let name = utf8(Path::new(path.file_name().unwrap_or_default()))?;
        let relative = format!("{below}/{name}");
        if name.starts_with('.') || relative == format!("templates/{}", schedule::FOLDER) {
            continue;
        }
        if path.is_dir() {
            walk(&path, &relative, files)?;
        } else {
            files.push((relative, read(&path)?));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path)
        .map_err(|source| Error::new(ScheduleFileError::Read { path: path.to_owned(), source }))
}

pub(super) fn utf8(path: &Path) -> Result<String, Error> {
    path.to_str().map(str::to_owned).ok_or_else(|| Error::new(ScheduleFileError::NotUtf8(path.to_owned())))
}
