use super::Accumulator;
use super::slot::{Attempts, Outcome, Phase, Target};
use crate::code::ErrorCode;
use crate::counters::{Counters, add};
use crate::time::Tick;

impl Accumulator<'_> {
    /// A batch on its way has its outcome. If it was decided before, this only gives the slot back.
    pub(crate) fn complete(&mut self, index: u16, outcome: Outcome, counters: &mut Counters) {
        self.leave_flight(index);
        if self.settle_decided(index) {
            return;
        }
        self.finish(index, outcome, counters);
    }

    /// A batch on its way failed in a way that another attempt may mend: back in its queue, before all younger
    /// ones. If its outcome was decided meanwhile, this only gives the slot back.
    pub(crate) fn reenqueue(
        &mut self,
        index: u16,
        error: ErrorCode,
        retry_at: Tick,
        counters: &mut Counters,
    ) {
        self.leave_flight(index);
        if self.settle_decided(index) {
            return;
        }
        let Some(batch) = self.batches.get_mut(index) else { return };
        let count = batch.attempts().count.wrapping_add(1);
        batch.outcome = Outcome::Undecided(Attempts { count, last_error: error, retry_at });
        // What an earlier attempt has left in doubt, only a refusal of its number proves.
        batch.in_doubt = match error {
            ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER => false,
            other => batch.in_doubt || !other.rules_out_write(),
        };
        add(&mut counters.batch_retries, 1);
        self.put_back(index);
    }

    /// Puts a batch into its partition's queue, before all younger ones.
    pub(super) fn put_back(&mut self, index: u16) {
        let Some(batch) = self.batches.get_mut(index) else { return };
        batch.phase = Phase::Queued;
        if let Some(queue) = self.partitions.get_mut(batch.partition) {
            self.batches.insert_by_age(&mut queue.queue, index);
        }
    }

    /// How often a batch was sent again.
    pub(crate) fn attempts(&self, index: u16) -> u32 {
        self.batches.get(index).attempts().count
    }

    /// Whether a batch's time is over, so that it must not be tried again.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn is_expired(&self, now: Tick, index: u16) -> bool {
        self.expires_at(self.batches.get(index)) <= now
    }

    /// Whether a batch that was answered with this error may be in the log.
    pub(crate) fn maybe_written_after(&self, index: u16, error: ErrorCode) -> bool {
        self.is_in_doubt(index) || !error.rules_out_write()
    }

    /// Whether an earlier attempt may have put a batch into the log.
    pub(crate) fn is_in_doubt(&self, index: u16) -> bool {
        self.batches.get(index).in_doubt
    }

    /// The number of a batch's records.
    pub(crate) fn records(&self, index: u16) -> u32 {
        self.batches.get(index).count
    }

    /// The error that a batch's last attempt ended with.
    pub(crate) fn last_error(&self, index: u16) -> ErrorCode {
        self.batches.get(index).attempts().last_error
    }

    pub(super) fn leave_flight(&mut self, index: u16) {
        let batch = self.batches.get(index);
        let (partition, is_whole) = (batch.partition, batch.rest.is_none());
        if let Some(queue) = self.partitions.get_mut(partition) {
            self.batches.remove(&mut queue.in_flight, index);
            queue.muted = false;
            if !is_whole {
                queue.halves.remove();
            }
        }
    }

    /// Gives the slot of a batch back whose outcome was decided while it was on its way. Says whether it was.
    fn settle_decided(&mut self, index: u16) -> bool {
        let Some(batch) = self.batches.get_mut(index) else { return true };
        if !batch.outcome.is_decided() {
            return false;
        }
        if batch.reported {
            self.release(index);
        } else {
            batch.phase = Phase::Done;
            self.expired_in_flight = self.expired_in_flight.wrapping_sub(1);
            self.batches.push_back(&mut self.done, index);
        }
        true
    }

    /// A batch that is in no list has its outcome.
    pub(super) fn finish(&mut self, index: u16, outcome: Outcome, counters: &mut Counters) {
        self.decide(index, outcome, counters);
        if let Some(batch) = self.batches.get_mut(index) {
            batch.phase = Phase::Done;
            if !batch.rest.is_none()
                && let Some(queue) = self.partitions.get_mut(batch.partition)
            {
                queue.halves.add();
            }
        }
        self.batches.push_back(&mut self.done, index);
    }

    /// Writes a batch's outcome down and counts its records.
    pub(super) fn decide(&mut self, index: u16, outcome: Outcome, counters: &mut Counters) {
        let Some(batch) = self.batches.get_mut(index) else { return };
        batch.outcome = outcome;
        // A batch that was split ends with its last half.
        self.unfinished = self.unfinished.wrapping_sub(u16::from(batch.rest.is_none()));
        let failed = matches!(outcome, Outcome::Failed(_));
        let counter = if failed { &mut counters.records_failed } else { &mut counters.records_delivered };
        add(counter, batch.count as usize);
        if failed && batch.stamped {
            let partition = batch.partition;
            self.mark_gap(partition);
        }
    }

    /// Takes a batch that was never drained, or waits for its next attempt, out of its queue.
    pub(super) fn dequeue(&mut self, index: u16) {
        let batch = self.batches.get(index);
        let (topic, partition) = (usize::from(batch.topic), batch.partition);
        match batch.target {
            Target::Explicit(_) | Target::KeyHash(_) | Target::Sticky => {
                if let Some(topic) = self.topics.get_mut(topic) {
                    self.batches.remove(&mut topic.pending, index);
                }
            }
            Target::Known => {
                if let Some(partition) = self.partitions.get_mut(partition) {
                    self.batches.remove(&mut partition.queue, index);
                }
            }
        }
    }

    /// Gives a slot back: it is the next to be used, so that memory that is not needed is never touched.
    pub(super) fn release(&mut self, index: u16) {
        self.recycle(index);
        self.batches.push_front(&mut self.free, index);
    }

    /// Makes a slot as it was at first; its topic's next record does not take it for the batch of the one before.
    pub(super) fn recycle(&mut self, index: u16) {
        let topic = self.batches.get(index).topic;
        if let Some(topic) = self.topics.get_mut(usize::from(topic))
            && topic.sticky.batch() == usize::from(index)
        {
            topic.sticky.forget_batch();
        }
        self.batches.reset(index);
    }
}
