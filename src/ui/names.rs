//! Many names in one line.

/// The names, those beyond `most` counted: `cp-1, cp-2 and 3 more`.
pub(super) fn names(all: &[&str], most: usize) -> String {
    // One more than the limit is shown rather than announced.
    let shown = if all.len() <= most.saturating_add(1) { all.len() } else { most };
    let listed = all.iter().take(shown).copied().collect::<Vec<_>>().join(", ");
    if shown < all.len() { format!("{listed} and {} more", all.len() - shown) } else { listed }
}
