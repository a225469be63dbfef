//! Issuing a certificate with a new key.

use super::error::PkiError;
use super::read::{common_name, seconds};
use crate::resource::{CertificateSpec, KeyAlgorithm, Usage};
use crate::secret::Secret;
use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{Asn1Flag, EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, PKeyRef, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
    SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509KeyUsage, X509Name, X509Ref};

/// How far a certificate is back-dated, in seconds: the clocks of the nodes differ.
const BACK_DATED: i64 = 300;

/// RFC 5280 allows 20 bytes, and the number must be positive.
const SERIAL_BITS: i32 = 159;

const SECONDS_A_DAY: i64 = 86_400;

/// A certificate and its key, PEM.
#[derive(Debug)]
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// Its private key, PKCS#8.
    pub key: Secret<String>,
}

/// Issues a certificate with a new key.
///
/// `issuer_pem` may hold several certificates: the one that the key belongs to signs. `now` is seconds since 1970. The
/// certificate is back-dated by five minutes, and ends with the CA at the latest.
pub fn issue(
    spec: &CertificateSpec,
    issuer_pem: &[u8],
    issuer_key_pem: &Secret<String>,
    now: i64,
) -> Result<Issued, PkiError> {
    let authority = Authority::new(issuer_pem, issuer_key_pem, now)?;
    let build = |step| {
        let common_name = spec.common_name.clone();
        move |source| PkiError::Build { common_name, step, source }
    };
    let key = make_key(spec.algorithm)
        .map_err(build("make its key"))?
        .ok_or_else(|| PkiError::Algorithm { common_name: spec.common_name.clone() })?;
    let certificate = sign(spec, &key, &authority, now).map_err(build("sign it"))?;
    let certificate = certificate.to_pem().map_err(build("write it"))?;
    // Not copied on the way: what is not in a `Secret` is not wiped. PEM is ASCII.
    let key = key.private_key_to_pem_pkcs8().map_err(build("write its key"))?;
    Ok(Issued {
        certificate: String::from_utf8_lossy(&certificate).into_owned(),
        key: Secret::new(String::from_utf8(key).unwrap_or_default()),
    })
}

/// A CA that may sign now.
struct Authority {
    certificate: X509,
    key: PKey<Private>,
    not_before: i64,
    not_after: i64,
}

impl Authority {
    fn new(pem: &[u8], key_pem: &Secret<String>, now: i64) -> Result<Self, PkiError> {
        let certificates = X509::stack_from_pem(pem).map_err(PkiError::Issuer)?;
        // With an empty passphrase: without one OpenSSL would ask for it on the terminal.
        let key = PKey::private_key_from_pem_passphrase(key_pem.expose().as_bytes(), b"")
            .map_err(PkiError::IssuerKey)?;
        let issuer = certificates.first().map(|first| common_name(first)).unwrap_or_default();
        let certificate = certificates
            .into_iter()
            .find(|certificate| certificate.public_key().is_ok_and(|public| public.public_eq(&key)))
            .ok_or(PkiError::KeyMismatch { issuer })?;
        let issuer = common_name(&certificate);
        if !is_authority(&certificate) {
            return Err(PkiError::NotAnAuthority { issuer });
        }
        let not_before = seconds(certificate.not_before()).map_err(PkiError::Issuer)?;
        let not_after = seconds(certificate.not_after()).map_err(PkiError::Issuer)?;
        if !(not_before..=not_after).contains(&now) {
            return Err(PkiError::IssuerNotValid { issuer, not_before, not_after, now });
        }
        Ok(Self { certificate, key, not_before, not_after })
    }
}

/// Whether a certificate may sign others. CAs have said so in their key usage since RFC 3280; one without is refused.
fn is_authority(certificate: &X509Ref) -> bool {
    certificate.key_usage().is_some_and(|usage| usage.contains(X509KeyUsage::KEY_CERT_SIGN))
}

