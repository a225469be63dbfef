//! Which process this is, and whether another one of this machine still runs, as its kernel tells it.

use crate::status::{Fate, ProcessIdentity, Seen};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use std::fs;

/// This process; `None` where it cannot be named so that nobody takes another one for it.
pub(super) fn own() -> Option<ProcessIdentity> {
    let number = std::process::id();
    match seen(number) {
        Seen::Began(began) => Some(ProcessIdentity::new(place()?, number, began)),
        Seen::Nobody | Seen::Unclear => None,
    }
}

/// What became of a process that began a transaction, from wherever it did.
pub(super) fn fate(process: &ProcessIdentity) -> Fate {
    place().map_or(Fate::Unknown, |here| process.fate(&here, look))
}

/// Where process numbers are counted as they are here: on a machine of this name, since this start of it, in these namespaces.
/// Machines that were copied share names and machine IDs, and never a start.
fn place() -> Option<String> {
    // The /proc of another namespace has other numbers than system calls.
    let shown = fs::read_link("/proc/self").ok()?;
    if shown.to_str()? != std::process::id().to_string() {
        return None;
    }
    let read = |path: &str| {
        fs::read_to_string(path).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let namespace =
        |name: &str| Some(fs::read_link(format!("/proc/self/ns/{name}")).ok()?.to_str()?.to_owned());
    let (host, boot) = (read("/proc/sys/kernel/hostname")?, read("/proc/sys/kernel/random/boot_id")?);
    // Times are counted from elsewhere in another one of these; before Linux 5.6 there are none.
    let time = namespace("time").unwrap_or_default();
    Some([host, boot, namespace("pid")?, time].join("/"))
}

/// What the kernel says of a process number. That /proc shows none is no answer: it may hide those of other users (`hidepid`).
fn look(number: u32) -> Seen {
    let Some(pid) = i32::try_from(number).ok().and_then(Pid::from_raw) else { return Seen::Unclear };
    match test_kill_process(pid) {
        Err(Errno::SRCH) => Seen::Nobody,
        Ok(()) | Err(_) => seen(number),
    }
}

fn seen(number: u32) -> Seen {
    fs::read_to_string(format!("/proc/{number}/stat")).map_or(Seen::Unclear, |stat| Seen::read(&stat))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn who_runs_is_told_from_who_has_ended() {
        let own = own().unwrap();
        assert_eq!(fate(&own), Fate::Runs);
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let Seen::Began(began) = seen(child.id()) else { panic!("it does not run") };
        let other = |began| ProcessIdentity::new(place().unwrap(), child.id(), began);
        let (its, older) = (other(began), other(began - 1));
        assert_eq!((fate(&its), fate(&older)), (Fate::Runs, Fate::Ended));
        child.kill().unwrap();
        // Before its parent has taken note of it its number is not free yet.
        while fate(&its) == Fate::Runs {
            std::thread::yield_now();
        }
        assert_eq!(fate(&its), Fate::Ended);
        child.wait().unwrap();
        assert_eq!(fate(&its), Fate::Ended);
        let elsewhere = ProcessIdentity::new(String::from("elsewhere"), child.id(), began);
        assert_eq!(fate(&elsewhere), Fate::Unknown);
    }
}
