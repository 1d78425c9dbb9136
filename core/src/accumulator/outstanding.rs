use super::{Accumulator, PartitionQueue};
use crate::batch::Stamp;

/// What of a partition has left the queue and has not come to its end, as the rules of idempotence see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outstanding {
    /// Batches on their way.
    pub(crate) in_flight: usize,
    /// The connection of all of them; `None` when there are several, or none.
    pub(crate) connection: Option<u8>,
    /// The next that would be sent, in general the first of the queue, has a number: it was sent before.
    pub(crate) head_is_stamped: bool,
    /// Whether it is in the log is not known.
    pub(crate) head_in_doubt: bool,
    /// It is older than all that is on its way.
    pub(crate) head_is_oldest: bool,
    /// The first half of a split batch is away, and the second half still to come.
    pub(crate) split: bool,
    /// See [`mark_gap`](Accumulator::mark_gap).
    pub(crate) gap: bool,
}

impl Accumulator<'_> {
    pub(crate) fn outstanding(&self, partition: u16) -> Outstanding {
        let queue = self.partitions.get(partition);
        let head = self.next_to_send(queue).map(|next| self.batches.get(next));
        let mut outstanding = Outstanding {
            in_flight: 0,
            connection: None,
            head_is_stamped: head.is_some_and(|head| head.stamped),
            head_in_doubt: head.is_some_and(|head| head.in_doubt),
            head_is_oldest: true,
            split: queue.halves.any(),
            gap: queue.gap,
        };
        let mut at = queue.in_flight.first();
        while let Some(index) = at {
            let batch = self.batches.get(index);
            let same = outstanding.in_flight == 0 || outstanding.connection == Some(batch.connection);
            outstanding.connection = same.then_some(batch.connection);
            outstanding.in_flight = outstanding.in_flight.wrapping_add(1);
            outstanding.head_is_oldest &=
                head.is_some_and(|head| (head.generation.wrapping_sub(batch.generation) as i32) < 0);
            at = self.batches.next(index);
        }
        outstanding
    }

    /// The first of a partition's queue; with a gap, the first that is in doubt, if there is one: the broker is to say
    /// of each of them whether it has it before any is numbered anew.
    pub(super) fn next_to_send(&self, queue: &PartitionQueue) -> Option<u16> {
        let first = queue.queue.first()?;
        let mut at = Some(first).filter(|_| queue.gap);
        while let Some(index) = at {
            let batch = self.batches.get(index);
            if batch.stamped && batch.in_doubt {
                return Some(index);
            }
            at = self.batches.next(index);
        }
        Some(first)
    }

    /// The broker's sequence of a partition and ours may differ: nothing new is sent until they agree again.
    pub(crate) fn mark_gap(&mut self, partition: u16) {
        if let Some(queue) = self.partitions.get_mut(partition) {
            queue.gap = true;
            self.has_gap = true;
        }
    }

    /// The first partition with a gap at this place or behind. `None`, also for whoever asks from 0, when there is
    /// none.
    pub(crate) fn gap_from(&mut self, from: u16) -> Option<u16> {
        if !self.has_gap {
            return None;
        }
        let has_gap = |at: &u16| self.partitions.get(*at).gap;
        let found = (from..self.partitions()).find(has_gap);
        self.has_gap = found.is_some() || from > 0;
        found
    }

    /// The sequences agree again.
    pub(crate) fn close_gap(&mut self, partition: u16) {
        if let Some(queue) = self.partitions.get_mut(partition) {
            queue.gap = false;
        }
    }

    /// The stamp of a batch that has one.
    pub(crate) fn stamp_of(&self, index: u16) -> Option<Stamp> {
        self.batches.get(index).stamped.then(|| Stamp::of(self.bytes(index)))
    }

    /// Numbers the batches of a partition's queue that had a number anew, in order. Returns the stamp after them.
    pub(crate) fn renumber(&mut self, partition: u16, mut stamp: Stamp) -> Stamp {
        let mut at = self.partitions.get(partition).queue.first();
        while let Some(index) = at {
            let batch = self.batches.get(index);
            if !batch.stamped {
                break;
            }
            let records = batch.count.wrapping_add(batch.rest.records());
            self.seal(index, Some(stamp));
            stamp = stamp.after(records);
            at = self.batches.next(index);
        }
        stamp
    }
}
