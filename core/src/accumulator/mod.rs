//! Batches by partition, in lent memory: Java's `RecordAccumulator`, `BufferPool` and `ProducerBatch`.
//!
//! A batch slot is always in exactly one list: of the free, of a topic's pending (its partitions are not known yet), of a
//! partition's that have not come to their end, or of the done. What it waits for there, its [`Phase`] tells.

mod append;
mod complete;
mod drain;
#[cfg_attr(not(feature = "drop-oldest"), path = "reject.rs")]
mod drop_oldest;
mod expire;
mod list;
mod outstanding;
mod pending;
mod report;
mod slot;
#[cfg_attr(not(feature = "split"), path = "whole.rs")]
mod split;

use crate::config::Config;
#[cfg(feature = "drop-oldest")]
use crate::config::Overflow;
use crate::time::Tick;
pub(crate) use append::{Placed, Sending};
pub(crate) use drain::{Candidate, Request, Take};
pub(crate) use drop_oldest::Dropped;
pub(crate) use expire::Abort;
use list::{Link, List};
pub(crate) use outstanding::Outstanding;
pub(crate) use slot::Outcome;
use slot::{Arena, Batches, Partitions, Phase};
pub use slot::{BatchSlot, PartitionQueue, TopicQueue};

/// What the accumulator needs to know of the configuration.
#[derive(Clone, Copy, Debug)]
struct Policy {
    linger_ms: u32,
    delivery_timeout_ms: u32,
    /// A batch with this many bytes takes no further record.
    due_bytes: usize,
    /// A partition's next batch waits for the one on its way (Java: `max.in.flight == 1` guarantees order).
    mute: bool,
    #[cfg(feature = "drop-oldest")]
    overflow: Overflow,
    crc32c: fn(&[u8]) -> u32,
}

// What is small in front: it takes the shortest instructions there.
#[repr(C)]
pub(crate) struct Accumulator<'a> {
    /// The last `send` was refused for want of memory: all that waits is due (Java: `BufferPool.queued() > 0`).
    exhausted: bool,
    closed: bool,
    /// See [`partitions`](Self::partitions).
    partitions_used: u16,
    /// Batches that have no outcome yet.
    unfinished: u16,
    /// Batches that have an outcome to be taken, and are in a queue all the same.
    decided_early: u16,
    /// The first of the free, each of which has the next.
    free: Link,
    done: List,
    batches: Batches<'a>,
    partitions: Partitions<'a>,
    topics: &'a mut [TopicQueue],
    arena: Arena<'a>,
    partitions_per_topic: usize,
    next_generation: u32,
    /// Batches older than this were there at the last flush.
    flush_before: u32,
    policy: Policy,
}

impl<'a> Accumulator<'a> {
    /// The lengths of the slices were checked against each other by the caller.
    pub(crate) fn new(
        config: &Config<'_>,
        slot_bytes: usize,
        arena: &'a mut [u8],
        batches: &'a mut [BatchSlot],
        topics: &'a mut [TopicQueue],
        partitions: &'a mut [PartitionQueue],
    ) -> Self {
        topics.fill_with(TopicQueue::new);
        partitions.fill_with(PartitionQueue::new);
        let mut free = Link::NONE;
        for (index, batch) in batches.iter_mut().enumerate().rev() {
            batch.free(index as u16, &mut free);
        }
        let partitions_per_topic = partitions.len().checked_div(topics.len()).unwrap_or(0);
        let due_bytes = config.batch_bytes.map_or(slot_bytes, |bytes| slot_bytes.min(bytes as usize));
        Self {
            arena: Arena { bytes: arena, slot_bytes },
            batches: Batches(batches),
            topics,
            partitions: Partitions(partitions),
            partitions_per_topic,
            partitions_used: 0,
            policy: Policy {
                linger_ms: config.linger_ms,
                delivery_timeout_ms: config.delivery_timeout_ms,
                due_bytes,
                mute: config.max_in_flight == 1,
                #[cfg(feature = "drop-oldest")]
                overflow: config.overflow,
                crc32c: config.crc32c,
            },
            free,
            done: List::new(),
            next_generation: 0,
            unfinished: 0,
            decided_early: 0,
            exhausted: false,
            closed: false,
            flush_before: 0,
        }
    }

    /// Batches that have no outcome yet.
    pub(crate) fn unfinished(&self) -> usize {
        usize::from(self.unfinished)
    }

    /// Accepts no further record, and makes all that waits due.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.flush();
    }

    /// Makes every batch that is open now due.
    pub(crate) fn flush(&mut self) {
        self.flush_before = self.next_generation;
        for batch in self.batches.0.iter_mut() {
            if batch.phase == Phase::Open {
                batch.phase = Phase::Queued;
            }
        }
    }

    /// Whether every batch that was there at the last flush has its outcome.
    pub(crate) fn is_flushed(&self) -> bool {
        self.unfinished == 0
            || !self.batches.iter().any(|batch| {
                Self::is_unfinished(batch) && (batch.generation.wrapping_sub(self.flush_before) as i32) < 0
            })
    }

    /// The place of a topic's partition among all; `None` when it has none.
    pub(crate) fn partition_index(&self, topic: u16, partition: u32) -> Option<u16> {
        let within = usize::try_from(partition).ok().filter(|p| *p < self.partitions_per_topic)?;
        let place = usize::from(topic).wrapping_mul(self.partitions_per_topic).wrapping_add(within);
        // All partitions of all topics are 65,535 at most.
        u16::try_from(place).ok()
    }

    /// The number of places for partitions, up to the last that has ever had a batch: what has to be looked at. A host
    /// lends a thousand places and uses six.
    pub(crate) fn partitions(&self) -> u16 {
        self.partitions_used
    }

    /// A batch's bytes.
    pub(crate) fn bytes(&self, batch: u16) -> &[u8] {
        self.arena.slot(batch, self.batches.get(batch).len as usize)
    }

    /// When a batch's delivery timeout ends; never, when it is 2^32 - 1 ms.
    fn expires_at(&self, batch: &BatchSlot) -> Tick {
        batch.created.after_ms(self.policy.delivery_timeout_ms)
    }

    /// The clock was set back.
    pub(crate) fn set_back(&mut self, by_ms: u32) {
        for batch in self.batches.0.iter_mut() {
            batch.created.set_back(by_ms);
            if let Outcome::Undecided(attempts) = &mut batch.outcome {
                attempts.retry_at.set_back(by_ms);
            }
        }
    }
}

#[cfg(test)]
mod tests;
