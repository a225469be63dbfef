//! From the reply of the evidence probe to [`Evidence`]: a pure function on bytes that come from a machine which may be
//! broken or hostile. It never panics, and what it cannot read it names.

use super::super::ObserveError;
use super::super::files::{self, Masked, Stat, TORN, UNREADABLE, below};
use super::super::lines::Lines;
use super::super::parse::{facts, succeeded};
use super::super::probe::LARGEST_FILE;
use super::probe::of_programs;
use crate::remote::Reply;
use crate::resource::{Evidence, EvidenceFile, FileKind, Mode, NodePath, Process, Questions};
use std::collections::BTreeMap;

/// Reasons that say no more than that something is not there.
const ABSENT: [&str; 2] = ["No such file or directory", "Not a directory"];

/// What the probe of `questions` found.
pub fn parse_evidence(reply: &Reply, questions: &Questions) -> Result<Evidence, ObserveError> {
    parse_reply(reply, questions).map(|(evidence, _)| evidence)
}

/// What the probe found, and whether a document was written while it was read.
pub(super) fn parse_reply(reply: &Reply, questions: &Questions) -> Result<(Evidence, bool), ObserveError> {
    succeeded(reply)?;
    let (mut facts, root) = facts(reply)?;
    let (process, stats) = files::stats(reply, &root)?;
    facts.owners = process.user == 0;
    facts.clock = process.modified;
    let mut evidence = Evidence {
        facts,
        files: stats.iter().map(|(path, stat)| (path.clone(), file(stat))).collect(),
        documents: BTreeMap::new(),
        processes: processes(reply, questions)?,
        unread: unread(reply)?,
    };
    let torn = documents(reply, &root, &stats, &mut evidence)?;
    Ok((evidence, torn))
}

fn file(stat: &Stat<'_>) -> EvidenceFile {
    EvidenceFile {
        is_directory: stat.kind() == FileKind::Directory,
        mode: Mode(stat.mode & 0o7777),
        owner: stat.owner(),
        group: stat.group(),
    }
}

/// What the programs on the node could not read, in their own words.
fn unread(reply: &Reply) -> Result<Vec<String>, ObserveError> {
    let lines = Lines::of(reply, "unread")?;
    let present = lines.lossy().filter(|(_, line)| !ABSENT.iter().any(|reason| line.ends_with(reason)));
    Ok(present
        .map(|(_, line)| {
            let said = line.strip_prefix("stat: ").or_else(|| line.strip_prefix("find: "));
            said.unwrap_or(&line).to_owned()
        })
        .collect())
}

/// What [`super::process_probe`] found.
pub fn parse_processes(reply: &Reply, programs: &[&str]) -> Result<Vec<Process>, ObserveError> {
    if programs.is_empty() { Ok(Vec::new()) } else { processes(reply, &of_programs(programs)) }
}

/// The processes: by program, those in the network of the host first, and then by number.
fn processes(reply: &Reply, questions: &Questions) -> Result<Vec<Process>, ObserveError> {
    let lines = Lines::of(reply, "processes")?;
    let mut found: Vec<(bool, Process)> = Vec::new();
    for (number, line) in lines.lossy() {
        let malformed = |expected| lines.malformed(number, expected, &line);
        if let Some(head) = line.strip_prefix("process ") {
            let process = process(head, questions).ok_or_else(|| malformed("NUMBER NETWORK PROGRAM"))?;
            found.push(process);
            continue;
        }
        let Some((_, process)) = found.last_mut() else { return Err(malformed("a process")) };
        match line.split_at_checked(1) {
            Some(("=", argument)) => process.command.push(argument.to_owned()),
            Some(("+", variable)) => {
                let (name, value) = variable.split_once('=').ok_or_else(|| malformed("+NAME=VALUE"))?;
                // The first one is the one that counts, as getenv(3) finds it.
                process.environment.entry(name.to_owned()).or_insert_with(|| value.to_owned());
            }
            _ => return Err(malformed("=ARGUMENT or +NAME=VALUE")),
        }
    }
    found.sort_by(|(one_inside, one), (other_inside, other)| {
        (&one.program, one_inside, one.pid).cmp(&(&other.program, other_inside, other.pid))
    });
    Ok(found.into_iter().map(|(_, process)| process).collect())
}

/// Whether it is in a network of its own, and the process without its arguments.
fn process(head: &str, questions: &Questions) -> Option<(bool, Process)> {
    let mut words = head.splitn(3, ' ');
    let pid = words.next()?.parse().ok()?;
    let is_inside = match words.next()? {
        "host" => false,
        "other" => true,
        _ => return None,
    };
    let program = questions.programs.get(words.next()?)?.clone();
    Some((is_inside, Process { program, pid, command: Vec::new(), environment: BTreeMap::new() }))
}

/// Adds the documents; whether one was written while it was read.
fn documents(
    reply: &Reply,
    root: &str,
    stats: &BTreeMap<NodePath, Stat<'_>>,
    evidence: &mut Evidence,
) -> Result<bool, ObserveError> {
    let lines = Lines::of(reply, "documents")?;
    let sums = files::sums(reply, root)?;
    let contents = files::contents(reply, root, stats, &sums)?;
    let masked = files::masked(reply, root)?;
    let mut is_torn = false;
    for (number, line) in lines.numbered() {
        let name = line.strip_prefix('=').ok_or_else(|| lines.malformed(number, "=PATH", line))?;
        let Some(path) = below(root, name) else {
            evidence.unread.push(format!("{name}: not read, since it is not a plain absolute path"));
            continue;
        };
        let Some(stat) = stats.get(&path) else { continue };
        let text = match (contents.get(&path), masked.get(&path)) {
            (Some(None), _) => {
                is_torn = true;
                Err(TORN)
            }
            (Some(Some(bytes)), _) => text(bytes),
            (None, Some(Masked::Text(text))) => Ok(text.clone()),
            (None, Some(Masked::Withheld)) => {
                Err("it stays on the node, since its secrets cannot be told from the rest of it")
            }
            (None, None) => Err(why_not(stat)),
        };
        match text {
            Ok(text) => drop(evidence.documents.insert(path, text)),
            Err(reason) => evidence.unread.push(format!("{path}: {reason}")),
        }
    }
    Ok(is_torn)
}

fn text(bytes: &[u8]) -> Result<String, &'static str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(text.to_owned()),
        _ => Err("it is not UTF-8 text"),
    }
}

fn why_not(stat: &Stat<'_>) -> &'static str {
    match stat.kind() {
        FileKind::File if stat.size > LARGEST_FILE => "it is too large to be a configuration file",
        FileKind::File => UNREADABLE,
        _ => "it is not a regular file",
    }
}
