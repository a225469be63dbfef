//! The log: records of `tracing` on standard error, for people who look for a fault. What users read is printed by
//! `ui`.

use super::{Global, LogFormat};
use crate::ui::Output;
use std::io;
use tracing_subscriber::EnvFilter;

/// What is logged, as in `harden=debug`.
const VARIABLE: &str = "HARDEN_LOG";

/// Writes one record at a time through [`Output`], which masks it.
struct Record(Output);

impl io::Write for Record {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.message(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Starts the log. `HARDEN_LOG` decides what is logged; without it `-v` does: warnings, then harden's own steps, then
/// its details.
pub fn start(global: &Global, output: &Output) {
    let default = match (global.quiet, global.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "warn,harden=info",
        (false, _) => "info,harden=debug",
    };
    let wanted = std::env::var(VARIABLE).ok().filter(|wanted| !wanted.is_empty());
    let filter = wanted.as_deref().map(EnvFilter::try_new).transpose().unwrap_or_else(|error| {
        output.message(&format!("warning: {VARIABLE} is not understood: {error}\n"));
        None
    });
    let filter = filter.unwrap_or_else(|| EnvFilter::new(default));
    let writer = output.clone();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(output.stderr_paint().color)
        .with_writer(move || Record(writer.clone()));
    // A second start in one process keeps the first log.
    let _ = match global.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
