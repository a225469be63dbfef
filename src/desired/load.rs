//! Reading templates: those of the program, and over them those in a folder of the user's. A file at the same relative
//! path takes the place of a built-in template; an empty one switches it off.

use super::context::VARIABLES;
use super::embedded::{APART, EMBEDDED};
use super::engine::{self, Wrong, check_variables, place, word};
use super::error::TemplateError;
use super::flags::FlagLists;
use super::front_matter::{self, FrontMatter};
use super::keys::Keys;
use super::notice::Notice;
use super::selection::Selected;
use crate::inventory::Profile;
use crate::resource::{Kind, ResourceId};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use tera::Tera;

/// How the names of templates end.
pub(super) const EXTENSION: &str = ".tera";

/// All templates, ready to be rendered.
#[derive(Debug)]
pub struct Templates {
    pub(super) tera: Tera,
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) flags: FlagLists,
    pub(super) selected: Selected,
    digest: String,
}

/// One template, beside its body, which Tera holds.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) front: FrontMatter,
    /// How many lines of the file are before the body.
    pub(super) lines_before: usize,
    /// The resource's name within its kind.
    pub(super) name: String,
    /// What the user should know when it changes something.
    pub(super) notice: Option<Notice>,
    /// The files that a static pod's body names. Those of a part that is not rendered are among them: it is not known yet for
    /// which node.
    pub(super) files: BTreeSet<ResourceId>,
    /// The flags that are switched off.
    pub(super) flags_off: BTreeSet<String>,
    /// Which keys of yaml-keys take part.
    pub(super) keys: Keys,
}

impl Templates {
    /// Reads the profile's built-in templates, and those in a folder over them. A folder that does not exist is an empty
    /// one. The error is the first; [`Templates::load_all`] has them all.
    pub fn load(profile: Profile, overrides: Option<&Path>) -> Result<Self, TemplateError> {
        Self::load_all(profile, overrides).map_err(|(first, _)| *first)
    }

    /// [`Templates::load`] with every error: the first, and the others.
    pub fn load_all(
        profile: Profile,
        overrides: Option<&Path>,
    ) -> Result<Self, (Box<TemplateError>, Vec<TemplateError>)> {
        let mut errors = Vec::new();
        let built_in = match profile {
            Profile::Default => EMBEDDED,
            Profile::Bare => &[],
        };
        let mut texts: BTreeMap<String, String> =
            built_in.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        if let Some(folder) = overrides
            && folder.exists()
        {
            walk(folder, "", &mut texts, &mut errors);
        }
        texts.retain(|_, text| !text.trim().is_empty());
        let templates = Self::from_texts(&texts, &mut errors);
        let mut errors = errors.into_iter();
        match (templates, errors.next()) {
            (Ok(templates), None) => Ok(templates),
            (Ok(_), Some(first)) | (Err(first), None) => Err((Box::new(first), errors.collect())),
            (Err(last), Some(first)) => Err((Box::new(first), errors.chain([last]).collect())),
        }
    }

    /// SHA-256, hexadecimal, over the paths and texts of all templates: tells that a saved plan was made with others.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    fn from_texts(
        texts: &BTreeMap<String, String>,
        errors: &mut Vec<TemplateError>,
    ) -> Result<Self, TemplateError> {
        let mut tera = engine::tera();
        let mut entries = BTreeMap::new();
        let mut hasher = openssl::sha::Sha256::new();
        for (path, text) in texts {
            for part in [path, text] {
                hasher.update(&(part.len() as u64).to_be_bytes());
                hasher.update(part.as_bytes());
            }
            match add(&mut tera, path, text) {
                Ok(entry) => {
                    entries.insert(path.clone(), entry);
                }
                Err(error) => errors.push(error),
            }
        }
        Ok(Self {
            tera,
            entries,
            flags: FlagLists::load()?,
            selected: Selected::default(),
            digest: hex(&hasher.finish()),
        })
    }
}

