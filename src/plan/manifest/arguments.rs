//! A container's command and arguments as flags. It understands `--flag=value`, `--flag value`, a bare `--flag`, repeated
//! flags and `_` for `-`, as the components do.

use super::ManifestError;
use crate::resource::{FlagSpec, FlagValue};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Which of the container's two lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Command,
    Args,
}

/// The words of a container's command line.
pub(super) struct Arguments {
    words: Vec<(List, String)>,
    /// Where the component's own flags begin.
    begin: usize,
}

/// One flag as it stands on the command line.
struct Occurrence {
    at: usize,
    words: usize,
    name: String,
    value: String,
}

/// A list of texts of a container; empty where there is none.
pub(super) fn texts(container: &Map<String, Value>, key: &'static str) -> Result<Vec<String>, ManifestError> {
    let error = || ManifestError::Shape { place: key, expected: "a list of texts" };
    match container.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => {
            items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(error)).collect()
        }
        Some(_) => Err(error()),
    }
}

impl Arguments {
    /// Reads them, and finds the component among them: a program may be started by another one (`/go-runner`), but not by a
    /// shell, whose one argument hides the flags.
    pub(super) fn read(container: &Map<String, Value>, component: &str) -> Result<Self, ManifestError> {
        let command = texts(container, "command")?;
        let args = texts(container, "args")?;
        let words: Vec<_> = command
            .into_iter()
            .map(|word| (List::Command, word))
            .chain(args.into_iter().map(|word| (List::Args, word)))
            .collect();
        let program = words.iter().position(|(_, word)| word.rsplit('/').next() == Some(component));
        let begin = match program {
            Some(index) => index + 1,
            // The image's entry point is the program.
            None if words.iter().all(|(list, _)| *list == List::Args) => 0,
            None => return Err(ManifestError::OtherProgram { component: component.to_owned() }),
        };
        Ok(Self { words, begin })
    }

    /// Puts them back.
    pub(super) fn write(self, container: &mut Map<String, Value>) {
        let (command, args): (Vec<_>, Vec<_>) =
            self.words.into_iter().partition(|(list, _)| *list == List::Command);
        for (key, words) in [("command", command), ("args", args)] {
            let words: Vec<Value> = words.into_iter().map(|(_, word)| Value::from(word)).collect();
            if !words.is_empty() || container.get(key).is_some_and(|value| !value.is_null()) {
                container.insert(key.to_owned(), Value::Array(words));
            }
        }
    }

