//! Scheduled drift checks as `harden schedule` renders them, for real: the timer fires on a host, and the CronJob runs in the cluster
//! with an image of the project's own binary. Each leaves its metrics and its exit code.

use super::{Harden, wait_for};
use crate::support::lab::{self, Lab};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the checks run from.
const RUNNER: &str = "w-1";
const IMAGE: &str = "localhost/harden:lab";
/// Where the volume of the CronJob's reports is on its host.
const REPORTS: &str = "/var/lib/drift-reports";
/// Loosened and put right by hand, for one difference more and one less.
const LOOSENED: (&str, &str) = ("cp-3", "/etc/kubernetes/admin.conf");

/// The binary as it is shipped: without its symbols, since it goes into a machine's memory as part of an image.
fn program(folder: &Path) -> PathBuf {
    let program = folder.join("harden");
    let status = Command::new("strip").arg("-o").arg(&program).arg(env!("CARGO_BIN_EXE_harden")).status();
    assert!(status.unwrap().success());
    program
}

/// What a check logs in with, and the inventory with what stands beside it.
struct Site {
    folder: PathBuf,
    key: PathBuf,
    known_hosts: PathBuf,
}

impl Site {
    fn of(lab: &Lab) -> Self {
        let folder = lab.inventory().parent().unwrap().to_owned();
        Self { folder, key: lab::state().join("key"), known_hosts: lab::state().join("known_hosts") }
    }

    /// What is rendered for this inventory.
    fn render(&self, harden: &mut Harden<'_>, arguments: &[&str]) -> PathBuf {
        let out = self.folder.join(arguments[0]);
        let all = [&["schedule"][..], arguments, &["--force", "--out", out.to_str().unwrap()]].concat();
        println!("{}", harden.expect(0, &all).stdout);
        out
    }
}

/// The value of a metric, by how its line begins.
fn metric(text: &str, begin: &str) -> Option<String> {
    text.lines().find(|line| line.starts_with(begin))?.rsplit(' ').next().map(str::to_owned)
}

fn loosen(lab: &Lab, mode: &str) {
    let (node, path) = LOOSENED;
    lab.output(node, &format!("chmod {mode} {path}"));
}

fn drifted(text: &str) -> Option<String> {
    metric(text, &format!("harden_drift_items{{cluster=\"lab\",host=\"{}\",kind=\"drift\"}}", LOOSENED.0))
}

pub(super) fn the_timer_fires(lab: &Lab, harden: &mut Harden<'_>) {
    let site = Site::of(lab);
    let units =
        site.render(harden, &["systemd", "--inventory-path", "/etc/harden/harden.toml", "--every", "1m"]);
    lab.output(RUNNER, "install -d -m 755 /etc/harden /etc/harden/secrets");
    lab.put(RUNNER, &program(&site.folder), "/usr/local/bin/harden", "755");
    lab.put(RUNNER, lab.inventory(), "/etc/harden/harden.toml", "644");
    lab.put(RUNNER, &site.folder.join("secrets/index.toml"), "/etc/harden/secrets/index.toml", "644");
    lab.put(RUNNER, &site.key, "/etc/harden/ssh-key", "600");
    lab.put(RUNNER, &site.known_hosts, "/etc/harden/known_hosts", "644");
    for (file, place) in [
        ("harden-drift.sysusers", "/etc/sysusers.d/harden-drift.conf"),
        ("harden-drift.service", "/etc/systemd/system/harden-drift.service"),
        ("harden-drift.timer", "/etc/systemd/system/harden-drift.timer"),
    ] {
        lab.put(RUNNER, &units.join(file), place, "644");
    }
    lab.output(
        RUNNER,
        "systemd-sysusers && systemctl daemon-reload && systemctl enable --now harden-drift.timer",
    );
    let metrics = || lab.output(RUNNER, "cat /var/lib/harden-drift/harden-lab.prom 2>/dev/null || true");
    // Nobody starts the service.
    wait_for("the timer's run", 150, || metric(&metrics(), "harden_run_success{").as_deref() == Some("1"));
    let mode = lab.output(RUNNER, "stat -c %a /var/lib/harden-drift/harden-lab.prom");
    assert_eq!(mode.trim(), "644");
    assert_eq!(drifted(&metrics()).as_deref(), Some("0"));
    loosen(lab, "644");
    wait_for("the timer's next run", 150, || drifted(&metrics()).as_deref() == Some("1"));
    let last = lab.output(RUNNER, "systemctl show -p ExecMainStatus -p Result --value harden-drift.service");
    assert_eq!(last.split_whitespace().collect::<Vec<_>>(), ["success", "2"], "{last}");
    loosen(lab, "600");
    println!("figure: the timer fired twice: in sync, and with drift (exit code 2)");
    lab.output(RUNNER, "systemctl disable --now harden-drift.timer && rm /etc/systemd/system/harden-drift.* /etc/harden/ssh-key");
}

