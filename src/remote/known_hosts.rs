//! `known_hosts` as OpenSSH reads it (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): hashed names, comma lists, wildcards and
//! negation, `[host]:port`, `@revoked`, several keys a host, unreadable lines skipped. Pure: the caller reads the files.
//!
//! libssh2's own checker is not used: it knows no wildcards and no `@revoked`, gives up on one bad line, and takes a key
//! of another type for a changed key. `@cert-authority` lines are read past: libssh2 cannot check host certificates, and
//! the key of an authority is not the key of a host.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use openssl::hash::MessageDigest;

/// The default port, which is left out of names in `known_hosts`.
const SSH_PORT: u16 = 22;

/// The lines of one or several files.
#[derive(Debug, Default)]
pub(super) struct KnownHosts {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    revoked: bool,
    names: Names,
    key_type: String,
    key: Vec<u8>,
    place: String,
}

#[derive(Debug)]
enum Names {
    Hashed { salt: Vec<u8>, hash: Vec<u8> },
    Patterns(Vec<(bool, String)>),
}

/// What the files say about a key that a host shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is this host's key.
    Known,
    /// Nothing is known about a key of this type for this host.
    Unknown,
    /// The host has another key of this type, at this place.
    Changed(String),
    /// The key is revoked, at this place.
    Revoked(String),
}

impl KnownHosts {
    /// Adds the lines of a file; `file` is its name in messages. Lines that are not understood are skipped, as OpenSSH does.
    pub(super) fn add(&mut self, text: &str, file: &str) {
        for (number, line) in text.lines().enumerate() {
            self.entries.extend(entry(line, &format!("{file}:{}", number + 1)));
        }
    }

    /// Judges a key that a host shows.
    ///
    /// As in OpenSSH, a host on another port than 22 that has no entry of its own is also known under its bare name.
    pub(super) fn verdict(&self, host: &str, port: u16, key: &[u8]) -> Verdict {
        let verdict = self.judge(&host_name(host, port), key);
        if verdict == Verdict::Unknown && port != SSH_PORT {
            return match self.judge(&host.to_lowercase(), key) {
                // A different key under the bare name is that of another server on the same host.
                Verdict::Changed(_) => Verdict::Unknown,
                bare => bare,
            };
        }
        verdict
    }

    fn judge(&self, name: &str, key: &[u8]) -> Verdict {
        let matching: Vec<&Entry> = self.entries.iter().filter(|entry| entry.names.matches(name)).collect();
        if let Some(entry) = matching.iter().find(|entry| entry.revoked && entry.key == key) {
            return Verdict::Revoked(entry.place.clone());
        }
        if matching.iter().any(|entry| !entry.revoked && entry.key == key) {
            return Verdict::Known;
        }
        let shown = key_type(key);
        match matching.iter().find(|entry| !entry.revoked && Some(&entry.key_type) == shown.as_ref()) {
            Some(entry) => Verdict::Changed(entry.place.clone()),
            None => Verdict::Unknown,
        }
    }

    /// The types of the keys that are known for a host, in the files' order: a handshake must ask for these first, since
    /// a server with several keys would otherwise show one that nobody recorded.
    pub(super) fn key_types(&self, host: &str, port: u16) -> Vec<String> {
        let mut types = Vec::new();
        for name in [host_name(host, port), host.to_lowercase()] {
            for entry in self.entries.iter().filter(|entry| !entry.revoked && entry.names.matches(&name)) {
                if !types.contains(&entry.key_type) {
                    types.push(entry.key_type.clone());
                }
            }
        }
        types
    }
}

/// The name of a host in `known_hosts`: `[host]:port`, without both on port 22.
pub(super) fn host_name(host: &str, port: u16) -> String {
    let host = host.to_lowercase();
    if port == SSH_PORT { host } else { format!("[{host}]:{port}") }
}

