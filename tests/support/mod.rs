//! What several suites share: real servers on loopback.

pub(crate) mod sshd;
