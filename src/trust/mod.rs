//! The cluster's own CAs and what is issued with them on this machine: making them, taking over those of a cluster that
//! exists, telling what the store has, and kubeconfigs for people. It joins `pki` with `store` and reaches no node; nothing that
//! it makes is ever on a node before a plan puts it there.

mod break_glass;
mod error;
mod existing;
mod listing;
mod make;
mod person;

pub use break_glass::{BreakGlass, ensure_break_glass};
pub use error::TrustError;
pub use existing::{FOLDER, Found, LAYOUT, Place, refuse_foreign, take_over};
pub use listing::{FORMAT_VERSION, Listed, Listing};
pub use make::missing;
pub use person::{Credential, MOST_LIFETIME, Person, issue_kubeconfig};
