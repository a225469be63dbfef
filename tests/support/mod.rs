//! What several integration tests share: nothing here is a test.

pub(crate) mod availability;
pub(crate) mod lab;
pub(crate) mod sshd;
