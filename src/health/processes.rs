//! What the processes of a node are asked: which run with which command line, and since when the kubelet does. Scripts, and
//! the reading of what they print.

use super::ProcessReport;

/// The clock, the time since boot, and the start by the latter; old systemd prints the start only as a local time otherwise.
pub(super) const KUBELET_START: &str = "date +%s; cut -d. -f1 /proc/uptime; \
    systemctl show -p ActiveEnterTimestampMonotonic kubelet.service | cut -d= -f2";

/// Reads the output of [`KUBELET_START`]. A start in the future means that the two clocks do not belong together, as in
/// containers that have an uptime of their own.
pub(super) fn started(text: &str) -> Option<i64> {
    let numbers: Vec<i64> = text.lines().map(str::parse).collect::<Result<_, _>>().ok()?;
    let [now, uptime, start] = numbers[..] else { return None };
    let started = now - uptime + start / 1_000_000;
    (start > 0 && started <= now + 1).then_some(started)
}

/// Each process whose program is the component: its number, its arguments a line each, an empty line. The kernel cuts names to
/// 15 characters. Only shell built-ins but for the match itself: a node has hundreds of processes.
pub(super) const PROCESSES: &str = r#"harden_cut=$(printf %.15s "$harden_name")
for harden_process in /proc/[0-9]*; do
  harden_read=
  read -r harden_read 2>/dev/null <"$harden_process/comm" || continue
  [ "$harden_read" = "$harden_cut" ] || continue
  echo "${harden_process#/proc/}"
  tr '\0' '\n' <"$harden_process/cmdline" 2>/dev/null
  echo
done
:"#;

/// Reads the output of [`PROCESSES`]. No argument of a component is empty.
pub(super) fn processes(text: &str) -> Vec<ProcessReport> {
    let blocks = text.split("\n\n").map(|block| block.trim_matches('\n')).filter(|block| !block.is_empty());
    blocks
        .map(|block| {
            let mut lines = block.lines().map(str::to_owned);
            ProcessReport { pid: lines.next().unwrap_or_default(), command: lines.collect() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_are_told_apart() {
        let found = processes("12\netcd\n--a=b\n\n13\netcd\n\n");
        let found: Vec<_> =
            found.iter().map(|process| (process.pid.as_str(), process.command.len())).collect();
        assert_eq!(found, [("12", 2), ("13", 1)]);
        assert!(processes("").is_empty());
    }

    #[test]
    fn a_process_is_found_by_every_shell() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        for shell in [["dash"].as_slice(), &["bash"], &["busybox", "sh"]] {
            let script = format!("harden_name=sleep\n{PROCESSES}");
            let output =
                std::process::Command::new(shell[0]).args(&shell[1..]).args(["-c", &script]).output();
            let found = processes(&String::from_utf8(output.unwrap().stdout).unwrap());
            let ours = found.iter().find(|process| process.pid == child.id().to_string()).unwrap();
            assert_eq!(ours.command, ["sleep", "60"]);
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn the_kubelets_start_is_put_on_the_nodes_clock() {
        assert_eq!(started("1000\n600\n590000000\n"), Some(990));
        assert_eq!(started("1000\n5\n590000000\n"), None);
        assert_eq!(started("1000\n600\n0\n"), None);
        assert_eq!(started("1000\n"), None);
    }
}
