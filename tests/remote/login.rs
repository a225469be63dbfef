//! Host keys and logins against a real sshd.

use super::{open, refused, text};
use crate::support::sshd::{Options, Sshd, keygen, node};
use harden::error::{Hint as _, Severity};
use harden::remote::hostkeys::{KeyState, record, scan};
use harden::remote::{Access, RemoteError, connect};
use harden::secret::Secret;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[test]
fn a_key_file_logs_in() {
    let sshd = Sshd::start();
    let mut session = open(&sshd.settings()).unwrap();
    assert_eq!(text(&mut *session, "id -u"), "0\n");
    assert_eq!(text(&mut *session, "echo again"), "again\n");
    assert_eq!(text(&mut *session.reconnect().unwrap(), "echo anew"), "anew\n");
    assert_eq!(sshd.log().matches("Accepted publickey").count(), 2);
}

#[test]
fn each_kind_of_key_logs_in() {
    let sshd = Sshd::with(&Options { host_keys: vec!["rsa"], ..Options::default() });
    for (name, arguments) in [
        ("ecdsa", &["-t", "ecdsa", "-N", ""][..]),
        ("rsa", &["-t", "rsa", "-b", "2048", "-N", ""]),
        ("pem", &["-t", "rsa", "-b", "2048", "-m", "PEM", "-N", ""]),
    ] {
        let key = sshd.folder().join(name);
        keygen(&key, arguments);
        authorize(&sshd, &key, "");
        let settings = harden::inventory::SshSettings { identity_file: Some(key), ..sshd.settings() };
        assert_eq!(text(&mut *open(&settings).unwrap(), "echo yes"), "yes\n", "{name}");
    }
}

#[test]
fn an_encrypted_key_asks_once() {
    let sshd = Sshd::start();
    for (name, arguments) in
        [("new", &["-t", "ed25519"][..]), ("pem", &["-t", "rsa", "-b", "2048", "-m", "PEM"])]
    {
        let key = sshd.folder().join(name);
        keygen(&key, &[arguments, &["-N", "correct horse"]].concat());
        authorize(&sshd, &key, "");
        let mut settings = sshd.settings();
        settings.identity_file = Some(key.clone());

        let error = refused(open(&settings));
        assert!(error.to_string().contains("encrypted and there is no passphrase"), "{error}");

        let wrong = Access::default().with_passphrases(|_| Some(Secret::new(String::from("wrong one"))));
        let error = refused(connect(&node(settings.clone()), &wrong));
        assert!(error.to_string().contains("wrong passphrase"), "{error}");

        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let access = Access::default().with_passphrases(move |path| {
            assert_eq!(path, key.display().to_string());
            counter.fetch_add(1, Ordering::Relaxed);
            Some(Secret::new(String::from("correct horse")))
        });
        for _ in 0..2 {
            connect(&node(settings.clone()), &access).unwrap();
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1, "{name}");
    }
}

#[test]
fn a_wrong_key_is_refused_and_the_error_says_what_was_tried() {
    let sshd = Sshd::start();
    let key = sshd.folder().join("stranger");
    keygen(&key, &["-t", "ed25519", "-N", ""]);
    let mut settings = sshd.settings();
    settings.identity_file = Some(key.clone());
    let error = refused(open(&settings));
    let wanted = format!("log in to 127.0.0.1 as root: tried {}; the server allows publickey", key.display());
    assert_eq!(error.to_string(), wanted);
    assert_eq!(error.severity(), Severity::Node);

    settings.identity_file = Some(sshd.known_hosts());
    assert!(matches!(refused(open(&settings)), RemoteError::LocalFile { .. }));
    settings.identity_file = None;
    assert!(refused(open(&settings)).to_string().contains("there was no key to try"));
}

#[test]
fn the_usual_files_are_tried() {
    let sshd = Sshd::start();
    let home = sshd.folder().join("home");
    fs::create_dir_all(home.join(".ssh")).unwrap();
    keygen(&home.join(".ssh/id_ed25519"), &["-t", "ed25519", "-N", ""]);
    fs::copy(sshd.identity(), home.join(".ssh/id_rsa")).unwrap();
    let mut settings = sshd.settings();
    settings.identity_file = None;
    let access = Access::default().with_home(&home);
    assert_eq!(text(&mut *connect(&node(settings), &access).unwrap(), "echo yes"), "yes\n");
}

#[test]
fn an_unknown_key_is_refused_before_login() {
    let sshd = Sshd::start();
    fs::write(sshd.known_hosts(), "garbage\n").unwrap();
    let error = refused(open(&sshd.settings()));
    assert!(matches!(&error, RemoteError::UnknownHostKey { key_type, .. } if key_type == "ssh-ed25519"));
    assert!(error.hint().unwrap().contains("hostkeys scan"));
    let fingerprint =
        Command::new("ssh-keygen").arg("-lf").arg(sshd.folder().join("host_ed25519.pub")).output();
    let fingerprint = String::from_utf8(fingerprint.unwrap().stdout).unwrap();
    assert!(error.to_string().contains(fingerprint.split(' ').nth(1).unwrap()), "{error} {fingerprint}");
    fs::remove_file(sshd.known_hosts()).unwrap();
    assert!(matches!(refused(open(&sshd.settings())), RemoteError::UnknownHostKey { .. }));
    assert!(!sshd.log().contains("publickey"));
}

