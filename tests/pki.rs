//! Certificates are issued as specified and read back; verification is OpenSSL's own, in its strict mode.

use harden::pki::{Issued, PkiError, issue, read};
use harden::resource::{CertificateForm, CertificateSpec, KeyAlgorithm, Mode, Ownership, Usage};
use harden::secret::Secret;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::stack::Stack;
use openssl::symm::Cipher;
use openssl::x509::extension::{BasicConstraints, KeyUsage, SubjectKeyIdentifier};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509Name, X509PurposeId, X509StoreContext, X509VerifyResult};
use std::collections::BTreeSet;

pub(crate) const NOW: i64 = 1_800_000_000;
const DAY: i64 = 86_400;

pub(crate) struct Ca {
    pub(crate) pem: Vec<u8>,
    pub(crate) key_pem: Secret<String>,
}

pub(crate) fn ec_key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn rsa_key() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap()
}

/// A CA as kubeadm makes it, valid from `NOW - DAY` for so many days.
pub(crate) fn ca(key: &PKey<Private>, days: i64, signs: bool) -> Ca {
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_nid(Nid::COMMONNAME, "etcd-ca").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(NOW - DAY).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(NOW - DAY + days * DAY).unwrap()).unwrap();
    builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    let mut usage = KeyUsage::new();
    usage.critical().digital_signature();
    if signs {
        usage.key_cert_sign();
    }
    builder.append_extension(usage.build().unwrap()).unwrap();
    let extension = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None)).unwrap();
    builder.append_extension(extension).unwrap();
    builder.sign(key, MessageDigest::sha256()).unwrap();
    let key_pem = String::from_utf8(key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    Ca { pem: builder.build().to_pem().unwrap(), key_pem: Secret::new(key_pem) }
}

pub(crate) fn spec(algorithm: KeyAlgorithm, usages: &[Usage]) -> CertificateSpec {
    let ownership = |mode| Ownership { owner: "root".into(), group: "root".into(), mode: Mode(mode) };
    let path = |text: &str| text.parse().unwrap();
    CertificateSpec {
        path: path("/etc/kubernetes/pki/etcd/server.crt"),
        ownership: ownership(0o644),
        form: CertificateForm::Pair {
            key_path: path("/etc/kubernetes/pki/etcd/server.key"),
            key_ownership: ownership(0o600),
        },
        directory: None,
        issuer_path: path("/etc/kubernetes/pki/etcd/ca.crt"),
        issuer_key_path: path("/etc/kubernetes/pki/etcd/ca.key"),
        stored_issuer: None,
        common_name: "cp-1".into(),
        organizations: ["kubeadm:cluster-admins".into(), "system:masters".into()].into(),
        dns_names: ["cp-1".into(), "localhost".into(), "*.etcd.example.net".into()].into(),
        addresses: ["10.0.0.11".parse().unwrap(), "::1".parse().unwrap()].into(),
        usages: usages.iter().copied().collect(),
        algorithm,
        lifetime_days: 365,
        renew_before_days: 121,
    }
}

/// OpenSSL's verdict, in its strict mode.
fn verify(issued: &Issued, ca: &Ca, purpose: X509PurposeId, at: i64, host: &str) -> X509VerifyResult {
    let mut param = X509VerifyParam::new().unwrap();
    param.set_flags(X509VerifyFlags::X509_STRICT).unwrap();
    param.set_purpose(purpose).unwrap();
    param.set_time(at);
    param.set_host(host).unwrap();
    let mut store = X509StoreBuilder::new().unwrap();
    store.add_cert(X509::from_pem(&ca.pem).unwrap()).unwrap();
    store.set_param(&param).unwrap();
    let leaf = X509::from_pem(issued.certificate.as_bytes()).unwrap();
    let mut context = X509StoreContext::new().unwrap();
    context
        .init(&store.build(), &leaf, &Stack::new().unwrap(), |context| {
            context.verify_cert()?;
            Ok(context.error())
        })
        .unwrap()
}

#[test]
fn what_is_issued_reads_back_as_specified() {
    let authorities = [ca(&ec_key(), 3650, true), ca(&rsa_key(), 3650, true)];
    for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::Rsa2048] {
        for authority in &authorities {
            let spec = spec(algorithm, &[Usage::Server, Usage::Client]);
            let issued = issue(&spec, &authority.pem, &authority.key_pem, NOW).unwrap();
            let facts = read(issued.certificate.as_bytes(), Some(&authority.pem)).unwrap();
            assert_eq!(facts.common_name, spec.common_name);
            assert_eq!(facts.organizations, spec.organizations);
            assert_eq!(facts.dns_names, spec.dns_names);
            assert_eq!(facts.addresses, spec.addresses);
            assert_eq!(facts.usages, spec.usages);
            assert_eq!(facts.algorithm, spec.algorithm);
            assert_eq!((facts.not_before, facts.not_after), (NOW - 300, NOW + 365 * DAY));
            assert!(facts.signed_by_issuer);
            let key = PKey::private_key_from_pem(issued.key.expose().as_bytes()).unwrap();
            assert!(issued.key.expose().starts_with("-----BEGIN PRIVATE KEY-----"));
            let public = X509::from_pem(issued.certificate.as_bytes()).unwrap().public_key().unwrap();
            assert!(public.public_eq(&key));
        }
    }
}

