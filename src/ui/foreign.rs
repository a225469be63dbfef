//! Text from elsewhere (nodes, files, libraries) made safe to print: secrets masked, control characters written out.
//! A node could otherwise move the cursor, set the window's title or hide a line of a diff.

use crate::secret::mask;

/// Characters that reorder or hide the text around them ("Trojan Source", CVE-2021-42574).
fn reorders(character: char) -> bool {
    matches!(
        character,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

/// Whether a character moves the cursor, or reorders or hides the text around it.
pub(super) fn is_unsafe(character: char) -> bool {
    character.is_control() || reorders(character)
}

fn escape(text: &str, keep: &[char]) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if keep.contains(&character) || !is_unsafe(character) {
            safe.push(character);
        } else {
            safe.extend(character.escape_default());
        }
    }
    safe
}

/// Foreign text for one line: newlines are written out as well.
///
/// ```
/// assert_eq!(harden::ui::line("a\nb\u{1b}[2J"), r"a\nb\u{1b}[2J");
/// ```
pub fn line(text: &str) -> String {
    escape(&mask(text), &[])
}

/// Foreign text of several lines: newlines and tabs stay.
///
/// ```
/// assert_eq!(harden::ui::block("a\n\tb\r\u{9b}2J"), "a\n\tb\\r\\u{9b}2J");
/// ```
pub fn block(text: &str) -> String {
    escape(&mask(text), &['\n', '\t'])
}

/// How much of a digest is shown: enough to tell two apart.
const DIGEST_SHOWN: usize = 12;

/// Shortens every `sha256:` digest to its first twelve digits.
pub(super) fn shorten_digests(text: &str) -> String {
    const PREFIX: &str = "sha256:";
    let mut short = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(PREFIX) {
        let (before, digest) = rest.split_at(start + PREFIX.len());
        let length = digest.bytes().take_while(u8::is_ascii_hexdigit).count();
        short.push_str(before);
        short.push_str(&digest[..length.min(DIGEST_SHOWN)]);
        rest = &digest[length..];
    }
    short.push_str(rest);
    short
}

/// A longer word (a list of cipher suites, a digest) is shortened in running text.
const WORD_SHOWN: usize = 48;

/// Shortens every very long word to its beginning.
pub(super) fn shorten_words(text: &str) -> String {
    let short = |word: &str| match word.char_indices().nth(WORD_SHOWN) {
        Some((end, _)) => format!("{}…", &word[..end]),
        None => word.to_owned(),
    };
    text.split(' ').map(short).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_hides_or_moves_is_written_out() {
        assert_eq!(line("\u{202e}gnp.exe"), r"\u{202e}gnp.exe");
        assert_eq!(line("tab\there"), r"tab\there");
        assert_eq!(line("Grüße, 世界 → ok"), "Grüße, 世界 → ok");
    }

    #[test]
    fn a_secret_is_masked_before_it_is_escaped() {
        let _kept = crate::secret::Secret::new(String::from("tab\tinside\tof-it"));
        assert_eq!(line("x tab\tinside\tof-it y"), "x (sensitive) y");
    }

    #[test]
    fn long_words_are_shortened() {
        assert_eq!(shorten_words("a  b"), "a  b");
        assert_eq!(shorten_words(&format!("x {} y", "ü".repeat(49))), format!("x {}… y", "ü".repeat(48)));
        assert_eq!(shorten_words(&"z".repeat(48)), "z".repeat(48));
    }

    #[test]
    fn digests_are_shortened() {
        let digest = "0123456789abcdef".repeat(4);
        assert_eq!(
            shorten_digests(&format!("a sha256:{digest}, sha256:0123")),
            "a sha256:0123456789ab, sha256:0123"
        );
        assert_eq!(shorten_digests("none"), "none");
    }
}
