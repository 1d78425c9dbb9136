use crate::random::Random;

/// Where keyless records of a topic go: to one partition until it has got a batch's worth, then to another
/// (KIP-480, KIP-794).
#[derive(Debug)]
pub(crate) struct Sticky {
    partition: u16,
    chosen: bool,
    bytes: u32,
}

impl Sticky {
    pub(crate) const fn new() -> Self {
        Self { partition: 0, chosen: false, bytes: 0 }
    }

    /// The partition for the next record, among `count`.
    pub(crate) fn partition(&mut self, count: u32, random: &mut Random) -> u32 {
        if self.chosen(count).is_none() {
            self.switch(count, random);
        }
        u32::from(self.partition)
    }

    /// The partition that was chosen last, if it is still among `count`.
    #[inline]
    pub(crate) fn chosen(&self, count: u32) -> Option<u32> {
        Some(u32::from(self.partition)).filter(|partition| self.chosen && *partition < count)
    }

    /// Tells of a record that went to the sticky partition.
    #[inline]
    pub(crate) fn appended(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u32);
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
        let current = u32::from(self.partition);
        let next = if self.chosen && count > 1 && current < count {
            let step = random.below(count.wrapping_sub(1)).wrapping_add(1);
            current.wrapping_add(step).checked_rem(count).unwrap_or(0)
        } else {
            random.below(count)
        };
        self.partition = next as u16;
        self.chosen = true;
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_until_it_is_switched_and_then_always_moves() {
        let mut random = Random::new(1);
        let mut sticky = Sticky::new();
        for _ in 0..100 {
            let before = sticky.partition(6, &mut random);
            sticky.appended(60);
            assert_eq!((sticky.partition(6, &mut random), sticky.bytes()), (before, 60));
            sticky.switch(6, &mut random);
            assert_ne!(sticky.partition(6, &mut random), before);
            assert_eq!(sticky.bytes(), 0);
        }
    }

    #[test]
    fn every_partition_is_used_and_a_single_one_works() {
        let mut random = Random::new(3);
        let mut sticky = Sticky::new();
        let mut seen = [0u32; 5];
        for _ in 0..500 {
            seen[sticky.partition(5, &mut random) as usize] += 1;
            sticky.switch(5, &mut random);
        }
        assert!(seen.iter().all(|n| *n > 50), "{seen:?}");
        let mut only = Sticky::new();
        for _ in 0..10 {
            assert_eq!(only.partition(1, &mut random), 0);
            only.switch(1, &mut random);
        }
    }

    #[test]
    fn a_topic_that_shrinks_is_followed() {
        let mut random = Random::new(3);
        let mut sticky = Sticky::new();
        for _ in 0..50 {
            sticky.partition(100, &mut random);
            sticky.switch(100, &mut random);
        }
        assert!(sticky.partition(2, &mut random) < 2);
    }
}
