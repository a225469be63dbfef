//! Kubelet serving certificates on directory trees: issued for the worker with the key that lies on the control plane, and no
//! API server is told to rely on them, since no kubelet can be asked.

use super::Site;
use harden::pki;
use std::fs;

const CERTIFICATE: &str = "var/lib/kubelet/pki/harden-serving.crt";
const KEY: &str = "var/lib/kubelet/pki/harden-serving.key";
const CONFIG: &str = "var/lib/kubelet/config.yaml";

#[test]
fn a_worker_serves_with_a_certificate_of_the_cluster_s_ca() {
    let site = Site::new().applied();
    let ca = fs::read(site.node("cp-1/etc/kubernetes/pki/ca.crt")).unwrap();
    for (node, address) in [("cp-1", "10.0.0.11"), ("w-1", "10.0.0.21")] {
        let file = |below: &str| format!("{node}/{below}");
        let facts = pki::read(site.read(&file(CERTIFICATE)).as_bytes(), Some(&ca)).unwrap();
        assert!(facts.signed_by_issuer, "{node}");
        assert_eq!(facts.common_name, format!("system:node:{node}"));
        assert_eq!(facts.dns_names, [node.to_owned()].into());
        assert_eq!(facts.addresses, [address.parse().unwrap()].into());
        let config = site.read(&file(CONFIG));
        assert!(config.contains(&format!("\ntlsCertFile: /{CERTIFICATE}\n")), "{config}");
        assert!(
            config.contains(&format!("\ntlsPrivateKeyFile: /{KEY}\n"))
                && !config.contains("serverTLSBootstrap")
        );
        let key = openssl::pkey::PKey::private_key_from_pem(site.read(&file(KEY)).as_bytes()).unwrap();
        let certificate = openssl::x509::X509::from_pem(site.read(&file(CERTIFICATE)).as_bytes()).unwrap();
        assert!(certificate.public_key().unwrap().public_eq(&key), "{node}");
    }
    assert!(!site.node("w-1/etc/kubernetes/pki/ca.key").exists());
    assert!(
        !site
            .read("cp-1/etc/kubernetes/manifests/kube-apiserver.yaml")
            .contains("kubelet-certificate-authority")
    );
}

#[test]
fn the_flag_of_an_image_that_has_it_stays() {
    let site = Site::new().applied();
    let manifest = "cp-1/etc/kubernetes/manifests/kube-apiserver.yaml";
    let flag = "--kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt";
    site.replace(manifest, "    - --profiling=false\n", &format!("    - --profiling=false\n    - {flag}\n"));
    let site = site.applied();
    assert!(site.read(manifest).contains(flag));
    assert!(!site.run(&["plan"]).stdout.contains("needs running kubelets"));
    // The flag of somebody's own approver is another matter: nothing of theirs is touched.
    site.replace(manifest, flag, "--kubelet-certificate-authority=/etc/kubernetes/pki/front-proxy-ca.crt");
    fs::remove_file(site.node(&format!("w-1/{CERTIFICATE}"))).unwrap();
    let plan = site.run(&["plan"]);
    assert!(!plan.stdout.contains("harden-serving.crt"), "{}", plan.stdout);
    assert!(
        plan.stdout.contains(
            "Notice: cp-1: its API server trusts kubelets by /etc/kubernetes/pki/front-proxy-ca.crt, not by"
        ),
        "{}",
        plan.stdout
    );
}

#[test]
fn without_the_ca_s_key_the_rest_is_planned() {
    let site = Site::new();
    fs::remove_file(site.node("cp-1/etc/kubernetes/pki/ca.key")).unwrap();
    let plan = site.run(&["plan"]);
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    assert!(
        plan.stdout.contains(
            "Notice: no kubelet serving certificate for cp-1, w-1: no control-plane node holds the key of"
        ),
        "{}",
        plan.stdout
    );
    let site = site.applied();
    assert!(!site.node(&format!("w-1/{CERTIFICATE}")).exists());
    assert!(!site.read(&format!("w-1/{CONFIG}")).contains("tlsCertFile"));
    assert!(site.read(&format!("w-1/{CONFIG}")).contains("podPidsLimit"));
}

#[test]
fn what_was_issued_stays_when_the_ca_s_key_is_taken_away() {
    let site = Site::new().applied();
    fs::remove_file(site.node("cp-1/etc/kubernetes/pki/ca.key")).unwrap();
    let plan = site.run(&["plan", "--detailed-exitcode"]);
    assert_eq!((plan.code, plan.last()), (0, "No changes. 2 nodes are as declared."), "{}", plan.stdout);
}

#[test]
fn a_node_with_another_ca_is_an_error() {
    let site = Site::new();
    let other = site.read("cp-1/etc/kubernetes/pki/front-proxy-ca.crt");
    fs::write(site.node("w-1/etc/kubernetes/pki/ca.crt"), other).unwrap();
    let plan = site.run(&["plan"]);
    assert_eq!(plan.code, 1);
    assert!(
        plan.stderr.contains(
            "w-1: certificate.kubelet-serving: issue with the CA /etc/kubernetes/pki/ca.crt: it is another CA than on cp-1, whose key would sign"
        ),
        "{}",
        plan.stderr
    );
}

#[test]
fn who_wants_none_gets_none() {
    let site = Site::new();
    site.declare("[kubelet]\nserving-certificates = false");
    let plan = site.run(&["plan"]).stdout;
    assert!(!plan.contains("harden-serving") && !plan.contains("kubelet-certificate-authority"), "{plan}");
    let site = Site::new();
    site.declare("[kubelet.config]\nserverTLSBootstrap = true");
    let plan = site.run(&["plan"]).stdout;
    assert!(!plan.contains("harden-serving"), "{plan}");
    assert!(plan.contains(
        "Notice: [kubelet.config] sets serverTLSBootstrap, so kubelet serving certificates are left alone"
    ));
    let site = Site::new();
    site.template("kubelet/serving.tera", "");
    let plan = site.run(&["plan"]).stdout;
    assert!(!plan.contains("harden-serving") && !plan.contains("kubelet-certificate-authority"), "{plan}");
    let site = Site::new();
    site.declare("[kubelet]\ncertificate-lifetime = \"30d\"");
    assert!(site.run(&["plan"]).stdout.contains("\n      │ +valid: for 30 days from apply\n"));
}

/// From the inventory it would reach the API servers before any kubelet is proven.
#[test]
fn the_flag_is_not_for_the_inventory() {
    let flag = "[apiserver.flags]\nkubelet-certificate-authority = \"/etc/kubernetes/pki/ca.crt\"";
    let site = Site::new();
    site.declare(flag);
    for verb in [["plan"].as_slice(), &["validate"], &["apply", "--yes"]] {
        let ran = site.run(verb);
        assert_eq!(ran.code, 1, "{verb:?}: {}", ran.stdout);
        assert!(
            ran.stderr.contains(
                ":1: [apiserver.flags] sets kubelet-certificate-authority, which harden sets by itself once every kubelet is proven"
            ),
            "{}",
            ran.stderr
        );
        assert!(
            ran.stderr.contains("hint: leave it out, or set `serving-certificates = false`"),
            "{}",
            ran.stderr
        );
    }
    // Who answers for the certificates may set it.
    site.declare("[kubelet]\nserving-certificates = false");
    let plan = site.run(&["plan"]);
    assert!(
        plan.stdout.contains("--kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt"),
        "{}",
        plan.stderr
    );
}