/// The type that stands at the front of an SSH public key.
pub(super) fn key_type(key: &[u8]) -> Option<String> {
    let length = usize::try_from(u32::from_be_bytes(key.get(..4)?.try_into().ok()?)).ok()?;
    let name = key.get(4..length.checked_add(4)?)?;
    String::from_utf8(name.to_vec()).ok().filter(|name| !name.is_empty() && name.is_ascii())
}

/// The fingerprint of a public key as `ssh-keygen -l` prints it.
pub(super) fn fingerprint(key: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(openssl::sha::sha256(key)))
}

fn entry(line: &str, place: &str) -> Option<Entry> {
    let mut words = line.split_ascii_whitespace().peekable();
    let marker = words.next_if(|word| word.starts_with('@'));
    let revoked = match marker {
        None => false,
        Some("@revoked") => true,
        Some(_) => return None,
    };
    let names = names(words.next().filter(|word| !word.starts_with('#'))?)?;
    let declared = words.next()?;
    let key = STANDARD.decode(words.next()?).ok()?;
    let key_type = key_type(&key).filter(|key_type| key_type == declared)?;
    Some(Entry { revoked, names, key_type, key, place: place.to_owned() })
}

fn names(word: &str) -> Option<Names> {
    if let Some(hashed) = word.strip_prefix("|1|") {
        let (salt, hash) = hashed.split_once('|')?;
        return Some(Names::Hashed { salt: STANDARD.decode(salt).ok()?, hash: STANDARD.decode(hash).ok()? });
    }
    let pattern = |part: &str| match part.strip_prefix('!') {
        Some(rest) => (true, rest.to_lowercase()),
        None => (false, part.to_lowercase()),
    };
    Some(Names::Patterns(word.split(',').filter(|part| !part.is_empty()).map(pattern).collect()))
}

impl Names {
    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Hashed { salt, hash } => hash_name(salt, name).is_some_and(|computed| computed == *hash),
            Self::Patterns(patterns) => {
                let mut found = false;
                for (negated, pattern) in patterns {
                    if glob(pattern.as_bytes(), name.as_bytes()) {
                        if *negated {
                            return false;
                        }
                        found = true;
                    }
                }
                found
            }
        }
    }
}

fn hash_name(salt: &[u8], name: &str) -> Option<Vec<u8>> {
    let key = openssl::pkey::PKey::hmac(salt).ok()?;
    let mut signer = openssl::sign::Signer::new(MessageDigest::sha1(), &key).ok()?;
    signer.update(name.as_bytes()).ok()?;
    signer.sign_to_vec().ok()
}

