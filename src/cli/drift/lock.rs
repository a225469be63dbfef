//! A file that one run holds at a time, so that scheduled runs do not pile up. The kernel frees it when the run ends, however it ends.

use super::error::DriftError;
use crate::cli::load::now;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Takes the lock, or says who has it.
pub(super) fn take(path: &Path) -> Result<File, DriftError> {
    let failed = |source| DriftError::OpenLock { path: path.to_owned(), source };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o644)
        .open(path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // What it says is for people; that it is held is what counts.
            let _ = file.read_to_string(&mut holder);
            return Err(DriftError::Locked { path: path.to_owned(), holder: holder.trim().to_owned() });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    file.set_len(0).map_err(failed)?;
    let since = jiff::Timestamp::from_second(now()).unwrap_or_default();
    writeln!(file, "process {}, since {since}", std::process::id()).map_err(failed)?;
    Ok(file)
}
