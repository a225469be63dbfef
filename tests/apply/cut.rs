//! A fault at one script: what becomes of the script, and of its reply.

use harden::remote::{RemoteError, Reply, Script, quote};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const NONCE: &str = "NONCE";

/// A fault at one script on one node; the connection is of no use afterwards. A place in a script is the name of a section or
/// a line of it, and the fault comes in front of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection is cut before the script is sent.
    Before,
    /// The script dies with the connection.
    Killed(&'static str),
    /// The connection is cut, and the script goes on.
    Running(&'static str),
    /// The deadline comes, and the script goes on.
    Deadline(&'static str),
    /// The script comes to its end, and the connection is cut in the middle of its reply.
    Middle,
    /// The script comes to its end, and the reply is lost.
    After,
}

/// Runs a script on a tree.
pub(super) fn run(script: &Script, root: &Path) -> Result<Reply, RemoteError> {
    let output = shell(&render(script, root)).wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Reply::parse(&output.stdout, NONCE, stderr).ok_or_else(|| lost(script))
}

/// Runs a script on a tree as far as the fault lets it. What goes on afterwards is among `running`.
pub(super) fn run_with(
    fault: Fault,
    script: &Script,
    root: &Path,
    deadline: Duration,
    running: &mut Vec<Child>,
) -> RemoteError {
    let text = render(script, root);
    match fault {
        Fault::Before => return refused(),
        Fault::Killed(place) => {
            shell(&before(&text, place, "kill -KILL $$\n")).wait_with_output().unwrap();
        }
        Fault::Running(place) => running.push(leave(root, &text, place)),
        Fault::Deadline(place) => {
            running.push(leave(root, &text, place));
            return RemoteError::Deadline { script: script.title().to_owned(), deadline };
        }
        Fault::Middle => {
            let reply = shell(&text).wait_with_output().unwrap().stdout;
            // Whatever part of it arrives.
            for length in 0..reply.len() {
                assert_eq!(Reply::parse(&reply[..length], NONCE, String::new()), None);
            }
            assert_ne!(Reply::parse(&reply, NONCE, String::new()), None);
        }
        Fault::After => {
            shell(&text).wait_with_output().unwrap();
        }
    }
    lost(script)
}

pub(super) fn refused() -> RemoteError {
    let source = std::io::ErrorKind::ConnectionRefused.into();
    RemoteError::Connect { host: String::from("imagined"), port: 22, source }
}

fn lost(script: &Script) -> RemoteError {
    RemoteError::Unknown { script: script.title().to_owned(), reason: String::from("imagined") }
}

fn render(script: &Script, root: &Path) -> String {
    script.render(NONCE, root.to_str().unwrap()).to_string()
}

fn shell(text: &str) -> Child {
    let mut child = Command::new("sh")
        .arg("-s")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child
}

/// Starts a script, and comes back when it has come to a place.
fn leave(root: &Path, text: &str, place: &str) -> Child {
    let here = root.join("here");
    // It goes on when it is decided what becomes of its transaction, or when there is nothing to decide. A change that has not
    // come so far is ended by that, or finds its place taken.
    let decided =
        "ls \"$R\"/var/lib/harden/txn/*/late \"$R\"/var/lib/harden/txn/*/revert* 2>/dev/null | grep -q .";
    let pending = "ls \"$R\"/var/lib/harden/txn/*/pending >/dev/null 2>&1";
    let waits = if text.contains("\nbegin ") { format!("! {{ {decided}; }}") } else { String::from(pending) };
    let wait = format!(
        "touch {}\nsleep 0.15\ntries=0\nwhile {waits} && [ $tries -lt 200 ]; do sleep 0.05; tries=$((tries + 1)); done\n",
        quote(here.to_str().unwrap())
    );
    let child = shell(&before(text, place, &wait));
    while !here.exists() {
        std::thread::sleep(Duration::from_millis(2));
    }
    fs::remove_file(here).unwrap();
    child
}

/// Where a place is in a script, if it is there. A line is looked for from the end: functions come first.
pub(super) fn find(text: &str, place: &str) -> Option<usize> {
    text.find(&format!("harden_section={place}\n"))
        .or_else(|| text.rfind(&format!("\n{place}\n")).map(|at| at + 1))
}

/// A script with something in front of a place; of its first section, where it has no such place.
fn before(text: &str, place: &str, what: &str) -> String {
    let at = find(text, place).unwrap_or_else(|| {
        let mut marks = text.match_indices("\nharden_section=").map(|(at, _)| at + 1);
        marks.find(|at| !text[*at..].starts_with("harden_section=\n")).unwrap()
    });
    format!("{}{what}{}", &text[..at], &text[at..])
}