/// A new key; `None` for an algorithm that is only ever observed.
fn make_key(algorithm: KeyAlgorithm) -> Result<Option<PKey<Private>>, ErrorStack> {
    let key = match algorithm {
        KeyAlgorithm::EcdsaP256 => {
            let mut group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
            group.set_asn1_flag(Asn1Flag::NAMED_CURVE);
            PKey::from_ec_key(EcKey::generate(&group)?)?
        }
        KeyAlgorithm::Rsa2048 => PKey::from_rsa(Rsa::generate(2048)?)?,
        KeyAlgorithm::Rsa4096 => PKey::from_rsa(Rsa::generate(4096)?)?,
        KeyAlgorithm::Other => return Ok(None),
    };
    Ok(Some(key))
}

fn sign(
    spec: &CertificateSpec,
    key: &PKeyRef<Private>,
    authority: &Authority,
    now: i64,
) -> Result<X509, ErrorStack> {
    let mut builder = X509::builder()?;
    // Version 3 is written as 2.
    builder.set_version(2)?;
    let mut serial = BigNum::new()?;
    serial.rand(SERIAL_BITS, MsbOption::MAYBE_ZERO, false)?;
    builder.set_serial_number(&*serial.to_asn1_integer()?)?;
    builder.set_subject_name(&*subject(spec)?)?;
    builder.set_issuer_name(authority.certificate.subject_name())?;
    builder.set_pubkey(key)?;
    let not_before = (now - BACK_DATED).max(authority.not_before);
    let not_after = (now + i64::from(spec.lifetime_days) * SECONDS_A_DAY).min(authority.not_after);
    builder.set_not_before(&*Asn1Time::from_unix(not_before)?)?;
    builder.set_not_after(&*Asn1Time::from_unix(not_after)?)?;
    extend(&mut builder, spec, &authority.certificate)?;
    // Edwards curves hash by themselves.
    let digest = match authority.key.id() {
        Id::ED25519 | Id::ED448 => MessageDigest::null(),
        _ => MessageDigest::sha256(),
    };
    builder.sign(&authority.key, digest)?;
    Ok(builder.build())
}

fn subject(spec: &CertificateSpec) -> Result<X509Name, ErrorStack> {
    let mut name = X509Name::builder()?;
    for organization in &spec.organizations {
        name.append_entry_by_nid(Nid::ORGANIZATIONNAME, organization)?;
    }
    name.append_entry_by_nid(Nid::COMMONNAME, &spec.common_name)?;
    Ok(name.build())
}

fn extend(builder: &mut X509Builder, spec: &CertificateSpec, issuer: &X509Ref) -> Result<(), ErrorStack> {
    builder.append_extension(BasicConstraints::new().critical().build()?)?;
    let mut usage = KeyUsage::new();
    usage.critical().digital_signature();
    if spec.algorithm != KeyAlgorithm::EcdsaP256 {
        usage.key_encipherment();
    }
    builder.append_extension(usage.build()?)?;
    if !spec.usages.is_empty() {
        let mut extended = ExtendedKeyUsage::new();
        for wanted in &spec.usages {
            match wanted {
                Usage::Server => extended.server_auth(),
                Usage::Client => extended.client_auth(),
            };
        }
        builder.append_extension(extended.build()?)?;
    }
    if !spec.dns_names.is_empty() || !spec.addresses.is_empty() {
        let mut names = SubjectAlternativeName::new();
        for name in &spec.dns_names {
            names.dns(name);
        }
        for address in &spec.addresses {
            names.ip(&address.to_string());
        }
        let extension = names.build(&builder.x509v3_context(Some(issuer), None))?;
        builder.append_extension(extension)?;
    }
    let extension = SubjectKeyIdentifier::new().build(&builder.x509v3_context(Some(issuer), None))?;
    builder.append_extension(extension)?;
    let mut authority = AuthorityKeyIdentifier::new();
    if issuer.subject_key_id().is_some() {
        authority.keyid(true)
    } else {
        authority.issuer(true)
    };
    let extension = authority.build(&builder.x509v3_context(Some(issuer), None))?;
    builder.append_extension(extension)
}
