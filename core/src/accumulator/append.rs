use core::ops::Range;

use super::Accumulator;
use super::drop_oldest::Dropped;
use super::list::{Link, NONE};
use super::pending::Place;
use super::slot::{BatchSlot, NOWHERE, Phase, Target};
use crate::batch;
use crate::counters::{Counters, add};
use crate::delivery::{BatchId, SendError};
use crate::partition::murmur2;
use crate::random::Random;
use crate::record::Record;
use crate::time::Tick;

/// A record that has its place; its value is still to be written there.
pub(crate) struct Placed {
    pub(crate) batch: BatchId,
    /// The record's place in its batch.
    pub(crate) index: u32,
    /// Where in the arena the value goes.
    pub(crate) value: Range<usize>,
}

/// What placing a record may change besides the batches.
pub(crate) struct Sending<'s> {
    pub(crate) random: &'s mut Random,
    pub(crate) counters: &'s mut Counters,
    /// The batch that was thrown away to make room, if any.
    pub(crate) dropped: &'s mut Dropped,
}

/// Where a record goes.
#[derive(Clone, Copy)]
struct Spot {
    topic: u16,
    /// The partition's place among all, or [`NOWHERE`].
    partition: u16,
    /// The last batch of that queue, or [`NONE`].
    last: u16,
    target: Target,
}

impl Spot {
    /// Whether the partition is the sticky one, and not asked for by a key or a number.
    fn is_sticky(&self) -> bool {
        self.target == Target::Sticky && self.partition != NOWHERE
    }
}

