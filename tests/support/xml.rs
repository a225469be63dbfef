//! XML as it is written here, read strictly.

/// Elements with their attributes, in order; panics where XML is not well-formed. It knows what is written here: no
/// comments, no CDATA.
pub(crate) fn elements(xml: &str) -> Vec<(String, Vec<(String, String)>)> {
    let entities = |text: &str| {
        for part in text.split('&').skip(1) {
            let name = part.split(';').next().unwrap();
            assert!(["amp", "lt", "gt", "quot", "#39"].contains(&name), "&{name};");
        }
        assert!(text.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'), "{text:?}");
    };
    let mut rest = xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").unwrap();
    let (mut open, mut found) = (Vec::new(), Vec::new());
    while let Some(start) = rest.find('<') {
        entities(&rest[..start]);
        let end = start + rest[start..].find('>').unwrap();
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name));
            continue;
        }
        let is_empty = tag.ends_with('/');
        let (name, mut text) =
            tag.trim_end_matches('/').split_once(' ').unwrap_or((tag.trim_end_matches('/'), ""));
        let mut attributes = Vec::new();
        while let Some((key, after)) = text.trim_start().split_once("=\"") {
            let (value, after) = after.split_once('"').unwrap();
            entities(value);
            attributes.push((key.to_owned(), value.to_owned()));
            text = after;
        }
        assert!(text.trim().is_empty(), "{text}");
        if !is_empty {
            open.push(name.to_owned());
        }
        found.push((name.to_owned(), attributes));
    }
    assert!(open.is_empty() && rest.trim().is_empty());
    found
}
