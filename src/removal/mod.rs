//! Taking a node out of the cluster: what is true of it, the ordered steps that follow or the reasons against, carrying them out, and
//! what stays valid afterwards. Nothing is remembered: a run that was cut is taken up by being run again, since a step that was
//! done is not in the next plan. It does not change the inventory, and leaves the hardening of the host beneath Kubernetes alone.

mod error;
mod etcd;
mod execute;
mod facts;
mod gather;
mod hands;
mod plan;
mod remains;
mod scripts;

pub use error::RemovalError;
pub use execute::{Ended, Hands, Outcome, carry_out};
pub use facts::{EtcdFacts, Facts, Host, HostFacts, Other, Runs};
pub use gather::{Question, gather};
pub use hands::ByReach;
pub use plan::{Consent, Refusal, Removal, Step, plan};
pub use remains::remains;
pub use scripts::{host_facts, host_script, left, lock_script, reset_script, unlock_script};
