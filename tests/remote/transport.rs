//! What can go wrong between a script and its reply, on a real sshd.

use super::{SECONDS, open, refused, run, text};
use crate::support::sshd::{Options, Sshd};
use harden::remote::{RemoteError, Script};
use std::io::Write as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

#[test]
fn codes_and_outputs_come_back() {
    let sshd = Sshd::start();
    let mut session = open(&sshd.settings()).unwrap();
    let script = Script::new("t").section("a", "echo out; echo err >&2").section("b", "exit 7");
    let reply = session.run(&script, SECONDS).unwrap();
    assert_eq!((reply.code, reply.section("b").code), (7, 7));
    assert_eq!(reply.section("a").text(), "out\n");
    assert!(reply.stderr.contains("err\n"));
}

#[test]
fn a_killed_session_is_an_unknown_outcome() {
    let sshd = Sshd::start();
    for body in ["kill -9 $PPID; sleep 1", "kill -9 $$", "kill -TERM $$; sleep 1; true"] {
        let mut session = open(&sshd.settings()).unwrap();
        let error = refused(run(&mut *session, body));
        assert!(matches!(error, RemoteError::Unknown { .. }), "{body}: {error:?}");
    }
    // A cut session says so, and a new one works.
    let mut session = open(&sshd.settings()).unwrap();
    refused(run(&mut *session, "kill -9 $PPID; sleep 1"));
    refused(run(&mut *session, "true"));
    assert_eq!(text(&mut *session.reconnect().unwrap(), "echo anew"), "anew\n");
}

#[test]
fn a_channel_timeout_is_an_unknown_outcome() {
    let config = vec![String::from("ChannelTimeout session:*=1s")];
    let sshd = Sshd::with(&Options { config, ..Options::default() });
    let mut session = open(&sshd.settings()).unwrap();
    let error = refused(run(&mut *session, "sleep 8; exit 7"));
    assert!(matches!(error, RemoteError::Unknown { .. }), "{error:?}");
}

#[test]
fn a_hung_command_ends_at_its_deadline() {
    let sshd = Sshd::start();
    let mut session = open(&sshd.settings()).unwrap();
    let started = Instant::now();
    let error = refused(session.run(&Script::new("hang").section("a", "sleep 20"), Duration::from_secs(1)));
    drop(session);
    assert!(matches!(error, RemoteError::Deadline { .. }), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn output_without_end_is_bounded_by_the_deadline() {
    let sshd = Sshd::start();
    let mut session = open(&sshd.settings()).unwrap();
    let started = Instant::now();
    let script = Script::new("shout").section("a", "while :; do echo shout >&2; done");
    let error = refused(session.run(&script, Duration::from_secs(1)));
    assert!(matches!(error, RemoteError::Deadline { .. }), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[test]
fn a_daemon_that_is_left_behind_does_not_hold_up_the_reply() {
    let sshd = Sshd::start();
    let mut session = open(&sshd.settings()).unwrap();
    let started = Instant::now();
    assert_eq!(text(&mut *session, "sleep 8 & echo started"), "started\n");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(text(&mut *session, "echo next"), "next\n");
}

#[test]
fn a_silent_port_and_a_babbling_one_do_not_hold_up_the_run() {
    let sshd = Sshd::start();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let babbling = TcpListener::bind("127.0.0.1:0").unwrap();
    let ports = [&silent, &babbling].map(|listener| listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        let (mut stream, _) = babbling.accept().unwrap();
        while stream.write_all(b"x\n").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    for port in ports {
        let mut settings = sshd.settings();
        settings.port = port;
        settings.timeouts.handshake = Duration::from_secs(1);
        let started = Instant::now();
        let error = refused(open(&settings));
        assert!(matches!(error, RemoteError::Protocol { .. }), "{error:?}");
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    }
    let mut settings = sshd.settings();
    settings.port = 1;
    assert!(matches!(refused(open(&settings)), RemoteError::Connect { .. }));
    settings.host = String::from("no-such-host.invalid");
    settings.timeouts.connect = Duration::from_secs(2);
    let started = Instant::now();
    assert!(matches!(refused(open(&settings)), RemoteError::Connect { .. }));
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[test]
fn megabytes_pass_in_all_directions_at_once() {
    let sshd = Sshd::start();
    let mut session = open(&sshd.settings()).unwrap();
    let input = "x".repeat(6_000_000);
    let body =
        format!("head -c 6000000 /dev/zero >&2 & head -c 6000000 /dev/zero; wait; wc -c <<'E'\n{input}\nE");
    let reply = session.run(&Script::new("big").section("all", body), SECONDS).unwrap();
    assert_eq!(&reply.section("all").output[6_000_000..], b"6000001\n");
    assert_eq!(reply.stderr.len(), 65_536);
}

#[test]
fn a_login_shell_that_talks_is_not_heard() {
    let sshd = Sshd::start();
    // The command of a key stands in for start files that print: both come before the script.
    let key = std::fs::read_to_string(sshd.identity().with_extension("pub")).unwrap();
    let forced = format!("command=\"echo noise; echo noise >&2; eval \\\"$SSH_ORIGINAL_COMMAND\\\"\" {key}");
    std::fs::write(sshd.folder().join("authorized_keys"), forced).unwrap();
    let mut session = open(&sshd.settings()).unwrap();
    assert_eq!(text(&mut *session, "echo signal"), "signal\n");
}
