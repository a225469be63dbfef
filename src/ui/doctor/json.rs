//! The JSON form, which is an interface. `harden doctor -o json` is one object:
//!
//! | key | what |
//! |---|---|
//! | `format_version` | [`crate::doctor::FORMAT_VERSION`]: a reader must refuse another number before the dot and ignore keys it does not know |
//! | `harden_version`, `cluster`, `created` | who looked, at what, when (seconds since 1970) |
//! | `hosts` | in the inventory's order, each `{"node", "roles", "standing"}` |
//! | `hosts[].standing` | `{"state"}`: `blank`, `leftovers` (with `paths` and `ca_sha256`), `member` (with `ca_sha256`) or `unknown` where it could not be looked at; `ca_sha256` is the SHA-256 of the certificate of its cluster's CA, or `null` |
//! | `findings` | of the cluster first, then host by host, the worst first |
//! | `findings[]` | each `{"node", "check", "severity", "accepted", "fact", "remedy"}`: `node` is `null` for the cluster and for this machine, `check` what `--skip` takes (or `reach`, `host-key`, `login`, `sudo`), `severity` `fatal`, `warning` or `note`, `accepted` whether it is fatal and `--skip` names it, `remedy` a text or `null` |
//! | `summary` | `{"hosts", "fatal", "accepted", "warnings", "notes"}`, the numbers of the closing line |
//!
//! Secrets are masked in every text.

use crate::doctor::{Report, Summary};
use crate::ui::json::document;
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a Report,
    summary: Summary,
}

/// A report as a pretty-printed JSON document.
pub fn render(report: &Report) -> Result<String, serde_json::Error> {
    document(&Document { report, summary: report.summary() })
}
