//! `[[waivers]]`: exceptions that somebody has accepted. Whether a control of that name exists is not known here: no
//! benchmark is.

use super::diagnostic::{Place, Problem, Report, nearest, shown};
use super::glob::brackets_close;
use super::lower::checked;
use super::raw::{DayText, Located, RawWaiver, Text};
use super::structure::Damage;
use super::{Limit, LimitError, Node, NodeName, Role};
use std::fmt;
use std::ops::Range;

/// An accepted exception.
#[derive(Debug, Clone)]
pub struct Waiver {
    /// The control, or a pattern of controls: `cis-1.12:1.2.11`.
    pub control: String,
    /// The nodes that it counts on; `None` for all, and for the cluster as a whole.
    pub nodes: Option<Vec<NodeName>>,
    /// Patterns of the objects that it counts for; `None` for all.
    pub objects: Option<Vec<String>>,
    /// Why it is accepted.
    pub reason: String,
    /// The last day on which it counts; `None` for ever.
    pub expires: Option<Day>,
    /// The line of the file on which it begins, from 1.
    pub line: usize,
    /// Where its control stands.
    pub place: Place,
}

/// A day of the calendar, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(jiff::civil::Date);

impl Day {
    /// Whether the day is over at that time, seconds since 1970. A time beyond the calendar is after every day.
    pub fn is_over(self, now: i64) -> bool {
        jiff::Timestamp::from_second(now)
            .map_or(now > 0, |now| jiff::tz::TimeZone::UTC.to_datetime(now).date() > self.0)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What makes two waivers the same.
type Meaning = (String, Option<Vec<NodeName>>, Option<Vec<String>>);

pub(super) fn lower(
    raw: &[Located<RawWaiver>],
    nodes: &[Node],
    damage: &Damage,
    report: &mut Report,
) -> Vec<Waiver> {
    let all_known = all_known(nodes, damage);
    let mut seen: Vec<(Meaning, Range<usize>)> = Vec::new();
    let mut waivers = Vec::new();
    for located in raw {
        let header = located.span();
        let raw = located.value();
        let place = raw.control.as_ref().map_or_else(|| header.clone(), Located::span);
        let Some(waiver) = waiver(raw, &header, nodes.iter().filter(|_| all_known), report) else { continue };
        let meaning = (waiver.control.clone(), waiver.nodes.clone(), waiver.objects.clone());
        if let Some((_, earlier)) = seen.iter().find(|(known, _)| *known == meaning) {
            let problem = Problem::new(format!("{} is waived twice for the same", shown(&waiver.control)))
                .help("remove one of the two");
            report.error_with(place, problem, (earlier.clone(), "first waived here"));
        } else {
            seen.push((meaning, place));
        }
        waivers.push(waiver);
    }
    waivers
}

/// Whether the name of every node could be read. One that could not has no name here, and to call it unknown would be wrong.
pub(super) fn all_known(nodes: &[Node], damage: &Damage) -> bool {
    !damage.keys.contains("name")
        && !damage.keys.contains("nodes")
        && nodes.iter().all(|node| !node.name.as_str().is_empty())
}

/// One waiver; `None` where nothing can be said of it.
fn waiver<'a>(
    raw: &RawWaiver,
    header: &Range<usize>,
    nodes: impl Iterator<Item = &'a Node> + Clone,
    report: &mut Report,
) -> Option<Waiver> {
    let control = checked(raw.control.as_ref(), control, report);
    let reason = checked(raw.reason.as_ref(), reason, report);
    let chosen = raw.nodes.as_deref().and_then(|list| choose(list, nodes, report));
    let objects = raw.objects.as_deref().map(|list| objects(list, report));
    let expires = raw.expires.as_ref().and_then(|text| day(text, report));
    let place = report.place(raw.control.as_ref()?.span());
    Some(Waiver {
        control: control?,
        nodes: chosen,
        objects,
        reason: reason?,
        expires,
        line: report.line(header),
        place,
    })
}

pub(super) fn control(text: &str) -> Result<String, Problem> {
    const EXAMPLE: &str = "write benchmark and item, `\"cis-1.12:1.2.11\"`; `*` stands for more than one";
    let refuse = |help: String| Err(Problem::new(format!("{} is not a control", shown(text))).help(help));
    let Some((benchmark, item)) = text.split_once(':') else {
        let is_item = text.starts_with(|c: char| c.is_ascii_digit())
            && text.bytes().all(|byte| byte.is_ascii_digit() || b".*?".contains(&byte));
        return if is_item {
            refuse(format!("write the benchmark before it: `\"cis-1.12:{text}\"`"))
        } else {
            refuse(EXAMPLE.to_owned())
        };
    };
    let sound = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._*?[]!^".contains(&byte))
    };
    if !sound(benchmark) || !sound(item) {
        return refuse(EXAMPLE.to_owned());
    }
    if !brackets_close(text) {
        return Err(Problem::new(format!("{} has a `[` without its `]`", shown(text))));
    }
    Ok(text.to_owned())
}

