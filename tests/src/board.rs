//! The example firmware on an emulated board: built, started with its options, and heard to its end.
//!
//! QEMU gives the guest real time and reaches brokers on this machine as `10.0.2.2`.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nanokafka_cluster::ConsumedRecord;
pub use nanokafka_cluster::board::Account;
use nanokafka_cluster::board::{Id, consumed};
use nanokafka_cluster::install::{ensure_program, run_quietly};
use nanokafka_cluster::process::Process;
use nanokafka_cluster::verdict::{SixCounts, Submitted, judge};

const TARGET: &str = "thumbv7m-none-eabi";

/// The firmware's ELF file, built by the first test that needs it.
static ELF: LazyLock<PathBuf> = LazyLock::new(build);

/// What the firmware is to do.
#[derive(Clone, Debug)]
pub struct Job {
    /// Where it starts from, `HOST:PORT` as the guest sees it.
    pub brokers: Vec<String>,
    /// Where the readings go.
    pub topic: String,
    /// How many readings.
    pub records: u32,
    /// How many devices take turns.
    pub devices: u32,
    /// The first device.
    pub device_id: u64,
    /// Any other options, `name=value` each.
    pub more: Vec<String>,
    /// Whether the board is on a network at all.
    pub cable: bool,
}

impl Job {
    /// So many readings of one device for `topic`, from `brokers` (`host:port,...`).
    #[must_use]
    pub fn new(brokers: &str, topic: &str, records: u32) -> Self {
        Self {
            brokers: brokers.split(',').map(str::to_owned).collect(),
            topic: topic.to_owned(),
            records,
            devices: 1,
            device_id: 7,
            more: Vec::new(),
            cable: true,
        }
    }

    /// Another option, such as `interval_ms=5`.
    #[must_use]
    pub fn with(mut self, option: &str) -> Self {
        self.more.push(option.to_owned());
        self
    }

    /// The device whose turn the reading with this counter is.
    #[must_use]
    pub fn device(&self, counter: u32) -> u64 {
        self.device_id + u64::from(counter % self.devices)
    }

    fn arguments(&self) -> String {
        let brokers = self.brokers.iter().map(|broker| format!("broker={broker}"));
        let own = [
            format!("topic={}", self.topic),
            format!("records={}", self.records),
            format!("devices={}", self.devices),
            format!("device_id={}", self.device_id),
        ];
        let all = brokers.chain(own).chain(self.more.iter().cloned());
        // QEMU wants a comma within an option to be doubled.
        all.map(|option| format!(",arg={}", option.replace(',', ",,"))).collect()
    }
}

