//! The least that any program can do over SSH: one handshake, one login and one command per node, by plain ssh2.

use super::hosts::Hosts;
use ssh2::Session;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Visits every host.
pub(super) fn run(hosts: &Hosts, parallelism: usize) {
    let addresses: Vec<(String, u16)> = hosts.addresses().collect();
    let (identity, next) = (hosts.identity(), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..parallelism.min(addresses.len()) {
            scope.spawn(|| {
                while let Some(address) = addresses.get(next.fetch_add(1, Ordering::Relaxed)) {
                    visit(address, &identity);
                }
            });
        }
    });
}

fn visit((host, port): &(String, u16), identity: &Path) {
    let stream = TcpStream::connect((host.as_str(), *port)).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut session = Session::new().unwrap();
    session.set_tcp_stream(stream);
    session.handshake().unwrap();
    session.userauth_pubkey_file("root", None, identity, None).unwrap();
    let mut channel = session.channel_session().unwrap();
    channel.exec("/bin/sh -s").unwrap();
    channel.write_all(b"echo here\n").unwrap();
    channel.send_eof().unwrap();
    let mut output = String::new();
    channel.read_to_string(&mut output).unwrap();
    assert_eq!(output, "here\n");
    channel.wait_close().unwrap();
    session.disconnect(None, "done", None).unwrap();
}
