//! Sessions on real shells and real servers: nothing here imitates what it tests, except where the topic is the fake.

#[path = "remote/bastions.rs"]
mod bastions;
#[path = "remote/fake.rs"]
mod fake;
#[path = "remote/frame.rs"]
mod frame;
#[path = "remote/local.rs"]
mod local;
#[path = "remote/login.rs"]
mod login;
#[path = "remote/root.rs"]
mod root;
#[path = "remote/transport.rs"]
mod transport;

use crate::support::sshd::node;
use harden::inventory::SshSettings;
use harden::remote::{Access, RemoteError, Reply, Script, Session, connect};
use std::time::Duration;

/// Long enough for a busy machine.
const SECONDS: Duration = Duration::from_secs(30);

fn open(settings: &SshSettings) -> Result<Box<dyn Session>, RemoteError> {
    connect(&node(settings.clone()), &Access::default())
}

/// The error of something that must fail.
fn refused<T>(result: Result<T, RemoteError>) -> RemoteError {
    match result {
        Ok(_) => panic!("it should have been refused"),
        Err(error) => error,
    }
}

fn run(session: &mut dyn Session, body: &str) -> Result<Reply, RemoteError> {
    session.run(&Script::new("try").section("all", body), SECONDS)
}

fn text(session: &mut dyn Session, body: &str) -> String {
    run(session, body).unwrap().section("all").text()
}
