//! The CIS controls that are part of the program, one file for each section. A test compares the list with the folder.

use super::control::{Control, Test};
use crate::inventory::Role;
use serde::Deserialize;
use std::collections::BTreeSet;

macro_rules! embed {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("controls/", $name, ".toml")))),*]
    };
}

/// Section and text, in the benchmark's order.
const SECTIONS: &[(&str, &str)] = embed![
    "1.1", "1.2", "1.3", "1.4", "2", "3.1", "3.2", "4.1", "4.2", "4.3", "5.1", "5.2", "5.3", "5.4", "5.5",
    "5.6",
];

/// One file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
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
    let file: Section = toml::from_str(text)?;
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
    use std::fs;
    use std::path::Path;

    #[test]
    fn every_section_is_embedded_and_sound() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/check/controls");
        let mut found: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        found.sort();
        let embedded: Vec<&str> = SECTIONS.iter().map(|(name, _)| *name).collect();
        assert_eq!(embedded, found);
        for (name, text) in SECTIONS {
            let controls = read(text).unwrap_or_else(|error| panic!("{name}.toml: {error}"));
            for control in controls {
                assert!(control.section.starts_with(&format!("{name} ")), "{name}: {}", control.section);
                assert!(control.item.starts_with(&format!("{name}.")), "{name}: {}", control.item);
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
