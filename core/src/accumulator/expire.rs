use super::Accumulator;
use super::slot::{BatchSlot, Phase};
use crate::code::ErrorCode;
use crate::counters::Counters;
use crate::delivery::DeliveryError;
use crate::time::Tick;

/// Why batches are given up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Abort {
    /// The deadline of `close` has passed.
    Closed,
    /// The producer cannot go on.
    Fatal(ErrorCode),
    /// No identity is to be had: those that are not on their way.
    Waiting(ErrorCode),
}

impl Accumulator<'_> {
    /// Fails every batch whose delivery timeout is over, oldest first. One on its way is reported now, and keeps its slot
    /// until its response or its disconnect. `topic_error` tells what metadata says of a topic, as the cause for batches
    /// that were never sent.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn expire(
        &mut self,
        now: Tick,
        topic_error: impl Fn(u16) -> ErrorCode,
        counters: &mut Counters,
    ) {
        while let Some((index, batch)) = self.oldest(Phase::UNDECIDED, now) {
            let attempts = batch.attempts();
            let was_sent = attempts.count > 0 || batch.phase == Phase::InFlight;
            let cause = if was_sent { attempts.last_error } else { topic_error(batch.topic) };
            let maybe_written = batch.maybe_written();
            self.fail(index, DeliveryError::Timeout { maybe_written, cause }, counters);
        }
    }

    /// When the next batch's delivery timeout ends.
    pub(crate) fn next_expiry(&self) -> Tick {
        let undecided = self.batches.iter().filter(|batch| batch.phase.is_undecided());
        undecided.fold(Tick::NEVER, |soonest, batch| soonest.min(self.expires_at(batch)))
    }

    /// Fails all that has no outcome, for this reason, oldest first.
    pub(crate) fn abort(&mut self, reason: Abort, counters: &mut Counters) {
        let phases = match reason {
            Abort::Waiting(_) => Phase::WAITING,
            // A second half goes on when the first was reported, and is met here again.
            Abort::Closed | Abort::Fatal(_) => Phase::UNDECIDED,
        };
        while let Some((index, batch)) = self.oldest(phases, Tick::NEVER) {
            let error = match reason {
                Abort::Closed => DeliveryError::Closed { maybe_written: batch.maybe_written() },
                Abort::Fatal(code) | Abort::Waiting(code) => DeliveryError::Failed(code),
            };
            self.fail(index, error, counters);
        }
    }

    /// Gives the first of a partition's queue up.
    pub(crate) fn fail_first(&mut self, partition: u16, error: DeliveryError, counters: &mut Counters) {
        self.fail(self.partitions.get(partition).queue.first(), error, counters);
    }

    /// The oldest batch in one of these phases whose delivery timeout is over at this time.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn oldest(&self, phases: [Phase; 2], by: Tick) -> Option<(u16, &BatchSlot)> {
        let (mut oldest, mut greatest_age) = (None, 0);
        for (index, batch) in self.batches.iter().enumerate() {
            let age = self.next_generation.wrapping_sub(batch.generation);
            if age > greatest_age && batch.phase.is_among(phases) && self.expires_at(batch) <= by {
                (oldest, greatest_age) = (Some((index as u16, batch)), age);
            }
        }
        oldest
    }
}
