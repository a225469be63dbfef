//! Issuing a certificate with a new key.

use super::authority::Authority;
use super::error::PkiError;
use super::key::{BACK_DATED, Issued, SECONDS_A_DAY, builder, digest, failed, new_key};
use crate::resource::{CertificateSpec, KeyAlgorithm, Usage};
use crate::secret::Secret;
use openssl::asn1::Asn1Time;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{PKeyRef, Private};
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
    SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Name, X509Ref};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// What a certificate that is no CA's is to say.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// Subject common name, at most 64 characters.
    pub common_name: String,
    /// Subject organizations; Kubernetes reads them as groups.
    pub organizations: BTreeSet<String>,
    /// DNS subject alternative names.
    pub dns_names: BTreeSet<String>,
    /// IP subject alternative names.
    pub addresses: BTreeSet<IpAddr>,
    /// Extended key usages.
    pub usages: BTreeSet<Usage>,
    /// The key's algorithm.
    pub algorithm: KeyAlgorithm,
    /// Lifetime in seconds.
    pub lifetime: i64,
}

impl From<&CertificateSpec> for Leaf {
    fn from(spec: &CertificateSpec) -> Self {
        Self {
            common_name: spec.common_name.clone(),
            organizations: spec.organizations.clone(),
            dns_names: spec.dns_names.clone(),
            addresses: spec.addresses.clone(),
            usages: spec.usages.clone(),
            algorithm: spec.algorithm,
            lifetime: i64::from(spec.lifetime_days) * SECONDS_A_DAY,
        }
    }
}

/// Issues a certificate with a new key, as a template describes it.
///
/// `issuer_pem` may hold several certificates: the one that the key belongs to signs. `now` is seconds since 1970. The
/// certificate is back-dated by five minutes, and ends with the CA at the latest.
pub fn issue(
    spec: &CertificateSpec,
    issuer_pem: &[u8],
    issuer_key_pem: &Secret<String>,
    now: i64,
) -> Result<Issued, PkiError> {
    issue_leaf(&Leaf::from(spec), issuer_pem, issuer_key_pem, now)
}

/// Issues a certificate with a new key; everything else as [`issue`] has it.
pub fn issue_leaf(
    leaf: &Leaf,
    issuer_pem: &[u8],
    issuer_key_pem: &Secret<String>,
    now: i64,
) -> Result<Issued, PkiError> {
    let authority = Authority::new(issuer_pem, issuer_key_pem, now)?;
    let name = leaf.common_name.as_str();
    let key = new_key(leaf.algorithm, name)?;
    let certificate = sign(leaf, &key, &authority, now).map_err(failed(name, "sign it"))?;
    Issued::new(&certificate, &key, name)
}

fn sign(leaf: &Leaf, key: &PKeyRef<Private>, authority: &Authority, now: i64) -> Result<X509, ErrorStack> {
    let mut builder = builder(key)?;
    builder.set_subject_name(&*subject(leaf)?)?;
    builder.set_issuer_name(authority.certificate.subject_name())?;
    let not_before = (now - BACK_DATED).max(authority.not_before);
    let not_after = now.saturating_add(leaf.lifetime).min(authority.not_after);
    builder.set_not_before(&*Asn1Time::from_unix(not_before)?)?;
    builder.set_not_after(&*Asn1Time::from_unix(not_after)?)?;
    extend(&mut builder, leaf, &authority.certificate)?;
    builder.sign(&authority.key, digest(&authority.key))?;
    Ok(builder.build())
}

fn subject(leaf: &Leaf) -> Result<X509Name, ErrorStack> {
    let mut name = X509Name::builder()?;
    for organization in &leaf.organizations {
        name.append_entry_by_nid(Nid::ORGANIZATIONNAME, organization)?;
    }
    name.append_entry_by_nid(Nid::COMMONNAME, &leaf.common_name)?;
    Ok(name.build())
}

fn extend(builder: &mut X509Builder, leaf: &Leaf, issuer: &X509Ref) -> Result<(), ErrorStack> {
    builder.append_extension(BasicConstraints::new().critical().build()?)?;
    let mut usage = KeyUsage::new();
    usage.critical().digital_signature();
    if leaf.algorithm != KeyAlgorithm::EcdsaP256 {
        usage.key_encipherment();
    }
    builder.append_extension(usage.build()?)?;
    if !leaf.usages.is_empty() {
        let mut extended = ExtendedKeyUsage::new();
        for wanted in &leaf.usages {
            match wanted {
                Usage::Server => extended.server_auth(),
                Usage::Client => extended.client_auth(),
            };
        }
        builder.append_extension(extended.build()?)?;
    }
    if !leaf.dns_names.is_empty() || !leaf.addresses.is_empty() {
        let mut names = SubjectAlternativeName::new();
        for name in &leaf.dns_names {
            names.dns(name);
        }
        for address in &leaf.addresses {
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
