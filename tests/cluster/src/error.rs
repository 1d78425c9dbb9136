//! The one error of this crate: what failed, and how to mend it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a cluster, a tool or a download did not work. Its text says how to mend it.
#[derive(Debug)]
pub enum Error {
    /// A program that is needed is not installed, and could not be installed from here.
    Missing {
        /// The program that was looked for.
        program: String,
        /// The command that installs it.
        install: String,
    },
    /// Reading, writing or starting something failed.
    Io {
        /// What was being done.
        what: String,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A program that was run ended with a failure.
    Failed {
        /// What it was to do.
        what: String,
        /// The end of what it printed.
        output: String,
    },
    /// A cluster did not answer in time, or a node of it ended.
    NotReady {
        /// Which node, and what is wrong with it.
        what: String,
        /// The node's whole log.
        log: PathBuf,
        /// The last lines of that log.
        tail: String,
    },
    /// The caller asked for something that cannot be.
    Invalid(String),
}

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    pub(crate) fn not_ready(what: String, log: &Path) -> Self {
        Self::NotReady { what, log: log.to_owned(), tail: tail(log, 30) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { program, install } => {
                write!(f, "`{program}` is not installed. Install it with: {install}")
            }
            Self::Io { what, source } => write!(f, "{what}: {source}"),
            Self::Failed { what, output } => write!(f, "{what} failed:\n{}", output.trim_end()),
            Self::NotReady { what, log, tail } => {
                write!(f, "{what}. The end of {}:\n{}", log.display(), tail.trim_end())
            }
            Self::Invalid(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Missing { .. } | Self::Failed { .. } | Self::NotReady { .. } | Self::Invalid(_) => None,
        }
    }
}

/// The last `lines` lines of a file, or the reason why there are none.
fn tail(path: &Path, lines: usize) -> String {
    match std::fs::read(path) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let all: Vec<&str> = text.lines().collect();
            all[all.len().saturating_sub(lines)..].join("\n")
        }
        Err(e) => format!("(not readable: {e})"),
    }
}
