//! A real kube-apiserver with a real etcd on loopback, configured as rendered: whom it lets in, and what.

use super::{ETCD, PROGRAM, lay_out, server};
use crate::desired::{Case, rendered_for};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use openssl::x509::extension::ExtendedKeyUsage;
use openssl::x509::{X509, X509NameBuilder};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const START: Duration = Duration::from_secs(90);

/// Ends with the test.
pub(super) struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An administrator's certificate, which is its own CA.
struct Administrator {
    certificate: X509,
    key: PKey<Private>,
}

impl Administrator {
    fn new() -> Self {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_text("O", "system:masters").unwrap();
        name.append_entry_by_text("CN", "administrator").unwrap();
        let name = name.build();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_serial_number(&BigNum::from_u32(7).unwrap().to_asn1_integer().unwrap()).unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(&name).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
        builder.append_extension(ExtendedKeyUsage::new().client_auth().build().unwrap()).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        Self { certificate: builder.build(), key }
    }
}

/// A running API server.
struct Live {
    port: u16,
    program: Program,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(super) fn etcd(program: &str, root: &Path) -> (Program, u16) {
    let (clients, peers) = (free_port(), free_port());
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    let child = Command::new(program)
        .arg(format!("--data-dir={}", root.join("etcd").display()))
        .args([
            format!("--listen-client-urls={}", url(clients)),
            format!("--advertise-client-urls={}", url(clients)),
        ])
        .args([
            format!("--listen-peer-urls={}", url(peers)),
            format!("--initial-advertise-peer-urls={}", url(peers)),
        ])
        .arg(format!("--initial-cluster=default={}", url(peers)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(root.join("etcd.log")).unwrap())
        .spawn()
        .unwrap();
    (Program(child), clients)
}

impl Live {
    fn start(root: &Path, etcd: u16, flags: &[String], administrator: &Administrator) -> Self {
        let ca = root.join("client-ca.crt");
        fs::write(&ca, administrator.certificate.to_pem().unwrap()).unwrap();
        let (mut command, port) = server(&std::env::var(PROGRAM).unwrap(), root);
        let log = root.join("kube-apiserver.log");
        let child = command
            .arg(format!("--etcd-servers=http://127.0.0.1:{etcd}"))
            .arg(format!("--client-ca-file={}", ca.display()))
            .args(flags)
            .stdout(File::create(&log).unwrap())
            .stderr(File::options().append(true).open(&log).unwrap())
            .spawn()
            .unwrap();
        let mut live = Self { port, program: Program(child) };
        let since = Instant::now();
        // The same way as kubeadm's probes and load balancers: without a certificate.
        while live.try_ask(None, "GET", "/readyz", None).is_none_or(|(status, _)| status != 200) {
            let ended = live.program.0.try_wait().unwrap().is_some();
            assert!(!ended && since.elapsed() < START, "{}", fs::read_to_string(&log).unwrap());
            std::thread::sleep(Duration::from_millis(200));
        }
        live
    }

    /// Status and body; `None` where it does not answer.
    fn try_ask(
        &self,
        who: Option<&Administrator>,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Option<(u16, String)> {
        let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
        connector.set_verify(SslVerifyMode::NONE);
        if let Some(who) = who {
            connector.set_certificate(&who.certificate).unwrap();
            connector.set_private_key(&who.key).unwrap();
        }
        let stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut stream = connector.build().connect("localhost", stream).ok()?;
        let body = body.map(Value::to_string).unwrap_or_default();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: application/json\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .ok()?;
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply);
        let reply = String::from_utf8_lossy(&reply).into_owned();
        let status = reply.split(' ').nth(1)?.parse().ok()?;
        Some((status, reply))
    }

    fn ask(&self, who: Option<&Administrator>, path: &str) -> u16 {
        self.try_ask(who, "GET", path, None).unwrap().0
    }

    fn create(&self, who: &Administrator, path: &str, object: &Value) -> (u16, String) {
        self.try_ask(Some(who), "POST", path, Some(object)).unwrap()
    }

    fn create_pod(
        &self,
        who: &Administrator,
        namespace: &str,
        name: &str,
        privileged: bool,
    ) -> (u16, String) {
        let account = json!({"metadata": {"name": "default"}});
        // The controller manager makes it elsewhere; here it may be there from another pod.
        self.create(who, &format!("/api/v1/namespaces/{namespace}/serviceaccounts"), &account);
        let pod = json!({
            "metadata": {"name": name},
            "spec": {"containers": [
                {"name": "c", "image": "x", "securityContext": {"privileged": privileged}}
            ]},
        });
        self.create(who, &format!("/api/v1/namespaces/{namespace}/pods"), &pod)
    }

    /// How many of so many events of one client are accepted, and the other answers.
    fn create_events(&self, who: &Administrator, count: usize) -> (usize, Vec<u16>) {
        let mut others = Vec::new();
        for number in 0..count {
            let event = json!({
                "metadata": {"generateName": format!("event-{number}-")},
                "involvedObject": {"kind": "Pod", "namespace": "default", "name": "some"},
                "reason": "Tested", "type": "Normal",
            });
            let (status, _) = self.create(who, "/api/v1/namespaces/default/events", &event);
            if status != 201 {
                others.push(status);
            }
        }
        (count - others.len(), others)
    }
}

#[test]
fn a_real_apiserver_lets_in_whom_and_what_it_should() {
    let (Ok(_), Ok(etcd_program)) = (std::env::var(PROGRAM), std::env::var(ETCD)) else {
        eprintln!("skipped: {PROGRAM} and {ETCD} name no programs");
        return;
    };
    let root = TempDir::new().unwrap();
    let administrator = Administrator::new();
    let (_etcd, etcd) = etcd(&etcd_program, root.path());
    let flags = lay_out(&rendered_for(&Case::default(), "cp-1"), root.path());
    let live = Live::start(root.path(), etcd, &flags, &administrator);

    // Who is not authenticated: probes, and where `kubeadm join` begins. The role for that is kubeadm's, so that RBAC
    // refuses here; what counts is that it is asked at all.
    for path in ["/livez", "/readyz", "/healthz"] {
        assert_eq!(live.ask(None, path), 200, "{path}");
    }
    assert_eq!(live.ask(None, "/api/v1/namespaces/kube-public/configmaps/cluster-info"), 403);
    for path in [
        "/api",
        "/version",
        "/metrics",
        "/readyz/etcd",
        "/api/v1/namespaces/kube-public/configmaps",
        "/nowhere",
    ] {
        assert_eq!(live.ask(None, path), 401, "{path}");
    }
    assert_eq!(live.ask(Some(&administrator), "/api"), 200);

    let (status, reply) = live.create_pod(&administrator, "default", "privileged", true);
    assert!(status == 403 && reply.contains("violates PodSecurity \\\"baseline:v1.35\\\""), "{reply}");
    let (status, reply) = live.create_pod(&administrator, "default", "plain", false);
    assert!(status == 201 && reply.contains("would violate PodSecurity \\\"restricted:v1.35\\\""), "{reply}");
    let (status, reply) = live.create_pod(&administrator, "kube-system", "privileged", true);
    assert!(status == 201, "{reply}");

    // A service with addresses that belong to somebody else.
    let service =
        json!({"metadata": {"name": "s"}, "spec": {"externalIPs": ["192.0.2.1"], "ports": [{"port": 80}]}});
    let (status, reply) = live.create(&administrator, "/api/v1/namespaces/default/services", &service);
    assert!(status == 403 && reply.contains("external IPs is denied"), "{reply}");

    assert_eq!(live.create_events(&administrator, 100), (100, Vec::new()));
    drop(live);

    // The positive control, and the switch for cluster-info.
    let config = root.path().join("etc/kubernetes/admission/config.yaml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("qps: 200\n          burst: 1000", "qps: 1\n          burst: 5"))
        .unwrap();
    let config = root.path().join("etc/kubernetes/authentication/config.yaml");
    let text = fs::read_to_string(&config).unwrap();
    let without = text.lines().filter(|line| !line.contains("cluster-info")).collect::<Vec<_>>().join("\n");
    fs::write(&config, without).unwrap();
    let live = Live::start(root.path(), etcd, &flags, &administrator);
    let (accepted, others) = live.create_events(&administrator, 100);
    assert!(
        (5..50).contains(&accepted) && others.iter().all(|status| *status == 429),
        "{accepted} {others:?}"
    );
    assert_eq!(live.ask(None, "/api/v1/namespaces/kube-public/configmaps/cluster-info"), 401);
}
