//! Instructions, counted by valgrind's callgrind: the same in each run of the same program.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use nanokafka_cluster::install::ensure_program;

/// Makes sure that valgrind is there.
pub(crate) fn ensure() -> Result<()> {
    Ok(ensure_program("valgrind", "valgrind")?)
}

/// The instructions of `program` with these arguments, from its start to its end.
pub(crate) fn instructions(program: &Path, args: &[&str]) -> Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program).args(args);
    let output = valgrind.stdin(Stdio::null()).output().context("valgrind does not start")?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} under valgrind failed:\n{text}", program.display());
    let count = collected(&text);
    count.with_context(|| format!("valgrind does not say how many instructions it counted:\n{text}"))
}

/// From the line `==123== Collected : 456`.
fn collected(text: &str) -> Option<u64> {
    text.lines().rev().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_in_the_last_lines() {
        let text =
            "==7== Events    : Ir\n==7== Collected : 1234567\n==7== \n==7== I   refs:      1,234,567\n";
        assert_eq!(collected(text), Some(1_234_567));
        assert_eq!(collected("valgrind: no such file"), None);
    }
}
