//! `cargo xtask test`: all that CI runs, step by step.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nanokafka_cluster::process::Process;

use crate::steps::{Needs, Run, STEPS, Step};
use crate::workspace::{TARGETS, cargo, ensure_components, ensure_targets, host_target, root};

/// Run all that CI runs, step by step, and say what passed
///
/// A step that fails does not keep the others from running. It ends with `N passed, N failed`, and with what --quick left out.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  cargo xtask test\n  cargo xtask test --quick\n  \
                        cargo xtask test --only clippy --only kafka")]
pub(crate) struct Options {
    /// Leave out what needs QEMU, Java or valgrind
    #[arg(long)]
    quick: bool,
    /// Only this step, or all whose name begins so (`kafka`); repeatable
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Print the steps and run none
    #[arg(long)]
    list: bool,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let steps = select(options)?;
    if options.list {
        for step in steps {
            let needs = match step.needs {
                Needs::Rust => "",
                Needs::Valgrind => " (needs valgrind)",
                Needs::Qemu => " (needs QEMU)",
                Needs::Java => " (needs Java)",
                Needs::JavaAndQemu => " (needs Java and QEMU)",
            };
            println!("{:<12} {}{needs}", step.name, step.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    ensure_components()?;
    ensure_targets(&TARGETS)?;
    let host = host_target()?;
    let mut results = Vec::new();
    for step in steps {
        println!("\n=== {}: {}", step.name, step.about);
        let begin = Instant::now();
        let outcome = run_step(step, &host);
        if let Err(error) = &outcome {
            println!("--- {} failed: {error:#}", step.name);
        }
        results.push((step.name, begin.elapsed(), outcome.is_ok()));
    }
    let code = summarise(&results);
    if options.quick {
        let left_out: Vec<&str> = STEPS.iter().filter(|s| s.needs != Needs::Rust).map(|s| s.name).collect();
        println!("left out by --quick: {}", left_out.join(", "));
    }
    Ok(code)
}

fn select(options: &Options) -> Result<Vec<&'static Step>> {
    let is_wanted = |step: &Step, only: &str| step.name == only || step.name.starts_with(&format!("{only}-"));
    if let Some(unknown) = options.only.iter().find(|only| !STEPS.iter().any(|s| is_wanted(s, only))) {
        let names: Vec<&str> = STEPS.iter().map(|s| s.name).collect();
        bail!("there is no step `{unknown}`; there are: {}", names.join(", "));
    }
    let selected: Vec<&Step> = STEPS
        .iter()
        .filter(|s| options.only.is_empty() || options.only.iter().any(|only| is_wanted(s, only)))
        .filter(|s| !options.quick || s.needs == Needs::Rust)
        .collect();
    if selected.is_empty() {
        bail!("--quick leaves out all the steps that --only names");
    }
    Ok(selected)
}

/// Runs all of a step's commands, also after one that failed: each may have something of its own to say.
fn run_step(step: &Step, host: &str) -> Result<()> {
    let mut failures = Vec::new();
    for run in step.runs {
        for command in commands(run, host)? {
            if let Err(error) = run_command(command) {
                println!("--- failed: {error:#}");
                failures.push(error);
            }
        }
    }
    match failures.len() {
        0 => Ok(()),
        count => bail!("{count} of its commands failed"),
    }
}

fn commands(run: &Run, host: &str) -> Result<Vec<Command>> {
    let cargo_with = |line| with_words(cargo(), line, host);
    let for_target = |line, target| {
        let mut command = cargo_with(line);
        command.args(["--target", target]);
        command
    };
    Ok(match *run {
        Run::Cargo(line) => vec![cargo_with(line)],
        Run::CargoForEachTarget(line) => TARGETS.iter().map(|target| for_target(line, target)).collect(),
        Run::Doc(line) => {
            let mut command = cargo_with(line);
            command.env("RUSTDOCFLAGS", "-D warnings");
            vec![command]
        }
        Run::Xtask(line) => {
            let program = std::env::current_exe().context("cannot find this program")?;
            vec![with_words(Command::new(program), line, host)]
        }
    })
}

fn with_words(mut command: Command, line: &str, host: &str) -> Command {
    let firmware = root().join("firmware-example/Cargo.toml");
    let bench = root().join("tests/bench/Cargo.toml");
    for word in line.split(' ') {
        match word {
            "{host}" => command.arg(host),
            "{firmware}" => command.arg(&firmware),
            "{bench}" => command.arg(&bench),
            word => command.arg(word),
        };
    }
    // Cargo looks for settings such as a default target from the current directory upwards.
    let for_firmware = line.split(' ').any(|word| word == "{firmware}");
    command.current_dir(if for_firmware { root().join("firmware-example") } else { root() });
    command
}

fn run_command(mut command: Command) -> Result<()> {
    let words: Vec<String> = command.get_args().map(|a| a.to_string_lossy().into_owned()).collect();
    let what = words.join(" ").replace(&format!("{}/", root().display()), "");
    println!("--- {what}");
    command.stdin(Stdio::null());
    let runs_tests = words.first().is_some_and(|word| word == "test");
    if runs_tests {
        command.stdout(Stdio::piped());
    }
    let mut process = Process::spawn(command).with_context(|| format!("cannot run {what}"))?;
    let mut passed = 0;
    for line in process.child().stdout.take().map(BufReader::new).into_iter().flat_map(|s| s.split(b'\n')) {
        let line = line.with_context(|| format!("cannot read what {what} prints"))?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        passed += tests_passed(&line);
    }
    let status = process.wait().with_context(|| format!("cannot wait for {what}"))?;
    if !status.success() {
        bail!("{what}: {status}");
    }
    if runs_tests && passed == 0 {
        bail!("{what}: not one test ran, so a name in it is no longer that of a test");
    }
    Ok(())
}

/// How many tests have passed, from the line at the end of a test program.
fn tests_passed(line: &str) -> u64 {
    let Some((_, counts)) = line.split_once("test result: ok. ") else { return 0 };
    counts.split_once(" passed").and_then(|(count, _)| count.parse().ok()).unwrap_or(0)
}

fn summarise(results: &[(&str, Duration, bool)]) -> ExitCode {
    println!("\n{:<14} {:>9}  result", "step", "seconds");
    for (name, time, passed) in results {
        println!("{name:<14} {:>9.1}  {}", time.as_secs_f32(), if *passed { "passed" } else { "FAILED" });
    }
    let total: Duration = results.iter().map(|r| r.1).sum();
    println!("{:<14} {:>9.1}\n", "all", total.as_secs_f32());
    let failed = results.iter().filter(|r| !r.2).count();
    println!("{} passed, {failed} failed", results.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_that_passed_are_counted() {
        let line =
            "test result: ok. 78 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.48s";
        assert_eq!(tests_passed(line), 78);
        assert_eq!(tests_passed("test result: FAILED. 3 passed; 1 failed"), 0);
        assert_eq!(tests_passed("running 3 tests"), 0);
    }

    #[test]
    fn a_filter_that_matches_no_test_fails() {
        let cargo_that_says = |count: &str| {
            let mut command = Command::new("echo");
            command.args(["test", "result:", "ok.", count, "passed;"]);
            run_command(command)
        };
        assert!(cargo_that_says("0").unwrap_err().to_string().contains("not one test ran"));
        cargo_that_says("2").unwrap();
    }
}