#[test]
fn a_changed_or_revoked_key_stops_the_run() {
    let sshd = Sshd::start();
    let right = sshd.known_hosts_text();
    let other = fs::read_to_string(sshd.folder().join("identity.pub")).unwrap();
    let changed = format!("# one\n[127.0.0.1]:{} {other}", sshd.port);
    for (text, line) in [(changed, 2), (format!("{right}@revoked {right}"), 2)] {
        fs::write(sshd.known_hosts(), text).unwrap();
        let error = refused(open(&sshd.settings()));
        assert_eq!(error.severity(), Severity::Run);
        let wanted = format!("{}:{line}", sshd.known_hosts().display());
        assert!(matches!(&error, RemoteError::HostKeyMismatch { place, .. } if *place == wanted), "{error}");
    }
    assert!(!sshd.log().contains("Accepted"));
}

#[test]
fn hashed_and_wildcard_names_are_known() {
    let sshd = Sshd::start();
    let right = sshd.known_hosts_text();
    let name = format!("[127.0.0.1]:{}", sshd.port);
    fs::write(sshd.known_hosts(), right.replace(&name, &format!("[127.0.0.*]:{}", sshd.port))).unwrap();
    open(&sshd.settings()).unwrap();
    fs::write(sshd.known_hosts(), &right).unwrap();
    let status = Command::new("ssh-keygen").args(["-q", "-H", "-f"]).arg(sshd.known_hosts()).status();
    assert!(status.unwrap().success());
    assert!(fs::read_to_string(sshd.known_hosts()).unwrap().starts_with("|1|"));
    open(&sshd.settings()).unwrap();
}

#[test]
fn a_known_type_of_key_is_asked_for() {
    let sshd = Sshd::with(&Options { host_keys: vec!["ed25519", "ecdsa", "rsa"], ..Options::default() });
    let all = sshd.known_hosts_text();
    for kind in ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"] {
        let line: String = all.lines().filter(|line| line.contains(kind)).collect();
        fs::write(sshd.known_hosts(), line + "\n").unwrap();
        open(&sshd.settings()).unwrap();
    }
}

#[test]
fn a_host_certificate_does_not_hide_the_key() {
    let sshd = Sshd::start();
    let (authority, key) = (sshd.folder().join("authority"), sshd.folder().join("host_ed25519"));
    keygen(&authority, &["-t", "ed25519", "-N", ""]);
    let status = Command::new("ssh-keygen")
        .args(["-q", "-h", "-I", "host", "-s"])
        .args([&authority, &key.with_extension("pub")])
        .status();
    assert!(status.unwrap().success());
    let certified = Sshd::with(&Options {
        config: vec![
            format!("HostKey {}", key.display()),
            format!("HostCertificate {}-cert.pub", key.display()),
        ],
        ..Options::default()
    });
    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    fs::write(certified.known_hosts(), format!("[127.0.0.1]:{} {public}", certified.port)).unwrap();
    open(&certified.settings()).unwrap();
}

#[test]
fn an_openssh_certificate_beside_the_key_is_used() {
    let authority = tempfile::tempdir().unwrap();
    let ca = authority.path().join("ca");
    keygen(&ca, &["-t", "ed25519", "-N", ""]);
    let sshd = Sshd::with(&Options {
        config: vec![format!("TrustedUserCAKeys {}.pub", ca.display())],
        ..Options::default()
    });
    let key = authority.path().join("user");
    keygen(&key, &["-t", "ed25519", "-N", ""]);
    let mut settings = sshd.settings();
    settings.identity_file = Some(key.clone());
    assert!(matches!(refused(open(&settings)), RemoteError::Authentication { .. }));
    let status = Command::new("ssh-keygen")
        .args(["-q", "-I", "user", "-n", "root", "-s"])
        .args([&ca, &key.with_extension("pub")])
        .status();
    assert!(status.unwrap().success());
    open(&settings).unwrap();
    // Through the agent as well, which takes the certificate from beside the key.
    let agent = Agent::start(std::slice::from_ref(&key));
    fs::write(&key, fs::read_to_string(&key).unwrap()).unwrap();
    connect(&node(settings), &Access::default().with_agent(&agent.socket)).unwrap();
}

