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
            match self.place(topic, index, count, random) {
                Place::Partition(partition) => self.enqueue(index, partition),
                // A partition that may still be added: Java's `send` waits for it, too.
                Place::Later => self.batches.push_back(&mut waits_on, index),
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

    fn place(&mut self, topic: u16, index: u16, count: u32, random: &mut Random) -> Place {
        let per_topic = self.partitions_per_topic as u32;
        let target = self.batches.get(index).target;
        let partition = match target {
            Target::Explicit(partition) => match u32::try_from(partition) {
                Ok(partition) if partition < count => partition,
                Ok(_) => return Place::Later,
                Err(_) => return Place::Nowhere,
            },
            Target::KeyHash(hash) => of_hash(hash, count),
            Target::Sticky => {
                let Some(queue) = self.topics.get_mut(usize::from(topic)) else { return Place::Nowhere };
                let usable = count.min(per_topic);
                let partition = queue.sticky.partition(usable, random);
                queue.sticky.switch(usable, random);
                partition
            }
            Target::Known => return Place::Nowhere,
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

enum Place {
    Partition(u16),
    Later,
    Nowhere,
}
