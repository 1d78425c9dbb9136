//! What happened when: one file for all who take part, for whoever has to explain a failed run.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::silence::Window;

/// A file of lines, each with its seconds since the start and who says it.
pub(super) struct Logbook {
    start: Instant,
    file: Mutex<BufWriter<File>>,
}

impl Logbook {
    pub(super) fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("writing {}", path.display()))?;
        Ok(Self { start: Instant::now(), file: Mutex::new(BufWriter::new(file)) })
    }

    /// Adds a line. Nothing depends on it, so a full disk only costs the line.
    pub(super) fn line(&self, who: &str, text: &str) {
        let seconds = self.start.elapsed().as_secs_f64();
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(file, "{seconds:9.3} {who:7} {text}");
    }

    /// Adds how long a client took to recover from a fault.
    pub(super) fn recovery(&self, who: &str, fault: Window, time: Option<Duration>) {
        let seconds = |at: Instant| at.saturating_duration_since(self.start).as_secs_f64();
        let Window { from, to } = fault;
        self.line(
            who,
            &format!("fault from {:.3} to {:.3}: {time:.3?} to recover", seconds(from), seconds(to)),
        );
    }

    /// Makes sure that all lines are in the file.
    pub(super) fn flush(&self) {
        let _ = self.file.lock().unwrap_or_else(PoisonError::into_inner).flush();
    }
}
