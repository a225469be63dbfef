//! Lossless editing of YAML: a text is changed until it says what is wanted, and not a byte more of it moves.
//! The editor is not trusted: every new text is parsed again and must say exactly what was wanted, otherwise it is refused.

mod align;
mod edit;
mod emit;
mod lines;
mod tree;

use crate::error::Hint;
use serde_json::Value;

/// A YAML text cannot be read, or cannot be changed safely.
#[derive(Debug, thiserror::Error)]
pub enum YamlError {
    /// It is not YAML, holds a key twice, or holds more than one document.
    #[error("parse YAML")]
    Parse {
        /// What the parser says, without the text's own lines: they may hold secrets.
        #[source]
        source: Box<serde_saphyr::Error>,
    },
    /// It is laid out in a way that the editor does not know.
    #[error("edit YAML at {place}: {reason}")]
    Layout {
        /// Where, `spec.containers.0.command`; or a line.
        place: String,
        /// What stands in the way.
        reason: &'static str,
    },
    /// The edited text would not say what was wanted; it was thrown away.
    #[error("edit YAML at {place}: the edited text would say {got}, wanted {wanted}")]
    Unproven {
        /// Where the two differ.
        place: String,
        /// What was wanted there.
        wanted: String,
        /// What the edited text says.
        got: String,
    },
}

impl Hint for YamlError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Parse { .. } => None,
            Self::Layout { .. } | Self::Unproven { .. } => Some(String::from(
                "write that part of the file in plain block style, one entry a line and without anchors, and plan again",
            )),
        }
    }
}

/// What a YAML text says, read as Kubernetes reads it.
pub fn parse(text: &str) -> Result<Value, YamlError> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Value::Null);
    }
    let options = serde_saphyr::options! { legacy_octal_numbers: true, with_snippet: false };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| YamlError::Parse { source: Box::new(error) })
}

/// The text changed so that it says `wanted`. Comments, order, indentation, line ends and a missing last newline stay;
/// a text that says it already comes back as it is.
pub fn rewrite(text: &str, wanted: &Value) -> Result<String, YamlError> {
    rewrite_from(text, &parse(text)?, wanted)
}

/// As [`rewrite`], for a text that was parsed already.
pub(super) fn rewrite_from(text: &str, old: &Value, wanted: &Value) -> Result<String, YamlError> {
    if old == wanted {
        return Ok(text.to_owned());
    }
    let (padded, padding) = lines::pad(text);
    let new = edit::apply(&padded, old, wanted)?;
    let new = new.strip_suffix(padding).map_or(new.clone(), str::to_owned);
    let got = parse(&new)?;
    match difference(wanted, &got, String::new()) {
        None => Ok(new),
        Some((place, wanted, got)) => Err(YamlError::Unproven { place, wanted, got }),
    }
}

/// Where two values first differ, and what stands there on either side.
fn difference(wanted: &Value, got: &Value, place: String) -> Option<(String, String, String)> {
    let below = |part: &str| if place.is_empty() { part.to_owned() } else { format!("{place}.{part}") };
    match (wanted, got) {
        _ if wanted == got => None,
        (Value::Object(a), Value::Object(b)) => a.keys().chain(b.keys()).find_map(|key| {
            difference(a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null), below(key))
        }),
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(index, (a, b))| difference(a, b, below(&index.to_string()))),
        _ => {
            Some((if place.is_empty() { String::from("the top") } else { place }, brief(wanted), brief(got)))
        }
    }
}

fn brief(value: &Value) -> String {
    const LONGEST: usize = 200;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests;
