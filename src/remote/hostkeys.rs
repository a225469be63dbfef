//! Host keys of many nodes at once: see what they show, and record what a human has agreed to. Seeing a key never logs in
//! at the host that shows it; the bastions in front of it are logged in at, and must be known for that.

use super::known_hosts::{KnownHosts, Verdict, fingerprint, host_name, key_type};
use super::{Access, RemoteError, ssh};
use crate::inventory::{Connection, Node, SshSettings};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Handshakes at a time.
const PARALLEL: usize = 32;

/// The key that a host shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannedKey {
    /// The host, as it is connected to.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The key's type, `ssh-ed25519`.
    pub key_type: String,
    /// Its fingerprint, `SHA256:…`.
    pub fingerprint: String,
    /// What is known about it.
    pub state: KeyState,
    key: Vec<u8>,
}

/// What is known about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyState {
    /// It is in `known_hosts`.
    Known,
    /// No key of its type is known for this host.
    Unknown,
    /// The host has another key of this type, at this `file:line`.
    Changed(String),
    /// It is revoked, at this `file:line`.
    Revoked(String),
}

/// What a scan found: keys, and hosts that showed none.
#[derive(Debug, Default)]
pub struct Scan {
    /// The keys, bastions before the nodes behind them, each host once.
    pub keys: Vec<ScannedKey>,
    /// The hosts, `host:port`, that could not be reached, and why. A host behind a bastion whose key is not known yet is
    /// among them; it can be scanned once that key is recorded.
    pub unreached: Vec<(String, RemoteError)>,
}

/// Sees the host keys of these nodes and of their bastions.
pub fn scan(nodes: &[Node], access: &Access) -> Scan {
    let mut scan = Scan::default();
    // Hosts with fewer bastions in front of them first: what comes after can only be reached through them.
    let mut hosts: Vec<SshSettings> = Vec::new();
    for node in nodes {
        let Connection::Ssh(settings) = &node.connection else { continue };
        for (depth, bastion) in settings.bastions.iter().enumerate() {
            add(&mut hosts, SshSettings { bastions: settings.bastions[..depth].to_vec(), ..bastion.clone() });
        }
        add(&mut hosts, (**settings).clone());
    }
    hosts.sort_by_key(|settings| settings.bastions.len());
    for depth in hosts.chunk_by(|a, b| a.bastions.len() == b.bastions.len()) {
        for (settings, result) in depth.iter().zip(scan_all(depth, access)) {
            match result {
                Ok(key) => scan.keys.push(key),
                Err(error) => scan.unreached.push((format!("{}:{}", settings.host, settings.port), error)),
            }
        }
    }
    scan
}

fn add(hosts: &mut Vec<SshSettings>, settings: SshSettings) {
    let same = |other: &SshSettings| {
        other.host == settings.host
            && other.port == settings.port
            && other.bastions.len() == settings.bastions.len()
            && other
                .bastions
                .iter()
                .zip(&settings.bastions)
                .all(|(a, b)| a.host == b.host && a.port == b.port)
    };
    if !hosts.iter().any(same) {
        hosts.push(settings);
    }
}

fn scan_all(hosts: &[SshSettings], access: &Access) -> Vec<Result<ScannedKey, RemoteError>> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(hosts.len()));
    std::thread::scope(|scope| {
        for _ in 0..hosts.len().min(PARALLEL) {
            scope.spawn(|| {
                while let Some((at, settings)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, hosts.get(at)?)))
                {
                    let result = scan_one(settings, access);
                    results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((at, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

fn scan_one(settings: &SshSettings, access: &Access) -> Result<ScannedKey, RemoteError> {
    let shown = ssh::host_key(settings, access)?;
    let state = match shown.verdict {
        Verdict::Known => KeyState::Known,
        Verdict::Unknown => KeyState::Unknown,
        Verdict::Changed(place) => KeyState::Changed(place),
        Verdict::Revoked(place) => KeyState::Revoked(place),
    };
    Ok(ScannedKey {
        host: settings.host.clone(),
        port: settings.port,
        key_type: key_type(&shown.key).unwrap_or_default(),
        fingerprint: fingerprint(&shown.key),
        state,
        key: shown.key,
    })
}

/// Adds the unknown ones among these keys to a `known_hosts` file and says how many were added. What is in the file stays
/// as it is; a key that it has already, changed and revoked keys are left out. The file's directory is made when missing.
pub fn record(keys: &[ScannedKey], file: &Path) -> Result<usize, RemoteError> {
    let failed = |source| RemoteError::WriteLocalFile { path: file.to_owned(), source };
    let old = match std::fs::read(file) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(source) => return Err(RemoteError::LocalFile { path: file.to_owned(), source }),
    };
    let mut known = KnownHosts::default();
    known.add(&old, "");
    let mut text = String::from(if old.is_empty() || old.ends_with('\n') { "" } else { "\n" });
    let mut added = 0;
    for key in keys.iter().filter(|key| key.state == KeyState::Unknown) {
        if known.verdict(&key.host, key.port, &key.key) == Verdict::Unknown {
            let line = format!(
                "{} {} {}\n",
                host_name(&key.host, key.port),
                key.key_type,
                STANDARD.encode(&key.key)
            );
            known.add(&line, "");
            text.push_str(&line);
            added += 1;
        }
    }
    if added == 0 {
        return Ok(0);
    }
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    }
    // One append: another program that writes the same file loses nothing.
    let mut open = OpenOptions::new().append(true).create(true).mode(0o600).open(file).map_err(failed)?;
    open.write_all(text.as_bytes()).and_then(|()| open.sync_all()).map_err(failed)?;
    Ok(added)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanned(host: &str, port: u16, state: KeyState) -> ScannedKey {
        let mut key = 11_u32.to_be_bytes().to_vec();
        key.extend(b"ssh-ed25519");
        key.extend(host.as_bytes());
        ScannedKey {
            host: host.to_owned(),
            port,
            key_type: String::from("ssh-ed25519"),
            fingerprint: fingerprint(&key),
            state,
            key,
        }
    }

    #[test]
    fn recording_keeps_the_rest_and_adds_each_key_once() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(".ssh/known_hosts");
        let keys = [
            scanned("a", 22, KeyState::Unknown),
            scanned("a", 22, KeyState::Unknown),
            scanned("b", 2202, KeyState::Unknown),
            scanned("c", 22, KeyState::Changed(String::from("x:1"))),
            scanned("d", 22, KeyState::Revoked(String::from("x:1"))),
        ];
        assert_eq!(record(&keys, &file).unwrap(), 2);
        assert_eq!(record(&keys, &file).unwrap(), 0);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
        let text = std::fs::read_to_string(&file).unwrap();
        let names: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(names, ["a", "[b]:2202"]);

        std::fs::write(&file, "# mine\nodd line without an end").unwrap();
        assert_eq!(record(&keys[..1], &file).unwrap(), 1);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("# mine\nodd line without an end\na ssh-ed25519 AAAA"), "{text}");
    }
}
