//! What everything that is made has in common: a new key, a certificate that is begun, and both as PEM.

use super::error::PkiError;
use crate::inventory::PkiAlgorithm;
use crate::resource::KeyAlgorithm;
use crate::secret::Secret;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{Asn1Flag, EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, PKeyRef, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509Builder, X509Ref};

/// How far a certificate is back-dated, in seconds: the clocks of the nodes differ.
pub(super) const BACK_DATED: i64 = 300;

pub(super) const SECONDS_A_DAY: i64 = 86_400;

/// RFC 5280 allows 20 bytes, and the number must be positive.
const SERIAL_BITS: i32 = 159;

/// A certificate and its key, PEM.
#[derive(Debug)]
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// Its private key, PKCS#8.
    pub key: Secret<String>,
}

impl Issued {
    pub(super) fn new(
        certificate: &X509Ref,
        key: &PKeyRef<Private>,
        common_name: &str,
    ) -> Result<Self, PkiError> {
        let certificate = certificate.to_pem().map_err(failed(common_name, "write it"))?;
        Ok(Self {
            certificate: String::from_utf8_lossy(&certificate).into_owned(),
            key: private_pem(key, common_name)?,
        })
    }
}

/// A public key and the private key that belongs to it, PEM.
#[derive(Debug)]
pub struct KeyPair {
    /// The public key, SubjectPublicKeyInfo.
    pub public: String,
    /// The private key, PKCS#8.
    pub key: Secret<String>,
}

impl From<PkiAlgorithm> for KeyAlgorithm {
    fn from(algorithm: PkiAlgorithm) -> Self {
        match algorithm {
            PkiAlgorithm::EcdsaP256 => Self::EcdsaP256,
            PkiAlgorithm::Rsa2048 => Self::Rsa2048,
            PkiAlgorithm::Rsa4096 => Self::Rsa4096,
        }
    }
}

/// Makes a key pair that is in no certificate, as the one that service-account tokens are signed with; `name` is what errors
/// call it.
pub fn key_pair(name: &str, algorithm: KeyAlgorithm) -> Result<KeyPair, PkiError> {
    let key = new_key(algorithm, name)?;
    let public = key.public_key_to_pem().map_err(failed(name, "write its public key"))?;
    Ok(KeyPair { public: String::from_utf8_lossy(&public).into_owned(), key: private_pem(&key, name)? })
}

/// Not copied on the way: what is not in a `Secret` is not wiped. PEM is ASCII.
fn private_pem(key: &PKeyRef<Private>, name: &str) -> Result<Secret<String>, PkiError> {
    let key = key.private_key_to_pem_pkcs8().map_err(failed(name, "write its key"))?;
    Ok(Secret::new(String::from_utf8(key).unwrap_or_default()))
}

/// Reads a private key in any of the forms of PEM.
pub(super) fn read_key(pem: &Secret<String>) -> Result<PKey<Private>, ErrorStack> {
    // With an empty passphrase: without one OpenSSL would ask for it on the terminal.
    PKey::private_key_from_pem_passphrase(pem.expose().as_bytes(), b"")
}

/// A new key for what is called so.
pub(super) fn new_key(algorithm: KeyAlgorithm, name: &str) -> Result<PKey<Private>, PkiError> {
    generate(algorithm)
        .map_err(failed(name, "make its key"))?
        .ok_or_else(|| PkiError::Algorithm { common_name: name.to_owned() })
}

/// `None` for an algorithm that is only ever observed.
fn generate(algorithm: KeyAlgorithm) -> Result<Option<PKey<Private>>, ErrorStack> {
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

/// A certificate of version 3 with a random number and this public key.
pub(super) fn builder(key: &PKeyRef<Private>) -> Result<X509Builder, ErrorStack> {
    let mut builder = X509::builder()?;
    // Version 3 is written as 2.
    builder.set_version(2)?;
    let mut serial = BigNum::new()?;
    serial.rand(SERIAL_BITS, MsbOption::MAYBE_ZERO, false)?;
    builder.set_serial_number(&*serial.to_asn1_integer()?)?;
    builder.set_pubkey(key)?;
    Ok(builder)
}

/// What a key signs with. Edwards curves hash by themselves.
pub(super) fn digest(key: &PKeyRef<Private>) -> MessageDigest {
    match key.id() {
        Id::ED25519 | Id::ED448 => MessageDigest::null(),
        _ => MessageDigest::sha256(),
    }
}

/// OpenSSL refused a step in making something.
pub(super) fn failed(common_name: &str, step: &'static str) -> impl FnOnce(ErrorStack) -> PkiError {
    let common_name = common_name.to_owned();
    move |source| PkiError::Build { common_name, step, source }
}
