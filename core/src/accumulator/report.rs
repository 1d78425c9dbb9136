use super::Accumulator;
use super::list::NONE;
use super::slot::{NOWHERE, Phase};
use crate::batch::StoredRecords;
use crate::delivery::{Delivery, TopicId};
use crate::time::Tick;

impl Accumulator<'_> {
    /// Whether an outcome waits to be taken.
    pub(crate) fn has_delivery(&self) -> bool {
        self.decided_early > 0 || self.done.first() != NONE
    }

    /// Takes the oldest outcome, and gives the batch's slot back unless it is still on its way, or was split: then
    /// its second half waits to be sent.
    pub(crate) fn next_delivery(&mut self) -> Option<Delivery> {
        let index = self.next_reportable();
        let delivery = self.delivery(index);
        if let Some(batch) = self.batches.get_mut(index) {
            if batch.phase == Phase::Done {
                self.batches.remove(&mut self.done, index);
                self.release(index);
            } else {
                self.decided_early = self.decided_early.wrapping_sub(1);
                if batch.phase == Phase::Expired {
                    batch.phase = Phase::Reported;
                } else {
                    self.go_on(index);
                }
            }
        }
        delivery
    }

    /// The outcome that [`next_delivery`](Self::next_delivery) would take, and the batch's records.
    pub(crate) fn peek_delivery(&self) -> Option<(Delivery, StoredRecords<'_>)> {
        let index = self.next_reportable();
        Some((self.delivery(index)?, StoredRecords::new(self.reported_bytes(index))))
    }

    /// A batch's outcome, if it has one.
    pub(super) fn delivery(&self, index: u16) -> Option<Delivery> {
        let batch = self.batches.get(index);
        let result = batch.outcome.result()?;
        let first = usize::from(batch.topic).wrapping_mul(self.partitions_per_topic);
        let partition = usize::from(batch.partition).wrapping_sub(first) as i32;
        Some(Delivery {
            batch: self.batches.id(index),
            topic: TopicId::new(batch.topic),
            partition: (batch.partition != NOWHERE).then_some(partition),
            first_index: batch.rest.before(),
            records: batch.count,
            is_last: batch.rest.is_none(),
            result,
        })
    }

    fn next_reportable(&self) -> u16 {
        if self.decided_early > 0 {
            return self.oldest(Phase::DECIDED_EARLY, Tick::NEVER).map_or(NONE, |(index, _)| index);
        }
        self.done.first()
    }
}
