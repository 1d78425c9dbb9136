//! Room for a record at the price of the oldest batch that was never sent.

use super::slot::{Outcome, Phase};
use super::{Accumulator, Sending};
use crate::config::Overflow;
use crate::counters::add;
use crate::delivery::{Delivery, DeliveryError};

/// The batch that was thrown away to make room, if any.
pub(crate) struct Dropped(Option<Delivery>);

impl Dropped {
    pub(crate) const NONE: Self = Self(None);

    pub(crate) fn delivery(self) -> Option<Delivery> {
        self.0
    }
}

impl Accumulator<'_> {
    /// Takes the oldest batch that was never sent out of its queue, if there is one and the overflow policy wants it, and
    /// returns its slot.
    pub(super) fn drop_oldest(&mut self, with: &mut Sending<'_>) -> Option<u16> {
        if self.policy.overflow != Overflow::DropOldest {
            return None;
        }
        let mut oldest: Option<u16> = None;
        for index in 0..self.batches.len() {
            let batch = self.batches.get(index);
            let never_sent = matches!(batch.phase, Phase::Open | Phase::Queued) && !batch.sealed;
            let older = oldest
                .map(|oldest| self.batches.get(oldest))
                .is_none_or(|oldest| (batch.generation.wrapping_sub(oldest.generation) as i32) < 0);
            if never_sent && older {
                oldest = Some(index);
            }
        }
        let index = oldest?;
        self.dequeue(index);
        self.decide(index, Outcome::Failed(DeliveryError::Dropped), with.counters);
        let delivery = self.delivery(index)?;
        add(&mut with.counters.records_dropped, delivery.records as usize);
        *with.dropped = Dropped(Some(delivery));
        Some(index)
    }
}
