//! How fast the board sends over smoltcp: Kafka's requests beside bytes of its own, on links of different rates.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use nanokafka_cluster::install::run_quietly;
use serde_json::{Value, json};

use super::broker::Server;
use super::image::Line;
use crate::bench::measured::measured;
use crate::bench::stats::{median, spread};
use crate::demo::firmware::TARGET;
use crate::demo::qemu::BOARD;
use crate::screen::Screen;
use crate::workspace::{cargo, root};

/// An instruction lasts 16 ns: 62.5 million a second.
const ICOUNT: &str = "shift=4";

/// Kilobits a second: none but the processor's own limit, Ethernet of 10 Mbit/s, and what a Wi-Fi module reaches.
const LINKS_KBIT: [u64; 3] = [0, 10_000, 2_000];

/// `None`: raw TCP.
const BATCHES: [Option<u64>; 4] = [None, Some(256), Some(1_024), Some(4_096)];

/// Bytes of each run, about.
const BYTES: u64 = 400_000;

/// Bytes of requests per second, by the board's clock.
pub(super) struct Row {
    link_kbit: u64,
    batch_bytes: Option<u64>,
    bytes_per_s: f64,
    /// The least and the greatest of the rounds.
    spread: (f64, f64),
    /// By raw TCP on the same link.
    ratio: f64,
}

impl Row {
    pub(super) fn json(&self) -> Value {
        json!({
            "kind": "goodput", "target": TARGET, "opt_level": "s", "link_kbit_per_s": self.link_kbit,
            "batch_bytes": self.batch_bytes, "bytes_per_s": self.bytes_per_s.round(),
            "ratio_to_raw": (self.ratio * 1_000.0).round() / 1_000.0,
        })
    }
}

/// Runs everything by turns, and gives medians.
pub(super) fn measure(rounds: u32, screen: &mut Screen) -> Result<Vec<Row>> {
    screen.line("building the image that sends over smoltcp");
    let bench = Bench { elf: build()?, broker: Server::broker()?, sink: Server::sink()? };
    let mut rates = vec![Vec::new(); LINKS_KBIT.len() * BATCHES.len()];
    screen.start_bar(u64::from(rounds) * rates.len() as u64, "runs of the board");
    let mut done = 0;
    for _ in 0..rounds {
        for (at, rates) in rates.iter_mut().enumerate() {
            let (link_kbit, batch_bytes) = place(at);
            rates.push(bench.run(link_kbit, batch_bytes)?);
            done += 1;
            screen.progress(done);
        }
    }
    screen.end_bar();
    let medians: Vec<f64> = rates.iter().map(|rates| median(rates)).collect();
    let row = |at: usize| {
        let (link_kbit, batch_bytes) = place(at);
        let raw = medians[at - at % BATCHES.len()];
        let ratio = medians[at] / raw;
        Row { link_kbit, batch_bytes, bytes_per_s: medians[at], spread: spread(&rates[at]), ratio }
    };
    Ok((0..rates.len()).map(row).collect())
}

/// Raw TCP comes first of each link.
fn place(at: usize) -> (u64, Option<u64>) {
    (LINKS_KBIT[at / BATCHES.len()], BATCHES[at % BATCHES.len()])
}

fn build() -> Result<PathBuf> {
    let folder = root().join("target/device");
    let mut cargo = cargo();
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("DEFMT_LOG");
    cargo.args(["build", "--release", "--locked", "-p", "goodput", "--manifest-path"]);
    cargo.arg(root().join("tests/device/Cargo.toml"));
    cargo.args(["--target", TARGET, "--target-dir"]).arg(&folder);
    run_quietly(cargo).context("the image that sends over smoltcp does not build")?;
    Ok(folder.join(TARGET).join("release/goodput"))
}

struct Bench {
    elf: PathBuf,
    broker: Server,
    sink: Server,
}

impl Bench {
    /// Bytes per second of one run.
    fn run(&self, link_kbit: u64, batch_bytes: Option<u64>) -> Result<f64> {
        let server = if batch_bytes.is_some() { &self.broker } else { &self.sink };
        let mut words =
            format!("arg=goodput,arg=port={},arg=bytes={BYTES},arg=kbit={link_kbit}", server.port);
        if let Some(bytes) = batch_bytes {
            words += &format!(",arg=batch_bytes={bytes}");
        }
        let got_before = server.got();
        let told = run_board(&self.elf, &words)?;
        let line = Line::find(&told, "goodput")?;
        let (records, bytes, ms) = (line.number("records")?, line.number("bytes")?, line.number("ms")?);
        match batch_bytes {
            // The broker counts anew for each connection; one record came before the others.
            Some(_) => {
                let got = server.got();
                ensure!(got == records + 1, "the board sent {records} records and one, the broker got {got}");
            }
            None => {
                let got = server.got() - got_before;
                ensure!(got == bytes && bytes == BYTES, "the board sent {bytes} bytes, the sink got {got}");
            }
        }
        ensure!(ms > 0, "it took no time");
        Ok(bytes as f64 / ms as f64 * 1_000.0)
    }
}

fn run_board(elf: &Path, words: &str) -> Result<String> {
    let mut qemu = Command::new("qemu-system-arm");
    qemu.args(["-M", BOARD, "-nic", "user,model=stellaris", "-icount", ICOUNT]);
    // By itself, what the board writes would go to standard error.
    qemu.args(["-display", "none", "-monitor", "none", "-serial", "null", "-chardev", "stdio,id=console"]);
    qemu.arg("-semihosting-config").arg(format!("enable=on,target=native,chardev=console,{words}"));
    qemu.arg("-kernel").arg(elf);
    Ok(measured(qemu).with_context(|| format!("the board with {words} failed in QEMU"))?.stdout)
}

pub(super) fn tell(rows: &[Row], screen: &Screen) {
    screen.line(
        "\nbytes per second over smoltcp, at 62.5 million instructions per second, requests with 20 B readings",
    );
    screen.line("link           batch        kB/s   lowest  highest   x raw TCP");
    for row in rows {
        let link = match row.link_kbit {
            0 => "unlimited".to_owned(),
            kbit => format!("{} Mbit/s", kbit / 1_000),
        };
        let batch = row.batch_bytes.map_or_else(|| "raw TCP".to_owned(), |bytes| format!("{bytes} B"));
        let [rate, low, high] = [row.bytes_per_s, row.spread.0, row.spread.1].map(|rate| rate / 1_000.0);
        screen
            .line(&format!("{link:<12} {batch:>7} {rate:>11.1} {low:>8.1} {high:>8.1} {:>11.3}", row.ratio));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_tcp_comes_first_of_each_link() {
        for (nth, link) in LINKS_KBIT.iter().enumerate() {
            assert_eq!(place(nth * BATCHES.len()), (*link, None));
        }
        assert_eq!(place(BATCHES.len() - 1), (LINKS_KBIT[0], Some(4_096)));
    }
}
