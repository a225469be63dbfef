//! The plan: edits of real and of random files, changes of every kind, waves and gates, saved plans.

mod authority;
mod cases;
mod drain;
mod etcd_unit;
mod file;
mod fixture;
mod host;
mod kube_proxy;
mod model;
mod no_return;
mod nodes;
mod pod_security;
mod preflight;
mod random;
mod run_as;
mod stored;
mod undo;
mod units;
mod waves;
