//! What `harden status` and `harden unlock` show of a fleet in every state.

use harden::inventory::NodeName;
use harden::plan::Unreachable;
use harden::status::{
    ChangedPath, Ender, Lock, NodeState, PathChange, Recorded, Report, State, Summary, Transaction,
};
use harden::ui::status::{UnlockEnd, UnlockedNode};
use harden::ui::{self, Paint, View};
use insta::assert_snapshot;

/// 2026-11-24 15:00 UTC.
const NOW: i64 = 1_795_532_400;
const PLAIN: View = View { paint: Paint { color: false }, width: 120, verbose: false };
const VERBOSE: View = View { verbose: true, ..PLAIN };

fn name(text: &str) -> NodeName {
    serde_json::from_value(serde_json::Value::from(text)).unwrap()
}

fn transaction(ago: i64, state: State) -> Transaction {
    let path = |path: &str, change| ChangedPath { path: path.to_owned(), change };
    Transaction {
        id: format!("{}-0badcafe", NOW - ago),
        began: Some(NOW - ago),
        owner: String::from("ops@bastion (pid 4711, started 2026-11-24T14:00:00Z)"),
        process: None,
        state,
        ended_by: None,
        ended: None,
        deadline: None,
        running: false,
        problems: Vec::new(),
        paths: vec![
            path("/etc/kubernetes/admin.conf", PathChange::Attributes),
            path("/etc/kubernetes/audit/policy.yaml", PathChange::Added),
            path("/var/lib/kubelet/config.yaml", PathChange::Replaced),
        ],
        undoes: None,
        units: vec![String::from("kubelet.service")],
    }
}

fn put_back(by: Ender) -> Transaction {
    Transaction { ended_by: Some(by), ended: Some(NOW - 3_000), ..transaction(3_600, State::PutBack) }
}

fn rest(last: Transaction) -> NodeState {
    NodeState { clock: NOW, last: Some(last), ..NodeState::default() }
}

fn locked(last: Transaction) -> NodeState {
    let lock =
        Lock { target: Some(format!("txn/{}", last.id)), since: Some(NOW - 240), has_transaction: true };
    NodeState { lock: Some(lock), ..rest(last) }
}

fn lock_alone(target: Option<&str>) -> NodeState {
    let lock = Lock { target: target.map(str::to_owned), since: None, has_transaction: false };
    NodeState { lock: Some(lock), ..rest(transaction(90_000, State::Committed)) }
}

/// A node in every state.
fn every_state() -> Report {
    let recorded = || {
        Some(Recorded {
            transaction: String::from("1795000000-1"),
            by: String::from("ci@runner"),
            at: NOW - 532_400,
        })
    };
    let with_past = NodeState {
        history: vec![put_back(Ender::Start), transaction(90_000, State::Committed)],
        applied: recorded(),
        ..rest(put_back(Ender::Timer))
    };
    let armed = |state, after| Transaction { deadline: Some(NOW + after), ..transaction(240, state) };
    let failed = Transaction {
        problems: vec![String::from("restoring /etc/kubernetes/admin.conf failed\u{1b}[2J")],
        ended_by: Some(Ender::Timer),
        ..armed(State::Failed, -60)
    };
    let nodes = vec![
        ("w-1", rest(transaction(3_600, State::Committed))),
        ("w-2", rest(transaction(3_600, State::Committed))),
        ("w-3", rest(put_back(Ender::Harden))),
        ("w-4", rest(transaction(3_600, State::Committed))),
        ("w-5", with_past),
        ("w-6", rest(put_back(Ender::Start))),
        ("w-7", rest(put_back(Ender::Unlock))),
        ("w-8", NodeState { clock: NOW, ..NodeState::default() }),
        ("w-9", NodeState { clock: NOW, applied: recorded(), ..NodeState::default() }),
        ("cp-1", locked(armed(State::Pending, 250))),
        ("cp-2", locked(armed(State::Pending, -61))),
        ("cp-3", locked(transaction(240, State::Pending))),
        ("cp-4", locked(Transaction { running: true, ..armed(State::Prepared, 250) })),
        ("cp-5", locked(Transaction { running: true, ..armed(State::PuttingBack, -1) })),
        ("cp-6", locked(transaction(240, State::PuttingBack))),
        ("cp-7", locked(failed)),
        ("cp-8", locked(transaction(240, State::Committed))),
        ("cp-9", locked(put_back(Ender::Timer))),
        ("cp-10", lock_alone(Some("txn/1"))),
        ("cp-11", lock_alone(None)),
        ("cp-12", rest(transaction(240, State::Pending))),
    ];
    let unread = Unreachable {
        node: name("cp-13"),
        error: String::from("connect to 10.0.0.13:22: connection refused"),
        hint: Some(String::from("check that it runs")),
    };
    Report::new(
        "prod",
        NOW,
        nodes.into_iter().map(|(node, state)| (name(node), state)).collect(),
        vec![unread],
    )
}

