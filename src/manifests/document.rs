//! A text of several documents, each parsed on its own, so that an error names the document that it is in.

use super::{ManifestError, Place, Problem};
use serde_json::Value;
use std::path::Path;

/// What one document says, and where it begins.
pub(super) struct Document {
    pub(super) value: Value,
    pub(super) place: Place,
}

/// The documents of a file; JSON where its name says so, otherwise YAML.
pub(super) fn documents(file: &Path, text: &str) -> Vec<Result<Document, ManifestError>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if file.extension().is_some_and(|end| end == "json") { json(file, text) } else { yaml(file, text) }
}

fn json(file: &Path, text: &str) -> Vec<Result<Document, ManifestError>> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let mut found = Vec::new();
    let mut number = 0;
    loop {
        let begin = values.byte_offset();
        let spaces = text.get(begin..).map_or(0, |rest| rest.len() - rest.trim_start().len());
        let line = 1 + text.bytes().take(begin + spaces).filter(|byte| *byte == b'\n').count();
        let Some(value) = values.next() else { return found };
        number += 1;
        let place = Place { file: file.to_owned(), document: number, line };
        let is_error = value.is_err();
        found.push(match value {
            Ok(value) => Ok(Document { value, place }),
            Err(error) => {
                let problem = Problem::Syntax { language: "JSON", reason: error.to_string() };
                Err(ManifestError::Document { place, problem })
            }
        });
        // After an error it would say the same again.
        if is_error {
            return found;
        }
    }
}

fn yaml(file: &Path, text: &str) -> Vec<Result<Document, ManifestError>> {
    let mut found = Vec::new();
    for (index, (line, document)) in split(text).into_iter().enumerate() {
        let place = Place { file: file.to_owned(), document: index + 1, line };
        found.push(match parse(line, &document) {
            Ok(value) => Ok(Document { value, place }),
            Err(reason) => {
                let problem = Problem::Syntax { language: "YAML", reason };
                Err(ManifestError::Document { place, problem })
            }
        });
    }
    found
}

/// Read as Kubernetes reads it.
fn parse(line: usize, document: &str) -> Result<Value, String> {
    if is_blank(document) {
        return Ok(Value::Null);
    }
    // Empty lines before it: the parser then counts as the file does.
    let text = "\n".repeat(line - 1) + document;
    let options = serde_saphyr::options! { legacy_octal_numbers: true, with_snippet: false };
    serde_saphyr::from_str_with_options(&text, options).map_err(|error| error.to_string())
}

/// Whether nothing but comments and directives is there.
fn is_blank(document: &str) -> bool {
    document.lines().all(|line| {
        let text = line.trim_start();
        text.is_empty() || text.starts_with('#') || line.starts_with('%')
    })
}

/// The documents with the line that each begins on. A line that begins with three dashes is a marker wherever it stands, in a block
/// of text too.
fn split(text: &str) -> Vec<(usize, String)> {
    let mut documents = vec![(1, String::new())];
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let marked = line.strip_prefix("---").filter(|rest| rest.trim_start() != *rest || rest.is_empty());
        if let Some(rest) = marked {
            if documents.len() == 1 && documents.first().is_some_and(|(_, text)| is_blank(text)) {
                documents.clear();
            }
            // What follows the marker stays in its column.
            documents.push((index + 1, format!("   {rest}")));
        } else if let Some((_, last)) = documents.last_mut() {
            last.push_str(line);
        }
    }
    documents
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        split(text).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn documents_begin_at_their_markers() {
        assert_eq!(lines("a: b\n---\nc: d\n"), [1, 2]);
        assert_eq!(lines("# about\n---\na: b\n--- # next\nc: d\n---"), [2, 4, 6]);
        assert_eq!(lines("a: b\r\n---\r\nc: d\r\n"), [1, 2]);
        // No marker: it is longer, or does not begin the line.
        assert_eq!(lines("a: |\n  ---\n---x: y\n----\n"), [1]);
    }

    #[test]
    fn yaml_is_read_as_kubernetes_reads_it() {
        let value = parse(1, "mode: 0644\nwanted: yes\ntext: \"no\"\n").unwrap();
        assert_eq!(value, serde_json::json!({ "mode": 420, "wanted": true, "text": "no" }));
    }

    #[test]
    fn errors_count_the_lines_of_the_file() {
        let error = parse(40, "a: b\nc: [\n").unwrap_err();
        assert!(error.contains("line 4"), "{error}");
        let error = parse(7, "a: b\na: c\n").unwrap_err();
        assert!(error.contains("line 8"), "{error}");
    }
}
