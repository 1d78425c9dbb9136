//! The clock that core is told: milliseconds since the producer was made, and wall-clock time for records.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nanokafka::Instant;

mod coarse;

/// Where a deadline is "never": tokio's timers do not reach all of 64-bit milliseconds.
const TIMER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug)]
pub(crate) struct Clock {
    start: tokio::time::Instant,
    coarse: coarse::Clock,
    /// Wall-clock time at `start`, as of the last `adjust`.
    wall_start_ms: AtomicI64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let (start, coarse) = (tokio::time::Instant::now(), coarse::Clock::new());
        let clock = Self { start, coarse, wall_start_ms: AtomicI64::new(0) };
        clock.adjust();
        clock
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::from_millis(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// Wall-clock time for a record, in ms since 1970: some milliseconds old, see [`coarse`].
    pub(crate) fn record_ms(&self) -> i64 {
        self.wall_ms(Instant::from_millis(self.coarse.elapsed_ms()))
    }

    /// Follows the system's clock where it was set since; now and then is enough, and saves the hot path a
    /// second clock.
    pub(crate) fn adjust(&self) {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let start = signed(wall).saturating_sub_unsigned(self.now().as_millis());
        self.wall_start_ms.store(start, Ordering::Relaxed);
    }

    /// Wall-clock time of `now`, in ms since 1970.
    fn wall_ms(&self, now: Instant) -> i64 {
        self.wall_start_ms.load(Ordering::Relaxed).saturating_add_unsigned(now.as_millis())
    }

    /// `at` for tokio's timers, at most a day from now: a driver that wakes too early sleeps again.
    pub(crate) fn timer(&self, at: Instant) -> tokio::time::Instant {
        let far = self.now().saturating_add_ms(u64::try_from(TIMER_MAX.as_millis()).unwrap_or(0));
        let at = Duration::from_millis(at.min(far).as_millis());
        self.start.checked_add(at).unwrap_or(self.start)
    }
}

fn signed(ms: u128) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_follows_the_monotonic_clock() {
        let clock = Clock::new();
        let system = signed(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis());
        let now = clock.now();
        assert!((clock.wall_ms(now) - system).abs() < 1_000);
        assert_eq!(clock.wall_ms(now.saturating_add_ms(500)), clock.wall_ms(now) + 500);
    }

    #[test]
    fn deadlines_beyond_the_timers_reach_are_shortened() {
        let clock = Clock::new();
        let never = clock.timer(Instant::from_millis(u64::MAX));
        assert!(never > tokio::time::Instant::now());
        assert!(never <= tokio::time::Instant::now() + TIMER_MAX);
    }
}
