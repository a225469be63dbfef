//! Flags on command lines, found as kube-bench finds them: by the first occurrence of their text. Nothing is interpreted.

use crate::resource::Process;
use std::collections::BTreeMap;

/// The command lines of one component's processes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CommandLine {
    /// One line for each process, words separated by spaces.
    lines: Vec<String>,
    /// Variables that set flags.
    environment: BTreeMap<String, String>,
}

impl CommandLine {
    /// Of words.
    pub(super) fn of_words(words: &[String]) -> Self {
        Self { lines: vec![words.join(" ")], environment: BTreeMap::new() }
    }

    /// Of the processes of the first of these programs that runs; `None` where none does.
    pub(super) fn running(programs: &[String], processes: &[Process]) -> Option<Self> {
        let mut running: Vec<&Process> = programs
            .iter()
            .map(|program| processes.iter().filter(|process| process.program == *program).collect::<Vec<_>>())
            .find(|found| !found.is_empty())?;
        running.sort_by_key(|process| process.pid);
        let lines = running.iter().map(|process| process.command.join(" ")).collect();
        let mut environment = BTreeMap::new();
        for process in running {
            for (name, value) in &process.environment {
                environment.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        Some(Self { lines, environment })
    }

    /// With these variables.
    pub(super) fn with_environment(self, environment: BTreeMap<String, String>) -> Self {
        Self { environment, ..self }
    }

    /// Whether variables of the environment set flags.
    pub(super) fn has_environment(&self) -> bool {
        !self.environment.is_empty()
    }

    /// The value of a flag, as kube-bench reads it: of the first place where its text stands, even as the beginning of a
    /// longer flag; after `=`, or a colon, or a space where no other flag follows; `true` for a flag without a value.
    pub(super) fn value(&self, flag: &str) -> Option<String> {
        let rest = self.lines.iter().find_map(|line| line.find(flag).map(|at| &line[at + flag.len()..]))?;
        let mut value = rest;
        loop {
            if let Some(after) = value.strip_prefix('=') {
                value = after;
            } else if let Some(after) = value.strip_prefix(':') {
                value = after.trim_start_matches(' ');
            } else {
                break;
            }
        }
        let word = |text: &str| text.split_whitespace().next().unwrap_or_default().to_owned();
        if !value.is_empty() && !value.starts_with(char::is_whitespace) {
            return Some(word(value));
        }
        let next = word(rest);
        let is_value = rest.starts_with(char::is_whitespace) && !next.is_empty() && !next.starts_with('-');
        Some(match (is_value, flag.starts_with("--")) {
            (true, _) => next,
            (false, true) => String::from("true"),
            (false, false) => flag.to_owned(),
        })
    }

    /// The value of a variable; an empty one counts as not set.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// All values of a flag that stands alone (`--config` is not `--config-dir`), in order.
    pub(super) fn values(&self, name: &str) -> Vec<&str> {
        let mut values = Vec::new();
        for line in &self.lines {
            let mut words = line.split_whitespace();
            while let Some(word) = words.next() {
                let Some(rest) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else { continue };
                match rest.strip_prefix(name) {
                    Some("") => values.extend(words.next()),
                    Some(rest) => values.extend(rest.strip_prefix('=')),
                    None => {}
                }
            }
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> CommandLine {
        CommandLine::of_words(&[text.to_owned()])
    }

    #[test]
    fn a_value_is_found_in_every_form() {
        for (text, expected) in [
            ("x --profiling=false", Some("false")),
            ("x --profiling false --y", Some("false")),
            ("x --profiling --y", Some("true")),
            ("x --profiling", Some("true")),
            ("x --profiling= --y", Some("true")),
            ("x --profiling==false", Some("false")),
            ("x --profiling=true --profiling=false", Some("true")),
            ("x --profiling-not=1", Some("-not=1")),
            ("x --y", None),
            ("", None),
        ] {
            assert_eq!(line(text).value("--profiling").as_deref(), expected, "{text}");
        }
        assert_eq!(line("x --feature-gates=A=false").value("A").as_deref(), Some("false"));
        assert_eq!(line("x --feature-gates=A").value("A").as_deref(), Some("A"));
    }

    #[test]
    fn a_path_is_of_a_whole_flag() {
        let line = line("kubelet --config-dir=/d --config /a --config=/b -config=/c");
        assert_eq!(line.values("config"), ["/a", "/b", "/c"]);
    }

    #[test]
    fn the_first_program_that_runs_counts() {
        let process = |program: &str, pid, flag: &str| Process {
            program: program.to_owned(),
            pid,
            command: vec![program.to_owned(), flag.to_owned()],
            environment: BTreeMap::new(),
        };
        let processes = [
            process("apiserver", 1, "--a=1"),
            process("kube-apiserver", 9, "--a=3"),
            process("kube-apiserver", 4, "--a=2"),
        ];
        let programs = [String::from("kube-apiserver"), String::from("apiserver")];
        let running = CommandLine::running(&programs, &processes).unwrap();
        assert_eq!(running.value("--a").as_deref(), Some("2"));
        assert_eq!(CommandLine::running(&programs[..1], &processes[..1]), None);
    }
}
