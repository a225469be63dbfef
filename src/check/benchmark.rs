//! The benchmarks: lists of controls by name, and which one a cluster is judged by.

use super::control::Control;
use super::{load, mapping};
use crate::inventory::Minor;
use std::sync::LazyLock;

/// The benchmark whose items the mapped ones name.
pub(super) const MAPPED: &str = "cis-1.12";

static BENCHMARKS: LazyLock<Vec<Benchmark>> = LazyLock::new(|| {
    let controls = load::controls();
    let mapped = mapping::benchmarks(&controls);
    let mut benchmarks = vec![
        Benchmark::new(MAPPED, "CIS Kubernetes Benchmark v1.12", controls.clone()),
        // Its tests are those of 1.12; only the texts differ, and ours are our own.
        Benchmark::new("cis-2.0", "CIS Kubernetes Benchmark v2.0.1", controls),
    ];
    benchmarks.extend(mapped);
    benchmarks
});

/// A benchmark.
#[derive(Debug)]
pub struct Benchmark {
    /// Its name, `cis-1.12`: the first part of its controls' ids.
    pub name: String,
    /// Its title for people.
    pub title: String,
    controls: Vec<Control>,
}

impl Benchmark {
    pub(super) fn new(name: &str, title: &str, controls: Vec<Control>) -> Self {
        Self { name: name.to_owned(), title: title.to_owned(), controls }
    }

    /// The benchmark for a Kubernetes version: cis-1.12 for every one that harden supports.
    ///
    /// kube-bench maps 1.32 to 1.34 to cis-1.12, and a version that it does not list to the nearest older one that it
    /// does, so that 1.35 and later are judged by cis-1.12 as well. Verdicts can be compared with it only so. cis-2.0 is
    /// there for whoever asks for it by name; its tests are the same.
    pub fn for_version(_: Minor) -> &'static Self {
        &BENCHMARKS[0]
    }

    /// The benchmark of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::all().iter().find(|benchmark| benchmark.name == name)
    }

    /// All benchmarks.
    pub fn all() -> &'static [Self] {
        BENCHMARKS.as_slice()
    }

    /// Its controls, in its order.
    pub fn controls(&self) -> impl Iterator<Item = &Control> {
        self.controls.iter()
    }

    /// The control of that number.
    pub fn control(&self, item: &str) -> Option<&Control> {
        self.controls.iter().find(|control| control.item == item)
    }
}

/// The benchmark whose items the mapped ones name.
pub(super) fn mapped() -> &'static Benchmark {
    &BENCHMARKS[0]
}
