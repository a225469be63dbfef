//! The edits that turn one YAML text into another: found by walking the tree and both values together, made at once from
//! the back. What it gets wrong is caught by its caller, who parses the result.

use super::align::{self, Step};
use super::emit::{self, Layout};
use super::tree::{self, Body, Entry, Item, Node};
use super::{YamlError, lines};
use granit_parser::ScalarStyle;
use serde_json::{Map, Value};

/// The text changed from `old` to `new`. It must end with a newline.
pub(super) fn apply(text: &str, old: &Value, new: &Value) -> Result<String, YamlError> {
    let tree = tree::build(text)?;
    let layout = tree.as_ref().map_or(Layout { step: 2, list: 0 }, |tree| layout(text, tree));
    let mut editor =
        Editor { text, eol: lines::line_end(text), layout, splices: Vec::new(), place: Vec::new() };
    match &tree {
        Some(tree) if !old.is_null() => {
            editor.node(&Slot { after: tree.start, below: Below::Top, flow: false }, tree, old, new)?;
        }
        _ => editor.insert(text.len(), &emit::block(new, 0, layout)),
    }
    Ok(editor.finish())
}

/// Where a value stands.
struct Slot {
    /// Where the colon or the dash in front of it ends.
    after: usize,
    /// What it stands below.
    below: Below,
    /// Whether it is part of a list or mapping in flow style.
    flow: bool,
}

enum Below {
    Top,
    /// A key that begins in this column.
    Key(usize),
    /// A dash in this column.
    Dash(usize),
}

struct Splice {
    start: usize,
    end: usize,
    text: String,
}

struct Editor<'a> {
    text: &'a str,
    eol: &'static str,
    layout: Layout,
    splices: Vec<Splice>,
    place: Vec<String>,
}

