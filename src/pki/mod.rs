//! Certificates: reading what one says, and issuing with a CA. It decides nothing but what was asked; the clock is passed
//! in, and no file is touched.

mod error;
mod issue;
mod read;

pub use error::PkiError;
pub use issue::{Issued, issue};
pub use read::{key_digests, read};
