//! `Secret<T>`: a value that cannot be printed, serialized or compared in the clear; and the mask that every
//! writer to the outside goes through. It guards against leaks into logs and output, not against a debugger:
//! libraries below (OpenSSL, libssh2) keep copies of their own that are not wiped.

use std::borrow::Cow;
use std::fmt;
use std::sync::RwLock;
use zeroize::Zeroize;

/// What a masked value is replaced by.
pub const MASK: &str = "(sensitive)";

/// Values shorter than this are not searched for in output: they would mask ordinary words.
const SHORTEST_MASKED: usize = 8;

/// A text of fewer lines is a secret in every line; a longer one is a document that holds some.
const SHORTEST_DOCUMENT: usize = 4;

/// Every secret that this process has held, so that [`mask`] can find it in text from anywhere: a template
/// error, the standard error of a node, a panic.
static KNOWN: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// A secret value, wiped when dropped. It has no `Display`, `Serialize`, `PartialEq`, and its `Debug` says nothing.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize + AsRef<[u8]>> Secret<T> {
    /// Takes the value in and registers it with [`mask`].
    pub fn new(value: T) -> Self {
        register(value.as_ref());
        Self(value)
    }

    /// The value in the clear. Every call is a place to review: it must not reach argv, a log, a diff or a plan file.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({MASK})")
    }
}

/// Replaces every secret that this process has held by [`MASK`], in whatever form it commonly leaks: as it is,
/// its key material alone where it is a document, and in base64.
pub fn mask(text: &str) -> Cow<'_, str> {
    let Ok(known) = KNOWN.read() else {
        // A poisoned lock means that a writer panicked while registering: print nothing rather than a secret.
        return Cow::Borrowed(MASK);
    };
    let mut masked = Cow::Borrowed(text);
    for value in known.iter() {
        if masked.contains(value.as_str()) {
            masked = Cow::Owned(masked.replace(value.as_str(), MASK));
        }
    }
    masked
}

fn register(value: &[u8]) {
    use base64::Engine as _;
    let mut forms = vec![base64::engine::general_purpose::STANDARD.encode(value)];
    if let Ok(text) = std::str::from_utf8(value) {
        forms.extend(recognizable(text.trim()));
    }
    forms.retain(|form| form.len() >= SHORTEST_MASKED);
    if let Ok(mut known) = KNOWN.write() {
        for form in forms {
            if !known.contains(&form) {
                known.push(form);
            }
        }
        // The longest first: otherwise a line inside a longer secret would break the longer match.
        known.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    }
}

/// The parts of a secret that give it away where they stand alone. A short one gives itself away in each line. Of a document (PEM,
/// a kubeconfig) only what looks like key material is: `apiVersion: v1` is in a kubeconfig too, and must not be masked
/// everywhere else.
fn recognizable(text: &str) -> Vec<String> {
    if text.lines().count() < SHORTEST_DOCUMENT {
        return text.lines().map(|line| line.trim().to_owned()).chain([text.to_owned()]).collect();
    }
    let key_material = |word: &&str| {
        word.len() >= 24
            && word.chars().all(|c| c.is_ascii_alphanumeric() || "+/=_-".contains(c))
            && word.chars().any(|c| c.is_ascii_digit())
            && word.chars().any(|c| c.is_ascii_uppercase())
    };
    text.split(|c: char| c.is_whitespace() || "\"'".contains(c))
        .filter(key_material)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let secret = Secret::new(String::from("correct horse battery"));
        assert_eq!(format!("{secret:?}"), "Secret((sensitive))");
    }

    #[test]
    fn every_form_is_masked() {
        let pem = "-----BEGIN X-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nMIIE\n-----END X-----\n";
        let _kept = Secret::new(String::from(pem));
        assert_eq!(mask("key MIIEvQIBADANBgkqhkiG9w0BAQEFAASC end"), "key (sensitive) end");
        let _kept = Secret::new(String::from("staple-of-42"));
        assert_eq!(mask("a c3RhcGxlLW9mLTQy b staple-of-42"), "a (sensitive) b (sensitive)");
    }

    #[test]
    fn the_words_of_a_secret_document_are_not_masked_elsewhere() {
        let _kept = Secret::new(String::from(
            "apiVersion: v1\nkind: Config\nusers: []\ntoken: QWxhZGRpbjpvcGVuIHNlc2FtZTEy\n",
        ));
        assert_eq!(mask("apiVersion: v1 kind: Config"), "apiVersion: v1 kind: Config");
        assert_eq!(mask("x QWxhZGRpbjpvcGVuIHNlc2FtZTEy"), "x (sensitive)");
    }

    #[test]
    fn the_test_above_can_fail() {
        assert_eq!(mask("never-registered-value"), "never-registered-value");
    }
}
