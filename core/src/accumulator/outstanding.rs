use super::Accumulator;
use super::list::NONE;
use super::slot::Phase;
use crate::batch::Stamp;

/// What of a partition has left the queue and has not come to its end, as the rules of idempotence see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outstanding {
    /// Batches on their way, or of which a half is still to go.
    pub(crate) in_flight: usize,
    /// The connection of all of them; `None` when there are several, or none.
    pub(crate) connection: Option<u8>,
    /// The next that would be sent, in general the first of the queue, has a number: it was sent before.
    pub(crate) head_is_stamped: bool,
    /// Whether it is in the log is not known.
    pub(crate) head_in_doubt: bool,
    /// It is older than all that is on its way.
    pub(crate) head_is_oldest: bool,
    /// See [`mark_gap`](Accumulator::mark_gap).
    pub(crate) gap: bool,
}

impl Accumulator<'_> {
    pub(crate) fn outstanding(&self, partition: u16) -> Outstanding {
        let queue = self.partitions.get(partition);
        let mut outstanding = Outstanding { gap: queue.gap, head_is_oldest: true, ..Outstanding::default() };
        let next = self.next_to_send(partition);
        let mut is_before_next = true;
        let mut at = queue.queue.first();
        while at != NONE {
            let batch = self.batches.get(at);
            if at == next {
                is_before_next = false;
                outstanding.head_is_stamped = batch.stamped;
                outstanding.head_in_doubt = batch.in_doubt;
            }
            if batch.phase > Phase::Retry {
                break;
            }
            if !batch.phase.waits() {
                let same = outstanding.in_flight == 0 || outstanding.connection == Some(batch.connection);
                outstanding.connection = same.then_some(batch.connection);
                outstanding.in_flight = outstanding.in_flight.wrapping_add(1);
                outstanding.head_is_oldest &= !is_before_next;
            }
            at = batch.next.get();
        }
        outstanding
    }

    /// The first of a partition's batches that wait; with a gap, the first that is in doubt, if there is one: the broker
    /// is to say of each of them whether it has it before any is numbered anew. None, while one on its way is waited for.
    pub(super) fn next_to_send(&self, partition: u16) -> u16 {
        let queue = self.partitions.get(partition);
        let mut first = NONE;
        let mut at = queue.queue.first();
        while at != NONE {
            let batch = self.batches.get(at);
            if batch.phase.waits() {
                if batch.in_doubt {
                    return at;
                }
                first = if first == NONE { at } else { first };
                if !queue.gap || batch.phase > Phase::Retry {
                    break;
                }
            } else if self.policy.mute || !batch.rest.is_none() {
                return NONE;
            }
            at = batch.next.get();
        }
        first
    }

    /// The broker's sequence of a partition and ours may differ: nothing new is sent until they agree again.
    pub(crate) fn mark_gap(&mut self, partition: u16) {
        if let Some(queue) = self.partitions.get_mut(partition) {
            queue.gap = true;
        }
    }

    /// The first partition with a gap at this place or behind.
    pub(crate) fn gap_from(&self, from: u16) -> Option<u16> {
        (from..self.partitions()).find(|at| self.partitions.get(*at).gap)
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
        while self.batches.get(at).stamped {
            let batch = self.batches.get(at);
            let records = batch.count.wrapping_add(batch.rest.records());
            let next = batch.next.get();
            self.seal(at, Some(stamp));
            stamp = stamp.after(records);
            at = next;
        }
        stamp
    }
}
