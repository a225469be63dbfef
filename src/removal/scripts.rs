//! The scripts for the host of a node, and what their replies mean.

use super::facts::{HostFacts, Runs};
use crate::inventory::ETCD_DATA;
use crate::pki;
use crate::remote::{Reply, Script, quote};
use crate::resource::NodePath;

/// As the kernel shortens them.
const COMPONENTS: &str = "kubelet kube-apiserver kube-controller kube-scheduler etcd";
const PORTS: &str = "10250 6443 2379 2380 10257 10259";
const CERTIFICATE: &str = "sed -n '/BEGIN CERTIFICATE/,/END CERTIFICATE/p'";

/// Reads what a host has of a cluster. No private key leaves it.
pub fn host_script(runs: Runs) -> Script {
    Script::new("read what the host has of the cluster")
        .section("facts", include_str!("host.sh"))
        .section("left", format!("{}{}", wanted(runs), include_str!("left.sh")))
        .section("ca", format!("{CERTIFICATE} \"$R\"/etc/kubernetes/pki/ca.crt 2>/dev/null\n:"))
        .section(
            "etcd-ca",
            format!("for harden_file in etcd/pki kubernetes/pki/etcd; do {CERTIFICATE} \"$R/etc/$harden_file/ca.crt\" 2>/dev/null; done\n:"),
        )
        .section("etcd", format!("{CERTIFICATE} \"$R\"/etc/etcd/pki/server.crt 2>/dev/null\n:"))
        .section(
            "kubelet",
            format!("{CERTIFICATE} \"$R\"/var/lib/kubelet/pki/kubelet-client-current.pem 2>/dev/null\n:"),
        )
        .section(
            "admin",
            "sed -n 's/^ *client-certificate-data: *//p' \"$R\"/etc/kubernetes/admin.conf 2>/dev/null | head -n 1 | base64 -d 2>/dev/null\n:",
        )
}

/// What the reply says.
pub fn host_facts(reply: &Reply) -> HostFacts {
    let mut facts = HostFacts { data_directory: ETCD_DATA.to_owned(), ..HostFacts::default() };
    for line in reply.section("facts").text().lines() {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("tree", _) => facts.is_tree = true,
            ("locked", _) => facts.is_locked = true,
            ("super-admin", _) => facts.has_super_admin = true,
            ("key", path) => drop(facts.keys.insert(path.to_owned())),
            ("kubeconfig", path) => facts.kubeconfigs.push(path.to_owned()),
            // Only `member` below it is ever deleted.
            ("data", path) => {
                if let Ok(path) = path.parse::<NodePath>() {
                    facts.data_directory = path.to_string();
                }
            }
            _ => {}
        }
    }
    facts.left = lines(reply);
    facts.ca = pki::key_digests(&reply.section("ca").output).unwrap_or_default();
    facts.etcd_ca = pki::key_digests(&reply.section("etcd-ca").output).unwrap_or_default();
    let until = |section: &str| {
        let certificate = pki::read(&reply.section(section).output, None).ok()?;
        Some(certificate.not_after)
    };
    facts.kubelet_until = until("kubelet");
    facts.etcd_until = until("etcd");
    facts.admin_until = until("admin");
    facts
}

/// Takes off a host what it has of the cluster.
pub fn reset_script(data_directory: &str, runs: Runs) -> Script {
    let body =
        format!("harden_data={}\n{}{}", quote(data_directory), variables(runs), include_str!("reset.sh"));
    Script::new("reset the host").section("reset", body)
}

/// Asks what is left after a reset.
pub(super) fn left_script(data_directory: &str, runs: Runs) -> Script {
    let data = format!("harden_data={}\n", quote(data_directory));
    let body = format!("{data}{}{}", wanted(runs), include_str!("left.sh"));
    Script::new("look what is left on the host").section("left", body)
}

/// What is left.
pub fn left(reply: &Reply) -> Vec<String> {
    lines(reply)
}

fn lines(reply: &Reply) -> Vec<String> {
    reply.section("left").text().lines().map(str::to_owned).collect()
}

pub(super) fn stop_kubelet_script() -> Script {
    end_unit("stop the kubelet", "stop kubelet.service")
}

pub(super) fn stop_etcd_script() -> Script {
    end_unit("stop etcd", "disable --now etcd.service")
}

/// Where there is no such unit there is nothing to end.
fn end_unit(title: &str, verb: &str) -> Script {
    let unit = verb.rsplit(' ').next().unwrap_or_default();
    let body = format!(
        "if command -v systemctl >/dev/null 2>&1 && systemctl cat {unit} >/dev/null 2>&1; then\nsystemctl {verb}\nfi"
    );
    Script::new(title).section("stop", body)
}

/// Takes the host's lock for a removal, unless one that was cut has left it.
pub fn lock_script(owner: &str) -> Script {
    let body = format!("harden_owner={}\n{}", quote(owner), include_str!("lock.sh"));
    Script::new("lock the node").section("lock", body)
}

/// Gives it back, where it is still there.
pub fn unlock_script() -> Script {
    let body = "H=$R/var/lib/harden\n[ \"$(readlink -- \"$H/lock\")\" != removal ] || rm -f -- \"$H/lock\"\nrm -rf -- \"$H/removal\"";
    Script::new("unlock the node").section("unlock", body)
}

/// Other programs on a worker may be called like a part of a control plane.
fn wanted(runs: Runs) -> String {
    let (components, ports) = match runs {
        Runs { control_plane: true, .. } => (COMPONENTS, PORTS),
        Runs { etcd_unit: true, .. } => ("kubelet etcd", "10250 2379 2380"),
        _ => ("kubelet", "10250"),
    };
    format!("harden_components='{components}'\nharden_ports='{ports}'\n{}", variables(runs))
}

fn variables(runs: Runs) -> String {
    format!("harden_kubelet={}\nharden_etcd_unit={}\n", u8::from(runs.kubelet), u8::from(runs.etcd_unit))
}
