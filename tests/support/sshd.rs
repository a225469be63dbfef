//! A real sshd on loopback with its own keys, configuration and port; it ends with the value. Needs the Debian package
//! `openssh-server` and root (sshd switches users).

use harden::inventory::{Become, Connection, Node, Role, SshSettings, Timeouts};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How an sshd differs from the plain one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// Types of host keys; ed25519 when empty.
    pub(crate) host_keys: Vec<&'static str>,
    /// Further lines of `sshd_config`.
    pub(crate) config: Vec<String>,
}

/// A running sshd.
pub(crate) struct Sshd {
    folder: tempfile::TempDir,
    child: Child,
    host_keys: Vec<&'static str>,
    /// Where it listens, on 127.0.0.1.
    pub(crate) port: u16,
}

impl Sshd {
    /// Starts one with an ed25519 host key that lets the user in with [`Self::identity`].
    pub(crate) fn start() -> Self {
        Self::with(&Options::default())
    }

    /// Starts one that differs.
    pub(crate) fn with(options: &Options) -> Self {
        // Debian's sshd wants its privilege separation directory and makes none.
        fs::create_dir_all("/run/sshd").unwrap();
        let folder = tempfile::tempdir().unwrap();
        keygen(&folder.path().join("identity"), &["-t", "ed25519", "-N", ""]);
        fs::copy(folder.path().join("identity.pub"), folder.path().join("authorized_keys")).unwrap();
        let kinds = if options.host_keys.is_empty() { vec!["ed25519"] } else { options.host_keys.clone() };
        for kind in &kinds {
            keygen(&folder.path().join(format!("host_{kind}")), &["-t", kind, "-N", ""]);
        }
        // Somebody else may take the port in between: try again then.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let path = |name: &str| folder.path().join(name).display().to_string();
            let mut config: Vec<String> = options.config.clone();
            config.extend([
                format!("Port {port}"),
                String::from("ListenAddress 127.0.0.1"),
                format!("AuthorizedKeysFile {}", path("authorized_keys")),
                String::from("PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no"),
                String::from("KbdInteractiveAuthentication no\nMaxStartups 1000\nLogLevel VERBOSE"),
            ]);
            config.extend(kinds.iter().map(|kind| format!("HostKey {}", path(&format!("host_{kind}")))));
            fs::write(folder.path().join("config"), config.join("\n") + "\n").unwrap();
            let log = fs::File::create(folder.path().join("log")).unwrap();
            let mut child = Command::new("/usr/sbin/sshd")
                .args(["-D", "-e", "-f", &path("config")])
                .stdin(Stdio::null())
                .stderr(log)
                .spawn()
                .expect("openssh-server is installed");
            if listens(port, &mut child) {
                let sshd = Self { folder, child, host_keys: kinds, port };
                fs::write(sshd.known_hosts(), sshd.known_hosts_text()).unwrap();
                return sshd;
            }
        }
        panic!("sshd does not start:\n{}", fs::read_to_string(folder.path().join("log")).unwrap());
    }

    /// Its folder, for further files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The private key that it lets in.
    pub(crate) fn identity(&self) -> PathBuf {
        self.folder().join("identity")
    }

    /// A file with its host keys.
    pub(crate) fn known_hosts(&self) -> PathBuf {
        self.folder().join("known_hosts")
    }

    /// The lines of that file.
    pub(crate) fn known_hosts_text(&self) -> String {
        let line = |kind: &&str| {
            let key = fs::read_to_string(self.folder().join(format!("host_{kind}.pub"))).unwrap();
            format!("[127.0.0.1]:{} {key}", self.port)
        };
        self.host_keys.iter().map(line).collect()
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder().join("log")).unwrap()
    }

    /// How to reach it as root.
    pub(crate) fn settings(&self) -> SshSettings {
        settings(self.port, self.identity(), self.known_hosts())
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Settings for a server on loopback, as root.
pub(crate) fn settings(port: u16, identity: PathBuf, known_hosts: PathBuf) -> SshSettings {
    SshSettings {
        host: String::from("127.0.0.1"),
        port,
        user: String::from("root"),
        identity_file: Some(identity),
        known_hosts: vec![known_hosts],
        r#become: Become::None,
        bastions: Vec::new(),
        timeouts: Timeouts {
            connect: Duration::from_secs(5),
            handshake: Duration::from_secs(10),
            command: Duration::from_secs(20),
            node: Duration::from_mins(1),
        },
    }
}

/// A node at the end of settings.
pub(crate) fn node(settings: SshSettings) -> Node {
    Node {
        name: serde_json::from_str("\"node-1\"").unwrap(),
        address: settings.host.clone(),
        roles: BTreeSet::from([Role::Worker]),
        labels: BTreeMap::new(),
        taints: None,
        connection: Connection::Ssh(Box::new(settings)),
        line: 1,
    }
}

/// Runs `ssh-keygen`.
pub(crate) fn keygen(file: &Path, arguments: &[&str]) {
    let status = Command::new("ssh-keygen").arg("-q").args(arguments).arg("-f").arg(file).status().unwrap();
    assert!(status.success());
}

fn listens(port: u16, child: &mut Child) -> bool {
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}
