//! The frame of a report that is one page: it needs no network and no other file. What comes from the cluster is text in it and
//! nothing else; a content security policy that allows just the page's own style and script is the second lock on that door.

use super::xml;
use base64::Engine as _;

const STYLE: &str = include_str!("page.css");

/// A page; what is in it is HTML already, the title aside.
pub(in crate::ui) struct Page<'a> {
    pub(in crate::ui) title: &'a str,
    /// The fragment and the words of the link that leads a keyboard to what the reader came for.
    pub(in crate::ui) skip_to: (&'a str, &'a str),
    pub(in crate::ui) header: &'a str,
    pub(in crate::ui) main: &'a str,
    /// Its script, where it has one.
    pub(in crate::ui) script: Option<&'a str>,
}

/// The page as HTML.
pub(in crate::ui) fn document(page: &Page<'_>) -> String {
    let Page { title, skip_to: (fragment, words), header, main, script } = page;
    let allowed = script.map_or_else(|| String::from("'none'"), |script| format!("'{}'", hash(script)));
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src {allowed}; base-uri 'none'; form-action 'none'",
        hash(STYLE)
    );
    let script = script.map(|script| format!("<script>{script}</script>\n")).unwrap_or_default();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#{fragment}\">{words}</a>\n\
         {header}<main>\n{main}</main>\n{script}</body>\n</html>\n",
        xml(title)
    )
}

/// What a content security policy calls a text.
fn hash(text: &str) -> String {
    let digest = openssl::sha::sha256(text.as_bytes());
    format!("sha256-{}", base64::engine::general_purpose::STANDARD.encode(digest))
}

/// The numbers of a report, as tiles with a class, a number and a word each.
pub(in crate::ui) fn tiles(tiles: &[(&str, usize, &str)]) -> String {
    let tile = |(class, number, word): &(&str, usize, &str)| {
        format!("<li class=\"{class}\"><strong>{number}</strong> {word}</li>\n")
    };
    format!("<ul class=\"tiles\">\n{}</ul>\n", tiles.iter().map(tile).collect::<Vec<_>>().concat())
}
