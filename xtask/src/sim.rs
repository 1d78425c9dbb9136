//! `cargo xtask sim`: the simulator's seeds and cases, in worker processes.

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use nanokafka_cluster::process::Process;
use serde_json::{Map, Value, json};

use crate::screen::Screen;
use crate::workspace::{cargo, root};

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
    let mode = mode_of(options.acks);
    if let Some(case) = &options.case {
        return show(&worker, &["case", case]);
    }
    if let (Some(seed), true) = (options.seed, options.trace) {
        return show(&worker, &["trace", &seed.to_string(), mode]);
    }
    let mut parts = Vec::new();
    if options.single_faults {
        parts.push(Part { kind: "single", start: 0, count: count_of(&worker, "single")?, mode });
    }
    if options.pairs {
        parts.push(Part { kind: "pairs", start: 0, count: count_of(&worker, "pairs")?, mode });
    }
    if let Some(seed) = options.seed {
        parts.push(Part { kind: "seeds", start: seed, count: 1, mode });
    } else if let Some(count) = options.seeds.or(parts.is_empty().then_some(SEEDS)) {
        parts.push(Part { kind: "seeds", start: options.start, count, mode });
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

fn build() -> Result<PathBuf> {
    eprintln!("building the simulator");
    let status =
        cargo().args(["build", "--release", "--quiet", "-p", "nanokafka-tests", "--bin", "sim"]).status()?;
    ensure!(status.success(), "the simulator does not build: see above");
    Ok(root().join("target/release/sim"))
}

/// Lets the worker print to our own output.
fn show(worker: &PathBuf, args: &[&str]) -> Result<ExitCode> {
    let status = Command::new(worker).args(args).status().context("cannot run the simulator")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn count_of(worker: &PathBuf, kind: &str) -> Result<u64> {
    let output = Command::new(worker).args(["count", kind]).output().context("cannot run the simulator")?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().with_context(|| format!("the simulator counts {kind} as {text}"))
}

/// Runs of one kind.
struct Part {
    kind: &'static str,
    start: u64,
    count: u64,
    mode: &'static str,
}

#[derive(Default)]
struct Outcome {
    sums: Map<String, Value>,
    /// What the workers said of the runs that broke a promise.
    failures: Vec<String>,
    failed: u64,
}

/// Runs a part in chunks, as many at a time as there are jobs.
fn run_part(worker: &PathBuf, part: &Part, options: &Options, screen: &mut Screen) -> Result<Outcome> {
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
                    match run_chunk(worker, part, part.start + from, count, options.until_failure) {
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

fn run_chunk(worker: &PathBuf, part: &Part, start: u64, count: u64, stop: bool) -> Result<Outcome> {
    let (start, count) = (start.to_string(), count.to_string());
    let mut command = Command::new(worker);
    command.args([part.kind, &start, &count]);
    if part.kind == "seeds" {
        command.arg(part.mode);
    }
    command.arg(if stop { "stop" } else { "go" }).stdout(Stdio::piped());
    let mut process = Process::spawn(command).context("cannot start the simulator")?;
    let mut output = String::new();
    if let Some(mut stdout) = process.child().stdout.take() {
        std::io::Read::read_to_string(&mut stdout, &mut output).context("cannot read from the simulator")?;
    }
    let status = process.wait()?;
    ensure!(status.success(), "the simulator ended with {status} in {} {start} to +{count}", part.kind);
    let mut outcome = Outcome::default();
    for line in output.lines() {
        match line.strip_prefix("FAIL ") {
            Some(failure) => outcome.failures.push(failure.to_owned()),
            None => outcome.sums = serde_json::from_str(line).context("the simulator's sums")?,
        }
    }
    outcome.failed = number(&outcome.sums, "failed");
    Ok(outcome)
}

fn number(sums: &Map<String, Value>, key: &str) -> u64 {
    sums.get(key).and_then(Value::as_u64).unwrap_or(0)
}

/// Adds sums; of the polls until all is drained, the most count.
fn merge(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for key in from.keys() {
        let (a, b) = (number(into, key), number(from, key));
        let sum = if key == "worst_polls_to_drain" { a.max(b) } else { a + b };
        into.insert(key.clone(), json!(sum));
    }
}

impl Outcome {
    fn add(&mut self, chunk: Self) {
        self.failed += chunk.failed;
        self.failures.extend(chunk.failures);
        merge(&mut self.sums, &chunk.sums);
    }

    fn tell(&self, part: &Part, screen: &mut Screen) {
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
