//! `harden` makes Kubernetes clusters match a declared, hardened state: it reads a TOML inventory of nodes, renders
//! what they should have from templates, compares that with what is really on them, and applies the difference over SSH.
//!
//! # Architecture
//!
//! The pipeline is also the list of modules: **inventory → desired → observe → plan → apply**, watched by `health`,
//! undone by rollback. Imports only go up in this table, never sideways within a row; `tests/layering.rs` checks it.
//!
//! | rank | modules |
//! |---|---|
//! | 0 | [`error`], [`secret`] |
//! | 1 | [`inventory`], [`resource`], [`event`] |
//! | 2 | [`plan`], [`pki`], [`store`], [`remote`], [`cluster`], [`manifests`] |
//! | 3 | [`desired`], [`observe`], [`check`], [`health`], [`status`], [`trust`], [`doctor`], [`drift`] |
//! | 4 | [`stage`], [`apply`], [`bootstrap`], [`schedule`], [`webhook`] |
//! | 5 | [`removal`] |
//! | 6 | [`ui`] |
//! | 7 | [`cli`] |
//!
//! Three absences are the safety argument: `plan` cannot import `remote`, so planning provably does no I/O; `apply`
//! cannot import `desired`, `pki` or `trust`, so it does only what the plan says; `ui` cannot import `remote` or `apply`, so it
//! can only show data. The core is synchronous with one thread per node; tokio lives inside `cluster` and `webhook` alone.

pub mod apply;
pub mod bootstrap;
pub mod check;
pub mod cli;
pub mod cluster;
pub mod desired;
pub mod doctor;
pub mod drift;
pub mod error;
pub mod event;
pub mod health;
pub mod inventory;
pub mod manifests;
pub mod observe;
pub mod pki;
pub mod plan;
pub mod remote;
pub mod removal;
pub mod resource;
pub mod schedule;
pub mod secret;
pub mod stage;
pub mod status;
pub mod store;
pub mod trust;
pub mod ui;
pub mod webhook;
