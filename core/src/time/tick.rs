//! Core's own time: 32 bits, for a device pays for each 64-bit sum with flash and for each 64-bit field with RAM.

use super::{Instant, Wake, WakeReason};
use crate::wide::Wide;

/// Where the clock begins, and where it is set back to: so much of the past is remembered, 12.4 days.
const START_MS: u32 = 1 << 30;
/// Where it is set back, behind 24.8 days. As much as of the past lies ahead even then.
const END_MS: u32 = 3 << 30;

/// A point in time, in milliseconds by a [`Clock`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(u32);

impl Tick {
    /// Before all others: what was never, or longer ago than the clock remembers.
    pub(crate) const ZERO: Self = Self(0);
    /// After all others: what lies farther ahead than the clock can tell, and so never comes.
    pub(crate) const NEVER: Self = Self(u32::MAX);
    /// When the producer was made.
    pub(crate) const START: Self = Self(START_MS);

    #[cfg(test)]
    pub(crate) const fn from_millis(millis: u32) -> Self {
        Self(millis)
    }

    #[cfg(test)]
    pub(crate) const fn as_millis(self) -> u32 {
        self.0
    }

    /// So many milliseconds later.
    // Called from a dozen places: inlined, it would be a dozen copies.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) const fn after_ms(self, millis: u32) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Orders as it does, nearly, within 31 bits.
    pub(crate) const fn halved(self) -> u32 {
        self.0 >> 1
    }

    /// The same point in time by a clock that was set back so far.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn set_back(&mut self, by_ms: u32) {
        if *self != Self::NEVER {
            self.0 = self.0.saturating_sub(by_ms);
        }
    }
}

/// Translates the application's time. Who keeps a [`Tick`] is told when the clock is set back.
#[derive(Debug)]
pub(crate) struct Clock {
    /// The application's time at [`Tick::ZERO`], which may lie before all of it: then it wraps.
    zero: Wide,
}

impl Clock {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { zero: Wide::new(now.as_millis().wrapping_sub(START_MS as u64).cast_signed()) }
    }

    /// So many milliseconds behind zero.
    const fn at(&self, millis: u32) -> Instant {
        Instant::from_millis(self.zero.get().cast_unsigned().wrapping_add(millis as u64))
    }

    /// Milliseconds from zero to this instant; wrapped, when it lies before.
    const fn millis(&self, at: Instant) -> u64 {
        at.as_millis().wrapping_sub(self.zero.get().cast_unsigned())
    }

    /// This instant by the clock; `None` when it lies beyond the clock's ends, which must be moved first.
    #[inline]
    pub(crate) fn tick(&self, now: Instant) -> Option<Tick> {
        let millis = u32::try_from(self.millis(now)).ok()?;
        (1..END_MS).contains(&millis).then_some(Tick(millis))
    }

    /// Now becomes [`Tick::START`]. Returns by how much all ticks are to be set back: by the time that has passed since
    /// the last start, or, when the application's clock has fallen far behind, so that none has passed since `last`.
    pub(crate) fn set_back(&mut self, now: Instant, last: Tick) -> u32 {
        let millis = self.millis(now);
        *self = Self::new(now);
        let is_behind = millis.cast_signed() <= 0;
        let now = if is_behind { last.0 } else { u32::try_from(millis).unwrap_or(u32::MAX) };
        now.saturating_sub(START_MS)
    }

    /// A deadline of the application's by the clock.
    pub(crate) fn deadline(&self, at: Instant) -> Tick {
        let start = self.at(START_MS);
        if at < start {
            // The application's clock may run backwards.
            return Tick(u32::try_from(self.millis(at)).unwrap_or(0));
        }
        let since_ms = at.saturating_since_ms(start);
        Tick::START.after_ms(u32::try_from(since_ms).unwrap_or(u32::MAX))
    }

    /// What the application is told of when to call again.
    #[inline]
    pub(crate) fn wake(&self, next: &NextWake) -> Wake {
        match next.at {
            Tick::NEVER => Wake::OnIo,
            at if at <= next.now => Wake::Now,
            at => Wake::At(self.at(at.0)),
        }
    }
}