impl Accumulator<'_> {
    /// As [`append`](Self::append) for a record without partition, key and headers, if its sticky partition has a batch
    /// open with room for it: the most usual one, so this is short and alone. Returns the record's batch, its place there,
    /// and where its value is to be written. `None`: nothing has changed.
    #[inline]
    pub(crate) fn append_plain(
        &mut self,
        record: &Record<'_>,
        value_len: usize,
        counters: &mut Counters,
    ) -> Option<(BatchId, u32, &mut [u8])> {
        let id = record.topic.index();
        let topic = self.topics.get_mut(id)?;
        let index = topic.sticky.batch();
        // Not by `Batches::get_mut`, which is a call on a device.
        let batch = self.batches.0.get_mut(index)?;
        // It is still the one that was meant, and the last of its partition: `recycle` and `set_partitions` see to it. Of a
        // producer that is closed, none is open.
        if batch.phase != Phase::Open {
            return None;
        }
        let due_bytes = self.policy.due_bytes;
        let slot = self.arena.slot_mut(index as u16, due_bytes)?;
        let (before, index_in_batch) = (batch.len as usize, batch.count);
        let (len, value) = batch::append_plain(slot, before, index_in_batch, record.timestamp_ms, value_len)?;
        batch.len = len as u32;
        batch.count = index_in_batch.wrapping_add(1);
        if len >= due_bytes {
            batch.phase = Phase::Queued;
        }
        topic.sticky.appended(len.wrapping_sub(before));
        counters.records_accepted = counters.records_accepted.wrapping_add(1);
        Some((BatchId::new(index as u16, batch.generation), index_in_batch, value))
    }

    /// Finds room for a record and writes all of it but its value.
    pub(crate) fn append(
        &mut self,
        now: Tick,
        record: &Record<'_>,
        value_len: Option<usize>,
        with: &mut Sending<'_>,
    ) -> Result<Placed, SendError> {
        if self.closed {
            return Err(SendError::Closed);
        }
        let topic = record.topic.index() as u16;
        let target = match (record.partition, record.key) {
            (Some(partition), _) => {
                Target::Explicit(u32::try_from(partition).map_err(|_| SendError::UnknownPartition)?)
            }
            (None, Some(key)) => Target::KeyHash(murmur2(key)),
            (None, None) => Target::Sticky,
        };
        loop {
            let partition = match self.place(topic, target, with.random) {
                Place::Partition(partition) => partition,
                Place::Pending => NOWHERE,
                Place::Later | Place::Nowhere => return Err(SendError::UnknownPartition),
            };
            let last = self.queue_mut(topic, partition).map_or(NONE, |(_, queue)| queue.last());
            let spot = Spot { topic, partition, last, target };
            if let Some(placed) = self.write(spot, record, value_len) {
                add(&mut with.counters.records_accepted, 1);
                return Ok(placed);
            }
            self.move_on(now, spot, record, value_len, with)?;
        }
    }

    /// No batch is open here, or it has no room: goes on to another partition, or to a new batch. Once per batch, so
    /// out of the way of all other records.
    #[cold]
    #[inline(never)]
    fn move_on(
        &mut self,
        now: Tick,
        spot: Spot,
        record: &Record<'_>,
        value_len: Option<usize>,
        with: &mut Sending<'_>,
    ) -> Result<(), SendError> {
        let max_bytes = self.arena.slot_bytes.wrapping_sub(batch::HEADER_BYTES);
        if !batch::first_record_fits(record, value_len, max_bytes) {
            return Err(SendError::TooLarge { max_bytes });
        }
        let mut has_full_batch = false;
        if let Some(batch) = self.batches.get_mut(spot.last) {
            has_full_batch = batch.phase.waits();
            if batch.phase == Phase::Open {
                batch.phase = Phase::Queued;
            }
        }
        // At a batch's end: goes on to another partition once this one has got a batch's worth (KIP-480, KIP-794). To one
        // that was just chosen, the record goes in any case.
        if spot.is_sticky()
            && let Some(topic) = self.topics.get_mut(usize::from(spot.topic))
            && topic.sticky.bytes() > 0
            && (has_full_batch || topic.sticky.bytes() >= self.policy.due_bytes)
        {
            topic.sticky.leave();
            return Ok(());
        }
        if self.free == Link::NONE {
            self.drop_oldest(with);
        }
        self.exhausted = self.free == Link::NONE;
        if self.exhausted {
            add(&mut with.counters.buffer_exhausted, 1);
            return Err(SendError::Full);
        }
        self.begin_batch(now, spot, record.timestamp_ms);
        Ok(())
    }

    /// The value's bytes of a record that was placed.
    #[inline]
    pub(crate) fn value_mut(&mut self, placed: &Placed) -> &mut [u8] {
        self.arena.bytes.get_mut(placed.value.clone()).unwrap_or(&mut [])
    }

    /// Takes a free slot for a batch whose first record has this time.
    fn begin_batch(&mut self, now: Tick, spot: Spot, timestamp_ms: i64) {
        let index = self.free.get();
        let Some(batch) = self.batches.get_mut(index) else { return };
        let slot = self.arena.slot_mut(index, self.arena.slot_bytes);
        let len = slot.and_then(|slot| batch::begin(slot, timestamp_ms).ok());
        self.free = batch.next;
        *batch = BatchSlot {
            phase: Phase::Open,
            generation: self.next_generation,
            topic: spot.topic,
            partition: spot.partition,
            target: spot.target,
            created: now,
            len: len.unwrap_or(0) as u32,
            ..BatchSlot::new()
        };
        self.next_generation = self.next_generation.wrapping_add(1);
        self.unfinished = self.unfinished.wrapping_add(1);
        self.enqueue(index);
    }

    /// Writes the record into the last batch of its queue, if that takes records and has room.
    fn write(&mut self, spot: Spot, record: &Record<'_>, value_len: Option<usize>) -> Option<Placed> {
        let index = spot.last;
        let batch = self.batches.get_mut(index)?;
        if batch.phase != Phase::Open || (batch.partition == NOWHERE && batch.target != spot.target) {
            return None;
        }
        // A first record was measured before the batch was begun: it may take the whole slot.
        let limit = if batch.count == 0 { self.arena.slot_bytes } else { self.policy.due_bytes };
        let start = self.arena.start(index);
        let slot = self.arena.slot_mut(index, limit)?;
        let appended = batch::append(slot, batch.len as usize, batch.count, record, value_len).ok()?;
        let bytes = appended.len.wrapping_sub(batch.len as usize);
        let (id, place) = (BatchId::new(index, batch.generation), batch.count);
        batch.len = appended.len as u32;
        batch.count = place.wrapping_add(1);
        if appended.len >= self.policy.due_bytes {
            batch.phase = Phase::Queued;
        }
        if spot.is_sticky()
            && let Some(topic) = self.topics.get_mut(usize::from(spot.topic))
        {
            topic.sticky.appended(bytes);
            topic.sticky.set_batch(index);
        }
        let value = start.wrapping_add(appended.value.start)..start.wrapping_add(appended.value.end);
        Some(Placed { batch: id, index: place, value })
    }
}
