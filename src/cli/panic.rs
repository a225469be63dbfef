//! Panics: a fault of the program itself. Its text may hold anything, so that it is masked like everything else, and
//! the exit code is one of the table instead of Rust's 101.

use crate::error::ExitCode;
use crate::secret::mask;
use crate::ui::line;
use std::any::Any;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};

/// What is printed of a panic.
pub fn describe(payload: &dyn Any, location: &str) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    format!(
        "error: internal error at {location}: {}\nhint: this is a fault of harden; please report it with this text\n",
        line(&text)
    )
}

/// Makes every panic of this process print through the mask.
pub fn install() {
    set_hook(Box::new(|info| {
        let location = info.location().map(ToString::to_string).unwrap_or_default();
        let text = describe(info.payload(), &location);
        // Not through `Output`: the thread that panics may hold its locks.
        let _ = std::io::stderr().write_all(mask(&text).as_bytes());
    }));
}

/// Runs the program; a panic that nobody caught is exit code 1.
pub fn guard(run: impl FnOnce() -> ExitCode) -> ExitCode {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(ExitCode::Error)
}
