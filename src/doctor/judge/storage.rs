//! Room on file systems.

use super::super::Check;
use super::super::needs::{FREE_PERCENT, ROOMS};
use super::{Findings, Subject};
use std::collections::BTreeMap;

const GIB: f64 = 1_073_741_824.0;

/// The directories of one file system, and what they need together.
#[derive(Default)]
struct Shared {
    directories: Vec<&'static str>,
    needs: u64,
    free: u64,
    size: u64,
}

pub(super) fn judge(subject: &Subject<'_>, found: &mut Findings) {
    let mut systems: BTreeMap<u64, Shared> = BTreeMap::new();
    let mut unknown = Vec::new();
    for room in ROOMS.iter().filter(|room| room.who.is(subject.node, subject.inventory)) {
        match subject.facts.disks.get(room.directory) {
            Some(disk) => {
                let shared = systems.entry(disk.device).or_default();
                shared.directories.push(room.directory);
                shared.needs += room.bytes;
                (shared.free, shared.size) = (disk.free, disk.size);
            }
            None => unknown.push(room.directory),
        }
    }
    for system in systems.values() {
        one(subject, system, found);
    }
    if !unknown.is_empty() {
        let fact = format!("how much room there is for {} is not known", unknown.join(", "));
        subject.note(found, Check::Disk, fact);
    }
}

fn one(subject: &Subject<'_>, system: &Shared, found: &mut Findings) {
    let listed = system.directories.join(", ");
    let remedy = "make room, or give it a disk of its own";
    if system.free < system.needs && !subject.standing.is_member() {
        let (free, needs) = (words(system.free), words(system.needs));
        let fact = format!("{free} are free for {listed}, and {needs} are needed");
        subject.fatal(found, Check::Disk, fact, remedy);
    } else if u128::from(system.free) * 100 < u128::from(system.size) * u128::from(FREE_PERCENT) {
        let (free, size) = (words(system.free), words(system.size));
        let fact = format!(
            "{free} of {size} are free for {listed}: with less than {FREE_PERCENT} % the kubelet deletes images"
        );
        subject.warn(found, Check::Disk, fact, remedy);
    }
}

#[expect(clippy::cast_precision_loss, reason = "it is rounded to a tenth of a gibibyte")]
fn words(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / GIB)
}
