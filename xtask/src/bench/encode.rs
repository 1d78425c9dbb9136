//! `cargo xtask bench encode`: what a record costs until its batch is sealed, beside a copy and a checksum.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{callgrind, clients, stats};
use crate::screen::Screen;
use crate::workspace::{host_target, root};

/// What a record costs from `send` to its sealed batch, beside the floor of this machine: a copy and a CRC-32C
///
/// Nanoseconds are medians of rounds in which floor and core take turns. Instructions are counted by valgrind
/// (installed by apt-get where that is allowed), and committed in tests/bench/instructions.json.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  cargo xtask bench encode\n  cargo xtask bench encode --check\n  \
                        cargo xtask bench encode --update")]
pub(crate) struct Options {
    /// Only count instructions, and exit with 1 when one is more than 1 % above what is committed
    #[arg(long, conflicts_with = "update")]
    check: bool,
    /// Write the counted instructions to tests/bench/instructions.json
    #[arg(long)]
    update: bool,
    /// Rounds of the measurement of time
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// The last line on stdout is one object with all figures
    #[arg(long)]
    json: bool,
}

/// Bytes of the records' values.
const VALUE_BYTES: [u64; 3] = [20, 100, 1000];

/// As the client of the bench calls what it measures.
const MODES: [&str; 3] = ["floor", "send_seal", "whole"];

/// Above this many of a hundredth, a count has grown.
const GROWTH_MAX: f64 = 1.01;

/// Where the counts are committed.
const COMMITTED: &str = "tests/bench/instructions.json";

/// A value for each mode.
type PerMode = BTreeMap<&'static str, f64>;

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    callgrind::ensure()?;
    let screen = Screen::new(options.json);
    screen.line("building the bench's client");
    let client = clients::build("bench-client")?;
    let (mut rows, mut counted) = (Vec::new(), serde_json::Map::new());
    for value_bytes in VALUE_BYTES {
        screen.line(&format!("records of {value_bytes} B"));
        let instructions = count(&client, value_bytes)?;
        let nanoseconds =
            if options.check { None } else { Some(time(&client, value_bytes, options.rounds)?) };
        let whole_numbers = instructions.iter().map(|(mode, count)| ((*mode).to_owned(), json!(count)));
        counted.insert(value_bytes.to_string(), Value::Object(whole_numbers.collect()));
        rows.push(Row { value_bytes, instructions, nanoseconds });
    }
    tell(&rows, &screen);
    let target = host_target()?;
    let mut code = ExitCode::SUCCESS;
    if options.update {
        update(&committed_path(), &target, counted)?;
        screen.line(&format!("written to {COMMITTED}"));
    } else if options.check && !check(&rows, &target, &screen)? {
        code = ExitCode::FAILURE;
    }
    if options.json {
        println!("{}", json!({ "rows": rows.iter().map(Row::json).collect::<Vec<_>>() }));
    }
    Ok(code)
}

struct Row {
    value_bytes: u64,
    instructions: PerMode,
    /// Not with `--check`.
    nanoseconds: Option<PerMode>,
}

impl Row {
    fn json(&self) -> Value {
        json!({
            "value_bytes": self.value_bytes,
            "instructions": self.instructions,
            "nanoseconds": self.nanoseconds,
        })
    }
}

/// Instructions per record: the difference of two runs, so that the start and the end of a process are not in it.
fn count(client: &Path, value_bytes: u64) -> Result<PerMode> {
    let size = value_bytes.to_string();
    let mut all = PerMode::new();
    for mode in MODES {
        // Whole batches of any of the sizes, or nearly.
        let (few, many) = (16_800, 67_200);
        let run = |records: u64| {
            callgrind::instructions(client, &["encode-once", mode, &size, &records.to_string()])
        };
        let more = run(many)?.saturating_sub(run(few)?) as f64;
        all.insert(mode, (more / (many - few) as f64 * 10.0).round() / 10.0);
    }
    Ok(all)
}

