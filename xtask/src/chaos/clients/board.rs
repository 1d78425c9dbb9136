//! The firmware in QEMU, as `cargo xtask demo` runs it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Result;
use nanokafka_cluster::board::{self, Fact, consumed};

use super::{Account, Client, DELIVERY_TIMEOUT, GRACE, Signals};
use crate::chaos::logbook::Logbook;
use crate::chaos::silence::Silences;
use crate::demo::firmware::Elf;
use crate::demo::qemu::{Event, Machine};
use crate::demo::{self, spread};

/// While its little memory is full, readings are not taken, and not made up for later. That is about a quarter of the
/// time: all must fit into the rest.
const TAKING: (u32, u32) = (3, 4);

/// What the board is to do.
pub(in crate::chaos) struct Task {
    pub(in crate::chaos) elf: Elf,
    /// The brokers as the guest reaches them, `host:port,...`.
    pub(in crate::chaos) bootstrap: String,
    pub(in crate::chaos) topic: String,
    pub(in crate::chaos) partitions: usize,
    pub(in crate::chaos) records: u32,
    /// The records are to be spread over this time.
    pub(in crate::chaos) lasting: Duration,
    pub(in crate::chaos) logbook: Arc<Logbook>,
}

/// Starts the board.
pub(in crate::chaos) fn start(task: Task) -> Client {
    let (topic, records) = (task.topic.clone(), task.records);
    Client::start("qemu", &topic, records, consumed, move |signals| run(&task, signals))
}

fn run(task: &Task, signals: &Signals) -> Result<Account> {
    let devices = spread::devices(demo::DEVICE_ID, task.partitions);
    let words = options(&task.bootstrap, &task.topic, task.records, devices, task.lasting);
    task.logbook.line("qemu", &words.join(" "));
    let mut machine = Machine::start(&task.elf, &words)?;
    let mut told = board::Account::default();
    let mut silences = Silences::default();
    let mut troubles = Vec::new();
    let mut last_change = Instant::now();
    let exit_code = loop {
        let event = match machine.next(Duration::from_millis(200)) {
            Err(exit_code) => break exit_code,
            Ok(event) => event,
        };
        let now = Instant::now();
        if let Some(Event::Log(line) | Event::Line(line)) = &event {
            task.logbook.line("qemu", line);
        }
        if let Some(Event::Line(line)) = &event
            && let Some(fact) = Fact::parse(line)
        {
            told.take(&fact);
            if let Fact::Delivered { counters, .. } = &fact {
                last_change = now;
                counters.iter().for_each(|c| silences.acked(demo::device_of(*c, devices), now));
            }
            signals.acked.store(told.delivered(), Ordering::Relaxed);
        }
        if signals.stop.load(Ordering::Relaxed) || now - last_change > DELIVERY_TIMEOUT + GRACE {
            troubles.push("the board delivered nothing for too long and was stopped".to_owned());
            machine.kill();
            break None;
        }
    };
    if exit_code != Some(0) {
        troubles.push(format!("the board ended with {exit_code:?}"));
    }
    if told.reported_twice > 0 {
        troubles.push(format!("{} readings were reported more than once", told.reported_twice));
    }
    if let Some(stack) = &told.panic {
        troubles.extend(task.elf.describe_calls(stack)?);
    }
    troubles.extend(told.troubles.iter().cloned());
    troubles.extend(told.failures.iter().map(|(code, why)| format!("a batch failed: {why}, code {code}")));
    if told.accepted() != task.records {
        troubles.push(format!("{} of {} readings were accepted", told.accepted(), task.records));
    }
    Ok(Account { submitted: demo::submitted(&told, devices), silences, troubles })
}

fn options(bootstrap: &str, topic: &str, records: u32, devices: u32, lasting: Duration) -> Vec<String> {
    let mut words: Vec<String> = bootstrap.split(',').map(|b| format!("broker={b}")).collect();
    words.push(format!("topic={topic}"));
    words.push(format!("records={records}"));
    words.push(format!("device_id={}", demo::DEVICE_ID));
    words.push(format!("devices={devices}"));
    words.push(format!("delivery_timeout_ms={}", DELIVERY_TIMEOUT.as_millis()));
    let interval = lasting * TAKING.0 / TAKING.1 / records;
    words.push(format!("interval_ms={}", interval.as_millis()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `board/src/console.rs` takes it, with the program's name and a NUL.
    const COMMAND_LINE_MAX: usize = 512;

    #[test]
    fn the_options_fit_the_board_and_spread_the_readings_over_the_time() {
        let port = |n| format!("10.0.2.2:{n}");
        let bootstrap = [port(31_997), port(31_998), port(31_999)].join(",");
        let words = options(&bootstrap, "chaos-qemu", 20_000, 4_096, Duration::from_secs(1_000));
        assert!(words.join(" ").len() + "nanokafka ".len() < COMMAND_LINE_MAX);
        assert!(words.contains(&"interval_ms=37".to_owned()), "{words:?}");
    }
}
