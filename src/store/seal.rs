//! Sealing: AES-256-GCM with a name bound in, and the wrapping of the key that does it. It works on bytes and touches no
//! file.
//!
//! A sealed file is one line `harden-sealed 1 LENGTH` and one of base64: nonce, ciphertext and tag, LENGTH bytes in all.

use super::KeySource;
use super::error::StoreError;
use super::index::FORMAT;
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::error::ErrorStack;
use openssl::rand::rand_bytes;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::path::Path;
use zeroize::Zeroizing;

const MAGIC: &str = "harden-sealed";
const KEY_LENGTH: usize = 32;
const NONCE_LENGTH: usize = 12;
const TAG_LENGTH: usize = 16;

/// What is bound to the data key's own sealing; no secret can have this name.
const DATA_KEY: Bound<'_> = Bound { name: "(data key)", public: None };

/// What is sealed in with a value: it must be the same when the value is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound<'a> {
    /// The secret's name.
    pub(super) name: &'a str,
    /// What belongs to it and is public.
    pub(super) public: Option<&'a str>,
}

/// 32 MiB and about a tenth of a second.
const SCRYPT: Scrypt = Scrypt { n: 1 << 15, r: 8, p: 1 };

/// What an index may ask for: it is a file that anybody may have changed.
const SCRYPT_MOST: Scrypt = Scrypt { n: 1 << 20, r: 16, p: 4 };

/// A key of 32 bytes, wiped when dropped.
pub(super) struct Key(Zeroizing<[u8; KEY_LENGTH]>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// How the data key is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "kebab-case")]
pub(super) enum Wrapping {
    /// By the key in a key file.
    KeyFile {
        /// The sealed data key, base64.
        data_key: String,
    },
    /// By a passphrase.
    Scrypt {
        /// Base64.
        salt: String,
        #[serde(flatten)]
        cost: Scrypt,
        /// The sealed data key, base64.
        data_key: String,
    },
}

/// The cost of deriving a key from a passphrase (RFC 7914).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Scrypt {
    n: u64,
    r: u64,
    p: u64,
}

/// Makes a data key and seals it.
pub(super) fn wrap_new(source: &KeySource) -> Result<Wrapping, StoreError> {
    let data_key = Key(random()?);
    match source {
        KeySource::KeyFile(content) => {
            let data_key = STANDARD.encode(encrypt(&key_of_file(content)?, DATA_KEY, &data_key.0[..])?);
            Ok(Wrapping::KeyFile { data_key })
        }
        KeySource::Passphrase(passphrase) => {
            let salt: Zeroizing<[u8; KEY_LENGTH]> = random()?;
            let key = derive(passphrase, &salt[..], SCRYPT)?;
            let data_key = STANDARD.encode(encrypt(&key, DATA_KEY, &data_key.0[..])?);
            Ok(Wrapping::Scrypt { salt: STANDARD.encode(&salt[..]), cost: SCRYPT, data_key })
        }
    }
}

/// Opens the data key.
pub(super) fn unwrap(wrapping: &Wrapping, source: &KeySource) -> Result<Key, StoreError> {
    let (key, data_key) = match (wrapping, source) {
        (Wrapping::KeyFile { data_key }, KeySource::KeyFile(content)) => (key_of_file(content)?, data_key),
        (Wrapping::Scrypt { salt, cost, data_key }, KeySource::Passphrase(passphrase)) => {
            let salt = STANDARD.decode(salt).map_err(|_| StoreError::WrongKey)?;
            (derive(passphrase, &salt, *cost)?, data_key)
        }
        (Wrapping::KeyFile { .. }, KeySource::Passphrase(_)) => {
            return Err(StoreError::WrongSource { needed: "key file", given: "passphrase" });
        }
        (Wrapping::Scrypt { .. }, KeySource::KeyFile(_)) => {
            return Err(StoreError::WrongSource { needed: "passphrase", given: "key file" });
        }
    };
    let opened = STANDARD
        .decode(data_key)
        .ok()
        .and_then(|sealed| decrypt(&key, DATA_KEY, &sealed))
        .ok_or(StoreError::WrongKey)?;
    <[u8; KEY_LENGTH]>::try_from(&opened[..])
        .map(|bytes| Key(Zeroizing::new(bytes)))
        .map_err(|_| StoreError::WrongKey)
}

/// The sealed file of a secret.
pub(super) fn seal(key: &Key, bound: Bound<'_>, value: &Secret<String>) -> Result<Vec<u8>, StoreError> {
    let sealed = encrypt(key, bound, value.expose().as_bytes())?;
    Ok(format!("{MAGIC} {FORMAT} {}\n{}\n", sealed.len(), STANDARD.encode(&sealed)).into_bytes())
}

