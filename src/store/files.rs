//! The files of a store: where they are, and writing them so that a crash leaves the old or the new one, whole.

use super::error::StoreError;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// How the names of sealed files end.
const EXTENSION: &str = "sealed";

/// Where a secret's sealed file is. The name cannot lead out of the folder.
pub(super) fn sealed_path(folder: &Path, name: &str) -> Result<PathBuf, StoreError> {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    if !name.split('/').all(part) {
        return Err(StoreError::Name { name: name.to_owned() });
    }
    Ok(folder.join(format!("{name}.{EXTENSION}")))
}

/// Any sealed file of a folder.
pub(super) fn any_sealed(folder: &Path) -> Result<Option<PathBuf>, StoreError> {
    let read = |source| StoreError::Read { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(read(error)),
    };
    for entry in entries {
        let path = entry.map_err(read)?.path();
        let found = if path.is_dir() {
            any_sealed(&path)?
        } else {
            path.extension().is_some_and(|extension| extension == EXTENSION).then_some(path)
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Keeps other processes on this machine from writing until the file is dropped. Makes the folder.
pub(super) fn lock(folder: &Path) -> Result<File, StoreError> {
    make_folder(folder)?;
    let path = folder.join(".lock");
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .and_then(|file| file.lock().map(|()| file))
        .map_err(|source| StoreError::Write { path, source })
}

/// Reads a sealed file.
pub(super) fn read_sealed(path: &Path) -> Result<Vec<u8>, StoreError> {
    fs::read(path).map_err(|source| match source.kind() {
        ErrorKind::NotFound => StoreError::Missing { path: path.to_owned() },
        _ => StoreError::Read { path: path.to_owned(), source },
    })
}

/// Writes a file that is not there yet. It is on disk when this returns.
pub(super) fn write_new(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    write(path, content, false)
}

/// Replaces a file. It is on disk when this returns.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    write(path, content, true)
}

/// Moves a sealed file out of the way, to a name that no secret has, and says which.
pub(super) fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let mut number = 1;
    let name = |number: u32| path.with_extension(format!("{EXTENSION}.aside-{number}"));
    while name(number).exists() {
        number += 1;
    }
    let aside = name(number);
    fs::rename(path, &aside).map_err(|source| StoreError::Write { path: aside.clone(), source })?;
    Ok(aside)
}

fn write(path: &Path, content: &[u8], replace: bool) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_folder(folder)?;
    let attempt = || {
        let mut file = tempfile::Builder::new()
            .prefix(".new-")
            .permissions(Permissions::from_mode(0o600))
            .tempfile_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        if replace {
            file.persist(path)?
        } else {
            file.persist_noclobber(path)?
        };
        File::open(folder)?.sync_all()
    };
    attempt().map_err(|source: std::io::Error| StoreError::Write { path: path.to_owned(), source })
}

fn make_folder(folder: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| StoreError::Write { path: folder.to_owned(), source })
}
