//! `cargo xtask sim`: the simulator's seeds and cases, in worker processes.

pub(crate) mod worker;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde_json::{Map, Value, json};

use crate::screen::Screen;
use worker::{Chunk, Outcome, build, count_of, merge, number};

/// Run the simulator: the real core against brokers and a network that fail in all ways at once, from a seed
///
/// Ends with the six counts, all of which must be 0, and exits with 1 when a run broke a promise; each such run is named with the command that replays it. A run has a phase of faults (the kinds and their rates are drawn from its seed) and a calm phase in which everything must be delivered or reported. One run in 64 is over the smoltcp adapter on a bad link.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask sim --seeds 20000\n  cargo xtask sim --seed 303 --trace\n  \
                        cargo xtask sim --single-faults --pairs\n  cargo xtask sim --case 12.205-17.33\n  \
                        cargo xtask sim --seeds 2000 --acks 0"
)]
pub(crate) struct Options {
    /// How many seeds
    #[arg(long, value_name = "N")]
    seeds: Option<u64>,
    /// The first of them
    #[arg(long, value_name = "S", default_value_t = 0)]
    start: u64,
    /// Only this seed
    #[arg(long, value_name = "S", conflicts_with_all = ["seeds", "start"])]
    seed: Option<u64>,
    /// With --seed: print what happens, frame by frame
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Every single fault at every step of a canonical run
    #[arg(long)]
    single_faults: bool,
    /// Every pair of faults on a run of 40 steps
    #[arg(long)]
    pairs: bool,
    /// Only this case of --single-faults or --pairs, with its trace
    #[arg(long, value_name = "ID")]
    case: Option<String>,
    /// Without idempotence, and with these acks: what is lost and doubled then is counted and is no failure
    #[arg(long, value_name = "ACKS")]
    acks: Option<Acks>,
    /// Stop at the first failure
    #[arg(long)]
    until_failure: bool,
    /// Worker processes at a time
    #[arg(long, value_name = "N", default_value_t = std::thread::available_parallelism().map_or(2, usize::from))]
    jobs: usize,
    /// The last line on stdout is one object with the sums
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Acks {
    All,
    #[value(name = "1")]
    Leader,
    #[value(name = "0")]
    None,
}

/// What is run without any option that says what.
const SEEDS: u64 = 10_000;

/// Runs in one process: a world's memory is leaked.
const CHUNK: u64 = 2_000;

/// More failures than these are counted and not shown.
const SHOWN_MAX: usize = 20;

const COUNTS: [&str; 6] = ["lost", "duplicated", "reordered", "phantom", "unreported", "offset_mismatch"];

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let worker = build()?;
    let (mode, stop) = (mode_of(options.acks), options.until_failure);
    if let Some(case) = &options.case {
        return show(&worker, &["case", case]);
    }
    if let (Some(seed), true) = (options.seed, options.trace) {
        return show(&worker, &["trace", &seed.to_string(), mode]);
    }
    let mut parts = Vec::new();
    if options.single_faults {
        parts.push(Chunk { kind: "single", mode, start: 0, count: count_of(&worker, "single")?, stop });
    }
    if options.pairs {
        parts.push(Chunk { kind: "pairs", mode, start: 0, count: count_of(&worker, "pairs")?, stop });
    }
    if let Some(seed) = options.seed {
        parts.push(Chunk { kind: "seeds", mode, start: seed, count: 1, stop });
    } else if let Some(count) = options.seeds.or(parts.is_empty().then_some(SEEDS)) {
        parts.push(Chunk { kind: "seeds", mode, start: options.start, count, stop });
    }
    let begin = Instant::now();
    let mut screen = Screen::new(options.json);
    let mut failed = 0;
    let mut sums = Map::new();
    for part in &parts {
        let outcome = run_part(&worker, part, options, &mut screen)?;
        failed += outcome.failed;
        outcome.tell(part, &mut screen);
        merge(&mut sums, &outcome.sums);
    }
    sums.insert("failed".to_owned(), json!(failed));
    sums.insert("seconds".to_owned(), json!(begin.elapsed().as_secs_f64()));
    if options.json {
        println!("{}", Value::Object(sums));
    }
    let is_judged = options.acks.is_none();
    Ok(if is_judged && failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn mode_of(acks: Option<Acks>) -> &'static str {
    match acks {
        None => "idempotent",
        Some(Acks::All) => "all",
        Some(Acks::Leader) => "1",
        Some(Acks::None) => "0",
    }
}

/// Lets the worker print to our own output.
fn show(worker: &Path, args: &[&str]) -> Result<ExitCode> {
    let status = Command::new(worker).args(args).status().context("cannot run the simulator")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs a part in chunks, as many at a time as there are jobs.
fn run_part(worker: &Path, part: &Chunk, options: &Options, screen: &mut Screen) -> Result<Outcome> {
    screen.start_bar(part.count, part.kind);
    let (next, done, ended) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let outcome = Mutex::new(Outcome::default());
    let error = Mutex::new(None);
    std::thread::scope(|scope| {
        let mut workers = Vec::new();
        for _ in 0..options.jobs.max(1) {
            workers.push(scope.spawn(|| {
                while !ended.load(Ordering::SeqCst) {
                    let from = next.fetch_add(CHUNK, Ordering::SeqCst);
                    if from >= part.count {
                        break;
                    }
                    let count = CHUNK.min(part.count - from);
                    let chunk = Chunk { start: part.start + from, count, ..*part };
                    match chunk.run(worker) {
                        Ok(chunk) => {
                            if options.until_failure && chunk.failed > 0 {
                                ended.store(true, Ordering::SeqCst);
                            }
                            outcome.lock().unwrap_or_else(|e| e.into_inner()).add(chunk);
                        }
                        Err(failure) => {
                            ended.store(true, Ordering::SeqCst);
                            *error.lock().unwrap_or_else(|e| e.into_inner()) = Some(failure);
                        }
                    }
                    done.fetch_add(count, Ordering::SeqCst);
                }
            }));
        }
        while workers.iter().any(|worker| !worker.is_finished()) {
            std::thread::sleep(std::time::Duration::from_millis(100));
            screen.progress(done.load(Ordering::SeqCst));
        }
    });
    screen.end_bar();
    match error.into_inner().unwrap_or_else(|e| e.into_inner()) {
        Some(failure) => Err(failure),
        None => Ok(outcome.into_inner().unwrap_or_else(|e| e.into_inner())),
    }
}

impl Outcome {
    fn tell(&self, part: &Chunk, screen: &mut Screen) {
        let counts = COUNTS.map(|key| format!("{key} {}", number(&self.sums, key))).join(", ");
        let of = |key| number(&self.sums, key);
        screen.line(&format!(
            "{}: {} runs, {} records, {} delivered, {} faults: {counts}; drained within {} polls",
            part.kind,
            of("seeds"),
            of("records"),
            of("delivered"),
            of("faults"),
            of("worst_polls_to_drain"),
        ));
        if part.mode != "idempotent" && part.kind == "seeds" {
            screen
                .line("without idempotence: what was lost and doubled is what the documentation says may be");
            return;
        }
        for failure in self.failures.iter().take(SHOWN_MAX) {
            let (id, what) = failure.split_once(' ').unwrap_or((failure, ""));
            let replay =
                if part.kind == "seeds" { format!("--seed {id} --trace") } else { format!("--case {id}") };
            screen.line(&format!("failed: {what}\n  replay: cargo xtask sim {replay}"));
        }
        if self.failures.len() > SHOWN_MAX {
            screen.line(&format!("and {} more", self.failures.len() - SHOWN_MAX));
        }
    }
}
