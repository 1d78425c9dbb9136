//! A small pseudo-random generator for jitter and for the first choice among equals; never for secrets.

/// xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// Seeds that are near each other, as those of devices of one series are, give unrelated sequences
    /// (splitmix64, Steele et al. 2014).
    pub(crate) const fn new(seed: u64) -> Self {
        let mut state = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        // The all-zero state is the generator's fixed point.
        Self((state ^ (state >> 31)) | 1)
    }

    pub(crate) fn next_u32(&mut self) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) as u32
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        (u64::from(self.next_u32()).wrapping_mul(u64::from(bound)) >> 32) as u32
    }

    /// `base_ms` doubled `doublings` times, with a jitter of 20 % either way, at most `max_ms`:
    /// Java's `ExponentialBackoff` (KIP-580, KIP-601). At least 1: whoever waits for nothing keeps the processor busy.
    pub(crate) fn backoff_ms(&mut self, base_ms: u32, doublings: u32, max_ms: u32) -> u32 {
        // Shifts instead of divisions: a 64-bit division costs a small device most of a kilobyte.
        let doubled = u64::from(base_ms).wrapping_shl(doublings.min(31));
        let capped = doubled.min(u64::from(max_ms));
        let factor = u64::from(self.below(411).wrapping_add(819));
        let jittered = capped.wrapping_mul(factor).wrapping_shr(10);
        jittered.min(u64::from(max_ms)).max(1) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_within_twenty_percent_and_is_capped() {
        let mut random = Random::new(7);
        for _ in 0..1000 {
            assert!((79..=120).contains(&random.backoff_ms(100, 0, 1000)));
            assert!((319..=480).contains(&random.backoff_ms(100, 2, 1000)));
            assert!((799..=1000).contains(&random.backoff_ms(100, 200, 1000)));
        }
        assert_eq!(random.backoff_ms(0, 3, 1000), 1, "not at once, for ever");
        assert!(random.backoff_ms(u32::MAX, 31, u32::MAX) >= u32::MAX / 5 * 4);
    }

    #[test]
    fn below_stays_below_and_reaches_every_value() {
        let mut random = Random::new(0);
        let mut seen = [false; 5];
        for _ in 0..200 {
            seen[random.below(5) as usize] = true;
        }
        assert_eq!(seen, [true; 5]);
        assert_eq!(random.below(0), 0);
    }
}
