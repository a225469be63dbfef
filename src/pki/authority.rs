//! CAs: making one that signs itself, and reading one together with its key.

use super::error::PkiError;
use super::key::{BACK_DATED, Issued, SECONDS_A_DAY, builder, digest, failed, new_key, read_key};
use super::read::{common_name, seconds};
use crate::resource::KeyAlgorithm;
use crate::secret::Secret;
use openssl::asn1::Asn1Time;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{PKey, PKeyRef, Private};
use openssl::x509::extension::{BasicConstraints, KeyUsage, SubjectAlternativeName, SubjectKeyIdentifier};
use openssl::x509::{X509, X509KeyUsage, X509Name, X509Ref};

/// Makes a CA that signs itself, as kubeadm's do: the common name stands among the DNS names too.
///
/// It may sign certificates that are no CAs'. It is back-dated by five minutes; `now` is seconds since 1970.
pub fn authority(
    common_name: &str,
    algorithm: KeyAlgorithm,
    lifetime_days: u32,
    now: i64,
) -> Result<Issued, PkiError> {
    let key = new_key(algorithm, common_name)?;
    let not_after = now + i64::from(lifetime_days) * SECONDS_A_DAY;
    let certificate = self_signed(common_name, &key, algorithm, (now - BACK_DATED, not_after))
        .map_err(failed(common_name, "sign it"))?;
    Issued::new(&certificate, &key, common_name)
}

fn self_signed(
    common_name: &str,
    key: &PKeyRef<Private>,
    algorithm: KeyAlgorithm,
    (not_before, not_after): (i64, i64),
) -> Result<X509, ErrorStack> {
    let mut builder = builder(key)?;
    let mut name = X509Name::builder()?;
    name.append_entry_by_nid(Nid::COMMONNAME, common_name)?;
    let name = name.build();
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    builder.set_not_before(&*Asn1Time::from_unix(not_before)?)?;
    builder.set_not_after(&*Asn1Time::from_unix(not_after)?)?;
    builder.append_extension(BasicConstraints::new().critical().ca().pathlen(0).build()?)?;
    let mut usage = KeyUsage::new();
    usage.critical().digital_signature().key_cert_sign().crl_sign();
    if algorithm != KeyAlgorithm::EcdsaP256 {
        usage.key_encipherment();
    }
    builder.append_extension(usage.build()?)?;
    let extension = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
    builder.append_extension(extension)?;
    let mut names = SubjectAlternativeName::new();
    names.dns(common_name);
    let extension = names.build(&builder.x509v3_context(None, None))?;
    builder.append_extension(extension)?;
    builder.sign(key, digest(key))?;
    Ok(builder.build())
}

/// Checks that a certificate is that of a CA, that it is valid now, and that the key belongs to it. The PEM may hold several
/// certificates: it is about the one that the key belongs to.
pub fn check_authority(certificate_pem: &[u8], key_pem: &Secret<String>, now: i64) -> Result<(), PkiError> {
    Authority::new(certificate_pem, key_pem, now).map(drop)
}

/// Checks that a private key belongs to a public key, SubjectPublicKeyInfo in PEM; `name` is what errors call the pair.
pub fn check_key_pair(name: &str, public_pem: &[u8], key_pem: &Secret<String>) -> Result<(), PkiError> {
    let public = PKey::public_key_from_pem(public_pem).map_err(PkiError::PublicKey)?;
    let key = read_key(key_pem).map_err(PkiError::Key)?;
    if public.public_eq(&key) { Ok(()) } else { Err(PkiError::PairMismatch { name: name.to_owned() }) }
}

/// A CA that may sign now.
pub(super) struct Authority {
    pub(super) certificate: X509,
    pub(super) key: PKey<Private>,
    pub(super) not_before: i64,
    pub(super) not_after: i64,
}

impl Authority {
    pub(super) fn new(pem: &[u8], key_pem: &Secret<String>, now: i64) -> Result<Self, PkiError> {
        let certificates = X509::stack_from_pem(pem).map_err(PkiError::Issuer)?;
        let key = read_key(key_pem).map_err(PkiError::IssuerKey)?;
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
