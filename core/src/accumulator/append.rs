use core::ops::Range;

use super::Accumulator;
use super::drop_oldest::Dropped;
use super::pending::Place;
use super::slot::{Phase, Target};
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

/// The queue that a record goes to.
#[derive(Clone, Copy)]
struct Queue {
    /// Known: a partition's queue. Any other: the topic's, whose partitions are not known.
    target: Target,
    /// The partition's place among all, or [`NOWHERE`].
    partition: u16,
    /// It is the topic's sticky partition.
    sticky: bool,
}

/// The place of a partition that is not known: there are fewer.
const NOWHERE: u16 = u16::MAX;

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
        let start = index.wrapping_mul(self.slot_bytes);
        let due_bytes = self.policy.due_bytes;
        let slot = self.arena.get_mut(start..start.wrapping_add(due_bytes))?;
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
        // The sticky partition is left once for a record, not twice.
        let mut switched = false;
        loop {
            let queue = self.choose_queue(record, with.random)?;
            if let Some(placed) = self.write(queue, record, value_len) {
                add(&mut with.counters.records_accepted, 1);
                return Ok(placed);
            }
            self.move_on(now, queue, record, value_len, with, &mut switched)?;
        }
    }

    /// No batch is open here, or it has no room: goes on to another partition, or to a new batch. Once per batch, so
    /// out of the way of all other records.
    #[cold]
    #[inline(never)]
    fn move_on(
        &mut self,
        now: Tick,
        queue: Queue,
        record: &Record<'_>,
        value_len: Option<usize>,
        with: &mut Sending<'_>,
        switched: &mut bool,
    ) -> Result<(), SendError> {
        let max_bytes = self.slot_bytes.wrapping_sub(batch::HEADER_BYTES);
        if !batch::first_record_fits(record, value_len, max_bytes) {
            return Err(SendError::TooLarge { max_bytes });
        }
        let last = self.last_of(queue, record);
        if let Some(batch) = last.and_then(|last| self.batches.get_mut(last))
            && batch.phase == Phase::Open
        {
            batch.phase = Phase::Queued;
        }
        if queue.sticky && !*switched && self.leave_sticky_partition(last.is_some(), record, with.random) {
            *switched = true;
            return Ok(());
        }
        self.begin_batch(now, queue, record, with)
    }

    /// The value's bytes of a record that was placed.
    #[inline]
    pub(crate) fn value_mut(&mut self, placed: &Placed) -> &mut [u8] {
        self.arena.get_mut(placed.value.clone()).unwrap_or(&mut [])
    }

    fn choose_queue(&mut self, record: &Record<'_>, random: &mut Random) -> Result<Queue, SendError> {
        let target = match (record.partition, record.key) {
            (Some(partition), _) => Target::Explicit(partition),
            (None, Some(key)) => Target::KeyHash(murmur2(key)),
            (None, None) => Target::Sticky,
        };
        match self.place(record.topic.index() as u16, target, random) {
            Place::Partition(partition) => {
                Ok(Queue { target: Target::Known, partition, sticky: target == Target::Sticky })
            }
            Place::Pending => Ok(Queue { target, partition: NOWHERE, sticky: false }),
            Place::Later | Place::Nowhere => Err(SendError::UnknownPartition),
        }
    }

    /// At a batch's end: goes on to another partition once this one has got a batch's worth (KIP-480, KIP-794).
    fn leave_sticky_partition(
        &mut self,
        has_full_batch: bool,
        record: &Record<'_>,
        random: &mut Random,
    ) -> bool {
        let Some(topic) = self.topics.get(record.topic.index()) else { return false };
        let leave = has_full_batch || topic.sticky.bytes() >= self.policy.due_bytes;
        if leave {
            self.switch_sticky_partition(record.topic.index() as u16, random);
        }
        leave
    }

    /// Takes a slot for a batch that begins with this record.
    fn begin_batch(
        &mut self,
        now: Tick,
        queue: Queue,
        record: &Record<'_>,
        with: &mut Sending<'_>,
    ) -> Result<(), SendError> {
        let free = self.batches.pop_front(&mut self.free).or_else(|| self.drop_oldest(with));
        self.exhausted = free.is_none();
        let Some(index) = free else {
            add(&mut with.counters.buffer_exhausted, 1);
            return Err(SendError::Full);
        };
        self.open(now, index, queue, record);
        Ok(())
    }

    fn open(&mut self, now: Tick, index: u16, queue: Queue, record: &Record<'_>) {
        let generation = self.next_generation;
        self.next_generation = generation.wrapping_add(1);
        self.unfinished = self.unfinished.wrapping_add(1);
        let range = self.slot_range(index);
        let len = self.arena.get_mut(range).and_then(|slot| batch::begin(slot, record.timestamp_ms).ok());
        self.recycle(index);
        if let Some(batch) = self.batches.get_mut(index) {
            batch.phase = Phase::Open;
            batch.generation = generation;
            batch.topic = record.topic.index() as u16;
            batch.created = now;
            batch.len = len.unwrap_or(0) as u32;
            batch.target = queue.target;
            batch.partition = queue.partition;
        }
        if queue.target == Target::Known {
            self.use_partition(queue.partition);
            if let Some(partition) = self.partitions.get_mut(queue.partition) {
                self.batches.push_back(&mut partition.queue, index);
            }
        } else if let Some(topic) = self.topics.get_mut(record.topic.index()) {
            self.batches.push_back(&mut topic.pending, index);
        }
    }

    /// Writes the record into the last batch of its queue, if that takes records and has room.
    fn write(&mut self, queue: Queue, record: &Record<'_>, value_len: Option<usize>) -> Option<Placed> {
        let index = self.last_of(queue, record)?;
        let batch = self.batches.get_mut(index)?;
        if batch.phase != Phase::Open || batch.target != queue.target {
            return None;
        }
        // A first record was measured before the batch was begun: it may take the whole slot.
        let limit = if batch.count == 0 { self.slot_bytes } else { self.policy.due_bytes };
        let start = usize::from(index).wrapping_mul(self.slot_bytes);
        let slot = self.arena.get_mut(start..start.wrapping_add(limit))?;
        let appended = batch::append(slot, batch.len as usize, batch.count, record, value_len).ok()?;
        let bytes = appended.len.wrapping_sub(batch.len as usize);
        let (id, place) = (BatchId::new(index, batch.generation), batch.count);
        batch.len = appended.len as u32;
        batch.count = place.wrapping_add(1);
        if appended.len >= self.policy.due_bytes {
            batch.phase = Phase::Queued;
        }
        if queue.sticky
            && let Some(topic) = self.topics.get_mut(record.topic.index())
        {
            topic.sticky.appended(bytes);
            topic.sticky.set_batch(index);
        }
        let value = start.wrapping_add(appended.value.start)..start.wrapping_add(appended.value.end);
        Some(Placed { batch: id, index: place, value })
    }

    fn last_of(&self, queue: Queue, record: &Record<'_>) -> Option<u16> {
        if queue.target == Target::Known {
            self.partitions.get(queue.partition).queue.last()
        } else {
            self.topics.get(record.topic.index())?.pending.last()
        }
    }
}
