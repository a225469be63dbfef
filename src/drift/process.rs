//! The processes of static pods against their manifests. A kubelet that runs makes them the same within seconds; what differs for
//! longer was started by other hands, or by a kubelet that is not there any more.

use super::report::{Class, Item};
use crate::plan::{manifest, words_beside};
use crate::resource::{Observed, Process};

/// The programs that run as static pods, and are looked for on control-plane nodes.
pub const PROGRAMS: [&str; 4] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"];

/// Processes whose flags are not those of their manifests. A node without a manifest has no such process to judge, and of a
/// manifest without a process the kubelet is about to make one: whether it is Ready is no question of drift.
pub fn processes(observed: &Observed, processes: &[Process]) -> Vec<Item> {
    PROGRAMS.into_iter().filter_map(|program| process(program, observed, processes)).collect()
}

fn process(program: &str, observed: &Observed, processes: &[Process]) -> Option<Item> {
    let declared = manifest::command(manifest::text(observed, program)?, program).ok()?;
    let mut of_it = processes.iter().filter(|process| process.program == program).peekable();
    of_it.peek()?;
    // Somebody's pod may run a program of the same name; and while one is replaced both are there.
    if of_it.clone().any(|process| differences(&process.command, &declared).is_empty()) {
        return None;
    }
    let what = of_it.next().map(|process| differences(&process.command, &declared))?;
    Some(Item {
        resource: format!("process.{program}"),
        class: Class::Drift,
        subject: format!("{program} (process)"),
        what,
        ..Item::default()
    })
}

/// What a command line has that the manifest has not, and the other way round; the program itself is not compared, since an image
/// may call it by another path.
fn differences(command: &[String], declared: &[String]) -> Vec<String> {
    let (command, declared) = (command.get(1..).unwrap_or_default(), declared.get(1..).unwrap_or_default());
    let (more, less) = (words_beside(command, declared), words_beside(declared, command));
    let mut what = Vec::new();
    if !more.is_empty() {
        what.push(format!("runs with {}, which its manifest has not", more.join(" ")));
    }
    if !less.is_empty() {
        what.push(format!("runs without {} of its manifest", less.join(" ")));
    }
    what
}
