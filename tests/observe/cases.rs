//! Data files: `tests/observe/NAME/` holds what is wanted (`desired.txt`), what came back (`reply.txt`) and what that
//! means (`observed.txt`) or why it is no answer (`error.txt`). A new case needs no code.
//!
//! `desired.txt` has one `KIND ARGUMENT…` a line, as the functions of `node` make them. `HARDEN_UPDATE=1` writes what is
//! found where nothing is expected yet. Beside them, replies of noise: whatever a node says, parsing does not panic.

use super::node::{
    SHELLS, Tree, attributes, certificate, desired, file, read_certificate, secret_file, sysctls, unit, user,
    yaml_keys,
};
use harden::observe::{parse, probe};
use harden::remote::{Dialer, RemoteError, Reply, Script, Section, Session};
use harden::resource::{Desired, Resource};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::path::Path;
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

fn outcome(reply: &[u8], desired: &Desired) -> (&'static str, String) {
    let reply = Reply::parse(reply, "NONCE", String::new()).expect("the frame is whole");
    match parse(&reply, desired, &read_certificate) {
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
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/observe");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let case = entry.unwrap().path();
        if !case.is_dir() {
            continue;
        }
        count += 1;
        let read = |name: &str| {
            std::fs::read(case.join(name)).unwrap_or_else(|_| panic!("{}/{name}", case.display()))
        };
        let desired = desired(String::from_utf8(read("desired.txt")).unwrap().lines().map(wanted).collect());
        let (file, found) = outcome(&read("reply.txt"), &desired);
        if std::env::var_os("HARDEN_UPDATE").is_some() && !case.join(file).exists() {
            std::fs::write(case.join(file), &found).unwrap();
        }
        assert_eq!(found, String::from_utf8(read(file)).unwrap(), "{}", case.display());
    }
    assert!(count >= 5, "{count} cases");
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
    let reply = tree.session(SHELLS[0]).run(&probe(&wanted), Duration::from_secs(30)).unwrap();
    (reply, wanted)
}

#[test]
fn a_damaged_reply_never_panics() {
    let (whole, wanted) = real_reply();
    assert!(parse(&whole, &wanted, &read_certificate).is_ok());
    let names: Vec<String> = whole.sections.keys().cloned().collect();
    for name in &names {
        let mut without = whole.clone();
        without.sections.remove(name);
        let error = parse(&without, &wanted, &read_certificate).unwrap_err();
        assert_eq!(error.to_string(), format!("the reply has no section `{name}`"));
    }
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let damage =
        (0..names.len(), any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 0..6), 0..9usize);
    let several = prop::collection::vec(damage, 1..4);
    runner
        .run(&several, |several| {
            let mut reply = whole.clone();
            for (section, at, bytes, cut) in several {
                let output = &mut reply.sections.get_mut(&names[section]).unwrap().output;
                let start = at.index(output.len() + 1);
                let end = (start + cut).min(output.len());
                output.splice(start..end, bytes);
            }
            let _ = parse(&reply, &wanted, &read_certificate);
            Ok(())
        })
        .unwrap();
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
impl Session for Replies {
    fn run(&mut self, _: &Script, _: Duration) -> Result<Reply, RemoteError> {
        self.1 += 1;
        Ok(if self.0.len() > 1 { self.0.remove(0) } else { self.0[0].clone() })
    }
    fn reconnect(&self) -> Result<Box<dyn Session>, RemoteError> {
        unreachable!()
    }
    fn dialer(&self) -> Result<Box<dyn Dialer>, RemoteError> {
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
