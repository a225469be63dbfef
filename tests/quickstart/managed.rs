//! A cluster whose CAs are in the store: its nodes get all of their certificates, keys and kubeconfigs from there, and then there is
//! nothing left to do.

use super::Site;
use super::secrets::Seen;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harden::secret::Secret;
use harden::store::{FOLDER, KeySource, Pki, Store};
use openssl::pkey::PKey;
use openssl::x509::X509;
use std::fs;

const KUBERNETES: &str = "cp-1/etc/kubernetes";
const CONFIGS: [&str; 3] = ["admin.conf", "controller-manager.conf", "scheduler.conf"];

impl Site {
    /// The same inventory with CAs in a store beside it.
    fn managed(toml: &str) -> (Self, Pki) {
        let site = Self::new();
        site.declare(toml);
        let folder = site.path(FOLDER);
        let key = KeySource::KeyFile(Secret::new(super::KEY.as_bytes().to_vec()));
        let mut store = Store::open(&folder).unwrap().unlock(&key).unwrap();
        let now = jiff::Timestamp::now().as_second();
        let new = harden::trust::missing(store.store(), &harden::inventory::Pki::default(), now).unwrap();
        store.create_all(&new, now).unwrap();
        (site, Store::open(&folder).unwrap().pki().unwrap().unwrap())
    }

    /// Takes away what kubeadm made of CAs of its own.
    fn blank(&self) {
        fs::remove_dir_all(self.node("cp-1/etc/kubernetes/pki")).unwrap();
        fs::remove_dir_all(self.node("w-1/etc/kubernetes/pki")).unwrap();
        for name in ["admin.conf", "controller-manager.conf", "scheduler.conf", "kubelet.conf"] {
            fs::remove_file(self.node("cp-1/etc/kubernetes").join(name)).unwrap();
        }
        fs::remove_file(self.node("w-1/etc/kubernetes/kubelet.conf")).unwrap();
    }

    fn pem(&self, below: &str) -> X509 {
        X509::from_pem(self.read(below).as_bytes()).unwrap()
    }
}

/// The value of a key of a kubeconfig, decoded.
fn data(kubeconfig: &str, key: &str) -> Vec<u8> {
    let line = kubeconfig.lines().find_map(|line| line.trim().strip_prefix(key)).unwrap();
    STANDARD.decode(line.trim_start_matches(':').trim()).unwrap()
}

/// OpenSSL's verdict: the certificate is of this CA, and the key belongs to it.
fn proven(certificate: &X509, key_pem: &[u8], ca_pem: &str) {
    let ca = X509::from_pem(ca_pem.as_bytes()).unwrap();
    assert!(certificate.verify(&ca.public_key().unwrap()).unwrap());
    assert_eq!(ca.issued(certificate), openssl::x509::X509VerifyResult::OK);
    let key = PKey::private_key_from_pem(key_pem).unwrap();
    assert!(certificate.public_key().unwrap().public_eq(&key));
}

#[test]
fn everything_comes_from_the_store_and_then_there_is_nothing_to_do() {
    let (site, pki) = Site::managed("");
    site.blank();
    let plan = site.run(&["plan"]);
    assert!(plan.stdout.contains("with the key from the store"), "{}{}", plan.stdout, plan.stderr);
    let site = site.applied();
    for (pair, name) in
        [(&pki.kubernetes, "ca"), (&pki.etcd, "etcd/ca"), (&pki.front_proxy, "front-proxy-ca")]
    {
        assert_eq!(site.read(&format!("{KUBERNETES}/pki/{name}.crt")), pair.public);
        let key = fs::read(site.node(KUBERNETES).join(format!("pki/{name}.key"))).unwrap();
        assert_eq!(Some(harden::plan::sha256(&key)), pair.key.sha256, "{name}");
    }
    assert_eq!(site.read("w-1/etc/kubernetes/pki/ca.crt"), pki.kubernetes.public);
    assert!(!site.node("w-1/etc/kubernetes/pki/ca.key").exists());
    for (name, ca) in [
        ("apiserver", &pki.kubernetes),
        ("apiserver-kubelet-client", &pki.kubernetes),
        ("front-proxy-client", &pki.front_proxy),
        ("apiserver-etcd-client", &pki.etcd),
        ("etcd/server", &pki.etcd),
        ("etcd/peer", &pki.etcd),
    ] {
        let key = site.read(&format!("{KUBERNETES}/pki/{name}.key"));
        proven(&site.pem(&format!("{KUBERNETES}/pki/{name}.crt")), key.as_bytes(), &ca.public);
    }
    for name in CONFIGS {
        let text = site.read(&format!("{KUBERNETES}/{name}"));
        assert_eq!(data(&text, "certificate-authority-data"), pki.kubernetes.public.as_bytes(), "{name}");
        assert!(text.contains("server: \"https://10.0.0.11:6443\""), "{name}: {text}");
        let certificate = X509::from_pem(&data(&text, "client-certificate-data")).unwrap();
        proven(&certificate, &data(&text, "client-key-data"), &pki.kubernetes.public);
    }
    // The cluster itself renews these.
    assert!(!site.node("cp-1/var/lib/kubelet/pki/kubelet-client-harden.pem").exists());
    let again = site.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(again.code, 0, "{}{}", again.stdout, again.stderr);
    // What only had to be there may change; what says something else is made again.
    site.replace("w-1/etc/kubernetes/kubelet.conf", "https://10.0.0.11:6443", "https://10.0.0.99:6443");
    assert_eq!(site.run(&["drift"]).code, 0);
    site.replace("cp-1/etc/kubernetes/scheduler.conf", "https://10.0.0.11:6443", "https://10.0.0.99:6443");
    let drift = site.run(&["drift", "-v"]);
    assert_eq!(drift.code, 2);
    assert!(
        drift.stdout.contains("leads to https://10.0.0.99:6443, wanted https://10.0.0.11:6443"),
        "{}",
        drift.stdout
    );
}

