//! The firmware's defmt frames, made readable with what its ELF file knows about them.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use defmt_decoder::{DecodeError, Frame, Location, Table};
use defmt_parser::Level;

use super::firmware::Elf;
use crate::workspace::root;

/// The texts and places of all log statements of a firmware.
pub(crate) struct Dictionary {
    table: Table,
    locations: BTreeMap<u64, Location>,
}

impl Dictionary {
    pub(crate) fn read(elf: &Elf) -> Result<Self> {
        let none = || anyhow!("{} has no defmt table", elf.path().display());
        let table = Table::parse(elf.bytes())?.ok_or_else(none)?;
        // Without debug information the lines are still worth reading.
        let locations = table.get_locations(elf.bytes()).unwrap_or_default();
        Ok(Self { table, locations })
    }

    /// Calls `show` with each line that the bytes from `read` make, until `read` gives none.
    pub(crate) fn decode(&self, mut read: impl FnMut(&mut [u8]) -> usize, mut show: impl FnMut(String)) {
        let mut decoder = self.table.new_stream_decoder();
        let mut buffer = [0; 4096];
        loop {
            let count = read(&mut buffer);
            if count == 0 {
                return;
            }
            decoder.received(&buffer[..count]);
            loop {
                match decoder.decode() {
                    Ok(frame) => show(self.line(&frame)),
                    Err(DecodeError::UnexpectedEof) => break,
                    Err(DecodeError::Malformed) => {
                        show("(a log frame that cannot be read)".into());
                        if !self.table.encoding().can_recover() {
                            return;
                        }
                    }
                }
            }
        }
    }

    /// `[seconds] LEVEL message`, and where it was said if it is a warning or worse.
    fn line(&self, frame: &Frame<'_>) -> String {
        let time = frame.display_timestamp().map(|t| t.to_string()).unwrap_or_default();
        let level = frame.level().map_or("PRINT", name);
        let mut line = format!("[{time}] {level:5} {}", frame.display_message());
        if matches!(frame.level(), Some(Level::Warn | Level::Error))
            && let Some(place) = self.locations.get(&frame.index())
        {
            let file = place.file.strip_prefix(root()).unwrap_or(&place.file);
            line.push_str(&format!(" ({}:{})", file.display(), place.line));
        }
        line
    }
}

fn name(level: Level) -> &'static str {
    match level {
        Level::Trace => "TRACE",
        Level::Debug => "DEBUG",
        Level::Info => "INFO",
        Level::Warn => "WARN",
        Level::Error => "ERROR",
    }
}
