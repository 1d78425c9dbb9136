use super::Accumulator;
use super::list::List;
use super::slot::{Attempts, Batches, NOWHERE, Outcome, Phase};
use crate::code::ErrorCode;
use crate::counters::{Counters, add};
use crate::delivery::DeliveryError;
use crate::time::Tick;

impl<'a> Accumulator<'a> {
    /// A batch is on its way no longer, and has its outcome. If that was decided before, this only gives the slot back.
    pub(crate) fn complete(&mut self, index: u16, outcome: Outcome, counters: &mut Counters) {
        self.end(index, outcome, true, counters);
    }

    /// Fails a batch that has no outcome. One on its way keeps its place.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn fail(&mut self, index: u16, error: DeliveryError, counters: &mut Counters) {
        self.absorb_rest(index);
        self.end(index, Outcome::Failed(error), false, counters);
    }

    /// A batch has this outcome, if it had none; if it was on its way, its request `has_ended` or goes on.
    #[cfg_attr(target_os = "none", inline(never))]
    fn end(&mut self, index: u16, outcome: Outcome, has_ended: bool, counters: &mut Counters) {
        let Some(batch) = self.batches.get_mut(index) else { return };
        let phase = core::mem::replace(&mut batch.phase, Phase::Done);
        if phase.is_undecided() {
            batch.outcome = outcome;
            let failed = matches!(outcome, Outcome::Failed(_));
            let counter = if failed { &mut counters.records_failed } else { &mut counters.records_delivered };
            add(counter, batch.count as usize);
            if failed
                && batch.stamped
                && let Some(queue) = self.partitions.get_mut(batch.partition)
            {
                queue.gap = true;
            }
            let keeps_place = phase == Phase::InFlight && !has_ended;
            batch.phase = if keeps_place { Phase::Expired } else { batch.rest.phase_of_ended() };
            // A batch that was split ends with its last half.
            self.unfinished = self.unfinished.wrapping_sub(u16::from(batch.rest.is_none()));
            if batch.phase != Phase::Done {
                self.decided_early = self.decided_early.wrapping_add(1);
                return;
            }
        }
        self.dequeue(index);
        if phase == Phase::Reported {
            return self.release(index);
        }
        self.decided_early = self.decided_early.wrapping_sub(u16::from(phase == Phase::Expired));
        self.batches.push_back(&mut self.done, index);
    }

    /// An attempt with a batch has ended with this error, which another may mend: it waits again, in front of all younger
    /// ones, until the instant that `retry_at` tells for so many attempts before. It fails when its time is over or it has
    /// had so many `retries`. If its outcome was decided meanwhile, this only gives the slot back.
    pub(crate) fn retry_or_fail(
        &mut self,
        index: u16,
        error: ErrorCode,
        now: Tick,
        retries: u32,
        retry_at: impl FnOnce(u32) -> Tick,
        counters: &mut Counters,
    ) {
        let Some(batch) = self.batches.get_mut(index) else { return };
        batch.in_doubt |= !error.rules_out_write();
        let attempts = batch.attempts().count;
        let failure = if batch.created.after_ms(self.policy.delivery_timeout_ms) <= now {
            DeliveryError::Timeout { maybe_written: batch.in_doubt, cause: error }
        } else if attempts >= retries || !batch.phase.is_undecided() {
            DeliveryError::Failed(error)
        } else {
            let (count, retry_at) = (attempts.wrapping_add(1), retry_at(attempts));
            batch.outcome = Outcome::Undecided(Attempts { count, last_error: error, retry_at });
            // What an earlier attempt has left in doubt, only a refusal of its number proves.
            batch.in_doubt &= error != ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;
            batch.phase = Phase::Retry;
            return add(&mut counters.batch_retries, 1);
        };
        self.complete(index, Outcome::Failed(failure), counters);
    }

    /// Whether an attempt may have put a batch into the log.
    pub(crate) fn is_in_doubt(&self, index: u16) -> bool {
        self.batches.get(index).in_doubt
    }

    /// The number of a batch's records.
    pub(crate) fn records(&self, index: u16) -> u32 {
        self.batches.get(index).count
    }

    /// The queue for batches of this topic and the partition at this place: the topic's, when that is not known.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn queue_mut(&mut self, topic: u16, partition: u16) -> Option<(&mut Batches<'a>, &mut List)> {
        let queue = match self.partitions.get_mut(partition) {
            Some(partition) => &mut partition.queue,
            None => &mut self.topics.get_mut(usize::from(topic))?.pending,
        };
        Some((&mut self.batches, queue))
    }

    /// Puts a batch behind all others of its queue.
    pub(super) fn enqueue(&mut self, index: u16) {
        let batch = self.batches.get(index);
        let (topic, partition) = (batch.topic, batch.partition);
        if partition != NOWHERE {
            self.partitions_used = self.partitions_used.max(partition.wrapping_add(1));
        }
        if let Some((batches, queue)) = self.queue_mut(topic, partition) {
            batches.push_back(queue, index);
        }
    }

    /// Takes a batch out of its queue.
    pub(super) fn dequeue(&mut self, index: u16) {
        let batch = self.batches.get(index);
        let (topic, partition) = (batch.topic, batch.partition);
        if let Some((batches, queue)) = self.queue_mut(topic, partition) {
            batches.remove(queue, index);
        }
    }

    /// Gives a slot that is in no list back: it is the next to be used, so that memory that is not needed is never
    /// touched. Its topic's next record does not take it for the batch of the one before.
    pub(super) fn release(&mut self, index: u16) {
        let Some(batch) = self.batches.get_mut(index) else { return };
        batch.free(index, &mut self.free);
        if let Some(topic) = self.topics.get_mut(usize::from(batch.topic))
            && topic.sticky.batch() == usize::from(index)
        {
            topic.sticky.forget_batch();
        }
    }
}
