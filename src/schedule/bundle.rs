//! Inventory, templates and the store's public index as the entries of a ConfigMap, which holds no folders: every file gets a
//! key, and the volume puts it at its path again.

use super::ScheduleError;
use serde::Serialize;
use std::collections::BTreeSet;

/// The most bytes that a ConfigMap may hold, keys and values (Kubernetes, `MaxSecretSize`).
pub const MOST_BYTES: usize = 1_048_576;

/// The longest key.
const LONGEST_KEY: usize = 253;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BundledFile {
    /// Its key.
    pub key: String,
    /// Where it is, below the mounted folder.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// Files, as path and text, with their keys. The same files always get the same keys.
pub fn bundle(files: impl IntoIterator<Item = (String, String)>) -> Result<Vec<BundledFile>, ScheduleError> {
    let mut taken = BTreeSet::new();
    let mut bundled = Vec::new();
    let mut bytes = 0;
    for (path, text) in files {
        let key = free_key(&path, &taken);
        taken.insert(key.clone());
        bytes += key.len() + text.len();
        bundled.push(BundledFile { key, path, text });
    }
    if bytes > MOST_BYTES { Err(ScheduleError::TooLarge { bytes }) } else { Ok(bundled) }
}

/// A key as close to the path as Kubernetes allows, and a number behind it where others have that one.
fn free_key(path: &str, taken: &BTreeSet<String>) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    // Room for the number; all characters are of one byte.
    let mut stem: String = path.replace('/', ".").chars().map(allowed).take(LONGEST_KEY - 8).collect();
    // `.`, `..` and what begins like the latter are refused.
    if stem.starts_with('.') {
        stem.insert(0, '_');
    }
    let mut numbered = (2..).map(|number: u32| format!("{stem}-{number}"));
    let mut key = stem.clone();
    while taken.contains(&key) {
        key = numbered.next().unwrap_or_default();
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_a_key_of_its_own() {
        let files = ["harden.toml", "templates/a b.tera", "templates/a_b.tera", "templates.a_b.tera", "..x"];
        let bundled = bundle(files.map(|path| (path.to_owned(), String::new()))).unwrap();
        let keys: Vec<&str> = bundled.iter().map(|file| file.key.as_str()).collect();
        assert_eq!(
            keys,
            ["harden.toml", "templates.a_b.tera", "templates.a_b.tera-2", "templates.a_b.tera-3", "_..x"]
        );
    }

    #[test]
    fn too_much_is_refused() {
        let one = |bytes: usize| bundle([(String::from("a"), "x".repeat(bytes))]);
        assert!(one(MOST_BYTES - 1).is_ok());
        assert!(matches!(one(MOST_BYTES), Err(ScheduleError::TooLarge { bytes }) if bytes == MOST_BYTES + 1));
    }
}
