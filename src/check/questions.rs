//! What has to be read on a node so that a benchmark can be judged there.

use super::benchmark::Benchmark;
use crate::inventory::Role;
use crate::resource::Questions;
use std::collections::BTreeSet;

/// Everything that must be read on a node with these roles.
pub fn questions(_: &Benchmark, _: &BTreeSet<Role>) -> Questions {
    let patterns = [String::from("/etc/kubernetes/manifests/kube-apiserver.yaml")].into();
    Questions { patterns, ..Questions::default() }
}
