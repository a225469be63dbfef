//! What the processes of a node are asked: which run with which command line, since when the kubelet does, which containers a
//! static pod had and what they said. Scripts, and the reading of what they print.

/// A running process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcessReport {
    /// Its number.
    pub pid: String,
    /// Its command line.
    pub command: Vec<String>,
    /// When it was started, seconds since 1970 on the node's clock; `None` where that cannot be told.
    pub started: Option<i64>,
}

/// The processes of a static pod's component, and its manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StaticPodReport {
    /// The processes of that name.
    pub processes: Vec<ProcessReport>,
    /// When the manifest was put there, on the same clock; `None` where it was not asked for, or is not there.
    pub placed: Option<i64>,
}

/// A component of a static pod, by the node itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerReport {
    /// The processes of that name.
    pub processes: Vec<ProcessReport>,
    /// The logs of its containers, the oldest first. The kubelet gives each container that it starts a log of its own.
    pub logs: Vec<String>,
}

/// The clock and the time since boot.
pub(super) const CLOCK: &str = "date +%s; cut -d. -f1 /proc/uptime\n";

/// The kubelet's start by the time since boot; old systemd prints it only as a local time otherwise.
pub(super) const KUBELET_START: &str =
    "systemctl show -p ActiveEnterTimestampMonotonic kubelet.service | cut -d= -f2";

/// A time since boot, in `per_second` parts of a second, on the clock that [`CLOCK`] printed. One in the future means that the two
/// do not belong together, as in containers that have an uptime of their own.
fn on_clock(clock: &str, since_boot: &str, per_second: i64) -> Option<i64> {
    let mut lines = clock.lines().map(|line| line.trim().parse::<i64>().ok());
    let (now, uptime) = (lines.next()??, lines.next()??);
    let since_boot: i64 = since_boot.trim().parse().ok()?;
    let at = now - uptime + since_boot / per_second;
    (since_boot > 0 && at <= now + 1).then_some(at)
}

/// Reads the outputs of [`CLOCK`] and [`KUBELET_START`].
pub(super) fn kubelet_started(clock: &str, start: &str) -> Option<i64> {
    on_clock(clock, start, 1_000_000)
}

/// Each process whose program is the component: its number and what `/proc` says of it after its name, its arguments a line each,
/// an empty line. The kernel cuts names to 15 characters. Only shell built-ins but for the match itself: a node has hundreds of
/// processes.
pub(super) const PROCESSES: &str = r#"harden_cut=$(printf %.15s "$harden_name")
for harden_process in /proc/[0-9]*; do
  harden_read=
  read -r harden_read 2>/dev/null <"$harden_process/comm" || continue
  [ "$harden_read" = "$harden_cut" ] || continue
  read -r harden_read 2>/dev/null <"$harden_process/stat" || continue
  echo "${harden_process#/proc/} ${harden_read##*) }"
  tr '\0' '\n' <"$harden_process/cmdline" 2>/dev/null
  echo
done
:"#;

/// The kernel's parts of a second in `/proc`, `USER_HZ`, which is the same for all programs of the platforms that Kubernetes has.
const TICKS: i64 = 100;
/// Where the start stands among what `/proc/PID/stat` says after the name: its field 22.
const START: usize = 19;

/// Reads the outputs of [`CLOCK`] and [`PROCESSES`]. No argument of a component is empty.
pub(super) fn processes(clock: &str, text: &str) -> Vec<ProcessReport> {
    let blocks = text.split("\n\n").map(|block| block.trim_matches('\n')).filter(|block| !block.is_empty());
    blocks
        .map(|block| {
            let mut lines = block.lines();
            let mut facts = lines.next().unwrap_or_default().split_whitespace();
            let pid = facts.next().unwrap_or_default().to_owned();
            let started = facts.nth(START).and_then(|start| on_clock(clock, start, TICKS));
            ProcessReport { pid, command: lines.map(str::to_owned).collect(), started }
        })
        .collect()
}

/// The logs of the containers of `$harden_name` in its static pod on `$harden_node`, the oldest first. The pod's directory has the
/// hash of its manifest in its name.
pub(super) const CONTAINER_LOGS: &str = r#"ls -1tr -- "$R/var/log/pods/kube-system_$harden_name-$harden_node"_*/"$harden_name"/*.log 2>/dev/null
:"#;

/// The end of a log, `$harden_log`.
pub(super) const LOG_END: &str = r#"tail -c 16384 -- "$harden_log" | tail -n 60"#;

