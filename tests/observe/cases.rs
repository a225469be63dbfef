//! Data files: `tests/observe/NAME/` holds what is wanted (`desired.txt`), what came back (`reply.txt`) and what that
//! means (`observed.txt`) or why it is no answer (`error.txt`). A new case needs no code.
//!
//! `desired.txt` has one `KIND ARGUMENT…` a line, as the functions of `node` make them. `HARDEN_UPDATE=1` writes what is
//! found where nothing is expected yet. Beside them, replies of noise: whatever a node says, parsing does not panic.

use super::node::{
    SHELLS, Tree, attributes, certificate, desired, file, read_certificate, secret_file, sysctls, unit, user,
    yaml_keys,
};
use crate::support::replies;
use harden::observe::{parse, probe};
use harden::remote::{Dialer, Probe, Reader, RemoteError, Reply, Script, Section, Session};
use harden::resource::{Desired, Resource};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::time::Duration;

fn wanted(line: &str) -> Resource {
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        ["file", at, content] => file(at, &format!("{content}\n")),
        ["secret-file", at, key] => secret_file(at, "", &[key]),
        ["attributes", pattern] => attributes(pattern),
        ["yaml-keys", at] => yaml_keys(at),
        ["certificate", at] => certificate(at),
        ["unit", name] => unit(name),
        ["user", name] => user(name),
        ["sysctl", at, name, value] => sysctls(at, &[(name, value)]),
        _ => panic!("desired.txt: {line}"),
    }
}

fn outcome(reply: &Reply, desired: &Desired) -> (&'static str, String) {
    match parse(reply, desired, &read_certificate) {
        Err(error) => ("error.txt", format!("{}\n", harden::error::Chain(&error))),
        Ok(observed) => {
            let mut text = format!("{:#?}\n", observed.facts);
            for (path, state) in &observed.files {
                writeln!(text, "{path}: {state:?}").unwrap();
            }
            writeln!(text, "patterns: {:?}", observed.patterns).unwrap();
            writeln!(text, "units: {:?}", observed.units).unwrap();
            writeln!(text, "sysctls: {:?}", observed.sysctls).unwrap();
            if !observed.fixed_sysctls.is_empty() {
                writeln!(text, "fixed: {:?}", observed.fixed_sysctls).unwrap();
            }
            if !observed.users.is_empty() {
                writeln!(text, "users: {:?}", observed.users).unwrap();
            }
            writeln!(text, "certificates: {:?}", observed.certificates).unwrap();
            writeln!(text, "applied: {:?}", observed.applied).unwrap();
            ("observed.txt", text)
        }
    }
}

#[test]
fn data_files() {
    replies::data_files("observe", "desired.txt", 5, |asked, reply| {
        outcome(&reply, &desired(asked.lines().map(wanted).collect()))
    });
}

/// A whole reply to a varied question, with the sections of a real one.
fn real_reply() -> (Reply, Desired) {
    let tree = Tree::new();
    tree.write("/pki/ca.crt", "CN=ca\n", 0o644);
    tree.write("/pki/x.crt", "CN=x\n", 0o644);
    tree.write("/pki/x.key", "key", 0o600);
    tree.write("/etc/enc", "secret: abc\n", 0o600);
    tree.write("/etc/a", "a\n", 0o600);
    let wanted = desired(vec![
        certificate("/pki/x"),
        attributes("/pki/*.key"),
        secret_file("/etc/enc", "", &["secret"]),
        file("/etc/a", "b\n"),
        file("/etc/absent", "b\n"),
        unit("a.service"),
        sysctls("/etc/sysctl.d/x", &[("kernel.ostype", "x")]),
    ]);
    let mut reply = tree.session(SHELLS[0]).read(&probe(&wanted), Duration::from_secs(30)).unwrap();
    // A section without output, which a probe that is installed on a node does not have.
    reply.sections.remove("known").unwrap();
    (reply, wanted)
}

#[test]
fn a_damaged_reply_never_panics() {
    let (whole, wanted) = real_reply();
    replies::damage(&whole, |reply| {
        parse(reply, &wanted, &read_certificate).map(drop).map_err(|error| error.to_string())
    });
}

proptest! {
    #[test]
    fn noise_never_panics(outputs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 10)) {
        let (whole, wanted) = (Reply::default(), desired(vec![file("/etc/a", "x"), attributes("/etc/*")]));
        let names = ["facts", "patterns", "stat", "missing", "sums", "sent", "content", "masked", "units", "sysctls"];
        let sections = names.iter().zip(outputs).map(|(name, output)| ((*name).to_owned(), Section { code: 0, output }));
        let reply = Reply { sections: sections.collect(), ..whole };
        let _ = parse(&reply, &wanted, &read_certificate);
    }
}

/// Gives the replies one after the other, the last one for ever, and counts.
struct Replies(Vec<Reply>, usize);
impl Reader for Replies {
    fn read(&mut self, probe: &Probe, deadline: Duration) -> Result<Reply, RemoteError> {
        self.run(probe.script(), deadline)
    }

    fn dialer(&self) -> Result<Box<dyn Dialer>, RemoteError> {
        unreachable!()
    }
}

impl Session for Replies {
    fn run(&mut self, _: &Script, _: Duration) -> Result<Reply, RemoteError> {
        self.1 += 1;
        Ok(if self.0.len() > 1 { self.0.remove(0) } else { self.0[0].clone() })
    }
    fn reconnect(&self) -> Result<Box<dyn Session>, RemoteError> {
        unreachable!()
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_asked_for_again() {
    let (whole, wanted) = real_reply();
    let mut torn = whole.clone();
    let content = &mut torn.sections.get_mut("content").unwrap().output;
    *content.last_mut().unwrap() ^= 1;

    let mut once = Replies(vec![torn.clone(), whole.clone()], 0);
    let observed = super::node::observe(&mut once, &wanted);
    assert_eq!((once.1, &observed), (2, &parse(&whole, &wanted, &read_certificate).unwrap()));
    let mut always = Replies(vec![torn], 0);
    let observed = super::node::observe(&mut always, &wanted);
    assert_eq!(always.1, 3);
    assert!(observed.files.values().any(|state| {
        matches!(state, harden::resource::FileState::Unknown(reason) if reason == "it changed while it was being read")
    }));
}
