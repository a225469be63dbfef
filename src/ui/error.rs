//! Errors on standard error: `error: …` with all causes, then a line `hint: …` for each remedy.

use super::{Output, Tone, block};
use crate::error::Chain;

/// Prints an error with its causes, and the remedies that are known.
pub fn report(output: &Output, error: &dyn std::error::Error, hints: &[String]) {
    let paint = output.stderr_paint();
    let chain = Chain(error).to_string();
    let mut lines = vec![format!("{} {}", paint.tone(Tone::Error, "error:"), block(chain.trim_end()))];
    let hint = paint.tone(Tone::Heading, "hint:");
    lines.extend(hints.iter().map(|text| format!("{hint} {}", block(text.trim_end()))));
    output.message(&lines.join("\n"));
}
