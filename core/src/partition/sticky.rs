use crate::random::Random;

/// Where keyless records of a topic go: to one partition until a batch's worth of bytes is there, then to another
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
        if !self.chosen || u32::from(self.partition) >= count {
            self.switch(count, random);
        }
        u32::from(self.partition)
    }

    /// Tells of a record that went to the sticky partition. `at_boundary`: its batch takes no more records, so a
    /// switch tears no batch. Without a boundary the switch comes at twice the size (Java's
    /// `updatePartitionInfo`).
    pub(crate) fn appended(
        &mut self,
        bytes: u32,
        at_boundary: bool,
        batch_bytes: u32,
        count: u32,
        random: &mut Random,
    ) {
        self.bytes = self.bytes.saturating_add(bytes);
        let enough = self.bytes >= batch_bytes && at_boundary;
        if enough || self.bytes >= batch_bytes.saturating_mul(2) {
            self.switch(count, random);
        }
    }

    /// Another partition than the present one, if there is one.
    fn switch(&mut self, count: u32, random: &mut Random) {
        let current = u32::from(self.partition);
        let next = if self.chosen && count > 1 && current < count {
            let step = random.below(count.saturating_sub(1)).saturating_add(1);
            current.saturating_add(step).checked_rem(count).unwrap_or(0)
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
    fn stays_until_a_batch_is_full_and_then_always_moves() {
        let mut random = Random::new(1);
        let mut sticky = Sticky::new();
        let first = sticky.partition(6, &mut random);
        sticky.appended(60, true, 100, 6, &mut random);
        assert_eq!(sticky.partition(6, &mut random), first);
        sticky.appended(60, false, 100, 6, &mut random);
        assert_eq!(sticky.partition(6, &mut random), first, "no switch inside a batch");
        sticky.appended(1, true, 100, 6, &mut random);
        assert_ne!(sticky.partition(6, &mut random), first);
    }

    #[test]
    fn twice_the_size_switches_even_inside_a_batch() {
        let mut random = Random::new(1);
        let mut sticky = Sticky::new();
        let first = sticky.partition(2, &mut random);
        sticky.appended(200, false, 100, 2, &mut random);
        assert_ne!(sticky.partition(2, &mut random), first);
    }

    #[test]
    fn every_partition_is_used_and_a_single_one_works() {
        let mut random = Random::new(3);
        let mut sticky = Sticky::new();
        let mut seen = [0u32; 5];
        for _ in 0..500 {
            seen[sticky.partition(5, &mut random) as usize] += 1;
            sticky.appended(100, true, 100, 5, &mut random);
        }
        assert!(seen.iter().all(|n| *n > 50), "{seen:?}");
        let mut only = Sticky::new();
        for _ in 0..10 {
            assert_eq!(only.partition(1, &mut random), 0);
            only.appended(100, true, 100, 1, &mut random);
        }
    }

    #[test]
    fn a_topic_that_shrinks_is_followed() {
        let mut random = Random::new(3);
        let mut sticky = Sticky::new();
        for _ in 0..50 {
            sticky.partition(100, &mut random);
            sticky.appended(100, true, 100, 100, &mut random);
        }
        assert!(sticky.partition(2, &mut random) < 2);
    }
}
