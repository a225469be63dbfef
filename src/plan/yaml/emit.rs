//! Writing values as YAML: plain where every reader agrees that it is a string, in double quotes otherwise.
//! YAML 1.1 readers, Kubernetes' own among them, read bare `no`, `1_000` and `12:30` as something else.

use granit_parser::ScalarStyle;
use serde_json::{Map, Value};

/// How a file indents.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// Spaces in front of a mapping below a key.
    pub step: usize,
    /// Spaces in front of a list below a key.
    pub list: usize,
}

/// Whether it stands on its key's line: a scalar, or an empty list or mapping.
pub(super) fn is_inline(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        _ => true,
    }
}

/// Words that some reader takes for a boolean, null or a number.
const NOT_STRINGS: &[&str] =
    &["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "nan", "inf"];

/// A string as a scalar, quoted as the one that it replaces where that can be.
pub(super) fn string(text: &str, style: ScalarStyle) -> String {
    match style {
        ScalarStyle::SingleQuoted if text.chars().all(|c| !c.is_control()) => {
            format!("'{}'", text.replace('\'', "''"))
        }
        ScalarStyle::DoubleQuoted => Value::from(text).to_string(),
        _ if is_plain(text) => text.to_owned(),
        _ => Value::from(text).to_string(),
    }
}

fn is_plain(text: &str) -> bool {
    let bare = text.strip_prefix("--").unwrap_or(text);
    let Some(first) = bare.chars().next() else { return false };
    let known = |c: char| c.is_ascii_alphanumeric() || " _./:,=@%+*-$()<>;^~".contains(c);
    text.chars().all(known)
        && !NOT_STRINGS.contains(&text.to_ascii_lowercase().as_str())
        && (first.is_ascii_alphabetic()
            || matches!(first, '/' | '_')
            || (first.is_ascii_digit() && is_quantity(bare)))
        && !text.contains(": ")
        && !text.ends_with([':', ' '])
}

/// `5s`, `1%`, `50Mi`: digits and then letters, which no reader takes for a number. `0x1` and `1e5` are not among them.
fn is_quantity(text: &str) -> bool {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    !unit.is_empty()
        && unit.chars().all(|c| c.is_ascii_alphabetic() || c == '%')
        && !unit.starts_with(['x', 'X', 'o', 'O', 'b', 'B', 'e', 'E'])
}

/// A value that stands on one line, in block style.
pub(super) fn inline(value: &Value, style: ScalarStyle) -> String {
    match value {
        Value::String(text) => string(text, style),
        other => flow(other),
    }
}

/// A value in flow style.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", "))
        }
        Value::Object(entries) => {
            let entries: Vec<_> = entries.iter().map(|(key, value)| flow_entry(key, value)).collect();
            format!("{{{}}}", entries.join(", "))
        }
        // In flow style a comma ends a plain scalar.
        Value::String(text) if !text.contains(',') => string(text, ScalarStyle::Plain),
        other => other.to_string(),
    }
}

/// One entry of a mapping in flow style.
pub(super) fn flow_entry(key: &str, value: &Value) -> String {
    format!("{}: {}", flow(&Value::from(key)), flow(value))
}

/// A list or mapping in block style, one string a line, each indented by `column`.
pub(super) fn block(value: &Value, column: usize, layout: Layout) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(|value| item(value, column, layout)).collect(),
        Value::Object(entries) => entries_block(entries, column, layout),
        other => vec![format!("{:column$}{}", "", inline(other, ScalarStyle::Plain))],
    }
}

fn entries_block(entries: &Map<String, Value>, column: usize, layout: Layout) -> Vec<String> {
    entries.iter().flat_map(|(key, value)| entry(key, value, column, layout)).collect()
}

/// One entry of a mapping in block style.
pub(super) fn entry(key: &str, value: &Value, column: usize, layout: Layout) -> Vec<String> {
    let key = string(key, ScalarStyle::Plain);
    if is_inline(value) {
        return vec![format!("{:column$}{key}: {}", "", inline(value, ScalarStyle::Plain))];
    }
    let below = column + if value.is_array() { layout.list } else { layout.step };
    let mut lines = vec![format!("{:column$}{key}:", "")];
    lines.extend(block(value, below, layout));
    lines
}

/// One item of a list in block style.
pub(super) fn item(value: &Value, column: usize, layout: Layout) -> Vec<String> {
    let mut lines = block(value, column + 2, layout);
    if is_inline(value) {
        lines = vec![inline(value, ScalarStyle::Plain)];
    }
    if let Some(first) = lines.first_mut() {
        *first = format!("{:column$}- {}", "", first.trim_start());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_some_reader_takes_for_something_else_is_quoted() {
        for text in [
            "no", "on", "Y", "1_000", "12:30:45", "=", "010", "0x1f", "1e5", "1.5", "-5", "", "a: b", "a #b",
            "*x", "{a}", "a:", "null", "~", "10.0.0.1", "0b1", "- a", "--",
        ] {
            assert_eq!(string(text, ScalarStyle::Plain), Value::from(text).to_string(), "{text}");
        }
        for text in
            ["--a=b,c", "5s", "1%", "50Mi", "/etc/x", "Node,RBAC", "https://127.0.0.1:2379", "VersionTLS12"]
        {
            assert_eq!(string(text, ScalarStyle::Plain), text);
        }
        assert_eq!(string("it's", ScalarStyle::SingleQuoted), "'it''s'");
    }
}
