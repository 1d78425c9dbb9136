/// The sequence numbers of one partition. Lent to the producer through [`Storage`](crate::Storage).
#[derive(Clone, Copy, Debug)]
pub struct SequenceSlot {
    /// The identity under which the partition's batches are numbered; 0: none yet.
    pub(super) identity: u16,
    /// The number of the next batch.
    pub(super) next: i32,
    /// What follows the last acknowledged record.
    pub(super) after_acknowledged: i32,
    /// The broker has refused the number that it should have waited for.
    pub(super) distrusted: bool,
}

impl SequenceSlot {
    /// Nothing was acknowledged under the identity. 0, because lent memory must be all zero; after 2^31 records it
    /// is met once more, and one batch goes alone.
    pub(super) const NOTHING_ACKNOWLEDGED: i32 = 0;

    /// A slot that was never used.
    #[must_use]
    pub const fn new() -> Self {
        Self { identity: 0, next: 0, after_acknowledged: Self::NOTHING_ACKNOWLEDGED, distrusted: false }
    }
}

impl Default for SequenceSlot {
    fn default() -> Self {
        Self::new()
    }
}

/// One slot for each partition, by its place.
pub(super) struct Sequences<'a>(pub(super) &'a mut [SequenceSlot]);

impl Sequences<'_> {
    pub(super) fn get(&self, partition: u16) -> Option<&SequenceSlot> {
        self.0.get(usize::from(partition))
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn get_mut(&mut self, partition: u16) -> Option<&mut SequenceSlot> {
        self.0.get_mut(usize::from(partition))
    }
}

/// Whether `a` comes before `b` on the circle of 2^31 sequences, on which a partition's outstanding batches lie near
/// each other.
pub(super) fn is_before(a: i32, b: i32) -> bool {
    let ahead = b.wrapping_sub(a) & i32::MAX;
    ahead != 0 && ahead < 1 << 30
}
