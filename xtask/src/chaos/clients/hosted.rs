//! A producer on this machine, through the public API of `nanokafka-tokio`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use nanokafka_cluster::ConsumedRecord;
use nanokafka_cluster::board::Id;
use nanokafka_cluster::verdict::{Consumed, Outcome, Submitted};
use nanokafka_tokio::{Delivered, DeliveryError, DeliveryHandle, Options, Producer, Record};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{Account, Client, DELIVERY_TIMEOUT, GRACE, Signals};
use crate::chaos::logbook::Logbook;
use crate::chaos::pace::Pace;
use crate::chaos::silence::Silences;

/// Records take turns between so many lanes: each has a key of its own, but for the last, whose records have none.
const LANES: u64 = 25;

/// How often is looked what may be sent and what was delivered.
const TICK: Duration = Duration::from_millis(5);

/// How often what the producer has done is written down.
const COUNTERS_INTERVAL: Duration = Duration::from_secs(5);

/// How long is waited for room until it is looked whether to stop.
const ROOM_TIMEOUT: Duration = Duration::from_millis(500);

/// Shorter than the longest pauses of a broker and stalls of the network, so that answers come late, too.
const REQUEST_TIMEOUT_MS: u32 = 6_000;

/// More of what failed is not told.
const FAILURES_TOLD: usize = 10;

/// What is to be sent.
pub(in crate::chaos) struct Task {
    /// `host:port,...`.
    pub(in crate::chaos) bootstrap: String,
    pub(in crate::chaos) topic: String,
    pub(in crate::chaos) partitions_max: usize,
    pub(in crate::chaos) records: u32,
    pub(in crate::chaos) pace: Arc<Pace>,
    pub(in crate::chaos) logbook: Arc<Logbook>,
}

/// Starts the producer.
pub(in crate::chaos) fn start(task: Task) -> Client {
    let (topic, records) = (task.topic.clone(), task.records);
    Client::start("tokio", &topic, records, identify, move |signals| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(run(&task, signals))
    })
}

async fn run(task: &Task, signals: &Arc<Signals>) -> Result<Account> {
    let producer = Producer::new(Options {
        delivery_timeout_ms: u32::try_from(DELIVERY_TIMEOUT.as_millis())?,
        request_timeout_ms: REQUEST_TIMEOUT_MS,
        partitions_per_topic: task.partitions_max,
        topics: 1,
        ..Options::new(task.bootstrap.split(','))
    })?;
    let (sender, receiver) = unbounded_channel();
    let closed = Arc::new(AtomicBool::new(false));
    let observer = tokio::spawn(observe(receiver, signals.clone(), closed.clone()));
    let teller = tokio::spawn(tell(producer.clone(), task.logbook.clone()));
    let mut troubles = Vec::new();
    let topic = producer.topic(&task.topic)?;
    let mut sent = 0;
    while sent < task.records && !signals.stop.load(Ordering::Relaxed) {
        if sent >= task.pace.allowed(Instant::now()) {
            tokio::time::sleep(TICK).await;
            continue;
        }
        let (key, value) = content(sent);
        let record = Record { key: key.as_ref().map(|k| &k[..]), ..Record::new(topic, &value) };
        match tokio::time::timeout(ROOM_TIMEOUT, producer.send(record)).await {
            // No room yet. Nothing was taken, and perhaps it is to stop.
            Err(_) => continue,
            Ok(Ok(handle)) => sender.send((sent, handle))?,
            Ok(Err(error)) => {
                troubles.push(format!("record {sent} was not accepted: {error}"));
                break;
            }
        }
        sent += 1;
    }
    drop(sender);
    let stopped = signals.stop.load(Ordering::Relaxed);
    let patience = if stopped { Duration::ZERO } else { DELIVERY_TIMEOUT + GRACE };
    let summary = producer.close(patience).await;
    closed.store(true, Ordering::Relaxed);
    let observed = observer.await?;
    teller.abort();
    task.logbook.line("tokio", &format!("{summary:?} {:?}", producer.counters()));
    troubles.extend(observed.failures);
    let outcome = |number: u32| observed.outcomes.get(number as usize).copied();
    let submitted = (0..sent).map(|number| {
        Submitted::new(Id::Reading(lane(number), number), outcome(number).unwrap_or(Outcome::Unreported))
    });
    Ok(Account { submitted: submitted.collect(), silences: observed.silences, troubles })
}

/// Writes down how the producer stands with its cluster when that changes, and what it has done every so often.
async fn tell(producer: Producer, logbook: Arc<Logbook>) {
    let (mut told, mut told_at) = (None, Instant::now());
    loop {
        let status = producer.status();
        if told != Some(status) {
            told = Some(status);
            logbook.line("tokio", &format!("{status:?}"));
        }
        if told_at.elapsed() > COUNTERS_INTERVAL {
            told_at = Instant::now();
            logbook.line("tokio", &format!("{:?}", producer.counters()));
        }
        tokio::time::sleep(TICK).await;
    }
}