#[test]
fn the_agent_logs_in() {
    let sshd = Sshd::start();
    let decoy = sshd.folder().join("decoy");
    keygen(&decoy, &["-t", "ed25519", "-N", ""]);
    let agent = Agent::start(&[decoy, sshd.identity()]);
    let access = Access::default().with_agent(&agent.socket);
    let mut settings = sshd.settings();
    settings.identity_file = None;
    connect(&node(settings.clone()), &access).unwrap();

    // An encrypted key file that the agent holds: nobody is asked, and no other key is offered.
    let sealed = sshd.folder().join("sealed");
    fs::copy(sshd.identity(), &sealed).unwrap();
    let status = Command::new("ssh-keygen")
        .args(["-q", "-p", "-P", "", "-N", "correct horse", "-f"])
        .arg(&sealed)
        .status();
    assert!(status.unwrap().success());
    settings.identity_file = Some(sealed);
    connect(&node(settings), &access).unwrap();

    let absent = Access::default().with_agent("/nonexistent/agent");
    let mut settings = sshd.settings();
    settings.identity_file = None;
    assert!(
        refused(connect(&node(settings), &absent)).to_string().contains("the agent at /nonexistent/agent")
    );
}

#[test]
fn an_agent_full_of_keys_leaves_an_attempt_for_a_file() {
    let sshd = Sshd::start();
    let decoys: Vec<PathBuf> = (0..7)
        .map(|at| {
            let decoy = sshd.folder().join(format!("decoy-{at}"));
            keygen(&decoy, &["-t", "ed25519", "-N", ""]);
            decoy
        })
        .collect();
    let agent = Agent::start(&decoys);
    let home = sshd.folder().join("home");
    fs::create_dir_all(home.join(".ssh")).unwrap();
    let access = Access::default().with_agent(&agent.socket).with_home(&home);
    let mut settings = sshd.settings();
    settings.identity_file = None;
    let error = refused(connect(&node(settings.clone()), &access)).to_string();
    assert_eq!(error.matches("agent key").count(), 5, "{error}");
    fs::copy(sshd.identity(), home.join(".ssh/id_ed25519")).unwrap();
    connect(&node(settings), &access).unwrap();
}

#[test]
fn keys_are_scanned_and_recorded() {
    let (known, unknown, changed) = (Sshd::start(), Sshd::start(), Sshd::start());
    let file = known.known_hosts();
    let other = fs::read_to_string(changed.folder().join("identity.pub")).unwrap();
    let lines = format!("{}[127.0.0.1]:{} {other}", known.known_hosts_text(), changed.port);
    fs::write(&file, &lines).unwrap();
    let at = |sshd: &Sshd| {
        let mut settings = sshd.settings();
        settings.known_hosts = vec![file.clone()];
        settings
    };
    let mut dead = at(&known);
    dead.port = 1;
    // Behind a bastion that is not known yet.
    let mut inner = at(&known);
    inner.bastions = vec![at(&unknown)];
    let nodes: Vec<_> = [at(&known), at(&unknown), at(&changed), dead, inner].into_iter().map(node).collect();
    let found = scan(&nodes, &Access::default());
    let states: Vec<_> = found.keys.iter().map(|key| key.state.clone()).collect();
    let place = KeyState::Changed(format!("{}:2", file.display()));
    assert_eq!(states, [KeyState::Known, KeyState::Unknown, place]);
    let unreached: Vec<_> = found.unreached.iter().map(|(host, _)| host.clone()).collect();
    assert_eq!(unreached, [String::from("127.0.0.1:1"), format!("127.0.0.1:{}", known.port)]);
    assert_eq!(record(&found.keys, &file).unwrap(), 1);
    assert!(fs::read_to_string(&file).unwrap().starts_with(&lines));

    // The bastion lets in another key than the node: each has its own identity.
    let found = scan(&nodes, &Access::default());
    assert_eq!(found.unreached.len(), 1);
    assert_eq!(found.keys.iter().filter(|key| key.state == KeyState::Known).count(), 3);
}

/// An ssh-agent with keys.
struct Agent {
    _folder: tempfile::TempDir,
    child: Child,
    socket: PathBuf,
}

impl Agent {
    fn start(keys: &[PathBuf]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("agent");
        let child =
            Command::new("ssh-agent").args(["-D", "-a"]).arg(&socket).stdout(Stdio::null()).spawn().unwrap();
        let until = Instant::now() + Duration::from_secs(5);
        while !socket.exists() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        for key in keys {
            let status =
                Command::new("ssh-add").arg("-q").arg(key).env("SSH_AUTH_SOCK", &socket).status().unwrap();
            assert!(status.success());
        }
        Self { _folder: folder, child, socket }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lets a further key in.
fn authorize(sshd: &Sshd, key: &Path, options: &str) {
    let file = sshd.folder().join("authorized_keys");
    let mut text = fs::read_to_string(&file).unwrap();
    text.push_str(options);
    text.push_str(&fs::read_to_string(key.with_extension("pub")).unwrap());
    fs::write(file, text).unwrap();
}