    /// The values of a flag, joined by commas.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        let all = self.occurrences();
        let values: Vec<_> =
            all.iter().filter(|flag| flag.name == name).map(|flag| flag.value.as_str()).collect();
        (!values.is_empty()).then(|| values.join(","))
    }

    /// All flags, the values of repeated ones joined by commas.
    pub(super) fn all(&self) -> BTreeMap<String, String> {
        let mut all: BTreeMap<String, String> = BTreeMap::new();
        for flag in self.occurrences() {
            all.entry(flag.name)
                .and_modify(|value| *value = format!("{value},{}", flag.value))
                .or_insert(flag.value.clone());
        }
        all
    }

    /// Brings one flag to what is wanted; says what was wrong with it.
    pub(super) fn set(&mut self, flag: &FlagSpec) -> Option<String> {
        let name = &flag.name;
        let found: Vec<Occurrence> =
            self.occurrences().into_iter().filter(|other| other.name == *name).collect();
        let values: Vec<&str> = found.iter().map(|other| other.value.as_str()).collect();
        let present = (!values.is_empty()).then(|| values.join(","));
        match &flag.value {
            FlagValue::Absent => {
                let present = present?;
                self.remove(&found);
                Some(format!("--{name}={present} must be absent"))
            }
            FlagValue::Is(value) => {
                if values == [value] {
                    return None;
                }
                self.put(name, value, &found);
                Some(match values.as_slice() {
                    [] => format!("--{name} is missing, wanted {value}"),
                    [before] => format!("--{name}: {before} → {value}"),
                    _ => format!("--{name}: {} → only {value}", values.join(" and ")),
                })
            }
            FlagValue::Existing(path) => {
                if !values.is_empty() {
                    return None;
                }
                self.put(name, path.as_str(), &found);
                Some(format!("--{name} is missing, wanted {path}"))
            }
            FlagValue::List { includes, excludes } => {
                let (value, wrong) = list(name, present.as_deref(), includes, excludes)?;
                if value.is_empty() {
                    self.remove(&found);
                } else {
                    self.put(name, &value, &found);
                }
                Some(wrong)
            }
        }
    }

    /// Writes a flag where it stands first, and removes its other occurrences; or adds it.
    fn put(&mut self, name: &str, value: &str, found: &[Occurrence]) {
        let word = format!("--{name}={value}");
        if let Some((first, rest)) = found.split_first() {
            self.remove(rest);
            self.words[first.at].1 = word;
            self.words.drain(first.at + 1..first.at + first.words);
        } else {
            let (list, at) = self.place(name);
            self.words.insert(at, (list, word));
        }
    }

    fn remove(&mut self, found: &[Occurrence]) {
        for occurrence in found.iter().rev() {
            self.words.drain(occurrence.at..occurrence.at + occurrence.words);
        }
    }

    /// Where a new flag goes: among the others, by name where they are sorted, otherwise at the end.
    fn place(&self, name: &str) -> (List, usize) {
        let flags = self.occurrences();
        let list = match flags.first() {
            Some(first) => self.words[first.at].0,
            None => self.words.last().map_or(List::Args, |(list, _)| *list),
        };
        let flags: Vec<_> = flags.into_iter().filter(|flag| self.words[flag.at].0 == list).collect();
        let end =
            self.words.iter().rposition(|(other, _)| *other == list).map_or(self.words.len(), |at| at + 1);
        let sorted = flags.is_sorted_by(|a, b| a.name <= b.name);
        let next = flags.iter().find(|flag| flag.name.as_str() > name).filter(|_| sorted);
        (list, next.map_or(end, |flag| flag.at))
    }

    fn occurrences(&self) -> Vec<Occurrence> {
        let mut found = Vec::new();
        let mut at = self.begin;
        while at < self.words.len() {
            let (list, word) = &self.words[at];
            let Some(body) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
                at += 1;
                continue;
            };
            let next = self.words.get(at + 1).filter(|(other, next)| other == list && !next.starts_with('-'));
            let (name, value, words) = match (body.split_once('='), next) {
                (Some((name, value)), _) => (name, value, 1),
                (None, Some((_, value))) => (body, value.as_str(), 2),
                // A boolean without its value.
                (None, None) => (body, "true", 1),
            };
            found.push(Occurrence { at, words, name: name.replace('_', "-"), value: value.to_owned() });
            at += words;
        }
        found
    }
}

/// A comma-separated list brought to what is wanted, and what was wrong with it; `None` where nothing was.
pub(in crate::plan) fn list(
    name: &str,
    present: Option<&str>,
    includes: &[String],
    excludes: &[String],
) -> Option<(String, String)> {
    let present = present.unwrap_or_default();
    let missing = missing_from(present, includes);
    let unwanted: Vec<&str> =
        present.split(',').map(str::trim).filter(|part| excludes.iter().any(|item| item == part)).collect();
    let mut wrong = Vec::new();
    if !missing.is_empty() {
        wrong.push(format!("lacks {}", missing.join(",")));
    }
    if !unwanted.is_empty() {
        wrong.push(format!("must not hold {}", unwanted.join(",")));
    }
    if wrong.is_empty() {
        return None;
    }
    let kept = kept_value(present, includes);
    let kept = kept.split(',').filter(|part| !part.is_empty() && !unwanted.contains(&part.trim()));
    let value: Vec<&str> = kept.chain(missing.iter().map(String::as_str)).collect();
    Some((value.join(","), format!("--{name} {}", wrong.join(" and "))))
}

/// The parts of a comma-separated list that are wanted and not in it.
fn missing_from(value: &str, wanted: &[String]) -> Vec<String> {
    wanted.iter().filter(|part| !value.split(',').any(|other| other.trim() == *part)).cloned().collect()
}

