//! Lines of stdin in chunks, from a thread of their own: reading stdin blocks.

use std::io::Read;
use std::thread;

use tokio::sync::mpsc;

const CHUNK_BYTES: usize = 64 * 1024;
const CHUNKS_MAX: usize = 4;

/// Whole lines.
pub(crate) struct Chunk {
    /// The first line's number, from 1.
    pub(crate) first_line: u64,
    bytes: Vec<u8>,
}

pub(crate) struct Line<'a> {
    pub(crate) number: u64,
    /// Without the newline.
    pub(crate) bytes: &'a [u8],
}

impl Chunk {
    pub(crate) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let lines = self.bytes.split_inclusive(|byte| *byte == b'\n');
        (self.first_line..)
            .zip(lines)
            .map(|(number, line)| Line { number, bytes: line.strip_suffix(b"\n").unwrap_or(line) })
    }
}

/// The lines of stdin, or why it could not be read. A line longer than `line_max` ends it: it is not kept.
pub(crate) fn read_stdin(line_max: usize) -> mpsc::Receiver<Result<Chunk, String>> {
    let (chunks, receiver) = mpsc::channel(CHUNKS_MAX);
    // Not tokio's: a thread that waits for a terminal must not keep the process from ending.
    thread::spawn(move || {
        let mut first_line = 1;
        let mut read = |bytes| {
            let chunk = Chunk { first_line, bytes };
            first_line += chunk.lines().count() as u64;
            chunks.blocking_send(Ok(chunk)).is_ok()
        };
        if let Err(reason) = split(std::io::stdin().lock(), line_max, &mut read) {
            let _ = chunks.blocking_send(Err(format!("line {first_line}: {reason}")));
        }
    });
    receiver
}

/// Passes on whole lines as soon as they are there, until `pass` says that nobody wants them.
fn split(mut from: impl Read, line_max: usize, pass: &mut impl FnMut(Vec<u8>) -> bool) -> Result<(), String> {
    let mut rest = Vec::new();
    loop {
        let mut bytes = Vec::with_capacity(rest.len() + CHUNK_BYTES);
        bytes.append(&mut rest);
        let kept = bytes.len();
        bytes.resize(kept + CHUNK_BYTES, 0);
        let count = from.read(&mut bytes[kept..]).map_err(|error| format!("stdin: {error}"))?;
        bytes.truncate(kept + count);
        let whole = if count == 0 { bytes.len() } else { last_newline(&bytes, kept) };
        rest = bytes.split_off(whole);
        if !bytes.is_empty() && !pass(bytes) {
            return Ok(());
        }
        if rest.len() > line_max {
            return Err(format!("longer than a batch of {line_max} bytes; see --batch-bytes"));
        }
        if count == 0 {
            return Ok(());
        }
    }
}

/// Where the last whole line ends; there is none in the first `searched` bytes.
fn last_newline(bytes: &[u8], searched: usize) -> usize {
    bytes[searched..].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| searched + at + 1)
}
