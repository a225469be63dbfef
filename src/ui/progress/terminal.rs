//! Moving lines on a terminal. It shows the lines it is given and knows nothing of events.

use crate::secret::mask;
use crate::ui::Output;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Lines shown at once; of the rest there is only a number.
const LINES: usize = 16;

/// A block of lines at the bottom of the terminal.
#[derive(Debug)]
pub(super) struct Terminal {
    display: MultiProgress,
    bars: Vec<ProgressBar>,
}

impl Terminal {
    pub(super) fn new(output: &Output) -> Self {
        let display = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        output.draws(Some(display.clone()));
        Self { display, bars: Vec::new() }
    }

    /// Replaces the lines.
    pub(super) fn show(&mut self, lines: &[String]) {
        let mut texts: Vec<String> = lines.iter().take(LINES).map(|line| mask(line).into_owned()).collect();
        if lines.len() > LINES {
            texts.push(format!("and {} more", lines.len() - LINES));
        }
        while self.bars.len() > texts.len() {
            if let Some(bar) = self.bars.pop() {
                bar.finish_and_clear();
                self.display.remove(&bar);
            }
        }
        while self.bars.len() < texts.len() {
            let bar = self.display.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                bar.set_style(style);
            }
            self.bars.push(bar);
        }
        for (bar, text) in self.bars.iter().zip(texts) {
            bar.set_message(text);
            bar.tick();
        }
    }

    /// Takes all lines away.
    pub(super) fn clear(&mut self) {
        self.show(&[]);
    }
}
