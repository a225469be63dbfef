//! One problem in a file of the user: where it is, what it is, what to do about it, and its printed form.
//! It knows nothing of inventories.

use annotate_snippets::{AnnotationKind, Level as SnippetLevel, Renderer, Snippet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The file cannot be used.
    Error,
    /// The file can be used, and the user should know.
    Warning,
}

/// What is wrong and what to do about it, without the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// What is wrong, one line.
    pub(super) message: String,
    /// What to do about it, one line.
    pub(super) help: Option<String>,
}

impl Problem {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    pub(super) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

/// A text of the user inside a message: in backticks, control characters escaped, cut when it is very long.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    if text.is_empty() {
        return String::from("the empty string");
    }
    let mut escaped: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().count() > LONGEST {
        escaped.push('…');
    }
    format!("`{}`", escaped.replace("\\\"", "\"").replace("\\'", "'"))
}

/// The candidate that was probably meant.
pub(crate) fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LIKE_ENOUGH: f64 = 0.8;
    let text = text.to_lowercase().replace('_', "-");
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&text, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= LIKE_ENOUGH)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// The file that diagnostics point into.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// The file's name as the user gave it.
    pub(super) name: String,
    /// Its content.
    pub(super) text: String,
    /// The byte at which each line begins.
    starts: Vec<usize>,
    /// What no excerpt may show: the value of a key that nobody knows may be a password.
    hidden: Vec<Range<usize>>,
}

impl Source {
    pub(super) fn new(name: String, text: String) -> Self {
        let mut starts = vec![0];
        starts.extend(text.match_indices('\n').map(|(at, _)| at + 1));
        Self { name, text, starts, hidden: Vec::new() }
    }

    /// The index of the line that holds a byte, from 0.
    pub(super) fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).saturating_sub(1)
    }

    /// The byte at which a line begins.
    fn start(&self, line: usize) -> usize {
        self.starts.get(line).copied().unwrap_or(self.text.len())
    }

    /// Line and column, both from 1; the column in characters.
    pub(super) fn place(&self, at: usize) -> (usize, usize) {
        let line = self.line(at);
        let before = self.text.get(self.start(line)..floor(&self.text, at)).unwrap_or_default();
        (line + 1, before.chars().count() + 1)
    }

    /// A line's text, without its end.
    pub(super) fn line_text(&self, line: usize) -> &str {
        let rest = self.text.get(self.start(line)..self.start(line + 1)).unwrap_or_default();
        rest.trim_end_matches(['\n', '\r'])
    }

    /// A line as an excerpt may show it: cut before the first thing that may be a secret.
    fn printable(&self, line: usize) -> String {
        let text = self.line_text(line);
        let start = self.start(line);
        let end = start + text.len();
        let hidden = self.hidden.iter().filter(|range| range.start < end && range.end > start);
        let hidden = hidden.map(|range| range.start.saturating_sub(start)).min();
        match hidden.into_iter().chain(secret_value(text)).min() {
            Some(cut) => format!("{}…", &text[..floor(text, cut)]),
            None => text.to_owned(),
        }
    }
}

/// One problem in a file of the user.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    pub(super) level: Level,
    pub(super) problem: Problem,
    pub(super) span: Range<usize>,
    /// A second place that belongs to it, and what it is.
    pub(super) related: Option<(Range<usize>, String)>,
    /// Whether the line is shown; not for what is missing in the file as a whole.
    pub(super) excerpt: bool,
    pub(super) source: Arc<Source>,
}

impl Diagnostic {
    /// How bad it is.
    pub fn level(&self) -> Level {
        self.level
    }

    /// What is wrong, one line.
    pub fn message(&self) -> &str {
        &self.problem.message
    }

    /// What to do about it, one line.
    pub fn help(&self) -> Option<&str> {
        self.problem.help.as_deref()
    }

    /// The file's name as the user gave it.
    pub fn file(&self) -> &str {
        &self.source.name
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.source.place(self.span.start).0
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> usize {
        self.source.place(self.span.start).1
    }

    /// The printed form: `file:line:column: error: message`, the excerpt of the source, the help. Ends with a newline.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let level = match self.level {
            Level::Error => SnippetLevel::ERROR,
            Level::Warning => SnippetLevel::WARNING,
        };
        let mut group = annotate_snippets::Group::with_title(level.primary_title(self.message()));
        if self.excerpt {
            group = group.element(self.snippet());
        }
        if let Some(help) = self.help() {
            group = group.element(SnippetLevel::HELP.message(help));
        }
        let body = renderer.render(&[group]);
        let mut text = format!("{}:{}:{}: ", self.file(), self.line(), self.column());
        for line in body.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    fn snippet(&self) -> Snippet<'static, annotate_snippets::Annotation<'static>> {
        let spans = std::iter::once(&self.span).chain(self.related.iter().map(|(span, _)| span));
        let lines = spans.map(|span| self.source.line(span.start));
        let first = lines.clone().min().unwrap_or_default();
        let last = lines.max().unwrap_or_default();
        let mut text = String::new();
        let mut lines_at = Vec::new();
        for line in first..=last {
            lines_at.push((self.source.start(line), text.len()));
            text.push_str(&self.source.printable(line));
            text.push('\n');
        }
        // What continues on later lines is marked on its first line only.
        let mapped = |span: &Range<usize>| {
            let line = self.source.line(span.start);
            let (from, to) = lines_at.get(line - first).copied().unwrap_or_default();
            let end =
                text.get(to..).and_then(|rest| rest.find('\n')).map_or(text.len(), |length| to + length);
            let place =
                |at: usize| floor(&text, (to + floor(&self.source.text, at).saturating_sub(from)).min(end));
            place(span.start)..place(span.end.max(span.start))
        };
        let primary = AnnotationKind::Primary.span(mapped(&self.span));
        let related = self
            .related
            .as_ref()
            .map(|(span, label)| AnnotationKind::Context.span(mapped(span)).label(label.clone()));
        let annotations: Vec<_> = std::iter::once(primary).chain(related).collect();
        Snippet::source(text).line_start(first + 1).annotations(annotations)
    }
}

