//! What to type once the files of a schedule are written.

use crate::inventory::Inventory;
use crate::schedule::Settings;
use std::path::Path;

/// The commands, two spaces in front of each.
pub(super) fn commands(folder: &Path, inventory: &Inventory, settings: &Settings) -> String {
    let out = quoted(&folder.display().to_string());
    let cluster = &inventory.cluster.name;
    let lines = match settings {
        Settings::Systemd(systemd) => {
            let name = &systemd.name;
            vec![
                format!(
                    "install -d -m 700 {0} && install -m 600 SSH_KEY {0}/ssh-key",
                    quoted(&systemd.credentials)
                ),
                format!("install -m 644 KNOWN_HOSTS {}/known_hosts", quoted(&systemd.credentials)),
                format!(
                    "install -D -m 644 {out}/{name}.sysusers /etc/sysusers.d/{name}.conf && systemd-sysusers"
                ),
                format!("install -m 644 {out}/{name}.service {out}/{name}.timer /etc/systemd/system/"),
                format!("ln -s /var/lib/{name}/harden-{cluster}.prom {}/", quoted(&systemd.textfile)),
                format!(
                    "systemctl daemon-reload && systemctl start {name}.service && systemctl enable --now {name}.timer"
                ),
                format!("journalctl -u {name}.service"),
            ]
        }
        Settings::CronJob(job) => {
            let (namespace, secret) = (&job.namespace, &job.secret);
            let first = if job.shards > 1 { "harden-drift-1" } else { "harden-drift" };
            vec![
                format!("kubectl apply -f {out}/cronjob.yaml"),
                format!(
                    "kubectl -n {namespace} create secret generic {secret} --from-file=ssh-key=SSH_KEY --from-file=known_hosts=KNOWN_HOSTS"
                ),
                format!("kubectl -n {namespace} create job --from=cronjob/{first} harden-first"),
                format!("kubectl -n {namespace} logs -f job/harden-first"),
            ]
        }
        Settings::Containerfile => vec![
            format!(
                "cd HARDEN_SOURCE && podman build -f {out}/Containerfile -t REGISTRY/harden:{} .",
                env!("CARGO_PKG_VERSION")
            ),
            String::from("podman push REGISTRY/harden:") + env!("CARGO_PKG_VERSION"),
        ],
        Settings::Prometheus(_) => vec![
            format!("promtool check rules {out}/harden.rules.yaml"),
            format!(
                "install -m 644 {out}/harden.rules.yaml RULES_FOLDER/harden-{cluster}.rules.yaml    # a folder of rule_files in prometheus.yml"
            ),
        ],
        Settings::Grafana => {
            vec![format!(
                "# In Grafana: Dashboards, New, Import, {out}/harden.dashboard.json; or put it into a provisioned folder"
            )]
        }
        Settings::GitHub(_) => vec![
            format!("mkdir -p .github/workflows && cp {out}/github.yaml .github/workflows/harden.yaml"),
            String::from("gh secret set HARDEN_SSH_KEY <SSH_KEY    # the rest is at the head of the file"),
        ],
        Settings::GitLab(_) => vec![format!(
            "cp {out}/gitlab.yaml .gitlab-ci.yml    # or include it from there; what it needs is at its head"
        )],
    };
    format!("  {}\n", lines.join("\n  "))
}

/// A path as a shell takes it.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./+@".contains(c);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
