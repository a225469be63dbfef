//! What has to be read of a node, from what is desired there. No shell and no I/O.

use crate::resource::{
    CertificateForm, CertificateSpec, Desired, Existing, FileSpec, FlagValue, NodePath, RunAsSpec, Spec,
};
use std::collections::{BTreeMap, BTreeSet};

/// Where harden keeps what it applied last.
pub(super) const STATE_FILE: &str = "/var/lib/harden/state.json";

/// How much of one path is wanted, the least first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// Owner, mode and digest; never the content.
    Stat,
    /// Its content, for the reading of a certificate only.
    Certificate,
    /// Its content, unless its digest is the expected one.
    Content { expected: Option<String> },
    /// What is public of it; a private key is in it as well.
    Public(Mixed),
    /// Its content with the values of these keys replaced by their digests.
    Masked { keys: BTreeSet<String> },
}

/// A file in which a private key stands beside what is public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mixed {
    /// A certificate and its key, PEM.
    OneFile,
    /// A kubeconfig.
    Kubeconfig,
}

/// Everything that has to be read.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    /// Paths.
    pub(super) files: BTreeMap<NodePath, Wish>,
    /// Patterns of paths.
    pub(super) patterns: BTreeSet<String>,
    /// Patterns without wildcards; they are among the files too.
    pub(super) plain: BTreeSet<NodePath>,
    /// Units.
    pub(super) units: BTreeSet<String>,
    /// Those of them that are to run: their processes are looked at.
    pub(super) running: BTreeSet<String>,
    /// Kernel parameters: dotted name to its file.
    pub(super) sysctls: BTreeMap<String, String>,
    /// Users.
    pub(super) users: BTreeSet<String>,
    /// Directories, everything below which should belong to one user.
    pub(super) trees: BTreeMap<NodePath, String>,
    /// Certificates.
    pub(super) certificates: Vec<CertificateWish>,
    /// Where the state file is.
    pub(super) state: Option<NodePath>,
}

/// A certificate that has to be read.
#[derive(Debug)]
pub(super) struct CertificateWish {
    /// Where it is.
    pub(super) path: NodePath,
    /// Where its key is.
    pub(super) key: KeyPlace,
    /// Where the certificate of its CA is on the node.
    pub(super) issuer_path: NodePath,
    /// The certificate of the CA that should have signed it, PEM, where that is known and not the node's.
    pub(super) issuer: Option<String>,
}

/// Where the key of a certificate is.
#[derive(Debug)]
pub(super) enum KeyPlace {
    /// In a file of its own.
    Own(NodePath),
    /// In the certificate's file.
    Within(Mixed),
}

impl KeyPlace {
    fn of(form: &CertificateForm) -> Self {
        match form {
            CertificateForm::Pair { key_path, .. } => Self::Own(key_path.clone()),
            CertificateForm::OneFile { .. } => Self::Within(Mixed::OneFile),
            CertificateForm::Kubeconfig { .. } => Self::Within(Mixed::Kubeconfig),
        }
    }
}

impl Wishes {
    pub(super) fn of(desired: &Desired) -> Self {
        let mut wishes = Self::default();
        for resource in &desired.resources {
            wishes.units.extend(resource.restarts.iter().cloned());
            wishes.add(&resource.spec);
            for path in resource.on_node.only_where.iter().chain(&resource.on_node.only_without) {
                wishes.want(path, Wish::Stat);
            }
            if let Some(inclusion) = &resource.on_node.included_by {
                wishes.want(&inclusion.path, Wish::Content { expected: None });
            }
        }
        if let Ok(path) = STATE_FILE.parse::<NodePath>() {
            wishes.want(&path, Wish::Content { expected: None });
            wishes.state = Some(path);
        }
        // Last, so that nothing else can ask for the content of a key.
        for resource in &desired.resources {
            if let Spec::Certificate(spec) = &resource.spec {
                match KeyPlace::of(&spec.form) {
                    KeyPlace::Own(key) => wishes.files.insert(key, Wish::Stat),
                    KeyPlace::Within(mixed) => wishes.files.insert(spec.path.clone(), Wish::Public(mixed)),
                };
                wishes.files.insert(spec.issuer_key_path.clone(), Wish::Stat);
            }
        }
        wishes
    }

    /// Whether of any file only what is public is read.
    pub(super) fn has_public(&self) -> bool {
        self.files.values().any(|wish| matches!(wish, Wish::Public(_)))
    }

    fn add(&mut self, spec: &Spec) {
        match spec {
            Spec::User(spec) => {
                self.users.insert(spec.name.clone());
            }
            Spec::File(spec) => self.want(&spec.path, file_wish(spec)),
            Spec::Attributes(spec) => match spec.pattern.parse::<NodePath>() {
                Ok(path) if !spec.pattern.contains(['*', '?']) => {
                    self.want(&path, Wish::Stat);
                    self.plain.insert(path);
                }
                _ => {
                    self.patterns.insert(spec.pattern.clone());
                }
            },
            Spec::StaticPod(spec) => {
                self.want(&spec.path, Wish::Content { expected: None });
                for mount in &spec.mounts {
                    self.want(&mount.path, Wish::Stat);
                }
                for flag in &spec.flags {
                    if let FlagValue::Existing(path) = &flag.value {
                        self.want(path, Wish::Stat);
                    }
                }
                if let Some(run_as) = &spec.run_as {
                    self.run_as(run_as);
                }
            }
            Spec::YamlKeys(spec) => {
                self.want(&spec.path, Wish::Content { expected: None });
                self.sysctls(spec.needs.values().flat_map(BTreeMap::keys));
            }
            Spec::Certificate(spec) => self.certificate(spec),
            Spec::Absent(spec) => self.want(&spec.path, Wish::Stat),
            Spec::Unit(spec) => {
                self.units.insert(spec.unit.clone());
                if spec.active == Some(true) {
                    self.running.insert(spec.unit.clone());
                }
            }
            Spec::Sysctl(spec) => {
                let expected = Some(sha256(spec.content().as_bytes()));
                self.want(&spec.path, Wish::Content { expected });
                self.sysctls(spec.values.keys());
            }
        }
    }

