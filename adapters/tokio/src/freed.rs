//! Room that became free, and when those who wait for it are told.

use std::task::Waker;

use nanokafka::{Instant, Wake};

use crate::waiters::Waiters;

/// How many waiters are woken for a batch that became free. Whoever finds room wakes more.
pub(crate) const WAKES_PER_BATCH: usize = 8;

/// How long freed batches may wait for more of them.
const HOLD_MS: u64 = 4;

/// Batches that are free again and were not offered to those who wait.
///
/// A broker answers one request after the other. Were the senders woken for each batch, they would fill that one and
/// sleep again: a task switch, or a system call, per batch. So they are woken when a quarter of all batches is free;
/// those that are left keep the broker busy meanwhile.
#[derive(Debug)]
pub(crate) struct Freed {
    batches: usize,
    /// How many must be free.
    enough: usize,
    /// How many to wake at least.
    wakes_min: usize,
    /// When the first of them became free.
    since: Option<Instant>,
}

impl Freed {
    /// Of so many batches.
    pub(crate) fn new(batches: usize) -> Self {
        Self { batches: 0, enough: (batches / 4).max(1), wakes_min: 0, since: None }
    }

    /// So many batches became free.
    pub(crate) fn add(&mut self, batches: usize, now: Instant) {
        self.batches = self.batches.saturating_add(batches);
        self.since.get_or_insert(now);
    }

    /// Something may have become free.
    pub(crate) fn at_least_one_wake(&mut self, now: Instant) {
        self.wakes_min = 1;
        self.since.get_or_insert(now);
    }

    /// Hands wakers of those who wait to `wake` if it is time; when to look again, at the latest at `next`.
    pub(crate) fn wake(
        &mut self,
        now: Instant,
        room: &mut Waiters,
        next: Wake,
        wake: impl FnMut(Waker),
    ) -> Wake {
        let Some(since) = self.since else { return next };
        let until = since.saturating_add_ms(HOLD_MS);
        if self.batches < self.enough && now < until && room.is_anybody_asleep() {
            return match next {
                Wake::At(at) if at <= until => next,
                Wake::At(_) | Wake::OnIo => Wake::At(until),
                Wake::Now => next,
            };
        }
        room.wake(self.batches.saturating_mul(WAKES_PER_BATCH).max(self.wakes_min), wake);
        (self.batches, self.wakes_min, self.since) = (0, 0, None);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_millis(100);

    fn woken(freed: &mut Freed, room: &mut Waiters, now: Instant, next: Wake) -> (usize, Wake) {
        let mut count = 0;
        let next = freed.wake(now, room, next, |_| count += 1);
        (count, next)
    }

    #[test]
    fn a_quarter_wakes_at_once_and_less_in_a_while() {
        let mut freed = Freed::new(8);
        let mut room = Waiters::default();
        room.wait(None, Waker::noop(), true);
        assert_eq!(woken(&mut freed, &mut room, NOW, Wake::OnIo), (0, Wake::OnIo));
        freed.add(1, NOW);
        let until = NOW.saturating_add_ms(HOLD_MS);
        assert_eq!(woken(&mut freed, &mut room, NOW, Wake::OnIo), (0, Wake::At(until)));
        let sooner = Wake::At(NOW.saturating_add_ms(1));
        assert_eq!(woken(&mut freed, &mut room, NOW, sooner), (0, sooner));
        assert_eq!(woken(&mut freed, &mut room, until, Wake::OnIo), (1, Wake::OnIo));
        room.wait(None, Waker::noop(), true);
        freed.add(2, until);
        assert_eq!(woken(&mut freed, &mut room, until, Wake::OnIo), (1, Wake::OnIo));
    }

    #[test]
    fn without_anybody_who_waits_nothing_is_held() {
        let mut freed = Freed::new(8);
        freed.at_least_one_wake(NOW);
        assert_eq!(woken(&mut freed, &mut Waiters::default(), NOW, Wake::OnIo), (0, Wake::OnIo));
        assert_eq!(freed.since, None);
    }
}
