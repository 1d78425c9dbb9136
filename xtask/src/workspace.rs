//! Where things are in this repository, and what the toolchain must have.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use nanokafka_cluster::install::run_quietly;

/// The bare-metal targets that core and the adapters for devices are built for.
pub(crate) const TARGETS: [&str; 4] =
    ["thumbv6m-none-eabi", "thumbv7m-none-eabi", "thumbv7em-none-eabihf", "riscv32imc-unknown-none-elf"];

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.canonicalize().unwrap_or(root)
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// Makes sure that the toolchain can build for `targets`, by rustup if need be.
pub(crate) fn ensure_targets(targets: &[&str]) -> Result<()> {
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]).current_dir(root()))?;
    let there =
        |target: &str| Path::new(sysroot.trim()).join("lib/rustlib").join(target).join("lib").is_dir();
    let missing: Vec<&str> = targets.iter().copied().filter(|t| !there(t)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let by_hand = format!("rustup target add {}", missing.join(" "));
    eprintln!("installing the Rust targets {}", missing.join(" "));
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add"]).args(&missing).current_dir(root());
    run_quietly(rustup).with_context(|| format!("Rust targets are missing; install them with: {by_hand}"))?;
    ensure!(missing.iter().all(|t| there(t)), "Rust targets are still missing; install them with: {by_hand}");
    Ok(())
}

/// Makes sure that the toolchain can check and format, by rustup if need be: a minimal one cannot.
pub(crate) fn ensure_components() -> Result<()> {
    let there = |tool: &str| cargo().args([tool, "--version"]).output().is_ok_and(|out| out.status.success());
    if there("clippy") && there("fmt") {
        return Ok(());
    }
    let by_hand = "rustup component add clippy rustfmt";
    eprintln!("installing clippy and rustfmt");
    let mut rustup = Command::new("rustup");
    rustup.args(["component", "add", "clippy", "rustfmt"]).current_dir(root());
    run_quietly(rustup).with_context(|| format!("clippy or rustfmt is missing; install them with: {by_hand}"))
}

/// The target of the machine that this runs on.
pub(crate) fn host_target() -> Result<String> {
    let version = output(Command::new("rustc").arg("-vV").current_dir(root()))?;
    match version.lines().find_map(|line| line.strip_prefix("host: ")) {
        Some(host) => Ok(host.to_owned()),
        None => bail!("`rustc -vV` does not say its host"),
    }
}

fn output(command: &mut Command) -> Result<String> {
    let what = format!("{command:?}");
    let output = command.output().with_context(|| format!("cannot run {what}"))?;
    ensure!(output.status.success(), "{what} failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
