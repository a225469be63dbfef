//! The executor: waves, transactions, gates, rollback. It does what the plan says and nothing else.

mod material;

mod script;
#[cfg(test)]
mod tests;

pub use material::{Issued, Issuer, MaterialError, Materials};
