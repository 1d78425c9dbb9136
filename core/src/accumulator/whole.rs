//! Without the feature `split`, in place of `split.rs`: a batch goes out whole, or fails.

use super::Accumulator;
use super::slot::{BatchSlot, Phase};
use crate::counters::Counters;

/// Nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest;

impl Rest {
    pub(super) const NONE: Self = Self;

    pub(super) fn before(&self) -> u32 {
        0
    }

    pub(super) fn records(&self) -> u32 {
        0
    }

    pub(super) fn is_none(&self) -> bool {
        true
    }

    pub(super) fn phase_of_ended(&self) -> Phase {
        Phase::Done
    }
}

impl Accumulator<'_> {
    pub(crate) fn split(&mut self, _: u16, _: &mut Counters) -> bool {
        false
    }

    pub(crate) fn awaits_report(&self) -> bool {
        false
    }

    pub(super) fn is_unfinished(batch: &BatchSlot) -> bool {
        batch.phase.is_undecided()
    }

    pub(super) fn go_on(&mut self, _: u16) {}

    pub(super) fn absorb_rest(&mut self, _: u16) {}

    pub(super) fn reported_bytes(&self, index: u16) -> &[u8] {
        self.bytes(index)
    }
}
