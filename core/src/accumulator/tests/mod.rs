//! Java's `RecordAccumulatorTest` and `BufferPoolTest`, as far as they apply: rows A1 to A10 and B1 to B5.

use std::vec::Vec;

use super::*;
use crate::batch::Stamp;
use crate::code::ErrorCode;
use crate::config::Config;
use crate::counters::Counters;
use crate::delivery::{Ack, Delivery, DeliveryError, SendError, Ticket, TopicId};
use crate::producer::{Resources, Storage};
use crate::random::Random;
use crate::record::Record;

const BASE: Config<'static> = Config { linger_ms: 10, max_in_flight: 1, ..Config::new(&["h:1"]) };
/// With `drop-oldest`, if there is such a thing.
#[cfg(feature = "drop-oldest")]
const NEVER_FULL: Config<'static> = Config { overflow: Overflow::DropOldest, ..BASE };
#[cfg(not(feature = "drop-oldest"))]
const NEVER_FULL: Config<'static> = BASE;
const ACK: Result<Ack, DeliveryError> = Ok(Ack::new(0, -1));

/// Room for four batches of 200 bytes: 139 for records; a value of 40 bytes makes a record of 47.
struct Rig<'a> {
    accumulator: Accumulator<'a>,
    random: Random,
    counters: Counters,
    correlation_id: i32,
}

impl<'a> Rig<'a> {
    fn new(config: &Config<'_>, memory: &'a mut Resources<4, 200, 1, 3>) -> Self {
        let Storage { batch_bytes, arena, batches, topic_queues, partition_queues, .. } = memory.lend();
        let accumulator =
            Accumulator::new(config, batch_bytes, arena, batches, topic_queues, partition_queues);
        let mut rig =
            Self { accumulator, random: Random::new(1), counters: Counters::default(), correlation_id: 0 };
        rig.set_partitions(3);
        rig
    }

    fn set_partitions(&mut self, count: u32) {
        self.set_topic(count, ErrorCode::NONE);
    }

    fn set_topic(&mut self, count: u32, error: ErrorCode) {
        self.accumulator.set_partitions(0, count, error, &mut self.random, &mut self.counters);
    }

    fn send(&mut self, now: u32, partition: i32, bytes: usize) -> Result<Ticket, SendError> {
        self.send_record(now, &Record::new(TopicId::new(0), &vec![7; bytes]).partition(partition))
    }

    fn send_record(&mut self, now: u32, record: &Record<'_>) -> Result<Ticket, SendError> {
        let len = record.value.map(<[u8]>::len);
        // As `Producer::append`.
        if let (None, None, [], Some(len)) = (record.partition, record.key, record.headers, len)
            && let Some((batch, index, room)) = self.accumulator.append_plain(record, len, &mut self.counters)
        {
            room.copy_from_slice(record.value.unwrap_or(&[]));
            return Ok(Ticket { batch, index, dropped: None });
        }
        let now = Tick::from_millis(now);
        let mut dropped = Dropped::NONE;
        let mut with =
            Sending { random: &mut self.random, counters: &mut self.counters, dropped: &mut dropped };
        let placed = self.accumulator.append(now, record, len, &mut with)?;
        self.accumulator.value_mut(&placed).copy_from_slice(record.value.unwrap_or(&[]));
        Ok(Ticket { batch: placed.batch, index: placed.index, dropped: dropped.delivery() })
    }

    fn ready_at(&self, partition: u16) -> Tick {
        self.accumulator.ready_at(partition)
    }

    /// Drains up to `max` batches from `start`, and tells the partitions and where the next drain begins.
    fn drain(&mut self, now: u32, start: u16, max: usize) -> (Vec<u16>, Request, u16) {
        self.correlation_id += 1;
        let request = Request { connection: 0, correlation_id: self.correlation_id };
        let mut taken = Vec::new();
        let next = self.accumulator.drain(Tick::from_millis(now), request, start, |candidate| {
            if taken.len() == max {
                return Take::Full;
            }
            taken.push(candidate.partition);
            Take::Yes(Stamp::NONE)
        });
        (taken, request, next)
    }

    /// Drains what may go to this connection, and gives a stamp to what has none.
    fn drain_stamped_to(&mut self, connection: u8, base_sequence: i32) -> Request {
        self.correlation_id += 1;
        let request = Request { connection, correlation_id: self.correlation_id };
        let stamp = Stamp { producer_id: 1, producer_epoch: 0, base_sequence };
        self.accumulator.drain(Tick::from_millis(1000), request, 0, |candidate| {
            Take::Yes(if candidate.is_new { stamp } else { Stamp::NONE })
        });
        request
    }

