//! What of a difference is shown.

use super::words::until;
use crate::drift::{Class, Item};
use crate::ui::{change, count};

/// Lines of a node's logs that are shown.
const LOG_LINES_SHOWN: usize = 3;

/// A difference as a plan shows a change. What nobody has to act on is named without its diff, unless everything is asked for.
pub(super) fn shown(item: &Item, verbose: bool) -> change::Item<'_> {
    let in_full = verbose || item.counts();
    change::Item {
        resource: item.resource.clone(),
        action: item.action,
        subject: &item.subject,
        reasons: if in_full { &item.what } else { &[] },
        edits: &[],
        before: item.before.as_deref().filter(|_| in_full),
        after: item.after.as_deref().filter(|_| in_full),
        sensitive: item.sensitive,
        marks: marks(item),
        is_final: false,
        controls: item.controls.iter().filter_map(|control| control.split_once(':')).collect(),
        since: item.since.filter(|_| item.class.is_drift()),
        remarks: if in_full { remarks(item, verbose) } else { Vec::new() },
    }
}

fn marks(item: &Item) -> Vec<String> {
    let mut marks = vec![item.class.to_string()];
    marks.extend(item.sensitive.then(|| String::from("sensitive")));
    marks.extend(item.ignored.as_ref().map(|it| format!("ignored{}", until(it))));
    marks.extend(item.known.then(|| String::from("reported before")));
    marks
}

/// What is known of who did it, and why it does not count.
fn remarks(item: &Item, verbose: bool) -> Vec<String> {
    let shown = if verbose { usize::MAX } else { LOG_LINES_SHOWN };
    let cause = item.cause.iter().map(|cause| format!("cause: {}", cause.text));
    let log = item.evidence.iter().take(shown).map(|text| format!("log: {text}"));
    let more = item.evidence.len().saturating_sub(shown);
    let more = (more > 0).then(|| format!("log: {}", count(more, "more line")));
    let ignored = item.ignored.iter().map(|it| format!("ignored: {}", it.reason));
    cause.chain(log).chain(more).chain(ignored).collect()
}

/// The differences that are shown, those that count first.
pub(super) fn sorted<'a>(items: impl IntoIterator<Item = &'a Item>, verbose: bool) -> Vec<&'a Item> {
    let mut items: Vec<_> =
        items.into_iter().filter(|item| verbose || item.counts() || item.class != Class::Drift).collect();
    items.sort_by_key(|item| (!item.counts(), item.class == Class::Drift));
    items
}
