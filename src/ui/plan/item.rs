//! One change in text: its line with sign, subject and marks, its reasons, its diff. What the diff shows is not said in
//! words as well, unless everything is asked for.

use super::short_unit;
use crate::plan::{Action, Change, ClusterChange, Origin};
use crate::resource::{ControlId, ResourceId, Undo};
use crate::ui::{Tone, View, block, diff, foreign, line};
use std::collections::BTreeMap;

/// A lone reason up to this length stands on the line of its change.
const SHORT_REASON: usize = 60;

/// What is shown of a change, on a node or in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item<'a> {
    pub(super) resource: &'a ResourceId,
    action: Action,
    subject: &'a str,
    reasons: &'a [String],
    edits: &'a [String],
    /// What restarts because of it: units and static pods.
    pub(super) restarts: &'a [String],
    before: Option<&'a str>,
    after: Option<&'a str>,
    sensitive: bool,
    origin: Option<Origin>,
    /// Whether the origin is what is asked for, so that each is named.
    every_origin: bool,
    controls: &'a [ControlId],
    undo: Undo,
}

impl<'a> Item<'a> {
    pub(super) fn of_node(change: &'a Change) -> Self {
        Self {
            resource: &change.resource,
            action: change.action,
            subject: &change.subject,
            reasons: &change.reasons,
            edits: &change.edits,
            restarts: &change.restarts,
            before: change.before.as_deref(),
            after: change.after.as_deref(),
            sensitive: change.sensitive,
            origin: Some(change.origin),
            every_origin: false,
            controls: &change.controls,
            undo: change.undo,
        }
    }

    pub(super) fn of_cluster(change: &'a ClusterChange) -> Self {
        // The records of the cluster have no owner and no mode: the two texts show all that there is.
        let shown = change.before.is_some() && change.after.is_some();
        let (reasons, edits): (&[String], &[String]) =
            if shown { (&[], &change.reasons) } else { (&change.reasons, &[]) };
        Self {
            resource: &change.resource,
            action: change.action,
            subject: &change.subject,
            reasons,
            edits,
            restarts: &[],
            before: change.before.as_deref(),
            after: change.after.as_deref(),
            sensitive: false,
            origin: None,
            every_origin: false,
            controls: &change.controls,
            undo: change.undo,
        }
    }

    /// A difference that nobody is about to change: nothing restarts, nothing needs to be undone.
    pub(super) fn of_drift(change: &'a Change) -> Self {
        Self { restarts: &[], undo: Undo::Full, every_origin: true, ..Self::of_node(change) }
    }

    /// A difference of a record of the cluster; who made it is not known.
    pub(super) fn of_cluster_drift(change: &'a ClusterChange) -> Self {
        let origin = Some(Origin::Pending);
        Self { undo: Undo::Full, every_origin: true, origin, ..Self::of_cluster(change) }
    }

    /// Whether it is the same change as another, on files that may differ elsewhere.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        // The diff is the expensive part, so that it comes last.
        let without_text = |item: &Self| Self { before: None, after: None, edits: &[], ..item.clone() };
        self == other
            || (self.resource == other.resource
                && without_text(self) == without_text(other)
                && self.before.is_some() == other.before.is_some()
                && self.after.is_some() == other.after.is_some()
                && diff::changed_lines(self.before, self.after)
                    == diff::changed_lines(other.before, other.after))
    }

    /// All lines of the change.
    pub(super) fn lines(&self, view: View) -> Vec<String> {
        let mut lines = match self.shown_reasons().as_slice() {
            [reason] if reason.chars().count() <= SHORT_REASON => {
                vec![self.heading(view, &format!("  {reason}"))]
            }
            reasons => {
                let below = reasons.iter().map(|reason| format!("        {reason}"));
                std::iter::once(self.heading(view, "")).chain(below).collect()
            }
        };
        if view.verbose {
            let edits = self.edits.iter().map(|edit| foreign::shorten_words(&line(edit)));
            lines.extend(edits.map(|edit| format!("        {edit}")));
        }
        lines.extend(self.diff(view));
        lines
    }

    /// The reasons without the subject, where that is what they begin with.
    fn shown_reasons(&self) -> Vec<String> {
        let reasons = self.reasons.iter().map(|reason| {
            let own = reason.strip_prefix(self.subject).and_then(|rest| rest.strip_prefix(": "));
            line(own.unwrap_or(reason))
        });
        reasons.collect()
    }

    fn diff(&self, view: View) -> Vec<String> {
        let safe = |text: &str| {
            let text = block(text);
            if self.sensitive { foreign::shorten_digests(&text) } else { text }
        };
        let (before, after) = (self.before.map(safe), self.after.map(safe));
        diff::lines(before.as_deref(), after.as_deref(), view)
    }

    /// The line with sign, subject and marks; `note` follows the subject.
    pub(super) fn heading(&self, view: View, note: &str) -> String {
        let tone = match self.action {
            Action::Add => Tone::Added,
            Action::Change => Tone::Changed,
            Action::Remove => Tone::Removed,
        };
        let final_mark = if self.undo == Undo::None { "!" } else { " " };
        let sign = self.action.sign();
        let subject = line(self.subject);
        let marks = self.marks().concat();
        let used = format!("   {final_mark}{sign} {subject}{note}{marks}").chars().count();
        format!(
            "   {}{} {subject}{}{}{}",
            if final_mark == "!" { view.paint.tone(Tone::Warning, final_mark) } else { String::from(" ") },
            view.paint.tone(tone, &sign.to_string()),
            view.paint.tone(Tone::Faint, note),
            view.paint.tone(Tone::Warning, &marks),
            view.paint.tone(Tone::Faint, &self.controls(view, used)),
        )
    }

    fn marks(&self) -> Vec<String> {
        let mut marks = Vec::new();
        if !self.restarts.is_empty() {
            let names: Vec<_> = self.restarts.iter().map(|name| line(short_unit(name))).collect();
            marks.push(format!("  [restarts {}]", names.join(", ")));
        }
        match self.origin {
            Some(Origin::Drift) => marks.push(String::from("  [drift]")),
            Some(Origin::Both) => marks.push(String::from("  [drift and pending]")),
            Some(Origin::New | Origin::Pending) if self.every_origin => {
                marks.push(String::from("  [pending]"));
            }
            Some(Origin::New | Origin::Pending) | None => {}
        }
        if self.sensitive {
            marks.push(String::from("  [sensitive]"));
        }
        if self.undo == Undo::None {
            marks.push(String::from("  [cannot be undone]"));
        }
        marks
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
        for control in &self.controls[..count] {
            benchmarks.entry(&control.benchmark).or_default().push(&control.item);
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
