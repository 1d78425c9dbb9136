use super::Accumulator;
use super::list::NONE;
use super::slot::Phase;
use crate::batch::{self, Stamp};

/// What of a partition is on its way in front of the batch that would be sent next, as the rules of idempotence see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outstanding {
    /// Batches on their way, or of which a half is still to go.
    pub(crate) in_flight: u8,
    /// The next one must not be on its way together with them: it was sent before, or they were to another connection.
    pub(crate) must_land: bool,
}

/// The batch that would be sent next.
pub(super) struct Next {
    /// Its slot, or [`NONE`].
    pub(super) index: u16,
    pub(super) outstanding: Outstanding,
}

impl Accumulator<'_> {
    /// The first of a partition's batches that wait, were it sent on this connection. With a gap, the first that is in
    /// doubt: the broker is to say of each of them whether it has it before any is numbered anew, and nothing else goes
    /// before. None, while one on its way is waited for in any case.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn next_to_send(&self, partition: u16, connection: u8) -> Next {
        let queue = self.partitions.get(partition);
        let mut outstanding = Outstanding { in_flight: 0, must_land: false };
        let mut index = queue.queue.first();
        while index != NONE {
            let batch = self.batches.get(index);
            if batch.phase.waits() {
                let was_sent = batch.phase == Phase::Retry;
                if !queue.gap || batch.in_doubt {
                    outstanding.must_land |= was_sent;
                    break;
                }
                if !was_sent {
                    index = NONE;
                    break;
                }
            } else {
                outstanding.in_flight = outstanding.in_flight.wrapping_add(1);
                outstanding.must_land |= batch.connection != connection;
                if self.policy.mute || !batch.rest.is_none() {
                    index = NONE;
                    break;
                }
            }
            index = batch.next.get();
        }
        Next { index, outstanding }
    }

    /// Whether a partition has a gap, and nothing of it is on its way or in doubt any more, or a half still to go.
    pub(crate) fn may_close_gap(&self, partition: u16) -> bool {
        if !self.partitions.get(partition).gap {
            return false;
        }
        let next = self.next_to_send(partition, 0);
        next.index == NONE && next.outstanding.in_flight == 0
    }

    /// The broker's sequence of a partition and ours may differ: nothing new is sent until they agree again.
    pub(crate) fn mark_gap(&mut self, partition: u16) {
        if let Some(queue) = self.partitions.get_mut(partition) {
            queue.gap = true;
        }
    }

    /// The sequences agree again.
    pub(crate) fn close_gap(&mut self, partition: u16) {
        if let Some(queue) = self.partitions.get_mut(partition) {
            queue.gap = false;
        }
    }

    /// The sequence of a batch that has one.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn sequence_of(&self, index: u16) -> Option<i32> {
        self.batches.get(index).stamped.then(|| batch::base_sequence(self.bytes(index)))
    }

    /// The sequence of the first batch in a partition's queue, if it has one.
    pub(crate) fn first_sequence(&self, partition: u16) -> Option<i32> {
        self.sequence_of(self.partitions.get(partition).queue.first())
    }

    /// Numbers the batches of a partition's queue that had a number anew, in order. `stamp` is told each one's records.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn renumber(&mut self, partition: u16, mut stamp: impl FnMut(u32) -> Stamp) {
        let mut at = self.partitions.get(partition).queue.first();
        while self.batches.get(at).stamped {
            let batch = self.batches.get(at);
            let records = batch.count.wrapping_add(batch.rest.records());
            let next = batch.next.get();
            self.seal(at, &stamp(records));
            at = next;
        }
    }
}
