//! A TLS server on the other end of a dialled stream, with certificates of its own and scripted answers. A scripted request
//! that never comes fails the test instead of hanging it. Each request takes the first answer left that fits it.

use base64::Engine as _;
use harden::cluster::{Credentials, Dial};
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslMethod, SslStream, SslVerifyMode};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509NameBuilder};
use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One request as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) body: String,
}

/// One scripted answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) expect: &'static str,
    pub(crate) status: u16,
    pub(crate) body: String,
    /// Close the connection without a word after this answer, as a server that stops does.
    pub(crate) close: bool,
    /// Close the connection instead of answering.
    pub(crate) silent: bool,
}

/// The answer to a request whose line begins with `expect`.
pub(crate) fn answer(expect: &'static str, status: u16, body: impl Into<String>) -> Answer {
    Answer { expect, status, body: body.into(), close: false, silent: false }
}

/// What answers requests that no script could hold; `None` where it does not know the request.
pub(crate) type Responder = Arc<dyn Fn(&str) -> Option<Answer> + Send + Sync>;

pub(crate) struct Server {
    responder: Option<Responder>,
    script: Arc<Mutex<VecDeque<Answer>>>,
    seen: Arc<Mutex<Vec<Request>>>,
    dialled: Arc<Mutex<usize>>,
    acceptor: Arc<SslAcceptor>,
    files: Vec<(&'static str, String)>,
    pub(crate) credentials: Credentials,
}

struct Identity {
    certificate: X509,
    key: PKey<Private>,
}

fn issue(name: &str, issuer: Option<&Identity>) -> Identity {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut builder: X509Builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.set_pubkey(&key).unwrap();
    match issuer {
        None => {
            builder.set_issuer_name(&subject).unwrap();
            builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
            builder.sign(&key, MessageDigest::sha256()).unwrap();
        }
        Some(issuer) => {
            builder.set_issuer_name(issuer.certificate.subject_name()).unwrap();
            let names = SubjectAlternativeName::new()
                .dns(name)
                .dns(if name == "kubernetes" { "localhost" } else { name })
                .build(&builder.x509v3_context(Some(&issuer.certificate), None))
                .unwrap();
            builder.append_extension(names).unwrap();
            builder.sign(&issuer.key, MessageDigest::sha256()).unwrap();
        }
    }
    Identity { certificate: builder.build(), key }
}

fn pem(identity: &Identity) -> (String, String) {
    let certificate = String::from_utf8(identity.certificate.to_pem().unwrap()).unwrap();
    (certificate, String::from_utf8(identity.key.private_key_to_pem_pkcs8().unwrap()).unwrap())
}

fn kubeconfig(ca: &str, certificate: &str, key: &str) -> String {
    let base64 = |pem: &str| base64::engine::general_purpose::STANDARD.encode(pem);
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a@b\n\
         clusters:\n- name: b\n  cluster: {{server: 'https://10.0.0.1:6443', certificate-authority-data: {}}}\n\
         contexts:\n- name: a@b\n  context: {{cluster: b, user: a}}\n\
         users:\n- name: a\n  user: {{client-certificate-data: {}, client-key-data: {}}}\n",
        base64(ca),
        base64(certificate),
        base64(key)
    )
}

