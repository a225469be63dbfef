//! What the imagined nodes get: changes of each kind, secrets, certificates.

use harden::apply::{Issued, Issuer, MaterialError, Materials};
use harden::plan::{Authority, Change, Operation, Prior, sha256};
use harden::resource::{
    CertificateForm, CertificateSpec, Content, KeyAlgorithm, Kind, Mode, NodePath, Ownership, SecretRef,
};
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
        ("etc/kubernetes/super-admin.conf", 0o600),
        ("etc/kubernetes/manifests/kube-scheduler.yaml", 0o600),
        ("etc/scheduler/data", 0o600),
    ] {
        let file = root.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "old\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    }
    // A user that is there already: one that is made stays when its change is put back.
    fs::write(root.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\nother:x:777:777::/:/bin/sh\n").unwrap();
    fs::write(root.join("etc/group"), "root:x:0:\nother:x:777:\n").unwrap();
}

/// The kinds of changes that [`change`] makes.
pub(super) const CHANGES: usize = 12;

/// One change of a node as it is now.
pub(super) fn change(root: &Path, number: usize) -> Change {
    let (kind, name, operations) = match number {
        0 => pod(root, "kube-apiserver"),
        1 => pod(root, "etcd"),
        2 => file(root, "encryption", "/etc/kubernetes/encryption.yaml", sealed()),
        3 => file(
            root,
            "audit",
            "/etc/kubernetes/audit/deep/it's a \"policy\" $HOME.yaml",
            Content::plain("new\n"),
        ),
        4 => attributes(root, "admin", "/etc/kubernetes/admin.conf"),
        5 => (Kind::Certificate, "server", vec![issue(root)]),
        6 => {
            let super_admin = "/etc/kubernetes/super-admin.conf";
            let remove = Operation::Remove { path: path(super_admin), prior: prior(root, super_admin) };
            (Kind::Absent, "super-admin", vec![remove])
        }
        7 => {
            let (kind, name, mut operations) =
                file(root, "checked", "/etc/checked.conf", Content::plain("new\n"));
            let command = vec![String::from("true"), String::from("{staged}")];
            operations
                .push(Operation::Validate { path: path("/etc/checked.conf"), command: command.clone() });
            operations.push(Operation::Activate { command });
            (kind, name, operations)
        }
        8 => {
            let (_, name, mut operations) =
                file(root, "network", "/etc/sysctl.d/network.conf", Content::plain("a.b = 1\n"));
            let values = [(String::from("a.b"), String::from("1"))].into();
            operations.push(Operation::SetSysctls { values });
            (Kind::Sysctl, name, operations)
        }
        9 => {
            let unit = String::from("some.timer");
            let set = Operation::SetUnit { unit, enabled: Some(true), active: Some(true) };
            (Kind::Unit, "some", vec![set])
        }
        10 => {
            let (kind, name, mut operations) = pod(root, "kube-scheduler");
            let (owner, group) = me().clone();
            let manifest = path("/etc/kubernetes/manifests/kube-scheduler.yaml");
            operations.push(Operation::StopPod { manifest, held: path("/etc/scheduler/data") });
            operations.push(Operation::SetOwners { path: path("/etc/scheduler"), owner, group });
            (kind, name, operations)
        }
        _ => {
            let name = String::from("other");
            let add = Operation::AddUser { name, user: true, group: true, number: Some(777) };
            (Kind::User, "other", vec![add])
        }
    };
    Change {
        operations,
        desired: format!("digest of {name}"),
        ..crate::plans::change(&format!("{kind}.{name}"), "")
    }
}

type Made = (Kind, &'static str, Vec<Operation>);

fn file(root: &Path, name: &'static str, at: &str, content: Content) -> Made {
    let write = Operation::Write {
        path: path(at),
        content,
        ownership: ownership(0o600),
        directory_mode: Mode(0o750),
        prior: prior(root, at),
    };
    (Kind::File, name, vec![write])
}

fn pod(root: &Path, name: &'static str) -> Made {
    let at = format!("/etc/kubernetes/manifests/{name}.yaml");
    (Kind::StaticPod, name, file(root, name, &at, Content::plain("new\n")).2)
}

fn attributes(root: &Path, name: &'static str, at: &str) -> Made {
    let mode = Some(Mode(0o600));
    let set =
        Operation::SetAttributes { path: path(at), owner: None, group: None, mode, prior: prior(root, at) };
    (Kind::Attributes, name, vec![set])
}

fn issue(root: &Path) -> Operation {
    Operation::Issue {
        certificate: Box::new(certificate()),
        authority: Authority::Node(super::world::name("cp-1")),
        prior: prior(root, "/etc/kubernetes/pki/server.crt"),
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
        form: CertificateForm::Pair {
            key_path: path("/etc/kubernetes/pki/server.key"),
            key_ownership: ownership(0o600),
        },
        directory: None,
        issuer_path: path("/etc/kubernetes/pki/ca.crt"),
        issuer_key_path: path("/etc/kubernetes/pki/ca.key"),
        stored_issuer: None,
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

    fn kubeconfig(
        &self,
        _: &CertificateSpec,
        server: &str,
        _: &Issuer,
        new: &Issued,
    ) -> Result<Secret<String>, MaterialError> {
        Ok(Secret::new(format!("{server}\n{}{}", new.certificate, new.key.expose())))
    }
}