pub(super) fn reason(text: &str) -> Result<String, Problem> {
    if text.trim().is_empty() {
        let problem = Problem::new("`reason` must not be empty");
        return Err(problem.help("say why it is accepted: every report shows it"));
    }
    Ok(text.trim().to_owned())
}

/// The nodes that the terms of a list choose together; `None` where one of them is wrong.
pub(super) fn choose<'a>(
    list: &[Text],
    nodes: impl Iterator<Item = &'a Node> + Clone,
    report: &mut Report,
) -> Option<Vec<NodeName>> {
    let mut sound = nodes.clone().next().is_some();
    for term in list {
        if let Err(problem) = check_term(term.value(), nodes.clone()) {
            report.error(term.span(), problem);
            sound = false;
        }
    }
    let terms: Vec<_> = list.iter().map(|term| term.value().as_str()).collect();
    let limit: Limit = terms.join(",").parse().ok().filter(|_| sound)?;
    let chosen: Vec<_> = nodes.filter(|node| limit.selects(node)).map(|node| node.name.clone()).collect();
    if let (true, Some(first)) = (chosen.is_empty(), list.first()) {
        report.error(first.span(), Problem::new("the terms of `nodes` leave no node"));
    }
    Some(chosen)
}

fn check_term<'a>(term: &str, mut nodes: impl Iterator<Item = &'a Node> + Clone) -> Result<(), Problem> {
    const HELP: &str = "name nodes, roles (control-plane, etcd, worker) or patterns of node names";
    match term.parse::<Limit>() {
        Err(LimitError::Bracket(_)) => {
            Err(Problem::new(format!("{} has a `[` without its `]`", shown(term))))
        }
        Err(_) => Err(Problem::new("an item of `nodes` is empty").help(HELP)),
        Ok(_) if term.contains(',') => {
            Err(Problem::new(format!("{} is not one node", shown(term)))
                .help("write each in quotes of its own"))
        }
        Ok(_) => {
            let bare = term.trim().trim_start_matches('!').trim_start();
            let names = nodes.clone().map(|node| node.name.as_str());
            let roles = Role::ALL.map(|role| role.to_string());
            let meant = nearest(bare, names.chain(roles.iter().map(String::as_str)));
            let matches =
                bare.parse::<Limit>().is_ok_and(|limit| nodes.clone().any(|node| limit.selects(node)));
            // Without a single node there are worse errors than this.
            if matches || nodes.next().is_none() {
                return Ok(());
            }
            let help = meant.map_or_else(|| HELP.to_owned(), |meant| format!("did you mean `{meant}`?"));
            Err(Problem::new(format!("no node matches {}", shown(bare))).help(help))
        }
    }
}

fn objects(list: &[Text], report: &mut Report) -> Vec<String> {
    let check = |text: &str| match text.trim() {
        "" => Err(Problem::new("an item of `objects` is empty")),
        _ if !brackets_close(text) => Err(Problem::new(format!("{} has a `[` without its `]`", shown(text)))),
        sound => Ok(sound.to_owned()),
    };
    list.iter().filter_map(|item| checked(Some(item), check, report)).collect()
}

pub(super) fn day(text: &Located<DayText>, report: &mut Report) -> Option<Day> {
    let written = text.value().0.as_str();
    // The library would take more forms, some of them with a time that nothing here would heed.
    let day = written.parse().ok().map(Day).filter(|day| day.to_string() == written);
    if day.is_none() {
        let problem = Problem::new(format!("{} is not a day", shown(written)));
        report.error(text.span(), problem.help("write year, month and day: `expires = 2027-01-31`"));
    }
    day
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_over_when_the_next_begins() {
        let day = Day(jiff::civil::date(2026, 11, 24));
        assert_eq!(day.to_string(), "2026-11-24");
        assert!(!day.is_over(1_795_478_400) && !day.is_over(1_795_478_400 + 86_399));
        assert!(day.is_over(1_795_478_400 + 86_400) && !day.is_over(0));
        assert!(day.is_over(i64::MAX) && !day.is_over(i64::MIN));
    }

    #[test]
    fn controls_have_a_benchmark() {
        for sound in ["cis-1.12:1.2.11", "cis-*:5.*", "cis-1.12:1.2.1[5-9]", "nsa-1.2:network"] {
            assert!(control(sound).is_ok(), "{sound}");
        }
        for bad in ["", "1.2.11", ":1", "cis-1.12:", "cis-1.12:1.2:3", "cis 1:2", "cis-1.12:1.2.[1"] {
            assert!(control(bad).is_err(), "{bad}");
        }
    }
}
