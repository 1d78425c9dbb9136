//! `cargo xtask mutants`: does the simulator see the mistakes that a producer can make?

mod copy;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use crate::screen::Screen;
use crate::sim::worker::Chunk;
use crate::workspace::root;
use copy::Copy;

/// Put mistakes into the producer, one at a time, and count the seeds until the simulator sees each
///
/// The mistakes are the patches in tests/mutants: bugs that real clients had, and others that one could make. Each is applied to a copy of the repository under target/mutants, built, and run by the simulator from seed 0 on until a promise is broken. Exits with 1 when one is not seen, or when a patch no longer applies. Takes about half a minute for each.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask mutants\n  cargo xtask mutants --only 08\n  cargo xtask mutants --check"
)]
pub(crate) struct Options {
    /// Only see whether each patch applies
    #[arg(long)]
    check: bool,
    /// Only the patches whose names contain this
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Seeds after which a mistake counts as not seen
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    seeds: u64,
    /// The last line on stdout is one object with all results
    #[arg(long)]
    json: bool,
}

/// Runs in one process.
const CHUNK: u64 = 2_000;

/// The first chunk: most mistakes are seen at once.
const FIRST_CHUNK: u64 = 100;

/// Seeds that the unchanged producer must pass, or nothing is shown by a mutant's failure.
const BASELINE_SEEDS: u64 = 2_000;

/// One mistake.
struct Mutant {
    /// The patch's file, without its ending.
    name: String,
    patch: String,
}

/// What the simulator said of it.
struct Seen {
    /// Seeds that were run, with the one that broke a promise.
    seeds: u64,
    what: String,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let mutants = mutants(&root().join("tests/mutants"), &options.only)?;
    if options.check {
        for mutant in &mutants {
            copy::patched(&root(), &mutant.patch).with_context(|| not_applicable(mutant))?;
        }
        println!("{} patches apply", mutants.len());
        return Ok(ExitCode::SUCCESS);
    }
    let screen = Screen::new(options.json);
    let copy = Copy::new(&root(), &root().join("target/mutants"))?;
    screen.line("building the unchanged producer");
    if let Some(seen) = first_failure(&copy.build()?, BASELINE_SEEDS)? {
        bail!("the unchanged producer fails at seed {}: {}", seen.seeds - 1, seen.what);
    }
    let mut rows = Vec::new();
    let begin = Instant::now();
    for mutant in &mutants {
        // To the copy: somebody may be working on the original meanwhile.
        let patched = copy::patched(copy.dir(), &mutant.patch).with_context(|| not_applicable(mutant))?;
        let worker = copy.with(&patched, Copy::build).with_context(|| format!("mutant {}", mutant.name))?;
        let seen = first_failure(&worker?, options.seeds)?;
        screen.line(&row(&mutant.name, seen.as_ref(), options.seeds));
        rows.push(json!({
            "mutant": mutant.name,
            "caught": seen.is_some(),
            "seeds": seen.as_ref().map_or(options.seeds, |seen| seen.seeds),
            "what": seen.as_ref().map(|seen| seen.what.as_str()),
        }));
    }
    let caught = rows.iter().filter(|row| row["caught"] == true).count();
    let seconds = begin.elapsed().as_secs_f64();
    screen.line(&format!("{caught} of {} caught, in {seconds:.0} s", rows.len()));
    if options.json {
        println!("{}", json!({ "mutants": rows, "caught": caught, "seconds": seconds }));
    }
    Ok(if caught == rows.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn not_applicable(mutant: &Mutant) -> String {
    format!("tests/mutants/{}.patch no longer applies: make the same mistake in today's code", mutant.name)
}

/// The patches, by name.
fn mutants(dir: &Path, only: &str) -> Result<Vec<Mutant>> {
    let mut mutants = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = entry?.path();
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.extension().is_some_and(|extension| extension == "patch") && name.contains(only) {
            let patch = std::fs::read_to_string(&path).with_context(|| format!("cannot read {name}"))?;
            mutants.push(Mutant { name, patch });
        }
    }
    ensure!(!mutants.is_empty(), "no patch in tests/mutants has {only:?} in its name");
    mutants.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(mutants)
}

/// Runs seeds from 0 on until one breaks a promise.
fn first_failure(worker: &Path, seeds: u64) -> Result<Option<Seen>> {
    let jobs = std::thread::available_parallelism().map_or(2, |jobs| jobs.get() as u64);
    let mut from = 0;
    while from < seeds {
        let (count, at_once) = if from == 0 { (FIRST_CHUNK, 1) } else { (CHUNK, jobs) };
        let chunks = (0..at_once).map(|nth| Chunk {
            kind: "seeds",
            mode: "idempotent",
            start: from + nth * count,
            count: count.min(seeds.saturating_sub(from + nth * count)),
            stop: true,
        });
        let outcomes = std::thread::scope(|scope| {
            let running: Vec<_> = chunks.map(|chunk| scope.spawn(move || chunk.run(worker))).collect();
            running.into_iter().map(|chunk| chunk.join().expect("a chunk runs")).collect::<Vec<_>>()
        });
        for outcome in outcomes {
            if let Some(failure) = outcome?.failures.into_iter().next() {
                let (seed, what) = failure.split_once(' ').unwrap_or((&failure, ""));
                let seeds = seed.parse::<u64>().with_context(|| format!("{seed} is no seed"))? + 1;
                return Ok(Some(Seen { seeds, what: what.to_owned() }));
            }
        }
        from += count * at_once;
    }
    Ok(None)
}

fn row(name: &str, seen: Option<&Seen>, limit: u64) -> String {
    match seen {
        Some(seen) => {
            let what: String = seen.what.chars().take(110).collect();
            format!("{name:<44} {:>6}  {what}", seen.seeds)
        }
        None => format!("{name:<44} NOT SEEN in {limit} seeds"),
    }
}
