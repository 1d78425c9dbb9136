use super::Accumulator;
use super::list::List;
use super::slot::{BatchSlot, Outcome, Phase};
use crate::batch::Stamp;
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
    /// Fails every batch whose delivery timeout is over. One on its way is reported now, and keeps its slot until
    /// its response or its disconnect. `topic_error` tells what metadata says of a topic, as the cause for batches
    /// that were never sent.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn expire(
        &mut self,
        now: Tick,
        topic_error: impl Fn(u16) -> ErrorCode,
        counters: &mut Counters,
    ) {
        for topic in 0..self.topics.len() {
            while let Some(index) =
                self.topics.get(topic).and_then(|topic| self.expired_first(now, &topic.pending))
            {
                self.time_out(index, topic_error(topic as u16), counters);
            }
        }
        for partition in 0..self.partitions() {
            while let Some(index) = self.expired_first(now, &self.partitions.get(partition).queue) {
                self.time_out(index, topic_error(self.partition_at(partition).0.index() as u16), counters);
            }
            let mut in_flight = self.partitions.get(partition).in_flight.first();
            while let Some(index) = in_flight {
                in_flight = self.batches.next(index);
                if self.is_expired(now, index) {
                    let cause = self.last_error(index);
                    self.decide_in_flight(
                        index,
                        DeliveryError::Timeout { maybe_written: true, cause },
                        counters,
                    );
                }
            }
        }
    }

    /// When the next batch's delivery timeout ends.
    pub(crate) fn next_expiry(&self) -> Tick {
        let undecided = |batch: &&BatchSlot| batch.is_unfinished() && !batch.outcome.is_decided();
        let undecided = self.batches.iter().filter(undecided);
        undecided.fold(Tick::NEVER, |soonest, batch| soonest.min(self.expires_at(batch)))
    }

    /// Fails all that has no outcome, for this reason.
    pub(crate) fn abort(&mut self, reason: Abort, counters: &mut Counters) {
        for index in 0..self.batches.len() {
            let batch = self.batches.get(index);
            let error = match reason {
                Abort::Closed => DeliveryError::Closed { maybe_written: batch.maybe_written() },
                Abort::Fatal(code) | Abort::Waiting(code) => DeliveryError::Failed(code),
            };
            match batch.phase {
                // A second half goes on when the first was reported, and is met here again.
                Phase::Free | Phase::Done => {}
                Phase::InFlight => match reason {
                    Abort::Waiting(_) => {}
                    Abort::Closed | Abort::Fatal(_) => self.decide_in_flight(index, error, counters),
                },
                Phase::Open | Phase::Queued => {
                    self.give_up(index, error, counters);
                }
            }
        }
    }

    /// Gives the first of a partition's queue up.
    pub(crate) fn fail_first(&mut self, partition: u16, error: DeliveryError, counters: &mut Counters) {
        let first = self.partitions.get(partition).queue.first();
        if let Some(index) = first {
            self.give_up(index, error, counters);
        }
    }

    /// The stamp of the first of a partition's queue, if it has one.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn first_stamp(&self, partition: u16) -> Option<Stamp> {
        self.stamp_of(self.partitions.get(partition).queue.first()?)
    }

    fn expired_first(&self, now: Tick, queue: &List) -> Option<u16> {
        queue.first().filter(|first| self.is_expired(now, *first))
    }

    fn time_out(&mut self, index: u16, topic_error: ErrorCode, counters: &mut Counters) {
        let batch = self.batches.get(index);
        let maybe_written = batch.maybe_written();
        let attempts = batch.attempts();
        let cause = if attempts.count > 0 { attempts.last_error } else { topic_error };
        self.give_up(index, DeliveryError::Timeout { maybe_written, cause }, counters);
    }

    /// Fails a batch that waits in a queue.
    #[inline(never)]
    fn give_up(&mut self, index: u16, error: DeliveryError, counters: &mut Counters) {
        self.dequeue(index);
        self.absorb_rest(index);
        self.finish(index, Outcome::Failed(error), counters);
    }

    fn decide_in_flight(&mut self, index: u16, error: DeliveryError, counters: &mut Counters) {
        if !self.batches.get(index).outcome.is_decided() {
            self.absorb_rest(index);
            self.decide(index, Outcome::Failed(error), counters);
            self.expired_in_flight = self.expired_in_flight.wrapping_add(1);
        }
    }
}
