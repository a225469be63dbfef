//! Shell globs, for whatever a user may name many of at once. No paths and no regular expressions.

/// Where the bracket expression that begins the pattern ends: the index of its `]`. A `]` that comes first is literal.
fn closing(pattern: &[u8]) -> Option<usize> {
    let first = if pattern.get(1).is_some_and(|byte| matches!(byte, b'!' | b'^')) { 2 } else { 1 };
    (first + 1..pattern.len()).find(|at| pattern[*at] == b']')
}

/// Whether every `[` has its `]`.
pub(super) fn brackets_close(pattern: &str) -> bool {
    let mut pattern = pattern.as_bytes();
    while let Some(open) = pattern.iter().position(|byte| *byte == b'[') {
        let Some(close) = closing(&pattern[open..]) else { return false };
        pattern = &pattern[open + close + 1..];
    }
    true
}

/// Whether a text matches a shell glob with `*`, `?` and `[…]`. What names things is ASCII, so bytes are characters.
///
/// ```
/// assert!(harden::inventory::glob("cis-1.12:1.2.*", "cis-1.12:1.2.16"));
/// ```
pub fn glob(pattern: &str, text: &str) -> bool {
    // Where to go on after a mismatch: behind the last star, with one byte more given to it.
    let mut retry: Option<(&[u8], &[u8])> = None;
    let (mut pattern, mut name) = (pattern.as_bytes(), text.as_bytes());
    loop {
        let rest = match (pattern.first(), name.split_first()) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                retry = Some((&pattern[1..], name));
                pattern = &pattern[1..];
                continue;
            }
            (Some(b'['), Some((byte, _))) => closing(pattern)
                .filter(|close| in_class(&pattern[1..*close], *byte))
                .map(|close| &pattern[close + 1..]),
            (Some(expected), Some((byte, _))) if expected == byte || *expected == b'?' => Some(&pattern[1..]),
            _ => None,
        };
        if let Some(rest) = rest {
            (pattern, name) = (rest, &name[1..]);
        } else {
            match retry {
                Some((after, from)) if !from.is_empty() => {
                    retry = Some((after, &from[1..]));
                    (pattern, name) = (after, &from[1..]);
                }
                _ => return false,
            }
        }
    }
}

fn in_class(class: &[u8], byte: u8) -> bool {
    let (negated, mut class) = match class.split_first() {
        Some((b'!' | b'^', rest)) => (true, rest),
        _ => (false, class),
    };
    let mut found = false;
    while let Some((first, rest)) = class.split_first() {
        class = rest;
        if let [b'-', last, after @ ..] = rest {
            found |= (*first..=*last).contains(&byte);
            class = after;
        } else {
            found |= *first == byte;
        }
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (pattern, name, expected) in [
            ("cp-*", "cp-1", true),
            ("cp-*", "w-1", false),
            ("*", "", true),
            ("*-1", "cp-1-1", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("cp-?", "cp-12", false),
            ("w-[1-3]", "w-2", true),
            ("w-[!1-3]", "w-2", false),
            ("w-[^13]", "w-2", true),
            ("w-[]-]", "w--", true),
            ("[a-]", "-", true),
            ("", "a", false),
        ] {
            assert_eq!(glob(pattern, name), expected, "{pattern} {name}");
        }
    }
}
