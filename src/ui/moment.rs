//! Moments in time as people and programs read them, UTC. Seconds since 1970 that are no moment give an empty text.

/// `2026-11-24 08:45 UTC`.
pub(super) fn moment(seconds: i64) -> String {
    formatted(seconds, "%Y-%m-%d %H:%M UTC")
}

/// `2026-11-24T08:45:10Z`, RFC 3339.
pub(super) fn rfc3339(seconds: i64) -> String {
    formatted(seconds, "%Y-%m-%dT%H:%M:%SZ")
}

/// `since 2026-11-24 08:45 UTC`.
pub(super) fn since(seconds: i64) -> String {
    format!("since {}", moment(seconds))
}

/// [`since`] of several things: the first and the last where they differ, `since 2026-11-24 08:45 UTC to 2026-11-24 09:10 UTC`;
/// `None` where of none it is known.
pub(super) fn since_between(all: impl Iterator<Item = i64>) -> Option<String> {
    let (first, last) = all.fold(None, |range: Option<(i64, i64)>, at| match range {
        Some((first, last)) => Some((first.min(at), last.max(at))),
        None => Some((at, at)),
    })?;
    let (first, last) = (moment(first), moment(last));
    Some(if first == last { format!("since {first}") } else { format!("since {first} to {last}") })
}

fn formatted(seconds: i64, format: &str) -> String {
    jiff::Timestamp::from_second(seconds)
        .map(|moment| moment.strftime(format).to_string())
        .unwrap_or_default()
}
