//! `cargo xtask demo`: from a Cortex-M3 into real Apache Kafka, and back through somebody else's consumer.

mod broker;
pub(crate) mod firmware;
mod flash;
mod log;
mod places;
pub(crate) mod qemu;
mod report;
pub(crate) mod spread;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use nanokafka_cluster::board::{Account, Fact, Id, Reading, consumed};
use nanokafka_cluster::verdict::{SixCounts, Submitted, judge};
use nanokafka_cluster::{ConsumedRecord, kafka};

use self::broker::Broker;
use self::firmware::Elf;
use self::qemu::{Event, Machine};
use self::report::Report;
use crate::screen::Screen;

/// The first of the devices whose readings are sent.
pub(crate) const DEVICE_ID: u64 = 1;

/// How long the firmware keeps trying to deliver a record.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(60);

/// How much longer than its delivery timeout the board may deliver nothing until it is stopped: it is to say itself
/// what could not be delivered, and why.
const STALL_BEYOND_TIMEOUT: Duration = Duration::from_secs(30);

/// How many of the batches that failed are shown.
const FAILURES_SHOWN: usize = 10;

/// How many of the readings that came back are shown.
const SHOWN: usize = 5;

/// Send telemetry from a Cortex-M3 (in QEMU) into real Apache Kafka and judge what arrived
///
/// Installs what is missing, starts Kafka, builds and runs the firmware with its log in view, reads everything back
/// with Kafka's own consumer, and counts what was lost, duplicated, reordered, phantom, unreported or acknowledged for
/// another offset. Succeeds only if every record was delivered and all six counts are 0.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask demo\n  cargo xtask demo --kafka 2.8.2 --records 100000\n  \
                        cargo xtask demo --broker 192.168.1.20:9092 --topic telemetry --json"
)]
pub(crate) struct Options {
    /// Readings to send
    #[arg(long, default_value_t = 2000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    records: u32,
    /// Partitions of the topic, if it is to be created
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    partitions: u32,
    /// Version of Apache Kafka to start; 4.4.0, 3.9.2 and 2.8.2 are tested
    #[arg(long, default_value = kafka::VERSIONS[0], value_name = "VERSION", conflicts_with = "broker")]
    kafka: String,
    /// Use a broker that runs already, instead of starting one
    #[arg(long, value_name = "HOST:PORT")]
    broker: Option<String>,
    /// The same broker as the firmware reaches it, where it differs: QEMU shows this machine as 10.0.2.2
    #[arg(long, value_name = "HOST:PORT", requires = "broker")]
    guest_broker: Option<String>,
    /// Topic to write to; created if it is not there [default: a new one]
    #[arg(long, value_name = "T")]
    topic: Option<String>,
    /// Run this ELF file instead of building the firmware
    #[arg(long, value_name = "ELF")]
    firmware: Option<PathBuf>,
    /// One more option for the firmware, such as batch=50 or linger_ms=100; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    firmware_option: Vec<String>,
    /// Print the result as one line of JSON, the last on standard output; everything else goes to standard error
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let (report, good) = perform(options, &mut Screen::new(options.json))?;
    if options.json {
        println!("{}", report.to_json());
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The most bytes of stack that the firmware has used in a run of the demo.
pub(crate) fn stack_used() -> Result<u64> {
    let options = Options {
        records: 2_000,
        partitions: 3,
        kafka: kafka::VERSIONS[0].to_owned(),
        broker: None,
        guest_broker: None,
        topic: None,
        firmware: None,
        firmware_option: Vec::new(),
        json: true,
    };
    let (report, good) = perform(&options, &mut Screen::new(options.json))?;
    ensure!(good, "the demo failed; `cargo xtask demo` shows how");
    report.done.get("stack_used").copied().context("the firmware did not say how deep its stack was")
}

/// Runs the demo, and says whether all was well.
fn perform(options: &Options, screen: &mut Screen) -> Result<(Report, bool)> {
    let broker = Broker::ready(options, screen)?;
    let elf = Elf::read(match &options.firmware {
        Some(elf) => elf.clone(),
        None => {
            screen.line("building the firmware");
            firmware::build()?
        }
    })?;
    let size = elf.size()?;
    let topic = options.topic.clone().unwrap_or_else(new_topic_name);
    let first_offsets = broker.topic_ready(&topic, options.partitions as usize)?;
    let partitions = first_offsets.len();
    ensure!(
        partitions <= firmware::PARTITIONS_MAX || options.firmware.is_some(),
        "the topic {topic} has {partitions} partitions, and the firmware has memory for {}",
        firmware::PARTITIONS_MAX
    );
    let devices = spread::devices(DEVICE_ID, partitions);
    let begin = Instant::now();
    let words = firmware_options(options, &broker.for_guest, &topic, devices)?;
    let (account, exit_code) = run_board(&elf, &words, options.records, screen)?;
    let seconds = begin.elapsed().as_secs_f64();
    screen.line("reading everything back with Kafka's own consumer");
    let is_new = |r: &ConsumedRecord| {
        usize::try_from(r.partition)
            .is_ok_and(|p| first_offsets.get(p).is_none_or(|first| r.offset >= *first))
    };
    let log: Vec<ConsumedRecord> = broker.admin.read_all(&topic)?.into_iter().filter(is_new).collect();
    show_some(&log, screen);
    let report = Report {
        kafka: broker.name.clone(),
        records: options.records.into(),
        delivered: account.delivered(),
        read_back: log.len() as u64,
        partitions,
        partitions_used: log.iter().map(|r| r.partition).collect::<BTreeSet<_>>().len(),
        misplaced: misplaced(&log, partitions),
        counts: count(&account, devices, &log),
        size,
        seconds,
        done: account.done.clone().unwrap_or_default(),
    };
    report.print(screen);
    let good = conclude(&report, &account, exit_code, &elf, screen);
    Ok((report, good))
}

/// The device that a reading is of: they take turns.
pub(crate) fn device_of(counter: u32, devices: u32) -> u64 {
    DEVICE_ID + u64::from(counter % devices)
}

/// Judges what the firmware said against what the consumer read.
fn count(account: &Account, devices: u32, log: &[ConsumedRecord]) -> SixCounts {
    judge(&submitted(account, devices), log.iter().map(consumed))
}

/// What the firmware said, for the judge.
pub(crate) fn submitted(account: &Account, devices: u32) -> Vec<Submitted<Id>> {
    let id = |counter| Id::Reading(device_of(counter, devices), counter);
    account.submitted().into_iter().map(|(counter, outcome)| Submitted::new(id(counter), outcome)).collect()
}

/// Readings that are not where Java's producer puts their key.
fn misplaced(log: &[ConsumedRecord], partitions: usize) -> u64 {
    let is_misplaced = |record: &&ConsumedRecord| {
        Reading::from_record(record).is_some_and(|reading| {
            usize::try_from(record.partition) != Ok(spread::partition_of(reading.device_id, partitions))
        })
    };
    log.iter().filter(is_misplaced).count() as u64
}

/// Says whether all is well, and if not, everything that is not.
fn conclude(report: &Report, account: &Account, exit_code: Option<i32>, elf: &Elf, screen: &Screen) -> bool {
    let mut wrong = Vec::new();
    if !report.counts.all_zero() {
        wrong.push(format!("not all six counts are 0 ({})", report.counts));
    }
    if report.delivered != report.records {
        wrong.push(format!("{} of {} records were delivered", report.delivered, report.records));
    }
    if report.misplaced > 0 {
        wrong.push(format!("{} records are not in the partition of their key", report.misplaced));
    }
    if account.failures.len() > FAILURES_SHOWN {
        wrong
            .push(format!("{} batches failed; the first {FAILURES_SHOWN} are above", account.failures.len()));
    }
    if account.reported_twice > 0 {
        wrong.push(format!("{} records were reported more than once", account.reported_twice));
    }
    if let Some(stack) = &account.panic {
        let calls = elf.describe_calls(stack).unwrap_or_else(|error| vec![format!("{error:#}")]);
        wrong.push(format!("the board panicked; it was called, innermost first:\n  {}", calls.join("\n  ")));
    }
    match (account.done.is_some(), exit_code) {
        (true, Some(0)) => {}
        (false, None) => wrong.push("the board did not come to its end and was stopped".into()),
        (_, code) => wrong.push(format!("the board ended with code {}", code.unwrap_or(-1))),
    }
    screen.line("");
    match wrong.as_slice() {
        [] => screen.line("every record delivered, and all six counts are 0"),
        all => all.iter().for_each(|why| screen.line(&format!("FAILED: {why}"))),
    }
    wrong.is_empty()
}

/// What the firmware is told; of an option that comes twice, it takes the last.
fn firmware_options(options: &Options, broker: &str, topic: &str, devices: u32) -> Result<Vec<String>> {
    let mut words: Vec<String> = broker.split(',').map(|b| format!("broker={b}")).collect();
    words.push(format!("topic={topic}"));
    words.push(format!("records={}", options.records));
    words.push(format!("device_id={DEVICE_ID}"));
    words.push(format!("devices={devices}"));
    words.push(format!("delivery_timeout_ms={}", DELIVERY_TIMEOUT.as_millis()));
    words.extend(options.firmware_option.iter().cloned());
    if let Some(bad) = words.iter().find(|w| w.contains([',', ' ']) || !w.contains('=')) {
        bail!("`{bad}` cannot be an option of the firmware: it is name=value, without blank and comma");
    }
    Ok(words)
}

/// How long the board may deliver nothing until it is stopped.
fn stall(words: &[String]) -> Duration {
    let timeout = words.iter().filter_map(|w| w.strip_prefix("delivery_timeout_ms=")).next_back();
    let timeout = timeout.and_then(|ms| ms.parse().ok()).map_or(DELIVERY_TIMEOUT, Duration::from_millis);
    timeout + STALL_BEYOND_TIMEOUT
}

/// Runs the board until it ends, or until nothing has been delivered for too long: then without an exit code.
fn run_board(
    elf: &Elf,
    words: &[String],
    records: u32,
    screen: &mut Screen,
) -> Result<(Account, Option<i32>)> {
    screen.line(&format!("starting the board with {}", words.join(" ")));
    let mut machine = Machine::start(elf, words)?;
    screen.start_bar(records.into(), "acked");
    let stall = stall(words);
    let mut account = Account::default();
    let (mut last_acked, mut last_change) = (0, Instant::now());
    let exit_code = loop {
        match machine.next(Duration::from_millis(200)) {
            Err(exit_code) => break exit_code,
            Ok(None) => {}
            Ok(Some(Event::Log(line))) => screen.line(&line),
            Ok(Some(Event::Line(line))) => take_line(&line, &mut account, screen),
        }
        screen.progress(account.acked);
        if account.acked != last_acked {
            (last_acked, last_change) = (account.acked, Instant::now());
        } else if last_change.elapsed() > stall {
            screen.line(&format!("nothing was delivered for {} s: stopping the board", stall.as_secs()));
            machine.kill();
            break None;
        }
    };
    screen.end_bar();
    Ok((account, exit_code))
}

fn take_line(line: &str, account: &mut Account, screen: &Screen) {
    match Fact::parse(line) {
        Some(fact) => {
            account.take(&fact);
            match fact {
                Fact::Failed { .. } if account.failures.len() > FAILURES_SHOWN => {}
                Fact::Failed { counters, code, reason } => {
                    screen.line(&format!("{} readings not delivered: {reason}, code {code}", counters.len()));
                }
                Fact::Other(text) => screen.line(&format!("board: {text}")),
                Fact::Panic { .. } => screen.line("board: panic"),
                Fact::Progress { .. } | Fact::Delivered { .. } | Fact::Done(_) => {}
            }
        }
        // QEMU says so of every board whose timer is set up in the order of its manual.
        None if line.is_empty() || line.ends_with("Timer with period zero, disabling") => {}
        None => screen.line(&format!("qemu: {line}")),
    }
}

fn new_topic_name() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    format!("telemetry-{seconds}")
}

fn show_some(log: &[ConsumedRecord], screen: &Screen) {
    let step = (log.len() / SHOWN).max(1);
    for record in log.iter().step_by(step).take(SHOWN) {
        match Reading::from_record(record) {
            Some(reading) => screen.line(&format!("  {}/{}: {reading}", record.partition, record.offset)),
            None => screen.line(&format!("  {}/{}: not a reading", record.partition, record.offset)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(partition: i32, offset: i64, device_id: u64, counter: u32) -> ConsumedRecord {
        let value = [&device_id.to_be_bytes()[..], &counter.to_be_bytes(), &[0; 12]].concat();
        let key = Some(device_id.to_be_bytes().to_vec());
        ConsumedRecord { partition, offset, timestamp_ms: 0, key, value: Some(value), headers: vec![] }
    }

    fn account(lines: &[&str]) -> Account {
        let mut account = Account::default();
        lines.iter().filter_map(|line| Fact::parse(line)).for_each(|fact| account.take(&fact));
        account
    }

    #[test]
    fn a_good_run_has_six_zeros() {
        let said = account(&[
            "NK delivered partition=1 base_offset=0 counters=0,2",
            "NK delivered partition=2 base_offset=5 counters=1",
            "NK done accepted=3 delivered=3 failed=0",
        ]);
        let log = [record(1, 0, DEVICE_ID, 0), record(1, 1, DEVICE_ID, 2), record(2, 5, DEVICE_ID + 1, 1)];
        assert!(count(&said, 2, &log).all_zero());
    }

    #[test]
    fn a_reading_of_another_device_than_whose_turn_it_was_is_not_the_one_that_was_sent() {
        let said = account(&["NK delivered partition=1 base_offset=0 counters=0", "NK done accepted=1"]);
        let expected = SixCounts { lost: 1, phantom: 1, ..SixCounts::default() };
        assert_eq!(count(&said, 2, &[record(1, 0, DEVICE_ID + 1, 0)]), expected);
    }

    #[test]
    fn a_reading_has_one_partition() {
        let partition = spread::partition_of(DEVICE_ID, 3) as i32;
        let log = [record(partition, 0, DEVICE_ID, 0), record((partition + 1) % 3, 0, DEVICE_ID, 1)];
        assert_eq!(misplaced(&log, 3), 1);
    }

    #[test]
    fn the_board_may_say_what_it_could_not_deliver_before_it_is_stopped() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(stall(&words("broker=h:1 delivery_timeout_ms=60000")), Duration::from_secs(90));
        let twice = words("delivery_timeout_ms=60000 linger_ms=1 delivery_timeout_ms=300000");
        assert_eq!(stall(&twice), Duration::from_secs(330));
    }

    #[test]
    fn each_fault_between_the_board_and_the_log_is_counted() {
        let said = account(&[
            "NK delivered partition=0 base_offset=0 counters=0-4",
            "NK done accepted=6 delivered=5 failed=0",
        ]);
        let log = [
            record(0, 0, DEVICE_ID, 0),
            record(0, 1, DEVICE_ID, 2),
            record(0, 2, DEVICE_ID, 1),
            record(0, 3, DEVICE_ID, 3),
            record(0, 4, DEVICE_ID, 3),
            record(0, 5, DEVICE_ID + 1, 0),
        ];
        let expected =
            SixCounts { lost: 1, duplicated: 1, reordered: 1, phantom: 1, unreported: 1, offset_mismatch: 2 };
        assert_eq!(count(&said, 1, &log), expected);
    }
}
