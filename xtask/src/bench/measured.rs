//! One client's process from its start to its end, and what it took.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nanokafka_cluster::process::Process;

/// How often the process's memory is looked at: its greatest extent is the kernel's own mark, so only what it grew in
/// its last moment is missed.
const LOOK: Duration = Duration::from_millis(10);

/// Nobody needs so long.
const LIMIT: Duration = Duration::from_secs(300);

/// What a process took and printed.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    /// User and system.
    pub(crate) cpu: Duration,
    pub(crate) peak_rss_kib: u64,
    pub(crate) stdout: String,
}

/// Runs a command to its end; its failure is an error with what it printed.
pub(crate) fn measured(mut command: Command) -> Result<Ran> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Process::spawn(command)?;
    let (out, err) = (process.child().stdout.take(), process.child().stderr.take());
    std::thread::scope(|scope| {
        let out = scope.spawn(|| read_all(out));
        let err = scope.spawn(|| read_all(err));
        let mut peak_rss_kib = 0;
        let mut waited = Duration::ZERO;
        let (status, usage) = loop {
            if let Some(ended) = process.try_wait_usage().context("waiting for the client")? {
                break ended;
            }
            if waited > LIMIT {
                process.kill();
                anyhow::bail!("it did not end within {} s", LIMIT.as_secs());
            }
            peak_rss_kib = peak_rss(process.id()).unwrap_or(peak_rss_kib);
            std::thread::sleep(LOOK);
            waited += LOOK;
        };
        let (stdout, stderr) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
        ensure!(status.success(), "it ended with {status}:\n{stdout}{stderr}");
        Ok(Ran { cpu: usage.user + usage.system, peak_rss_kib, stdout })
    })
}

/// The greatest resident size that a process has had so far. What wait4 tells of it would be wrong: it begins with the
/// size of the process that forked.
fn peak_rss(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

fn read_all(stream: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        // What was read before an error is still worth showing.
        let _ = stream.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_works_and_fills_memory_is_seen_to() {
        let mut command = Command::new("sh");
        command.args(["-c", "x=$(head -c 20000000 /dev/zero | tr '\\0' a); sleep 0.1; echo ${#x}"]);
        let ran = measured(command).unwrap();
        assert_eq!(ran.stdout.trim(), "20000000");
        assert!(ran.peak_rss_kib > 20_000, "{ran:?}");
        assert!(ran.cpu > Duration::ZERO && ran.cpu < Duration::from_secs(60), "{ran:?}");
    }

    #[test]
    fn a_failure_is_told_with_its_words() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo no broker >&2; exit 3"]);
        let error = format!("{:#}", measured(command).unwrap_err());
        assert!(error.contains("no broker") && error.contains('3'), "{error}");
    }
}
