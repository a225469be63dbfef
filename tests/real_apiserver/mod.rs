//! What is rendered for kube-apiserver, given to a real one: every audit policy, both phases of encryption, every part of the
//! admission configuration, every flag. Runs when `HARDEN_TEST_KUBE_APISERVER` and `HARDEN_TEST_ETCD` name the programs. What
//! it does once it runs is tested in `live`.

mod live;

use crate::desired::{Case, rendered_for};
use harden::inventory::AuditPolicy;
use harden::resource::{Desired, FlagValue, Spec};
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The variables that name the programs.
const PROGRAM: &str = "HARDEN_TEST_KUBE_APISERVER";
const ETCD: &str = "HARDEN_TEST_ETCD";
/// What it prints once policy, encryption config and flags are taken in.
const TAKEN: &str = "mutating admission controller(s) successfully";
const DEADLINE: Duration = Duration::from_secs(20);

/// Writes the node's files below a directory and gives the flags that name them there.
fn lay_out(desired: &Desired, root: &Path) -> Vec<String> {
    let mut flags = Vec::new();
    for resource in &desired.resources {
        match &resource.spec {
            Spec::File(file) => {
                let path = root.join(&file.path.as_str()[1..]);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                let key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
                let text = file
                    .content
                    .secrets
                    .iter()
                    .fold(file.content.text.clone(), |text, secret| text.replace(&secret.token(), key));
                fs::write(path, text).unwrap();
            }
            Spec::StaticPod(pod) if pod.component == "kube-apiserver" => {
                // The flags for the certificates of its clients name files that kubeadm makes.
                let own = |name: &str| !name.starts_with("etcd-") && !name.starts_with("kubelet-client-");
                for flag in pod.flags.iter().filter(|flag| own(&flag.name)) {
                    match &flag.value {
                        FlagValue::Is(value) if value.starts_with('/') => {
                            flags.push(format!("--{}={}{value}", flag.name, root.display()));
                        }
                        FlagValue::Is(value) => flags.push(format!("--{}={value}", flag.name)),
                        FlagValue::List { includes, .. } if !includes.is_empty() => {
                            flags.push(format!("--{}={}", flag.name, includes.join(",")));
                        }
                        FlagValue::Existing(_) | FlagValue::List { .. } | FlagValue::Absent => {}
                    }
                }
            }
            _ => {}
        }
    }
    flags
}

/// The program with everything that is not rendered, and its port. etcd is not among it.
fn server(program: &str, root: &Path) -> (Command, u16) {
    let key = root.join("service-account.key");
    let rsa = openssl::rsa::Rsa::generate(2048).unwrap();
    fs::write(&key, rsa.private_key_to_pem().unwrap()).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new(program);
    command
        .args(["--service-cluster-ip-range=10.0.0.0/24", "--allow-privileged=true"])
        .args(["--service-account-issuer=test", "--bind-address=127.0.0.1"])
        .arg(format!("--secure-port={port}"))
        .arg(format!("--cert-dir={}", root.display()))
        .arg(format!("--service-account-key-file={}", key.display()))
        .arg(format!("--service-account-signing-key-file={}", key.display()))
        .stdin(Stdio::null());
    (command, port)
}

/// What the program says until it has taken everything in, or ends. Since 1.37 it looks for etcd before it comes that far.
fn start(program: &str, etcd: u16, flags: &[String], root: &Path) -> String {
    let log = root.join("log");
    let mut child = server(program, root)
        .0
        .arg(format!("--etcd-servers=http://127.0.0.1:{etcd}"))
        .args(flags)
        .stdout(File::create(&log).unwrap())
        .stderr(File::options().append(true).open(&log).unwrap())
        .spawn()
        .unwrap();
    let since = Instant::now();
    loop {
        let ended = child.try_wait().unwrap().is_some();
        let said = fs::read_to_string(&log).unwrap();
        if ended || said.contains(TAKEN) || since.elapsed() > DEADLINE {
            let _ = child.kill();
            child.wait().unwrap();
            return said;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_real_apiserver_takes_what_is_rendered() {
    let (Ok(program), Ok(etcd)) = (std::env::var(PROGRAM), std::env::var(ETCD)) else {
        eprintln!("skipped: {PROGRAM} and {ETCD} name no programs");
        return;
    };
    let data = TempDir::new().unwrap();
    let (_etcd, etcd) = live::etcd(&etcd, data.path());
    for policy in [AuditPolicy::Default, AuditPolicy::Metadata, AuditPolicy::Strict] {
        for phase in ["read", "write"] {
            let case = Case::of(policy, phase);
            let root = TempDir::new().unwrap();
            let flags = lay_out(&rendered_for(&case, "cp-1"), root.path());
            assert!(flags.len() > 12);
            let said = start(&program, etcd, &flags, root.path());
            assert!(said.contains(TAKEN), "{policy:?} {phase}:\n{said}");
        }
    }
    for (without_event_limits, without_pod_security) in [(true, false), (false, true), (true, true)] {
        let case = Case::without(without_event_limits, without_pod_security);
        let root = TempDir::new().unwrap();
        let said = start(&program, etcd, &lay_out(&rendered_for(&case, "cp-1"), root.path()), root.path());
        assert!(said.contains(TAKEN), "{without_event_limits} {without_pod_security}:\n{said}");
    }
    // The positive controls: it does read all these files before that line.
    for (file, from, to) in [
        ("etc/kubernetes/admission/config.yaml", "type: Namespace", "type: Nobody"),
        ("etc/kubernetes/admission/config.yaml", "enforce: \"baseline\"", "enforce: \"basic\""),
        ("etc/kubernetes/authentication/config.yaml", "path: /livez", "paths: /livez"),
        ("etc/kubernetes/audit/policy.yaml", "level: Metadata", "level: Nothing"),
        ("etc/kubernetes/encryption/config.yaml", "secretbox", "secretbag"),
    ] {
        let root = TempDir::new().unwrap();
        let case = Case::of(AuditPolicy::Default, "write");
        let flags = lay_out(&rendered_for(&case, "cp-1"), root.path());
        let path = root.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace(from, to)).unwrap();
        let said = start(&program, etcd, &flags, root.path());
        assert!(!said.contains(TAKEN), "{file}:\n{said}");
    }
}