    fn batch(&self, request: Request, partition: u16) -> u16 {
        self.accumulator.in_flight(request, partition).expect("on its way")
    }

    fn complete(&mut self, batch: u16, outcome: Result<Ack, DeliveryError>) {
        let outcome = match outcome {
            Ok(ack) => {
                let or_none = |value: Option<i64>| value.unwrap_or(-1);
                let (base_offset, log_append_time_ms) =
                    (or_none(ack.base_offset), or_none(ack.log_append_time_ms));
                Outcome::delivered(base_offset, log_append_time_ms)
            }
            Err(error) => Outcome::Failed(error),
        };
        self.accumulator.complete(batch, outcome, &mut self.counters);
    }

    fn reenqueue(&mut self, batch: u16, retry_at: u32) {
        self.retry(batch, ErrorCode::NOT_LEADER_OR_FOLLOWER, retry_at);
    }

    fn retry(&mut self, batch: u16, error: ErrorCode, retry_at: u32) {
        let (now, retry_at) = (Tick::ZERO, |_| Tick::from_millis(retry_at));
        self.accumulator.retry_or_fail(batch, error, now, u32::MAX, retry_at, &mut self.counters);
    }

    fn expire(&mut self, now: u32) {
        let now = Tick::from_millis(now);
        self.accumulator.expire(now, |_| ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, &mut self.counters);
    }

    fn deliveries(&mut self) -> Vec<Delivery> {
        core::iter::from_fn(|| self.accumulator.next_delivery()).collect()
    }
}

#[test]
fn test_full_a_partition_is_ready_at_once_when_a_second_batch_is_begun() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&BASE, &mut memory);
    let first = rig.send(0, 1, 40).unwrap();
    let second = rig.send(0, 1, 40).unwrap();
    assert_eq!((first.batch, first.index, second.index), (second.batch, 0, 1));
    assert_eq!(rig.ready_at(1), Tick::from_millis(10));
    let third = rig.send(0, 1, 60).unwrap();
    assert_ne!(third.batch, first.batch);
    assert_eq!(rig.ready_at(1), Tick::ZERO);
    assert_eq!(rig.ready_at(0), Tick::NEVER);
}

#[test]
fn a_batch_is_behind_others_while_two_wait_before_it() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&BASE, &mut memory);
    let batches: Vec<_> = (0..3).map(|_| rig.send(0, 1, 130).unwrap().batch).collect();
    let behind: Vec<_> = batches.iter().map(|batch| rig.accumulator.is_behind_others(*batch)).collect();
    assert_eq!(behind, [false, false, true]);
    // Another partition's is not.
    let other = rig.send(0, 0, 130).unwrap().batch;
    assert!(!rig.accumulator.is_behind_others(other));
    // The first of the three goes out.
    rig.drain(0, 1, 1);
    assert!(!rig.accumulator.is_behind_others(batches[2]));
}

#[test]
fn test_linger_runs_from_the_batchs_creation_and_appends_do_not_restart_it() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&BASE, &mut memory);
    rig.send(100, 0, 10).unwrap();
    rig.send(109, 0, 10).unwrap();
    assert_eq!(rig.ready_at(0), Tick::from_millis(110));
    assert_eq!(rig.ready_at(0), Tick::from_millis(110));
}

#[test]
fn test_append_large_a_record_above_batch_bytes_goes_alone_and_is_ready_at_once() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&Config { batch_bytes: Some(100), ..BASE }, &mut memory);
    let large = rig.send(0, 0, 120).unwrap();
    assert_eq!(rig.ready_at(0), Tick::ZERO);
    let small = rig.send(0, 0, 1).unwrap();
    assert_ne!(large.batch, small.batch);
}

#[test]
fn what_can_never_fit_is_not_full() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&BASE, &mut memory);
    assert_eq!(rig.send(0, 0, 200), Err(SendError::TooLarge { max_bytes: 139 }));
    // Length 2, attributes, two deltas, null key, value length 2 and header count: 8 and the value.
    assert_eq!(rig.send(0, 0, 131), Err(SendError::TooLarge { max_bytes: 139 }));
    assert!(rig.send(0, 0, 130).is_ok());
}