impl Editor<'_> {
    fn node(&mut self, slot: &Slot, node: &Node, old: &Value, new: &Value) -> Result<(), YamlError> {
        match (&node.body, old, new) {
            _ if old == new => Ok(()),
            (Body::Mapping { flow, entries }, Value::Object(old), Value::Object(new))
                if entries.iter().any(|entry| new.contains_key(&entry.key)) =>
            {
                self.mapping(*flow || slot.flow, entries, old, new)
            }
            (Body::Sequence { flow, items }, Value::Array(old), Value::Array(new)) => {
                let steps = align::steps(old, new);
                let anchor = steps.iter().any(|step| matches!(step, Step::Keep | Step::Change(..)));
                let mixed = steps.iter().any(|step| matches!(step, Step::Insert(_)))
                    && steps.iter().any(|step| matches!(step, Step::Delete(_)));
                let flow = *flow || slot.flow;
                if anchor && !(flow && mixed) && items.len() == old.len() {
                    return self.sequence(flow, items, &steps, old, new);
                }
                self.replace(slot, node, &Value::Array(new.clone()));
                Ok(())
            }
            _ => {
                self.replace(slot, node, new);
                Ok(())
            }
        }
    }

    fn mapping(
        &mut self,
        flow: bool,
        entries: &[Entry],
        old: &Map<String, Value>,
        new: &Map<String, Value>,
    ) -> Result<(), YamlError> {
        let column = entries.first().map_or(0, |entry| lines::column(self.text, entry.key_start));
        for (index, entry) in entries.iter().enumerate() {
            self.place.push(entry.key.clone());
            let before = old.get(&entry.key).unwrap_or(&Value::Null);
            match new.get(&entry.key) {
                Some(after) => {
                    let slot = Slot { after: entry.colon_end, below: Below::Key(column), flow };
                    self.node(&slot, &entry.node, before, after)?;
                }
                None => self.remove_entry(flow, entries, index, new)?,
            }
            self.place.pop();
        }
        let sorted = entries.is_sorted_by(|a, b| a.key <= b.key);
        for (key, value) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
            let before = if sorted {
                entries.iter().rposition(|entry| entry.key < *key)
            } else {
                entries.len().checked_sub(1)
            };
            if flow {
                let end = entries.last().map_or(0, |entry| entry.node.end);
                self.splice(end, end, format!(", {}", emit::flow_entry(key, value)));
                continue;
            }
            let first = entries.first().map_or(0, |entry| entry.key_start);
            let at = match before {
                None if lines::is_first(self.text, first) => lines::start(self.text, first),
                before => lines::after(self.text, entries[before.unwrap_or(0)].node.end),
            };
            self.insert(at, &emit::entry(key, value, column, self.layout));
        }
        Ok(())
    }

    fn remove_entry(
        &mut self,
        flow: bool,
        entries: &[Entry],
        index: usize,
        new: &Map<String, Value>,
    ) -> Result<(), YamlError> {
        let entry = &entries[index];
        let kept = |entry: &&Entry| new.contains_key(&entry.key);
        if !flow && lines::is_first(self.text, entry.key_start) {
            let start = lines::start(self.text, entry.key_start);
            self.splice(start, lines::after(self.text, entry.node.end), String::new());
        } else if let Some(previous) = entries[..index].iter().rfind(kept).filter(|_| flow) {
            self.splice(previous.node.end, entry.node.end, String::new());
        } else if let Some(next) = entries[index..].iter().find(kept) {
            self.splice(entry.key_start, next.key_start, String::new());
        } else {
            return Err(self.unknown("an entry that shares its line with others would have to go"));
        }
        Ok(())
    }

    fn sequence(
        &mut self,
        flow: bool,
        items: &[Item],
        steps: &[Step],
        old: &[Value],
        new: &[Value],
    ) -> Result<(), YamlError> {
        let column = items.first().map_or(0, |item| lines::column(self.text, item.dash));
        let (mut passed, mut kept) = (None, None);
        let first_kept = steps
            .iter()
            .scan(0, |index, step| {
                let at = *index;
                *index += usize::from(!matches!(step, Step::Insert(_)));
                Some((at, step))
            })
            .find(|(_, step)| matches!(step, Step::Keep | Step::Change(..)))
            .map_or(0, |(at, _)| at);
        for step in steps {
            let next = passed.map_or(0, |index: usize| index + 1);
            match step {
                Step::Keep => (passed, kept) = (Some(next), Some(next)),
                Step::Change(i, j) => {
                    self.place.push(i.to_string());
                    let after = if flow { items[*i].dash } else { items[*i].dash + 1 };
                    let slot = Slot { after, below: Below::Dash(column), flow };
                    self.node(&slot, &items[*i].node, &old[*i], &new[*j])?;
                    self.place.pop();
                    (passed, kept) = (Some(next), Some(next));
                }
                Step::Delete(i) => {
                    self.remove_item(flow, items, *i, kept, first_kept)?;
                    passed = Some(next);
                }
                Step::Insert(j) => self.insert_item(flow, items, passed, column, &new[*j])?,
            }
        }
        Ok(())
    }

    fn remove_item(
        &mut self,
        flow: bool,
        items: &[Item],
        index: usize,
        kept: Option<usize>,
        first_kept: usize,
    ) -> Result<(), YamlError> {
        let item = &items[index];
        let (start, end) = match kept {
            Some(kept) if flow => (items[kept].node.end, item.node.end),
            None if flow => (item.node.start, items[first_kept].node.start),
            _ if lines::is_first(self.text, item.dash) => {
                (lines::start(self.text, item.dash), lines::after(self.text, item.node.end))
            }
            _ => return Err(self.unknown("an item that shares its line with others would have to go")),
        };
        self.splice(start, end, String::new());
        Ok(())
    }

    fn insert_item(
        &mut self,
        flow: bool,
        items: &[Item],
        passed: Option<usize>,
        column: usize,
        value: &Value,
    ) -> Result<(), YamlError> {
        match (flow, passed) {
            (true, Some(index)) => {
                let at = items[index].node.end;
                self.splice(at, at, format!(", {}", emit::flow(value)));
            }
            (true, None) => {
                let at = items[0].node.start;
                self.splice(at, at, format!("{}, ", emit::flow(value)));
            }
            (false, Some(index)) => {
                let at = lines::after(self.text, items[index].node.end);
                self.insert(at, &emit::item(value, column, self.layout));
            }
            (false, None) if lines::is_first(self.text, items[0].dash) => {
                let at = lines::start(self.text, items[0].dash);
                self.insert(at, &emit::item(value, column, self.layout));
            }
            (false, None) => {
                return Err(
                    self.unknown("an item would have to go in front of one that shares its line with others")
                );
            }
        }
        Ok(())
    }

    /// Replaces a whole value.
    fn replace(&mut self, slot: &Slot, node: &Node, new: &Value) {
        let end = if node.is_block() { lines::content_end(self.text, node.end) } else { node.end };
        if slot.flow {
            let space = if node.start == node.end { " " } else { "" };
            let text = match (&node.body, new) {
                (Body::Inline(style), Value::String(text)) if *style != ScalarStyle::Plain => {
                    emit::string(text, *style)
                }
                _ => emit::flow(new),
            };
            self.splice(node.start, node.end, format!("{space}{text}"));
        } else if emit::is_inline(new) {
            match &node.body {
                Body::Inline(style) if node.start != node.end => {
                    self.splice(node.start, node.end, emit::inline(new, *style));
                }
                _ => {
                    let space = if matches!(slot.below, Below::Top) { "" } else { " " };
                    let text = format!("{space}{}", emit::inline(new, ScalarStyle::Plain));
                    self.splice(slot.after, end, text);
                }
            }
        } else {
            self.replace_by_block(slot, node, end, new);
        }
    }

    fn replace_by_block(&mut self, slot: &Slot, node: &Node, end: usize, new: &Value) {
        match slot.below {
            Below::Top => {
                let text = emit::block(new, 0, self.layout).join(self.eol);
                self.splice(slot.after, end, text);
            }
            Below::Dash(column) => {
                let text = emit::block(new, column + 2, self.layout).join(self.eol);
                self.splice(slot.after, end, format!(" {}", text.trim_start()));
            }
            Below::Key(column) => {
                let below = column + if new.is_array() { self.layout.list } else { self.layout.step };
                let block = emit::block(new, below, self.layout);
                self.splice(slot.after, end, String::new());
                self.insert(lines::after(self.text, node.end), &block);
            }
        }
    }

    fn splice(&mut self, start: usize, end: usize, text: String) {
        self.splices.push(Splice { start, end, text });
    }

    fn insert(&mut self, at: usize, block: &[String]) {
        let text = block.iter().fold(String::new(), |text, line| text + line + self.eol);
        self.splice(at, at, text);
    }

    /// Makes all edits. Deletions may overlap; those that begin at one place are made in the order in which they were found.
    fn finish(mut self) -> String {
        self.splices.sort_by_key(|splice| splice.start);
        let (mut text, mut done) = (String::new(), 0);
        for splice in &self.splices {
            if splice.start > done {
                text.push_str(&self.text[done..splice.start]);
            }
            text.push_str(&splice.text);
            done = done.max(splice.end);
        }
        text.push_str(&self.text[done..]);
        text
    }

    fn unknown(&self, reason: &'static str) -> YamlError {
        YamlError::Layout { place: self.place.join("."), reason }
    }
}

/// How the file indents, by the first list and the first mapping that stand below a key.
fn layout(text: &str, tree: &Node) -> Layout {
    let (mut step, mut list) = (None, None);
    measure(text, tree, &mut step, &mut list);
    Layout { step: step.unwrap_or(2), list: list.unwrap_or(0) }
}

fn measure(text: &str, node: &Node, step: &mut Option<usize>, list: &mut Option<usize>) {
    match &node.body {
        Body::Mapping { flow: false, entries } => {
            for entry in entries {
                let offset = lines::column(text, entry.node.start)
                    .saturating_sub(lines::column(text, entry.key_start));
                match &entry.node.body {
                    Body::Mapping { flow: false, .. } if offset > 0 => {
                        step.get_or_insert(offset);
                    }
                    Body::Sequence { flow: false, .. } => {
                        list.get_or_insert(offset);
                    }
                    _ => {}
                }
                measure(text, &entry.node, step, list);
            }
        }
        Body::Sequence { flow: false, items } => {
            for item in items {
                measure(text, &item.node, step, list);
            }
        }
        _ => {}
    }
}
