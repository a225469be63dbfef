//! Moving lines on a terminal. It shows the lines it is given and knows nothing of events.

use super::board::Line;
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
    pub(super) fn show(&mut self, lines: &[Line]) {
        let mut lines_shown: Vec<Line> = lines.iter().take(LINES).cloned().collect();
        if lines.len() > LINES {
            let text = format!("and {} more", lines.len() - LINES);
            lines_shown.push(Line { text, elapsed: String::new() });
        }
        while self.bars.len() > lines_shown.len() {
            if let Some(bar) = self.bars.pop() {
                bar.finish_and_clear();
                self.display.remove(&bar);
            }
        }
        while self.bars.len() < lines_shown.len() {
            let bar = self.display.add(ProgressBar::new_spinner());
            // The text is cut to the width of the terminal; the time behind it is not.
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}  {prefix}") {
                bar.set_style(style);
            }
            self.bars.push(bar);
        }
        for (bar, line) in self.bars.iter().zip(lines_shown) {
            bar.set_message(mask(&line.text).into_owned());
            bar.set_prefix(line.elapsed);
            bar.tick();
        }
    }

    /// Takes all lines away.
    pub(super) fn clear(&mut self) {
        self.show(&[]);
    }
}
