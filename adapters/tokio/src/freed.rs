//! Room that became free, and when those who wait for it are told.

use std::task::Waker;

use nanokafka::{Instant, Wake};

use crate::waiters::Waiters;

/// How long freed batches may wait for more of them, and those who were not woken for those who were.
const HOLD_MS: u64 = 4;

/// How many senders are woken for a free batch when few batches are left on their way.
pub(crate) const WAKES_PER_BATCH: usize = 8;

/// Batches that are free, and whether those who wait for room are told.
///
/// A broker answers one request after the other. Were the senders woken for each batch, they would fill that one and
/// sleep again: a task switch, or a system call, per batch. So they are woken when a quarter of all batches is free;
/// those that are left keep the broker busy meanwhile.
///
/// And were many of them woken at once, they would run on all processors and be in each other's way: one alone fills
/// batches several times as fast as any broker takes them, and two take longer than one. So one is woken. Only if that one
/// does something else as well, so that half of the batches become free, some more are, and then all that may be needed.
#[derive(Debug)]
pub(crate) struct Freed {
    batches: usize,
    /// At most so many are free: less, where a batch that was reported is still on its way.
    free: usize,
    /// Something else than a batch's outcome may have given room.
    is_news: bool,
    /// When the first batch became free, or when senders were woken last.
    since: Option<Instant>,
    /// When senders were woken last.
    woken: Option<Instant>,
}

impl Freed {
    /// Of so many batches, all free.
    pub(crate) fn new(batches: usize) -> Self {
        Self { batches, free: batches, is_news: false, since: None, woken: None }
    }

    /// So many batches became free.
    pub(crate) fn add(&mut self, batches: usize, now: Instant) {
        self.free = self.free.saturating_add(batches);
        self.since.get_or_insert(now);
    }

    /// Something may have become free.
    pub(crate) fn add_unknown(&mut self, now: Instant) {
        self.is_news = true;
        self.since.get_or_insert(now);
    }

    /// A batch was begun.
    pub(crate) fn take_one(&mut self) {
        self.free = self.free.saturating_sub(1);
    }

    /// Somebody has found no room.
    pub(crate) fn take_all(&mut self) {
        self.free = 0;
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
        if !room.is_anybody_asleep() || (self.free == 0 && !self.is_news) {
            self.since = None;
            return next;
        }
        let until = since.saturating_add_ms(HOLD_MS);
        let quarters = self.free.saturating_mul(4).checked_div(self.batches).unwrap_or(0);
        let wakes = match quarters {
            0 if now < until => return next.min(Wake::At(until)),
            // The one that was woken in this millisecond is at it.
            1 if self.woken == Some(now) => return next.min(Wake::At(until)),
            0 | 1 => 1,
            2 => WAKES_PER_BATCH,
            _ => self.free.saturating_mul(WAKES_PER_BATCH),
        };
        room.wake(wakes, wake);
        (self.is_news, self.since, self.woken) = (false, Some(now), Some(now));
        next.min(Wake::At(now.saturating_add_ms(HOLD_MS)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waiters::Place;

    const NOW: Instant = Instant::from_millis(100);

    fn woken(freed: &mut Freed, room: &mut Waiters, now: Instant, next: Wake) -> (usize, Wake) {
        let mut count = 0;
        let next = freed.wake(now, room, next, |_| count += 1);
        (count, next)
    }

    fn in_line(senders: usize) -> Waiters {
        let mut room = Waiters::default();
        for _ in 0..senders {
            room.wait(Place::NONE, Waker::noop(), true);
        }
        room
    }

    /// Eight batches, all of them taken.
    fn full() -> Freed {
        let mut freed = Freed::new(8);
        freed.take_all();
        freed
    }

    #[test]
    fn a_quarter_wakes_one_at_once_and_less_in_a_while() {
        let (mut freed, mut room) = (full(), in_line(3));
        assert_eq!(woken(&mut freed, &mut room, NOW, Wake::OnIo), (0, Wake::OnIo));
        freed.add(1, NOW);
        let until = NOW.saturating_add_ms(HOLD_MS);
        assert_eq!(woken(&mut freed, &mut room, NOW, Wake::OnIo), (0, Wake::At(until)));
        let sooner = Wake::At(NOW.saturating_add_ms(1));
        assert_eq!(woken(&mut freed, &mut room, NOW, sooner), (0, sooner));
        assert_eq!(woken(&mut freed, &mut room, until, Wake::OnIo).0, 1);
        freed.add(1, until);
        assert_eq!(woken(&mut freed, &mut room, until, Wake::OnIo).0, 0, "one was woken in this millisecond");
        let later = until.saturating_add_ms(1);
        assert_eq!(woken(&mut freed, &mut room, later, Wake::OnIo).0, 1);
    }

    #[test]
    fn the_more_room_is_left_the_more_are_woken() {
        let (mut freed, mut room) = (full(), in_line(100));
        for expected in [0, 1, 0, 8, 8, 48, 35] {
            freed.add(1, NOW);
            assert_eq!(woken(&mut freed, &mut room, NOW, Wake::OnIo).0, expected);
        }
        assert_eq!(woken(&mut freed, &mut room, NOW, Wake::OnIo), (0, Wake::OnIo), "nobody is left");
    }

    #[test]
    fn who_is_left_is_looked_at_again_while_there_is_room() {
        let (mut freed, mut room) = (full(), in_line(3));
        freed.add(2, NOW);
        let mut now = NOW;
        for _ in 0..3 {
            let later = now.saturating_add_ms(HOLD_MS);
            assert_eq!(woken(&mut freed, &mut room, now, Wake::OnIo), (1, Wake::At(later)));
            now = later;
        }
        let mut room = in_line(1);
        freed.add(1, now);
        freed.take_all();
        assert_eq!(woken(&mut freed, &mut room, now, Wake::OnIo), (0, Wake::OnIo), "there is none");
    }

    #[test]
    fn without_anybody_who_waits_nothing_is_held() {
        let mut freed = full();
        freed.add_unknown(NOW);
        assert_eq!(woken(&mut freed, &mut in_line(0), NOW, Wake::OnIo), (0, Wake::OnIo));
        assert_eq!(freed.since, None);
    }

    #[test]
    fn room_of_which_nothing_is_known_wakes_one_in_a_while() {
        let (mut freed, mut room) = (full(), in_line(2));
        freed.add_unknown(NOW);
        let until = NOW.saturating_add_ms(HOLD_MS);
        assert_eq!(woken(&mut freed, &mut room, NOW, Wake::OnIo), (0, Wake::At(until)));
        assert_eq!(woken(&mut freed, &mut room, until, Wake::OnIo).0, 1);
    }
}
