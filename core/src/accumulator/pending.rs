use super::Accumulator;
use super::list::NONE;
use super::slot::Target;
use crate::code::ErrorCode;
use crate::counters::Counters;
use crate::delivery::DeliveryError;
use crate::partition::of_hash;
use crate::random::Random;

impl Accumulator<'_> {
    /// Tells the number of a topic's partitions, 0 while it is not known; batches that waited for it move to their
    /// partitions, in order. With an error there will be no such topic: what goes on waiting fails with it.
    ///
    /// A number that shrinks is believed: the topic was deleted and created again.
    pub(crate) fn set_partitions(
        &mut self,
        topic: u16,
        count: u32,
        error: ErrorCode,
        random: &mut Random,
        counters: &mut Counters,
    ) {
        let Some(queue) = self.topics.get_mut(usize::from(topic)) else { return };
        queue.partitions = count;
        queue.sticky.forget_batch();
        let mut at = queue.pending.first();
        while at != NONE {
            let index = at;
            let batch = self.batches.get(index);
            let target = batch.target;
            at = batch.next.get();
            let place = self.place(topic, target, random);
            if target == Target::Sticky
                && let Some(queue) = self.topics.get_mut(usize::from(topic))
            {
                queue.sticky.leave();
            }
            match place {
                Place::Partition(partition) => self.move_to(index, partition),
                // A partition that may still be added: Java's `send` waits for it, too.
                Place::Pending | Place::Later if error == ErrorCode::NONE => {}
                Place::Pending | Place::Later => self.fail(index, DeliveryError::Failed(error), counters),
                Place::Nowhere => self.fail(index, DeliveryError::UnknownPartition, counters),
            }
        }
    }

    /// Whether a batch waits for its partition, or for its topic, to appear.
    pub(crate) fn awaits_metadata(&self) -> bool {
        self.topics.iter().any(|topic| topic.pending.first() != NONE)
    }

    /// Where a record with this target goes.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn place(&mut self, topic: u16, target: Target, random: &mut Random) -> Place {
        let count = self.topics.get(usize::from(topic)).map_or(0, |queue| queue.partitions);
        if count == 0 {
            return Place::Pending;
        }
        let partition = match target {
            Target::Explicit(partition) => partition,
            Target::KeyHash(hash) => of_hash(hash, count),
            Target::Sticky => u32::from(self.sticky_partition(topic, count, random)),
        };
        if partition >= count {
            return Place::Later;
        }
        self.partition_index(topic, partition).map_or(Place::Nowhere, Place::Partition)
    }

    /// The partition of a topic's records without a key, of so many: another than before when that is to be left, and one
    /// with a leader, if there is one (Java's `availablePartitionsForTopic`).
    fn sticky_partition(&mut self, topic: u16, count: u32, random: &mut Random) -> u16 {
        let usable = count.min(self.partitions_per_topic as u32);
        let first = usize::from(topic).wrapping_mul(self.partitions_per_topic) as u16;
        let Some(queue) = self.topics.get_mut(usize::from(topic)) else { return 0 };
        if !queue.sticky.is_among(usable) {
            queue.sticky.switch(usable, random);
            for _ in 0..usable {
                if !self.partitions.get(first.wrapping_add(queue.sticky.chosen())).leaderless {
                    break;
                }
                queue.sticky.advance(usable);
            }
        }
        queue.sticky.chosen()
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
            batch.partition = partition;
        }
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
