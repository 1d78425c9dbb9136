//! A small pseudo-random generator for jitter and for the first choice among equals; never for secrets.

/// xorshift32 (Marsaglia, "Xorshift RNGs", 2003): a product of 64 bits costs a small device a kilobyte with all of its
/// copies.
#[derive(Clone, Debug)]
pub(crate) struct Random(u32);

impl Random {
    /// Seeds that are near each other, as those of devices of one series are, give unrelated sequences (the finalizer
    /// of MurmurHash3, Appleby 2011).
    pub(crate) const fn new(seed: u64) -> Self {
        let mut state = (seed >> 32) as u32 ^ seed as u32;
        state = (state ^ (state >> 16)).wrapping_mul(0x85EB_CA6B);
        state = (state ^ (state >> 13)).wrapping_mul(0xC2B2_AE35);
        // The all-zero state is the generator's fixed point.
        Self((state ^ (state >> 16)) | 1)
    }

    /// A number below `bound`; 0 when `bound` is 0.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) const fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        share(self.0, bound)
    }

    /// `base_ms` doubled `doublings` times, with a jitter of 20 % either way, at most `max_ms`:
    /// Java's `ExponentialBackoff` (KIP-580, KIP-601). At least 1: whoever waits for nothing keeps the processor busy.
    pub(crate) fn backoff_ms(&mut self, base_ms: u32, doublings: u32, max_ms: u32) -> u32 {
        let doublings = doublings.min(31);
        let fits = doublings <= base_ms.leading_zeros();
        let capped = if fits { base_ms.wrapping_shl(doublings).min(max_ms) } else { max_ms };
        let fifth = share(capped, u32::MAX / 5);
        let jitter = self.below(fifth.wrapping_mul(2).wrapping_add(1));
        capped.wrapping_sub(fifth).saturating_add(jitter).min(max_ms).max(1)
    }
}

/// `of`, by as much as `part` is of 2^32: without a division, which a small device does not have.
const fn share(of: u32, part: u32) -> u32 {
    ((of as u64).wrapping_mul(part as u64) >> 32) as u32
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
        assert_eq!(random.backoff_ms(0, 40, 1000), 1);
        assert!((800..=1000).contains(&random.backoff_ms(1, 31, 1000)));
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
