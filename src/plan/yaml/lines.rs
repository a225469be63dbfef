//! Lines of a text by byte offset. Nothing here knows YAML.

/// The text with a last newline, and what was added for it.
pub(super) fn pad(text: &str) -> (String, &'static str) {
    let padding = if text.is_empty() || text.ends_with('\n') { "" } else { line_end(text) };
    (format!("{text}{padding}"), padding)
}

/// How the text ends its lines.
pub(super) fn line_end(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// Where the line that holds this offset begins.
pub(super) fn start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// Where the line after the one that ends with this offset begins. A block scalar's end is already there.
pub(super) fn after(text: &str, end: usize) -> usize {
    if end > 0 && text.as_bytes()[end - 1] == b'\n' {
        return end;
    }
    text[end..].find('\n').map_or(text.len(), |newline| end + newline + 1)
}

/// Where the content of the line that ends with this offset ends, line end not included.
pub(super) fn content_end(text: &str, end: usize) -> usize {
    let after = after(text, end);
    text[..after].trim_end_matches(['\n', '\r']).len()
}

/// Whether nothing but blanks stands before this offset on its line.
pub(super) fn is_first(text: &str, at: usize) -> bool {
    text[start(text, at)..at].trim().is_empty()
}

/// How many characters stand before this offset on its line.
pub(super) fn column(text: &str, at: usize) -> usize {
    text[start(text, at)..at].chars().count()
}
