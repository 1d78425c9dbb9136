use core::ops::Range;

use super::Accumulator;
use super::slot::{Outcome, Phase, Target};
use crate::batch;
use crate::config::Overflow;
use crate::counters::{Counters, add};
use crate::delivery::{BatchId, Delivery, DeliveryError, SendError};
use crate::partition::{murmur2, of_hash};
use crate::random::Random;
use crate::record::Record;
use crate::time::Tick;
use crate::wire::NoRoom;

/// A record that has its place; its value is still to be written there.
pub(crate) struct Placed {
    pub(crate) batch: BatchId,
    /// The record's place in its batch.
    pub(crate) index: u32,
    /// Where in the arena the value goes.
    pub(crate) value: Range<usize>,
    /// The record's encoded bytes.
    bytes: usize,
}

/// What placing a record may change besides the batches.
pub(crate) struct Sending<'s> {
    pub(crate) random: &'s mut Random,
    pub(crate) counters: &'s mut Counters,
    /// The batch that was thrown away to make room, if any.
    pub(crate) dropped: Option<Delivery>,
}

/// The queue that a record goes to.
#[derive(Clone, Copy)]
enum Queue {
    /// Of the topic: its partitions are not known.
    Pending(Target),
    /// Of the partition at this place.
    Partition { index: u16, sticky: bool },
}

/// Where the next attempt to write a record goes.
struct Place {
    queue: Queue,
    open: Option<Open>,
    /// The sticky partition was left for this record: not twice.
    switched: bool,
}

/// A batch that takes records, and the bytes up to which it does.
#[derive(Clone, Copy)]
struct Open {
    batch: u16,
    limit: usize,
}

