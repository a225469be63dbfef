//! The script sections, really run by sh on a directory tree, and what reads their output.

use super::server::Server;
use harden::cluster::{ClusterError, Credentials, EtcdCredentials};
use harden::error::Hint as _;
use std::path::Path;
use std::process::Command;

fn run(root: &Path, name: &str) -> Vec<u8> {
    let (_, body) = Credentials::script_sections().iter().find(|(section, _)| *section == name).unwrap();
    let output = Command::new("sh").args(["-euc", body]).env("R", root).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn sections_print_what_is_there() {
    let root = tempfile::tempdir().unwrap();
    let etc = root.path().join("etc/kubernetes");
    std::fs::create_dir_all(etc.join("pki/etcd")).unwrap();
    std::fs::create_dir_all(etc.join("manifests")).unwrap();
    for (name, _) in Credentials::script_sections() {
        assert_eq!(run(root.path(), name), b"", "{name} of an empty tree");
    }
    std::fs::write(etc.join("super-admin.conf"), "super").unwrap();
    assert_eq!(run(root.path(), "admin-kubeconfig"), b"super");
    std::fs::write(etc.join("admin.conf"), "admin").unwrap();
    assert_eq!(run(root.path(), "admin-kubeconfig"), b"admin");
    std::fs::write(etc.join("pki/etcd/healthcheck-client.key"), "key").unwrap();
    assert_eq!(run(root.path(), "etcd-key"), b"key");
    std::fs::write(etc.join("pki/etcd/ca.crt"), "ca").unwrap();
    assert_eq!(run(root.path(), "etcd-ca"), b"ca");
    std::fs::remove_file(etc.join("pki/etcd/healthcheck-client.key")).unwrap();
    // An API server of an etcd that is elsewhere has it too.
    assert_eq!(run(root.path(), "etcd-ca"), b"");
    assert_eq!(run(root.path(), "etcd-unit"), b"");
    let own = root.path().join("etc/etcd/pki");
    std::fs::create_dir_all(&own).unwrap();
    for file in ["ca.crt", "server.crt", "healthcheck-client.crt", "healthcheck-client.key"] {
        std::fs::write(own.join(file), format!("own {file}")).unwrap();
    }
    for (name, file) in [
        ("etcd-ca", "ca.crt"),
        ("etcd-certificate", "healthcheck-client.crt"),
        ("etcd-key", "healthcheck-client.key"),
    ] {
        assert_eq!(run(root.path(), name), format!("own {file}").as_bytes());
    }
    assert_eq!(run(root.path(), "etcd-unit"), b"yes\n");
    let manifest = "spec:\n  containers:\n  - command:\n    - kube-apiserver\n    - --secure-port=7443\n";
    std::fs::write(etc.join("manifests/kube-apiserver.yaml"), manifest).unwrap();
    assert_eq!(run(root.path(), "api-port"), b"7443\n");
}

#[test]
fn a_member_needs_all_of_its_credentials() {
    let parse = |unit: &'static [u8], given: &'static [&'static str]| {
        EtcdCredentials::parse(&|name| match name {
            "etcd-unit" => unit.to_vec(),
            name if given.contains(&name) => b"x".to_vec(),
            _ => Vec::new(),
        })
    };
    assert!(parse(b"", &[]).unwrap().is_none());
    assert!(parse(b"", &["etcd-ca", "etcd-certificate", "etcd-key"]).unwrap().is_some());
    let missing = |unit, given| parse(unit, given).unwrap_err().to_string();
    assert!(
        missing(b"", &["etcd-ca", "etcd-certificate"])
            .contains("/etc/kubernetes/pki/etcd/healthcheck-client.key")
    );
    assert!(missing(b"yes\n", &["etcd-key"]).contains("/etc/etcd/pki/ca.crt"));
}

#[test]
fn a_missing_kubeconfig_has_a_name_and_a_hint() {
    let error = Credentials::parse(|_| Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "read /etc/kubernetes/admin.conf on the node: it is missing or empty");
    assert!(error.hint().is_some());
}

#[test]
fn a_broken_kubeconfig_is_not_quoted() {
    for text in [
        "users: [{name: a, user: {client-key-data: [QUJDREVGR0g=]}}]",
        "client-key-data: QUJDREVGR0g=\n  - {",
        "current-context: x\nusers: [{name: a, user: {client-key-data: QUJDREVGR0g=}}]",
    ] {
        let parsed = Credentials::parse(|name| match name {
            "admin-kubeconfig" => text.as_bytes().to_vec(),
            _ => Vec::new(),
        });
        let error = parsed.unwrap_err();
        assert!(matches!(error, ClusterError::Credentials { .. }));
        assert!(!format!("{error} {error:?}").contains("QUJDREVGR0g"), "{error}");
    }
}

#[test]
fn a_node_without_etcd_is_not_an_error_but_half_a_set_is() {
    let server = Server::new("kubernetes", []);
    assert!(server.credentials.etcd().is_some());
    let kubeconfig = "current-context: c\n\
        contexts: [{name: c, context: {cluster: c, user: u}}]\n\
        clusters: [{name: c, cluster: {certificate-authority-data: Q0E=}}]\n\
        users: [{name: u, user: {client-certificate-data: Q0VSVA==, client-key-data: S0VZ}}]\n";
    let parse = |etcd: &'static str| {
        Credentials::parse(move |name| match name {
            "admin-kubeconfig" => kubeconfig.as_bytes().to_vec(),
            "etcd-ca" => etcd.as_bytes().to_vec(),
            _ => Vec::new(),
        })
    };
    assert!(parse("").unwrap().etcd().is_none());
    let error = parse("CA").unwrap_err();
    assert!(error.to_string().contains("healthcheck-client.key"), "{error}");
}