#[test]
fn keys_of_cas_that_stay_in_the_store_are_on_no_node() {
    let (site, pki) = Site::managed("[pki]\nca-keys = \"store\"\n");
    site.blank();
    let site = site.applied();
    for name in ["ca", "etcd/ca", "front-proxy-ca"] {
        assert!(!site.node(KUBERNETES).join(format!("pki/{name}.key")).exists(), "{name}");
    }
    assert!(site.node(KUBERNETES).join("pki/sa.key").exists());
    for (node, name) in [("cp-1", "system:node:cp-1"), ("w-1", "system:node:w-1")] {
        let text = site.read(&format!("{node}/var/lib/kubelet/pki/kubelet-client-harden.pem"));
        let certificate = X509::from_pem(text.as_bytes()).unwrap();
        proven(&certificate, text.as_bytes(), &pki.kubernetes.public);
        let subject: Vec<_> =
            certificate.subject_name().entries().map(|entry| entry.data().to_string().unwrap()).collect();
        assert_eq!(subject, ["system:nodes", name]);
    }
    assert_eq!(site.run(&["plan", "--detailed-exitcode"]).code, 0);
}

#[test]
fn a_host_of_another_cluster_is_refused() {
    let (site, _) = Site::managed("");
    let before = site.tree();
    let ran = site.run(&["apply", "--yes"]);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stderr.contains(
            "belongs to another cluster, and nothing was changed: its CA /etc/kubernetes/pki/ca.crt"
        ),
        "{}",
        ran.stderr
    );
    assert_eq!(super::differing(&before, &site.tree()), [""; 0].map(std::path::PathBuf::from));
}

#[test]
fn no_key_of_the_store_or_of_what_it_signs_is_ever_seen() {
    let (site, _) = Site::managed("[pki]\nca-keys = \"nodes\"\n");
    site.blank();
    let mut seen = Seen(Vec::new());
    seen.look(&site);
    seen.run(&site, &["apply", "--yes", "-o", "json"]);
    let mut keys: Vec<String> = ["ca", "sa", "etcd/ca", "front-proxy-ca", "apiserver", "etcd/server"]
        .map(|name| site.read(&format!("{KUBERNETES}/pki/{name}.key")))
        .to_vec();
    for name in CONFIGS {
        let key = data(&site.read(&format!("{KUBERNETES}/{name}")), "client-key-data");
        keys.push(String::from_utf8(key).unwrap());
    }
    // Each of them is read once more, and one is made again.
    site.replace("cp-1/etc/kubernetes/scheduler.conf", "server: ", "server: x");
    seen.look(&site);
    seen.run(&site, &["apply", "--yes"]);
    for key in &keys {
        assert!(key.contains("PRIVATE KEY"));
        let lines = key.lines().filter(|line| !line.starts_with("-----") && line.len() > 20);
        for secret in lines.map(str::to_owned).chain([STANDARD.encode(key)]) {
            assert_eq!(seen.holds(&secret), [""; 0], "{secret}");
        }
    }
    // The positive control: what is public is seen.
    assert!(!seen.holds("-----BEGIN CERTIFICATE-----").is_empty());
}
