use super::Accumulator;
use super::slot::{Phase, Target};
use crate::batch::StoredRecords;
use crate::delivery::{Delivery, TopicId};

impl Accumulator<'_> {
    /// Whether an outcome waits to be taken.
    pub(crate) fn has_delivery(&self) -> bool {
        self.expired_in_flight > 0 || self.done.first().is_some()
    }

    /// Takes the oldest outcome, and gives the batch's slot back unless it is still on its way, or was split: then
    /// its second half goes back into the queue.
    pub(crate) fn next_delivery(&mut self) -> Option<Delivery> {
        let index = self.next_reportable()?;
        let delivery = self.delivery(index)?;
        let batch = self.batches.get_mut(index)?;
        if batch.phase == Phase::InFlight {
            batch.reported = true;
            self.expired_in_flight = self.expired_in_flight.wrapping_sub(1);
        } else {
            self.batches.pop_front(&mut self.done);
            if !self.go_on(index) {
                self.release(index);
            }
        }
        Some(delivery)
    }

    /// The outcome that [`next_delivery`](Self::next_delivery) would take, and the batch's records.
    pub(crate) fn peek_delivery(&self) -> Option<(Delivery, StoredRecords<'_>)> {
        let index = self.next_reportable()?;
        Some((self.delivery(index)?, StoredRecords::new(self.reported_bytes(index))))
    }

    /// A batch's outcome, if it has one.
    pub(super) fn delivery(&self, index: u16) -> Option<Delivery> {
        let batch = self.batches.get(index);
        let result = batch.outcome.result()?;
        let partition = (batch.target == Target::Known).then(|| self.partition_at(batch.partition).1);
        Some(Delivery {
            batch: self.batches.id(index),
            topic: TopicId::new(batch.topic),
            partition,
            first_index: batch.rest.before(),
            records: batch.count,
            is_last: batch.rest.is_none(),
            result,
        })
    }

    fn next_reportable(&self) -> Option<u16> {
        if self.expired_in_flight > 0 {
            let expired = |index: &u16| {
                let batch = self.batches.get(*index);
                batch.phase == Phase::InFlight && batch.outcome.is_decided() && !batch.reported
            };
            return (0..self.batches.len()).find(expired);
        }
        self.done.first()
    }
}