/// Opens the sealed file of a secret; the path is for errors only.
pub(super) fn open(
    key: &Key,
    bound: Bound<'_>,
    path: &Path,
    file: &[u8],
) -> Result<Secret<String>, StoreError> {
    let tampered = || StoreError::Tampered { path: path.to_owned() };
    let text = std::str::from_utf8(file).map_err(|_| tampered())?;
    let Some((header, body)) = text.split_once('\n') else {
        let word = text.split(' ').next().unwrap_or_default();
        return Err(if MAGIC.starts_with(word) {
            let (actual, expected) = (0, NONCE_LENGTH + TAG_LENGTH);
            StoreError::Truncated { path: path.to_owned(), actual, expected }
        } else {
            tampered()
        });
    };
    let mut words = header.split(' ');
    if words.next() != Some(MAGIC) {
        return Err(tampered());
    }
    match words.next() {
        Some(format) if format.parse() == Ok(FORMAT) => {}
        found => {
            let found = found.unwrap_or_default().to_owned();
            return Err(StoreError::Format { path: path.to_owned(), found, known: FORMAT });
        }
    }
    let expected: usize = words.next().and_then(|word| word.parse().ok()).ok_or_else(tampered)?;
    // A cut can leave base64 that does not decode: every four whole characters stand for three bytes.
    let body = body.trim_end();
    let (actual, sealed) = match STANDARD.decode(body) {
        Ok(sealed) => (sealed.len(), Some(sealed)),
        Err(_) => (body.len() / 4 * 3, None),
    };
    if actual < expected {
        return Err(StoreError::Truncated { path: path.to_owned(), actual, expected });
    }
    let sealed = sealed.filter(|sealed| sealed.len() == expected).ok_or_else(tampered)?;
    let mut opened = decrypt(key, bound, &sealed).ok_or_else(tampered)?;
    String::from_utf8(std::mem::take(&mut *opened)).map(Secret::new).map_err(|_| tampered())
}

/// SHA-256, hexadecimal.
pub(super) fn digest(value: &str) -> String {
    openssl::sha::sha256(value.as_bytes()).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Nonce, ciphertext and tag. Nonces are random: a store holds far fewer than the 2^32 values that a key is good for.
fn encrypt(key: &Key, bound: Bound<'_>, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
    let nonce: Zeroizing<[u8; NONCE_LENGTH]> = random()?;
    let mut tag = [0; TAG_LENGTH];
    let ciphertext =
        encrypt_aead(Cipher::aes_256_gcm(), &key.0[..], Some(&nonce[..]), &bound.bytes(), plain, &mut tag)
            .map_err(crypto("seal a secret"))?;
    Ok([&nonce[..], &ciphertext, &tag].concat())
}

fn decrypt(key: &Key, bound: Bound<'_>, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, rest) = sealed.split_at_checked(NONCE_LENGTH)?;
    let (ciphertext, tag) = rest.split_at_checked(rest.len().checked_sub(TAG_LENGTH)?)?;
    decrypt_aead(Cipher::aes_256_gcm(), &key.0[..], Some(nonce), &bound.bytes(), ciphertext, tag)
        .ok()
        .map(Zeroizing::new)
}

impl Bound<'_> {
    /// What is authenticated beside the value: so a file cannot be passed off as another secret or another format, nor a
    /// secret as one that belongs to another public part.
    fn bytes(self) -> Vec<u8> {
        let mut text = format!("{MAGIC} {FORMAT}\0{}", self.name);
        if let Some(public) = self.public {
            // No name holds this byte, so the two parts cannot be mistaken for a longer name.
            text.push('\0');
            text.push_str(&digest(public));
        }
        text.into_bytes()
    }
}

fn derive(passphrase: &Secret<String>, salt: &[u8], cost: Scrypt) -> Result<Key, StoreError> {
    if passphrase.expose().is_empty() {
        return Err(StoreError::EmptyPassphrase);
    }
    if cost.n > SCRYPT_MOST.n || cost.r > SCRYPT_MOST.r || cost.p > SCRYPT_MOST.p {
        return Err(StoreError::WrongKey);
    }
    // 128 · N · r bytes, and as much again for the rest.
    let memory = 256 * cost.n * cost.r;
    let mut key = Zeroizing::new([0; KEY_LENGTH]);
    openssl::pkcs5::scrypt(
        passphrase.expose().as_bytes(),
        salt,
        cost.n,
        cost.r,
        cost.p,
        memory,
        &mut key[..],
    )
    .map_err(crypto("derive a key from the passphrase"))?;
    Ok(Key(key))
}

/// 32 bytes as they are, in hexadecimal or in base64.
fn key_of_file(content: &Secret<Vec<u8>>) -> Result<Key, StoreError> {
    let bytes = content.expose();
    let wrong = || StoreError::KeyFile { length: bytes.len() };
    let mut key = Zeroizing::new([0; KEY_LENGTH]);
    if bytes.len() == KEY_LENGTH {
        key.copy_from_slice(bytes);
        return Ok(Key(key));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| wrong())?.trim();
    if text.len() == 2 * KEY_LENGTH && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        for (byte, pair) in key.iter_mut().zip(0..) {
            *byte = u8::from_str_radix(&text[2 * pair..2 * pair + 2], 16).map_err(|_| wrong())?;
        }
        return Ok(Key(key));
    }
    let decoded = Zeroizing::new(STANDARD.decode(text).map_err(|_| wrong())?);
    if decoded.len() != KEY_LENGTH {
        return Err(wrong());
    }
    key.copy_from_slice(&decoded);
    Ok(Key(key))
}

fn random<const LENGTH: usize>() -> Result<Zeroizing<[u8; LENGTH]>, StoreError> {
    let mut bytes = Zeroizing::new([0; LENGTH]);
    rand_bytes(&mut bytes[..]).map_err(crypto("make random bytes"))?;
    Ok(bytes)
}

fn crypto(attempt: &'static str) -> impl FnOnce(ErrorStack) -> StoreError {
    move |source| StoreError::Crypto { attempt, source }
}
