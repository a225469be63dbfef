//! What must be true of every node and of the cluster after each fault.

use super::super::control_planes;
use crate::support::lab::Lab;
use crate::support::matrix::End;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long it may take until all is well: the node's own rollback, and pods that start.
const PATIENCE: Duration = Duration::from_mins(4);

/// Everything that harden could touch, and what it must not leave behind. Each part begins with a line of its own.
const LOOK: &str = r#"
files() {
  find /etc/kubernetes /etc/systemd /etc/ssh /etc/sudoers.d /etc/sysctl.d /etc/audit /etc/harden-etcd /etc/site-* /srv/site \
    /var/lib/kubelet/config.yaml /var/lib/kubelet/pki/harden-serving.* /var/lib/harden/state.json "$@" 2>/dev/null
}
files -type f -exec stat -c '%n %a %U:%G' {} + | sort
files -type f -exec sha256sum {} + | sort
files -type l -printf '%p -> %l\n' | sort
echo '= left'
find /etc /root /srv /tmp /var/lib/harden /var/lib/kubelet -xdev -name '.harden*' 2>/dev/null
ls -d /var/lib/harden/lock /var/lib/harden/txn/*/pending /var/lib/harden/txn/*/reverting /var/lib/harden/txn/*/failed 2>/dev/null
systemctl list-units --no-legend --plain --state=active,activating,failed 'harden-rollback*'
echo '= units'
systemctl is-active kubelet containerd ssh
echo '= last'
cd /var/lib/harden/txn && last=$(ls | sort | tail -n 1) && echo "$last" &&
  for marker in committed reverted; do [ ! -e "$last/$marker" ] || echo "$marker"; done && tail -n 1 "$last/result"
exit 0
"#;

/// What a node looks like.
#[derive(Debug, Clone)]
pub(super) struct Look {
    /// Every file that harden could touch: owner, mode and digest.
    pub(super) files: Vec<String>,
    /// What must be nowhere: staged files, a lock, a transaction that is not at its end, an armed unit.
    left: Vec<String>,
    units: Vec<String>,
    /// The last transaction: its name, its marker, and who put it back.
    last: Vec<String>,
}

/// What every node looks like.
pub(super) type Looks = BTreeMap<String, Look>;

impl Look {
    /// Looks at a node, if it can be logged in to.
    pub(super) fn of(lab: &Lab, node: &str) -> Option<Self> {
        let output = lab.ssh(node, LOOK);
        if !output.status.success() {
            return None;
        }
        let text = String::from_utf8(output.stdout).unwrap();
        let mut parts = vec![Vec::new()];
        for line in text.lines() {
            match line.strip_prefix("= ") {
                Some(_) => parts.push(Vec::new()),
                None => parts.last_mut().unwrap().push(line.to_owned()),
            }
        }
        let [files, left, units, last] = parts.try_into().unwrap();
        Some(Self { files, left, units, last })
    }

    /// The same without the record of what was applied, which names the transaction.
    pub(super) fn without_record(&self) -> Self {
        let mut look = self.clone();
        look.files.retain(|line| !line.contains("/var/lib/harden/state.json"));
        look
    }

    /// How the last transaction since then ended; `None` when it did in a way that nothing here should.
    pub(super) fn end(&self, before: &Self) -> Option<End> {
        if self.last.first() == before.last.first() {
            return Some(End::Untouched);
        }
        let result = self.last.get(2).and_then(|line| line.split_whitespace().next());
        match (self.last.get(1).map(String::as_str), result) {
            (Some("committed"), _) => Some(End::Applied),
            (Some("reverted"), Some("asked")) => Some(End::PutBack),
            (Some("reverted"), Some("alone")) => Some(End::ByTimer),
            (Some("reverted"), Some("boot")) => Some(End::AtStart),
            _ => None,
        }
    }

    /// Not one file is another one, is missing or came.
    pub(super) fn is_whole(&self, now: &Self, case: &str) {
        let others: Vec<_> = self
            .files
            .iter()
            .filter(|line| !now.files.contains(line))
            .map(|line| format!("- {line}"))
            .chain(now.files.iter().filter(|line| !self.files.contains(line)).map(|line| format!("+ {line}")))
            .collect();
        assert!(others.is_empty(), "{case}: {others:#?}");
    }

    fn complaint(&self, node: &str) -> Option<String> {
        if !self.left.is_empty() {
            return Some(format!("{node}: {}", self.left.join(", ")));
        }
        if self.units != ["active"; 3] {
            return Some(format!("{node}: kubelet, containerd and ssh are {}", self.units.join(", ")));
        }
        let manifests =
            self.files.iter().filter(|line| line.starts_with("/etc/kubernetes/manifests/")).count();
        let expected = if node.starts_with("cp-") { 4 } else { 0 };
        (manifests != expected).then(|| format!("{node}: {manifests} files in the manifests directory"))
    }
}

/// Waits until all is well on every node and in the cluster.
pub(super) fn when_sound(lab: &Lab) -> Looks {
    let began = Instant::now();
    loop {
        match look(lab) {
            Ok(looks) => return looks,
            Err(complaint) => assert!(began.elapsed() < PATIENCE, "all was to be well again: {complaint}"),
        }
        std::thread::sleep(Duration::from_secs(2));
    }
}

fn look(lab: &Lab) -> Result<Looks, String> {
    let mut looks = Looks::new();
    for node in lab.names() {
        let look = Look::of(lab, node).ok_or_else(|| format!("{node} cannot be logged in to"))?;
        if let Some(complaint) = look.complaint(node) {
            return Err(complaint);
        }
        looks.insert(node.clone(), look);
    }
    serves(lab)?;
    Ok(looks)
}

/// Every API server, every etcd member, every node.
fn serves(lab: &Lab) -> Result<(), String> {
    let planes = control_planes(lab);
    for node in &planes {
        let said = said(lab, node, "curl -sk --max-time 5 https://$(hostname):6443/readyz");
        if said != "ok" {
            return Err(format!("{node}: /readyz says {said}"));
        }
    }
    let pki = "/etc/kubernetes/pki/etcd";
    let said_by_etcd = said(
        lab,
        "cp-1",
        &format!(
            "ETCDCTL_API=3 etcdctl --cacert {pki}/ca.crt --cert {pki}/healthcheck-client.crt --key {pki}/healthcheck-client.key \
             endpoint health --cluster 2>&1"
        ),
    );
    if said_by_etcd.matches("is healthy").count() != planes.len() {
        return Err(said_by_etcd);
    }
    let nodes =
        said(lab, "cp-1", "kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes --no-headers 2>&1");
    let ready = nodes.lines().filter(|line| line.split_whitespace().nth(1) == Some("Ready")).count();
    if ready == lab.names().len() { Ok(()) } else { Err(nodes) }
}

fn said(lab: &Lab, node: &str, command: &str) -> String {
    String::from_utf8_lossy(&lab.ssh(node, command).stdout).trim().to_owned()
}
