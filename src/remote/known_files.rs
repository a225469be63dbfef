//! The `known_hosts` files of a run: each set is read once for all nodes, and again when a file has changed, as after
//! keys were recorded. What stands in them is not its business.

use super::RemoteError;
use super::known_hosts::KnownHosts;
use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The sets of files that were read.
#[derive(Default)]
pub(super) struct KnownFiles {
    sets: Mutex<BTreeMap<Vec<PathBuf>, Set>>,
}

struct Set {
    stamps: Vec<Option<Stamp>>,
    hosts: Arc<KnownHosts>,
}

/// What differs when a file was written: device, inode, size, and time of change in seconds and nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp([u64; 3], [i64; 2]);

impl Stamp {
    fn of(file: &Metadata) -> Self {
        Self([file.dev(), file.ino(), file.size()], [file.ctime(), file.ctime_nsec()])
    }
}

impl KnownFiles {
    /// What stands in these files; one that does not exist is empty.
    pub(super) fn read(&self, files: &[PathBuf]) -> Result<Arc<KnownHosts>, RemoteError> {
        let stamps = files.iter().map(|file| stamp(file)).collect::<Result<Vec<_>, _>>()?;
        // Held while reading: the nodes that begin at the same time would all do the same.
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(set) = sets.get(files).filter(|set| set.stamps == stamps) {
            return Ok(Arc::clone(&set.hosts));
        }
        let mut hosts = KnownHosts::default();
        for file in files {
            if let Some(bytes) = present(fs::read(file), file)? {
                hosts.add(&String::from_utf8_lossy(&bytes), &file.to_string_lossy());
            }
        }
        let hosts = Arc::new(hosts);
        sets.insert(files.to_vec(), Set { stamps, hosts: Arc::clone(&hosts) });
        Ok(hosts)
    }
}

fn stamp(file: &Path) -> Result<Option<Stamp>, RemoteError> {
    Ok(present(fs::metadata(file), file)?.as_ref().map(Stamp::of))
}

fn present<T>(result: io::Result<T>, file: &Path) -> Result<Option<T>, RemoteError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(RemoteError::LocalFile { path: file.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::known_hosts::Verdict;
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn files_are_read_once_and_again_when_they_changed() {
        let folder = tempfile::tempdir().unwrap();
        let files = [folder.path().join("a"), folder.path().join("b")];
        let key = [&11_u32.to_be_bytes()[..], b"ssh-ed25519", b"x"].concat();
        let known = KnownFiles::default();
        let first = known.read(&files).unwrap();
        assert_eq!(first.verdict("h", 22, &key), Verdict::Unknown);
        assert!(Arc::ptr_eq(&first, &known.read(&files).unwrap()));

        fs::write(&files[1], format!("h ssh-ed25519 {}\n", STANDARD.encode(&key))).unwrap();
        let second = known.read(&files).unwrap();
        assert_eq!(second.verdict("h", 22, &key), Verdict::Known);
        assert!(Arc::ptr_eq(&second, &known.read(&files).unwrap()));
        assert!(known.read(&[folder.path().to_owned()]).is_err());
    }
}