/// A wake-up and who asked for it; keeps the earliest of all that it is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NextWake {
    now: Tick,
    at: Tick,
    pub(crate) reason: WakeReason,
}

impl NextWake {
    /// None but the transport's.
    pub(crate) const fn on_io(now: Tick) -> Self {
        Self { now, at: Tick::NEVER, reason: WakeReason::Io }
    }

    // Called from a dozen places: inlined, it would be a dozen copies.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn at(&mut self, at: Tick, reason: WakeReason) {
        // A deadline that has passed is work for the very next call, and none is more urgent than another.
        let at = at.max(self.now);
        if at < self.at {
            (self.at, self.reason) = (at, reason);
        }
    }

    /// At once.
    pub(crate) fn now(&mut self, reason: WakeReason) {
        self.at(self.now, reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

    #[test]
    fn the_earliest_wake_wins_and_a_passed_deadline_is_now() {
        let start = Instant::from_millis(100);
        let clock = Clock::new(start);
        let now = clock.tick(start).unwrap();
        let mut next = NextWake::on_io(now);
        assert_eq!(clock.wake(&next), Wake::OnIo);
        next.at(now.after_ms(200), WakeReason::Metadata);
        next.at(now.after_ms(100), WakeReason::BatchReady);
        next.at(now.after_ms(150), WakeReason::Close);
        assert_eq!(clock.wake(&next), Wake::At(Instant::from_millis(200)));
        assert_eq!(next.reason, WakeReason::BatchReady);
        next.at(Tick::ZERO, WakeReason::DeliveryTimeout);
        next.at(now, WakeReason::Close);
        assert_eq!((clock.wake(&next), next.reason), (Wake::Now, WakeReason::DeliveryTimeout));
    }

    #[test]
    fn a_clock_that_was_set_back_tells_the_same_time() {
        for start_ms in [0, 7, u64::from(u32::MAX), u64::MAX - 26 * DAY_MS] {
            let mut clock = Clock::new(Instant::from_millis(start_ms));
            let mut ages =
                [Tick::START, clock.deadline(Instant::from_millis(start_ms + 24 * DAY_MS)), Tick::NEVER];
            let late = Instant::from_millis(start_ms + 25 * DAY_MS);
            assert_eq!(clock.tick(late), None);
            let by_ms = clock.set_back(late, Tick::START);
            for age in &mut ages {
                age.set_back(by_ms);
            }
            assert_eq!(clock.tick(late), Some(Tick::START));
            assert_eq!(ages, [Tick::ZERO, Tick(START_MS - DAY_MS as u32), Tick::NEVER]);
        }
    }

    #[test]
    fn what_is_too_far_away_never_comes_and_what_is_too_long_ago_was_never() {
        let clock = Clock::new(Instant::from_millis(20 * DAY_MS));
        assert_eq!(clock.tick(Instant::from_millis(20 * DAY_MS - 1)), Some(Tick(START_MS - 1)));
        assert_eq!(clock.tick(Instant::from_millis(0)), None);
        assert_eq!(clock.deadline(Instant::from_millis(0)), Tick::ZERO);
        assert_eq!(clock.deadline(Instant::from_millis(20 * DAY_MS + 5)), Tick(START_MS + 5));
        assert_eq!(clock.deadline(Instant::from_millis(u64::MAX)), Tick::NEVER);
        assert_eq!(clock.tick(Instant::from_millis(u64::MAX)), None);
        assert_eq!(Tick::from_millis(u32::MAX - 5).after_ms(10), Tick::NEVER);
    }

    #[test]
    fn a_clock_that_falls_far_behind_goes_on_from_where_it_was() {
        let mut clock = Clock::new(Instant::from_millis(100 * DAY_MS));
        let last = clock.tick(Instant::from_millis(103 * DAY_MS)).unwrap();
        let mut deadline = last.after_ms(500);
        let behind = Instant::from_millis(1_000);
        assert_eq!(clock.tick(behind), None);
        let by_ms = clock.set_back(behind, last);
        deadline.set_back(by_ms);
        assert_eq!((clock.tick(behind), deadline), (Some(Tick::START), Tick(START_MS + 500)));
        assert_eq!(clock.tick(Instant::from_millis(1_500)), Some(deadline), "and time passes again");
    }
}