#[test]
fn test_cant_allocate_more_memory_than_we_have_and_all_that_waits_becomes_ready() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&BASE, &mut memory);
    rig.send(0, 0, 10).unwrap();
    for _ in 0..3 {
        rig.send(0, 1, 130).unwrap();
    }
    assert_eq!(rig.ready_at(0), Tick::from_millis(10));
    assert_eq!(rig.send(0, 2, 10), Err(SendError::Full));
    assert_eq!(rig.ready_at(0), Tick::ZERO);
    assert_eq!(rig.counters.buffer_exhausted, 1);

    let (_, request, _) = rig.drain(0, 1, 1);
    let batch = rig.batch(request, 1);
    rig.complete(batch, ACK);
    assert_eq!(rig.send(0, 2, 10), Err(SendError::Full), "its slot is taken until its delivery is");
    assert_eq!(rig.deliveries().len(), 1);
    rig.send(0, 2, 10).unwrap();
    assert_eq!(rig.ready_at(0), Tick::from_millis(10));
}

#[test]
fn test_drain_batches_begins_at_the_partition_that_did_not_fit() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&BASE, &mut memory);
    for partition in 0..3 {
        rig.send(0, partition, 10).unwrap();
    }
    let (taken, _, next) = rig.drain(10, 0, 2);
    assert_eq!((taken, next), (vec![0, 1], 2));
    let (taken, _, next) = rig.drain(10, next, 2);
    assert_eq!((taken, next), (vec![2], 2));
}

#[test]
fn test_muted_partitions_are_neither_ready_nor_drained_until_their_batch_is_answered() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&BASE, &mut memory);
    rig.send(0, 0, 130).unwrap();
    rig.send(0, 0, 130).unwrap();
    let (_, request, _) = rig.drain(0, 0, 9);
    assert_eq!(rig.ready_at(0), Tick::NEVER);
    assert_eq!(rig.drain(100, 0, 9).0, []);
    let batch = rig.batch(request, 0);
    rig.complete(batch, ACK);
    assert_eq!(rig.drain(100, 0, 9).0, [0]);
}

#[test]
fn with_more_in_flight_a_partition_is_not_muted_and_failures_return_in_order() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&Config { max_in_flight: 5, ..BASE }, &mut memory);
    let tickets: Vec<_> = (0..3).map(|_| rig.send(0, 0, 130).unwrap()).collect();
    let requests: Vec<_> = (0..3).map(|_| rig.drain(0, 0, 9).1).collect();
    let batches: Vec<_> = requests.iter().map(|request| rig.batch(*request, 0)).collect();
    for order in [2, 0, 1] {
        rig.reenqueue(batches[order], 0);
    }
    for (ticket, batch) in tickets.iter().zip(&batches) {
        let (_, request, _) = rig.drain(0, 0, 9);
        assert_eq!(rig.batch(request, 0), *batch, "oldest first");
        rig.complete(*batch, ACK);
        assert_eq!(rig.deliveries()[0].batch, ticket.batch);
    }
}

#[test]
fn test_retry_backoff_the_failed_partition_waits_and_others_go_on() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&BASE, &mut memory);
    rig.send(0, 0, 10).unwrap();
    rig.send(0, 1, 10).unwrap();
    let (_, request, _) = rig.drain(10, 0, 1);
    let batch = rig.batch(request, 0);
    let sent = rig.accumulator.bytes(batch).to_vec();
    rig.reenqueue(batch, 110);
    assert_eq!(rig.ready_at(0), Tick::from_millis(110));
    assert_eq!(rig.drain(109, 0, 9).0, [1]);
    let (taken, _, _) = rig.drain(110, 0, 9);
    assert_eq!(taken, [0]);
    assert_eq!(rig.accumulator.bytes(batch), sent, "retries send the same bytes");
    assert_eq!((rig.accumulator.batches.get(batch).attempts().count, rig.counters.batch_retries), (1, 1));
}

