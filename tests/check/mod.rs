//! `harden check`: every control on data files, whole nodes, and benchmarks that map onto others.

mod cases;
mod etcd_unit;
mod host;
mod mapped;
mod nodes;
mod pod_security;
mod support;
