//! Bastions and streams to ports, on real sshds.

use super::{SECONDS, open, refused, run, text};
use crate::support::sshd::{Options, Sshd, node};
use harden::inventory::SshSettings;
use harden::remote::{Access, Dialer, RemoteError, Script, connect};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::time::{Duration, Instant};

fn behind(target: &Sshd, bastions: &[&Sshd]) -> SshSettings {
    SshSettings { bastions: bastions.iter().map(|sshd| sshd.settings()).collect(), ..target.settings() }
}

fn no_forwarding() -> Sshd {
    let config = vec![String::from("AllowTcpForwarding no")];
    Sshd::with(&Options { config, ..Options::default() })
}

#[test]
fn two_bastions_in_a_row() {
    let (first, second, target) = (Sshd::start(), Sshd::start(), Sshd::start());
    let mut session = open(&behind(&target, &[&first, &second])).unwrap();
    assert_eq!(text(&mut *session, "echo through"), "through\n");
    let body = format!("head -c 6000000 /dev/zero; wc -c <<'E'\n{}\nE", "x".repeat(6_000_000));
    let reply = session.run(&Script::new("big").section("all", body), SECONDS).unwrap();
    assert_eq!(&reply.section("all").output[6_000_000..], b"6000001\n");
    // A new connection proves the whole way again.
    assert_eq!(first.log().matches("Accepted publickey").count(), 1);
    assert_eq!(text(&mut *session.reconnect().unwrap(), "echo anew"), "anew\n");
    assert_eq!(first.log().matches("Accepted publickey").count(), 2);
}

#[test]
fn nodes_share_a_bastion() {
    let (bastion, target) = (Sshd::start(), Sshd::start());
    let access = Access::default();
    let node = node(behind(&target, &[&bastion]));
    std::thread::scope(|scope| {
        for at in 0..8 {
            let (node, access) = (&node, &access);
            scope.spawn(move || {
                let mut session = connect(node, access).unwrap();
                assert_eq!(text(&mut *session, &format!("echo {at}")), format!("{at}\n"));
            });
        }
    });
    assert_eq!(target.log().matches("Accepted publickey").count(), 8);
    assert_eq!(bastion.log().matches("Accepted publickey").count(), 1);
    // With the last user the connection goes.
    drop(access);
    let until = Instant::now() + Duration::from_secs(5);
    while !bastion.log().contains("Received disconnect") && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(bastion.log().contains("Received disconnect"), "{}", bastion.log());
}

#[test]
fn the_keys_of_both_are_checked() {
    let (bastion, target) = (Sshd::start(), Sshd::start());
    let mut settings = behind(&target, &[&bastion]);
    settings.known_hosts = bastion.settings().known_hosts;
    assert!(
        matches!(refused(open(&settings)), RemoteError::UnknownHostKey { port, .. } if port == target.port)
    );
    settings = behind(&target, &[&bastion]);
    settings.bastions[0].known_hosts = target.settings().known_hosts;
    let error = refused(open(&settings));
    assert!(
        matches!(&error, RemoteError::Bastion { bastion: name, .. } if *name == format!("127.0.0.1:{}", bastion.port))
    );
}

#[test]
fn a_dead_node_behind_a_bastion_holds_nobody_up() {
    let (bastion, target) = (Sshd::start(), Sshd::start());
    let access = Access::default();
    // An address of TEST-NET-1 (RFC 5737): packets to it vanish or are refused; and a port that accepts and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut dead = behind(&target, &[&bastion]);
    dead.timeouts.connect = Duration::from_secs(3);
    dead.timeouts.handshake = Duration::from_secs(2);
    let mut mute = dead.clone();
    dead.host = String::from("192.0.2.1");
    mute.port = silent.local_addr().unwrap().port();
    std::thread::scope(|scope| {
        for settings in [dead, mute] {
            let access = &access;
            scope.spawn(move || {
                let started = Instant::now();
                refused(connect(&node(settings), access));
                assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
            });
        }
        std::thread::sleep(Duration::from_millis(200));
        let started = Instant::now();
        let mut session = connect(&node(behind(&target, &[&bastion])), &access).unwrap();
        assert_eq!(text(&mut *session, "echo alive"), "alive\n");
        assert!(started.elapsed() < Duration::from_millis(2500), "{:?}", started.elapsed());
    });
    let mut closed = behind(&target, &[&bastion]);
    closed.port = 1;
    assert!(matches!(refused(connect(&node(closed), &access)), RemoteError::Connect { port: 1, .. }));
}

