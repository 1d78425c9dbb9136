//! Runs in numbers and in words.

use super::plan::Plan;
use super::run::{Report, run_and_tell};

/// The sum of many runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    /// Runs.
    pub seeds: u64,
    /// Runs that broke a promise.
    pub failed: u64,
    of_all: Report,
}

impl Sum {
    /// Adds a run.
    pub fn add(&mut self, report: &Report) {
        self.seeds += 1;
        let sum = &mut self.of_all;
        sum.records += report.records;
        sum.delivered += report.delivered;
        sum.faults += report.faults;
        sum.polls_to_drain = sum.polls_to_drain.max(report.polls_to_drain);
        let (sum, counts) = (&mut sum.counts, &report.counts);
        sum.lost += counts.lost;
        sum.duplicated += counts.duplicated;
        sum.reordered += counts.reordered;
        sum.phantom += counts.phantom;
        sum.unreported += counts.unreported;
        sum.offset_mismatch += counts.offset_mismatch;
    }

    /// One object on one line.
    #[must_use]
    pub fn json(&self) -> String {
        let Report { records, delivered, faults, counts, polls_to_drain } = self.of_all;
        format!(
            "{{\"seeds\":{},\"failed\":{},\"records\":{records},\"delivered\":{delivered},\"faults\":{faults},\
             \"lost\":{},\"duplicated\":{},\"reordered\":{},\"phantom\":{},\"unreported\":{},\
             \"offset_mismatch\":{},\"worst_polls_to_drain\":{polls_to_drain}}}",
            self.seeds,
            self.failed,
            counts.lost,
            counts.duplicated,
            counts.reordered,
            counts.phantom,
            counts.unreported,
            counts.offset_mismatch,
        )
    }
}

/// Runs the plan and prints what happens, frame by frame.
pub fn trace(plan: &Plan) {
    run_and_tell(plan);
}
