//! The nodes that could not be read, why, and what to do about it.

use super::{Tone, View, line};
use crate::inventory::NodeName;
use std::collections::BTreeSet;

/// A node, why it could not be read, and the remedy.
pub(super) type Unread<'a> = (&'a NodeName, &'a str, Option<&'a str>);

/// Their lines; none where every node was read.
pub(super) fn lines<'a>(unread: impl Iterator<Item = Unread<'a>>, view: View) -> Vec<String> {
    let mut lines = Vec::new();
    // A remedy is mostly the same for all of them.
    let mut hints = BTreeSet::new();
    for (node, error, hint) in unread {
        if lines.is_empty() {
            lines.push(view.paint.tone(Tone::Warning, "Not read:"));
        }
        lines.push(format!("  {node}: {}", line(error)));
        hints.extend(hint);
    }
    lines.extend(hints.into_iter().map(|hint| format!("  hint: {}", line(hint))));
    lines
}

/// The lines of notices.
pub(super) fn notices(notices: &[String], view: View) -> Vec<String> {
    let notice = view.paint.tone(Tone::Warning, "Notice:");
    notices.iter().map(|text| format!("{notice} {}", line(text))).collect()
}
