//! Where to post to.

use super::error::WebhookError;
use crate::secret::Secret;
use http::Uri;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

/// A path that is longer holds a token, as Slack's does, and must not be shown where it stands alone.
const SHORTEST_TOKEN: usize = 20;

/// A receiver. Its `Debug` shows scheme and host.
#[derive(Clone)]
pub struct Receiver {
    uri: Uri,
    shown: String,
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Receiver({})", self.shown)
    }
}

impl Receiver {
    /// From a URL.
    pub fn new(url: &Secret<String>) -> Result<Self, WebhookError> {
        let text = url.expose().trim();
        let uri: Uri = text.parse().map_err(|_| WebhookError::Url("is none"))?;
        let authority = uri.authority().ok_or(WebhookError::Url("names no host"))?;
        let host = authority.host();
        if host.is_empty() {
            return Err(WebhookError::Url("names no host"));
        }
        if authority.as_str().contains('@') {
            return Err(WebhookError::Url("names a user, which is not supported"));
        }
        let scheme = match uri.scheme_str() {
            Some("https") => "https",
            Some("http") if is_loopback(host) => "http",
            Some("http") => {
                return Err(WebhookError::Url("is http to another machine, where anybody could read along"));
            }
            _ => return Err(WebhookError::Url("is neither https nor http")),
        };
        if let Some(path) = uri.path_and_query().filter(|path| path.as_str().len() >= SHORTEST_TOKEN) {
            // To be masked from now on, as the URL as a whole is.
            drop(Secret::new(path.as_str().to_owned()));
        }
        Ok(Self { shown: format!("{scheme}://{host}"), uri })
    }

    /// From the file that holds it.
    pub fn in_file(path: &Path) -> Result<Self, WebhookError> {
        let text = fs::read_to_string(path);
        let text = text.map_err(|source| WebhookError::ReadUrl { path: path.to_owned(), source })?;
        Self::new(&Secret::new(text.trim().to_owned()))
    }

    /// Scheme and host, which is all that may be shown.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_never_shown() {
        for (url, expected) in [
            ("https://hooks.example/services/T0/B0/token-1234", "https://hooks.example"),
            ("https://hooks.example:8443/x\n", "https://hooks.example"),
            ("http://127.0.0.1:9093/api/v2/alerts", "http://127.0.0.1"),
            ("http://[::1]:1/", "http://[::1]"),
            ("http://localhost", "http://localhost"),
            (
                "http://hooks.example/",
                "the URL of a receiver is http to another machine, where anybody could read along",
            ),
            ("ftp://hooks.example/", "the URL of a receiver is neither https nor http"),
            ("https://me:pass@hooks.example/", "the URL of a receiver names a user, which is not supported"),
            ("hooks.example", "the URL of a receiver is neither https nor http"),
            ("/hooks.example", "the URL of a receiver names no host"),
            ("https://a b/", "the URL of a receiver is none"),
            ("", "the URL of a receiver is none"),
        ] {
            let found = match Receiver::new(&Secret::new(url.to_owned())) {
                Ok(receiver) => receiver.shown().to_owned(),
                Err(error) => error.to_string(),
            };
            assert_eq!(found, expected, "{url}");
        }
        let url = Secret::new(String::from("https://hooks.example/services/T1/B1/token-5678"));
        let receiver = Receiver::new(&url).unwrap();
        assert_eq!(format!("{receiver:?}"), "Receiver(https://hooks.example)");
        assert_eq!(crate::secret::mask("POST /services/T1/B1/token-5678 x"), "POST (sensitive) x");
    }
}
