//! What several integration tests share: nothing here is a test.

pub(crate) mod lab;