impl Server {
    /// A server whose certificate is for `name`; kubeadm's API servers have `kubernetes`, its etcd members `localhost`. A server
    /// named `kubernetes` can stand for both.
    pub(crate) fn new(name: &str, script: impl IntoIterator<Item = Answer>) -> Self {
        let ca = issue("ca", None);
        let server = issue(name, Some(&ca));
        let (ca_pem, _) = pem(&ca);
        let (certificate, key) = pem(&issue("client", Some(&ca)));
        let files = vec![
            ("admin-kubeconfig", kubeconfig(&ca_pem, &certificate, &key)),
            ("etcd-ca", ca_pem),
            ("etcd-certificate", certificate),
            ("etcd-key", key),
        ];
        let credentials = Credentials::parse(|section| {
            let file = files.iter().find(|(name, _)| *name == section);
            file.map(|(_, text)| text.clone().into_bytes()).unwrap_or_default()
        })
        .unwrap();
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
        acceptor.set_certificate(&server.certificate).unwrap();
        acceptor.set_private_key(&server.key).unwrap();
        acceptor.cert_store_mut().add_cert(ca.certificate).unwrap();
        acceptor.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
        acceptor.set_session_id_context(b"test").unwrap();
        Self {
            responder: None,
            script: Arc::new(Mutex::new(script.into_iter().collect())),
            seen: Arc::default(),
            dialled: Arc::default(),
            acceptor: Arc::new(acceptor.build()),
            files,
            credentials,
        }
    }

    /// A server that makes its answers as they are asked for; it gets the request's line.
    pub(crate) fn answering(name: &str, responder: Responder) -> Self {
        Self { responder: Some(responder), ..Self::new(name, []) }
    }

    /// Puts its credentials where kubeadm has them.
    pub(crate) fn write_credentials(&self, root: &std::path::Path) {
        std::fs::create_dir_all(root.join("etc/kubernetes/pki/etcd")).unwrap();
        for (name, text) in &self.files {
            let path = match *name {
                "admin-kubeconfig" => "admin.conf",
                "etcd-ca" => "pki/etcd/ca.crt",
                "etcd-certificate" => "pki/etcd/healthcheck-client.crt",
                _ => "pki/etcd/healthcheck-client.key",
            };
            std::fs::write(root.join("etc/kubernetes").join(path), text).unwrap();
        }
    }

    /// Opens streams to it.
    pub(crate) fn dial(&self) -> Dial {
        let (script, seen, responder) = (self.script.clone(), self.seen.clone(), self.responder.clone());
        let (acceptor, dialled) = (self.acceptor.clone(), self.dialled.clone());
        Arc::new(move |_, _| {
            *dialled.lock().unwrap() += 1;
            let (ours, theirs) = UnixStream::pair()?;
            theirs.set_read_timeout(Some(Duration::from_secs(20)))?;
            let (script, seen, acceptor) = (script.clone(), seen.clone(), acceptor.clone());
            let responder = responder.clone();
            std::thread::spawn(move || {
                // A client that does not trust this server ends the handshake: that is the client's error to report.
                if let Ok(stream) = acceptor.accept(theirs) {
                    serve(stream, &script, &seen, responder.as_ref());
                }
            });
            Ok(ours)
        })
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.dialled.lock().unwrap()
    }

    /// Every scripted answer was asked for.
    pub(crate) fn assert_done(&self) {
        let left = self.script.lock().unwrap();
        assert!(left.is_empty(), "these requests never came: {left:?}");
    }
}

fn serve(
    mut stream: SslStream<UnixStream>,
    script: &Mutex<VecDeque<Answer>>,
    seen: &Mutex<Vec<Request>>,
    responder: Option<&Responder>,
) {
    while let Some(request) = receive(&mut stream) {
        let mut scripted = script.lock().unwrap();
        seen.lock().unwrap().push(request.clone());
        let found = scripted.iter().position(|answer| request.line.starts_with(answer.expect));
        let unexpected = || answer("", 418, format!("not in the script: {}", request.line));
        let made = || responder.and_then(|responder| responder(&request.line));
        let answer = found.and_then(|index| scripted.remove(index)).or_else(made).unwrap_or_else(unexpected);
        drop(scripted);
        if answer.silent {
            return;
        }
        let head = format!("HTTP/1.1 {} x\r\nContent-Length: {}\r\n\r\n", answer.status, answer.body.len());
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(answer.body.as_bytes()).unwrap();
        if answer.close {
            return;
        }
    }
}

fn receive(stream: &mut SslStream<UnixStream>) -> Option<Request> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length: ").map(|n| n.parse().unwrap())
        })
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
    Some(Request { line, body: String::from_utf8(body).unwrap() })
}