/// What became of the records.
#[derive(Default)]
struct Observed {
    outcomes: Vec<Outcome>,
    silences: Silences,
    failures: Vec<String>,
}

impl Observed {
    fn take(&mut self, number: u32, result: Result<Delivered, DeliveryError>, signals: &Signals) {
        let outcome = match result {
            Ok(Delivered { partition, offset, .. }) => {
                signals.acked.fetch_add(1, Ordering::Relaxed);
                let lane = lane(number);
                // Without a key a record may go anywhere, so those of that lane do not wait for each other.
                if lane + 1 < LANES {
                    self.silences.acked(lane, Instant::now());
                }
                Outcome::Acked { partition, offset }
            }
            Err(error) => {
                if self.failures.len() < FAILURES_TOLD {
                    self.failures.push(format!("record {number}: {error}"));
                }
                Outcome::Failed
            }
        };
        if let Some(place) = self.outcomes.get_mut(number as usize) {
            *place = outcome;
        }
    }
}

/// Looks after the handles until each has its outcome, or the producer is closed.
async fn observe(
    mut handles: UnboundedReceiver<(u32, DeliveryHandle)>,
    signals: Arc<Signals>,
    closed: Arc<AtomicBool>,
) -> Observed {
    let mut observed = Observed::default();
    let mut lanes: Vec<VecDeque<(u32, DeliveryHandle)>> = Vec::new();
    lanes.resize_with(LANES as usize, VecDeque::new);
    loop {
        // Before the look: what has no outcome after the close will never have one.
        let last = closed.load(Ordering::Relaxed);
        while let Ok((number, handle)) = handles.try_recv() {
            observed.outcomes.push(Outcome::Unreported);
            lanes[lane(number) as usize].push_back((number, handle));
        }
        for lane in &mut lanes {
            while let Some((number, result)) = lane.front().and_then(|(n, h)| Some((*n, h.result()?))) {
                lane.pop_front();
                observed.take(number, result, &signals);
            }
        }
        if last {
            // Behind one without an outcome there may be some that have one.
            for (number, handle) in lanes.iter().flatten() {
                if let Some(result) = handle.result() {
                    observed.take(*number, result, &signals);
                }
            }
            return observed;
        }
        tokio::time::sleep(TICK).await;
    }
}

fn lane(number: u32) -> u64 {
    u64::from(number) % LANES
}

/// A record's key and value: told by its number alone, so that a reader sees whether they were changed.
fn content(number: u32) -> (Option<[u8; 8]>, Vec<u8>) {
    let lane = lane(number);
    let key = (lane + 1 < LANES).then(|| lane.to_be_bytes());
    let mut value = number.to_be_bytes().to_vec();
    // Of changing length, so that batches are cut in different places.
    let length = number.wrapping_mul(0x9E37_79B9) >> 26;
    value.extend((0..length).map(|i| number.wrapping_add(i) as u8));
    (key, value)
}

/// The record that was read, or a stranger if it is not one of ours to the last byte.
fn identify(record: &ConsumedRecord) -> Consumed<Id> {
    let (partition, offset) = (record.partition, record.offset);
    let number = record.value.as_deref().and_then(|v| v.first_chunk()).map(|b| u32::from_be_bytes(*b));
    let is_ours = |number: &u32| {
        let (key, value) = content(*number);
        record.key.as_deref() == key.as_ref().map(|k| &k[..]) && record.value.as_ref() == Some(&value)
    };
    let id = match number.filter(is_ours) {
        Some(number) => Id::Reading(lane(number), number),
        None => Id::Stranger(partition, offset),
    };
    Consumed { id, partition, offset }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_known_by_every_byte_of_it() {
        for number in [0, 24, 1_000_007] {
            let (key, value) = content(number);
            let read = |key: Option<Vec<u8>>, value: Vec<u8>| {
                let value = Some(value);
                let record =
                    ConsumedRecord { partition: 1, offset: 2, timestamp_ms: 0, key, value, headers: vec![] };
                identify(&record).id
            };
            let key = key.map(|k| k.to_vec());
            assert_eq!(read(key.clone(), value.clone()), Id::Reading(lane(number), number));
            let mut changed = value.clone();
            *changed.last_mut().unwrap() ^= 1;
            assert_eq!(read(key.clone(), changed), Id::Stranger(1, 2));
            assert_eq!(read(key, value[..3].to_vec()), Id::Stranger(1, 2));
            assert_eq!(read(Some(b"other".to_vec()), value), Id::Stranger(1, 2));
        }
    }

    #[test]
    fn some_records_have_no_key() {
        assert_eq!(content(24).0, None);
        assert_eq!(content(25).0, Some([0; 8]));
    }
}
