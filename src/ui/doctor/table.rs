//! The table: the cluster's own findings, then host by host what was found, the worst first and the remedy below; hosts with the
//! same findings are one block, hosts without any one line, and the last line has the numbers.

use crate::doctor::{Finding, Host, Report, Severity, Standing};
use crate::ui::{Tone, View, count, line};

/// Columns of the arrow before a remedy.
const REMEDY: usize = 3;
/// The widest name of a check and of a severity, so that all facts begin in one column.
const CHECK: usize = 10;
const SEVERITY: usize = 8;
/// A line that is shorter is not worth breaking.
const NARROWEST: usize = 40;
/// Names shown of hosts that say the same; with -v all.
const NAMES_SHOWN: usize = 8;
/// Digits of a fingerprint that tell two apart.
const DIGITS: usize = 12;

/// Hosts that stand alike and of which the same was found.
struct Group<'a> {
    hosts: Vec<&'a Host>,
    findings: Vec<&'a Finding>,
}

/// A report for people.
pub fn render(report: &Report, view: View) -> String {
    let groups = groups(report);
    let of_cluster: Vec<&Finding> = report.findings.iter().filter(|finding| finding.node.is_none()).collect();
    let mut lines = Vec::new();
    if !of_cluster.is_empty() {
        lines.push(view.paint.tone(Tone::Heading, &format!("cluster {}", line(&report.cluster))));
        lines.extend(of_cluster.iter().flat_map(|finding| shown(finding, view)));
        lines.push(String::new());
    }
    for group in groups.iter().filter(|group| !group.findings.is_empty()) {
        lines.push(heading(group, view));
        lines.extend(group.findings.iter().flat_map(|finding| shown(finding, view)));
        lines.push(String::new());
    }
    let fit: Vec<String> = groups
        .iter()
        .filter(|group| group.findings.is_empty())
        .map(|group| format!("{}: nothing was found", heading(group, view)))
        .collect();
    if !fit.is_empty() {
        lines.extend(fit);
        lines.push(String::new());
    }
    lines.push(closing(report));
    lines.join("\n")
}

fn groups(report: &Report) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for host in &report.hosts {
        let findings: Vec<&Finding> =
            report.findings.iter().filter(|finding| finding.node.as_ref() == Some(&host.node)).collect();
        let is_same = |group: &&mut Group<'_>| {
            group.hosts.first().is_some_and(|first| {
                first.standing == host.standing && (findings.is_empty() || first.roles == host.roles)
            }) && group.findings.len() == findings.len()
                && group.findings.iter().zip(&findings).all(|(one, other)| alike(one, other))
        };
        match groups.iter_mut().find(is_same) {
            Some(group) => group.hosts.push(host),
            None => groups.push(Group { hosts: vec![host], findings }),
        }
    }
    groups
}

/// Whether two findings differ in nothing but their host.
fn alike(one: &Finding, other: &Finding) -> bool {
    (one.check, one.severity, &one.fact, &one.remedy)
        == (other.check, other.severity, &other.fact, &other.remedy)
}

fn heading(group: &Group<'_>, view: View) -> String {
    let names: Vec<&str> = group.hosts.iter().map(|host| host.node.as_str()).collect();
    let shown = if view.verbose || names.len() <= NAMES_SHOWN + 1 { names.len() } else { NAMES_SHOWN };
    let mut listed = names[..shown].join(", ");
    if shown < names.len() {
        listed = format!("{listed} and {} more", names.len() - shown);
    }
    let roles = match group.hosts.as_slice() {
        [first, rest @ ..] if rest.iter().all(|host| host.roles == first.roles) => {
            format!("{}; ", first.roles)
        }
        _ => String::new(),
    };
    let standing = group.hosts.first().map(|host| standing(&host.standing, view)).unwrap_or_default();
    format!("{} ({roles}{standing})", view.paint.tone(Tone::Heading, &listed))
}

fn standing(standing: &Standing, view: View) -> String {
    let ca = standing.ca_sha256().map(|ca| if view.verbose { ca } else { ca.get(..DIGITS).unwrap_or(ca) });
    let of = ca.map(|ca| format!(" of the cluster with the CA {ca}")).unwrap_or_default();
    match standing {
        Standing::Blank => String::from("blank"),
        Standing::Member { .. } => format!("joined{}", if of.is_empty() { "" } else { of.as_str() }),
        Standing::Leftovers { paths, .. } => {
            let paths: Vec<String> = paths.iter().map(|path| line(path)).collect();
            let paths = if paths.is_empty() { String::from("its CA") } else { paths.join(", ") };
            format!("leftovers{of}: {paths}")
        }
        Standing::Unknown => String::from("not looked at"),
    }
}

fn shown(finding: &Finding, view: View) -> Vec<String> {
    let (word, tone) = match (finding.severity, finding.accepted) {
        (Severity::Fatal, true) => ("accepted", Tone::Warning),
        (Severity::Fatal, false) => ("FATAL", Tone::Error),
        (Severity::Warning, _) => ("warning", Tone::Warning),
        (Severity::Note, _) => ("note", Tone::Faint),
    };
    let indent = 2 + SEVERITY + 2 + CHECK + 2;
    let width = view.width.saturating_sub(indent).max(NARROWEST);
    let mut lines = Vec::new();
    for (index, part) in wrapped(&line(&finding.fact), width).iter().enumerate() {
        lines.push(if index == 0 {
            let word = view.paint.tone(tone, &format!("{word:<SEVERITY$}"));
            format!("  {word}  {:<CHECK$}  {part}", finding.check.to_string())
        } else {
            format!("{:indent$}{part}", "")
        });
    }
    let remedy = finding.remedy.iter().flat_map(|text| {
        let indent = indent + REMEDY;
        let parts = wrapped(&line(text), width.saturating_sub(REMEDY).max(NARROWEST));
        parts.into_iter().enumerate().map(move |(index, part)| {
            let sign = if index == 0 { "-> " } else { "   " };
            format!("{:1$}{sign}{part}", "", indent - REMEDY)
        })
    });
    lines.extend(remedy);
    lines
}

/// A text in lines of no more than that many columns, broken between words, and never within a command: that is copied.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut words = text.split(' ');
    while let Some(word) = words.next() {
        let mut word = word.to_owned();
        while word.matches('`').count() % 2 == 1 {
            let Some(next) = words.next() else { break };
            word = word + " " + next;
        }
        match lines.last_mut() {
            Some(last) if last.chars().count() + 1 + word.chars().count() <= width => {
                last.push(' ');
                last.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

/// The last line; scripts look for it.
fn closing(report: &Report) -> String {
    let summary = report.summary();
    let mut parts = vec![count(summary.fatal, "fatal finding")];
    if summary.accepted > 0 {
        parts.push(format!("{} accepted", summary.accepted));
    }
    parts.push(count(summary.warnings, "warning"));
    if summary.notes > 0 {
        parts.push(count(summary.notes, "note"));
    }
    format!("{}: {}\n", count(summary.hosts, "host"), parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrapped("a bb ccc", 4), ["a bb", "ccc"]);
        assert_eq!(wrapped("long-word x", 3), ["long-word", "x"]);
        assert_eq!(wrapped("", 3), [""]);
        assert_eq!(wrapped("do `a b c` or `d", 6), ["do", "`a b c`", "or `d"]);
    }
}
