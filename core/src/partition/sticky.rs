use crate::random::Random;

/// Where keyless records of a topic go: to one partition until it has got a batch's worth, then to another
/// (KIP-480, KIP-794).
#[derive(Debug)]
pub(crate) struct Sticky {
    /// The partition's number and 1; 0 when none was chosen, for lent memory must be all zero.
    partition_plus_1: u16,
    /// The slot of the batch that the last record went to, and 1.
    batch_plus_1: u16,
    /// What the partition has got since it was chosen, or [`LEFT`].
    bytes: u32,
}

/// More than any partition gets.
const LEFT: u32 = u32::MAX;

impl Sticky {
    pub(crate) const fn new() -> Self {
        Self { partition_plus_1: 0, batch_plus_1: 0, bytes: 0 }
    }

    /// Whether a partition was chosen, is not to be left, and there are still so many.
    pub(crate) fn is_among(&self, count: u32) -> bool {
        self.bytes != LEFT && u32::from(self.chosen()) < count
    }

    /// The partition is to be left for another one.
    pub(crate) fn leave(&mut self) {
        self.bytes = LEFT;
        self.forget_batch();
    }

    /// The partition behind the present one.
    pub(crate) fn advance(&mut self, count: u32) {
        let behind = u32::from(self.partition_plus_1);
        self.partition_plus_1 = if behind < count { behind.wrapping_add(1) as u16 } else { 1 };
    }

    /// The partition that was chosen last; the greatest number when none was.
    #[inline]
    pub(crate) fn chosen(&self) -> u16 {
        self.partition_plus_1.wrapping_sub(1)
    }

    /// The slot of the batch that the last record went to, the greatest number when there is none. Whether it is still
    /// that partition's batch is for the caller to see.
    #[inline]
    pub(crate) fn batch(&self) -> usize {
        usize::from(self.batch_plus_1).wrapping_sub(1)
    }

    /// Tells of a record that went to the sticky partition.
    #[inline]
    pub(crate) fn appended(&mut self, bytes: usize) {
        // A batch's worth at most, and one record.
        self.bytes = self.bytes.wrapping_add(bytes as u32);
    }

    /// The last record went to the batch of this slot.
    pub(crate) fn set_batch(&mut self, batch: u16) {
        self.batch_plus_1 = batch.wrapping_add(1);
    }

    /// The batch that the last record went to may be no longer the last of its partition.
    pub(crate) fn forget_batch(&mut self) {
        self.batch_plus_1 = 0;
    }

    /// What the sticky partition has got since it was chosen.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes as usize
    }

    /// Another partition than the present one, if there is one.
    // Once per batch: inlined, it would cost every record registers.
    #[cold]
    #[inline(never)]
    pub(crate) fn switch(&mut self, count: u32, random: &mut Random) {
        let current = u32::from(self.chosen());
        let next = if count > 1 && current < count {
            let step = random.below(count.wrapping_sub(1)).wrapping_add(1);
            current.wrapping_add(step).checked_rem(count).unwrap_or(0)
        } else {
            random.below(count)
        };
        *self = Self { partition_plus_1: (next as u16).wrapping_add(1), ..Self::new() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(sticky: &mut Sticky, count: u32, random: &mut Random) -> u32 {
        if !sticky.is_among(count) {
            sticky.switch(count, random);
        }
        u32::from(sticky.chosen())
    }

    #[test]
    fn stays_until_it_is_switched_and_then_always_moves() {
        let mut random = Random::new(1);
        let mut sticky = Sticky::new();
        for _ in 0..100 {
            let before = partition(&mut sticky, 6, &mut random);
            sticky.appended(60);
            sticky.set_batch(3);
            assert_eq!(
                (partition(&mut sticky, 6, &mut random), sticky.bytes(), sticky.batch()),
                (before, 60, 3)
            );
            sticky.switch(6, &mut random);
            assert_ne!(partition(&mut sticky, 6, &mut random), before);
            assert_eq!((sticky.bytes(), sticky.batch()), (0, usize::MAX));
        }
    }

    #[test]
    fn every_partition_is_used_and_a_single_one_works() {
        let mut random = Random::new(3);
        let mut sticky = Sticky::new();
        let mut seen = [0u32; 5];
        for _ in 0..500 {
            seen[partition(&mut sticky, 5, &mut random) as usize] += 1;
            sticky.switch(5, &mut random);
        }
        assert!(seen.iter().all(|n| *n > 50), "{seen:?}");
        let mut only = Sticky::new();
        for _ in 0..10 {
            assert_eq!(partition(&mut only, 1, &mut random), 0);
            only.switch(1, &mut random);
        }
    }

    #[test]
    fn a_topic_that_shrinks_is_followed() {
        let mut random = Random::new(3);
        let mut sticky = Sticky::new();
        for _ in 0..50 {
            partition(&mut sticky, 100, &mut random);
            sticky.switch(100, &mut random);
        }
        assert!(partition(&mut sticky, 2, &mut random) < 2);
    }

    #[test]
    fn going_on_by_one_it_comes_round() {
        let mut sticky = Sticky::new();
        sticky.switch(3, &mut Random::new(1));
        let start = sticky.chosen();
        let seen = [(); 3].map(|()| {
            sticky.advance(3);
            sticky.chosen()
        });
        assert_eq!(seen, [(start + 1) % 3, (start + 2) % 3, start]);
    }
}
