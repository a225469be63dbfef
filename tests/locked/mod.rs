//! A key that is locked to the probe: the installed script under every shell, and the whole of it with a real sshd and sudo.

mod script;
mod sshd;
