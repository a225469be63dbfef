//! The fake fails in the ways that real sessions do.

use super::{SECONDS, refused};
use harden::remote::fake::{FakeSession, Fault, reply};
use harden::remote::{Reader as _, RemoteError, Reply, Script, Session};
use std::sync::{Arc, Mutex};

fn script() -> Script {
    Script::new("write files").section("first", "1").section("second", "2")
}

/// A node that notes which sections it ran.
fn noting() -> (FakeSession, Arc<Mutex<Vec<String>>>) {
    let ran = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&ran);
    let session = FakeSession::new(move |script| {
        notes.lock().unwrap().extend(script.sections().map(|(name, _)| name.to_owned()));
        Reply::default()
    });
    (session, ran)
}

#[test]
fn faults_come_where_they_should() {
    let cases: &[(Fault, &[&str])] = &[
        (Fault::Before, &[]),
        (Fault::Middle, &["first"]),
        (Fault::Hang, &["first"]),
        (Fault::After, &["first", "second"]),
        (Fault::Down, &[]),
    ];
    for (fault, sections) in cases {
        let (session, ran) = noting();
        let mut session = session.with_fault(0, *fault);
        let error = refused(session.run(&script(), SECONDS));
        let fits = match fault {
            Fault::Before | Fault::Down => matches!(error, RemoteError::Protocol { .. }),
            Fault::Middle | Fault::After => matches!(error, RemoteError::Unknown { .. }),
            Fault::Hang => matches!(error, RemoteError::Deadline { .. }),
        };
        assert!(fits, "{fault:?}: {error:?}");
        assert_eq!(*ran.lock().unwrap(), *sections, "{fault:?}");
        // The connection is of no use any more; a new one is, unless the node is down.
        refused(session.run(&script(), SECONDS));
        assert_eq!(session.reconnect().is_ok(), *fault != Fault::Down);
        if let Ok(mut anew) = session.reconnect() {
            anew.run(&script(), SECONDS).unwrap();
        }
    }
}

#[test]
fn replies_come_in_turn_and_run_out() {
    let mut session = FakeSession::scripted([reply([("a", "1")]), reply([("a", "2")])]);
    assert_eq!(session.run(&script(), SECONDS).unwrap().section("a").text(), "1");
    assert_eq!(session.clone().run(&script(), SECONDS).unwrap().section("a").text(), "2");
    assert_eq!(session.run(&script(), SECONDS).unwrap().code, 127);
    assert_eq!(session.calls().len(), 3);
    assert!(matches!(refused(session.dialer()), RemoteError::Unsupported(_)));
}
