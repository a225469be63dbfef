//! All integration tests, in one binary: one link instead of twenty.
//!
//! Hermetic suites run everywhere. What needs a lab is behind `tests/run`.

// A test that unwraps says where it failed; the lints that forbid it are for the program.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

mod cli;
mod cluster;
mod cluster_lab;
mod desired;
mod inventory;
mod health;
mod layering;
mod observe;
mod pki;
mod plans;
mod support;
mod ui;
mod real_apiserver;
mod store;
mod stage;
mod plan;
mod remote;
mod support;
