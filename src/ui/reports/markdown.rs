//! Markdown for a comment on a pull request, as GitHub and GitLab render it. Whatever is foreign stands in code, whose fence is longer
//! than any in the text: it can neither end the code, nor become a link, nor notify somebody. A comment that is too long is
//! refused as a whole, so that it is shortened, and says what is left out.

use super::xml;
use crate::ui::change::Item;
use crate::ui::names::names;
use crate::ui::{count, line};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Write as _;

/// What GitHub takes: 65,536 characters. Bytes are counted, of which a text has no fewer.
const LONGEST: usize = 65_536;
/// What is kept free for the sentence that tells what was left out.
const RESERVE: usize = 512;
/// Names of nodes in one line.
const NAMES_SHOWN: usize = 8;

/// What is told of a node below the headline.
pub(in crate::ui) struct Section<'a> {
    /// Its name.
    pub(in crate::ui) node: &'a str,
    /// What there is.
    pub(in crate::ui) title: String,
    pub(in crate::ui) items: Vec<Item<'a>>,
}

/// Foreign text in one line, as code.
pub(in crate::ui) fn code(text: &str) -> String {
    let text = line(text);
    if !text.is_empty() && !text.contains('`') && text.trim() == text {
        return format!("`{text}`");
    }
    let fence = fence(&text, 1);
    // A space at each end is taken away again; without it a backtick at an end would be part of the fence.
    format!("{fence} {text} {fence}")
}

/// The same in a table, in which a bar would end the cell even within code.
pub(in crate::ui) fn cell(text: &str) -> String {
    code(text).replace('|', r"\|")
}

/// Foreign text that is safe already, as a block of code.
pub(in crate::ui) fn block(language: &str, text: &str) -> String {
    let fence = fence(text, 3);
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end_matches('\n'))
}

/// More backticks than stand together anywhere in a text, and no fewer than that many.
fn fence(text: &str, least: usize) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    "`".repeat(least.max(longest + 1))
}

/// A comment: what stands above, then node by node what there is. Nodes of which the very same is told share a section.
pub(in crate::ui) fn comment(mut text: String, sections: &[Section<'_>]) -> String {
    let (mut shortened, mut left_out) = (0, 0);
    for group in grouped(sections) {
        let (full, short) = (group.render(true), group.render(false));
        let room = LONGEST.saturating_sub(RESERVE + text.len());
        match () {
            () if full.len() <= room => text.push_str(&full),
            () if short.len() <= room => {
                text.push_str(&short);
                shortened += group.nodes.len();
            }
            () => left_out += group.nodes.len(),
        }
    }
    let cut = [(shortened, "shown without the diffs"), (left_out, "not shown at all")];
    let cut: Vec<_> = cut
        .into_iter()
        .filter(|(nodes, _)| *nodes > 0)
        .map(|(nodes, what)| format!("{} {what}", count(nodes, "node")))
        .collect();
    if !cut.is_empty() {
        let _ = writeln!(
            text,
            "\n**Shortened to the {LONGEST} characters that a comment may have:** {}.",
            cut.join(", ")
        );
    }
    text
}

/// The nodes of which the same is told.
struct Group<'a> {
    nodes: Vec<&'a str>,
    title: &'a str,
    /// What is told, with diffs and without.
    told: [String; 2],
}

fn grouped<'a>(sections: &'a [Section<'a>]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut known: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for section in sections {
        let full = body(section, true);
        match known.entry((&section.title, full)) {
            Entry::Occupied(group) => groups[*group.get()].nodes.push(section.node),
            Entry::Vacant(new) => {
                let told = [new.key().1.clone(), body(section, false)];
                new.insert(groups.len());
                groups.push(Group { nodes: vec![section.node], title: &section.title, told });
            }
        }
    }
    groups
}

impl Group<'_> {
    fn render(&self, with_diffs: bool) -> String {
        let [full, short] = &self.told;
        let names = names(&self.nodes, NAMES_SHOWN);
        format!(
            "\n<details><summary><code>{}</code>: {}</summary>\n\n{}\n</details>\n",
            xml(&line(&names)),
            xml(&line(self.title)),
            if with_diffs { full.trim_end() } else { short.trim_end() }
        )
    }
}

fn body(section: &Section<'_>, with_diffs: bool) -> String {
    section.items.iter().map(|it| item(it, with_diffs)).collect::<Vec<_>>().concat()
}

fn item(item: &Item<'_>, with_diff: bool) -> String {
    let marks: Vec<_> = item.marks.iter().map(|mark| code(mark)).collect();
    let no_return = if item.is_final { "!" } else { "" };
    let subject = code(&format!("{no_return}{} {}", item.action.sign(), item.subject));
    let since = item.since.map(crate::ui::moment::since);
    let told = item.shown_reasons().into_iter().chain(since).chain(item.remarks.iter().cloned());
    let told: Vec<_> = told.map(|told| format!("- {}\n", code(&told))).collect();
    let diff = if with_diff { item.plain_diff() } else { String::new() };
    let diff = if diff.is_empty() { diff } else { block("diff", &diff) };
    let heading = std::iter::once(subject).chain(marks).collect::<Vec<_>>().join(" ");
    let below = [told.concat(), diff].into_iter().filter(|part| !part.is_empty());
    std::iter::once(format!("{heading}\n")).chain(below).collect::<Vec<_>>().join("\n") + "\n"
}
