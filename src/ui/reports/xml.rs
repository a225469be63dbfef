//! Text in XML and HTML. What comes from a cluster may be anything that its users could write into a name: control
//! characters and what reorders text are written out by [`crate::ui::line`] before, and here nothing can become markup.

/// Text for XML and HTML, as content or in a quoted attribute. What XML cannot hold at all becomes U+FFFD.
pub(in crate::ui) fn xml(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            '\n' | '\t' => safe.push(character),
            other if other.is_control() => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::xml;

    #[test]
    fn nothing_becomes_markup() {
        assert_eq!(xml("<a href='x' b=\"y\">&"), "&lt;a href=&#39;x&#39; b=&quot;y&quot;&gt;&amp;");
        assert_eq!(xml("a\u{0}\u{1b}\u{ffff}\n"), "a\u{fffd}\u{fffd}\u{fffd}\n");
    }
}
