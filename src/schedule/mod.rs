//! What runs `harden drift` at regular times and watches over it, as files: systemd units, a CronJob, a Containerfile, rules
//! for Prometheus, a dashboard for Grafana, pipelines. Pure but for reading templates: it writes no file and contacts nothing.
//!
//! Each file is one template below `templates/schedule/`; a file of the user's at the same path takes its place.

mod bundle;
mod error;
mod every;
mod filters;
mod reach;
mod settings;
mod templates;

pub use bundle::{BundledFile, MOST_BYTES, bundle};
pub use error::ScheduleError;
pub use every::{Every, EveryError};
pub use reach::{FirstHops, PortHops, first_hops};
pub use settings::{CronJob, Pipeline, Prometheus, Run, Settings, Systemd};
pub use templates::{FOLDER, RenderedFile, Templates};
