//! When the next reading is due.

use crate::Reading;

/// Takes a fixed number of readings, one each interval, and keeps one that was refused for later.
///
/// A reading has been counted only when it was accepted: [`due`](Self::due) gives the same counter until
/// [`accepted`](Self::accepted) is called, so that a full producer costs no reading.
#[derive(Debug)]
pub struct Schedule {
    device_id: u64,
    devices: u32,
    total: u32,
    interval_ms: u32,
    next_counter: u32,
    due_at_ms: u64,
}

impl Schedule {
    /// A schedule of `total` readings; with an interval of 0 the next one is due as soon as one was accepted.
    #[must_use]
    pub const fn new(device_id: u64, total: u32, interval_ms: u32) -> Self {
        Self { device_id, devices: 1, total, interval_ms, next_counter: 0, due_at_ms: 0 }
    }

    /// The same schedule for this many devices, at least 1, that take turns. The counter runs on through all of them,
    /// so that it tells each reading from all others.
    #[must_use]
    pub fn devices(self, devices: u32) -> Self {
        Self { devices: devices.max(1), ..self }
    }

    /// The reading that is due at `now_ms`, if one is.
    #[must_use]
    pub const fn due(&self, now_ms: u64) -> Option<Reading> {
        if self.finished() || now_ms < self.due_at_ms {
            return None;
        }
        let device_id = self.device_id.wrapping_add((self.next_counter % self.devices) as u64);
        Some(Reading::simulated(device_id, self.next_counter, now_ms as u32))
    }

    /// The reading of the last [`due`](Self::due) was accepted at `now_ms`.
    pub fn accepted(&mut self, now_ms: u64) {
        self.next_counter += 1;
        // From the time it was due, not from now: a late reading does not shift all that follow.
        let next = self.due_at_ms.saturating_add(u64::from(self.interval_ms));
        self.due_at_ms =
            if next.saturating_add(u64::from(self.interval_ms)) < now_ms { now_ms } else { next };
    }

    /// When the next reading is due; `None` when all have been accepted.
    #[must_use]
    pub const fn due_at_ms(&self) -> Option<u64> {
        if self.finished() { None } else { Some(self.due_at_ms) }
    }

    /// How many readings have been accepted.
    #[must_use]
    pub const fn accepted_count(&self) -> u32 {
        self.next_counter
    }

    /// All readings have been accepted.
    #[must_use]
    pub const fn finished(&self) -> bool {
        self.next_counter >= self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_interval_the_next_reading_is_due_at_once() {
        let mut schedule = Schedule::new(9, 3, 0);
        for counter in 0..3 {
            let reading = schedule.due(5).unwrap();
            assert_eq!((reading.device_id, reading.counter, reading.uptime_ms), (9, counter, 5));
            schedule.accepted(5);
        }
        assert!(schedule.finished());
        assert_eq!((schedule.due(5), schedule.due_at_ms(), schedule.accepted_count()), (None, None, 3));
    }

    #[test]
    fn devices_take_turns_and_share_the_counter() {
        let mut schedule = Schedule::new(u64::MAX, 5, 0).devices(2);
        let mut taken = std::vec::Vec::new();
        while let Some(reading) = schedule.due(0) {
            taken.push((reading.device_id, reading.counter));
            schedule.accepted(0);
        }
        assert_eq!(taken, [(u64::MAX, 0), (0, 1), (u64::MAX, 2), (0, 3), (u64::MAX, 4)]);
    }

    #[test]
    fn a_refused_reading_keeps_its_counter() {
        let mut schedule = Schedule::new(1, 2, 100);
        assert_eq!(schedule.due(0).unwrap().counter, 0);
        assert_eq!(schedule.due(7).unwrap().counter, 0);
        schedule.accepted(7);
        assert_eq!((schedule.due(99), schedule.due_at_ms()), (None, Some(100)));
        assert_eq!(schedule.due(100).unwrap().counter, 1);
    }

    #[test]
    fn after_a_long_outage_readings_are_not_made_up() {
        let mut schedule = Schedule::new(1, 10, 100);
        schedule.accepted(0);
        schedule.accepted(5_000);
        assert_eq!(schedule.due_at_ms(), Some(5_000));
        schedule.accepted(5_000);
        assert_eq!(schedule.due_at_ms(), Some(5_100));
    }
}
