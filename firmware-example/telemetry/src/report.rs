//! The machine-readable lines, `NK ...`, that tell what became of the readings.

use crate::{Console, Counters, Line};

/// At most four progress lines a second.
const PROGRESS_INTERVAL_MS: u64 = 250;

/// What became of the readings so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Taken by the producer.
    pub accepted: u32,
    /// Of those, stored by a broker.
    pub delivered: u32,
    /// Of those, given up.
    pub failed: u32,
}

impl Tally {
    const ZERO: Self = Self { accepted: 0, delivered: 0, failed: 0 };

    /// Every accepted reading has an outcome.
    #[must_use]
    pub const fn settled(&self) -> bool {
        self.delivered.saturating_add(self.failed) >= self.accepted
    }
}

/// Writes the lines and keeps the tally.
#[derive(Debug)]
pub struct Report<C> {
    console: C,
    tally: Tally,
    told: Tally,
    progress_at_ms: u64,
}

impl<C: Console> Report<C> {
    /// A report onto `console`.
    pub const fn new(console: C) -> Self {
        Self { console, tally: Tally::ZERO, told: Tally::ZERO, progress_at_ms: 0 }
    }

    /// The counts so far.
    pub const fn tally(&self) -> Tally {
        self.tally
    }

    /// A reading was taken by the producer.
    pub const fn accepted(&mut self) {
        self.tally.accepted += 1;
    }

    /// `NK progress acked= sent=`, unless nothing has changed or the last one is less than a quarter of a second old.
    pub fn progress(&mut self, now_ms: u64) {
        if now_ms < self.progress_at_ms || self.tally == self.told {
            return;
        }
        self.progress_at_ms = now_ms.saturating_add(PROGRESS_INTERVAL_MS);
        self.told = self.tally;
        let Tally { accepted, delivered, .. } = self.tally;
        Line::new(&mut self.console, "NK progress")
            .field("acked", u64::from(delivered))
            .field("sent", u64::from(accepted))
            .end();
    }

    /// `NK delivered partition= base_offset= counters=`: a broker stored a batch with these readings, in this order.
    pub fn delivered(&mut self, partition: i32, base_offset: i64, counters: impl Iterator<Item = u32>) {
        let mut line = Line::new(&mut self.console, "NK delivered partition=");
        line.signed(i64::from(partition)).text(" base_offset=").signed(base_offset);
        let count = write_counters(&mut line, counters);
        line.end();
        self.tally.delivered += count;
    }

    /// `NK failed partition= counters= code= reason=`: a batch with these readings was given up. `reason` is one word.
    pub fn failed(&mut self, partition: i32, counters: impl Iterator<Item = u32>, code: i16, reason: &str) {
        let mut line = Line::new(&mut self.console, "NK failed partition=");
        line.signed(i64::from(partition));
        let count = write_counters(&mut line, counters);
        line.text(" code=").signed(i64::from(code)).text(" reason=").text(reason).end();
        self.tally.failed += count;
    }

    /// `NK done accepted= delivered= failed=` and more fields: the last line of a run.
    pub fn done(&mut self, fields: &[(&str, u64)]) {
        let Tally { accepted, delivered, failed } = self.tally;
        let mut line = Line::new(&mut self.console, "NK done");
        line.field("accepted", u64::from(accepted));
        line.field("delivered", u64::from(delivered));
        line.field("failed", u64::from(failed));
        for &(name, number) in fields {
            line.field(name, number);
        }
        line.end();
    }
}

fn write_counters<C: Console>(line: &mut Line<'_, C>, counters: impl Iterator<Item = u32>) -> u32 {
    line.text(" counters=");
    let mut ranges = Counters::default();
    let mut count = 0;
    for counter in counters {
        ranges.push(line, counter);
        count += 1;
    }
    ranges.finish(line);
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tests::Collected;

    #[test]
    fn the_lines_are_those_that_the_host_reads() {
        let mut report = Report::new(Collected::default());
        for _ in 0..8 {
            report.accepted();
        }
        report.progress(10);
        report.delivered(2, 17, [40, 41, 42, 47].into_iter());
        report.progress(259);
        report.progress(260);
        assert!(!report.tally().settled());
        report.failed(-1, [50, 51, 52, 53].into_iter(), 10, "MESSAGE_TOO_LARGE");
        assert!(report.tally().settled());
        report.done(&[("stack_used", 1_234)]);
        assert_eq!(
            report.console.0,
            "NK progress acked=0 sent=8\n\
             NK delivered partition=2 base_offset=17 counters=40-42,47\n\
             NK progress acked=4 sent=8\n\
             NK failed partition=-1 counters=50-53 code=10 reason=MESSAGE_TOO_LARGE\n\
             NK done accepted=8 delivered=4 failed=4 stack_used=1234\n"
        );
    }
}
