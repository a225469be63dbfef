//! Who runs this, and whether they asked to stop. The first SIGINT or SIGTERM asks: no other node is begun, and a gate that does not
//! hold is waited for no longer, so that the node in hand is put back. The second ends the process at once, and says which nodes it
//! leaves to themselves.

use crate::error::ExitCode;
use crate::event::Event;
use crate::inventory::NodeName;
use crate::ui::Output;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use signal_hook::low_level;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();
/// The nodes whose transaction is not at its end.
static IN_HAND: Mutex<BTreeSet<NodeName>> = Mutex::new(BTreeSet::new());

/// Begins to listen; before that a signal ends the process at once, as it should while nothing is changed.
pub(super) fn listen(output: &Output) {
    if ASKED.get().is_some() {
        return;
    }
    let asked = ASKED.get_or_init(Arc::default);
    let leaving = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // Whatever becomes of the thread below, a third signal ends the process. Where a handler cannot be installed, a signal ends
        // it as ever, and the nodes' own rollback is what is left.
        let _ = flag::register_conditional_shutdown(
            signal,
            ExitCode::Interrupted.number().into(),
            Arc::clone(&leaving),
        );
        let _ = flag::register(signal, Arc::clone(asked));
    }
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else { return };
    let output = output.clone();
    let _ = std::thread::Builder::new().name(String::from("signals")).spawn(move || {
        // The first one has set the flag.
        if signals.forever().nth(1).is_some() {
            leaving.store(true, Ordering::Relaxed);
            output.message(&left(&IN_HAND.lock().unwrap_or_else(PoisonError::into_inner)));
            low_level::exit(ExitCode::Interrupted.number().into());
        }
    });
}

/// Notes which nodes are in hand, by what happens to them.
pub(super) fn note(event: &Event) {
    let mut nodes = IN_HAND.lock().unwrap_or_else(PoisonError::into_inner);
    match event {
        Event::Step { node, .. } => drop(nodes.insert(node.clone())),
        Event::Done { node, .. } => drop(nodes.remove(node)),
        _ => {}
    }
}

/// What is said by who leaves at once.
fn left(nodes: &BTreeSet<NodeName>) -> String {
    let names: Vec<&str> = nodes.iter().map(NodeName::as_str).collect();
    if names.is_empty() {
        return String::from("left at once: no node was in hand\n");
    }
    let mut text = format!("left at once with {} in hand: ", names.join(", "));
    let _ = writeln!(
        text,
        "an armed node puts back what is not confirmed when its time has come, and `harden unlock --limit {}` does so at once; \
         `harden status` tells what is true",
        names.join(",")
    );
    text
}

/// Whether the user asked to stop.
pub(super) fn interrupted() -> bool {
    ASKED.get().is_some_and(|asked| asked.load(Ordering::Relaxed))
}

/// `user@host`, as far as the environment tells.
pub(super) fn who() -> String {
    let variable = |names: [&str; 2]| {
        names.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    };
    let user = variable(["SUDO_USER", "USER"]).or_else(|| variable(["LOGNAME", "USERNAME"]));
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    format!("{}@{}", user.as_deref().unwrap_or("somebody"), if host.is_empty() { "unknown" } else { host })
}
