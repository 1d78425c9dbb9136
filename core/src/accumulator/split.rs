//! A batch that is too large for its broker, in two halves: Java's `splitAndReenqueue`, in the batch's own slot.
//!
//! The first half is the front of the batch; the rest stays behind it, and nothing else of the partition goes out.
//! When the first half has its outcome and the application has taken it, the rest moves to the front of the slot and
//! goes back into the queue. So a split needs no memory, also when there is none.

use super::Accumulator;
use super::slot::{Attempts, Outcome, Phase};
use crate::batch;
use crate::counters::{Counters, add};

impl Accumulator<'_> {
    /// Cuts a batch on its way, which its broker refused as too large, and puts its first half back into the queue.
    /// `false` when that cannot help, or must not be: it has one record, its outcome is decided, or an earlier
    /// attempt may have put the whole of it into the log.
    pub(crate) fn split(&mut self, index: u16, counters: &mut Counters) -> bool {
        let batch = self.batches.get(index);
        if batch.count < 2 || batch.in_doubt || batch.outcome.is_decided() {
            return false;
        }
        let count = batch.count >> 1;
        let Some(len) = batch::prefix_len(self.bytes(index), count) else { return false };
        self.leave_flight(index);
        let Some(batch) = self.batches.get_mut(index) else { return false };
        batch.rest_len = batch.rest_len.wrapping_add(batch.len.wrapping_sub(len as u32));
        batch.rest_count = batch.rest_count.wrapping_add(batch.count.wrapping_sub(count));
        batch.len = len as u32;
        batch.count = count;
        // A split is no retry: it is not counted, and waits for nothing (Java).
        batch.outcome = Outcome::Undecided(Attempts { count: 0, ..batch.attempts() });
        self.seal(index, None);
        add(&mut counters.batch_splits, 1);
        self.put_back(index);
        true
    }

    /// Whether a second half waits for the application to take the first one's outcome.
    pub(crate) fn awaits_report(&self) -> bool {
        self.halves_done > 0
    }

    /// The outcome of a batch was taken: gives its slot back, or sends its second half on its way.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn free_or_go_on(&mut self, index: u16) {
        let range = self.slot_range(index);
        let Some(batch) = self.batches.get_mut(index).filter(|batch| batch.rest_count > 0) else {
            return self.release(index);
        };
        let end = batch.len.wrapping_add(batch.rest_len) as usize;
        let bytes = self.arena.get_mut(range).and_then(|slot| slot.get_mut(..end)).unwrap_or(&mut []);
        let len = batch::reframe(bytes, batch.len as usize, batch.count, batch.rest_count);
        batch.len = len as u32;
        batch.before = batch.before.wrapping_add(batch.count);
        batch.count = batch.rest_count;
        batch.rest_len = 0;
        batch.rest_count = 0;
        batch.in_doubt = false;
        batch.outcome = Outcome::NONE;
        let partition = batch.partition;
        self.halves_done = self.halves_done.wrapping_sub(1);
        if let Some(queue) = self.partitions.get_mut(partition) {
            queue.halves = queue.halves.wrapping_sub(1);
        }
        self.seal(index, None);
        self.put_back(index);
    }

    /// A batch fails before its second half could go out: that shares its outcome.
    pub(super) fn absorb_rest(&mut self, index: u16) {
        let Some(batch) = self.batches.get_mut(index).filter(|batch| batch.rest_count > 0) else { return };
        batch.count = batch.count.wrapping_add(batch.rest_count);
        batch.rest_count = 0;
        // The bytes on their way must not become more; `rest_len` keeps the others for the report.
        if batch.phase == Phase::InFlight
            && let Some(queue) = self.partitions.get_mut(batch.partition)
        {
            queue.halves = queue.halves.wrapping_sub(1);
        }
    }

    /// A batch's bytes, as its report shows them.
    pub(super) fn reported_bytes(&self, index: u16) -> &[u8] {
        let batch = self.batches.get(index);
        let behind = if batch.rest_count == 0 { batch.rest_len } else { 0 };
        let len = batch.len.wrapping_add(behind) as usize;
        self.arena.get(self.slot_range(index)).and_then(|slot| slot.get(..len)).unwrap_or(&[])
    }
}
