//! Scripts and their framed replies. A script is a list of named sections of POSIX sh that one `sh -s` runs in order;
//! the reply holds the output of each. Building and parsing are pure.
//!
//! The frame exists since an SSH exit status cannot be trusted: libssh2 reports 0 when the session process was killed,
//! when the command died of a signal and when sshd's `ChannelTimeout` cut the channel (libssh2#2515).

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// A POSIX sh script, run as root by `sh -s` with the script on standard input: it may hold secrets, and so it never
/// appears in argv and has no `Debug` of its text.
///
/// Paths on the node are written `"$R"/etc/…` (see [`rooted`]): `$R` is empty on a real node and the directory of a
/// local tree. The sections share one shell: variables and functions of one are there in the next. A section that exits
/// ends the script; its exit code is the script's.
#[derive(Clone)]
pub struct Script {
    title: String,
    sections: Vec<(String, Zeroizing<String>)>,
}

impl Script {
    /// An empty script. The title is what users read in errors: "read state".
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), sections: Vec::new() }
    }

    /// Adds a section; the name is a plain word.
    #[must_use]
    pub fn section(mut self, name: impl Into<String>, body: impl Into<String>) -> Self {
        self.sections.push((name.into(), Zeroizing::new(body.into())));
        self
    }

    /// With the sections of another one after its own, and that one's title.
    pub(super) fn followed_by(mut self, other: Self) -> Self {
        self.sections.extend(other.sections);
        Self { title: other.title, sections: self.sections }
    }

    /// What users read in errors.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The sections, name and body, in order.
    pub fn sections(&self) -> impl Iterator<Item = (&str, &str)> {
        self.sections.iter().map(|(name, body)| (name.as_str(), body.as_str()))
    }

    /// The script without the section of a name.
    pub(super) fn without(&self, name: &str) -> Self {
        let sections = self.sections.iter().filter(|(other, _)| other != name).cloned().collect();
        Self { title: self.title.clone(), sections }
    }

    /// The script with the first half of its sections, as if it had been interrupted there.
    pub(super) fn first_half(&self) -> Self {
        Self { title: self.title.clone(), sections: self.sections[..self.sections.len() / 2].to_vec() }
    }

    /// The text for `sh -s`. `nonce` marks the frame's own lines and must be new and unguessable for each run; `root` is
    /// the value of `$R`.
    ///
    /// All of it is one function, called on the last line: a shell runs what it has read as it reads it, and of a script
    /// that was cut on its way (the connection broke while it was sent) it must run nothing rather than the first half.
    /// The positional parameters belong to that function; a section that says `return` instead of `exit` is a mistake,
    /// and ends the script with code 125.
    pub fn render(&self, nonce: &str, root: &str) -> Zeroizing<String> {
        // Enough for all of it: growing would leave copies of secrets behind in freed memory.
        let length: usize = self.sections.iter().map(|(name, body)| 2 * name.len() + body.len() + 256).sum();
        let mut text = Zeroizing::new(String::with_capacity(length + 2 * root.len() + 1024));
        // A section may leave by `exit` at any point: the trap still writes the last line, which a killed shell cannot.
        // bash runs that trap when it dies of a signal too, with the code of whatever came before: no last line then.
        let _ = writeln!(
            text,
            "harden_called=\nharden_main() {{\nexport LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\numask 077\nR={}\n\
             harden_section=\n\
             trap 'harden_rc=$?; trap - EXIT; [ -z \"$harden_section\" ] || printf \"\\n%s END %s\\n\" {nonce} \"$harden_rc\"; printf \"%s DONE %s\\n\" {nonce} \"$harden_rc\"' EXIT\n\
             trap 'trap - EXIT; exit 143' HUP INT TERM",
            quote(root)
        );
        // Every printf is a write, and every write a packet and a turn of two processes: one for the end of a section and
        // what follows it.
        for (index, (name, body)) in self.sections.iter().enumerate() {
            let end = if index == 0 { "" } else { "\\n%s END %s\\n" };
            let ended = if index == 0 { String::new() } else { format!(" {nonce} \"$harden_rc\"") };
            // The rest of the script may stand on standard input: a command that reads from there must not get it.
            let _ = writeln!(
                text,
                "harden_section={name}\nprintf '{end}%s BEGIN %s\\n'{ended} {nonce} {name}\n\
                 {{ :\n{}\n}} </dev/null\nharden_rc=$?",
                body.as_str()
            );
        }
        if !self.sections.is_empty() {
            let _ = writeln!(
                text,
                // A stray brace in a section ends the function early: what follows it runs all the same.
                "[ -n \"$harden_called\" ] || exit 125\ntrap - EXIT\nprintf '\\n%s END %s\\n%s DONE 0\\n' {nonce} \"$harden_rc\" {nonce}"
            );
        }
        text.push_str("exit 0\n}\nharden_called=1; harden_main; exit 125\n");
        text
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Script({:?})", self.title)
    }
}

