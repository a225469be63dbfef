//! Certificates: reading what one says, making CAs and key pairs, issuing with a CA, and the text of kubeconfigs. It decides nothing but what was asked;
//! the clock is passed in, and no file is touched.

mod authority;
mod error;
mod issue;
mod key;
mod kubeconfig;
mod read;

pub use authority::{authority, check_authority, check_key_pair};
pub use error::PkiError;
pub use issue::{Leaf, issue, issue_leaf};
pub use key::{Issued, KeyPair, key_pair};
pub use kubeconfig::{Kubeconfig, leads_to};
pub use read::{fingerprint, fingerprints, key_digests, public_key_fingerprint, read};
