//! Where each part of a YAML text stands: the parser's events as a tree with byte offsets. It holds no values but
//! the names of keys.

use super::{YamlError, lines};
use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};

/// One node of the text.
#[derive(Debug)]
pub(super) struct Node {
    /// Where it begins; anchor and tag not included.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// What it is.
    pub body: Body,
}

/// What a node is.
#[derive(Debug)]
pub(super) enum Body {
    /// A scalar on one or more lines, or an alias; the style tells how it is quoted.
    Inline(ScalarStyle),
    /// A literal or folded scalar.
    BlockScalar,
    /// A list.
    Sequence { flow: bool, items: Vec<Item> },
    /// A mapping.
    Mapping { flow: bool, entries: Vec<Entry> },
}

/// One item of a list.
#[derive(Debug)]
pub(super) struct Item {
    /// Where its dash stands; in flow style, where the item begins.
    pub dash: usize,
    /// The item.
    pub node: Node,
}

/// One entry of a mapping.
#[derive(Debug)]
pub(super) struct Entry {
    /// The key as text.
    pub key: String,
    /// Where the key begins.
    pub key_start: usize,
    /// Where the colon ends.
    pub colon_end: usize,
    /// The value.
    pub node: Node,
}

impl Node {
    /// Whether its children, or it itself, are laid out by indentation.
    pub(super) fn is_block(&self) -> bool {
        match &self.body {
            Body::Inline(_) => false,
            Body::BlockScalar => true,
            Body::Sequence { flow, .. } | Body::Mapping { flow, .. } => !flow,
        }
    }
}

/// The tree of the first document; `None` when there is none.
pub(super) fn build(text: &str) -> Result<Option<Node>, YamlError> {
    let mut events = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event
            .map_err(|_| YamlError::Layout { place: String::from("the top"), reason: "it is not YAML" })?;
        match event {
            Event::Scalar(..)
            | Event::Alias(_)
            | Event::SequenceStart(..)
            | Event::SequenceEnd
            | Event::MappingStart(..)
            | Event::MappingEnd => events.push((event, span)),
            _ => {}
        }
    }
    let mut builder = Builder { text, events: events.into_iter().peekable() };
    if builder.events.peek().is_none() { Ok(None) } else { builder.node(None).map(Some) }
}

struct Builder<'a, I: Iterator<Item = (Event<'a>, Span)>> {
    text: &'a str,
    events: std::iter::Peekable<I>,
}

