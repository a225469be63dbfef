//! The notice of a template: a text of its front matter that is a Tera template of its own. Tera counts within the text, and
//! this says where that is in the file.

use super::front_matter::position;
use std::ops::Range;

/// A notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notice {
    /// The Tera source.
    pub(super) source: String,
    /// Line and column in the file of each of its characters, from 1.
    places: Vec<(usize, usize)>,
}

impl Notice {
    /// A string of TOML that stands at that span of a file.
    pub(super) fn new(source: &str, file: &str, span: Range<usize>) -> Self {
        let (line, column) = position(file, span.start);
        let places = places(file.get(span).unwrap_or_default(), line, column);
        Self { source: source.to_owned(), places }
    }

    /// Where in the file that line and column of the text are.
    pub(super) fn place(&self, line: usize, column: usize) -> (usize, usize) {
        let before = self.source.split_inclusive('\n').take(line.saturating_sub(1));
        let index = before.map(|line| line.chars().count()).sum::<usize>() + column.saturating_sub(1);
        self.places.get(index).or(self.places.last()).copied().unwrap_or((1, 1))
    }
}

/// Where the characters stand that a string of TOML is read as; `raw` is the string with its quotes.
fn places(raw: &str, mut line: usize, mut column: usize) -> Vec<(usize, usize)> {
    let is_basic = raw.starts_with('"');
    let quote = if raw.starts_with("\"\"\"") || raw.starts_with("'''") { 3 } else { 1 };
    let mut rest = raw.get(quote..raw.len().saturating_sub(quote)).unwrap_or_default();
    column += quote;
    // A line break right behind three quotes is not part of the string.
    let break_first = ["\r\n", "\n"].iter().find_map(|line_break| rest.strip_prefix(line_break));
    if let Some(below) = break_first.filter(|_| quote == 3) {
        (rest, line, column) = (below, line + 1, 1);
    }
    let mut places = Vec::new();
    while !rest.is_empty() {
        let (length, is_read) = step(rest, is_basic);
        if is_read {
            places.push((line, column));
        }
        let (passed, left) = rest.split_at(length.min(rest.len()));
        for character in passed.chars() {
            (line, column) = if character == '\n' { (line + 1, 1) } else { (line, column + 1) };
        }
        rest = left;
    }
    places
}

/// How many bytes the next character takes up, and whether it is one: a line that ends in a backslash goes on at the next
/// letter.
fn step(rest: &str, is_basic: bool) -> (usize, bool) {
    let first = rest.chars().next().map_or(1, char::len_utf8);
    if !is_basic || !rest.starts_with('\\') {
        return (first, true);
    }
    match rest[1..].chars().next() {
        Some('x') => (4, true),
        Some('u') => (6, true),
        Some('U') => (10, true),
        Some(space) if space.is_ascii_whitespace() => (rest.len() - rest[1..].trim_start().len(), false),
        _ => (2, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The place of the first `#` of the string that stands behind `x = ` in the second line.
    fn found(value: &str) -> (usize, usize) {
        #[derive(serde::Deserialize)]
        struct File {
            x: toml::Spanned<String>,
        }
        let text = format!("# a\nx = {value}\n");
        let file: File = toml::from_str(&text).unwrap();
        let source = file.x.get_ref();
        let before = source.split('#').next().unwrap();
        let (line, column) = position(source, before.len());
        Notice::new(source, &text, file.x.span()).place(line, column)
    }

    #[test]
    fn each_way_of_writing_leads_back_to_the_file() {
        for (value, expected) in [
            ("\"#\"", (2, 6)),
            ("\"ab#\"", (2, 8)),
            ("'a\\n#'", (2, 9)),
            (r##""a\n\"#""##, (2, 11)),
            ("\"\\u00e4ö#\"", (2, 13)),
            ("\"\"\"a#\"\"\"", (2, 9)),
            ("\"\"\"\na\nb#\"\"\"", (4, 2)),
            ("'''\n\n #'''", (4, 2)),
            ("\"\"\"\\\n   a \\\n  b#\"\"\"", (4, 4)),
        ] {
            assert_eq!(found(value), expected, "{value}");
        }
    }
}
