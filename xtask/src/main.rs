//! Everything a person or CI runs on nanokafka:
//! `cargo xtask bench | chaos | demo | kafka | mutants | sim | size | test`.

mod bench;
mod chaos;
mod demo;
mod kafka;
mod mutants;
mod screen;
mod sim;
mod size;
mod steps;
mod test;
mod workspace;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::{Parser, Subcommand};
use nanokafka_cluster::process::stop_all;

/// Everything a person or CI runs on nanokafka.
///
/// What is missing (Rust targets, QEMU, Apache Kafka) is installed into the toolchain, the system or `target/`; where
/// the right to install is lacking, the command to run is printed. All servers listen on loopback only, on free
/// ports, and end with the command, also after Ctrl-C.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Bench(bench::Options),
    Chaos(chaos::Options),
    Demo(demo::Options),
    Kafka(kafka::Options),
    Mutants(mutants::Options),
    Sim(sim::Options),
    Size(size::Options),
    Test(test::Options),
}

/// Set when a signal has begun to end this process: what fails from then on fails because of it.
static ENDING: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = end_on_signal().and_then(|()| match &cli.command {
        Command::Bench(options) => bench::run(options),
        Command::Chaos(options) => chaos::run(options),
        Command::Demo(options) => demo::run(options),
        Command::Kafka(options) => kafka::run(options),
        Command::Mutants(options) => mutants::run(options),
        Command::Sim(options) => sim::run(options),
        Command::Size(options) => size::run(options),
        Command::Test(options) => test::run(options),
    });
    while ENDING.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(100));
    }
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// On Ctrl-C, SIGTERM or a closed terminal: stops all that was started, then ends as the shell expects it.
fn end_on_signal() -> anyhow::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            ENDING.store(true, Ordering::SeqCst);
            stop_all();
            eprintln!("\nstopped");
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}