/// A running board. Killed when dropped.
pub struct Board {
    job: Job,
    process: Process,
    start: Instant,
    heard: Arc<Heard>,
    listener: Option<std::thread::JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Heard {
    lines: Mutex<Vec<String>>,
    log_bytes: AtomicUsize,
}

impl Heard {
    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Board {
    /// Builds the firmware, if that has not been done, and starts it.
    ///
    /// # Panics
    /// When it does not build, or QEMU does not start.
    #[must_use]
    pub fn start(job: Job) -> Self {
        let elf = &*ELF;
        ensure_program("qemu-system-arm", "qemu-system-arm").unwrap_or_else(|error| panic!("{error}"));
        let mut qemu = Command::new("qemu-system-arm");
        qemu.args(["-M", "lm3s6965evb", "-display", "none", "-monitor", "none", "-serial", "stdio"]);
        qemu.args(["-nic", if job.cable { "user,model=stellaris" } else { "none" }]);
        let arguments = job.arguments();
        qemu.arg("-semihosting-config").arg(format!("enable=on,target=native,arg=nanokafka{arguments}"));
        qemu.arg("-kernel").arg(elf);
        qemu.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Process::spawn(qemu).unwrap_or_else(|error| panic!("qemu-system-arm: {error}"));
        let heard = Arc::new(Heard::default());
        let (log, facts) = (process.child().stdout.take(), process.child().stderr.take());
        let log_into = Arc::clone(&heard);
        std::thread::spawn(move || count_bytes(log, &log_into.log_bytes));
        let into = Arc::clone(&heard);
        let listener = std::thread::spawn(move || {
            for line in
                facts.map(BufReader::new).into_iter().flat_map(|s| s.split(b'\n')).map_while(Result::ok)
            {
                into.lines().push(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
        });
        Self { job, process, start: Instant::now(), heard, listener: Some(listener) }
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// How many bytes its log has so far.
    #[must_use]
    pub fn log_bytes(&self) -> usize {
        self.heard.log_bytes.load(Ordering::Relaxed)
    }

    /// What it has said so far, with the outcomes of its readings.
    #[must_use]
    pub fn so_far(&self) -> Account {
        Account::of(&self.heard.lines())
    }

    /// Waits until so many readings are delivered.
    ///
    /// # Panics
    /// When it ends before, or does not get there within `limit`.
    pub fn wait_until_delivered(&mut self, count: u64, limit: Duration) {
        let give_up = Instant::now() + limit;
        while self.so_far().delivered() < count {
            assert!(self.is_running(), "the board has ended: {}", self.story());
            assert!(Instant::now() < give_up, "a hang: {}", self.story());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits for its end, and says all that it said.
    ///
    /// # Panics
    /// When it does not end within `limit`.
    #[must_use]
    pub fn finish(mut self, limit: Duration) -> Run {
        let give_up = Instant::now() + limit;
        while self.is_running() {
            assert!(Instant::now() < give_up, "a hang: {}", self.story());
            std::thread::sleep(Duration::from_millis(20));
        }
        if let Some(listener) = self.listener.take() {
            listener.join().expect("the thread that listens does not panic");
        }
        let exit_code = self.process.wait().ok().and_then(|status| status.code());
        let account = self.so_far();
        Run { job: self.job.clone(), exit_code, account, story: self.story(), took: self.start.elapsed() }
    }

    /// What a person wants to see when a test fails: the job, and the end of what the firmware said.
    #[must_use]
    pub fn story(&self) -> String {
        let lines = self.heard.lines();
        let last = &lines[lines.len().saturating_sub(12)..];
        format!("after {:.1} s of {:?}:\n{}", self.start.elapsed().as_secs_f32(), self.job, last.join("\n"))
    }
}

/// A run that is over.
#[derive(Clone, Debug)]
pub struct Run {
    /// What it was asked to do.
    pub job: Job,
    /// `None` when it was killed.
    pub exit_code: Option<i32>,
    /// What it said.
    pub account: Account,
    /// The end of what it said, for the message of a failure.
    pub story: String,
    /// From its start to its end.
    pub took: Duration,
}

impl Run {
    /// The six counts, against what a consumer read from the topic.
    #[must_use]
    pub fn judge(&self, log: &[ConsumedRecord]) -> SixCounts {
        let id = |counter| Id::Reading(self.job.device(counter), counter);
        let submitted: Vec<_> = (self.account.submitted().into_iter())
            .map(|(counter, outcome)| Submitted::new(id(counter), outcome))
            .collect();
        judge(&submitted, log.iter().map(consumed))
    }
}

fn count_bytes(stream: Option<impl Read>, count: &AtomicUsize) {
    let mut buffer = [0; 4_096];
    let Some(mut stream) = stream else { return };
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        count.fetch_add(read, Ordering::Relaxed);
    }
}

fn build() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware-example");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg("build").arg("--release").arg("--manifest-path").arg(workspace.join("Cargo.toml"));
    // Its own folder also where the caller shares one target directory between workspaces.
    cargo.args(["--bin", "firmware", "--target", TARGET, "--target-dir"]).arg(workspace.join("target"));
    run_quietly(cargo).unwrap_or_else(|error| panic!("the firmware does not build: {error}"));
    workspace.join("target").join(TARGET).join("release/firmware")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_lost_or_unreported() {
        let lines = [
            "qemu: hello",
            "NK delivered partition=1 base_offset=7 counters=0-1",
            "NK failed partition=-1 counters=3 code=3 reason=TIMEOUT",
            "NK done accepted=5 delivered=2 failed=1",
        ];
        let run = Run {
            job: Job::new("h:1", "t", 5),
            exit_code: Some(1),
            account: Account::of(&lines.map(str::to_owned)),
            story: String::new(),
            took: Duration::ZERO,
        };
        assert_eq!(run.judge(&[]), SixCounts { lost: 2, unreported: 2, ..SixCounts::default() });
    }

    #[test]
    fn devices_take_turns_from_the_first_on() {
        let job = Job { devices: 3, device_id: 40, ..Job::new("a:1,b:2", "t", 9) }.with("linger_ms=0");
        assert_eq!([0, 1, 2, 3].map(|counter| job.device(counter)), [40, 41, 42, 40]);
        let expected = ",arg=broker=a:1,arg=broker=b:2,arg=topic=t,arg=records=9,arg=devices=3,arg=device_id=40,\
                        arg=linger_ms=0";
        assert_eq!(job.arguments(), expected);
    }
}