/// Medians of nanoseconds per record.
fn time(client: &Path, value_bytes: u64, rounds: u32) -> Result<PerMode> {
    // About the same number of bytes for each size.
    let records = 200_000_000 / (value_bytes + 100);
    let mut command = Command::new(client);
    command.arg("encode-time").args([value_bytes, records, rounds.into()].map(|n| n.to_string()));
    let output = command.stdin(Stdio::null()).output().context("the client does not start")?;
    ensure!(output.status.success(), "measuring failed: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    let of_mode = |mode: &'static str| {
        let values = text.lines().filter_map(|line| line.strip_prefix(mode)?.trim().parse::<f64>().ok());
        let values: Vec<f64> = values.collect();
        ensure!(values.len() == rounds as usize, "the client told {} of {rounds} rounds", values.len());
        Ok((mode, (stats::median(&values) * 100.0).round() / 100.0))
    };
    MODES.into_iter().map(of_mode).collect()
}

fn tell(rows: &[Row], screen: &Screen) {
    screen.line("\n  value  what        ns/record  x floor  instructions/record  x floor");
    for row in rows {
        for mode in MODES {
            let count = row.instructions[mode];
            let times = row.instructions["floor"];
            let time = row.nanoseconds.as_ref().map_or_else(
                || format!("{:>9}  {:>7}", "-", "-"),
                |ns| format!("{:>9.1}  {:>7.2}", ns[mode], ns[mode] / ns["floor"]),
            );
            let name = mode.replace('_', " + ");
            let times = count / times;
            screen.line(&format!("{:>7}  {name:<11} {time}  {count:>19.1}  {times:>7.2}", row.value_bytes));
        }
    }
    screen.line(
        "\nfloor: the value's copy and the CRC-32C of 16 KiB. send + seal: until the transport has the batch. \
         whole: with idempotence and the answer.",
    );
}

fn committed_path() -> PathBuf {
    root().join(COMMITTED)
}

fn read_committed(path: &Path) -> Result<Value> {
    match std::fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).with_context(|| format!("{COMMITTED} is not JSON")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(json!({})),
        Err(error) => Err(error).with_context(|| format!("reading {COMMITTED}")),
    }
}

/// Replaces what is committed for this target, and keeps the others'.
fn update(path: &Path, target: &str, counted: serde_json::Map<String, Value>) -> Result<()> {
    let mut all = read_committed(path)?;
    let about =
        "Generated: cargo xtask bench encode --update. Instructions per record, by target and value bytes.";
    all["about"] = json!(about);
    all[target] = json!({ "encode": counted });
    std::fs::write(path, format!("{all:#}\n")).with_context(|| format!("writing {COMMITTED}"))
}

/// Whether no count has grown beyond what is committed.
fn check(rows: &[Row], target: &str, screen: &Screen) -> Result<bool> {
    let all = read_committed(&committed_path())?;
    let committed = &all[target]["encode"];
    ensure!(
        committed.is_object(),
        "{COMMITTED} has no counts for {target}; write them with: cargo xtask bench encode --update"
    );
    let grown = grown(rows, committed)?;
    for line in &grown {
        screen.line(line);
    }
    if grown.is_empty() {
        screen.line("no count is more than 1 % above what is committed");
    } else {
        screen.line("if that is right, commit it: cargo xtask bench encode --update");
    }
    Ok(grown.is_empty())
}

fn grown(rows: &[Row], committed: &Value) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for row in rows {
        // The floor is not ours to keep down.
        for mode in MODES.into_iter().filter(|mode| *mode != "floor") {
            let size = row.value_bytes.to_string();
            let before = committed[&size][mode].as_f64();
            let before = before.with_context(|| format!("{COMMITTED} has no {mode} for {size} B"))?;
            let now = row.instructions[mode];
            if now > before * GROWTH_MAX {
                let percent = (now / before - 1.0) * 100.0;
                lines.push(format!(
                    "{mode} of {size} B: {now} instructions, {before} before (+{percent:.1} %)"
                ));
            }
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(send_seal: f64) -> Row {
        let instructions = PerMode::from([("floor", 9.0), ("send_seal", send_seal), ("whole", 200.0)]);
        Row { value_bytes: 20, instructions, nanoseconds: None }
    }

    #[test]
    fn one_percent_more_is_allowed_and_no_more() {
        let committed = json!({ "20": { "floor": 1.0, "send_seal": 100.0, "whole": 200.0 } });
        assert!(grown(&[row(101.0)], &committed).unwrap().is_empty());
        let lines = grown(&[row(101.1)], &committed).unwrap();
        assert_eq!(lines, ["send_seal of 20 B: 101.1 instructions, 100 before (+1.1 %)"]);
        assert!(grown(&[row(1.0)], &json!({})).is_err());
    }
}
