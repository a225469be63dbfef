//! What several integration tests share: nothing here is a test.

pub(crate) mod availability;
pub(crate) mod findings;
pub(crate) mod lab;
pub(crate) mod matrix;
pub(crate) mod replies;
pub(crate) mod shells;
pub(crate) mod sshd;
pub(crate) mod xml;
