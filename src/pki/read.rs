//! Reading what a certificate says.

use super::error::PkiError;
use crate::resource::{CertificateFacts, KeyAlgorithm, Usage};
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, PKeyRef, Public};
use openssl::sha::sha256;
use openssl::x509::{X509, X509ExtendedKeyUsage, X509NameRef, X509Ref};
use std::collections::BTreeSet;
use std::net::IpAddr;

const SECONDS_A_DAY: i64 = 86_400;

/// Reads a certificate; where the PEM holds several, the first. With the issuer's PEM, which may hold several too, it
/// says whether one of their keys signed it.
pub fn read(certificate_pem: &[u8], issuer_pem: Option<&[u8]>) -> Result<CertificateFacts, PkiError> {
    let certificate = X509::from_pem(certificate_pem).map_err(PkiError::Certificate)?;
    let issuers = match issuer_pem {
        Some(pem) => X509::stack_from_pem(pem).map_err(PkiError::Issuer)?,
        None => Vec::new(),
    };
    facts(&certificate, &issuers).map_err(PkiError::Certificate)
}

/// SHA-256 of the public key of every certificate in a PEM file. CAs are told apart by it: their names may be the same.
pub fn key_digests(certificates_pem: &[u8]) -> Result<BTreeSet<[u8; 32]>, PkiError> {
    let digest = |certificate: &X509| Ok(sha256(&certificate.public_key()?.public_key_to_der()?));
    let certificates = X509::stack_from_pem(certificates_pem).map_err(PkiError::Certificate)?;
    certificates.iter().map(digest).collect::<Result<_, ErrorStack>>().map_err(PkiError::Certificate)
}

/// SHA-256 of a certificate, as `openssl x509 -fingerprint -sha256` shows it; of the first where the PEM holds several.
pub fn fingerprint(certificate_pem: &[u8]) -> Result<String, PkiError> {
    let certificate = X509::from_pem(certificate_pem).map_err(PkiError::Certificate)?;
    Ok(pairs(&sha256(&certificate.to_der().map_err(PkiError::Certificate)?)))
}

/// SHA-256 of each certificate in a PEM file, in its order and the same form; nothing of a file that holds none.
pub fn fingerprints(pem: &[u8]) -> Vec<String> {
    let certificates = X509::stack_from_pem(pem).unwrap_or_default();
    certificates.iter().filter_map(|it| Some(pairs(&sha256(&it.to_der().ok()?)))).collect()
}

/// SHA-256 of a public key as SubjectPublicKeyInfo in DER, in the form of a certificate's fingerprint, and its algorithm.
pub fn public_key_fingerprint(public_pem: &[u8]) -> Result<(String, KeyAlgorithm), PkiError> {
    let key = PKey::public_key_from_pem(public_pem).map_err(PkiError::PublicKey)?;
    let digest = sha256(&key.public_key_to_der().map_err(PkiError::PublicKey)?);
    Ok((pairs(&digest), algorithm(&key)))
}

fn pairs(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

fn facts(certificate: &X509Ref, issuers: &[X509]) -> Result<CertificateFacts, ErrorStack> {
    let names = certificate.subject_alt_names();
    let names = || names.iter().flatten();
    Ok(CertificateFacts {
        common_name: common_name(certificate),
        organizations: entries(certificate.subject_name(), Nid::ORGANIZATIONNAME).collect(),
        dns_names: names().filter_map(|name| name.dnsname()).map(str::to_owned).collect(),
        addresses: names().filter_map(|name| name.ipaddress()).filter_map(address).collect(),
        usages: usages(certificate),
        algorithm: algorithm(&*certificate.public_key()?),
        not_before: seconds(certificate.not_before())?,
        not_after: seconds(certificate.not_after())?,
        serial: certificate.serial_number().to_bn()?.to_hex_str()?.to_lowercase(),
        signed_by_issuer: issuers.iter().any(|issuer| signed_by(certificate, issuer)),
    })
}

/// The subject's common name; empty where it has none.
pub(super) fn common_name(certificate: &X509Ref) -> String {
    entries(certificate.subject_name(), Nid::COMMONNAME).next().unwrap_or_default()
}

/// Seconds since 1970.
pub(super) fn seconds(time: &Asn1TimeRef) -> Result<i64, ErrorStack> {
    let difference = Asn1Time::from_unix(0)?.diff(time)?;
    Ok(i64::from(difference.days) * SECONDS_A_DAY + i64::from(difference.secs))
}

/// By the key and not by the name: kubeadm's CAs have the same names in all clusters.
fn signed_by(certificate: &X509Ref, issuer: &X509Ref) -> bool {
    issuer.public_key().and_then(|key| certificate.verify(&key)).unwrap_or(false)
}

fn entries(name: &X509NameRef, nid: Nid) -> impl Iterator<Item = String> {
    name.entries_by_nid(nid).filter_map(|entry| entry.data().to_string().ok())
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

fn usages(certificate: &X509Ref) -> BTreeSet<Usage> {
    let Some(extended) = certificate.extended_key_usage() else { return BTreeSet::new() };
    [(X509ExtendedKeyUsage::SSL_SERVER, Usage::Server), (X509ExtendedKeyUsage::SSL_CLIENT, Usage::Client)]
        .into_iter()
        .filter(|(bit, _)| extended.contains(*bit))
        .map(|(_, usage)| usage)
        .collect()
}

fn algorithm(key: &PKeyRef<Public>) -> KeyAlgorithm {
    match key.id() {
        Id::EC if key.ec_key().is_ok_and(|key| key.group().curve_name() == Some(Nid::X9_62_PRIME256V1)) => {
            KeyAlgorithm::EcdsaP256
        }
        Id::RSA if key.bits() == 2048 => KeyAlgorithm::Rsa2048,
        Id::RSA if key.bits() == 4096 => KeyAlgorithm::Rsa4096,
        _ => KeyAlgorithm::Other,
    }
}
