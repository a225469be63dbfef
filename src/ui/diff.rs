//! Unified diffs in a gutter. The gutter keeps the diff's own signs apart from the dashes of YAML lists:
//! `│ -    - --profiling=true`.

use super::{Paint, Tone, View};
use similar::{ChangeTag, InlineChangeMode, InlineChangeOptions, TextDiff};
use std::borrow::Cow;
use std::time::{Duration, Instant};

/// Lines shown around a change.
const CONTEXT: usize = 3;
/// After this time a diff is finished coarsely; two unrelated large files would otherwise take minutes.
const TIMEOUT: Duration = Duration::from_millis(500);
/// Lines of a new or removed file that are shown.
const WHOLE_FILE_LINES: usize = 20;
/// What stands left of every line.
const GUTTER: &str = "      │ ";
const NO_NEWLINE: &str = "\\ no newline at the end";

/// The lines of a diff of two texts, one of which may not exist. The texts are safe to print already.
pub(super) fn lines(before: Option<&str>, after: Option<&str>, view: View) -> Vec<String> {
    match (before, after) {
        (None, None) => Vec::new(),
        (None, Some(text)) => whole(text, '+', Tone::Added, view),
        (Some(text), None) => whole(text, '-', Tone::Removed, view),
        (Some(before), Some(after)) => unified(before, after, view),
    }
}

/// A diff as other programs read it: without a gutter and without colour.
pub(super) fn plain(before: Option<&str>, after: Option<&str>) -> String {
    let view = View { paint: Paint { color: false }, width: usize::MAX, verbose: false };
    let lines = lines(before, after, view);
    lines.iter().map(|line| line.strip_prefix(GUTTER).unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// The lines that a diff removes and adds, without signs of where they are: two nodes get the same change of a file
/// even where the rest of it differs.
pub(super) fn changed_lines(before: Option<&str>, after: Option<&str>) -> Vec<(ChangeTag, String)> {
    let diff = TextDiff::configure()
        .timeout(TIMEOUT)
        .diff_lines(before.unwrap_or_default(), after.unwrap_or_default());
    diff.iter_all_changes()
        .filter(|change| change.tag() != ChangeTag::Equal)
        .map(|change| (change.tag(), change.value().to_owned()))
        .collect()
}

fn gutter(view: View, rest: &str) -> String {
    format!("{}{rest}", view.paint.tone(Tone::Faint, GUTTER))
}

fn whole(text: &str, sign: char, tone: Tone, view: View) -> Vec<String> {
    let all = text.lines().count();
    // One line more than the limit is shown rather than announced.
    let shown = if view.verbose || all <= WHOLE_FILE_LINES + 1 { all } else { WHOLE_FILE_LINES };
    let mut lines: Vec<String> = text
        .lines()
        .take(shown)
        .map(|line| gutter(view, &view.paint.tone(tone, &format!("{sign}{line}"))))
        .collect();
    if shown < all {
        lines.push(gutter(view, &view.paint.tone(Tone::Faint, &format!("… {} more lines", all - shown))));
    }
    lines
}

fn unified(before: &str, after: &str, view: View) -> Vec<String> {
    let diff = TextDiff::configure().timeout(TIMEOUT).diff_lines(before, after);
    let deadline = Instant::now() + TIMEOUT;
    // By characters, since a flag and its value are one word to `similar`; the marks then grow to whole words.
    let mut inline = InlineChangeOptions::new();
    inline.mode(InlineChangeMode::Chars).semantic_cleanup(true);
    let mut lines = Vec::new();
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        lines.push(gutter(view, &view.paint.tone(Tone::Faint, &hunk.header().to_string())));
        for operation in hunk.ops() {
            for change in diff.iter_inline_changes_with_options_deadline(operation, inline, Some(deadline)) {
                let (sign, tone) = match change.tag() {
                    ChangeTag::Delete => ("-", Tone::Removed),
                    ChangeTag::Insert => ("+", Tone::Added),
                    ChangeTag::Equal => (" ", Tone::Plain),
                };
                let mut text = view.paint.tone(tone, sign);
                for (changed, piece) in whole_words(change.iter_strings_lossy()) {
                    text.push_str(&if changed {
                        view.paint.marked(tone, &piece)
                    } else {
                        view.paint.tone(tone, &piece)
                    });
                }
                // Trailing spaces may be the change itself; only the sign of an empty line goes.
                lines.push(gutter(view, if text == " " { "" } else { &text }));
                if change.missing_newline() {
                    lines.push(gutter(view, &view.paint.tone(Tone::Faint, NO_NEWLINE)));
                }
            }
        }
    }
    lines
}

/// The pieces of a line without its newline, where a mark within a word covers the word: `true`, not the `tru` of
/// `true` and `false`.
fn whole_words<'a>(pieces: impl Iterator<Item = (bool, Cow<'a, str>)>) -> Vec<(bool, String)> {
    let mut marked: Vec<(bool, char)> = Vec::new();
    for (changed, piece) in pieces {
        marked.extend(piece.trim_end_matches('\n').chars().map(|character| (changed, character)));
    }
    for word in marked.chunk_by_mut(|left, right| left.1.is_alphanumeric() && right.1.is_alphanumeric()) {
        let changed = word.iter().any(|(changed, _)| *changed);
        for (mark, _) in word {
            *mark = changed;
        }
    }
    marked
        .chunk_by(|left, right| left.0 == right.0)
        .map(|run| (run[0].0, run.iter().map(|(_, character)| *character).collect()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_cover_words() {
        let pieces = [(false, "--a="), (true, "tru"), (false, "e,x"), (true, "-y"), (false, " z\n")];
        let words = whole_words(pieces.into_iter().map(|(changed, piece)| (changed, Cow::Borrowed(piece))));
        let words: Vec<_> = words.iter().map(|(changed, piece)| (*changed, piece.as_str())).collect();
        assert_eq!(words, [(false, "--a="), (true, "true"), (false, ",x"), (true, "-y"), (false, " z")]);
    }
}
