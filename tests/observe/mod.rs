//! The probe really run under three shells, and its parser on data files and on noise.

mod cases;
mod cluster;
mod fleet;
mod node;
mod probe;
mod secrets;
