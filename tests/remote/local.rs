//! Sessions on this machine.

use super::{SECONDS, refused, run, text};
use harden::inventory::{Connection, Node};
use harden::remote::{Access, RemoteError, Script, Session, connect};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

fn open(root: &Path) -> Box<dyn Session> {
    connect(&node(root), &Access::default()).unwrap()
}

fn node(root: &Path) -> Node {
    Node {
        connection: Connection::Local { root: root.to_owned() },
        ..crate::support::sshd::node(crate::support::sshd::settings(0, "".into(), "".into()))
    }
}

#[test]
fn scripts_see_the_tree() {
    let tree = tempfile::tempdir().unwrap();
    std::fs::write(tree.path().join("file"), "inside").unwrap();
    let mut session = open(tree.path());
    assert_eq!(text(&mut *session, "cat \"$R\"/file"), "inside");
    assert_eq!(text(&mut *session.reconnect().unwrap(), "cat \"$R\"/file"), "inside");
    assert_eq!(text(&mut *open(Path::new("/")), "echo \"[$R]\""), "[]\n");
    let error = refused(connect(&node(Path::new("/nonexistent")), &Access::default()));
    assert!(matches!(error, RemoteError::LocalFile { .. }), "{error}");
}

#[test]
fn a_hung_script_ends_with_what_it_started() {
    let tree = tempfile::tempdir().unwrap();
    let mut session = open(tree.path());
    let script = Script::new("hang").section("a", "sleep 61 & echo $! >\"$R\"/pid; wait");
    let started = Instant::now();
    let error = refused(session.run(&script, Duration::from_millis(500)));
    assert!(matches!(error, RemoteError::Deadline { .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(3));
    let pid = std::fs::read_to_string(tree.path().join("pid")).unwrap();
    let stat = format!("/proc/{}/stat", pid.trim());
    // Gone, or waiting to be reaped by whoever adopted it.
    let ended = || std::fs::read_to_string(&stat).map_or(true, |state| state.contains(") Z "));
    let until = Instant::now() + Duration::from_secs(3);
    while !ended() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(ended());
}

#[test]
fn a_daemon_that_is_left_behind_does_not_hold_up_the_reply() {
    let mut session = open(Path::new("/"));
    let started = Instant::now();
    assert_eq!(text(&mut *session, "sleep 5 & echo started"), "started\n");
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[test]
fn a_killed_shell_is_an_unknown_outcome() {
    let error = refused(run(&mut *open(Path::new("/")), "kill -9 $$"));
    assert!(matches!(error, RemoteError::Unknown { .. }), "{error}");
}

#[test]
fn both_outputs_and_the_input_may_be_large() {
    let mut session = open(Path::new("/"));
    let body = format!(
        "head -c 6000000 /dev/zero >&2; head -c 6000000 /dev/zero; wc -c <<'E'\n{}\nE",
        "x".repeat(3_000_000)
    );
    let reply = session.run(&Script::new("big").section("all", body), SECONDS).unwrap();
    let section = reply.section("all");
    assert_eq!(&section.output[6_000_000..], b"3000001\n");
    assert_eq!(reply.stderr.len(), 65_536);
}

#[test]
fn ports_are_those_of_this_machine() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        stream.write_all(&all).unwrap();
    });
    let dialer = open(Path::new("/")).dialer().unwrap();
    let mut stream = dialer.dial("127.0.0.1", port).unwrap();
    stream.write_all(b"ping").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"ping");
    server.join().unwrap();
    assert!(matches!(refused(dialer.dial("127.0.0.1", 1)), RemoteError::Connect { .. }));
    let tree = tempfile::tempdir().unwrap();
    assert!(matches!(refused(open(tree.path()).dialer()), RemoteError::Unsupported(_)));
}
