//! The clients of the bench: built in their own workspace, so that no other build compiles the peers.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use nanokafka_cluster::install::{ensure_program, run_quietly};
use nanokafka_cluster::kafka;

use crate::workspace::{cargo, host_target, root};

/// Bytes of each record's value; the Rust clients have the same number in `tests/bench/plan`.
const VALUE_BYTES: u32 = 100;

/// Who takes part in `bench host`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Client {
    /// The floor: one batch that was encoded before, again and again
    Replay,
    /// nanokafka's async API, from one task
    #[value(name = "nanokafka-tokio-1")]
    Tokio1,
    /// nanokafka's async API, from eight tasks
    #[value(name = "nanokafka-tokio-8")]
    Tokio8,
    /// nanokafka's core on a plain loop
    #[value(name = "nanokafka-blocking")]
    Blocking,
    /// The C client, through the crate rdkafka
    Librdkafka,
    /// Kafka's own ProducerPerformance
    Java,
    /// The Rust client of InfluxData; it has no idempotence
    Rskafka,
}

impl Client {
    pub(crate) const ALL: [Self; 7] = [
        Self::Replay,
        Self::Tokio1,
        Self::Tokio8,
        Self::Blocking,
        Self::Librdkafka,
        Self::Java,
        Self::Rskafka,
    ];

    /// Its name in reports.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Tokio1 => "nanokafka-tokio-1",
            Self::Tokio8 => "nanokafka-tokio-8",
            Self::Blocking => "nanokafka-blocking",
            Self::Librdkafka => "librdkafka",
            Self::Java => "java",
            Self::Rskafka => "rskafka",
        }
    }

    /// Builds or fetches it.
    pub(crate) fn prepare(self, linked: Linked) -> Result<Program> {
        let rust = |package, how: &'static str| {
            let program = match linked {
                Linked::Statically => build_statically(package),
                Linked::AsUsual => build(package),
            };
            program.map(Program::Rust).with_context(|| format!("{} cannot take part: {how}", self.name()))
        };
        match self {
            Self::Replay | Self::Tokio1 | Self::Tokio8 | Self::Blocking => {
                rust("bench-client", "it is part of this repository, in tests/bench/client")
            }
            Self::Librdkafka => {
                for (program, package) in [("cc", "gcc"), ("c++", "g++"), ("make", "make")] {
                    let needed = ensure_program(program, package);
                    needed.context(
                        "librdkafka cannot take part: its source is built by a C compiler and make",
                    )?;
                }
                rust(
                    "bench-librdkafka",
                    "the crates rdkafka and rdkafka-sys bring its source; it needs gcc and make",
                )
            }
            Self::Java => {
                let tools = kafka::tools_class_path();
                tools
                    .map(Program::Java)
                    .context("java cannot take part: Maven fetches org.apache.kafka:kafka-tools")
            }
            Self::Rskafka => rust("bench-rskafka", "it is a crate from the registry"),
        }
    }
}

/// How the clients are built, nanokafka and its peers alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Linked {
    /// With the profile `host` and without shared libraries, so that a process's memory is the client's and not the
    /// system's libraries'.
    Statically,
    /// With the profile `release` and nothing else.
    AsUsual,
}

/// A client that is ready to run.
#[derive(Clone, Debug)]
pub(crate) enum Program {
    Rust(PathBuf),
    /// With the class path of Kafka's tools.
    Java(OsString),
}

/// What a client has to do.
#[derive(Clone, Debug)]
pub(crate) struct Task<'a> {
    pub(crate) bootstrap: &'a str,
    pub(crate) topic: &'a str,
    pub(crate) partitions: u16,
    pub(crate) records: u64,
}

