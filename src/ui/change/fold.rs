//! Nodes of one role mostly get the same changes: what was shown on one node is not shown again on the next, so that the
//! plan of a large cluster stays readable.

use super::item::Item;
use crate::inventory::NodeName;
use crate::ui::moment::since_between;
use crate::ui::{Tone, View};
use std::collections::VecDeque;

/// Nodes shown in full that later ones are compared with. A few are enough (one for each role), and more would make a
/// plan of thousands of different nodes slow.
const KEPT: usize = 8;

/// The nodes that have been shown in full.
#[derive(Debug, Default)]
pub(in crate::ui) struct References<'a>(VecDeque<(&'a NodeName, Vec<Item<'a>>)>);

/// How a node is shown.
enum Folded<'a> {
    /// In full.
    None(Vec<Item<'a>>),
    /// As another node, apart from some.
    Same {
        /// The other node.
        as_on: &'a NodeName,
        /// The changes that are the same.
        same: Vec<Item<'a>>,
        /// The others, all of which change a resource that is changed otherwise there, or not at all.
        differing: Vec<Item<'a>>,
    },
    /// Some as on another node, which has more changes than that: each is named, the same ones without their diff.
    Partly {
        /// The other node.
        as_on: &'a NodeName,
        /// The changes, and whether they are the same.
        items: Vec<(Item<'a>, bool)>,
    },
}

impl<'a> References<'a> {
    /// The lines of a node's changes, which are called what `noun` says.
    pub(in crate::ui) fn lines(
        &mut self,
        node: &'a NodeName,
        items: Vec<Item<'a>>,
        noun: &str,
        view: View,
    ) -> Vec<String> {
        let full = |items: Vec<Item<'_>>| items.iter().flat_map(|item| item.lines(view)).collect::<Vec<_>>();
        match self.fold(node, items, view.verbose) {
            Folded::None(items) => full(items),
            Folded::Same { as_on, same, differing } => {
                let since = since_between(same.iter().filter_map(|item| item.since));
                let since = since.map(|since| format!(", {since}")).unwrap_or_default();
                let same = format!("    same {noun} as {as_on} ({}){since}", same.len());
                [view.paint.tone(Tone::Faint, &same)].into_iter().chain(full(differing)).collect()
            }
            Folded::Partly { as_on, items } => items
                .into_iter()
                .flat_map(|(item, same)| {
                    let heading = || vec![item.heading(view, &format!("  as on {as_on}"))];
                    if same { heading() } else { item.lines(view) }
                })
                .collect(),
        }
    }

    /// Decides how a node is shown, and remembers it where that is in full.
    fn fold(&mut self, node: &'a NodeName, items: Vec<Item<'a>>, verbose: bool) -> Folded<'a> {
        if verbose {
            return Folded::None(items);
        }
        let alike = |known: &[Item<'a>]| items.iter().filter(|item| is_among(item, known)).count();
        let best = self
            .0
            .iter()
            .map(|(name, known)| (alike(known), *name, known))
            .filter(|(count, ..)| *count > 0 && *count * 2 >= items.len())
            .max_by_key(|(count, ..)| *count);
        let Some((_, as_on, known)) = best else {
            self.0.push_back((node, items.clone()));
            if self.0.len() > KEPT {
                self.0.pop_front();
            }
            return Folded::None(items);
        };
        let covered = known.iter().all(|item| items.iter().any(|own| own.resource == item.resource));
        let items = items.into_iter().map(|item| {
            let same = is_among(&item, known);
            (item, same)
        });
        if covered {
            let (same, differing): (Vec<_>, Vec<_>) = items.partition(|(_, same)| *same);
            let alone = |items: Vec<(Item<'a>, bool)>| items.into_iter().map(|(item, _)| item).collect();
            Folded::Same { as_on, same: alone(same), differing: alone(differing) }
        } else {
            Folded::Partly { as_on, items: items.collect() }
        }
    }
}

fn is_among<'a>(item: &Item<'a>, known: &[Item<'a>]) -> bool {
    known.iter().any(|other| item.is_same(other))
}
