//! A batch that is too large for its broker, in two halves: Java's `splitAndReenqueue`, in the batch's own slot.
//!
//! The first half is the front of the batch; the rest stays behind it, and nothing else of the partition goes out.
//! When the first half has its outcome and the application has taken it, the rest moves to the front of the slot and
//! is sent, from the batch's old place in its queue. So a split needs no memory, also when there is none.

use super::Accumulator;
use super::slot::{Attempts, BatchSlot, Outcome, Phase};
use crate::batch::{self, Stamp};
use crate::counters::{Counters, add};

/// What a batch that was split is more than the half that lies in front.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest {
    /// Records in front of it that were split off and have their outcome.
    before: u32,
    /// Bytes and records behind it that go out when it has its outcome: the second half.
    len: u32,
    count: u32,
}

impl Rest {
    pub(super) const NONE: Self = Self { before: 0, len: 0, count: 0 };

    pub(super) fn before(&self) -> u32 {
        self.before
    }

    pub(super) fn records(&self) -> u32 {
        self.count
    }

    pub(super) fn is_none(&self) -> bool {
        self.count == 0
    }

    /// What becomes of a batch that is on its way no longer and has an outcome: with a second half to come, it keeps its
    /// place until that of the first half is taken.
    pub(super) fn phase_of_ended(&self) -> Phase {
        if self.is_none() { Phase::Done } else { Phase::Cut }
    }
}

impl Accumulator<'_> {
    /// Cuts a batch on its way, which its broker refused as too large: its first half waits to be sent.
    /// `false` when that cannot help, or must not be: it has one record, its outcome is decided, or an earlier
    /// attempt may have put the whole of it into the log.
    pub(crate) fn split(&mut self, index: u16, counters: &mut Counters) -> bool {
        let batch = self.batches.get(index);
        if batch.count < 2 || batch.in_doubt || batch.phase != Phase::InFlight {
            return false;
        }
        let count = batch.count >> 1;
        let Some(len) = batch::prefix_len(self.bytes(index), count) else { return false };
        let Some(batch) = self.batches.get_mut(index) else { return false };
        batch.rest.len = batch.rest.len.wrapping_add(batch.len.wrapping_sub(len as u32));
        batch.rest.count = batch.rest.count.wrapping_add(batch.count.wrapping_sub(count));
        batch.len = len as u32;
        batch.count = count;
        batch.phase = Phase::Retry;
        // A split is no retry: it is not counted, and waits for nothing (Java).
        batch.outcome = Outcome::Undecided(Attempts { count: 0, ..batch.attempts() });
        self.seal(index, &Stamp::NONE);
        add(&mut counters.batch_splits, 1);
        true
    }

    /// Whether a second half waits for the application to take the first one's outcome.
    pub(crate) fn awaits_report(&self) -> bool {
        self.batches.iter().any(|batch| batch.phase == Phase::Cut)
    }

    /// Whether a batch has no outcome, or not for all of its records.
    pub(super) fn is_unfinished(batch: &BatchSlot) -> bool {
        batch.phase.is_undecided() || batch.phase == Phase::Cut
    }

    /// The outcome of a first half was taken: the second half waits to be sent.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn go_on(&mut self, index: u16) {
        let Some(batch) = self.batches.get_mut(index) else { return };
        let end = batch.len.wrapping_add(batch.rest.len) as usize;
        let bytes = self.arena.slot_mut(index, end).unwrap_or(&mut []);
        let len = batch::reframe(bytes, batch.len as usize, batch.count, batch.rest.count);
        batch.len = len as u32;
        let before = batch.rest.before.wrapping_add(batch.count);
        batch.count = batch.rest.count;
        batch.rest = Rest { before, ..Rest::NONE };
        batch.in_doubt = false;
        batch.outcome = Outcome::NONE;
        batch.phase = Phase::Retry;
        self.seal(index, &Stamp::NONE);
    }

    /// A batch fails before its second half could go out: that shares its outcome.
    pub(super) fn absorb_rest(&mut self, index: u16) {
        if let Some(batch) = self.batches.get_mut(index) {
            batch.count = batch.count.wrapping_add(batch.rest.count);
            // The bytes on their way must not become more; `rest.len` keeps the others for the report.
            batch.rest.count = 0;
        }
    }

    /// A batch's bytes, as its report shows them.
    pub(super) fn reported_bytes(&self, index: u16) -> &[u8] {
        let batch = self.batches.get(index);
        let behind = if batch.rest.is_none() { batch.rest.len } else { 0 };
        let len = batch.len.wrapping_add(behind) as usize;
        self.arena.slot(index, len)
    }
}
