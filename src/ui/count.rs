//! Numbers of things in words.

/// A number and its noun, `1 change` and `2 changes`. Only for nouns whose plural ends in a plain s.
///
/// ```
/// assert_eq!(harden::ui::count(1, "node"), "1 node");
/// assert_eq!(harden::ui::count(0, "node"), "0 nodes");
/// ```
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
