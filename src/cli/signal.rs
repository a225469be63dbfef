//! Who runs this, and whether they asked to stop. The first SIGINT or SIGTERM asks: no other node is begun, and a gate that does not
//! hold is waited for no longer, so that the node in hand is put back. The second ends the process.

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Begins to listen; before that a signal ends the process at once, as it should while nothing is changed.
pub(super) fn listen() {
    let asked = ASKED.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM] {
        // In this order: the second signal finds the flag set by the first. Where a handler cannot be installed, a signal
        // ends the process as ever, and the nodes' own rollback is what is left.
        let _ = flag::register_conditional_shutdown(
            signal,
            crate::error::ExitCode::Interrupted.number().into(),
            Arc::clone(asked),
        );
        let _ = flag::register(signal, Arc::clone(asked));
    }
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
