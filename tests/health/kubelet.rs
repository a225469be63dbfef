//! The handshake with a kubelet's port, against a TLS server with real certificates.

use super::name;
use harden::health::{GateAccess as _, HealthError, KubeletReport, Reach, serving_certificate};
use harden::pki;
use harden::remote::RemoteError;
use harden::remote::fake::{FakeSession, reply};
use harden::resource::NodePath;
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509Name};
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

#[derive(Clone)]
struct Identity {
    certificate: X509,
    key: PKey<Private>,
}

impl Identity {
    fn new(subject: &str, issuer: Option<&Self>) -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let mut name = X509Name::builder().unwrap();
        name.append_entry_by_text("CN", subject).unwrap();
        let name = name.build();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(issuer.map_or(&*name, |issuer| issuer.certificate.subject_name())).unwrap();
        builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
        builder.set_pubkey(&key).unwrap();
        let names =
            SubjectAlternativeName::new().dns(subject).build(&builder.x509v3_context(None, None)).unwrap();
        builder.append_extension(names).unwrap();
        builder.sign(issuer.map_or(&key, |issuer| &issuer.key), MessageDigest::sha256()).unwrap();
        Self { certificate: builder.build(), key }
    }

    fn pem(&self) -> String {
        String::from_utf8(self.certificate.to_pem().unwrap()).unwrap()
    }
}

/// A node whose kubelet serves with one certificate and whose files are given. It notes where it was dialled.
fn node(serves: &Identity, on_disk: &str, ca: &str, dialled: &Arc<Mutex<Vec<(String, u16)>>>) -> FakeSession {
    let (on_disk, ca) = (on_disk.to_owned(), ca.to_owned());
    let (serves, dialled) = (serves.clone(), Arc::clone(dialled));
    let answer = move |_: &harden::remote::Script| {
        reply([("config", "port: 10260\n"), ("certificate", on_disk.as_str()), ("issuer", ca.as_str())])
    };
    FakeSession::new(answer).with_ports(move |host, port| {
        dialled.lock().unwrap().push((host.to_owned(), port));
        let (near, far) = UnixStream::pair().unwrap();
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        acceptor.set_certificate(&serves.certificate).unwrap();
        acceptor.set_private_key(&serves.key).unwrap();
        let acceptor = acceptor.build();
        std::thread::spawn(move || drop(acceptor.accept(far)));
        Ok(near)
    })
}

fn path(text: &str) -> NodePath {
    text.parse().unwrap()
}

fn report(serves: &Identity, on_disk: &str, ca: &str) -> KubeletReport {
    let dialled = Arc::default();
    let mut reach = Reach::new();
    reach.add(name("w-1"), Box::new(node(serves, on_disk, ca, &dialled)), false);
    let report = (&reach).kubelet(&name("w-1"), &path("/x.crt"), &path("/ca.crt")).unwrap();
    // Where its configuration says that it listens.
    assert_eq!(*dialled.lock().unwrap(), [(String::from("127.0.0.1"), 10260)]);
    report
}

#[test]
fn a_kubelet_is_judged_by_what_it_really_serves_with() {
    let ca = Identity::new("kubernetes", None);
    // As kubeadm names all of them, and with another key.
    let other = Identity::new("kubernetes", None);
    let (new, old) = (Identity::new("w-1", Some(&ca)), Identity::new("w-1", Some(&ca)));
    let good = report(&new, &new.pem(), &ca.pem());
    assert!(good.is_on_disk && good.served.signed_by_issuer);
    assert!(good.served.dns_names.contains("w-1"));
    assert!(!report(&old, &new.pem(), &ca.pem()).is_on_disk);
    assert!(!report(&new, &new.pem(), &other.pem()).served.signed_by_issuer);
    let own = Identity::new("w-1", None);
    assert!(!report(&own, &own.pem(), &ca.pem()).served.signed_by_issuer, "the kubelet's own certificate");
}

#[test]
fn what_a_kubelet_serves_with_can_be_asked_without_a_gate() {
    let ca = Identity::new("kubernetes", None);
    let kubelet = Identity::new("w-1", Some(&ca));
    let dialled = Arc::default();
    let mut session = node(&kubelet, "", "", &dialled);
    let served = serving_certificate(&name("w-1"), &mut session).unwrap();
    let facts = pki::read(&served, Some(ca.pem().as_bytes())).unwrap();
    assert!(facts.signed_by_issuer);
    let mut reach = Reach::new();
    reach.add(name("w-1"), Box::new(session), false);
    assert_eq!(reach.serving_certificate(&name("w-1")).unwrap(), served);
    assert!(matches!(reach.serving_certificate(&name("w-2")), Err(HealthError::NoSession { .. })));
}

#[test]
fn a_port_without_tls_is_an_error_and_not_a_hang() {
    let answer = |_: &harden::remote::Script| reply([("config", "")]);
    let mut closed = FakeSession::new(answer).with_ports(|host, port| {
        let source = std::io::ErrorKind::ConnectionRefused.into();
        Err(RemoteError::Connect { host: host.to_owned(), port, source })
    });
    assert!(matches!(serving_certificate(&name("w-1"), &mut closed), Err(HealthError::Remote(_))));
    let mut plain = FakeSession::new(answer).with_ports(|_, _| {
        let (near, mut far) = UnixStream::pair().unwrap();
        far.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        Ok(near)
    });
    let error = serving_certificate(&name("w-1"), &mut plain).unwrap_err();
    assert!(error.to_string().starts_with("ask the kubelet of w-1 for its certificate: "), "{error}");
}
