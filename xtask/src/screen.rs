//! What a person sees while it runs: lines, and a bar below them on a terminal.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Without a terminal, progress is a line at most this often.
const PROGRESS_LINE_INTERVAL: Duration = Duration::from_secs(2);

/// Lines on standard output, or on standard error where standard output is for a program.
pub(crate) struct Screen {
    to_stderr: bool,
    bar: Option<ProgressBar>,
    last_line: Instant,
}

impl Screen {
    pub(crate) fn new(to_stderr: bool) -> Self {
        Self { to_stderr, bar: None, last_line: Instant::now() }
    }

    /// Prints a line above the bar.
    pub(crate) fn line(&self, text: &str) {
        let print = || if self.to_stderr { eprintln!("{text}") } else { println!("{text}") };
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Shows a bar that is full at `total`.
    pub(crate) fn start_bar(&mut self, total: u64, what: &'static str) {
        let style = ProgressStyle::with_template(
            "{elapsed_precise} [{bar:40}] {pos} of {len} {msg}, {per_sec}, {eta} left",
        );
        let bar = ProgressBar::new(total).with_message(what);
        self.bar = Some(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())));
        self.last_line = Instant::now();
    }

    /// Moves the bar.
    pub(crate) fn progress(&mut self, position: u64) {
        let Some(bar) = &self.bar else { return };
        bar.set_position(position);
        if bar.is_hidden() && self.last_line.elapsed() > PROGRESS_LINE_INTERVAL {
            self.last_line = Instant::now();
            let text = format!("{position} of {} {}", bar.length().unwrap_or(0), bar.message());
            self.line(&text);
        }
    }

    /// Takes the bar away.
    pub(crate) fn end_bar(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
