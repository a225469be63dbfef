//! The probe really run under three shells, and its parser on data files and on noise.

mod cases;
mod cluster;
mod evidence;
mod evidence_cases;
mod evidence_hostile;
mod evidence_processes;
mod fleet;
pub(crate) mod node;
mod probe;
mod public;
mod secrets;
mod strays;
