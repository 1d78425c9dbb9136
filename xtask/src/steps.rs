//! The table of all that CI runs.

/// What a step needs beyond Rust; `--quick` leaves out those that need anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    Rust,
    Valgrind,
    Qemu,
    Java,
    JavaAndQemu,
}

/// One command of a step, split at blanks. `{host}` is this machine's target, `{firmware}` and `{bench}`
/// the manifests of those workspaces.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Run {
    /// Cargo.
    Cargo(&'static str),
    /// Cargo, once for each bare-metal target, with `--target` appended.
    CargoForEachTarget(&'static str),
    /// Cargo, with `RUSTDOCFLAGS` that deny warnings.
    Doc(&'static str),
    /// This program.
    Xtask(&'static str),
}

/// A named part of CI.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) needs: Needs,
    pub(crate) runs: &'static [Run],
}

use Needs::{Java, JavaAndQemu, Qemu, Rust, Valgrind};
use Run::{Cargo, CargoForEachTarget, Doc, Xtask};

const fn step(name: &'static str, needs: Needs, about: &'static str, runs: &'static [Run]) -> Step {
    Step { name, about, needs, runs }
}

/// In the order in which they run: what is quick and most often wrong comes first.
#[rustfmt::skip]
pub(crate) const STEPS: &[Step] = &[
    step("format", Rust, "all code is formatted", &[
        Cargo("fmt --all --check"),
        Cargo("fmt --manifest-path {firmware} --all --check"),
        Cargo("fmt --manifest-path {bench} --all --check"),
        Cargo("fmt --manifest-path tests/sizes/Cargo.toml --all --check"),
        Cargo("fmt --manifest-path tests/device/Cargo.toml --all --check"),
    ]),
    step("clippy", Rust, "no warnings, core also with each of its features", &[
        Cargo("clippy --workspace --all-targets -- -D warnings"),
        Cargo("clippy -p nanokafka --all-targets --no-default-features -- -D warnings"),
        Cargo("clippy -p nanokafka --features log -- -D warnings"),
        Cargo("clippy -p nanokafka --features defmt -- -D warnings"),
        Cargo("clippy -p nanokafka --all-features -- -D warnings"),
        Cargo("clippy --manifest-path {firmware} --workspace --release -- -D warnings"),
        // Without the peers, which take minutes to build.
        Cargo("clippy --manifest-path {bench} -p plan -p bench-client --release --target-dir target/bench/clients -- -D warnings"),
        Cargo("clippy --manifest-path tests/sizes/Cargo.toml --target thumbv7em-none-eabihf --target-dir target/sizes --release --features core,defmt,log -- -D warnings"),
        Cargo("clippy --manifest-path tests/sizes/Cargo.toml --target thumbv7em-none-eabihf --target-dir target/sizes --release --features all -- -D warnings"),
        Cargo("clippy --manifest-path tests/sizes/Cargo.toml --target thumbv7em-none-eabihf --target-dir target/sizes --release --features smoltcp-adapter -- -D warnings"),
        Cargo("clippy --manifest-path tests/device/Cargo.toml --target thumbv7m-none-eabi --target-dir target/device --release -- -D warnings"),
        Cargo("clippy --manifest-path tests/device/Cargo.toml --target thumbv7m-none-eabi --target-dir target/device --release --features goodput -- -D warnings"),
    ]),
    step("docs", Rust, "the documentation builds without a warning", &[
        Doc("doc --workspace --no-deps"),
    ]),
    step("bare-metal", Rust, "core, the adapters for devices and the telemetry library on four targets", &[
        CargoForEachTarget("build -p nanokafka -p nanokafka-smoltcp -p nanokafka-embedded-io"),
        CargoForEachTarget("build -p nanokafka --no-default-features"),
        CargoForEachTarget("build --manifest-path {firmware} -p telemetry"),
    ]),
    step("size", Rust, "no image is more than 1 % larger than SIZES.md says", &[
        Xtask("size --check"),
    ]),
    step("unit", Rust, "unit and documentation tests of every crate but the shared suite's, and the firmware's application on tokio", &[
        Cargo("test --workspace --exclude nanokafka-tests"),
        Cargo("test -p nanokafka --no-default-features"),
        Cargo("test --manifest-path {firmware} -p telemetry --target {host}"),
    ]),
    step("layers", Rust, "an import of core's points only the way that ARCHITECTURE.md draws", &[
        Cargo("test -p nanokafka-tests --test layers"),
    ]),
    step("suite", Rust, "the shared suite: in memory, tokio on loopback, smoltcp on a simulated link", &[
        // The tests over tokio mostly wait, so more of them run at once than there are processors.
        Cargo("test -p nanokafka-tests -- --test-threads=8"),
    ]),
    step("mutants", Rust, "each mistake of tests/mutants can still be made", &[
        Xtask("mutants --check"),
    ]),
    step("simulator", Rust, "20,000 seeds and every single fault at every step: six zeros", &[
        Xtask("sim --seeds 20000 --single-faults"),
    ]),
    step("encode", Valgrind, "no more instructions per record than are committed", &[
        Xtask("bench encode --check"),
    ]),
    step("device", Qemu, "on Cortex-M, no more instructions, no deeper stack and no slower on a link than is committed", &[
        Xtask("bench device --check"),
    ]),
    step("firmware", JavaAndQemu, "the firmware in QEMU into Kafka 4.4.0: the demo, and the suite's scenarios that fit it", &[
        Xtask("demo"),
        Cargo("test -p nanokafka-tests --test firmware -- --ignored"),
    ]),
    step("chaos", JavaAndQemu, "tokio's producer and the firmware through five lost brokers and a bad network: six zeros for each", &[
        Xtask("chaos --kills 5"),
    ]),
    step("kafka-4.4.0", Java, "the shared suite on real Apache Kafka 4.4.0", &[
        Cargo("test -p nanokafka-cluster --test versions -- --ignored --test-threads=1 kafka_4_4_0"),
        Cargo("test -p nanokafka-tests --release --test real_kafka -- --ignored kafka_4_4_0::"),
    ]),
    step("kafka-3.9.2", JavaAndQemu, "the shared suite and the firmware on real Apache Kafka 3.9.2", &[
        Cargo("test -p nanokafka-cluster --test versions -- --ignored --test-threads=1 kafka_3_9_2"),
        Cargo("test -p nanokafka-tests --release --test real_kafka -- --ignored kafka_3_9_2::"),
        Xtask("demo --kafka 3.9.2"),
    ]),
    step("kafka-2.8.2", JavaAndQemu, "the shared suite and the firmware on real Apache Kafka 2.8.2 with ZooKeeper", &[
        Cargo("test -p nanokafka-cluster --test versions -- --ignored --test-threads=1 kafka_2_8_2"),
        Cargo("test -p nanokafka-tests --release --test real_kafka -- --ignored kafka_2_8_2::"),
        Xtask("demo --kafka 2.8.2"),
    ]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_steps_have_one_name_and_each_runs_something() {
        for (i, step) in STEPS.iter().enumerate() {
            assert!(!step.runs.is_empty() && !step.about.is_empty(), "{}", step.name);
            assert!(STEPS[..i].iter().all(|other| other.name != step.name), "{}", step.name);
        }
    }
}
