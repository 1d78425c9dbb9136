//! Without the feature `drop-oldest`, in place of `drop_oldest.rs`: a record that finds no room is refused.

use super::{Accumulator, Sending};
use crate::delivery::Delivery;

/// Nothing.
pub(crate) struct Dropped;

impl Dropped {
    pub(crate) const NONE: Self = Self;

    pub(crate) fn delivery(self) -> Option<Delivery> {
        None
    }
}

impl Accumulator<'_> {
    pub(super) fn drop_oldest(&mut self, with: &mut Sending<'_>) {
        *with.dropped = Dropped;
    }
}