/// The output of one section.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Section {
    /// The exit code of its last command.
    pub code: i32,
    /// Its standard output, as it was.
    pub output: Vec<u8>,
}

impl Section {
    /// The output as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }
}

/// The reply to a script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// The exit code of the script.
    pub code: i32,
    /// The output of each section that began.
    pub sections: BTreeMap<String, Section>,
    /// Standard error, as far as it was kept.
    pub stderr: String,
}

impl Reply {
    /// Parses what came back on standard output. `None` when the last line is missing: the outcome is unknown.
    /// Whatever stands before the first section (a shell's start files may print) is dropped.
    pub fn parse(output: &[u8], nonce: &str, stderr: String) -> Option<Self> {
        let mut reply = Self { stderr, ..Self::default() };
        let mut open: Option<(String, Vec<u8>)> = None;
        let mut done = None;
        for line in output.split_inclusive(|byte| *byte == b'\n') {
            match marker(line, nonce) {
                Some(Marker::Begin(name)) => open = Some((name, Vec::new())),
                Some(Marker::End(code)) => {
                    if let Some((name, mut output)) = open.take() {
                        // The newline in front of END is the frame's.
                        output.pop();
                        reply.sections.insert(name, Section { code, output });
                    }
                }
                Some(Marker::Done(code)) => done = Some(code),
                None => {
                    if let Some((_, output)) = &mut open {
                        output.extend_from_slice(line);
                    }
                }
            }
        }
        reply.code = done?;
        Some(reply)
    }

    /// The last lines of standard error, joined, for a message.
    pub fn last_words(&self) -> String {
        super::capture::last_words(&self.stderr)
    }

    /// The output of a section; empty when it did not run.
    pub fn section(&self, name: &str) -> Section {
        self.sections.get(name).cloned().unwrap_or_default()
    }
}

enum Marker {
    Begin(String),
    End(i32),
    Done(i32),
}

fn marker(line: &[u8], nonce: &str) -> Option<Marker> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let rest = line.strip_prefix(nonce)?.strip_prefix(' ')?;
    match rest.split_once(' ')? {
        ("BEGIN", name) => Some(Marker::Begin(name.to_owned())),
        ("END", code) => Some(Marker::End(code.parse().ok()?)),
        ("DONE", code) => Some(Marker::Done(code.parse().ok()?)),
        _ => None,
    }
}

/// Quotes a text for sh, whatever is in it: `it's` becomes `'it'\''s'`.
///
/// ```
/// assert_eq!(harden::remote::quote("it's"), r"'it'\''s'");
/// ```
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A path on the node for use in a script, below `$R`.
///
/// ```
/// assert_eq!(harden::remote::rooted("/etc/a b"), r#""$R"'/etc/a b'"#);
/// ```
pub fn rooted(path: &str) -> String {
    format!("\"$R\"{}", quote(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_taken_apart() {
        let output = b"motd\nN BEGIN a\nx\n\nN END 0\nN BEGIN b\nno newline\nN END 3\nN DONE 3\n";
        let reply = Reply::parse(output, "N", String::new()).unwrap();
        assert_eq!(reply.code, 3);
        assert_eq!(reply.section("a").output, b"x\n");
        assert_eq!(reply.section("b"), Section { code: 3, output: b"no newline".to_vec() });
    }

    #[test]
    fn a_missing_last_line_is_no_reply() {
        assert_eq!(Reply::parse(b"N BEGIN a\nx\n\nN END 0\n", "N", String::new()), None);
        assert_eq!(Reply::parse(b"N BEGIN a\nx\n\nN END 0\nN DONE 0", "N", String::new()), None);
        assert_eq!(Reply::parse(b"", "N", String::new()), None);
    }
}
