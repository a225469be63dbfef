//! Signs of life on standard error, made from events: one line per active node on a terminal, plain lines with a
//! heartbeat elsewhere, or JSON. It reads a clock for elapsed times and decides nothing.

mod board;
mod terminal;

use super::{Output, Tone, json};
use crate::event::Event;
use board::Board;
use std::fmt;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use terminal::Terminal;

/// How progress is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ProgressMode {
    /// Moving lines on a terminal, plain lines elsewhere.
    #[default]
    Auto,
    /// A line when a step begins, and every 10 seconds for what is still running; times are UTC.
    Plain,
    /// One JSON object per event.
    Json,
    /// Warnings only.
    None,
}

/// Where the time comes from: the time since 1970, which never goes back.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Clock {
    /// The system's clock, read once; from there on the monotonic one.
    pub fn system() -> Self {
        let begin = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let started = Instant::now();
        Self::from_fn(move || begin + started.elapsed())
    }

    /// Any clock.
    pub fn from_fn(now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    fn now(&self) -> Duration {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

enum Display {
    Terminal(Terminal),
    Plain,
    Json,
    Warnings,
    Nothing,
}

struct Shown {
    board: Board,
    display: Display,
}

struct Inner {
    output: Output,
    clock: Clock,
    shown: Mutex<Shown>,
}

/// The progress of one run. It takes events from several threads; dropping it clears the display.
pub struct Progress {
    inner: Arc<Inner>,
    ticker: Option<(Sender<()>, JoinHandle<()>)>,
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

impl Progress {
    /// Progress with the system's clock, and a thread that keeps the display alive between events. `quiet` silences
    /// everything, warnings too.
    pub fn start(output: Output, mode: ProgressMode, quiet: bool) -> Self {
        let mut progress = Self::new(output, mode, quiet, Clock::system());
        let interval = match progress.inner.lock().display {
            Display::Terminal(_) => Some(Duration::from_millis(100)),
            Display::Plain => Some(Duration::from_secs(1)),
            Display::Json | Display::Warnings | Display::Nothing => None,
        };
        let Some(interval) = interval else { return progress };
        let inner = Arc::clone(&progress.inner);
        let (stop, stopped) = channel();
        let work = move || {
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                inner.tick();
            }
        };
        // Without the thread there is no heartbeat, which is no reason to fail a run.
        if let Ok(thread) = std::thread::Builder::new().name(String::from("progress")).spawn(work) {
            progress.ticker = Some((stop, thread));
        }
        progress
    }

    /// Progress with another clock and without a thread: [`Progress::tick`] is called by hand.
    pub fn new(output: Output, mode: ProgressMode, quiet: bool, clock: Clock) -> Self {
        let display = match mode {
            _ if quiet => Display::Nothing,
            ProgressMode::Auto if output.stderr_is_terminal() => Display::Terminal(Terminal::new(&output)),
            ProgressMode::Auto | ProgressMode::Plain => Display::Plain,
            ProgressMode::Json => Display::Json,
            ProgressMode::None => Display::Warnings,
        };
        let shown = Mutex::new(Shown { board: Board::default(), display });
        Self { inner: Arc::new(Inner { output, clock, shown }), ticker: None }
    }

    /// Takes an event in. `&|event| progress.emit(&event)` is a [`crate::event::Listener`].
    pub fn emit(&self, event: &Event) {
        self.inner.emit(event);
    }

    /// Shows what time alone changes: elapsed times, and the heartbeat of plain lines.
    pub fn tick(&self) {
        self.inner.tick();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.ticker.take() {
            drop(stop);
            let _ = thread.join();
        }
        if let Display::Terminal(terminal) = &mut self.inner.lock().display {
            terminal.clear();
        }
        self.inner.output.draws(None);
    }
}

impl Inner {
    fn lock(&self) -> std::sync::MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn emit(&self, event: &Event) {
        let now = self.clock.now();
        let mut shown = self.lock();
        let Shown { board, display } = &mut *shown;
        match display {
            Display::Json => self.output.message(&json::event(event, now)),
            Display::Plain => {
                let lines = board.take(event, now);
                for line in lines {
                    self.output.message(&format!("{} {line}", board::time_of_day(now)));
                }
            }
            Display::Terminal(terminal) => {
                board.take(event, now);
                if let Some(line) = board.kept(event) {
                    self.output.message(&line);
                }
                terminal.show(&board.active(now));
            }
            Display::Warnings => {
                if let Event::Warning { .. } = event {
                    for line in board.take(event, now) {
                        self.output.message(&self.output.stderr_paint().tone(Tone::Warning, &line));
                    }
                }
            }
            Display::Nothing => {}
        }
    }

    fn tick(&self) {
        let now = self.clock.now();
        let mut shown = self.lock();
        let Shown { board, display } = &mut *shown;
        match display {
            Display::Plain => {
                for line in board.heartbeat(now) {
                    self.output.message(&format!("{} {line}", board::time_of_day(now)));
                }
            }
            Display::Terminal(terminal) => terminal.show(&board.active(now)),
            Display::Json | Display::Warnings | Display::Nothing => {}
        }
    }
}
