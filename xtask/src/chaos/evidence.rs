//! What a failed run leaves behind, beside the logs: every record as the client and as the consumer told it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use nanokafka_cluster::board::Id;
use nanokafka_cluster::verdict::{Consumed, Submitted};

/// Writes `NAME-submitted.txt` in the order of submission, and `NAME-consumed.txt` in that of the log.
pub(super) fn write(
    dir: &Path,
    name: &str,
    submitted: &[Submitted<Id>],
    consumed: &[Consumed<Id>],
) -> Result<()> {
    let told = submitted.iter().map(|record| format!("{:?} {:?}", record.id, record.outcome));
    lines(&dir.join(format!("{name}-submitted.txt")), told)?;
    let read =
        consumed.iter().map(|record| format!("{}/{} {:?}", record.partition, record.offset, record.id));
    lines(&dir.join(format!("{name}-consumed.txt")), read)
}

fn lines(path: &Path, all: impl Iterator<Item = String>) -> Result<()> {
    let what = || format!("writing {}", path.display());
    let mut file = BufWriter::new(File::create(path).with_context(what)?);
    for line in all {
        writeln!(file, "{line}").with_context(what)?;
    }
    file.flush().with_context(what)
}
