//! All integration tests, in one binary: one link instead of twenty.
//!
//! Hermetic suites run everywhere. What needs a lab is behind `tests/run`.

// A test that unwraps says where it failed; the lints that forbid it are for the program.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

mod apply;
mod authorities;
mod check;
mod check_policies;
mod cli;
mod cluster;
mod cluster_lab;
mod cluster_suite;
mod controls;
mod desired;
mod doctor;
mod drift;
mod drift_reports;
mod faults;
mod health;
mod inventory;
mod layering;
mod locked;
mod manifests;
mod observe;
mod pki;
mod plan;
mod plans;
mod pod_security;
mod progress;
mod quickstart;
mod real_apiserver;
mod remote;
mod removal;
mod reports;
mod schedule;
mod stage;
mod status;
mod store;
mod support;
mod trust;
mod ui;
mod webhook;
