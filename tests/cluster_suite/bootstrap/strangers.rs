//! A host that belongs to another cluster. That one is made without a network plugin first, which has to be said, too.

use super::super::{Harden, tree};
use super::STACKED;
use super::proof::is_as_declared;
use super::site::Site;

const HOST: &str = "cp-4";

pub(super) fn are_left_alone(site: &Site, harden: &mut Harden<'_>) {
    another_cluster_without_a_network_at_first();
    let before = tree(site.lab(), HOST);
    let authority =
        site.lab().output(HOST, "openssl x509 -in /etc/kubernetes/pki/ca.crt -noout -fingerprint -sha256");
    let authority = authority.trim().rsplit('=').next().unwrap();
    site.declare(&[STACKED.hosts, &[HOST]].concat(), STACKED.settings);
    for verb in [&["bootstrap", "--yes"][..], &["plan"], &["apply", "--yes"]] {
        let refused = harden.expect(1, verb);
        for words in [&format!("{HOST} belongs to another cluster"), "/etc/kubernetes/pki/ca.crt", authority]
        {
            assert!(refused.stderr.contains(words), "{verb:?} does not say {words}:\n{}", refused.stderr);
        }
        assert_eq!(before, tree(site.lab(), HOST), "{verb:?} changed something");
    }
    site.declare(STACKED.hosts, STACKED.settings);
    is_as_declared(site, harden);
}

/// It stops when the control plane is up, says what is missing, and goes on when that is there.
fn another_cluster_without_a_network_at_first() {
    let other = Site::beside();
    let mut harden = Harden::new(other.lab(), other.folder());
    let endpoint =
        format!("[cluster]\nname = \"other\"\nendpoint = \"{}:6443\"\n", other.lab().address(HOST));
    other.declare_bare(&[HOST], &endpoint);
    let stopped = harden.expect(3, &["bootstrap", "--yes"]);
    for words in
        ["the control plane is up", "NetworkPluginNotReady", "no network plugin", "`cni` under [bootstrap]"]
    {
        assert!(stopped.stderr.contains(words), "it does not say {words}:\n{}", stopped.stderr);
    }
    other.declare(&[HOST], &endpoint);
    // Nobody is there to say yes: what is missing is named, and nothing happens.
    let asked = harden.expect(1, &["bootstrap"]);
    assert!(asked.stderr.contains("DaemonSet kube-system/lab-network"), "{}", asked.stderr);
    harden.expect(0, &["bootstrap", "--yes"]);
    let nodes =
        other.lab().ssh(HOST, "kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes --no-headers");
    let nodes = String::from_utf8_lossy(&nodes.stdout).into_owned();
    assert!(nodes.starts_with(&format!("{HOST} ")) && nodes.contains(" Ready "), "{nodes}");
    harden.expect(0, &["plan", "--detailed-exitcode"]);
}
