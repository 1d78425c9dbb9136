//! How long a client delivered nothing: the time to recover from a fault.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Shorter gaps between two acknowledgements are not kept.
const GAP_MIN: Duration = Duration::from_millis(50);

/// When something was wrong.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) from: Instant,
    pub(super) to: Instant,
}

/// The gaps between the acknowledgements of a client, for each of its lanes: a lane is a key, whose records are sent
/// at short intervals. One partition that stands still is seen even while all others flow.
#[derive(Debug, Default)]
pub(super) struct Silences {
    last: HashMap<u64, Instant>,
    gaps: Vec<Window>,
}

impl Silences {
    /// A record of this lane was acknowledged.
    pub(super) fn acked(&mut self, lane: u64, at: Instant) {
        if let Some(from) = self.last.insert(lane, at)
            && at.saturating_duration_since(from) >= GAP_MIN
        {
            self.gaps.push(Window { from, to: at });
        }
    }

    /// How long the lane that suffered most was without an acknowledgement because of this fault: of the longest gap
    /// that overlaps it, what lies after its start. `None` when the client had delivered everything before.
    pub(super) fn recovery(&self, fault: Window) -> Option<Duration> {
        let last = self.last.values().max()?;
        if *last < fault.from {
            return None;
        }
        let overlapping = self.gaps.iter().filter(|gap| gap.from <= fault.to && gap.to >= fault.from);
        Some(overlapping.map(|gap| gap.to - gap.from.max(fault.from)).max().unwrap_or_default())
    }
}

/// The times to recover, at a glance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Recovery {
    /// From how many faults.
    pub(super) faults: usize,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
    pub(super) max: Duration,
}

impl Recovery {
    /// Of one client from the faults that it met.
    pub(super) fn of(silences: &Silences, faults: &[Window]) -> Self {
        let mut times: Vec<Duration> = faults.iter().filter_map(|f| silences.recovery(*f)).collect();
        times.sort_unstable();
        // The nearest rank: the smallest that this share of all does not exceed.
        let rank = |percent: usize| {
            let place = (times.len() * percent).div_ceil(100);
            times.get(place.saturating_sub(1)).copied().unwrap_or_default()
        };
        Self { faults: times.len(), p50: rank(50), p99: rank(99), max: rank(100) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn silences(start: Instant, acks: &[(u64, u64)]) -> Silences {
        let mut silences = Silences::default();
        acks.iter().for_each(|(lane, at)| silences.acked(*lane, start + ms(*at)));
        silences
    }

    #[test]
    fn what_counts_is_the_lane_that_waited_longest_and_only_from_the_fault_on() {
        let start = Instant::now();
        let all = silences(start, &[(1, 900), (2, 950), (2, 1_000), (2, 1_300), (1, 4_000), (2, 4_010)]);
        let fault = |from, to| Window { from: start + ms(from), to: start + ms(to) };
        // Lane 2 is silent from 1.3 to 4.01, lane 1 from 0.9 to 4.0.
        assert_eq!(all.recovery(fault(1_000, 3_000)), Some(ms(3_000)));
        assert_eq!(all.recovery(fault(800, 1_500)), Some(ms(3_100)));
        assert_eq!(all.recovery(fault(4_005, 4_006)), Some(ms(5)));
        assert_eq!(all.recovery(fault(4_011, 9_000)), None, "everything was delivered before");
    }

    #[test]
    fn a_fault_that_nobody_felt_takes_no_time() {
        let start = Instant::now();
        let steady: Vec<_> = (0..100).map(|i| (1, i * 10)).collect();
        let fault = Window { from: start + ms(100), to: start + ms(500) };
        assert_eq!(silences(start, &steady).recovery(fault), Some(ms(0)));
        assert_eq!(silences(start, &[]).recovery(fault), None);
    }

    #[test]
    fn shares_are_of_the_nearest_rank() {
        let start = Instant::now();
        // 100 faults, a second apart; the n-th takes n + 50 ms.
        let acks: Vec<_> = (1..=100).flat_map(|n| [(1, n * 1_000), (1, n * 1_000 + n + 50)]).collect();
        let faults: Vec<_> = (1..=100)
            .map(|n| Window { from: start + ms(n * 1_000), to: start + ms(n * 1_000 + 1) })
            .collect();
        let mut silences = silences(start, &acks);
        // The pauses between the faults are not theirs.
        silences.gaps.retain(|gap| gap.to - gap.from < ms(500));
        let found = Recovery::of(&silences, &faults);
        assert_eq!(found, Recovery { faults: 100, p50: ms(100), p99: ms(149), max: ms(150) });
        let one = Recovery::of(&silences, &faults[..1]);
        assert_eq!((one.faults, one.p50, one.p99, one.max), (1, ms(51), ms(51), ms(51)));
        assert_eq!(Recovery::of(&silences, &[]), Recovery::default());
    }
}
