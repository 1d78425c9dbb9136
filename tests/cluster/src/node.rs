//! One Java process of a cluster, its files and its state.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::process::{Process, Signal};
use crate::settings::Ports;

/// How long a node that was asked to end may take: it hands its partitions over first.
const TERMINATION_MAX: Duration = Duration::from_secs(90);

/// A broker with its configuration written, running or not.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) id: u16,
    pub(crate) ports: Ports,
    dir: PathBuf,
    process: Option<Process>,
    paused: bool,
    killed_at: Option<Instant>,
}

impl Node {
    /// A node that is not started yet. Its files stand in `dir`.
    pub(crate) fn new(id: u16, ports: Ports, dir: PathBuf, properties: &str) -> Result<Self> {
        write(&dir.join("server.properties"), properties)?;
        Ok(Self { id, ports, dir, process: None, paused: false, killed_at: None })
    }

    pub(crate) fn properties(&self) -> PathBuf {
        self.dir.join("server.properties")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("server.log")
    }

    pub(crate) fn start(&mut self, java: &Java) -> Result<()> {
        self.process = Some(java.spawn("kafka.Kafka", &self.properties(), &self.log())?);
        self.paused = false;
        Ok(())
    }

    /// Whether its process exists, standing still or not.
    pub(crate) fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::is_running)
    }

    /// Whether its process has ended without being told to.
    pub(crate) fn has_died(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| !process.is_running())
    }

    /// Its process's id, while it has one.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Whether it can be expected to answer.
    pub(crate) fn answers(&mut self) -> bool {
        !self.paused && self.is_running()
    }

    /// Sends a signal; after one that ends it, waits for the end.
    pub(crate) fn signal(&mut self, signal: Signal) -> Result<()> {
        let what = format!("node {}: {signal:?}", self.id);
        if !self.is_running() {
            self.process = None;
        }
        let Some(process) = self.process.as_mut() else {
            return Err(Error::Invalid(format!("{what}: it is not running")));
        };
        process.signal(signal).map_err(Error::io(what.as_str()))?;
        match signal {
            Signal::Kill => {
                process.wait().map_err(Error::io(what))?;
                self.killed_at = Some(Instant::now());
                self.process = None;
                self.paused = false;
            }
            Signal::Terminate => {
                let deadline = Instant::now() + TERMINATION_MAX;
                while process.try_wait().map_err(Error::io(what.as_str()))?.is_none() {
                    if Instant::now() > deadline {
                        let seconds = TERMINATION_MAX.as_secs();
                        let what = format!("{what}: it has not ended after {seconds} s");
                        return Err(Error::not_ready(what, &self.log()));
                    }
                    std::thread::sleep(Duration::from_millis(10));
                }
                self.process = None;
                self.paused = false;
            }
            Signal::Stop => self.paused = true,
            Signal::Continue => self.paused = false,
        }
        Ok(())
    }

    /// Ends it at once, if it runs.
    pub(crate) fn stop(&mut self) {
        if self.process.take().is_some() {
            self.killed_at = Some(Instant::now());
        }
        self.paused = false;
    }

    /// How long after being killed it is still registered by a session of `timeout`.
    pub(crate) fn registered_for(&self, timeout: Duration) -> Duration {
        self.killed_at.map_or(Duration::ZERO, |at| timeout.saturating_sub(at.elapsed()))
    }
}

/// How the Java machine of a broker is started.
#[derive(Clone, Debug)]
pub(crate) struct Java {
    pub(crate) class_path: OsString,
    pub(crate) heap_mib: u32,
    pub(crate) quick_start: bool,
}

impl Java {
    /// A command that runs `class`; arguments are still to be added.
    pub(crate) fn command(&self, class: &str) -> Command {
        let mut java = Command::new("java");
        java.arg(format!("-Xmx{}m", self.heap_mib)).arg("-XX:+UseSerialGC");
        if self.quick_start {
            java.arg("-XX:TieredStopAtLevel=1");
        }
        java.args(["-Djava.net.preferIPv4Stack=true", "-Dorg.slf4j.simpleLogger.showDateTime=true"]);
        java.arg("-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS");
        java.arg("-cp").arg(&self.class_path).arg(class);
        java
    }

    /// Runs `class` with a configuration file as its argument; what it prints is appended to `log`.
    pub(crate) fn spawn(&self, class: &str, properties: &Path, log: &Path) -> Result<Process> {
        let out = append(log)?;
        let err = out.try_clone().map_err(Error::io(format!("opening {}", log.display())))?;
        let mut command = self.command(class);
        command.arg(properties).stdin(Stdio::null()).stdout(out).stderr(err);
        Process::spawn(command).map_err(Error::io(format!("starting {class}")))
    }
}

/// Writes a file, and makes its directory.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    let what = || format!("writing {}", path.display());
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(Error::io(what()))?;
    }
    fs::write(path, text).map_err(Error::io(what()))
}

fn append(path: &Path) -> Result<File> {
    let opened = OpenOptions::new().create(true).append(true).open(path);
    opened.map_err(Error::io(format!("opening {}", path.display())))
}
