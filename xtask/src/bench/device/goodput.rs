//! How fast the board sends over smoltcp: Kafka's requests beside bytes of its own, on links of different rates.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::image::{IMAGES, Image, Line};
use crate::screen::Screen;

/// What the image is built from, besides this feature.
const IMAGE: &Image = &IMAGES[0];
const FEATURE: &str = "goodput";

/// A link.
#[derive(Clone, Copy, Debug)]
struct Link {
    name: &'static str,
    /// 0: no limit.
    kbit: u32,
    /// One way.
    delay_us: u32,
}

const LINKS: [Link; 3] = [
    Link { name: "no limit", kbit: 0, delay_us: 0 },
    Link { name: "10 Mbit/s, 1 ms", kbit: 10_000, delay_us: 500 },
    Link { name: "2 Mbit/s, 1 ms", kbit: 2_000, delay_us: 500 },
];

/// `None`: raw TCP, which comes first of each link.
const BATCHES: [Option<u64>; 4] = [None, Some(256), Some(1_024), Some(4_096)];

/// Bytes of each run, about.
const BYTES: u64 = 400_000;

/// Bytes of requests per second, by the board's clock.
#[derive(Clone, Debug)]
pub(super) struct Row {
    link: Link,
    batch_bytes: Option<u64>,
    bytes_per_s: f64,
    /// By raw TCP on the same link.
    ratio: f64,
}

impl Row {
    /// Rows for programs.
    pub(super) fn json(&self) -> Value {
        json!({
            "kind": "goodput", "target": IMAGE.target, "opt_level": IMAGE.opt_level, "crc": IMAGE.crc,
            "link_kbit_per_s": self.link.kbit, "link_delay_us": self.link.delay_us,
            "batch_bytes": self.batch_bytes, "bytes_per_s": self.bytes_per_s.round(),
            "ratio_to_raw": (self.ratio * 1_000.0).round() / 1_000.0,
        })
    }

    /// What is committed and checked, if any: raw TCP is not ours to keep down.
    pub(super) fn figure(&self) -> Option<(String, f64)> {
        let name = format!("ns a byte, batches of {} B, {}", self.batch_bytes?, self.link.name);
        Some((name, (1e10 / self.bytes_per_s).round() / 10.0))
    }
}

/// Runs everything once: nothing in it depends on the host's time.
pub(super) fn measure(screen: &Screen) -> Result<Vec<Row>> {
    screen.line("building and running the image that sends over smoltcp");
    let elf = IMAGE.build(FEATURE)?;
    let mut rows: Vec<Row> = Vec::new();
    for link in LINKS {
        let mut raw = f64::NAN;
        for batch_bytes in BATCHES {
            let mut words =
                format!(",arg=bytes={BYTES},arg=kbit={},arg=delay_us={}", link.kbit, link.delay_us);
            words += &batch_bytes.map_or_else(String::new, |bytes| format!(",arg=batch_bytes={bytes}"));
            let told = IMAGE.run_once(&elf, &words)?;
            let bytes_per_s =
                rate(&told, batch_bytes).with_context(|| format!("with {words}, it told:\n{told}"))?;
            raw = if batch_bytes.is_none() { bytes_per_s } else { raw };
            rows.push(Row { link, batch_bytes, bytes_per_s, ratio: bytes_per_s / raw });
        }
    }
    Ok(rows)
}

/// Bytes per second. The image itself has seen to it that its peer got all.
fn rate(told: &str, batch_bytes: Option<u64>) -> Result<f64> {
    let line = Line::find(told, "goodput")?;
    let (records, bytes, us) = (line.number("records")?, line.number("bytes")?, line.number("us")?);
    ensure!(bytes >= BYTES && us > 0, "it sent less than it was asked to");
    ensure!(batch_bytes.is_some() == (records > 0), "it sent something else than it was asked to");
    Ok(bytes as f64 / us as f64 * 1e6)
}

/// A table for a person.
pub(super) fn tell(rows: &[Row], screen: &Screen) {
    screen.line("\nbytes per second over smoltcp at 64 million instructions per second: requests with readings of 20 B");
    screen.line("link               batch        kB/s   x raw TCP");
    for row in rows {
        let batch = row.batch_bytes.map_or_else(|| "raw TCP".to_owned(), |bytes| format!("{bytes} B"));
        let rate = row.bytes_per_s / 1_000.0;
        screen.line(&format!("{:<16} {batch:>7} {rate:>11.1} {:>11.3}", row.link.name, row.ratio));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_of_all_that_was_asked_for() {
        let raw = "NK goodput records=0 bytes=400000 us=100000";
        assert_eq!(rate(raw, None).unwrap(), 4e6);
        assert!(rate(raw, Some(256)).is_err());
        assert!(rate("NK goodput records=9 bytes=399999 us=100000", Some(256)).is_err());
        assert!(rate("NK done", None).is_err());
    }

    #[test]
    fn raw_tcp_is_not_checked() {
        let row = Row { link: LINKS[1], batch_bytes: Some(256), bytes_per_s: 1e6, ratio: 1.0 };
        let figure = row.figure().unwrap();
        assert_eq!(figure, ("ns a byte, batches of 256 B, 10 Mbit/s, 1 ms".to_owned(), 1_000.0));
        assert!(Row { batch_bytes: None, ..row }.figure().is_none());
    }
}
