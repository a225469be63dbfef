//! Room for back-ups and for new files beside their targets.

use super::{Facts, FileSystem, Findings, Need, Preflight, Scope};
use crate::inventory::NodeName;
use std::collections::BTreeMap;

/// What must be free beside what is needed: the node goes on writing meanwhile.
const SPARE_BYTES: u64 = 64 * 1024 * 1024;
const SPARE_INODES: u64 = 256;
const MEBIBYTE: u64 = 1024 * 1024;

const REMEDY: &str =
    "make room there, as with `journalctl --vacuum-size=200M`, and not by removing images of static pods";

pub(super) fn judge(scope: &Scope, facts: &Facts, findings: &mut Findings) {
    for (node, touched) in &scope.touched {
        let Some(Ok(answer)) = facts.nodes.get(node) else { continue };
        let mut systems: BTreeMap<u64, (Vec<&str>, FileSystem, Need)> = BTreeMap::new();
        for (directory, need) in &touched.needs {
            match answer.file_systems.get(directory) {
                Some(found) => {
                    let system = systems.entry(found.device).or_insert((Vec::new(), *found, Need::default()));
                    system.0.push(directory);
                    system.2.add(*need);
                }
                None => findings.note(Some(node), format!("how much is free below {directory} is not known")),
            }
        }
        for (directories, found, need) in systems.values() {
            file_system(node, &directories.join(", "), *found, *need, findings);
        }
    }
}

fn file_system(node: &NodeName, directories: &str, found: FileSystem, need: Need, findings: &mut Findings) {
    let bytes = SPARE_BYTES.saturating_add(need.bytes);
    if found.free < bytes {
        let (free, needed) = (found.free / MEBIBYTE, bytes.div_ceil(MEBIBYTE));
        let fact = format!("{free} MiB are free for {directories}, and {needed} MiB are needed");
        findings.refuse(Preflight::Disk, Some(node), fact, REMEDY);
    }
    let inodes = SPARE_INODES.saturating_add(need.files);
    if let Some(free) = found.free_inodes.filter(|free| *free < inodes) {
        let fact = format!("{free} inodes are free for {directories}, and {inodes} are needed");
        findings.refuse(Preflight::Disk, Some(node), fact, "remove what fills it with small files");
    }
}