impl Accumulator<'_> {
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
        let queue = self.choose_queue(record, with.random)?;
        let mut place = Place { queue, open: self.open_batch(queue, record), switched: false };
        loop {
            if let Some(Open { batch, limit }) = place.open
                && let Ok(placed) = self.write(batch, record, value_len, limit)
            {
                if let (Queue::Partition { sticky: true, .. }, Some(topic)) =
                    (place.queue, self.topics.get_mut(record.topic.index()))
                {
                    topic.sticky.appended(placed.bytes);
                }
                add(&mut with.counters.records_accepted, 1);
                return Ok(placed);
            }
            self.move_on(now, record, value_len, with, &mut place)?;
        }
    }

    /// No batch is open here, or it has no room: goes on to another partition, or to a new batch. Once per batch, so
    /// out of the way of all other records.
    #[cold]
    fn move_on(
        &mut self,
        now: Tick,
        record: &Record<'_>,
        value_len: Option<usize>,
        with: &mut Sending<'_>,
        place: &mut Place,
    ) -> Result<(), SendError> {
        let max_bytes = self.slot_bytes.wrapping_sub(batch::HEADER_BYTES);
        if batch::first_record_bytes(record, value_len) > max_bytes {
            return Err(SendError::TooLarge { max_bytes });
        }
        if let Some(batch) = self.last_of(place.queue, record).and_then(|last| self.batches.get_mut(last))
            && batch.phase == Phase::Open
        {
            batch.phase = Phase::Queued;
        }
        if let Queue::Partition { sticky: true, .. } = place.queue
            && !place.switched
            && self.leave_sticky_partition(place.queue, record, with.random)
        {
            let queue = self.choose_queue(record, with.random)?;
            *place = Place { queue, open: self.open_batch(queue, record), switched: true };
            return Ok(());
        }
        let batch = self.begin_batch(now, place.queue, record, with)?;
        // It was measured above: a first record of this size fits.
        place.open = Some(Open { batch, limit: self.slot_bytes });
        Ok(())
    }

    /// The value's bytes of a record that was placed.
    pub(crate) fn value_mut(&mut self, placed: &Placed) -> &mut [u8] {
        self.arena.get_mut(placed.value.clone()).unwrap_or(&mut [])
    }

    fn choose_queue(&mut self, record: &Record<'_>, random: &mut Random) -> Result<Queue, SendError> {
        let per_topic = self.partitions_per_topic;
        let id = record.topic.index() as u16;
        let topic = self.topics.get_mut(usize::from(id)).ok_or(SendError::UnknownTopic)?;
        let count = topic.partitions;
        let target = match (record.partition, record.key) {
            (Some(partition), _) => Target::Explicit(partition),
            (None, Some(key)) => Target::KeyHash(murmur2(key)),
            (None, None) => Target::Sticky,
        };
        if let Target::Explicit(partition) = target
            && partition < 0
        {
            return Err(SendError::UnknownPartition);
        }
        if count == 0 {
            return Ok(Queue::Pending(target));
        }
        let partition = match target {
            Target::Explicit(partition) => u32::try_from(partition)
                .ok()
                .filter(|partition| *partition < count)
                .ok_or(SendError::UnknownPartition)?,
            Target::KeyHash(hash) => of_hash(hash, count),
            Target::Sticky => topic.sticky.partition(count.min(per_topic as u32), random),
            Target::Known => return Err(SendError::UnknownPartition),
        };
        let index = self.partition_index(id, partition).ok_or(SendError::UnknownPartition)?;
        Ok(Queue::Partition { index, sticky: target == Target::Sticky })
    }

    /// At a batch's end: goes on to another partition once this one has got a batch's worth (KIP-480, KIP-794).
    fn leave_sticky_partition(&mut self, queue: Queue, record: &Record<'_>, random: &mut Random) -> bool {
        let has_full_batch = self.last_of(queue, record).is_some();
        let per_topic = self.partitions_per_topic as u32;
        let due_bytes = self.policy.due_bytes;
        let Some(topic) = self.topics.get_mut(record.topic.index()) else { return false };
        let leave = has_full_batch || topic.sticky.bytes() >= due_bytes;
        if leave {
            topic.sticky.switch(topic.partitions.min(per_topic), random);
        }
        leave
    }

    /// The last of a queue, if it takes this record's like.
    fn open_batch(&self, queue: Queue, record: &Record<'_>) -> Option<Open> {
        let last = self.last_of(queue, record)?;
        let batch = self.batches.get(last)?;
        let same_target = match queue {
            Queue::Pending(target) => batch.target == target,
            Queue::Partition { .. } => true,
        };
        let limit = self.policy.due_bytes;
        (batch.phase == Phase::Open && same_target).then_some(Open { batch: last, limit })
    }

    /// Takes a slot for a batch that begins with this record.
    fn begin_batch(
        &mut self,
        now: Tick,
        queue: Queue,
        record: &Record<'_>,
        with: &mut Sending<'_>,
    ) -> Result<u16, SendError> {
        let index = match self.batches.pop_front(&mut self.free) {
            Some(index) => index,
            None if self.policy.overflow == Overflow::DropOldest => {
                let Some((index, delivery)) = self.drop_oldest(with.counters) else {
                    return Err(self.refuse(with.counters));
                };
                with.dropped = Some(delivery);
                index
            }
            None => return Err(self.refuse(with.counters)),
        };
        self.exhausted = false;
        self.open(now, index, queue, record);
        Ok(index)
    }

    fn refuse(&mut self, counters: &mut Counters) -> SendError {
        self.exhausted = true;
        add(&mut counters.buffer_exhausted, 1);
        SendError::Full
    }

    fn open(&mut self, now: Tick, index: u16, queue: Queue, record: &Record<'_>) {
        let generation = self.next_generation;
        self.next_generation = generation.wrapping_add(1);
        self.unfinished = self.unfinished.wrapping_add(1);
        let range = self.slot_range(index);
        let len = self.arena.get_mut(range).and_then(|slot| batch::begin(slot, record.timestamp_ms).ok());
        self.batches.reset(index);
        if let Some(batch) = self.batches.get_mut(index) {
            batch.phase = Phase::Open;
            batch.generation = generation;
            batch.topic = record.topic.index() as u16;
            batch.created = now;
            batch.len = len.unwrap_or(0) as u32;
            match queue {
                Queue::Pending(target) => batch.target = target,
                Queue::Partition { index, .. } => batch.partition = index,
            }
        }
        match queue {
            Queue::Pending(_) => {
                if let Some(topic) = self.topics.get_mut(record.topic.index()) {
                    self.batches.push_back(&mut topic.pending, index);
                }
            }
            Queue::Partition { index: partition, .. } => {
                self.use_partition(partition);
                if let Some(partition) = self.partitions.get_mut(usize::from(partition)) {
                    self.batches.push_back(&mut partition.queue, index);
                }
            }
        }
    }

    /// Writes the record into a batch that is open, if it stays within `limit` bytes.
    fn write(
        &mut self,
        index: u16,
        record: &Record<'_>,
        value_len: Option<usize>,
        limit: usize,
    ) -> Result<Placed, NoRoom> {
        let range = self.slot_range(index);
        let batch = self.batches.get_mut(index).ok_or(NoRoom)?;
        let slot = self.arena.get_mut(range.clone()).and_then(|slot| slot.get_mut(..limit)).ok_or(NoRoom)?;
        let appended = batch::append(slot, batch.len as usize, batch.count, record, value_len)?;
        let bytes = appended.len.wrapping_sub(batch.len as usize);
        let (id, place) = (BatchId::new(index, batch.generation), batch.count);
        batch.len = appended.len as u32;
        batch.count = batch.count.wrapping_add(1);
        if appended.len >= self.policy.due_bytes {
            batch.phase = Phase::Queued;
        }
        let value =
            range.start.wrapping_add(appended.value.start)..range.start.wrapping_add(appended.value.end);
        Ok(Placed { batch: id, index: place, value, bytes })
    }

    /// Takes the oldest batch that was never sent out of its queue.
    fn drop_oldest(&mut self, counters: &mut Counters) -> Option<(u16, Delivery)> {
        let mut oldest: Option<u16> = None;
        for index in 0..self.batches.len() {
            let Some(batch) = self.batches.get(index) else { continue };
            let never_sent = matches!(batch.phase, Phase::Open | Phase::Queued) && !batch.sealed;
            let older = oldest
                .and_then(|oldest| self.batches.get(oldest))
                .is_none_or(|oldest| (batch.generation.wrapping_sub(oldest.generation) as i32) < 0);
            if never_sent && older {
                oldest = Some(index);
            }
        }
        let index = oldest?;
        self.dequeue(index);
        self.decide(index, Outcome::Failed(DeliveryError::Dropped), counters);
        let delivery = self.delivery(index)?;
        add(&mut counters.records_dropped, delivery.records as usize);
        Some((index, delivery))
    }

    fn last_of(&self, queue: Queue, record: &Record<'_>) -> Option<u16> {
        match queue {
            Queue::Pending(_) => self.topics.get(record.topic.index())?.pending.last(),
            Queue::Partition { index, .. } => self.partitions.get(usize::from(index))?.queue.last(),
        }
    }
}
