//! The JSON form of a check (`harden check -o json`, `--report json=FILE`), which is an interface. It is one object:
//!
//! | key | what |
//! |---|---|
//! | `format_version` | [`crate::check::FORMAT_VERSION`]: a reader must refuse another number before the dot and ignore keys it does not know |
//! | `harden_version`, `cluster`, `created` | who judged, what, when (seconds since 1970) |
//! | `benchmark`, `benchmark_title` | by which benchmark: `cis-1.12` and its title |
//! | `findings` | by section and control, then by node, each with the keys below |
//! | `unreachable` | what could not be read, each `{"node", "error"}`; `node` is `null` for the API |
//! | `notes` | what else the user should know, one line each: a waiver that nothing needs |
//! | `summary` | `{"controls", "nodes", "cluster", "of"}`: the numbers of the closing line (each control once, as it stands where it stands worst), of each node by its name, and of the cluster as a whole, each `{"pass", "fail", "warn", "waived", "differ", "expired", "clean", "overlooked"}`; `of` is the number of nodes asked for |
//!
//! | key of a finding | what |
//! |---|---|
//! | `control`, `title`, `section`, `scored` | which control: `cis-1.12:1.2.16` |
//! | `node` | the node, `null` for the cluster |
//! | `verdict` | `pass`, `fail` or `warn`, waivers not counted in |
//! | `evidence`, `objects` | what was seen, and every object or file that offends |
//! | `differences` | `not-restarted`, `lost-at-restart`, `lost-at-upgrade` |
//! | `remedy`, `fixed_by` | what to do, and the resources with which `harden apply` does it |
//! | `waiver` | `{"reason", "expires", "is_expired"}` or `null`; one that has expired accepts nothing |
//! | `clean` | `true` where a deeper look than the benchmark's test found nothing of the user's to blame, `false` where it did or could not tell, `null` without one |
//!
//! Without `harden_version` and `summary` it is the type [`Report`], and it can be read as one. Secrets are masked in
//! every text.

use super::standing::Summary;
use crate::check::Report;
use crate::ui::json::document;
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a Report,
    harden_version: &'static str,
    summary: Summary,
}

/// A report as a pretty-printed JSON document.
pub fn render(report: &Report) -> Result<String, serde_json::Error> {
    document(&Document { report, harden_version: env!("CARGO_PKG_VERSION"), summary: Summary::of(report) })
}