/// Where the value begins of a key that looks as if that were a secret. The inventory has no such key, so this guards
/// against mistakes in lines that could not be read as TOML.
fn secret_value(line: &str) -> Option<usize> {
    let lower = line.to_ascii_lowercase();
    let words = ["pass", "secret", "token", "credential", "private"];
    let key = words.iter().filter_map(|word| lower.find(word)).min()?;
    // `resources = ["secrets"]` names none.
    lower[key..].find('=').map(|equals| key + equals + 2)
}

/// The nearest character boundary at or before a byte.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

/// Where something sound stands in a file of the user, so that who knows more than the reader can still blame it.
#[derive(Clone)]
pub struct Place {
    span: Range<usize>,
    source: Arc<Source>,
}

impl Place {
    /// An error at this place, with what to do about it.
    pub fn error(&self, message: impl Into<String>, help: Option<String>) -> Diagnostic {
        Diagnostic {
            level: Level::Error,
            problem: Problem { message: message.into(), help },
            span: self.span.clone(),
            related: None,
            excerpt: true,
            source: Arc::clone(&self.source),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.error("", None);
        write!(f, "{}:{}:{}", at.file(), at.line(), at.column())
    }
}

/// Collects diagnostics of one file.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) source: Arc<Source>,
    pub(super) diagnostics: Vec<Diagnostic>,
    hidden: Vec<Range<usize>>,
}

impl Report {
    pub(super) fn new(source: Source) -> Self {
        Self { source: Arc::new(source), diagnostics: Vec::new(), hidden: Vec::new() }
    }

    /// The line on which a part of the file begins, from 1.
    pub(super) fn line(&self, span: &Range<usize>) -> usize {
        self.source.line(span.start) + 1
    }

    /// A place for what others may find out later.
    pub(super) fn place(&self, span: Range<usize>) -> Place {
        Place { span, source: Arc::clone(&self.source) }
    }

    fn add(&mut self, level: Level, span: Range<usize>, problem: Problem) -> &mut Diagnostic {
        let source = Arc::clone(&self.source);
        let at = self.diagnostics.len();
        self.diagnostics.push(Diagnostic { level, problem, span, related: None, excerpt: true, source });
        &mut self.diagnostics[at]
    }

    pub(super) fn error(&mut self, span: Range<usize>, problem: Problem) {
        self.add(Level::Error, span, problem);
    }

    pub(super) fn warning(&mut self, span: Range<usize>, problem: Problem) {
        self.add(Level::Warning, span, problem);
    }

    /// An error of the file as a whole.
    pub(super) fn error_in_file(&mut self, problem: Problem) {
        self.add(Level::Error, 0..0, problem).excerpt = false;
    }

    /// An error in the TOML syntax. What follows on its line was not understood, so it stays unprinted.
    pub(super) fn syntax_error(&mut self, span: Range<usize>, problem: Problem) {
        let line = self.source.line(span.start);
        let end = self.source.start(line) + self.source.line_text(line).len();
        let rest = self.source.text.get(span.end..end).unwrap_or_default();
        if !rest.trim().is_empty() {
            self.hide(span.end..end);
        }
        self.error(span, problem);
    }

    /// Keeps a part of the file out of all excerpts.
    pub(super) fn hide(&mut self, span: Range<usize>) {
        self.hidden.push(span);
    }

    /// An error with a second place.
    pub(super) fn error_with(
        &mut self,
        span: Range<usize>,
        problem: Problem,
        related: (Range<usize>, &'static str),
    ) {
        self.add(Level::Error, span, problem).related = Some((related.0, related.1.to_owned()));
    }

    pub(super) fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.level == Level::Error)
    }

    /// The diagnostics in the order of the file.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        let source = Arc::new(Source { hidden: self.hidden, ..Source::clone(&self.source) });
        for diagnostic in &mut self.diagnostics {
            diagnostic.source = Arc::clone(&source);
        }
        self.diagnostics.sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.level));
        self.diagnostics
    }
}