pub(super) fn the_cron_job_runs(lab: &Lab, harden: &mut Harden<'_>) {
    let site = Site::of(lab);
    let image = site.folder.join("harden.tar");
    lab::run("image", &[program(&site.folder).to_str().unwrap(), IMAGE, image.to_str().unwrap()]);
    lab.put(RUNNER, &image, "/tmp/harden.tar", "600");
    lab.output(RUNNER, "ctr -n k8s.io images import /tmp/harden.tar >/dev/null && rm /tmp/harden.tar");
    lab.output(RUNNER, &format!("install -d -m 777 {REPORTS}"));
    let manifests = site.render(
        harden,
        &["cronjob", "--image", IMAGE, "--every", "5m", "--claim", "reports", "--exporter-image", IMAGE],
    );
    let volume = site.folder.join("volume.yaml");
    fs::write(&volume, volume_of(RUNNER)).unwrap();
    for (file, name) in [(&manifests.join("cronjob.yaml"), "cronjob.yaml"), (&volume, "volume.yaml")] {
        lab.put("cp-1", file, &format!("/tmp/{name}"), "600");
        lab.kubectl(&["apply", "-f", &format!("/tmp/{name}")]);
    }
    lab.put("cp-1", &site.key, "/tmp/ssh-key", "600");
    lab.put("cp-1", &site.known_hosts, "/tmp/known_hosts", "600");
    let files = ["--from-file=/tmp/ssh-key", "--from-file=/tmp/known_hosts"];
    lab.kubectl(&[&["-n", "harden", "create", "secret", "generic", "harden-ssh"][..], &files].concat());
    lab.output("cp-1", "rm /tmp/ssh-key /tmp/known_hosts");

    assert_eq!(run_job(lab, "in-sync"), ("Complete".into(), "0".into()));
    let metrics = || lab.output(RUNNER, &format!("cat {REPORTS}/*.prom"));
    assert_eq!(metric(&metrics(), "harden_run_success{").as_deref(), Some("1"));
    assert_eq!(drifted(&metrics()).as_deref(), Some("0"));
    loosen(lab, "644");
    assert_eq!(run_job(lab, "drifted"), ("Failed PodFailurePolicy".into(), "2".into()));
    assert_eq!(drifted(&metrics()).as_deref(), Some("1"));
    loosen(lab, "600");
    println!("figure: the CronJob's pods ended with 0 in sync and with 2 on drift, and left their metrics");
    lab.kubectl(&["delete", "namespace", "harden"]);
    lab.kubectl(&["delete", "persistentvolume", "reports"]);
}

/// Runs the CronJob now. How its Job ended, and the exit code of its pod.
fn run_job(lab: &Lab, name: &str) -> (String, String) {
    lab.kubectl(&["-n", "harden", "create", "job", "--from=cronjob/harden-drift", name]);
    let ended = r#"jsonpath={range .status.conditions[?(@.status=="True")]}{.type} {.reason}{"\n"}{end}"#;
    let mut end = String::new();
    wait_for(&format!("the end of job {name}"), 180, || {
        let conditions = lab.kubectl(&["-n", "harden", "get", "job", name, "-o", ended]);
        let found =
            conditions.lines().find(|line| line.starts_with("Complete") || line.starts_with("Failed "));
        found.unwrap_or_default().trim().clone_into(&mut end);
        !end.is_empty()
    });
    let selector = format!("job-name={name}");
    println!("{}", lab.kubectl(&["-n", "harden", "logs", "-l", &selector, "--tail=40"]));
    let code = "jsonpath={.items[0].status.containerStatuses[0].state.terminated.exitCode}";
    let code = lab.kubectl(&["-n", "harden", "get", "pod", "-l", &selector, "-o", code]);
    (end.split(' ').take(if end.starts_with("Complete") { 1 } else { 2 }).collect::<Vec<_>>().join(" "), code)
}

fn volume_of(node: &str) -> String {
    format!(
        "apiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: reports}}\nspec:\n  capacity: {{storage: 64Mi}}\n  \
         accessModes: [ReadWriteOnce]\n  storageClassName: none\n  local: {{path: {REPORTS}}}\n  nodeAffinity:\n    required:\n      \
         nodeSelectorTerms:\n      - matchExpressions: [{{key: kubernetes.io/hostname, operator: In, values: [{node}]}}]\n---\n\
         apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: reports, namespace: harden}}\nspec:\n  \
         accessModes: [ReadWriteOnce]\n  storageClassName: none\n  volumeName: reports\n  resources: {{requests: {{storage: 64Mi}}}}\n"
    )
}
