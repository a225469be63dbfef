//! Standard output and error: one owner, so that every byte is masked and nothing tears a progress display apart.
//! What is printed is decided elsewhere.

use super::Paint;
use crate::secret::mask;
use indicatif::MultiProgress;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Width where no terminal says otherwise, so that logs of CI are all alike.
const DEFAULT_WIDTH: usize = 120;

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set; `CLICOLOR_FORCE` switches it on elsewhere.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    fn decide<S: anstream::stream::RawStream>(self, stream: &S) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never,
        }
    }
}

/// How results are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Colour.
    pub paint: Paint,
    /// Columns of a line.
    pub width: usize,
    /// Whether nothing is shortened or folded.
    pub verbose: bool,
}

/// Whether somebody still reads standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It was written.
    Written,
    /// The reader has closed the pipe (`harden plan | head`). No error: it has seen what it wanted, and what the run
    /// does on nodes must not depend on it. Nothing more is written, and the exit code is the verb's own.
    ReaderGone,
}

/// Standard output could not be written (a full disk, a closed descriptor).
#[derive(Debug, thiserror::Error)]
#[error("write to standard output")]
pub struct OutputError(#[from] io::Error);

type Sink = Mutex<Box<dyn Write + Send>>;

struct Streams {
    stdout: Sink,
    stderr: Sink,
    reader_gone: Mutex<bool>,
    drawing: Mutex<Option<MultiProgress>>,
    view: View,
    stderr_paint: Paint,
    stderr_is_terminal: bool,
}

/// The owner of standard output and error; clones share it.
#[derive(Clone)]
pub struct Output(Arc<Streams>);

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("view", &self.0.view).finish_non_exhaustive()
    }
}

impl Output {
    /// The process's own streams.
    pub fn process(color: Color) -> Self {
        let terminal = console::Term::stdout();
        let width = match terminal.size_checked() {
            Some((_, columns)) if terminal.is_term() && columns > 0 => usize::from(columns),
            _ => DEFAULT_WIDTH,
        };
        let view = View { paint: Paint { color: color.decide(&io::stdout()) }, width, verbose: false };
        Self(Arc::new(Streams {
            stdout: Mutex::new(Box::new(io::stdout())),
            stderr: Mutex::new(Box::new(io::stderr())),
            reader_gone: Mutex::new(false),
            drawing: Mutex::new(None),
            view,
            stderr_paint: Paint { color: color.decide(&io::stderr()) },
            stderr_is_terminal: io::stderr().is_terminal(),
        }))
    }

    /// Other streams, neither of them a terminal.
    pub fn to(stdout: Box<dyn Write + Send>, stderr: Box<dyn Write + Send>, paint: Paint) -> Self {
        Self(Arc::new(Streams {
            stdout: Mutex::new(stdout),
            stderr: Mutex::new(stderr),
            reader_gone: Mutex::new(false),
            drawing: Mutex::new(None),
            view: View { paint, width: DEFAULT_WIDTH, verbose: false },
            stderr_paint: paint,
            stderr_is_terminal: false,
        }))
    }

    /// How results on standard output are laid out.
    pub fn view(&self, verbose: bool) -> View {
        View { verbose, ..self.0.view }
    }

    /// Colour on standard error.
    pub fn stderr_paint(&self) -> Paint {
        self.0.stderr_paint
    }

    /// Whether standard error is a terminal.
    pub fn stderr_is_terminal(&self) -> bool {
        self.0.stderr_is_terminal
    }

    /// Writes a result to standard output, with a newline at its end.
    pub fn result(&self, text: &str) -> Result<Delivery, OutputError> {
        let mut gone = self.0.reader_gone.lock().unwrap_or_else(PoisonError::into_inner);
        if *gone {
            return Ok(Delivery::ReaderGone);
        }
        match self.undisturbed(|| write(&self.0.stdout, text)) {
            Ok(()) => Ok(Delivery::Written),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                *gone = true;
                Ok(Delivery::ReaderGone)
            }
            Err(error) => Err(OutputError(error)),
        }
    }

    /// Writes a message to standard error, with a newline at its end. It cannot fail: there is nobody left to tell.
    pub fn message(&self, text: &str) {
        let _ = self.undisturbed(|| write(&self.0.stderr, text));
    }

    /// Writes a question to standard error and leaves the cursor behind it.
    pub(super) fn question(&self, text: &str) {
        let _ = self.undisturbed(|| {
            let mut stderr = self.0.stderr.lock().unwrap_or_else(PoisonError::into_inner);
            write!(stderr, "{} ", mask(text))?;
            stderr.flush()
        });
    }

    /// Says that a progress display draws on standard error; it is cleared around every other write.
    pub(super) fn draws(&self, display: Option<MultiProgress>) {
        *self.0.drawing.lock().unwrap_or_else(PoisonError::into_inner) = display;
    }

    fn undisturbed<R>(&self, write: impl FnOnce() -> R) -> R {
        let display = self.0.drawing.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match display {
            Some(display) => display.suspend(write),
            None => write(),
        }
    }
}

fn write(sink: &Sink, text: &str) -> io::Result<()> {
    // Masked as a whole: a secret cut in two by two writes would pass.
    let masked = mask(text);
    let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
    sink.write_all(masked.as_bytes())?;
    if !masked.ends_with('\n') {
        sink.write_all(b"\n")?;
    }
    sink.flush()
}
