//! One control of a benchmark as data: what it demands, why, and how it is tested. It judges nothing.

/// One item of a benchmark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Its number within the benchmark, `1.2.16`.
    pub item: String,
    /// What it demands, in one line.
    pub title: String,
    /// The section that it stands in, `1.2 API Server`.
    pub section: String,
    /// Whether the benchmark scores it: only a scored control fails, another one warns.
    pub scored: bool,
    /// Why it is demanded.
    pub why: String,
    /// How it is tested, in words.
    pub tested: String,
    /// What to do where it does not pass.
    pub remedy: String,
    /// What could break when that is done.
    pub could_break: String,
}