/// `*` and `?` as in OpenSSH's `match_pattern`; brackets are ordinary characters there.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(key_type: &str, body: &str) -> Vec<u8> {
        let mut key = Vec::new();
        for part in [key_type, body] {
            key.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
            key.extend(part.as_bytes());
        }
        key
    }

    fn line(names: &str, body: &str) -> String {
        format!("{names} ssh-ed25519 {} a comment\n", STANDARD.encode(key("ssh-ed25519", body)))
    }

    fn hashed(name: &str) -> String {
        let salt = b"0123456789abcdefghij";
        format!("|1|{}|{}", STANDARD.encode(salt), STANDARD.encode(hash_name(salt, name).unwrap()))
    }

    fn verdict(text: &str, host: &str, port: u16) -> Verdict {
        let mut hosts = KnownHosts::default();
        hosts.add(text, "file");
        hosts.verdict(host, port, &key("ssh-ed25519", "ours"))
    }

    #[test]
    fn names_match_as_in_openssh() {
        let table: &[(&str, &str, u16, bool)] = &[
            ("cp-1", "cp-1", 22, true),
            ("cp-1", "CP-1", 22, true),
            ("CP-1", "cp-1", 22, true),
            ("cp-1", "cp-10", 22, false),
            ("cp-1,10.0.0.1", "10.0.0.1", 22, true),
            ("*", "anything", 22, true),
            ("cp-?", "cp-7", 22, true),
            ("cp-?", "cp-77", 22, false),
            ("*.example.net,!bad.example.net", "good.example.net", 22, true),
            ("*.example.net,!bad.example.net", "bad.example.net", 22, false),
            ("!bad.example.net,*.example.net", "bad.example.net", 22, false),
            ("[127.0.0.*]:2202", "127.0.0.2", 2202, true),
            ("[127.0.0.2]:2202", "127.0.0.2", 2202, true),
            ("[127.0.0.2]:2202", "127.0.0.2", 2203, false),
            ("[127.0.0.2]:2202", "127.0.0.2", 22, false),
            ("[fe80::1]:2202", "fe80::1", 2202, true),
            ("fe80::1", "fe80::1", 22, true),
            // OpenSSH looks for the bare name as well when there is none with the port.
            ("127.0.0.2", "127.0.0.2", 2202, true),
        ];
        for (names, host, port, known) in table {
            let wanted = if *known { Verdict::Known } else { Verdict::Unknown };
            assert_eq!(verdict(&line(names, "ours"), host, *port), wanted, "{names} {host}:{port}");
        }
        assert_eq!(verdict(&line(&hashed("cp-1"), "ours"), "cp-1", 22), Verdict::Known);
        assert_eq!(verdict(&line(&hashed("[cp-1]:2202"), "ours"), "cp-1", 2202), Verdict::Known);
        assert_eq!(verdict(&line(&hashed("cp-1"), "ours"), "cp-2", 22), Verdict::Unknown);
    }

    #[test]
    fn keys_are_judged() {
        let other = Verdict::Changed(String::from("file:1"));
        assert_eq!(verdict(&line("h", "other"), "h", 22), other);
        assert_eq!(verdict(&(line("h", "other") + &line("h", "ours")), "h", 22), Verdict::Known);
        // Another server on the same host: its key says nothing about this port.
        assert_eq!(verdict(&line("h", "other"), "h", 2202), Verdict::Unknown);
        let revoked = format!("{}@revoked {}", line("h", "ours"), line("*", "ours"));
        assert_eq!(verdict(&revoked, "h", 22), Verdict::Revoked(String::from("file:2")));
        assert_eq!(verdict(&revoked, "h", 2202), Verdict::Revoked(String::from("file:2")));
        // Revoking one key does not make another one changed.
        assert_eq!(verdict(&format!("@revoked {}", line("*", "other")), "h", 22), Verdict::Unknown);
        assert_eq!(verdict(&format!("@cert-authority {}", line("*", "ours")), "h", 22), Verdict::Unknown);
        assert_eq!(verdict(&format!("@cert-authority {}", line("*", "other")), "h", 22), Verdict::Unknown);
    }

    #[test]
    fn bad_lines_are_skipped() {
        let garbage = "\n# comment\nnonsense\nh ssh-ed25519\nh ssh-ed25519 !!!!\nh 1024 35 1234\n\
                       |1|x h\n|1|!|! ssh-ed25519 AAAA\n@odd h ssh-ed25519 AAAA\nh ssh-rsa AAAAC3NzaC1lZDI1NTE5\n,, ssh-ed25519 AAAA\n";
        assert_eq!(verdict(garbage, "h", 22), Verdict::Unknown);
        assert_eq!(verdict(&format!("{garbage}  {}", line("h", "ours")), "h", 22), Verdict::Known);
        assert_eq!(verdict(&line("h", "ours").replace('\n', "\r\n"), "h", 22), Verdict::Known);
    }

    #[test]
    fn known_types_come_in_order() {
        let mut hosts = KnownHosts::default();
        let ecdsa = format!("h ecdsa-sha2-nistp256 {}\n", STANDARD.encode(key("ecdsa-sha2-nistp256", "x")));
        hosts.add(&format!("{ecdsa}{}@revoked {}", line("[h]:7", "x"), line("h", "x")), "file");
        assert_eq!(hosts.key_types("h", 22), ["ecdsa-sha2-nistp256"]);
        assert_eq!(hosts.key_types("h", 7), ["ssh-ed25519", "ecdsa-sha2-nistp256"]);
    }
}
