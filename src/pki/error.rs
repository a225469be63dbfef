//! Why a certificate could not be read or issued.

use crate::error::Hint;
use openssl::error::ErrorStack;

/// Why a certificate could not be read or issued. No variant holds key material.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// The text is no certificate.
    #[error("read the certificate: {0}")]
    Certificate(ErrorStack),
    /// The text is no certificate of a CA.
    #[error("read the certificate of the CA: {0}")]
    Issuer(ErrorStack),
    /// The text is no private key that can be used.
    #[error("read the key of the CA: {0}")]
    IssuerKey(ErrorStack),
    /// The text is no private key that can be used.
    #[error("read the private key: {0}")]
    Key(ErrorStack),
    /// The text is no public key.
    #[error("read the public key: {0}")]
    PublicKey(ErrorStack),
    /// The private key is not the one of the public key.
    #[error("the private key of `{name}` does not belong to its public key")]
    PairMismatch {
        /// What the pair is called.
        name: String,
    },
    /// The key is not the one of the certificate.
    #[error("the key of the CA `{issuer}` does not belong to its certificate")]
    KeyMismatch {
        /// The CA's common name.
        issuer: String,
    },
    /// The certificate may not sign others.
    #[error("`{issuer}` is not the certificate of a CA")]
    NotAnAuthority {
        /// The certificate's common name.
        issuer: String,
    },
    /// The CA is not valid now.
    #[error(
        "the CA `{issuer}` is valid from {} to {}, and it is {} now",
        moment(*not_before),
        moment(*not_after),
        moment(*now)
    )]
    IssuerNotValid {
        /// The CA's common name.
        issuer: String,
        /// The first second in which it is valid, since 1970.
        not_before: i64,
        /// The last second in which it is valid.
        not_after: i64,
        /// The clock that was passed in.
        now: i64,
    },
    /// A key cannot be made with the algorithm that was asked for.
    #[error("make `{common_name}`: its key's algorithm is only ever observed")]
    Algorithm {
        /// The subject's common name.
        common_name: String,
    },
    /// OpenSSL refused a step.
    #[error("make `{common_name}`: {step}: {source}")]
    Build {
        /// The subject's common name.
        common_name: String,
        /// Which step.
        step: &'static str,
        /// What OpenSSL said.
        source: ErrorStack,
    },
}

impl Hint for PkiError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::IssuerKey(_) | Self::Key(_) => "the key must be an unencrypted PEM file",
            Self::PairMismatch { .. } => "put the matching pair back from a backup",
            Self::KeyMismatch { .. } => {
                "one of the two was replaced: put the matching pair back from a backup, or rotate the CA"
            }
            Self::IssuerNotValid { .. } => {
                "compare the clocks of this machine and the node; an expired CA must be rotated"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn moment(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map(|moment| moment.to_string()).unwrap_or_default()
}