/// Takes a template apart and gives its body to Tera.
fn add(tera: &mut Tera, path: &str, text: &str) -> Result<Entry, TemplateError> {
    let parts = front_matter::split(path, text)?;
    let wrong = |(line, column, reason): Wrong| {
        let template = path.to_owned();
        TemplateError::Syntax { template, line, column, reason }
    };
    let in_body = |(line, column, reason): Wrong| wrong((line + parts.lines_before, column, reason));
    tera.add_raw_template(path, parts.body).map_err(|error| in_body(place(&error)))?;
    check_variables(tera, path, parts.body, &VARIABLES).map_err(in_body)?;
    check_keys(text, &parts).map_err(wrong)?;
    if let Some(notice) = &parts.notice {
        let in_notice = |(line, column, reason): Wrong| {
            let (line, column) = notice.place(line, column);
            wrong((line, column, format!("its notice: {reason}")))
        };
        let name = notice_name(path);
        tera.add_raw_template(&name, &notice.source).map_err(|error| in_notice(place(&error)))?;
        check_variables(tera, &name, &notice.source, &VARIABLES).map_err(in_notice)?;
    }
    let stem = path.rsplit('/').next().unwrap_or(path).trim_end_matches(EXTENSION);
    let name = parts.front.name.clone().unwrap_or_else(|| stem.to_owned());
    let files = match parts.front.kind.get_ref() {
        Kind::StaticPod => files(parts.body),
        _ => BTreeSet::new(),
    };
    Ok(Entry {
        front: parts.front,
        lines_before: parts.lines_before,
        name,
        notice: parts.notice,
        files,
        flags_off: BTreeSet::new(),
        keys: Keys::default(),
    })
}

/// The files that a body names, by their resources' names.
fn files(body: &str) -> BTreeSet<ResourceId> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let words = body.split(|c| !is_part(c)).map(|word| word.trim_end_matches('.'));
    words.filter_map(|word| word.parse().ok()).filter(|id: &ResourceId| id.kind == Kind::File).collect()
}

/// The name under which Tera knows a template's notice.
pub(super) fn notice_name(template: &str) -> String {
    format!("{template}#notice")
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A key that only some nodes have may be missing in what is rendered; one that the body never names is misspelt.
fn check_keys(text: &str, parts: &front_matter::Parts<'_>) -> Result<(), Wrong> {
    let is_named = |key: &&String| key.split('.').all(|part| word(parts.body, part).is_some());
    let Some(key) = parts.front.key_controls.keys().find(|key| !is_named(key)) else { return Ok(()) };
    let (line, column) = front_matter::position(text, word(text, key).unwrap_or_default());
    Err((line, column, format!("key-controls names `{key}`, which the body does not")))
}

/// Reads the templates of a folder and its sub-folders, those that manage nothing aside. Names that begin with a dot are left
/// alone (editors' files).
fn walk(folder: &Path, below: &str, texts: &mut BTreeMap<String, String>, errors: &mut Vec<TemplateError>) {
    let read = |path: &Path, source| TemplateError::Read { path: path.to_owned(), source };
    let entries: Result<Vec<_>, _> = fs::read_dir(folder).and_then(Iterator::collect);
    let mut entries = match entries {
        Ok(entries) => entries,
        Err(source) => return errors.push(read(folder, source)),
    };
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            errors.push(TemplateError::Name { path });
            continue;
        };
        if name.starts_with('.') || (below.is_empty() && APART.contains(&name)) {
            continue;
        }
        let relative = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        if path.is_dir() {
            walk(&path, &relative, texts, errors);
        } else if name.ends_with(EXTENSION) {
            match fs::read_to_string(&path) {
                Ok(text) => {
                    texts.insert(relative, text);
                }
                Err(source) => errors.push(read(&path, source)),
            }
        } else {
            errors.push(TemplateError::Name { path });
        }
    }
}
