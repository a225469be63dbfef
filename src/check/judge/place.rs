//! What is really at a named place on a node.

use super::super::command_line::CommandLine;
use super::super::places::{PLACES, Place};
use crate::resource::{Evidence, EvidenceFile, NodePath};

/// What was found.
pub(super) struct Found<'a> {
    /// What is there.
    pub files: Vec<(&'a NodePath, &'a EvidenceFile)>,
    /// Where it was looked for, in words.
    pub searched: String,
}

/// What is at a place.
pub(super) fn find<'a>(place: &Place, evidence: &'a Evidence) -> Found<'a> {
    if let Some(below) = &place.below {
        let prefix = format!("{below}/");
        let inside = |path: &NodePath| path == below || path.as_str().starts_with(&prefix);
        let named = |path: &NodePath| place.ending.as_ref().is_none_or(|end| path.as_str().ends_with(end));
        let files = evidence.files.iter();
        let files = files
            .filter(|(path, file)| inside(path) && named(path) && !(place.only_files && file.is_directory));
        return Found { files: files.collect(), searched: place.where_in_words() };
    }
    if !place.every.is_empty() {
        let files = place.every.iter().filter_map(|path| evidence.files.get_key_value(path));
        return Found { files: files.collect(), searched: place.where_in_words() };
    }
    if let Some(path) = flag_path(place, evidence) {
        return Found {
            files: evidence.files.get_key_value(&path).into_iter().collect(),
            searched: path.to_string(),
        };
    }
    let found = place.candidates().find_map(|path| evidence.files.get_key_value(path));
    let named = |path: &NodePath| {
        place.name_contains.as_ref().is_none_or(|part| path.file_name().contains(part.as_str()))
    };
    let searched = match found {
        Some((path, _)) if !named(path) => format!("a file named like it in {path}"),
        _ => place.usual().map(ToString::to_string).unwrap_or_default(),
    };
    Found { files: found.filter(|(path, _)| named(path)).into_iter().collect(), searched }
}

/// The path that a running program's flag names for a place.
pub(super) fn flag_path(place: &Place, evidence: &Evidence) -> Option<NodePath> {
    let flag = place.flag.as_ref()?;
    let component = PLACES.component(&flag.of)?;
    let command = CommandLine::running(&component.programs, &evidence.processes)?;
    let mut paths = command.values(&flag.name).into_iter().filter_map(|value| value.parse::<NodePath>().ok());
    if flag.must_be_directory {
        let is_directory = |path: &NodePath| evidence.files.get(path).is_some_and(|file| file.is_directory);
        paths.filter(is_directory).last()
    } else {
        paths.next()
    }
}