/// Lines that are shown, and how many of these are earlier ones that look like the cause.
const SHOWN: usize = 10;
const CAUSES: usize = 3;
/// Characters of a line that are shown.
const WIDTH: usize = 400;

/// Reads the output of [`LOG_END`]: the last lines without the runtime's own marks, and before them the last of those that look
/// like the cause. etcd prints its whole usage after the flag that it does not know.
pub(super) fn last_words(text: &str) -> Vec<String> {
    let lines: Vec<String> = text.lines().map(said).filter(|line| !line.is_empty()).collect();
    let (earlier, last) = lines.split_at(lines.len().saturating_sub(SHOWN));
    let mut causes: Vec<&String> = earlier.iter().rev().filter(|line| is_cause(line)).take(CAUSES).collect();
    causes.reverse();
    let shown = last.iter().skip(causes.len().min(last.len()));
    if causes.is_empty() {
        return last.to_vec();
    }
    causes.into_iter().chain(shown).cloned().collect()
}

fn is_cause(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    ["error", "unknown", "not defined", "fatal", "panic", "failed", "invalid"]
        .iter()
        .any(|word| line.contains(word))
}

/// What a container said, of a line `2026-11-24T08:00:00.1Z stderr F Error: …` of its log, or one of Docker's in JSON.
fn said(line: &str) -> String {
    let docker = || serde_json::from_str::<serde_json::Value>(line).ok()?["log"].as_str().map(str::to_owned);
    let mut parts = line.splitn(4, ' ');
    let text = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(_), Some("stdout" | "stderr"), Some(_), Some(text)) => text.to_owned(),
        _ => docker().unwrap_or_else(|| line.to_owned()),
    };
    text.trim().chars().take(WIDTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_log_is_freed_of_the_runtimes_marks() {
        let text = "2026-11-24T08:00:00.1Z stderr F Error: unknown flag: --x\n\
                    2026-11-24T08:00:00.2Z stdout P \n{\"log\":\"panic: y\\n\",\"stream\":\"stderr\"}\nplain\n";
        assert_eq!(last_words(text), ["Error: unknown flag: --x", "panic: y", "plain"]);
        assert!(last_words("").is_empty());
        assert_eq!(last_words(&"ä".repeat(900))[0].chars().count(), WIDTH);
    }

    #[test]
    fn the_cause_before_a_long_usage_is_shown() {
        let usage = (0..30).map(|number| format!("  --flag-{number}")).collect::<Vec<_>>().join("\n");
        let words = last_words(&format!("flag provided but not defined: -x\nUsage:\n{usage}\n"));
        assert_eq!(words.len(), SHOWN);
        assert_eq!(words[0], "flag provided but not defined: -x");
        assert_eq!(words[1], "--flag-21");
        assert_eq!(words[SHOWN - 1], "--flag-29");
    }

    #[test]
    fn processes_are_told_apart() {
        let stat = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 59100 20 21";
        let found = processes("1000\n600\n", &format!("12 {stat}\netcd\n--a=b\n\n13\netcd\n\n"));
        let found: Vec<_> = found
            .iter()
            .map(|process| (process.pid.as_str(), process.command.len(), process.started))
            .collect();
        assert_eq!(found, [("12", 2, Some(991)), ("13", 1, None)]);
        assert!(processes("", "").is_empty());
    }

    #[test]
    fn a_process_is_found_by_every_shell() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        for shell in [["dash"].as_slice(), &["bash"], &["busybox", "sh"]] {
            let said = |script: &str| {
                let output =
                    std::process::Command::new(shell[0]).args(&shell[1..]).args(["-c", script]).output();
                String::from_utf8(output.unwrap().stdout).unwrap()
            };
            let clock = said(CLOCK);
            let found = processes(&clock, &said(&format!("harden_name=sleep\n{PROCESSES}")));
            let ours = found.iter().find(|process| process.pid == child.id().to_string()).unwrap();
            assert_eq!(ours.command, ["sleep", "60"]);
            let now: i64 = clock.lines().next().unwrap().parse().unwrap();
            assert!(ours.started.is_some_and(|started| (now - 10..=now + 1).contains(&started)), "{ours:?}");
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn the_kubelets_start_is_put_on_the_nodes_clock() {
        assert_eq!(kubelet_started("1000\n600\n", "590000000\n"), Some(990));
        assert_eq!(kubelet_started("1000\n5\n", "590000000\n"), None);
        assert_eq!(kubelet_started("1000\n600\n", "0\n"), None);
        assert_eq!(kubelet_started("1000\n", "590000000\n"), None);
        assert_eq!(kubelet_started("1000\n600\n", ""), None);
    }
}
