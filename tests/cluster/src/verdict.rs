//! The judge: what was submitted, with what outcome, against what stands in the log.
//!
//! ```
//! use nanokafka_cluster::verdict::{Consumed, Outcome, SixCounts, Submitted, judge};
//!
//! let acked = |offset| Outcome::Acked { partition: 0, offset: Some(offset) };
//! let submitted = [Submitted::new("a", acked(0)), Submitted::new("b", acked(1)), Submitted::new("c", acked(2))];
//! let log = ["a", "b", "b"].iter().zip(0..).map(|(id, offset)| Consumed { id: *id, partition: 0, offset });
//! let counts = judge(&submitted, log);
//! assert_eq!(counts, SixCounts { lost: 1, duplicated: 1, ..SixCounts::default() });
//! ```

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::Hash;

/// What the application was told about a record in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Delivered, so the producer says.
    Acked {
        /// The partition it says it is in.
        partition: i32,
        /// The offset it says it has; unknown with acks=0.
        offset: Option<i64>,
    },
    /// Given up, with an error. Whether it stands in the log is open, so either is right.
    Failed,
    /// Nothing: the producer ended and this record was never heard of again.
    Unreported,
}

/// A record that the producer accepted. The slice that is judged is in the order of submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted<I> {
    /// What tells it from every other record of the run.
    pub id: I,
    /// The partition that the application asked for, if it asked for one.
    pub partition: Option<i32>,
    /// What became of it.
    pub outcome: Outcome,
}

impl<I> Submitted<I> {
    /// A record for which the producer chose the partition.
    pub fn new(id: I, outcome: Outcome) -> Self {
        Self { id, partition: None, outcome }
    }
}

/// A record in the log. Records of one partition are judged in the order in which they come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumed<I> {
    /// What tells it from every other record of the run.
    pub id: I,
    /// The partition it stands in.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
}

/// Six counts, all to be 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SixCounts {
    /// Acknowledged, and not in the log.
    pub lost: u64,
    /// Copies in the log beyond the first of each record.
    pub duplicated: u64,
    /// Inversions: pairs of records in one partition that stand there the other way round than they were submitted.
    /// Only the first copy of a record counts.
    pub reordered: u64,
    /// In the log, and never submitted.
    pub phantom: u64,
    /// Submitted, and without a final outcome.
    pub unreported: u64,
    /// Acknowledged for another place than any at which it stands, or not in the partition that was asked for.
    pub offset_mismatch: u64,
}

impl SixCounts {
    /// Whether all six are 0.
    pub fn all_zero(&self) -> bool {
        *self == Self::default()
    }

    /// The counts with their names, in the usual order.
    pub fn named(&self) -> [(&'static str, u64); 6] {
        [
            ("lost", self.lost),
            ("duplicated", self.duplicated),
            ("reordered", self.reordered),
            ("phantom", self.phantom),
            ("unreported", self.unreported),
            ("offset_mismatch", self.offset_mismatch),
        ]
    }
}

impl fmt::Display for SixCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.named().iter().map(|(name, n)| format!("{name} {n}")).collect();
        f.write_str(&texts.join(", "))
    }
}

/// Judges a run. Each record's id must be unique among the submitted: one that was submitted twice and stands twice
/// in the log counts as duplicated.
pub fn judge<I: Eq + Hash>(
    submitted: &[Submitted<I>],
    log: impl IntoIterator<Item = Consumed<I>>,
) -> SixCounts {
    let mut counts = SixCounts::default();
    let sequences: HashMap<&I, usize> = (0..).zip(submitted).map(|(i, s)| (&s.id, i)).collect();
    let mut places: Vec<Vec<(i32, i64)>> = vec![Vec::new(); submitted.len()];
    let mut partitions: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    for record in log {
        let Some(&sequence) = sequences.get(&record.id) else {
            counts.phantom += 1;
            continue;
        };
        if places[sequence].is_empty() {
            partitions.entry(record.partition).or_default().push(sequence);
        } else {
            counts.duplicated += 1;
        }
        places[sequence].push((record.partition, record.offset));
    }
    counts.reordered = partitions.into_values().map(|mut order| inversions(&mut order)).sum();
    for (record, places) in submitted.iter().zip(&places) {
        match record.outcome {
            Outcome::Unreported => counts.unreported += 1,
            Outcome::Acked { .. } if places.is_empty() => counts.lost += 1,
            Outcome::Acked { .. } | Outcome::Failed => {}
        }
        counts.offset_mismatch += u64::from(!places.is_empty() && !stands_where_told(record, places));
    }
    counts
}

fn stands_where_told<I>(record: &Submitted<I>, places: &[(i32, i64)]) -> bool {
    let acked = match record.outcome {
        Outcome::Acked { partition, offset } => {
            places.iter().any(|place| place.0 == partition && offset.is_none_or(|told| told == place.1))
        }
        Outcome::Failed | Outcome::Unreported => true,
    };
    acked && record.partition.is_none_or(|asked| places.iter().all(|place| place.0 == asked))
}

