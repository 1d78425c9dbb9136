//! The simulator's processes: each runs some seeds or cases and prints its sums.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nanokafka_cluster::process::Process;
use serde_json::{Map, Value, json};

use crate::workspace::{cargo, root};

/// A chunk takes seconds. Whatever has not ended after this is a loop without end.
const CHUNK_TIMEOUT: Duration = Duration::from_secs(300);

/// Builds the simulator of this repository, and tells where it is.
pub(super) fn build() -> Result<PathBuf> {
    eprintln!("building the simulator");
    let status =
        cargo().args(["build", "--release", "--quiet", "-p", "nanokafka-tests", "--bin", "sim"]).status()?;
    ensure!(status.success(), "the simulator does not build: see above");
    Ok(root().join("target/release/sim"))
}

/// How many cases of a kind there are.
pub(super) fn count_of(worker: &Path, kind: &str) -> Result<u64> {
    let output = Command::new(worker).args(["count", kind]).output().context("cannot run the simulator")?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().with_context(|| format!("the simulator counts {kind} as {text}"))
}

/// Some runs of one kind.
#[derive(Clone, Copy)]
pub(crate) struct Chunk {
    pub(crate) kind: &'static str,
    /// For seeds.
    pub(crate) mode: &'static str,
    pub(crate) start: u64,
    pub(crate) count: u64,
    /// At the first failure.
    pub(crate) stop: bool,
}

/// What runs came to.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(super) sums: Map<String, Value>,
    /// What the workers said of the runs that broke a promise: the seed or the case, and what was broken.
    pub(crate) failures: Vec<String>,
    pub(super) failed: u64,
}

impl Chunk {
    /// Runs them in a process of their own.
    pub(crate) fn run(&self, worker: &Path) -> Result<Outcome> {
        let (start, count) = (self.start.to_string(), self.count.to_string());
        let mut command = Command::new(worker);
        command.args([self.kind, &start, &count]);
        if self.kind == "seeds" {
            command.arg(self.mode);
        }
        command.arg(if self.stop { "stop" } else { "go" }).stdout(Stdio::piped());
        let mut process = Process::spawn(command).context("cannot start the simulator")?;
        let stdout = process.child().stdout.take().context("the simulator has no output")?;
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            let mut output = String::new();
            let read = { stdout }.read_to_string(&mut output).map(|_| output);
            let _ = sender.send(read);
        });
        let Ok(output) = receiver.recv_timeout(CHUNK_TIMEOUT) else {
            process.kill();
            return Ok(self.broken(&format!("this run or one behind it does not end in {CHUNK_TIMEOUT:?}")));
        };
        let output = output.context("cannot read from the simulator")?;
        let status = process.wait()?;
        if !status.success() {
            return Ok(self.broken(&format!("this run or one behind it ended the simulator with {status}")));
        }
        Outcome::read(&output)
    }

    fn broken(&self, what: &str) -> Outcome {
        let failures = vec![format!("{} {what}", self.start)];
        Outcome { failures, failed: 1, ..Outcome::default() }
    }
}

impl Outcome {
    fn read(output: &str) -> Result<Self> {
        let mut outcome = Self::default();
        for line in output.lines() {
            match line.strip_prefix("FAIL ") {
                Some(failure) => outcome.failures.push(failure.to_owned()),
                None => outcome.sums = serde_json::from_str(line).context("the simulator's sums")?,
            }
        }
        outcome.failed = number(&outcome.sums, "failed");
        Ok(outcome)
    }

    pub(super) fn add(&mut self, chunk: Self) {
        self.failed += chunk.failed;
        self.failures.extend(chunk.failures);
        merge(&mut self.sums, &chunk.sums);
    }
}

pub(super) fn number(sums: &Map<String, Value>, key: &str) -> u64 {
    sums.get(key).and_then(Value::as_u64).unwrap_or(0)
}

/// Adds sums; of the polls until all is drained, the most count.
pub(super) fn merge(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for key in from.keys() {
        let (a, b) = (number(into, key), number(from, key));
        let sum = if key == "worst_polls_to_drain" { a.max(b) } else { a + b };
        into.insert(key.clone(), json!(sum));
    }
}
