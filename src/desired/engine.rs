//! How every template is rendered: Tera without escaping, with the filters that bring values into YAML, JSON and units so that
//! nothing in them can break out. It reads no file and knows no variable.

use super::front_matter::position;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tera::{Kwargs, State, Tera, Value};

/// An engine without templates.
pub fn tera() -> Tera {
    let mut tera = Tera::new();
    tera.autoescape_on(Vec::<&'static str>::new());
    // Before any template: an unknown filter is found when a template is added, not when it is rendered.
    tera.register_filter("q", quote);
    tera.register_filter("dirname", dirname);
    tera.register_filter("base64", base64);
    tera
}

/// Line, column and text of what is wrong.
pub type Wrong = (usize, usize, String);

/// Where an error of Tera is in the source that it was given, and its text.
pub fn place(error: &tera::Error) -> Wrong {
    match error.kind() {
        tera::ErrorKind::SyntaxError(report) | tera::ErrorKind::RenderingError(report) => {
            (report.span().start_line, report.span().start_col + 1, report.message().to_owned())
        }
        _ => {
            // An unknown filter, test or function comes as the text of a report: `error: …`, ` --> file:line:column`, …
            let text = error.to_string();
            let mut lines = text.lines();
            let reason = lines.next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            let mut numbers = lines
                .find_map(|line| line.trim_start().strip_prefix("--> "))
                .into_iter()
                .flat_map(|place| place.rsplit(':'))
                .map_while(|number| number.parse::<usize>().ok());
            let column = numbers.next().unwrap_or(1);
            (numbers.next().unwrap_or(1), column, reason)
        }
    }
}

/// Tera finds an undefined variable only where it is printed: a misspelt one in `{% if %}` would silently be false.
pub fn check_variables(tera: &Tera, name: &str, source: &str, known: &[&str]) -> Result<(), Wrong> {
    let mut names: Vec<&str> =
        tera.get_template_variables(name).map_err(|error| place(&error))?.into_iter().collect();
    names.sort_unstable();
    let Some(unknown) = names.into_iter().find(|name| !known.contains(name)) else { return Ok(()) };
    let (line, column) = position(source, word(source, unknown).unwrap_or_default());
    let known = known.iter().map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ");
    Err((line, column, format!("there is no variable `{unknown}`; there are {known}")))
}

/// At which byte a word first stands by itself in a text.
pub(super) fn word(text: &str, word: &str) -> Option<usize> {
    let part = |character: Option<char>| {
        character.is_some_and(|character| character.is_alphanumeric() || character == '_')
    };
    let alone =
        |at: &usize| !part(text[..*at].chars().next_back()) && !part(text[*at + word.len()..].chars().next());
    text.match_indices(word).map(|(at, _)| at).find(alone)
}

/// A value as JSON, which is a YAML scalar (or flow collection) that no content can break out of.
// Tera calls filters with owned values.
#[allow(clippy::needless_pass_by_value)]
fn quote(value: Value, _: Kwargs, _: &State) -> tera::TeraResult<Value> {
    serde_json::to_string(&value).map(|text| Value::safe_string(&text)).map_err(tera::Error::message)
}

/// The directory of a path on a node.
fn dirname(path: &str, _: Kwargs, _: &State) -> tera::TeraResult<String> {
    match path.rsplit_once('/') {
        Some(("", _)) => Ok(String::from("/")),
        Some((directory, _)) => Ok(directory.to_owned()),
        None => Err(tera::Error::message(format!("`{path}` is not an absolute path"))),
    }
}

/// A text in base64, as kubeconfigs hold certificates.
// Tera calls filters with owned values.
#[allow(clippy::unnecessary_wraps)]
fn base64(text: &str, _: Kwargs, _: &State) -> tera::TeraResult<String> {
    Ok(STANDARD.encode(text))
}
