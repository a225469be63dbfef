//! What a running script has printed so far. Standard output is kept whole, standard error only up to a limit: it is read
//! by people, and a script in a loop could fill the memory of the whole run.

/// How much of standard error is kept.
const MOST_STDERR: usize = 64 * 1024;

/// What a running script has printed so far.
#[derive(Debug, Default)]
pub(super) struct Capture {
    pub(super) stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Capture {
    /// Adds to standard error, or drops what is beyond the limit.
    pub(super) fn add_stderr(&mut self, bytes: &[u8]) {
        let room = MOST_STDERR.saturating_sub(self.stderr.len());
        self.stderr.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Standard error as text.
    pub(super) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// Whether the output ends with the frame's last line.
pub(super) fn is_complete(output: &[u8], nonce: &str) -> bool {
    let Some(body) = output.strip_suffix(b"\n") else { return false };
    let start = body.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    body[start..].strip_prefix(nonce.as_bytes()).is_some_and(|rest| rest.starts_with(b" DONE "))
}

/// A marker that no script and no file on a node can know.
pub(super) fn nonce() -> Result<String, openssl::error::ErrorStack> {
    let mut bytes = [0_u8; 16];
    openssl::rand::rand_bytes(&mut bytes)?;
    Ok(bytes.iter().fold(String::from("harden-"), |text, byte| format!("{text}{byte:02x}")))
}

/// The last words of standard error, for a message: a few lines, joined.
pub(super) fn last_words(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_recognized() {
        assert!(is_complete(b"N DONE 0\n", "N"));
        assert!(is_complete(b"x\nN DONE 0\n", "N"));
        assert!(!is_complete(b"x\nN DONE 0", "N"));
        assert!(!is_complete(b"xN DONE 0\n", "N"));
        assert!(!is_complete(b"N DONE 0\nx\n", "N"));
        assert!(!is_complete(b"", "N"));
    }

    #[test]
    fn standard_error_is_bounded() {
        let mut capture = Capture::default();
        for _ in 0..3 {
            capture.add_stderr(&vec![b'x'; MOST_STDERR / 2 + 1]);
        }
        assert_eq!(capture.stderr().len(), MOST_STDERR);
    }

    #[test]
    fn last_words_are_few() {
        assert_eq!(last_words("a\n\nb\nc\nd\n"), "b; c; d");
        assert_eq!(last_words(""), "");
    }
}