/// Pairs that stand in falling order; sorts the slice (merge sort, so that a million records take no time).
fn inversions(order: &mut [usize]) -> u64 {
    if order.len() < 2 {
        return 0;
    }
    let (left, right) = order.split_at_mut(order.len() / 2);
    let mut count = inversions(left) + inversions(right);
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut l, mut r) = (0, 0);
    while l < left.len() && r < right.len() {
        if left[l] <= right[r] {
            merged.push(left[l]);
            l += 1;
        } else {
            merged.push(right[r]);
            r += 1;
            count += (left.len() - l) as u64;
        }
    }
    merged.extend_from_slice(&left[l..]);
    merged.extend_from_slice(&right[r..]);
    order.copy_from_slice(&merged);
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acked(id: u32, partition: i32, offset: i64) -> Submitted<u32> {
        Submitted::new(id, Outcome::Acked { partition, offset: Some(offset) })
    }

    fn log(places: &[(u32, i32, i64)]) -> Vec<Consumed<u32>> {
        places.iter().map(|&(id, partition, offset)| Consumed { id, partition, offset }).collect()
    }

    const ZERO: SixCounts =
        SixCounts { lost: 0, duplicated: 0, reordered: 0, phantom: 0, unreported: 0, offset_mismatch: 0 };

    #[test]
    fn a_good_run_has_six_zeros() {
        let submitted = [acked(1, 0, 0), acked(2, 1, 0), acked(3, 0, 1), Submitted::new(4, Outcome::Failed)];
        let counts = judge(&submitted, log(&[(2, 1, 0), (1, 0, 0), (3, 0, 1)]));
        assert!(counts.all_zero(), "{counts}");
        assert_eq!(judge::<u32>(&[], []), ZERO);
    }

    #[test]
    fn a_record_that_failed_may_stand_in_the_log_or_not() {
        let submitted = [Submitted::new(1, Outcome::Failed), Submitted::new(2, Outcome::Failed)];
        assert_eq!(judge(&submitted, log(&[(1, 0, 0)])), ZERO);
    }

    #[test]
    fn acked_but_not_in_the_log_is_lost() {
        let submitted = [acked(1, 0, 0), acked(2, 0, 1), acked(3, 0, 2)];
        assert_eq!(judge(&submitted, log(&[(2, 0, 1)])), SixCounts { lost: 2, ..ZERO });
    }

    #[test]
    fn every_copy_beyond_the_first_is_duplicated_and_not_reordered_too() {
        let submitted = [acked(1, 0, 2), acked(2, 0, 3)];
        let twice = log(&[(1, 0, 0), (2, 0, 1), (1, 0, 2), (2, 0, 3), (2, 0, 4)]);
        assert_eq!(judge(&submitted, twice), SixCounts { duplicated: 3, ..ZERO });
        let elsewhere = log(&[(1, 0, 2), (2, 0, 3), (2, 5, 0)]);
        assert_eq!(judge(&submitted, elsewhere), SixCounts { duplicated: 1, ..ZERO });
    }

    #[test]
    fn inversions_within_a_partition_are_reordered() {
        let submitted = [acked(1, 0, 2), acked(2, 0, 1), acked(3, 0, 0), acked(4, 1, 0)];
        let turned = log(&[(4, 1, 0), (3, 0, 0), (2, 0, 1), (1, 0, 2)]);
        assert_eq!(judge(&submitted, turned), SixCounts { reordered: 3, ..ZERO });
    }

    #[test]
    fn never_submitted_is_a_phantom() {
        let stranger = log(&[(1, 0, 0), (9, 0, 1), (9, 0, 2)]);
        assert_eq!(judge(&[acked(1, 0, 0)], stranger), SixCounts { phantom: 2, ..ZERO });
    }

    #[test]
    fn no_outcome_is_unreported_whether_it_arrived_or_not() {
        let submitted = [Submitted::new(1, Outcome::Unreported), Submitted::new(2, Outcome::Unreported)];
        assert_eq!(judge(&submitted, log(&[(1, 0, 0)])), SixCounts { unreported: 2, ..ZERO });
    }

    #[test]
    fn another_place_than_told_is_an_offset_mismatch() {
        let mismatch = SixCounts { offset_mismatch: 1, ..ZERO };
        assert_eq!(judge(&[acked(1, 0, 5)], log(&[(1, 0, 4)])), mismatch);
        assert_eq!(judge(&[acked(1, 0, 5)], log(&[(1, 1, 5)])), mismatch);
        let asked = |partition| Submitted { partition: Some(partition), ..acked(1, 0, 0) };
        assert_eq!(judge(&[asked(2)], log(&[(1, 0, 0)])), mismatch);
        assert_eq!(judge(&[asked(0)], log(&[(1, 0, 0)])), ZERO);
        let without_offset = Submitted::new(1, Outcome::Acked { partition: 0, offset: None });
        assert_eq!(judge(&[without_offset], log(&[(1, 0, 7)])), ZERO);
    }

    #[test]
    fn a_million_turned_records_are_counted_exactly() {
        let mut falling: Vec<usize> = (0..1_000_000).rev().collect();
        assert_eq!(inversions(&mut falling), 1_000_000 * 999_999 / 2);
        assert_eq!(inversions(&mut [3, 1, 2, 2, 0]), 7);
    }
}
