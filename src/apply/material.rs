//! What apply needs and the plan must not hold: the values of secrets, new certificates and their keys. They are asked
//! for through a trait, since apply may know neither the store nor how a certificate is made.

use crate::inventory::NodeName;
use crate::plan::{Authority, Change, Operation, sha256};
use crate::resource::{
    CertificateForm, CertificateSpec, Content, Mode, NodePath, Ownership, ResourceId, SecretRef,
};
use crate::secret::Secret;
use zeroize::Zeroizing;

/// Why a secret or a certificate could not be had.
pub type MaterialError = Box<dyn std::error::Error + Send + Sync>;

/// Where apply gets secrets and certificates from.
pub trait Materials: Sync {
    /// The value of a secret; it is made if the plan says so and it does not exist yet.
    fn secret(&self, reference: &SecretRef) -> Result<Secret<String>, MaterialError>;

    /// A new certificate and key for what is specified, signed by the issuer.
    fn certificate(&self, spec: &CertificateSpec, issuer: &Issuer) -> Result<Issued, MaterialError>;

    /// The text of a kubeconfig that leads to a server, trusts the issuer and holds a new certificate with its key.
    fn kubeconfig(
        &self,
        spec: &CertificateSpec,
        server: &str,
        issuer: &Issuer,
        new: &Issued,
    ) -> Result<Secret<String>, MaterialError>;
}

/// A CA, in memory only.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// Its certificate, PEM: of a CA in the store as it is there, otherwise as the node has it that the new certificate is for.
    pub certificate: Vec<u8>,
    /// Its private key, PEM.
    pub key: Secret<String>,
}

/// A new certificate.
#[derive(Debug)]
pub struct Issued {
    /// The certificate, PEM.
    pub certificate: String,
    /// Its private key, PEM.
    pub key: Secret<String>,
}

/// One file that goes to a node, secrets resolved.
pub(super) struct Payload {
    /// The resource that it belongs to.
    pub(super) resource: ResourceId,
    /// Where.
    pub(super) path: NodePath,
    /// Owner, group and mode.
    pub(super) ownership: Ownership,
    /// Owner, group and mode of the directory, where that has to be made for it. Those above it get the mode only.
    pub(super) directory: Ownership,
    /// Its bytes.
    pub(super) content: Source,
    /// Whether it is a private key or holds another secret, as what it takes the place of does.
    pub(super) is_private: bool,
}

/// Where the bytes of a file come from.
pub(super) enum Source {
    /// They are sent. Not a `Secret`, which would mask every line of an ordinary file in the output: what is secret in it has
    /// been registered with the mask where it was made.
    Sent(Zeroizing<String>),
    /// They are on the node: a copy that a transaction keeps there.
    Copy {
        /// The transaction.
        transaction: String,
        /// The copy's number.
        number: u32,
        /// SHA-256 of it, hexadecimal.
        sha256: String,
    },
}

impl Payload {
    /// SHA-256 of the bytes, hexadecimal.
    pub(super) fn sha256(&self) -> String {
        match &self.content {
            Source::Sent(content) => sha256(content.as_bytes()),
            Source::Copy { sha256, .. } => sha256.clone(),
        }
    }
}

/// The files of one change, secrets resolved and certificates issued. `issuer` reads a CA whose key is on that node.
pub(super) fn payloads(
    change: &Change,
    materials: &dyn Materials,
    issuer: &mut dyn FnMut(&CertificateSpec, &NodeName) -> Result<Issuer, MaterialError>,
) -> Result<Vec<Payload>, MaterialError> {
    let resource = &change.resource;
    let mut payloads = Vec::new();
    for operation in &change.operations {
        match operation {
            Operation::Write { path, content, ownership, directory_mode, .. } => payloads.push(Payload {
                resource: resource.clone(),
                path: path.clone(),
                ownership: ownership.clone(),
                directory: of_root(*directory_mode),
                content: Source::Sent(resolve(content, materials)?),
                is_private: change.sensitive,
            }),
            Operation::Issue { certificate, authority, .. } => {
                let ca = match authority {
                    Authority::Node(node) => issuer(certificate, node)?,
                    Authority::Store(pair) => Issuer {
                        certificate: pair.public.clone().into_bytes(),
                        key: materials.secret(&pair.key)?,
                    },
                };
                payloads.extend(issued(resource, certificate, &ca, materials)?);
            }
            Operation::Restore { path, transaction, copy, sha256, .. } => payloads.push(Payload {
                resource: resource.clone(),
                path: path.clone(),
                // The copy brings its own.
                ownership: of_root(Mode(0o600)),
                directory: of_root(Mode(0o755)),
                content: Source::Copy {
                    transaction: transaction.clone(),
                    number: *copy,
                    sha256: sha256.clone(),
                },
                is_private: change.sensitive,
            }),
            Operation::Remove { .. }
            | Operation::RemoveDirectory { .. }
            | Operation::SetAttributes { .. }
            | Operation::AddUser { .. }
            | Operation::StopPod { .. }
            | Operation::SetOwners { .. }
            | Operation::Validate { .. }
            | Operation::Activate { .. }
            | Operation::SetSysctls { .. }
            | Operation::SetUnit { .. } => {}
        }
    }
    Ok(payloads)
}

/// The files of a new certificate.
fn issued(
    resource: &ResourceId,
    spec: &CertificateSpec,
    ca: &Issuer,
    materials: &dyn Materials,
) -> Result<Vec<Payload>, MaterialError> {
    let new = materials.certificate(spec, ca)?;
    let directory = spec.directory.clone().unwrap_or_else(|| of_root(Mode(0o755)));
    let payload = |path: &NodePath, ownership: &Ownership, content, is_private| Payload {
        resource: resource.clone(),
        path: path.clone(),
        ownership: ownership.clone(),
        directory: directory.clone(),
        content: Source::Sent(content),
        is_private,
    };
    let whole = |content| vec![payload(&spec.path, &spec.ownership, content, true)];
    Ok(match &spec.form {
        // The key goes first, so that the two renames stand next to each other in this order.
        CertificateForm::Pair { key_path, key_ownership } => {
            let key = Zeroizing::new(new.key.expose().clone());
            vec![
                payload(key_path, key_ownership, key, true),
                payload(&spec.path, &spec.ownership, Zeroizing::new(new.certificate), false),
            ]
        }
        CertificateForm::OneFile { .. } => {
            // Room for both: growing would leave a copy of the key behind.
            let length = new.certificate.len() + new.key.expose().len();
            let mut both = Zeroizing::new(String::with_capacity(length));
            both.push_str(&new.certificate);
            both.push_str(new.key.expose());
            whole(both)
        }
        CertificateForm::Kubeconfig { server } => {
            let text = materials.kubeconfig(spec, server, ca, &new)?;
            whole(Zeroizing::new(text.expose().clone()))
        }
    })
}

fn of_root(mode: Mode) -> Ownership {
    Ownership { owner: String::from("root"), group: String::from("root"), mode }
}

/// The text with the values of its secrets in the place of their tokens.
fn resolve(content: &Content, materials: &dyn Materials) -> Result<Zeroizing<String>, MaterialError> {
    let mut text = Zeroizing::new(content.text.clone());
    for reference in &content.secrets {
        *text = text.replace(&reference.token(), materials.secret(reference)?.expose());
    }
    Ok(text)
}