#[test]
fn the_table_is_read_at_a_glance() {
    assert_snapshot!(ui::status::table(&every_state(), PLAIN));
}

#[test]
fn the_verbose_table_leaves_nothing_out() {
    assert_snapshot!(ui::status::table(&every_state(), VERBOSE));
}

#[test]
fn a_large_fleet_that_is_at_rest_is_one_line() {
    let node = |number| (name(&format!("w-{number}")), rest(transaction(3_600, State::Committed)));
    let report = Report::new("prod", NOW, (1..=5_000).map(node).collect(), Vec::new());
    let text = ui::status::table(&report, PLAIN);
    assert!(text.contains("\n  w-1, w-2, w-3 and 4997 more  committed "), "{text}");
    assert!(text.ends_with("Status: 5000 at rest, 0 pending, 0 failed, 0 locked on 5000 of 5000 nodes.\n"));
    assert_eq!(text.lines().count(), 6, "{text}");
}

#[test]
fn locks_are_shown_with_what_unlocking_does() {
    assert_snapshot!(ui::status::locks(&every_state(), PLAIN));
    let none = Report::new("prod", NOW, vec![(name("w-1"), NodeState::default())], Vec::new());
    assert_eq!(ui::status::locks(&none, PLAIN), "Nothing is locked on 1 node.\n");
}

#[test]
fn what_became_of_locks_is_told() {
    let ends = [
        ("cp-1", UnlockEnd::PutBack, None),
        ("cp-2", UnlockEnd::Kept, None),
        ("cp-3", UnlockEnd::Untouched, None),
        ("cp-4", UnlockEnd::Removed, None),
        ("cp-5", UnlockEnd::Free, None),
        ("cp-6", UnlockEnd::NeedsHuman, Some("put back the old state of the node: restoring /a failed")),
        ("cp-7", UnlockEnd::Locked, None),
        ("w-1", UnlockEnd::NotBegun, None),
    ];
    let ends: Vec<_> = ends
        .into_iter()
        .map(|(node, outcome, error)| UnlockedNode {
            node: name(node),
            outcome,
            error: error.map(str::to_owned),
        })
        .collect();
    let report = Report::new("prod", NOW, Vec::new(), Vec::new());
    assert_snapshot!(format!(
        "{}\n{}",
        ui::status::unlocked(&ends, PLAIN),
        ui::status::unlocked_json(&report, &ends[5..6])
            .unwrap()
            .replace(env!("CARGO_PKG_VERSION"), "VERSION")
    ));
}

#[test]
fn the_document_says_all_of_it() {
    let report = every_state();
    assert_eq!(report.summary, Summary { at_rest: 9, pending: 7, failed: 1, locked: 4, of: 22 });
    let document: serde_json::Value = serde_json::from_str(&ui::status::json(&report).unwrap()).unwrap();
    assert_eq!(document["format_version"], "1.0");
    assert_eq!(document["unreachable"][0]["node"], "cp-13");
    let node = |wanted: &str| {
        let nodes = document["nodes"].as_array().unwrap();
        nodes.iter().find(|node| node["node"] == wanted).unwrap().clone()
    };
    let node_5 = serde_json::to_string_pretty(&node("w-5")["last"]).unwrap();
    assert_snapshot!(node_5);
    assert_eq!(node("w-5")["history"].as_array().unwrap().len(), 2);
    assert_eq!(node("w-5")["applied"]["by"], "ci@runner");
    assert_eq!(
        (&node("cp-1")["standing"], &node("cp-1")["lock"]["since"]),
        (&"pending".into(), &(NOW - 240).into())
    );
    assert_eq!(
        (&node("w-8")["standing"], &node("w-8")["last"]),
        (&"at-rest".into(), &serde_json::Value::Null)
    );
}
