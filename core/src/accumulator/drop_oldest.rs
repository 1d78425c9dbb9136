//! Room for a record at the price of the oldest batch that was never sent.

use super::slot::Phase;
use super::{Accumulator, Sending};
use crate::config::Overflow;
use crate::counters::add;
use crate::delivery::{Delivery, DeliveryError};
use crate::time::Tick;

/// The batch that was thrown away to make room, if any.
pub(crate) struct Dropped(Option<Delivery>);

impl Dropped {
    pub(crate) const NONE: Self = Self(None);

    pub(crate) fn delivery(self) -> Option<Delivery> {
        self.0
    }
}

impl Accumulator<'_> {
    /// Gives the slot of the oldest batch that was never sent back, if there is one and the overflow policy wants it.
    pub(super) fn drop_oldest(&mut self, with: &mut Sending<'_>) {
        if self.policy.overflow != Overflow::DropOldest {
            return;
        }
        let Some((index, _)) = self.oldest(Phase::NEVER_SENT, Tick::NEVER) else { return };
        self.fail(index, DeliveryError::Dropped, with.counters);
        add(&mut with.counters.records_dropped, self.records(index) as usize);
        *with.dropped = Dropped(self.delivery(index));
        self.batches.remove(&mut self.done, index);
        self.release(index);
    }
}
