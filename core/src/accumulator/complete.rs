use super::Accumulator;
use super::slot::{Outcome, Phase, Target};
use crate::code::ErrorCode;
use crate::counters::{Counters, add};
use crate::delivery::{Ack, DeliveryError};
use crate::time::Instant;

impl Accumulator<'_> {
    /// A batch on its way has its outcome. If it was decided before, this only gives the slot back.
    pub(crate) fn complete(
        &mut self,
        index: u16,
        outcome: Result<Ack, DeliveryError>,
        counters: &mut Counters,
    ) {
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
        retry_at: Instant,
        counters: &mut Counters,
    ) {
        self.leave_flight(index);
        if self.settle_decided(index) {
            return;
        }
        let Some(batch) = self.batches.get_mut(index) else { return };
        batch.phase = Phase::Queued;
        batch.attempts = batch.attempts.saturating_add(1);
        batch.last_error = error;
        batch.retry_at = retry_at;
        let partition = batch.partition;
        add(&mut counters.batch_retries, 1);
        if let Some(queue) = self.partitions.get_mut(usize::from(partition)) {
            self.batches.insert_by_age(&mut queue.queue, index);
        }
    }

    /// How often a batch was sent again.
    pub(crate) fn attempts(&self, index: u16) -> u32 {
        self.batches.get(index).map_or(0, |batch| batch.attempts)
    }

    /// Whether a batch's time is over, so that it must not be tried again.
    pub(crate) fn is_expired(&self, now: Instant, index: u16) -> bool {
        let created = self.batches.get(index).map(|batch| batch.created);
        created.and_then(|created| self.expires_at(created)).is_some_and(|at| at <= now)
    }

    /// The error that a batch's last attempt ended with.
    pub(crate) fn last_error(&self, index: u16) -> ErrorCode {
        self.batches.get(index).map_or(ErrorCode::NONE, |batch| batch.last_error)
    }

    fn leave_flight(&mut self, index: u16) {
        let Some(partition) = self.batches.get(index).map(|batch| batch.partition) else { return };
        if let Some(queue) = self.partitions.get_mut(usize::from(partition)) {
            self.batches.remove(&mut queue.in_flight, index);
            queue.muted = false;
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
            self.expired_in_flight = self.expired_in_flight.saturating_sub(1);
            self.batches.push_back(&mut self.done, index);
        }
        true
    }

    /// A batch that is in no list has its outcome.
    pub(super) fn finish(
        &mut self,
        index: u16,
        outcome: Result<Ack, DeliveryError>,
        counters: &mut Counters,
    ) {
        self.decide(index, outcome, counters);
        if let Some(batch) = self.batches.get_mut(index) {
            batch.phase = Phase::Done;
        }
        self.batches.push_back(&mut self.done, index);
    }

    /// Writes a batch's outcome down and counts its records.
    pub(super) fn decide(
        &mut self,
        index: u16,
        outcome: Result<Ack, DeliveryError>,
        counters: &mut Counters,
    ) {
        let Some(batch) = self.batches.get_mut(index) else { return };
        batch.outcome = match outcome {
            Ok(ack) => Outcome::Delivered(ack),
            Err(error) => Outcome::Failed(error),
        };
        self.unfinished = self.unfinished.saturating_sub(1);
        let counter = match outcome {
            Ok(_) => &mut counters.records_delivered,
            Err(_) => &mut counters.records_failed,
        };
        add(counter, u64::from(batch.count));
    }

    /// Takes a batch that was never drained, or waits for its next attempt, out of its queue.
    pub(super) fn dequeue(&mut self, index: u16) {
        let Some(batch) = self.batches.get(index) else { return };
        let (topic, partition) = (usize::from(batch.topic), usize::from(batch.partition));
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

    /// Gives a slot back.
    pub(super) fn release(&mut self, index: u16) {
        self.batches.reset(index);
        self.batches.push_back(&mut self.free, index);
    }
}
