//! The benchmarks: lists of controls by name, and which one a cluster is judged by.

use super::control::Control;
use crate::inventory::Minor;
use std::sync::LazyLock;

static BENCHMARKS: LazyLock<[Benchmark; 2]> = LazyLock::new(|| {
    let control = |item: &str, title: &str, section: &str| Control {
        item: item.to_owned(),
        title: title.to_owned(),
        section: section.to_owned(),
        scored: true,
        why: String::from("Why."),
        tested: String::from("How."),
        remedy: String::from("What to do."),
        could_break: String::from("What could break."),
    };
    ["cis-1.12", "cis-2.0"].map(|name| Benchmark {
        name: name.to_owned(),
        title: format!("CIS Kubernetes Benchmark {name}"),
        controls: vec![
            control(
                "1.1.1",
                "The API server's manifest is for root only",
                "1.1 Control Plane Node Configuration Files",
            ),
            control("1.2.16", "The API server writes an audit log", "1.2 API Server"),
        ],
    })
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
    /// The benchmark for a Kubernetes version.
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
}
