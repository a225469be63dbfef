//! `sarif=FILE`: a report that is asked for. What is sent goes to a URL that gives whoever knows it the right to write there, so
//! that no error shows more of a request than its kind.

use crate::inventory::{nearest, shown};
use crate::secret::Secret;
use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Kinds of reports of a verb.
pub trait Kind: Copy + fmt::Debug + Send + Sync + 'static {
    /// All of them, in the order in which they are named.
    const ALL: &'static [Self];

    /// What it is called.
    fn word(self) -> &'static str;
}

/// Of a verb that has none.
impl Kind for Infallible {
    const ALL: &'static [Self] = &[];

    fn word(self) -> &'static str {
        match self {}
    }
}

/// A report that is asked for, of a kind `F` that is written to a file or `S` that is sent.
#[derive(Debug, Clone)]
pub enum Request<F, S = Infallible> {
    /// Write it.
    File {
        /// Of which kind.
        kind: F,
        /// Where to.
        path: PathBuf,
    },
    /// Send it.
    Sent {
        /// Of which kind.
        kind: S,
        /// Where to.
        receiver: Receiver,
    },
}

/// Where a report is sent to.
#[derive(Debug, Clone)]
pub enum Receiver {
    /// A URL.
    Url(Secret<String>),
    /// The URL that stands in a file.
    UrlIn(PathBuf),
}

/// A text asks for no report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// There is no `=`, or nothing behind it.
    #[error("`{kind}` names no {what}; write it like `{kind}={example}`")]
    NoPlace {
        /// Of which kind.
        kind: &'static str,
        /// What it should name.
        what: &'static str,
        /// How that looks.
        example: &'static str,
    },
    /// There is no such kind.
    #[error("there is no report {}; {remedy}", shown(kind))]
    UnknownKind {
        /// What stands before the `=`.
        kind: String,
        /// What was probably meant, or what there is.
        remedy: String,
    },
}

impl<F: Kind, S: Kind> FromStr for Request<F, S> {
    type Err = RequestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (word, place) = text.split_once('=').unwrap_or((text, ""));
        let no_place = |kind, what, example| {
            if place.is_empty() { Err(RequestError::NoPlace { kind, what, example }) } else { Ok(()) }
        };
        if let Some(kind) = F::ALL.iter().copied().find(|kind| kind.word() == word) {
            no_place(kind.word(), "file", "FILE")?;
            return Ok(Self::File { kind, path: PathBuf::from(place) });
        }
        if let Some(kind) = S::ALL.iter().copied().find(|kind| kind.word() == word) {
            no_place(kind.word(), "receiver", "@FILE")?;
            let receiver = match place.strip_prefix('@') {
                Some(file) => Receiver::UrlIn(PathBuf::from(file)),
                None => Receiver::Url(Secret::new(place.to_owned())),
            };
            return Ok(Self::Sent { kind, receiver });
        }
        let files = F::ALL.iter().map(|kind| kind.word());
        Err(unknown(word, files.chain(S::ALL.iter().map(|kind| kind.word()))))
    }
}

fn unknown(word: &str, known: impl Iterator<Item = &'static str>) -> RequestError {
    let known: Vec<_> = known.collect();
    // Whoever forgot the kind wrote a URL here.
    let end = word.find(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c))).unwrap_or(word.len());
    let kind = word[..end].to_owned();
    let remedy = match nearest(&kind, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("the reports are {}", known.join(", ")),
    };
    RequestError::UnknownKind { kind, remedy }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Asked = Request<crate::ui::check::ReportKind, Sent>;

    #[derive(Debug, Clone, Copy)]
    struct Sent;

    impl Kind for Sent {
        const ALL: &'static [Self] = &[Self];

        fn word(self) -> &'static str {
            "webhook"
        }
    }

    #[test]
    fn requests_are_read() {
        for (text, expected) in [
            ("sarif=a.sarif", "sarif to a.sarif"),
            ("html=/tmp/x=y.html", "html to /tmp/x=y.html"),
            ("json=@odd", "json to @odd"),
            ("webhook=@url", "webhook to the URL in url"),
            ("webhook=http://127.0.0.1/x=y", "webhook to Secret((sensitive))"),
        ] {
            let found = match text.parse::<Asked>().unwrap() {
                Request::File { kind, path } => format!("{kind} to {}", path.display()),
                Request::Sent { kind, receiver: Receiver::Url(url) } => format!("{} to {url:?}", kind.word()),
                Request::Sent { kind, receiver: Receiver::UrlIn(path) } => {
                    format!("{} to the URL in {}", kind.word(), path.display())
                }
            };
            assert_eq!(found, expected);
        }
        for (text, message) in [
            ("sarif", "`sarif` names no file; write it like `sarif=FILE`"),
            ("html=", "`html` names no file; write it like `html=FILE`"),
            ("webhook=", "`webhook` names no receiver; write it like `webhook=@FILE`"),
            ("sariff=x", "there is no report `sariff`; did you mean `sarif`?"),
            ("pdf=x", "there is no report `pdf`; the reports are json, sarif, junit, html, webhook"),
            ("=x", "there is no report the empty string; the reports are json, sarif, junit, html, webhook"),
        ] {
            assert_eq!(text.parse::<Asked>().unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn no_error_shows_a_url() {
        for text in ["https://hooks.example/T0/B0/x", "webhok=https://hooks.example/x", "x@hooks.example/y=z"]
        {
            let error = text.parse::<Asked>().unwrap_err().to_string();
            assert!(!error.contains("hooks"), "{error}");
        }
    }
}
