//! Colour. Everything is readable without it: it only repeats what signs and words already say.

/// What a piece of text means, which decides how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As the terminal has it.
    Plain,
    /// Something that appears.
    Added,
    /// Something that goes away.
    Removed,
    /// Something that changes.
    Changed,
    /// A title.
    Heading,
    /// What one may skip.
    Faint,
    /// What one must not skip.
    Warning,
    /// What went wrong.
    Error,
}

impl Tone {
    /// The parameters of the terminal's "select graphic rendition" sequence (ECMA-48, 8.3.117).
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Added => "32",
            Self::Removed => "31",
            Self::Changed => "33",
            Self::Heading => "1",
            Self::Faint => "2",
            Self::Warning => "1;33",
            Self::Error => "1;31",
        }
    }
}

/// Whether text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    /// Whether escape sequences are written at all.
    pub color: bool,
}

impl Paint {
    /// The text in its tone.
    pub fn tone(self, tone: Tone, text: &str) -> String {
        self.sequence(tone, tone.code(), text)
    }

    /// The text in its tone, bold and underlined: the changed words of a line.
    pub fn marked(self, tone: Tone, text: &str) -> String {
        self.sequence(tone, &format!("{};1;4", tone.code()), text)
    }

    fn sequence(self, tone: Tone, code: &str, text: &str) -> String {
        if !self.color || text.is_empty() || (tone == Tone::Plain && code == "0") {
            return text.to_owned();
        }
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}
