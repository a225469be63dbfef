//! Who made a difference, and when: what a node's own logs, its package database and kubeadm's leftovers say of some paths. Asked
//! only where something differs. It reads and judges nothing.

use super::ObserveError;
use super::files::below;
use super::lines::Lines;
use super::parse::succeeded;
use super::probe::lines;
use crate::remote::{Probe, Reader, Reply, Script};
use crate::resource::{AuditEvent, NodePath, Package, Times, Traces};
use std::time::Duration;

/// A log line is shown to people: more than this is no line.
const LONGEST_LINE: usize = 300;

/// The script that asks for them.
pub fn traces_probe(paths: &[NodePath]) -> Probe {
    // A path with a newline is nobody's configuration.
    let paths = paths.iter().filter(|path| !path.as_str().contains('\n'));
    let list = lines(paths.map(NodePath::as_str));
    let script = Script::new("read the traces of changes")
        .section(
            "root",
            format!("harden_paths={list}\n{}printf 'root %s\\n' \"$R\"\n", include_str!("traces.sh")),
        )
        .section("times", "harden_times\n:\n")
        .section("packages", "harden_packages\n:\n")
        .section("audit", "harden_audit\n:\n")
        .section("kubeadm", "harden_kubeadm\n:\n");
    Probe::that_only_reads(script)
}

/// Asks a node for them.
pub fn traces(
    reader: &mut dyn Reader,
    paths: &[NodePath],
    deadline: Duration,
) -> Result<Traces, ObserveError> {
    parse_traces(&reader.read(&traces_probe(paths), deadline)?)
}

/// What the probe found.
pub fn parse_traces(reply: &Reply) -> Result<Traces, ObserveError> {
    succeeded(reply)?;
    let root = Lines::of(reply, "root")?;
    let root = root.numbered().find_map(|(_, line)| line.strip_prefix("root ")).unwrap_or_default();
    let mut traces = Traces::default();
    times(reply, root, &mut traces)?;
    packages(reply, &mut traces)?;
    audit(reply, &mut traces)?;
    for (_, line) in Lines::of(reply, "kubeadm")?.numbered() {
        let Some((at, path)) = line.split_once(':') else { continue };
        let path = path.strip_prefix(root).unwrap_or(path);
        traces.kubeadm.extend(at.parse().ok().map(|at| (at, path.to_owned())));
    }
    Ok(traces)
}

fn times(reply: &Reply, root: &str, traces: &mut Traces) -> Result<(), ObserveError> {
    let lines = Lines::of(reply, "times")?;
    for (number, line) in lines.numbered() {
        let malformed = || lines.malformed(number, "MODIFIED:CHANGED:PATH", line);
        let mut fields = line.splitn(3, ':');
        let mut next = || fields.next().ok_or_else(malformed);
        let (modified, changed, name) = (next()?, next()?, next()?);
        let times = Times {
            modified: modified.parse().map_err(|_| malformed())?,
            changed: changed.parse().map_err(|_| malformed())?,
        };
        traces.times.extend(below(root, name).map(|path| (path, times)));
    }
    Ok(())
}

fn packages(reply: &Reply, traces: &mut Traces) -> Result<(), ObserveError> {
    let mut open = None;
    for (_, line) in Lines::of(reply, "packages")?.lossy() {
        let mut words = line.splitn(3, ' ');
        if let (Some(word @ ("package" | "edited")), Some(name), Some(path)) =
            (words.next(), words.next(), words.next())
        {
            let package = Package { name: name.to_owned(), is_as_packaged: word == "package" };
            traces.packages.extend(path.parse().ok().map(|path| (path, package)));
            open = Some(name.to_owned());
        } else if let (Some(text), Some(package)) = (line.strip_prefix("log "), &open) {
            traces.package_lines.insert(package.clone(), text.chars().take(LONGEST_LINE).collect());
        }
    }
    Ok(())
}

fn audit(reply: &Reply, traces: &mut Traces) -> Result<(), ObserveError> {
    let mut open: Option<NodePath> = None;
    for (_, line) in Lines::of(reply, "audit")?.lossy() {
        if let Some(path) = line.strip_prefix("audit ") {
            open = path.parse().ok();
        } else if let (Some(event), Some(path)) = (event(&line), open.take()) {
            traces.audit.insert(path, event);
        }
    }
    Ok(())
}

/// `type=SYSCALL msg=audit(1795478400.123:456): … auid=1000 … exe="/usr/bin/vim" …`
fn event(line: &str) -> Option<AuditEvent> {
    let (_, rest) = line.split_once("msg=audit(")?;
    let at = rest.split('.').next()?.parse().ok()?;
    let field = |name: &str| {
        let (_, rest) = line.split_once(&format!(" {name}="))?;
        Some(rest.split(' ').next()?.trim_matches('"').to_owned())
    };
    Some(AuditEvent { at, login_user: field("auid")?, program: field("exe")? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::fake::reply;

    #[test]
    fn traces_are_read() {
        let found = parse_traces(&reply([
            ("root", "root /tree\n"),
            ("times", "1795478400:1795478500:/tree/etc/a b\n"),
            ("packages", "package kubelet /lib/systemd/system/kubelet.service\nlog 2026-11-24 upgrade kubelet:amd64 1 2\n"),
            (
                "audit",
                "audit /etc/a b\ntype=SYSCALL msg=audit(1795478400.123:456): arch=c000003e auid=1000 uid=0 comm=\"vim\" exe=\"/usr/bin/vim\" key=\"k\"\n\
                 audit /etc/c\n",
            ),
            ("kubeadm", "1795478399:/tree/etc/kubernetes/tmp/kubeadm-backup-manifests-1\n"),
        ]))
        .unwrap();
        let path = |text: &str| text.parse::<NodePath>().unwrap();
        assert_eq!(found.times[&path("/etc/a b")], Times { modified: 1_795_478_400, changed: 1_795_478_500 });
        let package = Package { name: String::from("kubelet"), is_as_packaged: true };
        assert_eq!(found.packages[&path("/lib/systemd/system/kubelet.service")], package);
        assert_eq!(found.package_lines["kubelet"], "2026-11-24 upgrade kubelet:amd64 1 2");
        let event = &found.audit[&path("/etc/a b")];
        assert_eq!(
            (event.at, event.login_user.as_str(), event.program.as_str()),
            (1_795_478_400, "1000", "/usr/bin/vim")
        );
        assert_eq!(
            found.kubeadm,
            [(1_795_478_399, String::from("/etc/kubernetes/tmp/kubeadm-backup-manifests-1"))]
        );
    }
}
