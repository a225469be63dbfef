//! Probes that are installed on a node, for a key that is locked to them: the script, and the question that it takes. Both
//! ends of that conversation are here; it knows nothing of files, users or keys.
//!
//! With `command=` in `authorized_keys`, sshd runs the installed script whatever is asked for. So no script is sent: a line
//! on standard input names the probe that is expected, by its digest, and gives the nonce of the frame. A node with
//! other probes answers which it has.

use super::{Probe, Reply};
use std::fmt::Write as _;

/// Where the script is installed.
pub const PATH: &str = "/usr/local/sbin/harden-drift-probe";

/// The first word of a question. It changes with the form of questions and answers.
const VERSION: &str = "harden-probe-1";

/// How many hexadecimal digits a nonce has.
const NONCE: usize = 32;

/// The length of a question without the end of its line: the version, a nonce and a digest.
const LENGTH: usize = VERSION.len() + 1 + NONCE + 1 + 64;

/// The section in which a script that has not the probe names those that it has.
const OTHERS: &str = "installed";

/// What marks the frame's lines in the text of a script: a variable, since a script that is installed meets many a nonce.
const MARK: &str = "\"$harden_nonce\"";

/// The script with these probes, for any POSIX shell. Only root may write it, and only root should run it.
///
/// It depends on what is read and on nothing else: not on what is expected there, and on no secret.
pub fn script(probes: &[Probe]) -> String {
    let mut text = format!(
        "#!/bin/sh\n# The probe of `harden drift`: reads this node and changes nothing.\n# It is generated: \
         harden answers for this text, and notices another one by its digest.\n#\n\
         harden_version={VERSION}\nharden_length={LENGTH}\n{}case $harden_asked in\n",
        include_str!("installed.sh")
    );
    let mut digests = String::new();
    for probe in probes {
        let digest = digest(probe);
        let _ = write!(text, "{digest})\n{}\n;;\n", rendered(probe));
        let _ = write!(digests, "{digest}\\n");
    }
    let _ = write!(
        text,
        "*)\nprintf '%s BEGIN {OTHERS}\\n{digests}\\n%s END 0\\n%s DONE 0\\n' {MARK} {MARK} {MARK}\n;;\nesac\n"
    );
    text
}

/// SHA-256 of a probe as it is installed.
pub fn digest(probe: &Probe) -> String {
    let digest = openssl::sha::sha256(rendered(probe).as_bytes());
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What is written to the script to have a probe of it run. The nonce is one of [`nonce`](super::capture::nonce).
pub(super) fn question(probe: &Probe, nonce: &str) -> String {
    format!("{VERSION} {} {}\n", nonce.strip_prefix("harden-").unwrap_or(nonce), digest(probe))
}

/// Whether the script answered that it has not the probe.
pub(super) fn is_other(reply: &Reply) -> bool {
    reply.sections.contains_key(OTHERS)
}

fn rendered(probe: &Probe) -> String {
    probe.script().without(Probe::KNOWN).render(MARK, "").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::Script;

    fn probe(known: &str, body: &str) -> Probe {
        Probe::that_only_reads(Script::new("t").section(Probe::KNOWN, known).section("a", body))
    }

    #[test]
    fn the_digest_is_of_what_is_read_and_not_of_what_is_known() {
        assert_eq!(digest(&probe("x=1", "cat a")), digest(&probe("x=2", "cat a")));
        assert_ne!(digest(&probe("x=1", "cat a")), digest(&probe("x=1", "cat b")));
        assert!(!script(&[probe("x=1", "cat a")]).contains("x=1"));
    }

    #[test]
    fn a_question_has_the_length_that_is_taken() {
        let nonce = crate::remote::capture::nonce().unwrap();
        let question = question(&probe("", ""), &nonce);
        assert_eq!(question.trim_end().len(), LENGTH);
        assert!(question.ends_with('\n'));
    }
}
