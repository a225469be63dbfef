//! The process of a unit against its files: somebody may have started it by hand, or changed its files and never restarted it.

use super::{Context, Draft};
use crate::plan::{Action, moment, words_beside};
use crate::resource::{FileState, NodePath, Resource, UnitProcess};

/// Flags that name a file which a program reads once, when it starts.
const READ_ONCE: [&str; 2] = ["--config=", "--config-file="];
/// Files and processes are told in whole seconds, by different clocks of one kernel.
const TOLERANCE: i64 = 2;

/// A restart, where the process of a unit is not what its files say; `None` where it is, or where that cannot be told.
pub(super) fn process(resource: &Resource, unit: &str, context: &Context<'_>) -> Option<Draft> {
    let process = context.observed.running.get(unit)?;
    let mut reasons = flags(process);
    reasons.extend(older(process, context));
    if reasons.is_empty() {
        return None;
    }
    let mut draft = Draft::new(Action::Change, unit, resource);
    draft.reasons = reasons;
    draft.restarts = vec![unit.to_owned()];
    Some(draft)
}

/// What its command line has that its unit does not say, and the other way round. Another program than the unit's is a wrapper's
/// doing, and tells nothing.
fn flags(process: &UnitProcess) -> Vec<String> {
    let Some(declared) = process.declared.as_ref().filter(|words| words.first() == process.command.first())
    else {
        return Vec::new();
    };
    let more = words_beside(&process.command, declared);
    let less = words_beside(declared, &process.command);
    let mut reasons = Vec::new();
    if !more.is_empty() {
        reasons.push(format!("runs with {}, and its unit does not say so", more.join(" ")));
    }
    if !less.is_empty() {
        reasons.push(format!("runs without {} of its unit", less.join(" ")));
    }
    reasons
}

/// A file that it read when it was started, and that was written since.
fn older(process: &UnitProcess, context: &Context<'_>) -> Option<String> {
    let named = |word: &String| {
        let path: NodePath = READ_ONCE.iter().find_map(|flag| word.strip_prefix(flag))?.parse().ok()?;
        match context.observed.files.get(&path)? {
            FileState::Present(file) if file.modified > process.started + TOLERANCE => {
                Some((path, file.modified))
            }
            _ => None,
        }
    };
    let (path, modified) = process.command.iter().find_map(named)?;
    let (started, modified) = (moment(process.started), moment(modified));
    Some(format!("runs since {started}, and {path} was written at {modified}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_process_has_the_flags_of_its_unit() {
        let process = |command: &str, declared: Option<&str>| UnitProcess {
            command: words(command),
            declared: declared.map(words),
            ..UnitProcess::default()
        };
        assert!(flags(&process("k --a --b=1", Some("k --b=1 --a"))).is_empty());
        assert!(flags(&process("k --a", None)).is_empty());
        assert!(flags(&process("wrapper --a", Some("k --b"))).is_empty());
        assert_eq!(
            flags(&process("k --a --v=9", Some("k --a --v=2"))),
            ["runs with --v=9, and its unit does not say so", "runs without --v=2 of its unit"]
        );
        assert_eq!(flags(&process("k --a --a", Some("k --a"))).len(), 1);
    }
}