#[test]
fn strict_verification_agrees_about_purpose_time_and_name() {
    let authority = ca(&ec_key(), 3650, true);
    for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::Rsa2048] {
        let server = spec(algorithm, &[Usage::Server]);
        let issued = issue(&server, &authority.pem, &authority.key_pem, NOW).unwrap();
        let check = |purpose, at, host| verify(&issued, &authority, purpose, at, host);
        let (server, client) = (X509PurposeId::SSL_SERVER, X509PurposeId::SSL_CLIENT);
        assert_eq!(check(server, NOW, "cp-1"), X509VerifyResult::OK);
        assert_eq!(check(server, NOW - 200, "a.etcd.example.net"), X509VerifyResult::OK);
        for refused in [
            check(client, NOW, "cp-1"),
            check(server, NOW + 366 * DAY, "cp-1"),
            check(server, NOW - 400, "cp-1"),
            check(server, NOW, "cp-2"),
        ] {
            assert_ne!(refused, X509VerifyResult::OK);
        }
    }
}

#[test]
fn a_foreign_ca_of_the_same_name_is_told_apart() {
    let (mine, foreign) = (ca(&ec_key(), 3650, true), ca(&ec_key(), 3650, true));
    let issued =
        issue(&spec(KeyAlgorithm::EcdsaP256, &[Usage::Server]), &mine.pem, &mine.key_pem, NOW).unwrap();
    let certificate = issued.certificate.as_bytes();
    assert!(!read(certificate, Some(&foreign.pem)).unwrap().signed_by_issuer);
    assert!(!read(certificate, None).unwrap().signed_by_issuer);
    let bundle = [foreign.pem.clone(), mine.pem.clone()].concat();
    assert!(read(certificate, Some(&bundle)).unwrap().signed_by_issuer);
    // From the bundle the one that the key belongs to signs.
    let issued =
        issue(&spec(KeyAlgorithm::EcdsaP256, &[Usage::Server]), &bundle, &mine.key_pem, NOW).unwrap();
    assert!(read(issued.certificate.as_bytes(), Some(&mine.pem)).unwrap().signed_by_issuer);
    let error = issue(&spec(KeyAlgorithm::EcdsaP256, &[]), &foreign.pem, &mine.key_pem, NOW).unwrap_err();
    assert!(matches!(error, PkiError::KeyMismatch { .. }), "{error}");
}

#[test]
fn a_certificate_ends_with_its_ca() {
    let authority = ca(&ec_key(), 31, true);
    let server = spec(KeyAlgorithm::EcdsaP256, &[Usage::Server]);
    let issued = issue(&server, &authority.pem, &authority.key_pem, NOW).unwrap();
    assert_eq!(read(issued.certificate.as_bytes(), None).unwrap().not_after, NOW + 30 * DAY);
    for now in [NOW + 31 * DAY, NOW - 2 * DAY] {
        let error = issue(&server, &authority.pem, &authority.key_pem, now).unwrap_err();
        assert!(matches!(error, PkiError::IssuerNotValid { .. }), "{error}");
    }
}

#[test]
fn serials_differ_and_are_positive() {
    let authority = ca(&ec_key(), 3650, true);
    let serial = || {
        let issued =
            issue(&spec(KeyAlgorithm::EcdsaP256, &[]), &authority.pem, &authority.key_pem, NOW).unwrap();
        read(issued.certificate.as_bytes(), None).unwrap().serial
    };
    let serials: BTreeSet<String> = (0..20).map(|_| serial()).collect();
    assert_eq!(serials.len(), 20);
    assert!(serials.iter().all(|serial| serial.len() <= 40 && !serial.starts_with('-')));
}

#[test]
fn what_cannot_be_used_is_refused_and_never_shown() {
    let authority = ca(&ec_key(), 3650, true);
    let server = spec(KeyAlgorithm::EcdsaP256, &[]);
    let attempt = |spec: &CertificateSpec, pem: &[u8], key: &Secret<String>| {
        issue(spec, pem, key, NOW).map(drop).unwrap_err()
    };
    let leaf = ca(&ec_key(), 3650, false);
    let error = attempt(&server, &leaf.pem, &leaf.key_pem);
    assert!(matches!(error, PkiError::NotAnAuthority { .. }), "{error}");
    let error = attempt(&server, b"x", &authority.key_pem);
    assert!(matches!(error, PkiError::Issuer(_) | PkiError::KeyMismatch { .. }), "{error}");
    let key = Secret::new(String::from("not-a-private-key"));
    let error = attempt(&server, &authority.pem, &key);
    assert!(matches!(error, PkiError::IssuerKey(_)) && !format!("{error:?}").contains("not-a-private"));
    // An encrypted key must not make OpenSSL ask on the terminal.
    let pem = ec_key().private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"x").unwrap();
    let error = attempt(&server, &authority.pem, &Secret::new(String::from_utf8(pem).unwrap()));
    assert!(matches!(error, PkiError::IssuerKey(_)), "{error}");
    let error = attempt(&spec(KeyAlgorithm::Other, &[]), &authority.pem, &authority.key_pem);
    assert!(matches!(error, PkiError::Algorithm { .. }), "{error}");
    let long = CertificateSpec { common_name: "x".repeat(65), ..server };
    let error = attempt(&long, &authority.pem, &authority.key_pem);
    assert!(matches!(error, PkiError::Build { .. }), "{error}");
    assert!(matches!(read(b"", None), Err(PkiError::Certificate(_))));
}
