//! Private key files: is one encrypted, and which public key belongs to it. Pure functions on the file's text.
//!
//! libssh2 says "unsupported private key format" for a wrong passphrase, a missing one and a file that is no key, so
//! whether to ask for a passphrase has to be read off the file itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The magic of OpenSSH's own format (OpenSSH `PROTOCOL.key`).
const MAGIC: &[u8] = b"openssh-key-v1\0";

/// What a private key file is, as far as it can be seen without its passphrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeyFile {
    /// A private key.
    Private {
        /// Whether a passphrase is needed.
        encrypted: bool,
        /// The public key, where the format shows it.
        public: Option<Vec<u8>>,
    },
    /// Something else.
    NotAKey,
}

/// Looks at a private key file.
pub(super) fn inspect(text: &str) -> KeyFile {
    let Some(first) = text.lines().map(str::trim).find(|line| !line.is_empty()) else {
        return KeyFile::NotAKey;
    };
    match first {
        "-----BEGIN OPENSSH PRIVATE KEY-----" => openssh(text).unwrap_or(KeyFile::NotAKey),
        "-----BEGIN ENCRYPTED PRIVATE KEY-----" => KeyFile::Private { encrypted: true, public: None },
        _ if first.starts_with("-----BEGIN ") && first.ends_with("PRIVATE KEY-----") => {
            // RFC 1421: the headers stand before the first empty line.
            let encrypted = text.lines().any(|line| line.trim() == "Proc-Type: 4,ENCRYPTED");
            KeyFile::Private { encrypted, public: None }
        }
        _ => KeyFile::NotAKey,
    }
}

/// The key in a public key or certificate file, `type base64 comment`.
pub(super) fn public(text: &str) -> Option<Vec<u8>> {
    let mut words = text.split_ascii_whitespace();
    let declared = words.next()?;
    let key = STANDARD.decode(words.next()?).ok()?;
    (super::known_hosts::key_type(&key)? == declared).then_some(key)
}

fn openssh(text: &str) -> Option<KeyFile> {
    let body: String = text.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    let data = STANDARD.decode(body).ok()?;
    let mut rest = data.strip_prefix(MAGIC)?;
    let cipher = field(&mut rest)?;
    let _derivation = field(&mut rest)?;
    let _options = field(&mut rest)?;
    let _count = rest.split_off(..4)?;
    let public = field(&mut rest)?;
    Some(KeyFile::Private { encrypted: cipher != b"none", public: Some(public.to_vec()) })
}

/// Takes one length-prefixed field off the front.
fn field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u32::from_be_bytes(rest.split_off(..4)?.try_into().ok()?);
    rest.split_off(..usize::try_from(length).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_files() {
        let plain = KeyFile::Private { encrypted: false, public: None };
        let sealed = KeyFile::Private { encrypted: true, public: None };
        let table: &[(&str, &KeyFile)] = &[
            ("", &KeyFile::NotAKey),
            ("hello\n", &KeyFile::NotAKey),
            ("-----BEGIN CERTIFICATE-----\n", &KeyFile::NotAKey),
            (
                "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
                &KeyFile::NotAKey,
            ),
            ("-----BEGIN PRIVATE KEY-----\nMII\n", &plain),
            ("-----BEGIN EC PRIVATE KEY-----\nMII\n", &plain),
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMII\n", &sealed),
            (
                "\n-----BEGIN RSA PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: AES-128-CBC,00\r\n\r\nMII\n",
                &sealed,
            ),
        ];
        for (text, wanted) in table {
            assert_eq!(inspect(text), **wanted, "{text}");
        }
    }

    #[test]
    fn the_public_key_stands_in_the_header() {
        let directory = tempfile::tempdir().unwrap();
        for (name, passphrase, encrypted) in [("plain", "", false), ("sealed", "swordfish", true)] {
            let file = directory.path().join(name);
            let status = std::process::Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", passphrase, "-f"])
                .arg(&file)
                .status()
                .unwrap();
            assert!(status.success());
            let private = std::fs::read_to_string(&file).unwrap();
            let beside = public(&std::fs::read_to_string(file.with_extension("pub")).unwrap());
            assert!(beside.is_some());
            assert_eq!(inspect(&private), KeyFile::Private { encrypted, public: beside });
        }
    }
}