    fn run_as(&mut self, spec: &RunAsSpec) {
        for path in spec.files().chain([&spec.data.path]).chain(&spec.reads) {
            self.want(path, Wish::Stat);
        }
        if spec.enabled {
            self.users.insert(spec.user.clone());
            self.trees.insert(spec.data.path.clone(), spec.user.clone());
        }
    }

    fn certificate(&mut self, spec: &CertificateSpec) {
        if let (Some(_), Ok(directory)) = (&spec.directory, spec.path.parent().parse()) {
            self.want(&directory, Wish::Stat);
        }
        self.want(&spec.path, Wish::Certificate);
        self.want(&spec.issuer_path, Wish::Certificate);
        self.certificates.push(CertificateWish {
            path: spec.path.clone(),
            key: KeyPlace::of(&spec.form),
            issuer_path: spec.issuer_path.clone(),
            issuer: spec.stored_issuer.as_ref().map(|pair| pair.public.clone()),
        });
    }

    fn sysctls<'a>(&mut self, names: impl Iterator<Item = &'a String>) {
        self.sysctls.extend(names.map(|name| (name.clone(), sysctl_path(name))));
    }

    fn want(&mut self, path: &NodePath, wish: Wish) {
        let merged = match self.files.remove(path) {
            Some(present) => merge(present, wish),
            None => wish,
        };
        self.files.insert(path.clone(), merged);
    }
}

/// The one of two wishes for the same path that serves both; one that keeps secrets back always wins.
fn merge(one: Wish, other: Wish) -> Wish {
    match (one, other) {
        (Wish::Masked { mut keys }, Wish::Masked { keys: more }) => {
            keys.extend(more);
            Wish::Masked { keys }
        }
        (masked @ Wish::Masked { .. }, _) | (_, masked @ Wish::Masked { .. }) => masked,
        (public @ Wish::Public(_), _) | (_, public @ Wish::Public(_)) => public,
        (Wish::Content { expected: one }, Wish::Content { expected: other }) => {
            Wish::Content { expected: one.filter(|digest| Some(digest) == other.as_ref()) }
        }
        (Wish::Content { .. }, Wish::Certificate) | (Wish::Certificate, Wish::Content { .. }) => {
            Wish::Content { expected: None }
        }
        (wish, Wish::Stat) | (Wish::Stat, wish) => wish,
        (Wish::Certificate, Wish::Certificate) => Wish::Certificate,
    }
}

fn file_wish(spec: &FileSpec) -> Wish {
    if !spec.sensitive_keys.is_empty() {
        Wish::Masked { keys: spec.sensitive_keys.iter().cloned().collect() }
    } else if spec.content.is_sensitive() || spec.existing == Existing::Kept {
        Wish::Stat
    } else {
        Wish::Content { expected: Some(sha256(spec.content.text.as_bytes())) }
    }
}

/// Where the kernel shows a parameter. As in sysctl(8), the first of `.` and `/` in the name is the separator, and the
/// other one stands for itself: `net.ipv4.conf.eth0/100.forwarding` is of the interface `eth0.100`.
fn sysctl_path(name: &str) -> String {
    let dotted = name.find(['.', '/']).is_none_or(|at| name[at..].starts_with('.'));
    let path: String = name
        .chars()
        .map(|c| match c {
            '.' if dotted => '/',
            '/' if dotted => '.',
            c => c,
        })
        .collect();
    format!("/proc/sys/{path}")
}

/// SHA-256, hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    openssl::sha::sha256(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sysctl_names_may_hold_interfaces_with_dots() {
        for (name, path) in [
            ("net.ipv4.ip_forward", "/proc/sys/net/ipv4/ip_forward"),
            ("net.ipv4.conf.eth0/100.forwarding", "/proc/sys/net/ipv4/conf/eth0.100/forwarding"),
            ("net/ipv4/conf/eth0.100/forwarding", "/proc/sys/net/ipv4/conf/eth0.100/forwarding"),
        ] {
            assert_eq!(sysctl_path(name), path);
        }
    }

    #[test]
    fn a_masked_wish_always_wins() {
        let masked = || Wish::Masked { keys: BTreeSet::from([String::from("secret")]) };
        for other in [Wish::Stat, Wish::Certificate, Wish::Content { expected: None }] {
            assert_eq!(merge(masked(), other.clone()), masked());
            assert_eq!(merge(other, masked()), masked());
        }
    }

    #[test]
    fn digests_are_hexadecimal() {
        assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
