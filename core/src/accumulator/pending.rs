use super::Accumulator;
use super::list::NONE;
use super::slot::Target;
use crate::code::ErrorCode;
use crate::counters::Counters;
use crate::delivery::DeliveryError;
use crate::partition::of_hash;
use crate::random::Random;

impl Accumulator<'_> {
    /// Tells the number of a topic's partitions; batches that waited for it move to their partitions, in order.
    ///
    /// A number that shrinks is believed: the topic was deleted and created again.
    pub(crate) fn set_partitions(
        &mut self,
        topic: u16,
        count: u32,
        random: &mut Random,
        counters: &mut Counters,
    ) {
        let Some(queue) = self.topics.get_mut(usize::from(topic)) else { return };
        queue.partitions = count;
        queue.sticky.forget_batch();
        if count == 0 {
            return;
        }
        let mut at = queue.pending.first();
        while at != NONE {
            let index = at;
            let batch = self.batches.get(index);
            let target = batch.target;
            at = batch.next.get();
            let place = self.place(topic, target, random);
            if target == Target::Sticky {
                self.switch_sticky_partition(topic, random);
            }
            match place {
                Place::Partition(partition) => self.move_to(index, partition),
                // A partition that may still be added: Java's `send` waits for it, too.
                Place::Pending | Place::Later => {}
                Place::Nowhere => self.fail(index, DeliveryError::UnknownPartition, counters),
            }
        }
    }

    /// Whether a batch waits for its partition, or for its topic, to appear.
    pub(crate) fn awaits_metadata(&self) -> bool {
        self.topics.iter().any(|topic| topic.pending.first() != NONE)
    }

    /// Fails what waits for a topic that there will not be.
    pub(crate) fn fail_pending(&mut self, topic: u16, error: ErrorCode, counters: &mut Counters) {
        while let Some(queue) = self.topics.get(usize::from(topic))
            && queue.pending.first() != NONE
        {
            self.fail(queue.pending.first(), DeliveryError::Failed(error), counters);
        }
    }

    /// Where a record with this target goes.
    pub(super) fn place(&mut self, topic: u16, target: Target, random: &mut Random) -> Place {
        let Some(queue) = self.topics.get(usize::from(topic)) else { return Place::Nowhere };
        let count = queue.partitions;
        let partition = match target {
            Target::Explicit(partition) if partition < 0 => return Place::Nowhere,
            Target::Known => return Place::Nowhere,
            Target::Explicit(_) | Target::KeyHash(_) | Target::Sticky if count == 0 => return Place::Pending,
            Target::Explicit(partition) if partition.cast_unsigned() >= count => return Place::Later,
            Target::Explicit(partition) => partition.cast_unsigned(),
            Target::KeyHash(hash) => of_hash(hash, count),
            Target::Sticky => {
                if !queue.sticky.is_among(self.usable(count)) {
                    self.switch_sticky_partition(topic, random);
                }
                self.topics.get(usize::from(topic)).map_or(0, |queue| u32::from(queue.sticky.chosen()))
            }
        };
        self.partition_index(topic, partition).map_or(Place::Nowhere, Place::Partition)
    }

    /// A topic's records without a key go to another partition from now on; to one with a leader, if there is one (Java's
    /// `availablePartitionsForTopic`).
    #[cold]
    pub(super) fn switch_sticky_partition(&mut self, topic: u16, random: &mut Random) {
        let first = usize::from(topic).wrapping_mul(self.partitions_per_topic) as u16;
        let usable = self.topics.get(usize::from(topic)).map_or(0, |queue| self.usable(queue.partitions));
        let Some(queue) = self.topics.get_mut(usize::from(topic)) else { return };
        queue.sticky.switch(usable, random);
        for _ in 0..usable {
            if !self.partitions.get(first.wrapping_add(queue.sticky.chosen())).leaderless {
                return;
            }
            queue.sticky.advance(usable);
        }
    }

    /// How many of so many partitions have a place.
    fn usable(&self, partitions: u32) -> u32 {
        partitions.min(self.partitions_per_topic as u32)
    }

    /// Whether the partition at this place has a leader that is known.
    pub(crate) fn set_led(&mut self, partition: u16, is_led: bool) {
        if let Some(queue) = self.partitions.get_mut(partition) {
            queue.leaderless = !is_led;
        }
    }

    /// A batch that waited for its partition goes behind all that are there: while it waited, there was no such partition
    /// to send anything younger to.
    fn move_to(&mut self, index: u16, partition: u16) {
        self.dequeue(index);
        if let Some(batch) = self.batches.get_mut(index) {
            batch.target = Target::Known;
            batch.partition = partition;
        }
        self.use_partition(partition);
        self.enqueue(index);
    }
}

/// Where a record goes.
pub(super) enum Place {
    /// To the topic's queue: its partitions are not known.
    Pending,
    Partition(u16),
    /// To a partition that the topic has not got, and may get.
    Later,
    /// To one for which there is no place.
    Nowhere,
}
