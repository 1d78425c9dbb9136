use super::Accumulator;
use super::list::List;
use super::slot::{Outcome, Target};
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
        let mut pending = core::mem::replace(&mut queue.pending, List::new());
        let mut waits_on = List::new();
        while let Some(index) = self.batches.pop_front(&mut pending) {
            let target = self.batches.get(index).target;
            let place = self.place(topic, target, random);
            if let (Target::Sticky, Some(queue)) = (target, self.topics.get_mut(usize::from(topic))) {
                queue.sticky.switch(count.min(self.partitions_per_topic as u32), random);
            }
            match place {
                Place::Partition(partition) => self.enqueue(index, partition),
                // A partition that may still be added: Java's `send` waits for it, too.
                Place::Pending | Place::Later => self.batches.push_back(&mut waits_on, index),
                Place::Nowhere => {
                    self.finish(index, Outcome::Failed(DeliveryError::UnknownPartition), counters);
                }
            }
        }
        if let Some(queue) = self.topics.get_mut(usize::from(topic)) {
            queue.pending = waits_on;
        }
    }

    /// Whether a batch waits for its partition, or for its topic, to appear.
    pub(crate) fn awaits_metadata(&self) -> bool {
        self.topics.iter().any(|topic| topic.pending.first().is_some())
    }

    /// Fails what waits for a topic that there will not be.
    pub(crate) fn fail_pending(&mut self, topic: u16, error: ErrorCode, counters: &mut Counters) {
        let Some(queue) = self.topics.get_mut(usize::from(topic)) else { return };
        let mut pending = core::mem::replace(&mut queue.pending, List::new());
        while let Some(index) = self.batches.pop_front(&mut pending) {
            self.finish(index, Outcome::Failed(DeliveryError::Failed(error)), counters);
        }
    }

    /// Where a record with this target goes.
    pub(super) fn place(&mut self, topic: u16, target: Target, random: &mut Random) -> Place {
        let per_topic = self.partitions_per_topic as u32;
        let Some(queue) = self.topics.get_mut(usize::from(topic)) else { return Place::Nowhere };
        let count = queue.partitions;
        let partition = match target {
            Target::Explicit(partition) if partition < 0 => return Place::Nowhere,
            Target::Known => return Place::Nowhere,
            Target::Explicit(_) | Target::KeyHash(_) | Target::Sticky if count == 0 => return Place::Pending,
            Target::Explicit(partition) if partition.cast_unsigned() >= count => return Place::Later,
            Target::Explicit(partition) => partition.cast_unsigned(),
            Target::KeyHash(hash) => of_hash(hash, count),
            Target::Sticky => queue.sticky.partition(count.min(per_topic), random),
        };
        self.partition_index(topic, partition).map_or(Place::Nowhere, Place::Partition)
    }

    fn enqueue(&mut self, index: u16, partition: u16) {
        if let Some(batch) = self.batches.get_mut(index) {
            batch.target = Target::Known;
            batch.partition = partition;
        }
        self.use_partition(partition);
        // In front of younger ones: an explicit partition may have got batches before this one found its place.
        if let Some(queue) = self.partitions.get_mut(partition) {
            self.batches.insert_by_age(&mut queue.queue, index);
        }
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
