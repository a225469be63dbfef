//! The CAs and key pairs that harden makes are such as kubeadm makes, in the eyes of the openssl program, and what does not
//! belong together is refused.

use crate::pki::{NOW, ca, ec_key, spec};
use harden::pki::{
    Issued, PkiError, authority, check_authority, check_key_pair, fingerprint, issue, key_pair, read,
};
use harden::resource::{KeyAlgorithm, Usage};
use harden::secret::Secret;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const DAY: i64 = 86_400;
const ALGORITHMS: [KeyAlgorithm; 3] = [KeyAlgorithm::EcdsaP256, KeyAlgorithm::Rsa2048, KeyAlgorithm::Rsa4096];

/// What the openssl program prints, and whether it was content.
pub(crate) fn openssl(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("openssl").args(arguments).current_dir(folder).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

fn issued_by(authority: &Issued, algorithm: KeyAlgorithm, usages: &[Usage]) -> Issued {
    issue(&spec(algorithm, usages), authority.certificate.as_bytes(), &authority.key, NOW).unwrap()
}

#[test]
fn the_openssl_program_finds_a_ca_and_verifies_what_it_signs() {
    for algorithm in ALGORITHMS {
        let folder = TempDir::new().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let made = authority("kubernetes", algorithm, 3650, NOW).unwrap();
        write("ca.crt", &made.certificate);
        write("other.crt", &authority("kubernetes", algorithm, 3650, NOW).unwrap().certificate);
        write("server.crt", &issued_by(&made, algorithm, &[Usage::Server]).certificate);
        write("client.crt", &issued_by(&made, algorithm, &[Usage::Client]).certificate);

        let (_, text) = openssl(folder.path(), &["x509", "-in", "ca.crt", "-noout", "-text"]);
        // Newer versions write it without spaces.
        let text = text.replace("CN = ", "CN=");
        let encipherment = if algorithm == KeyAlgorithm::EcdsaP256 { "" } else { ", Key Encipherment" };
        for expected in [
            "X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:0",
            &format!(
                "X509v3 Key Usage: critical\n                Digital Signature{encipherment}, Certificate Sign, CRL Sign\n"
            ),
            "X509v3 Subject Key Identifier:",
            "DNS:kubernetes\n",
            "Subject: CN=kubernetes\n",
            "Issuer: CN=kubernetes\n",
        ] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
        let verify = |ca: &str, purpose: &str, at: i64, leaf: &str| {
            let at = at.to_string();
            let arguments =
                ["verify", "-x509_strict", "-CAfile", ca, "-purpose", purpose, "-attime", &at, leaf];
            openssl(folder.path(), &arguments).0
        };
        assert!(verify("ca.crt", "sslserver", NOW, "server.crt"));
        assert!(verify("ca.crt", "sslclient", NOW, "client.crt"));
        // Back-dated for the clocks of others, as what it signs.
        assert!(verify("ca.crt", "sslclient", NOW - 299, "client.crt"));
        assert!(!verify("ca.crt", "sslclient", NOW, "server.crt"));
        assert!(!verify("other.crt", "sslserver", NOW, "server.crt"));
        assert!(!verify("ca.crt", "sslserver", NOW + 366 * DAY, "server.crt"));
    }
}

#[test]
fn a_ca_reads_back_with_its_names_its_lifetime_and_a_number_of_its_own() {
    let made = authority("front-proxy-ca", KeyAlgorithm::EcdsaP256, 3650, NOW).unwrap();
    let facts = read(made.certificate.as_bytes(), Some(made.certificate.as_bytes())).unwrap();
    assert_eq!(facts.common_name, "front-proxy-ca");
    assert_eq!(facts.dns_names, ["front-proxy-ca".to_owned()].into());
    assert_eq!((facts.not_before, facts.not_after), (NOW - 300, NOW + 3650 * DAY));
    assert_eq!(facts.algorithm, KeyAlgorithm::EcdsaP256);
    assert!(facts.signed_by_issuer);
    assert!(made.key.expose().starts_with("-----BEGIN PRIVATE KEY-----\n"));
    let other = authority("front-proxy-ca", KeyAlgorithm::EcdsaP256, 3650, NOW).unwrap();
    assert_ne!(read(other.certificate.as_bytes(), None).unwrap().serial, facts.serial);
    let error = authority("x", KeyAlgorithm::Other, 1, NOW).unwrap_err();
    assert!(matches!(error, PkiError::Algorithm { .. }), "{error}");
}

#[test]
fn fingerprints_are_those_of_the_openssl_program() {
    let folder = TempDir::new().unwrap();
    let made = authority("etcd-ca", KeyAlgorithm::EcdsaP256, 3650, NOW).unwrap();
    std::fs::write(folder.path().join("ca.crt"), &made.certificate).unwrap();
    let arguments = ["x509", "-in", "ca.crt", "-noout", "-fingerprint", "-sha256"];
    let (_, text) = openssl(folder.path(), &arguments);
    let expected = text.trim().rsplit('=').next().unwrap().to_owned();
    assert_eq!(fingerprint(made.certificate.as_bytes()).unwrap(), expected);
}

#[test]
fn a_key_pair_signs_in_the_eyes_of_the_openssl_program() {
    for algorithm in ALGORITHMS {
        let folder = TempDir::new().unwrap();
        let pair = key_pair("service-account", algorithm).unwrap();
        assert!(pair.public.starts_with("-----BEGIN PUBLIC KEY-----\n"));
        std::fs::write(folder.path().join("sa.pub"), &pair.public).unwrap();
        std::fs::write(folder.path().join("sa.key"), pair.key.expose()).unwrap();
        let sign = ["dgst", "-sha256", "-sign", "sa.key", "-out", "signature", "sa.pub"];
        assert!(openssl(folder.path(), &sign).0);
        let verify = ["dgst", "-sha256", "-verify", "sa.pub", "-signature", "signature", "sa.pub"];
        assert_eq!(openssl(folder.path(), &verify), (true, "Verified OK\n".to_owned()));
        check_key_pair("sa", pair.public.as_bytes(), &pair.key).unwrap();
        let other = key_pair("service-account", algorithm).unwrap();
        let error = check_key_pair("sa", other.public.as_bytes(), &pair.key).unwrap_err();
        assert!(matches!(error, PkiError::PairMismatch { .. }), "{error}");
        assert!(!format!("{pair:?}").contains(pair.key.expose().lines().nth(1).unwrap()));
    }
}

/// Those of kubeadm: RSA keys are PKCS#1, and ECDSA keys SEC 1.
#[test]
fn keys_in_their_older_forms_belong_to_their_certificates_as_well() {
    let key = ec_key();
    let made = ca(&key, 3650, true);
    let older = key.ec_key().unwrap().private_key_to_pem().unwrap();
    let older = Secret::new(String::from_utf8(older).unwrap());
    assert!(older.expose().starts_with("-----BEGIN EC PRIVATE KEY-----"));
    check_authority(&made.pem, &older, NOW).unwrap();
    let rsa = openssl::rsa::Rsa::generate(2048).unwrap();
    let made = ca(&openssl::pkey::PKey::from_rsa(rsa.clone()).unwrap(), 3650, true);
    let older = Secret::new(String::from_utf8(rsa.private_key_to_pem().unwrap()).unwrap());
    assert!(older.expose().starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    check_authority(&made.pem, &older, NOW).unwrap();
}

#[test]
fn what_is_no_ca_or_not_valid_or_of_another_key_is_refused() {
    let (made, other) = (ca(&ec_key(), 31, true), ca(&ec_key(), 31, true));
    check_authority(&made.pem, &made.key_pem, NOW).unwrap();
    let error = check_authority(&made.pem, &other.key_pem, NOW).unwrap_err();
    assert!(matches!(error, PkiError::KeyMismatch { .. }), "{error}");
    let error = check_authority(&made.pem, &made.key_pem, NOW + 31 * DAY).unwrap_err();
    assert!(matches!(error, PkiError::IssuerNotValid { .. }), "{error}");
    let leaf = ca(&ec_key(), 31, false);
    let error = check_authority(&leaf.pem, &leaf.key_pem, NOW).unwrap_err();
    assert!(matches!(error, PkiError::NotAnAuthority { .. }), "{error}");
    let error = check_key_pair("sa", b"no key", &made.key_pem).unwrap_err();
    assert!(matches!(error, PkiError::PublicKey(_)), "{error}");
}
