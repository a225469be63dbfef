//! A node for the probe to look at: a directory tree and a shell.

use harden::inventory::NodeName;
use harden::observe;
use harden::remote::{Dialer, Probe, Reader, RemoteError, Reply, Script, Session};
use harden::resource::{
    AttributesSpec, CertificateFacts, CertificateForm, CertificateSpec, Content, Desired, Existing, FileSpec,
    KeyAlgorithm, Kind, Mode, NodePath, Observed, OnNode, Ownership, Resource, ResourceId, Spec, SysctlSpec,
    Undo, UnitSpec, UserSpec, YamlKeysSpec,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const NONCE: &str = "0123456789abcdef";

/// How a script is run: a shell, and whether coreutils or busybox stand on PATH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shell {
    Sh,
    Dash,
    Bash,
    Busybox,
}

pub(crate) const SHELLS: [Shell; 4] = [Shell::Sh, Shell::Dash, Shell::Bash, Shell::Busybox];

/// A directory tree with a folder of programs that go first on PATH.
pub(crate) struct Tree {
    pub(crate) directory: tempfile::TempDir,
}

impl Tree {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("root")).unwrap();
        fs::create_dir_all(directory.path().join("bin")).unwrap();
        Self { directory }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>, mode: u32) {
        let path = self.root().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn link(&self, path: &str, target: &str) {
        let path = self.root().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    /// Puts a program first on PATH.
    pub(crate) fn program(&self, name: &str, text: &str) {
        let path = self.directory.path().join("bin").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn session(&self, shell: Shell) -> Local {
        Local {
            root: self.root().to_str().unwrap().to_owned(),
            home: self.directory.path().to_owned(),
            shell,
        }
    }
}

/// Runs scripts on this machine under one shell; `root` is the value of `$R`.
pub(crate) struct Local {
    pub(crate) root: String,
    pub(crate) home: PathBuf,
    pub(crate) shell: Shell,
}

impl Local {
    fn command(&self) -> Command {
        let mut command = match self.shell {
            Shell::Sh => Command::new("/bin/sh"),
            Shell::Dash => Command::new("dash"),
            Shell::Bash => {
                let mut command = Command::new("bash");
                command.arg("--posix");
                command
            }
            Shell::Busybox => {
                let mut command = Command::new("busybox");
                command.arg("sh");
                command
            }
        };
        command.arg("-s");
        command
    }

    /// The programs that a script may use, as busybox has them.
    fn busybox_programs(&self) -> PathBuf {
        let folder = self.home.join("busybox");
        if fs::create_dir(&folder).is_ok() {
            for program in [
                "stat",
                "sha256sum",
                "cat",
                "date",
                "tr",
                "find",
                "grep",
                "head",
                "cut",
                "sed",
                "sort",
                "rm",
                "base64",
            ] {
                symlink("/usr/bin/busybox", folder.join(program)).unwrap();
            }
        }
        folder
    }
}

impl Reader for Local {
    fn read(&mut self, probe: &Probe, deadline: Duration) -> Result<Reply, RemoteError> {
        self.run(probe.script(), deadline)
    }

    fn dialer(&self) -> Result<Box<dyn Dialer>, RemoteError> {
        Err(RemoteError::Unsupported(String::from("not in this test")))
    }
}

impl Session for Local {
    fn run(&mut self, script: &Script, _deadline: Duration) -> Result<Reply, RemoteError> {
        let mut text = script.render(NONCE, &self.root).to_string();
        let mut path = self.home.join("bin").display().to_string();
        if self.shell == Shell::Busybox {
            path = format!("{path}:{}", self.busybox_programs().display());
        }
        text = text.replace(" PATH=/usr/local/sbin", &format!(" PATH={path}:/usr/local/sbin"));
        // Where a test has laid one out, its own idea of a running systemd.
        text = text.replace("/run/systemd/system", &self.home.join("systemd").display().to_string());
        let mut child = self
            .command()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || drop(input.write_all(text.as_bytes())));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(stderr, "", "the probe is silent on standard error under {:?}", self.shell);
        Ok(Reply::parse(&output.stdout, NONCE, stderr).expect("the frame is whole"))
    }

    fn reconnect(&self) -> Result<Box<dyn Session>, RemoteError> {
        Err(RemoteError::Unsupported(String::from("not in this test")))
    }
}

/// Observes with a reader of certificates that takes the text between `CN=` and the end of the line for one.
pub(super) fn observe(session: &mut dyn Session, desired: &Desired) -> Observed {
    observe::observe(session, desired, Duration::from_secs(30), &read_certificate).unwrap()
}

pub(crate) fn read_certificate(pem: &[u8], issuer: Option<&[u8]>) -> Result<CertificateFacts, String> {
    let text = std::str::from_utf8(pem).map_err(|error| error.to_string())?;
    let name = text.strip_prefix("CN=").ok_or("it does not begin with CN=")?;
    Ok(CertificateFacts {
        common_name: name.trim().to_owned(),
        organizations: BTreeSet::new(),
        dns_names: BTreeSet::new(),
        addresses: BTreeSet::new(),
        usages: BTreeSet::new(),
        algorithm: KeyAlgorithm::EcdsaP256,
        not_before: 0,
        not_after: 1,
        serial: String::from("01"),
        signed_by_issuer: issuer == Some(b"CN=ca\n"),
    })
}

pub(crate) fn path(text: &str) -> NodePath {
    text.parse().unwrap()
}

pub(super) fn ownership() -> Ownership {
    Ownership { owner: String::from("root"), group: String::from("root"), mode: Mode(0o600) }
}

pub(super) fn resource(name: &str, kind: Kind, spec: Spec) -> Resource {
    Resource {
        id: ResourceId::new(kind, name),
        spec,
        restarts: Vec::new(),
        controls: Vec::new(),
        undo: Undo::Full,
        templates: Vec::new(),
        on_node: OnNode::default(),
        notices: Vec::new(),
    }
}

pub(crate) fn file(at: &str, content: &str) -> Resource {
    secret_file(at, content, &[])
}

pub(crate) fn secret_file(at: &str, content: &str, keys: &[&str]) -> Resource {
    let spec = FileSpec {
        path: path(at),
        ownership: ownership(),
        directory_mode: Mode(0o700),
        content: Content::plain(content),
        sensitive_keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        existing: Existing::Replaced,
    };
    resource(at, Kind::File, Spec::File(spec))
}

pub(crate) fn attributes(pattern: &str) -> Resource {
    let spec = AttributesSpec {
        pattern: pattern.to_owned(),
        owner: None,
        group: None,
        only_from_owner: None,
        mode: Some(Mode(0o600)),
    };
    resource(pattern, Kind::Attributes, Spec::Attributes(spec))
}

pub(super) fn yaml_keys(at: &str) -> Resource {
    let spec = YamlKeysSpec {
        path: path(at),
        ownership: ownership(),
        keys: serde_json::Map::new(),
        needs: BTreeMap::new(),
    };
    resource(at, Kind::YamlKeys, Spec::YamlKeys(spec))
}

pub(super) fn unit(name: &str) -> Resource {
    let spec = UnitSpec { unit: name.to_owned(), enabled: Some(true), active: Some(true) };
    resource(name, Kind::Unit, Spec::Unit(spec))
}

pub(crate) fn sysctls(at: &str, values: &[(&str, &str)]) -> Resource {
    let values: BTreeMap<String, String> =
        values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let spec = SysctlSpec { path: path(at), ownership: ownership(), values };
    resource(at, Kind::Sysctl, Spec::Sysctl(spec))
}

pub(crate) fn user(name: &str) -> Resource {
    resource(name, Kind::User, Spec::User(UserSpec { name: name.to_owned() }))
}

pub(super) fn certificate(at: &str) -> Resource {
    let spec = CertificateSpec {
        path: path(&format!("{at}.crt")),
        ownership: ownership(),
        form: CertificateForm::Pair { key_path: path(&format!("{at}.key")), key_ownership: ownership() },
        directory: None,
        issuer_path: path("/pki/ca.crt"),
        issuer_key_path: path("/pki/ca.key"),
        stored_issuer: None,
        common_name: String::from("x"),
        organizations: BTreeSet::new(),
        dns_names: BTreeSet::new(),
        addresses: BTreeSet::new(),
        usages: BTreeSet::new(),
        algorithm: KeyAlgorithm::EcdsaP256,
        lifetime_days: 365,
        renew_before_days: 30,
    };
    resource(at, Kind::Certificate, Spec::Certificate(spec))
}

pub(crate) fn desired(resources: Vec<Resource>) -> Desired {
    Desired { resources }
}

/// A node's name; only a file format makes one outside the crate.
pub(super) fn node_name(name: &str) -> NodeName {
    serde_json::from_value(serde_json::Value::from(name)).unwrap()
}

/// Every name, kind, mode, size, time of change and content below a directory.
pub(crate) fn snapshot(directory: &Path) -> Vec<String> {
    use std::os::unix::fs::MetadataExt as _;
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(path) = open.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let content = if metadata.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        found.push(format!(
            "{} {:o} {} {}.{} {}.{} {content:?}",
            path.display(),
            metadata.mode(),
            metadata.len(),
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.ctime(),
            metadata.ctime_nsec(),
        ));
        if metadata.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    found.sort();
    found
}