#[test]
fn a_dead_bastion_is_tried_once_for_all_who_wait() {
    let target = Sshd::start();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = behind(&target, &[&target]);
    settings.bastions[0].port = silent.local_addr().unwrap().port();
    settings.bastions[0].timeouts.handshake = Duration::from_secs(1);
    let access = Access::default();
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                assert!(matches!(
                    refused(connect(&node(settings.clone()), &access)),
                    RemoteError::Bastion { .. }
                ));
            });
        }
    });
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[test]
fn a_bastion_that_breaks_is_replaced() {
    let (bastion, target) = (Sshd::start(), Sshd::start());
    let access = Access::default();
    let through = node(behind(&target, &[&bastion]));
    let mut session = connect(&through, &access).unwrap();
    let mut at_bastion = open(&bastion.settings()).unwrap();
    // The processes of the bastion's other connections: the children of its listener, our own one aside.
    let kill = "listener=$(ps -o ppid= $PPID | tr -d ' '); for p in $(ps -o pid= --ppid \"$listener\"); do \
                [ \"$p\" = \"$PPID\" ] || kill -9 \"$p\"; done";
    run(&mut *at_bastion, kill).unwrap();
    let error = refused(run(&mut *session, "sleep 1"));
    assert!(matches!(error, RemoteError::Unknown { .. } | RemoteError::Protocol { .. }), "{error:?}");
    assert_eq!(text(&mut *connect(&through, &access).unwrap(), "echo again"), "again\n");
}

/// A server that sends back all that it gets, for as many connections as come.
fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut reader = stream.try_clone().unwrap();
                let _ = std::io::copy(&mut reader, &mut stream);
                let _ = stream.shutdown(Shutdown::Both);
            });
        }
    });
    port
}

fn round_trip(dialer: &dyn Dialer, port: u16, length: usize) {
    let mut stream = dialer.dial("127.0.0.1", port).unwrap();
    stream.set_read_timeout(Some(SECONDS)).unwrap();
    let data: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let mut writer = stream.try_clone().unwrap();
    let sent = data.clone();
    let feeder = std::thread::spawn(move || writer.write_all(&sent).unwrap());
    let mut back = vec![0; length];
    stream.read_exact(&mut back).unwrap();
    assert!(back == data);
    feeder.join().unwrap();
}

fn streams(sshd: &Sshd) {
    let port = echo();
    let dialer = open(&sshd.settings()).unwrap().dialer().unwrap();
    round_trip(&*dialer, port, 5);
    round_trip(&*dialer, port, 3_000_000);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| round_trip(&*dialer, port, 200_000));
        }
    });
    // The end of the other side is seen, however soon it comes.
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    for _ in 0..10 {
        std::thread::scope(|scope| {
            scope.spawn(|| server.accept().unwrap().0.write_all(b"bye").unwrap());
            let mut stream = dialer.dial("127.0.0.1", server.local_addr().unwrap().port()).unwrap();
            stream.set_read_timeout(Some(SECONDS)).unwrap();
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).unwrap();
            assert_eq!(rest, b"bye");
        });
    }
    // And ours is seen there.
    let stream = dialer.dial("127.0.0.1", server.local_addr().unwrap().port()).unwrap();
    let (mut accepted, _) = server.accept().unwrap();
    drop(stream);
    accepted.set_read_timeout(Some(SECONDS)).unwrap();
    assert_eq!(accepted.read(&mut [0]).unwrap(), 0);
    let error = refused(dialer.dial("127.0.0.1", 1));
    assert!(matches!(error, RemoteError::Connect { port: 1, .. }), "{error:?}");
    round_trip(&*dialer, port, 5);
}

#[test]
fn streams_through_forwarding() {
    streams(&Sshd::start());
}

#[test]
fn streams_where_forwarding_is_forbidden() {
    streams(&no_forwarding());
}

#[test]
fn a_bastion_that_forbids_forwarding_is_passed() {
    let (bastion, target) = (no_forwarding(), Sshd::start());
    let mut session = open(&behind(&target, &[&bastion])).unwrap();
    assert_eq!(text(&mut *session, "echo through"), "through\n");
}

#[test]
fn an_idle_connection_survives_a_strict_server() {
    let config = vec![String::from("ClientAliveInterval 1\nClientAliveCountMax 2")];
    let sshd = Sshd::with(&Options { config, ..Options::default() });
    let port = echo();
    let dialer = open(&sshd.settings()).unwrap().dialer().unwrap();
    round_trip(&*dialer, port, 5);
    std::thread::sleep(Duration::from_secs(5));
    round_trip(&*dialer, port, 5);
}

#[test]
fn streams_outlive_their_dialer() {
    let sshd = Sshd::start();
    let dialer = open(&sshd.settings()).unwrap().dialer().unwrap();
    let mut stream = dialer.dial("127.0.0.1", echo()).unwrap();
    drop(dialer);
    stream.write_all(b"still").unwrap();
    let mut back = [0; 5];
    stream.set_read_timeout(Some(SECONDS)).unwrap();
    stream.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"still");
}
