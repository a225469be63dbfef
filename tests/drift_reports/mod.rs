//! What a drift check found, in every form in which it is shown.

mod bodies;
pub(crate) mod fixture;
mod forms;
mod hostile;
mod merge;
mod metrics;
