//! A clock that may be read for each record.
//!
//! Linux keeps the time of its last tick (100 to 1000 a second) where a program can read it at once; reading the precise
//! clock was a quarter of the time of `send`. Elsewhere it is the precise one.

#[cfg(target_os = "linux")]
mod system {
    use rustix::time::{ClockId, Timespec, clock_gettime};

    #[derive(Debug)]
    pub(crate) struct Clock {
        start_ms: u64,
    }

    impl Clock {
        pub(crate) fn new() -> Self {
            // The precise clock of the same time, and the millisecond after it: the coarse one is behind, never ahead.
            Self { start_ms: millis(clock_gettime(ClockId::Monotonic)).saturating_add(1) }
        }

        /// Milliseconds since `new`, at most one tick and one millisecond behind.
        #[inline]
        pub(crate) fn elapsed_ms(&self) -> u64 {
            millis(clock_gettime(ClockId::MonotonicCoarse)).saturating_sub(self.start_ms)
        }
    }

    #[inline]
    fn millis(time: Timespec) -> u64 {
        // Neither is negative: the clock begins with the boot.
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
        seconds.wrapping_mul(1_000).wrapping_add(nanos / 1_000_000)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    #[derive(Debug)]
    pub(crate) struct Clock {
        start: std::time::Instant,
    }

    impl Clock {
        pub(crate) fn new() -> Self {
            Self { start: std::time::Instant::now() }
        }

        /// Milliseconds since `new`.
        pub(crate) fn elapsed_ms(&self) -> u64 {
            u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
        }
    }
}

pub(super) use system::Clock;

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn it_is_behind_by_some_ticks_at_most_and_never_ahead() {
        let start = Instant::now();
        let clock = Clock::new();
        let mut last = 0;
        while start.elapsed() < Duration::from_millis(100) {
            let before = start.elapsed().as_millis() as u64;
            let coarse = clock.elapsed_ms();
            let after = start.elapsed().as_millis() as u64;
            assert!(coarse <= after && coarse >= last, "{last} then {coarse}, by the precise clock {after}");
            assert!(coarse + 15 >= before, "{coarse}, by the precise clock {before}");
            last = coarse;
        }
    }
}