impl Program {
    pub(crate) fn command(&self, client: Client, task: &Task<'_>) -> Command {
        let Task { bootstrap, topic, partitions, records } = task;
        let (partitions, records) = (partitions.to_string(), records.to_string());
        match self {
            Self::Rust(program) => {
                let mut command = Command::new(program);
                command.args([client.name(), bootstrap, topic, &partitions, &records]);
                command
            }
            Self::Java(class_path) => {
                let mut java = Command::new("java");
                java.args(["-Xmx256m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp"])
                    .arg(class_path);
                java.args(["org.apache.kafka.tools.ProducerPerformance", "--topic", topic]);
                java.args(["--num-records", &records, "--record-size", &VALUE_BYTES.to_string()]);
                java.args(["--throughput", "-1", "--producer-props", "acks=all", "enable.idempotence=true"]);
                java.args(["linger.ms=5", "batch.size=16384", "max.in.flight.requests.per.connection=5"]);
                java.args(["compression.type=none".to_owned(), format!("bootstrap.servers={bootstrap}")]);
                java
            }
        }
    }
}

/// How long a client says that it took, in what it printed.
pub(crate) fn seconds(client: Client, records: u64, printed: &str) -> Option<f64> {
    match client {
        // `1000000 records sent, 250000.0 records/sec (23.84 MB/sec), ...`, the last of several such lines.
        Client::Java => {
            let total = format!("{records} records sent, ");
            let rate = printed.lines().rev().find_map(|line| line.strip_prefix(&total))?;
            Some(records as f64 / rate.split_once(" records/sec")?.0.parse::<f64>().ok()?)
        }
        Client::Replay
        | Client::Tokio1
        | Client::Tokio8
        | Client::Blocking
        | Client::Librdkafka
        | Client::Rskafka => {
            printed.lines().rev().find_map(|line| line.strip_prefix("seconds ")?.parse().ok())
        }
    }
}

/// Builds a package of `tests/bench` with the usual profile `release` and returns its program.
pub(crate) fn build(package: &str) -> Result<PathBuf> {
    let mut build = Build::of(package);
    build.cargo.arg("--release");
    build.run(&format!("release/{package}"))
}

/// Builds a package of `tests/bench` as small as it gets. With a target named, the flags are not those of build scripts
/// and macros, which cannot be static.
fn build_statically(package: &str) -> Result<PathBuf> {
    let host = host_target()?;
    let mut build = Build::of(package);
    build.cargo.args(["--profile", "host", "--target", &host]);
    // The caller's flags do not get in: they would make one run's figures other than the next one's.
    build.cargo.env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static");
    build.run(&format!("{host}/host/{package}")).context(
        "it is linked statically, which needs the C library's archives (Debian: libc6-dev, Fedora: glibc-static); \
         --usual-build does without",
    )
}

/// A cargo that builds one package of `tests/bench`.
struct Build<'a> {
    package: &'a str,
    cargo: Command,
    target_dir: PathBuf,
}

impl<'a> Build<'a> {
    fn of(package: &'a str) -> Self {
        let mut cargo = cargo();
        cargo.args(["build", "--locked", "--package", package, "--manifest-path"]);
        cargo.arg(root().join("tests/bench/Cargo.toml"));
        // Its own folder also where the caller shares one target directory between workspaces.
        let target_dir = root().join("target/bench/clients");
        cargo.arg("--target-dir").arg(&target_dir);
        Self { package, cargo, target_dir }
    }

    fn run(self, program: &str) -> Result<PathBuf> {
        run_quietly(self.cargo).with_context(|| format!("{} does not build", self.package))?;
        Ok(self.target_dir.join(program))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn javas_last_line_has_the_rate_of_all_records() {
        let printed = "400000 records sent, 80000.0 records/sec (7.63 MB/sec), 1.0 ms avg latency.\n\
                       1000000 records sent, 200000.0 records/sec (19.07 MB/sec), 2.0 ms avg latency, 3 ms 50th.\n";
        assert_eq!(seconds(Client::Java, 1_000_000, printed), Some(5.0));
        assert_eq!(seconds(Client::Java, 2_000_000, printed), None);
        assert_eq!(seconds(Client::Replay, 1, "seconds 0.75\n"), Some(0.75));
    }
}
