//! The application: takes readings when they are due, hands them to a producer and counts what becomes of them.

use crate::{Console, Reading, Report, Schedule};

/// The most readings handed over in one turn, so that the network gets its turn too.
const READINGS_PER_TURN: u32 = 16;

/// What a producer says of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It has the reading.
    Accepted,
    /// It has no room now; the reading is offered again next time.
    Full,
    /// It will never take it: the reading counts as accepted and failed.
    Refused,
}

/// The application's state between two turns of its main loop.
#[derive(Debug)]
pub struct Telemetry<C> {
    schedule: Schedule,
    /// What is told to the host.
    pub report: Report<C>,
}

impl<C: Console> Telemetry<C> {
    /// An application that reports onto `console`.
    pub const fn new(schedule: Schedule, console: C) -> Self {
        Self { schedule, report: Report::new(console) }
    }

    /// Offers the readings that are due until one is refused, and returns when to call again: `None` when that
    /// depends on the producer alone.
    pub fn offer(&mut self, now_ms: u64, mut send: impl FnMut(&Reading) -> Offer) -> Option<u64> {
        for _ in 0..READINGS_PER_TURN {
            let Some(reading) = self.schedule.due(now_ms) else { return self.schedule.due_at_ms() };
            match send(&reading) {
                Offer::Accepted => {
                    self.schedule.accepted(now_ms);
                    self.report.accepted();
                }
                Offer::Full => return None,
                Offer::Refused => {
                    self.schedule.accepted(now_ms);
                    self.report.accepted();
                    self.report.failed(-1, core::iter::once(reading.counter), 0, "REFUSED");
                }
            }
        }
        self.schedule.due_at_ms()
    }

    /// All readings were accepted, so there is nothing to wait for but their outcome.
    #[must_use]
    pub const fn all_accepted(&self) -> bool {
        self.schedule.finished()
    }

    /// All readings were accepted and have their outcome.
    #[must_use]
    pub const fn finished(&self) -> bool {
        self.schedule.finished() && self.report.tally().settled()
    }

    /// Writes the last line, with `fields` at its end, and returns the exit code: 0 when all was delivered, else 1.
    pub fn finish(&mut self, fields: &[(&str, u64)]) -> u32 {
        self.report.done(fields);
        u32::from(!self.finished() || self.report.tally().failed > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tests::Collected;
    use std::vec::Vec;

    #[test]
    fn a_full_producer_costs_no_reading() {
        let mut telemetry = Telemetry::new(Schedule::new(1, 5, 0), Collected::default());
        let mut taken = Vec::new();
        let mut room = 2;
        for now_ms in 0..3 {
            let next = telemetry.offer(now_ms, |reading| {
                if room == 0 {
                    return Offer::Full;
                }
                room -= 1;
                taken.push(reading.counter);
                Offer::Accepted
            });
            assert_eq!(next, None);
            room = 2;
        }
        assert_eq!(taken, [0, 1, 2, 3, 4]);
        assert!(telemetry.all_accepted() && !telemetry.finished());
        telemetry.report.delivered(0, 0, taken.into_iter());
        assert!(telemetry.finished());
        assert_eq!(telemetry.finish(&[]), 0);
    }

    #[test]
    fn one_turn_is_bounded_and_says_when_the_next_is_due() {
        let mut telemetry = Telemetry::new(Schedule::new(1, 100, 0), Collected::default());
        assert_eq!(telemetry.offer(9, |_| Offer::Accepted), Some(9));
        assert_eq!(telemetry.report.tally().accepted, READINGS_PER_TURN);
        let mut slow = Telemetry::new(Schedule::new(1, 2, 1_000), Collected::default());
        assert_eq!(slow.offer(3, |_| Offer::Accepted), Some(1_000));
        assert_eq!(slow.offer(999, |_| unreachable!("not due")), Some(1_000));
    }

    #[test]
    fn a_refused_reading_has_failed_and_the_next_one_follows() {
        let mut telemetry = Telemetry::new(Schedule::new(1, 2, 0), Collected::default());
        telemetry.offer(0, |_| Offer::Refused);
        assert!(telemetry.finished());
        assert_eq!((telemetry.report.tally().accepted, telemetry.report.tally().failed), (2, 2));
        assert_eq!(telemetry.finish(&[]), 1);
    }

    #[test]
    fn what_was_not_delivered_makes_the_exit_code_1() {
        let mut telemetry = Telemetry::new(Schedule::new(1, 1, 0), Collected::default());
        telemetry.offer(0, |_| Offer::Accepted);
        assert_eq!(telemetry.finish(&[]), 1);
        telemetry.report.failed(0, core::iter::once(0), -1, "timeout");
        assert_eq!(telemetry.finish(&[]), 1);
    }
}