impl<'a, I: Iterator<Item = (Event<'a>, Span)>> Builder<'a, I> {
    /// The next node. `empty_at` is where a value that is not written at all is said to stand.
    fn node(&mut self, empty_at: Option<usize>) -> Result<Node, YamlError> {
        let Some((event, span)) = self.events.next() else { return Err(self.unknown(self.text.len())) };
        let range = span.byte_range().ok_or_else(|| self.unknown(0))?;
        match event {
            Event::Scalar(_, style, ..) => Ok(self.scalar(style, range, empty_at)),
            Event::Alias(_) => {
                Ok(Node { start: range.start, end: range.end, body: Body::Inline(ScalarStyle::Plain) })
            }
            Event::SequenceStart(style, ..) => self.sequence(range.start, style == StructureStyle::Flow),
            Event::MappingStart(style, ..) => self.mapping(range.start, style == StructureStyle::Flow),
            _ => Err(self.unknown(range.start)),
        }
    }

    fn scalar(&self, style: ScalarStyle, range: std::ops::Range<usize>, empty_at: Option<usize>) -> Node {
        match (style, empty_at) {
            (ScalarStyle::Literal | ScalarStyle::Folded, _) => {
                let line = lines::start(self.text, range.end);
                let end = if self.text[line..range.end].trim().is_empty() { line } else { range.end };
                Node { start: range.start, end, body: Body::BlockScalar }
            }
            (ScalarStyle::Plain, Some(at)) if range.is_empty() => {
                Node { start: at, end: at, body: Body::Inline(style) }
            }
            _ => Node { start: range.start, end: range.end, body: Body::Inline(style) },
        }
    }

    fn sequence(&mut self, start: usize, flow: bool) -> Result<Node, YamlError> {
        let column = lines::column(self.text, start);
        let mut items: Vec<Item> = Vec::new();
        let mut end = start;
        loop {
            if let Some((Event::SequenceEnd, span)) = self.events.peek() {
                if flow {
                    end = span.end.byte_offset().unwrap_or(end);
                }
                self.events.next();
                return Ok(Node { start, end, body: Body::Sequence { flow, items } });
            }
            let item = if flow {
                let node = self.node(None)?;
                Item { dash: node.start, node }
            } else {
                let dash = match items.last() {
                    None => Some(start),
                    Some(item) => self.next_dash(item.node.end, Some(column)),
                };
                let dash = dash
                    .filter(|dash| self.text[*dash..].starts_with('-'))
                    .ok_or_else(|| self.unknown(start))?;
                Item { dash, node: self.node(Some(dash + 1))? }
            };
            end = item.node.end;
            items.push(item);
        }
    }

    /// The dash of the item that follows one which ends here. Only comments and blank lines stand between them.
    fn next_dash(&self, end: usize, column: Option<usize>) -> Option<usize> {
        let mut at = lines::after(self.text, end);
        while at < self.text.len() {
            let line = &self.text[at..lines::after(self.text, at + 1)];
            let dash = at + line.len() - line.trim_start_matches(' ').len();
            if self.text[dash..].starts_with('-') {
                return column.is_none_or(|column| column == dash - at).then_some(dash);
            }
            if !line.trim().is_empty() && !self.text[dash..].starts_with('#') {
                return None;
            }
            at += line.len();
        }
        None
    }

    /// The value of a key whose colon ends here.
    fn value(&mut self, colon_end: usize) -> Result<Node, YamlError> {
        if let Some((Event::SequenceStart(StructureStyle::Block, ..), _)) = self.events.peek() {
            self.events.next();
            // For a list that is not indented the parser names the place behind its first dash.
            let dash = self.next_dash(colon_end, None).ok_or_else(|| self.unknown(colon_end))?;
            return self.sequence(dash, false);
        }
        self.node(Some(colon_end))
    }

    fn mapping(&mut self, start: usize, flow: bool) -> Result<Node, YamlError> {
        let mut entries = Vec::new();
        let (mut first, mut end) = (None, start);
        loop {
            if let Some((Event::MappingEnd, span)) = self.events.peek() {
                if flow {
                    end = span.end.byte_offset().unwrap_or(end);
                }
                self.events.next();
                // In block style a tag or an anchor of the first key would be taken for part of the mapping.
                let start = if flow { start } else { first.unwrap_or(start) };
                return Ok(Node { start, end, body: Body::Mapping { flow, entries } });
            }
            let key = match self.events.peek() {
                Some((Event::Scalar(key, ..), _)) => key.to_string(),
                _ => return Err(self.unknown(end)),
            };
            let key_node = self.node(None)?;
            let rest = &self.text[key_node.end..];
            let colon = key_node.end + rest.len() - rest.trim_start_matches([' ', '\t']).len();
            if !self.text[colon..].starts_with(':') {
                return Err(self.unknown(key_node.start));
            }
            let node = self.value(colon + 1)?;
            first = first.or(Some(key_node.start));
            end = node.end;
            entries.push(Entry { key, key_start: key_node.start, colon_end: colon + 1, node });
        }
    }

    fn unknown(&self, at: usize) -> YamlError {
        let line = self.text[..at].matches('\n').count() + 1;
        YamlError::Layout {
            place: format!("line {line}"),
            reason: "this way of writing a list or a mapping is not supported",
        }
    }
}
