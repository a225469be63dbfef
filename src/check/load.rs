//! The CIS controls that are part of the program, one file for each section. `build.rs` lists
//! the folder.

use super::control::{Control, Test};
use crate::inventory::Role;
use serde::Deserialize;
use std::collections::BTreeSet;

/// File and text, in the benchmark's order.
const SECTIONS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/controls.rs"));

/// One file: a section of the benchmark.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    section: String,
    #[serde(default)]
    roles: BTreeSet<Role>,
    #[serde(default)]
    cluster: bool,
    control: Vec<Entry>,
}

/// One table of a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    item: String,
    title: String,
    scored: bool,
    roles: Option<BTreeSet<Role>>,
    cluster: Option<bool>,
    why: String,
    tested: Option<String>,
    remedy: String,
    could_break: String,
    test: Test,
}

/// All controls, in the benchmark's order. A unit test parses every file.
pub(super) fn controls() -> Vec<Control> {
    SECTIONS.iter().filter_map(|(_, text)| read(text).ok()).flatten().collect()
}

fn read(text: &str) -> Result<Vec<Control>, toml::de::Error> {
    let file: File = toml::from_str(text)?;
    let control = |entry: Entry| Control {
        item: entry.item,
        title: entry.title,
        section: file.section.clone(),
        scored: entry.scored,
        why: entry.why,
        tested: entry.tested.unwrap_or_else(|| entry.test.in_words()),
        remedy: entry.remedy,
        could_break: entry.could_break,
        roles: entry.roles.unwrap_or_else(|| file.roles.clone()),
        cluster: entry.cluster.unwrap_or(file.cluster),
        test: entry.test,
    };
    Ok(file.control.into_iter().map(control).collect())
}

#[cfg(test)]
mod tests {
    use super::super::places::PLACES;
    use super::*;

    #[test]
    fn every_section_is_sound() {
        for (file, text) in SECTIONS {
            let name = file.trim_end_matches(".toml");
            let controls = read(text).unwrap_or_else(|error| panic!("{file}: {error}"));
            for control in controls {
                assert!(control.section.starts_with(&format!("{name} ")), "{file}: {}", control.section);
                assert!(control.item.starts_with(&format!("{name}.")), "{file}: {}", control.item);
            }
        }
    }

    #[test]
    fn every_test_names_what_there_is() {
        for control in controls() {
            let known = match &control.test {
                Test::Mode(test) => PLACES.place(&test.of).is_some(),
                Test::Owner(test) => PLACES.place(&test.of).is_some(),
                Test::Flags(test) => PLACES.component(&test.of).is_some() && !test.checks.is_empty(),
                Test::Encryption(test) => PLACES.component(&test.of).is_some(),
                Test::Shown(test) => PLACES.component(&test.of).is_some(),
                Test::Policy | Test::AuditPolicy => control.cluster,
                Test::Manual | Test::Items(_) => true,
            };
            assert!(known, "{}", control.item);
            for text in [&control.title, &control.why, &control.tested, &control.remedy, &control.could_break]
            {
                assert!(!text.is_empty() && text.lines().count() == 1, "{}", control.item);
            }
            assert!(!control.scored || control.test.is_mechanical(), "{}", control.item);
        }
    }
}