#[test]
fn test_expired_batches_fail_in_order_of_creation_also_when_muted() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&Config { delivery_timeout_ms: 30_100, ..BASE }, &mut memory);
    rig.send(0, 0, 130).unwrap();
    rig.send(5, 0, 130).unwrap();
    rig.drain(5, 0, 1);
    rig.expire(30_099);
    assert_eq!(rig.deliveries(), []);
    assert_eq!(rig.accumulator.next_expiry(), Tick::from_millis(30_100));
    rig.expire(30_105);
    let results: Vec<_> = rig.deliveries().iter().map(|delivery| delivery.result).collect();
    assert_eq!(
        results,
        [
            Err(DeliveryError::Timeout { maybe_written: true, cause: ErrorCode::NONE }),
            Err(DeliveryError::Timeout {
                maybe_written: false,
                cause: ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
            }),
        ]
    );
    assert_eq!(rig.counters.records_failed, 2);
    assert_eq!(rig.accumulator.next_expiry(), Tick::NEVER);
}

#[test]
fn the_slot_that_became_free_last_is_the_next_so_that_what_is_not_needed_is_never_touched() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&BASE, &mut memory);
    for round in 0..6 {
        let slots = [rig.send(round, 0, 1).unwrap(), rig.send(round, 1, 1).unwrap()].map(|t| t.batch.slot());
        assert!(slots.iter().all(|slot| *slot < 2), "round {round}: {slots:?}");
        rig.accumulator.flush();
        let (taken, request, _) = rig.drain(round, 0, 2);
        assert_eq!(taken, [0, 1]);
        for partition in taken {
            rig.complete(rig.batch(request, partition), ACK);
        }
        assert_eq!(rig.deliveries().len(), 2);
    }
}

#[test]
fn test_no_buffer_reuse_when_batch_expires_and_no_double_deallocation() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&Config { delivery_timeout_ms: 30_100, ..BASE }, &mut memory);
    rig.send(0, 0, 130).unwrap();
    let (_, request, _) = rig.drain(0, 0, 1);
    rig.expire(30_100);
    assert_eq!(rig.deliveries().len(), 1, "reported at once, and once");
    for _ in 0..3 {
        rig.send(30_100, 1, 130).unwrap();
    }
    assert_eq!(rig.send(30_100, 1, 130), Err(SendError::Full), "its slot belongs to its request");
    let batch = rig.batch(request, 0);
    rig.complete(batch, ACK);
    assert_eq!(rig.deliveries(), [], "a late success changes nothing");
    rig.send(30_100, 2, 130).unwrap();
    assert_eq!(rig.send(30_100, 2, 130), Err(SendError::Full));
}

#[test]
fn an_in_flight_batch_that_expired_unreported_is_reported_when_its_connection_ends() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&Config { delivery_timeout_ms: 30_100, ..BASE }, &mut memory);
    rig.send(0, 0, 130).unwrap();
    let (_, request, _) = rig.drain(0, 0, 1);
    rig.expire(30_100);
    let batch = rig.batch(request, 0);
    rig.reenqueue(batch, 30_100);
    let deliveries = rig.deliveries();
    assert_eq!(deliveries.len(), 1);
    assert!(matches!(deliveries[0].result, Err(DeliveryError::Timeout { maybe_written: true, .. })));
    assert_eq!((rig.accumulator.unfinished(), rig.accumulator.has_delivery()), (0, false));
}

#[test]
fn test_flush_makes_what_is_there_ready_and_nothing_later() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&BASE, &mut memory);
    rig.send(0, 0, 10).unwrap();
    rig.accumulator.flush();
    assert_eq!(rig.ready_at(0), Tick::ZERO);
    rig.send(0, 1, 10).unwrap();
    assert_eq!(rig.ready_at(1), Tick::from_millis(10));
    assert!(!rig.accumulator.is_flushed());
    let (_, request, _) = rig.drain(0, 0, 1);
    let batch = rig.batch(request, 0);
    rig.complete(batch, ACK);
    assert!(rig.accumulator.is_flushed(), "the later batch is not waited for");
}

#[test]
fn test_close_allocations_sends_fail_and_what_is_there_can_still_end() {
    let mut memory = Resources::new();
    let mut rig = Rig::new(&BASE, &mut memory);
    rig.send(0, 0, 10).unwrap();
    rig.accumulator.close();
    assert_eq!(rig.send(0, 0, 10), Err(SendError::Closed));
    assert_eq!(rig.ready_at(0), Tick::ZERO);
    rig.accumulator.abort(Abort::Closed, &mut rig.counters);
    let deliveries = rig.deliveries();
    assert_eq!(deliveries[0].result, Err(DeliveryError::Closed { maybe_written: false }));
}

#[cfg(feature = "drop-oldest")]
mod drop_oldest;
mod outstanding;
mod placement;
mod plain;
#[cfg(feature = "split")]
mod split;
mod stress;
