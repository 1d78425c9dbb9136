//! How fast records are sent: so that they last as long as the faults do.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a broker's fault takes, from one to the next, until it has been measured.
const CYCLE: Duration = Duration::from_secs(9);

/// So many faults must have been measured until their time counts as much as that guess: they differ widely.
const GUESSED: u32 = 10;

/// How long one of the faults to come may take, when `count` took `elapsed`.
pub(super) fn cycle(elapsed: Duration, count: u32) -> Duration {
    (CYCLE * GUESSED + elapsed) / (GUESSED + count)
}

/// Shared by who sends and who knows how long it takes yet.
#[derive(Debug)]
pub(super) struct Pace {
    total: u32,
    plan: Mutex<Plan>,
}

/// From `since` on, `rate` records a second beyond the `base` that there were then.
#[derive(Clone, Copy, Debug)]
struct Plan {
    since: Instant,
    base: f64,
    rate: f64,
}

impl Pace {
    /// All of `total` records within `left`.
    pub(super) fn new(total: u32, now: Instant, left: Duration) -> Self {
        let plan = Mutex::new(Plan { since: now, base: 0.0, rate: 0.0 });
        let pace = Self { total, plan };
        pace.spread(now, left);
        pace
    }

    /// Spreads what is not due yet over `left`. Nothing left: all is due now.
    pub(super) fn spread(&self, now: Instant, left: Duration) {
        let base = self.due(now);
        let rest = f64::from(self.total) - base;
        let plan = if left.is_zero() {
            Plan { since: now, base: self.total.into(), rate: 0.0 }
        } else {
            Plan { since: now, base, rate: rest / left.as_secs_f64() }
        };
        *self.lock() = plan;
    }

    /// How many records may have been sent by now.
    pub(super) fn allowed(&self, now: Instant) -> u32 {
        // Not above the total, which fits; rounded up, so that the last one is not kept by a rounding error.
        self.due(now).ceil() as u32
    }

    fn due(&self, now: Instant) -> f64 {
        let Plan { since, base, rate } = *self.lock();
        let since = now.saturating_duration_since(since).as_secs_f64();
        (base + rate * since).min(self.total.into())
    }

    fn lock(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_outweighs_the_guess_in_the_end() {
        assert_eq!(cycle(Duration::ZERO, 0), CYCLE);
        assert!(cycle(Duration::from_secs(2), 1) > CYCLE - Duration::from_secs(1));
        assert!(cycle(Duration::from_secs(2_000), 100) > 2 * CYCLE);
    }

    #[test]
    fn records_are_spread_over_the_time_that_is_left_and_then_all_are_due() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let pace = Pace::new(1_000, start, Duration::from_secs(100));
        assert_eq!((pace.allowed(at(0)), pace.allowed(at(10)), pace.allowed(at(50))), (0, 100, 500));
        // It takes longer than was thought.
        pace.spread(at(50), Duration::from_secs(100));
        assert_eq!((pace.allowed(at(50)), pace.allowed(at(100)), pace.allowed(at(150))), (500, 750, 1_000));
        assert_eq!(pace.allowed(at(1_000)), 1_000);
        pace.spread(at(100), Duration::ZERO);
        assert_eq!(pace.allowed(at(100)), 1_000);
    }
}