/// A comma-separated list without what contradicts the wanted parts: `Feature=false` where `Feature=true` is wanted.
fn kept_value(value: &str, wanted: &[String]) -> String {
    let contradicts = |part: &str, wanted: &String| match (part.split_once('='), wanted.split_once('=')) {
        (Some((a, was)), Some((b, is))) => a.trim() == b && was.trim() != is,
        _ => false,
    };
    value
        .split(',')
        .filter(|part| !wanted.iter().any(|wanted| contradicts(part, wanted)))
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(container: &Value, name: &str, value: FlagValue) -> (Value, Option<String>) {
        let mut container = container.as_object().unwrap().clone();
        let mut arguments = Arguments::read(&container, "api").unwrap();
        let flag = FlagSpec { name: name.into(), value, controls: vec![], templates: Vec::new() };
        let reason = arguments.set(&flag);
        arguments.write(&mut container);
        (Value::Object(container), reason)
    }

    fn is(value: &str) -> FlagValue {
        FlagValue::Is(value.into())
    }

    fn command(words: &str) -> Value {
        json!({ "command": words.split(' ').collect::<Vec<_>>() })
    }

    #[test]
    fn every_way_to_write_a_flag_is_understood() {
        for (before, after) in [
            ("api --x=1", "api --x=2"),
            ("api --x 1 --z=1", "api --x=2 --z=1"),
            ("api --x --z=1", "api --x=2 --z=1"),
            ("api -x 1", "api --x=2"),
            ("api --x=1 --b=1 --x=2", "api --x=2 --b=1"),
            ("api --x=2", "api --x=2"),
            ("api --x 2", "api --x 2"),
            ("api --a=1 --z=1", "api --a=1 --x=2 --z=1"),
            ("api --z=1 --a=1", "api --z=1 --a=1 --x=2"),
            ("/go-runner --x=7 /usr/bin/api --y=1", "/go-runner --x=7 /usr/bin/api --x=2 --y=1"),
            ("api", "api --x=2"),
        ] {
            assert_eq!(set(&command(before), "x", is("2")).0, command(after), "{before}");
        }
        assert_eq!(set(&command("api --a_b"), "a-b", is("true")).1, None);
    }

    #[test]
    fn flags_go_where_flags_are() {
        let container = json!({"command": ["api"], "args": ["--a=1"]});
        let (after, _) = set(&container, "x", is("2"));
        assert_eq!(after, json!({"command": ["api"], "args": ["--a=1", "--x=2"]}));
        let (after, _) = set(&json!({}), "x", is("2"));
        assert_eq!(after, json!({"args": ["--x=2"]}));
        assert!(Arguments::read(command("sh -c api").as_object().unwrap(), "kube-apiserver").is_err());
    }

    #[test]
    fn lists_keep_what_they_hold() {
        let wants = |parts: &[&str]| FlagValue::List {
            includes: parts.iter().map(ToString::to_string).collect(),
            excludes: Vec::new(),
        };
        for (before, parts, after) in [
            ("api --p=A", &["B", "A"][..], "api --p=A,B"),
            ("api", &["B", "A"], "api --p=B,A"),
            ("api --p=", &["B"], "api --p=B"),
            ("api --p=B,A", &["A", "B"], "api --p=B,A"),
            ("api --p=A --p=B", &["A", "B", "C"], "api --p=A,B,C"),
            ("api --p=A=false,B=true", &["A=true"], "api --p=B=true,A=true"),
        ] {
            let (after_value, reason) = set(&command(before), "p", wants(parts));
            assert_eq!(after_value, command(after), "{before}");
            assert_eq!(reason.is_none(), before == after, "{before}");
        }
    }

    #[test]
    fn lists_lose_what_they_must_not_hold() {
        let value = || FlagValue::List { includes: vec!["A".into()], excludes: vec!["X".into()] };
        for (before, after, reason) in [
            ("api --p=X,A, X", "api --p=A", Some("--p must not hold X,X")),
            ("api --p=X,B", "api --p=B,A", Some("--p lacks A and must not hold X")),
            ("api --p=A,XX", "api --p=A,XX", None),
        ] {
            let before: Value = json!({"command": before.splitn(2, ' ').collect::<Vec<_>>()});
            let (found, said) = set(&before, "p", value());
            assert_eq!((found, said.as_deref()), (command(after), reason), "{before}");
        }
        let only = || FlagValue::List { includes: vec![], excludes: vec!["X".into()] };
        assert_eq!(set(&command("api --p=X"), "p", only()).0, command("api"));
        assert_eq!(set(&command("api"), "p", only()), (command("api"), None));
    }

    #[test]
    fn a_file_that_somebody_chose_stays() {
        let file = || FlagValue::Existing("/a".parse().unwrap());
        assert_eq!(set(&command("api --x=/b"), "x", file()), (command("api --x=/b"), None));
        assert_eq!(set(&command("api --x /a"), "x", file()), (command("api --x /a"), None));
        let (after, reason) = set(&command("api"), "x", file());
        assert_eq!(after, command("api --x=/a"));
        assert_eq!(reason.as_deref(), Some("--x is missing, wanted /a"));
    }

    #[test]
    fn an_absent_flag_goes_with_its_value() {
        let (after, reason) = set(&command("api --x 1 --b=2 --x=3"), "x", FlagValue::Absent);
        assert_eq!(after, command("api --b=2"));
        assert_eq!(reason.as_deref(), Some("--x=1,3 must be absent"));
        assert_eq!(set(&command("api"), "x", FlagValue::Absent).1, None);
    }
}
