//! What the imagined nodes get: changes of each kind, secrets, certificates.

use harden::apply::{Issued, Issuer, MaterialError, Materials};
use harden::plan::{Change, Operation, Prior, sha256};
use harden::resource::{CertificateSpec, Content, KeyAlgorithm, Kind, Mode, NodePath, Ownership, SecretRef};
use harden::secret::Secret;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

/// What must never be seen in an error.
pub(super) const SECRET: &str = "c2VjcmV0IG9mIHRoZSBleGVjdXRvcg==";

/// The files of a node before it is changed, with their modes.
pub(super) fn fill(root: &Path) {
    for (file, mode) in [
        ("etc/kubernetes/manifests/kube-apiserver.yaml", 0o644),
        ("etc/kubernetes/manifests/etcd.yaml", 0o600),
        ("etc/kubernetes/encryption.yaml", 0o640),
        ("etc/kubernetes/admin.conf", 0o644),
        ("etc/kubernetes/pki/ca.crt", 0o644),
        ("etc/kubernetes/pki/ca.key", 0o600),
        ("etc/kubernetes/pki/server.crt", 0o644),
        ("etc/kubernetes/pki/server.key", 0o644),
    ] {
        let file = root.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "old\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    }
}

/// The kinds of changes that [`change`] makes.
pub(super) const CHANGES: usize = 6;

/// One change of a node as it is now.
pub(super) fn change(root: &Path, number: usize) -> Change {
    let write = |at: &str, content: Content| Operation::Write {
        path: path(at),
        content,
        ownership: ownership(0o600),
        directory_mode: Mode(0o750),
        prior: prior(root, at),
    };
    let (kind, name, operation) = match number {
        0 => (
            Kind::StaticPod,
            "kube-apiserver",
            write("/etc/kubernetes/manifests/kube-apiserver.yaml", Content::plain("new\n")),
        ),
        1 => (Kind::StaticPod, "etcd", write("/etc/kubernetes/manifests/etcd.yaml", Content::plain("new\n"))),
        2 => (Kind::File, "encryption", write("/etc/kubernetes/encryption.yaml", sealed())),
        3 => (
            Kind::File,
            "audit",
            write("/etc/kubernetes/audit/deep/it's a \"policy\" $HOME.yaml", Content::plain("new\n")),
        ),
        4 => (
            Kind::Attributes,
            "admin",
            Operation::SetAttributes {
                path: path("/etc/kubernetes/admin.conf"),
                owner: None,
                group: None,
                mode: Some(Mode(0o600)),
                prior: prior(root, "/etc/kubernetes/admin.conf"),
            },
        ),
        _ => (
            Kind::Certificate,
            "server",
            Operation::Issue {
                certificate: Box::new(certificate()),
                authority: super::world::name("cp-1"),
                prior: prior(root, "/etc/kubernetes/pki/server.crt"),
            },
        ),
    };
    Change {
        operations: vec![operation],
        desired: format!("digest of {name}"),
        ..crate::plans::change(&format!("{kind}.{name}"), "")
    }
}

fn sealed() -> Content {
    let secret = SecretRef { name: String::from("key-1"), sha256: None };
    Content { text: format!("key: {}\n", secret.token()), secrets: vec![secret] }
}

fn certificate() -> CertificateSpec {
    CertificateSpec {
        path: path("/etc/kubernetes/pki/server.crt"),
        ownership: ownership(0o644),
        key_path: path("/etc/kubernetes/pki/server.key"),
        key_ownership: ownership(0o600),
        directory: None,
        issuer_path: path("/etc/kubernetes/pki/ca.crt"),
        issuer_key_path: path("/etc/kubernetes/pki/ca.key"),
        common_name: String::from("server"),
        organizations: BTreeSet::new(),
        dns_names: BTreeSet::new(),
        addresses: BTreeSet::new(),
        usages: BTreeSet::new(),
        algorithm: KeyAlgorithm::EcdsaP256,
        lifetime_days: 365,
        renew_before_days: 30,
    }
}

fn path(text: &str) -> NodePath {
    text.parse().unwrap()
}

fn me() -> &'static (String, String) {
    static ME: std::sync::OnceLock<(String, String)> = std::sync::OnceLock::new();
    ME.get_or_init(|| {
        let name = |flag| {
            let output = Command::new("id").arg(flag).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        (name("-un"), name("-gn"))
    })
}

fn ownership(mode: u32) -> Ownership {
    let (owner, group) = me().clone();
    Ownership { owner, group, mode: Mode(mode) }
}

fn prior(root: &Path, at: &str) -> Prior {
    let file = root.join(&at[1..]);
    let Ok(bytes) = fs::read(&file) else { return Prior::Absent };
    let Ownership { owner, group, mode } = ownership(fs::metadata(&file).unwrap().mode() & 0o7777);
    Prior::Present { sha256: sha256(&bytes), mode, owner, group }
}

/// How the fake store behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Store {
    #[default]
    Open,
    Closed,
    Panics,
}

impl Materials for Store {
    fn secret(&self, reference: &SecretRef) -> Result<Secret<String>, MaterialError> {
        match self {
            Self::Open => Ok(Secret::new(String::from(SECRET))),
            Self::Closed => Err(format!("{} is sealed", reference.name).into()),
            Self::Panics => panic!("a planted panic, to be caught"),
        }
    }

    fn certificate(&self, spec: &CertificateSpec, issuer: &Issuer) -> Result<Issued, MaterialError> {
        assert_eq!((issuer.certificate.as_slice(), issuer.key.expose().as_str()), (&b"old\n"[..], "old\n"));
        Ok(Issued {
            certificate: format!("certificate of {}\n", spec.common_name),
            key: Secret::new(format!("{SECRET} {}\n", spec.common_name)),
        })
    }
}
