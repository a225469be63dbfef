//! The mechanical tests, each on what one node showed.

use super::super::control::{EncryptionTest, FlagsTest, ModeTest, OwnerTest, Test};
use super::super::demand::Demand;
use super::super::places::PLACES;
use super::outcome::Outcome;
use super::place;
use super::source::{Found, Source};
use crate::resource::{Evidence, NodePath};

pub(super) fn mode(test: &ModeTest, evidence: &Evidence) -> Outcome {
    let Some(place) = PLACES.place(&test.of) else { return Outcome::default() };
    let found = place::find(place, evidence);
    if found.files.is_empty() {
        return Outcome::against(format!("nothing is there: {}", found.searched));
    }
    let most = test.at_most.0;
    Outcome::of_files(
        &found.files,
        |file| file.mode.0 & !most == 0,
        |file| format!("has mode {:o}", file.mode.0),
        &format!("{most:o} or stricter"),
    )
}

pub(super) fn owner(test: &OwnerTest, evidence: &Evidence) -> Outcome {
    let Some(place) = PLACES.place(&test.of) else { return Outcome::default() };
    let found = place::find(place, evidence);
    if found.files.is_empty() {
        let outcome = Outcome::against(format!("nothing is there: {}", found.searched));
        return Outcome { passes: test.or_absent, ..outcome };
    }
    let mut outcome = Outcome::of_files(
        &found.files,
        |file| format!("{}:{}", file.owner, file.group) == test.is,
        |file| format!("belongs to {}:{}", file.owner, file.group),
        &test.is,
    );
    if !evidence.facts.owners && !outcome.passes {
        outcome
            .evidence
            .push(String::from("this directory tree is read without root: owners cannot be told"));
    }
    outcome
}

/// The test of flags, or of what a flag names, at one of the places where they stand.
pub(super) fn at(test: &Test, source: &Source, evidence: &Evidence) -> Option<Outcome> {
    match test {
        Test::Flags(test) => Some(flags(test, source)),
        Test::Encryption(test) => Some(encryption(test, source, evidence)),
        _ => None,
    }
}

fn flags(test: &FlagsTest, source: &Source) -> Outcome {
    let holds = |check: &super::super::control::FlagCheck| match source.look(check) {
        Found::Value(value) => check.demand.holds(&value),
        Found::Nothing => check.or_absent || check.demand == Demand::Absent,
        Found::Unknown => false,
    };
    Outcome {
        passes: test.checks.iter().all(holds),
        evidence: test.checks.iter().map(|check| source.says(check)).collect(),
        ..Outcome::default()
    }
}

fn encryption(test: &EncryptionTest, source: &Source, evidence: &Evidence) -> Outcome {
    let values = source.command.values(test.flag.trim_start_matches('-'));
    let Some(value) = values.last() else {
        return Outcome::against(format!("{} is not set", test.flag));
    };
    let text = value.parse::<NodePath>().ok().and_then(|path| evidence.documents.get(&path));
    let Some(text) = text else { return Outcome::against(format!("{value} is missing or cannot be read")) };
    match provider(text) {
        None => Outcome::against(format!("{value} names no provider on the line after `providers:`")),
        Some(provider) => {
            let passes = test.among.contains(&provider);
            let line = format!("{value} has {provider} on the line after the last `providers:`");
            Outcome { passes, evidence: vec![line], ..Outcome::default() }
        }
    }
}

/// The provider as kube-bench finds it, which does not read YAML: the first letters of the line after the last one that
/// holds `providers:`, or of that line where it is the file's last.
fn provider(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.iter().rposition(|line| line.contains("providers:"))?;
    let line = lines.get(last + 1).unwrap_or(&lines[last]);
    let word = line.split(|c: char| !c.is_ascii_alphabetic()).find(|word| !word.is_empty())?;
    Some(word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_provider_is_grepped() {
        for (text, expected) in [
            ("resources:\n- providers:\n  - secretbox:\n", Some("secretbox")),
            ("providers:\n  - identity: {}\n- providers:\n  - aescbc:\n", Some("aescbc")),
            ("providers:\n  # strong\n  - aescbc:\n", Some("strong")),
            ("providers:\n\n  - aescbc:\n", None),
            ("providers:", Some("providers")),
            ("resources: []\n", None),
        ] {
            assert_eq!(provider(text).as_deref(), expected, "{text}");
        }
    }
}
