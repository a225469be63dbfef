//! Data files: `tests/evidence/NAME/` holds what is asked (`questions.txt`), what came back (`reply.txt`) and what that means
//! (`evidence.txt`) or why it is no answer (`error.txt`). A new case needs no code.
//!
//! `questions.txt` has one `KIND ARGUMENT…` a line. `HARDEN_UPDATE=1` writes what is found where nothing is expected yet.

use super::node::{SHELLS, Tree, path};
use crate::support::replies;
use harden::observe::{evidence_probe, parse_evidence};
use harden::remote::{Reader as _, Reply, Section};
use harden::resource::{FlagPath, Questions};
use std::fmt::Write as _;
use std::time::Duration;

fn questions(text: &str) -> Questions {
    let mut questions = Questions::default();
    for line in text.lines() {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["pattern", pattern] => drop(questions.patterns.insert(pattern.to_owned())),
            ["tree", at] => drop(questions.trees.insert(path(at))),
            ["document", at, ref keys @ ..] => {
                questions.documents.insert(path(at), keys.iter().map(|key| (*key).to_owned()).collect());
            }
            ["program", name] => drop(questions.programs.insert(name.to_owned())),
            ["flag", program, flag] => {
                questions.flags.push(FlagPath {
                    program: program.to_owned(),
                    flag: flag.to_owned(),
                    document: None,
                });
            }
            _ => panic!("questions.txt: {line}"),
        }
    }
    questions
}

fn outcome(reply: &Reply, questions: &Questions) -> (&'static str, String) {
    match parse_evidence(reply, questions) {
        Err(error) => ("error.txt", format!("{}\n", harden::error::Chain(&error))),
        Ok(found) => {
            let mut text = format!("{:#?}\n", found.facts);
            for (at, file) in &found.files {
                let kind = if file.is_directory { "directory" } else { "file" };
                writeln!(text, "{at}: {kind} {} {}:{}", file.mode, file.owner, file.group).unwrap();
            }
            writeln!(text, "documents: {:?}", found.documents).unwrap();
            for process in &found.processes {
                writeln!(text, "{process:?}").unwrap();
            }
            writeln!(text, "unread: {:#?}", found.unread).unwrap();
            ("evidence.txt", text)
        }
    }
}

#[test]
fn data_files() {
    replies::data_files("evidence", "questions.txt", 6, |asked, reply| outcome(&reply, &questions(asked)));
}

/// A whole reply to a varied question.
fn real_reply() -> (Reply, Questions) {
    let tree = Tree::new();
    tree.write("/pki/ca.crt", "ca\n", 0o644);
    tree.write("/etc/enc", "secret: abc\n", 0o600);
    tree.write("/etc/a", "a\n", 0o600);
    let asked =
        questions("pattern /pki/*.crt\ntree /pki\ndocument /etc/a\ndocument /etc/enc secret\nprogram etcd\n");
    let reply = tree.session(SHELLS[0]).read(&evidence_probe(&asked), Duration::from_secs(30)).unwrap();
    (reply, asked)
}

#[test]
fn a_damaged_reply_never_panics() {
    let (whole, asked) = real_reply();
    assert_eq!(parse_evidence(&whole, &asked).unwrap().documents.len(), 2);
    replies::damage(&whole, |reply| {
        parse_evidence(reply, &asked).map(drop).map_err(|error| error.to_string())
    });
}

#[test]
fn a_document_that_changes_while_it_is_read_counts_as_unread() {
    let (mut reply, asked) = real_reply();
    *reply.sections.get_mut("content").unwrap() = Section { code: 0, output: b"b\n".to_vec() };
    let found = parse_evidence(&reply, &asked).unwrap();
    assert_eq!(found.unread, ["/etc/a: it changed while it was being read"]);
    assert_eq!(found.documents.keys().map(ToString::to_string).collect::<Vec<_>>(), ["/etc/enc"]);
}
