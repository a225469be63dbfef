//! Flags that every verb takes, before or after its name.

use crate::inventory::Limit;
use crate::ui::{Color, ProgressMode};
use clap::{ArgAction, Args, ValueEnum};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// The form of results.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs; it carries a `format_version`.
    Json,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A line per record.
    #[default]
    Text,
    /// A JSON object per record.
    Json,
}

/// Flags of every verb.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The inventory
    #[arg(
        short,
        long,
        global = true,
        value_name = "FILE",
        env = "HARDEN_INVENTORY",
        hide_env_values = true,
        default_value = "harden.toml"
    )]
    pub inventory: PathBuf,

    /// Only these nodes: names and roles, `!` in front to leave out, as in `cp-1,worker,!w-3`
    #[arg(short, long, global = true, value_name = "NODES")]
    pub limit: Option<Limit>,

    /// Form of the results on standard output
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT",
        env = "HARDEN_OUTPUT",
        hide_env_values = true,
        value_enum,
        default_value_t
    )]
    pub output: Format,

    /// Nodes to work on at once; control-plane nodes are changed one by one all the same
    #[arg(
        short,
        long,
        global = true,
        visible_alias = "forks",
        value_name = "NUMBER",
        env = "HARDEN_PARALLELISM",
        hide_env_values = true,
        default_value = "10"
    )]
    pub parallelism: NonZeroUsize,

    /// When to use colour; `auto` obeys NO_COLOR and CLICOLOR_FORCE
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub color: Color,

    /// How to show progress on standard error; `auto` is moving lines on a terminal and `plain` elsewhere
    #[arg(
        long,
        global = true,
        value_name = "HOW",
        env = "HARDEN_PROGRESS",
        hide_env_values = true,
        value_enum,
        default_value_t
    )]
    pub progress: ProgressMode,

    /// No progress and no warnings
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// Shorten and fold nothing, and log more; twice for debugging
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,

    /// Form of the log on standard error; HARDEN_LOG sets what is logged, as in `harden=debug`
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,

    /// Ask for the sudo password
    #[arg(short = 'K', long, global = true, conflicts_with = "become_password_file")]
    pub ask_become_pass: bool,

    /// A file with the sudo password
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "HARDEN_BECOME_PASSWORD_FILE",
        hide_env_values = true
    )]
    pub become_password_file: Option<PathBuf>,

    /// Known host keys, instead of the inventory's files
    #[arg(long, global = true, value_name = "FILE", env = "HARDEN_SSH_KNOWN_HOSTS", hide_env_values = true)]
    pub ssh_known_hosts: Option<PathBuf>,

    /// The private key to log in with, on nodes and bastions, instead of the inventory's
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "HARDEN_SSH_IDENTITY_FILE",
        hide_env_values = true
    )]
    pub ssh_identity_file: Option<PathBuf>,
}
