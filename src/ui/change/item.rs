//! One change in text: its line with sign, subject and marks, its reasons, its diff. What the diff shows is not said in
//! words as well, unless everything is asked for.

use crate::plan::Action;
use crate::ui::moment::since;
use crate::ui::{Tone, View, block, diff, foreign, line};
use std::collections::BTreeMap;

/// A lone reason up to this length stands on the line of its change.
const SHORT_REASON: usize = 60;
/// What stands left of the lines below a change.
const BELOW: &str = "        ";

/// What is shown of a change.
#[derive(Debug, Clone)]
pub(in crate::ui) struct Item<'a> {
    /// Which resource.
    pub(in crate::ui) resource: String,
    pub(in crate::ui) action: Action,
    pub(in crate::ui) subject: &'a str,
    /// What is said whatever the diff shows.
    pub(in crate::ui) reasons: &'a [String],
    /// What the diff shows, in words.
    pub(in crate::ui) edits: &'a [String],
    pub(in crate::ui) before: Option<&'a str>,
    pub(in crate::ui) after: Option<&'a str>,
    pub(in crate::ui) sensitive: bool,
    /// What stands in brackets behind the subject.
    pub(in crate::ui) marks: Vec<String>,
    /// Whether it cannot be taken back.
    pub(in crate::ui) is_final: bool,
    /// Benchmarks and items.
    pub(in crate::ui) controls: Vec<(&'a str, &'a str)>,
    /// Since when it has been so, seconds since 1970. Another node may have the same for another time.
    pub(in crate::ui) since: Option<i64>,
    /// What else is told of it, a line each. Another node may have the same with other lines.
    pub(in crate::ui) remarks: Vec<String>,
}

impl Item<'_> {
    /// Whether it is the same change as another, on files that may differ elsewhere.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        // The diff is the expensive part, so that it comes last.
        self.resource == other.resource
            && self.told() == other.told()
            && self.before.is_some() == other.before.is_some()
            && self.after.is_some() == other.after.is_some()
            && (self.texts() == other.texts()
                || diff::changed_lines(self.before, self.after)
                    == diff::changed_lines(other.before, other.after))
    }

    /// What is told of it beside its diff, and is the same on every node.
    fn told(&self) -> impl PartialEq {
        (self.action, self.subject, self.reasons, self.sensitive, &self.marks, self.is_final, &self.controls)
    }

    fn texts(&self) -> impl PartialEq {
        (self.before, self.after, self.edits)
    }

    /// All lines of the change.
    pub(in crate::ui) fn lines(&self, view: View) -> Vec<String> {
        let mut lines = match self.shown_reasons().as_slice() {
            [reason] if reason.chars().count() <= SHORT_REASON => {
                vec![self.heading(view, &format!("  {reason}"))]
            }
            reasons => {
                let below = reasons.iter().map(|reason| format!("{BELOW}{reason}"));
                std::iter::once(self.heading(view, "")).chain(below).collect()
            }
        };
        if view.verbose {
            let edits = self.edits.iter().map(|edit| foreign::shorten_words(&line(edit)));
            lines.extend(edits.map(|edit| format!("{BELOW}{edit}")));
        }
        lines.extend(self.remarks.iter().map(|remark| format!("{BELOW}{}", line(remark))));
        lines.extend(self.diff(view));
        lines
    }

    /// The reasons without the subject, where that is what they begin with.
    pub(in crate::ui) fn shown_reasons(&self) -> Vec<String> {
        let reasons = self.reasons.iter().map(|reason| {
            let own = reason.strip_prefix(self.subject).and_then(|rest| rest.strip_prefix(": "));
            line(own.unwrap_or(reason))
        });
        reasons.collect()
    }

    fn diff(&self, view: View) -> Vec<String> {
        let (before, after) = self.safe_texts();
        diff::lines(before.as_deref(), after.as_deref(), view)
    }

    /// Its diff for another program; empty where there is none.
    pub(in crate::ui) fn plain_diff(&self) -> String {
        let (before, after) = self.safe_texts();
        diff::plain(before.as_deref(), after.as_deref())
    }

    fn safe_texts(&self) -> (Option<String>, Option<String>) {
        let safe = |text: &str| {
            let text = block(text);
            if self.sensitive { foreign::shorten_digests(&text) } else { text }
        };
        (self.before.map(safe), self.after.map(safe))
    }

    /// The line with sign, subject and marks; `note` follows the subject.
    pub(in crate::ui) fn heading(&self, view: View, note: &str) -> String {
        let tone = match self.action {
            Action::Add => Tone::Added,
            Action::Change => Tone::Changed,
            Action::Remove => Tone::Removed,
        };
        let final_mark = if self.is_final { "!" } else { " " };
        let sign = self.action.sign();
        let subject = line(self.subject);
        let note = format!("{note}{}", self.since.map(|at| format!("  {}", since(at))).unwrap_or_default());
        let marks: Vec<_> = self.marks.iter().map(|mark| format!("  [{}]", line(mark))).collect();
        let marks = marks.concat();
        let used = format!("   {final_mark}{sign} {subject}{note}{marks}").chars().count();
        format!(
            "   {}{} {subject}{}{}{}",
            if self.is_final { view.paint.tone(Tone::Warning, final_mark) } else { String::from(" ") },
            view.paint.tone(tone, &sign.to_string()),
            view.paint.tone(Tone::Faint, &note),
            view.paint.tone(Tone::Warning, &marks),
            view.paint.tone(Tone::Faint, &self.controls(view, used)),
        )
    }

    /// The controls, as many as there is room for: `cis-1.12:1.2.15,1.2.16`.
    fn controls(&self, view: View, used: usize) -> String {
        let room = if view.verbose { usize::MAX } else { view.width.saturating_sub(used) };
        (1..=self.controls.len())
            .rev()
            .map(|count| self.first_controls(count))
            .find(|text| text.chars().count() <= room)
            .unwrap_or_default()
    }

    fn first_controls(&self, count: usize) -> String {
        let mut benchmarks: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (benchmark, item) in &self.controls[..count] {
            benchmarks.entry(benchmark).or_default().push(item);
        }
        let named: Vec<_> = benchmarks
            .iter()
            .map(|(benchmark, items)| format!("  {}:{}", line(benchmark), line(&items.join(","))))
            .collect();
        match self.controls.len() - count {
            0 => named.concat(),
            left => format!("{} and {left} more", named.concat()),
        }
    }
}
