//! Programs that must be there before anything else: found, installed when we may, or named with the command.

use std::process::{Command, Stdio};

use crate::error::{Error, Result};
use crate::process::Process;

/// Makes sure that `program` can be run, installing the Debian package `package` when this process is root and
/// `apt-get` exists. Otherwise the error says which command installs it.
pub fn ensure_program(program: &str, package: &str) -> Result<()> {
    if is_on_path(program) {
        return Ok(());
    }
    let install = format!("apt-get install --no-install-recommends --yes {package}");
    // SAFETY: geteuid has no preconditions.
    let root = unsafe { libc::geteuid() } == 0;
    if !root || !is_on_path("apt-get") {
        return Err(Error::Missing { program: program.into(), install: format!("sudo {install}") });
    }
    eprintln!("installing {package} (for `{program}`)");
    let mut update = Command::new("apt-get");
    update.arg("update");
    // The lists of a fresh machine may be missing or old; that alone is no failure.
    let _ = run_quietly(update);
    let mut command = Command::new("apt-get");
    command.args(["install", "--no-install-recommends", "--yes", package]);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    let installed = run_quietly(command);
    match installed {
        Ok(()) if is_on_path(program) => Ok(()),
        Ok(()) => Err(Error::Missing { program: program.into(), install }),
        Err(e) => Err(Error::Failed { what: install, output: e.to_string() }),
    }
}

/// Runs a command to its end; its output is shown only in the error of a failure.
pub fn run_quietly(mut command: Command) -> Result<()> {
    let what = describe(&command);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Process::spawn(command).map_err(Error::io(format!("starting {what}")))?;
    let (out, err) = (process.child().stdout.take(), process.child().stderr.take());
    let output = std::thread::scope(|s| {
        let err = s.spawn(|| read_all(err));
        let mut text = read_all(out);
        text.push_str(&err.join().unwrap_or_default());
        text
    });
    let status = process.wait().map_err(Error::io(format!("waiting for {what}")))?;
    if status.success() { Ok(()) } else { Err(Error::Failed { what, output: last_lines(&output, 25) }) }
}

fn is_on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

fn describe(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|a| a.to_string_lossy().into_owned()));
    format!("`{}`", words.join(" "))
}

fn read_all(stream: Option<impl std::io::Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        // What was read before an error is still worth showing.
        let _ = stream.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
