//! What an image has counted, as rows.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::formula;
use super::image::{Image, Line};

/// Instructions per record in batches of `batch`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Steady {
    pub(super) batch: u64,
    pub(super) send: f64,
    /// From the beginning of `poll` until the transport gets the batch.
    pub(super) seal: f64,
    /// `send`, each `poll` until the answer was taken, and `next_delivery`.
    pub(super) whole: f64,
    /// Bytes of requests per record.
    pub(super) bytes: f64,
    pub(super) formula_bytes: f64,
}

/// The most that a call has taken, over a whole life.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) calls: u64,
    pub(super) instructions_most: u64,
    pub(super) stack_bytes: u64,
}

/// All of one image.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    pub(super) image: Image,
    pub(super) steady: Vec<Steady>,
    pub(super) calls: Vec<Call>,
}

impl Counted {
    pub(super) fn read(image: Image, told: &str) -> Result<Self> {
        let steady = Line::all(told, "steady").map(Steady::read).collect::<Result<Vec<_>>>()?;
        let calls = Line::all(told, "call").map(Call::read).collect::<Result<Vec<_>>>()?;
        ensure!(steady.len() == 3 && calls.len() == 5, "lines are missing in:\n{told}");
        Ok(Self { image, steady, calls })
    }

    /// Bytes of the deepest stack of any call.
    pub(super) fn stack_bytes(&self) -> u64 {
        self.calls.iter().map(|call| call.stack_bytes).max().unwrap_or(0)
    }

    /// What is committed and checked: each by its name.
    pub(super) fn figures(&self) -> Vec<(String, f64)> {
        let mut figures = Vec::new();
        for Steady { batch, send, seal, whole, .. } in &self.steady {
            for (name, value) in [("send", send), ("seal", seal), ("whole", whole)] {
                figures.push((format!("{name} of a record, batches of {batch}"), *value));
            }
        }
        for call in &self.calls {
            figures.push((format!("most of {}", call.name), call.instructions_most as f64));
            figures.push((format!("stack of {}", call.name), call.stack_bytes as f64));
        }
        figures
    }

    /// Rows for programs.
    pub(super) fn rows(&self) -> Vec<Value> {
        let Image { target, opt_level, crc, floor, .. } = self.image;
        let steady = self.steady.iter().map(|row| {
            json!({
                "kind": "steady", "target": target, "opt_level": opt_level, "crc": crc, "batch": row.batch,
                "send_instructions": row.send, "seal_instructions": row.seal, "whole_instructions": row.whole,
                "floor_instructions": floor, "bytes_per_reading": row.bytes,
                "formula_bytes_per_reading": row.formula_bytes,
            })
        });
        let calls = self.calls.iter().map(|row| {
            json!({
                "kind": "call", "target": target, "opt_level": opt_level, "crc": crc, "call": row.name,
                "calls": row.calls, "instructions_most": row.instructions_most, "stack_bytes": row.stack_bytes,
            })
        });
        steady.chain(calls).collect()
    }
}

impl Steady {
    fn read(line: Line<'_>) -> Result<Self> {
        let (batch, records) = (line.number("batch")?, line.number("records")?);
        ensure!(batch > 0 && records > 0, "nothing was counted");
        let per_record = |total: u64| (total as f64 / records as f64 * 10.0).round() / 10.0;
        let (send, poll, take) = (line.number("send")?, line.number("poll")?, line.number("take")?);
        // The image has the sizes of its last request and of the batch in it, and the bytes of all.
        let sizes = [line.number("request_bytes")?, line.number("batch_bytes")?];
        let formula = [formula::request_bytes(batch), formula::batch_bytes(batch)];
        ensure!(sizes == formula, "a request and its batch have {sizes:?} bytes, by the formula {formula:?}");
        let (bytes, formula_bytes) = (line.number("bytes")?, formula[0] * (records / batch));
        ensure!(bytes == formula_bytes, "{bytes} bytes were sent, by the formula it were {formula_bytes}");
        Ok(Self {
            batch,
            send: per_record(send),
            seal: per_record(line.number("seal")?),
            whole: per_record(send + poll + take),
            bytes: bytes as f64 / records as f64,
            formula_bytes: formula_bytes as f64 / records as f64,
        })
    }
}

impl Call {
    fn read(line: Line<'_>) -> Result<Self> {
        Ok(Self {
            name: line.text("name")?.to_owned(),
            calls: line.number("calls")?,
            instructions_most: line.number("most")?,
            stack_bytes: line.number("stack")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::image::IMAGES;
    use super::*;

    fn told(bytes: u64) -> String {
        let steady = |batch: u64| {
            format!(
                "NK steady batch={batch} records=100 send=4000 seal=200 poll=999 take=5 bytes={} request_bytes={} batch_bytes={}\n",
                formula::request_bytes(batch) * (100 / batch) + bytes,
                formula::request_bytes(batch),
                formula::batch_bytes(batch)
            )
        };
        let calls = ["new", "send", "poll", "next_delivery", "other"];
        let call = |name| format!("NK call scene=life name={name} calls=3 total=9 most=5 stack=64\n");
        [1, 10, 100].map(steady).concat() + &calls.map(call).concat()
    }

    #[test]
    fn what_was_counted_is_given_per_record() {
        let counted = Counted::read(IMAGES[0], &told(0)).unwrap();
        let row = &counted.steady[2];
        assert_eq!((row.send, row.seal, row.whole), (40.0, 2.0, 50.0));
        assert_eq!(counted.stack_bytes(), 64);
        assert_eq!(counted.figures().len(), 3 * 3 + 5 * 2);
        assert_eq!(counted.rows().len(), 8);
    }

    #[test]
    fn bytes_beside_the_formula_and_missing_lines_are_refused() {
        assert!(Counted::read(IMAGES[0], &told(1)).is_err());
        assert!(Counted::read(IMAGES[0], told(0).trim_end().rsplit_once('\n').unwrap().0).is_err());
    }
}
