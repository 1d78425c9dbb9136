//! The judge: what was submitted and reported, against the log.
//!
//! All six counts are to be 0. A producer without idempotence may double what it sends again after a
//! connection was cut: that one count may be excused, and only then.

use std::collections::HashMap;
use std::fmt;

use crate::broker::{Cluster, Content};

/// What was reported for a record, at last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the log, in this partition, at this offset if that was told.
    Delivered {
        /// The partition.
        partition: i32,
        /// The offset; unknown with acks=0.
        offset: Option<i64>,
    },
    /// It was reported as not delivered.
    Failed,
}

/// A record that `send` accepted, in the order of the calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// Its topic.
    pub topic: String,
    /// The record. No two may be equal: it is found again by its content.
    pub content: Content,
    /// What became of it.
    pub outcome: Option<Outcome>,
}

/// A record as an independent reader finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// The record.
    pub content: Content,
}

/// The six counts of `design.md`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Reported as delivered, and not in the log.
    pub lost: usize,
    /// Copies in the log beyond the first.
    pub duplicated: usize,
    /// In the log before a record of the same partition that was submitted earlier. First copies only.
    pub reordered: usize,
    /// In the log, and never submitted.
    pub phantom: usize,
    /// Accepted by `send`, and without an outcome.
    pub unreported: usize,
    /// Reported at a place in the log that holds something else.
    pub offset_mismatch: usize,
}

impl Verdict {
    /// Six zeros.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }

    /// The same verdict without its duplicates.
    #[must_use]
    pub fn excusing_duplicates(self) -> Self {
        Self { duplicated: 0, ..self }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lost, duplicated, reordered, phantom, unreported, offset_mismatch } = self;
        write!(f, "{lost} lost, {duplicated} duplicated, {reordered} reordered, {phantom} phantom, ")?;
        write!(f, "{unreported} unreported, {offset_mismatch} with a wrong offset")
    }
}

/// All that is in the logs of a scripted cluster.
#[must_use]
pub fn read_all(cluster: &Cluster) -> Vec<Found> {
    let mut found = Vec::new();
    for (name, topic) in cluster.topics() {
        for (index, partition) in topic.partitions.iter().enumerate() {
            found.extend(partition.log.iter().map(|record| Found {
                topic: name.to_owned(),
                partition: index as i32,
                offset: record.offset,
                content: record.content.clone(),
            }));
        }
    }
    found
}

/// Judges. `found` is in offset order within each partition; the order among partitions does not matter.
///
/// # Panics
/// When two submitted records of a topic are equal: then nobody could tell which one was found.
#[must_use]
pub fn judge(submitted: &[Submitted], found: &[Found]) -> Verdict {
    let mut verdict = Verdict::default();
    let mut place_of = HashMap::new();
    for (place, record) in submitted.iter().enumerate() {
        let earlier = place_of.insert((record.topic.as_str(), &record.content), place);
        assert!(earlier.is_none(), "submitted twice: {:?}", record.content);
    }
    let mut copies = vec![0_usize; submitted.len()];
    let mut at = HashMap::new();
    let mut latest_of = HashMap::new();
    for record in found {
        at.insert((record.topic.as_str(), record.partition, record.offset), &record.content);
        let Some(&place) = place_of.get(&(record.topic.as_str(), &record.content)) else {
            verdict.phantom += 1;
            continue;
        };
        copies[place] += 1;
        if copies[place] > 1 {
            verdict.duplicated += 1;
            continue;
        }
        let latest = latest_of.entry((record.topic.as_str(), record.partition)).or_insert(place);
        if place < *latest {
            verdict.reordered += 1;
        }
        *latest = place.max(*latest);
    }
    for (record, copies) in submitted.iter().zip(copies) {
        match record.outcome {
            None => verdict.unreported += 1,
            Some(Outcome::Failed) => {}
            Some(Outcome::Delivered { .. }) if copies == 0 => verdict.lost += 1,
            Some(Outcome::Delivered { partition, offset: Some(offset) }) => {
                if at.get(&(record.topic.as_str(), partition, offset)) != Some(&&record.content) {
                    verdict.offset_mismatch += 1;
                }
            }
            Some(Outcome::Delivered { offset: None, .. }) => {}
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submitted(value: &str, outcome: Option<Outcome>) -> Submitted {
        Submitted { topic: "t".to_owned(), content: Content::of_value(value), outcome }
    }

    fn found(value: &str, partition: i32, offset: i64) -> Found {
        Found { topic: "t".to_owned(), partition, offset, content: Content::of_value(value) }
    }

    fn at(partition: i32, offset: i64) -> Option<Outcome> {
        Some(Outcome::Delivered { partition, offset: Some(offset) })
    }

    #[test]
    fn what_was_delivered_where_it_was_said_to_be_is_clean() {
        let journal = [submitted("a", at(0, 0)), submitted("b", at(1, 0)), submitted("c", at(0, 1))];
        let log = [found("a", 0, 0), found("c", 0, 1), found("b", 1, 0)];
        assert!(judge(&journal, &log).is_clean());
    }

    #[test]
    fn a_record_that_failed_may_be_in_the_log_or_not() {
        let journal = [submitted("a", Some(Outcome::Failed)), submitted("b", Some(Outcome::Failed))];
        assert!(judge(&journal, &[found("b", 0, 0)]).is_clean());
    }

    #[test]
    fn an_acknowledged_record_that_is_not_in_the_log_is_lost() {
        let journal = [submitted("a", at(0, 0)), submitted("b", at(0, 1))];
        assert_eq!(judge(&journal, &[found("a", 0, 0)]), Verdict { lost: 1, ..Verdict::default() });
    }

    #[test]
    fn each_copy_after_the_first_is_a_duplicate_and_can_be_excused() {
        let journal = [submitted("a", at(0, 2))];
        let verdict = judge(&journal, &[found("a", 0, 0), found("a", 0, 1), found("a", 0, 2)]);
        assert_eq!(verdict, Verdict { duplicated: 2, ..Verdict::default() });
        assert!(!verdict.is_clean() && verdict.excusing_duplicates().is_clean());
    }

    #[test]
    fn a_record_that_overtakes_in_its_partition_is_reordered() {
        let journal = [submitted("a", at(0, 1)), submitted("b", at(0, 0)), submitted("c", at(0, 2))];
        let log = [found("b", 0, 0), found("a", 0, 1), found("c", 0, 2)];
        assert_eq!(judge(&journal, &log), Verdict { reordered: 1, ..Verdict::default() });
    }

    #[test]
    fn a_late_copy_of_an_earlier_record_is_a_duplicate_and_not_a_reordering() {
        let journal = [submitted("a", at(0, 0)), submitted("b", at(0, 1))];
        let log = [found("a", 0, 0), found("b", 0, 1), found("a", 0, 2)];
        assert_eq!(judge(&journal, &log), Verdict { duplicated: 1, ..Verdict::default() });
    }

    #[test]
    fn partitions_have_no_order_among_each_other() {
        let journal = [submitted("a", at(1, 0)), submitted("b", at(0, 0))];
        assert!(judge(&journal, &[found("b", 0, 0), found("a", 1, 0)]).is_clean());
    }

    #[test]
    fn a_record_that_nobody_submitted_is_a_phantom() {
        let journal = [submitted("a", at(0, 0))];
        let log = [found("a", 0, 0), found("x", 0, 1)];
        assert_eq!(judge(&journal, &log), Verdict { phantom: 1, ..Verdict::default() });
    }

    #[test]
    fn a_record_in_another_topic_is_a_phantom_there_and_lost_here() {
        let log = [Found { topic: "u".to_owned(), ..found("a", 0, 0) }];
        let verdict = judge(&[submitted("a", at(0, 0))], &log);
        assert_eq!(verdict, Verdict { lost: 1, phantom: 1, ..Verdict::default() });
    }

    #[test]
    fn a_record_without_an_outcome_is_unreported_even_when_it_is_in_the_log() {
        let verdict = judge(&[submitted("a", None)], &[found("a", 0, 0)]);
        assert_eq!(verdict, Verdict { unreported: 1, ..Verdict::default() });
    }

    #[test]
    fn an_offset_or_a_partition_that_holds_something_else_is_a_mismatch() {
        let journal = [submitted("a", at(0, 1)), submitted("b", at(1, 1))];
        let verdict = judge(&journal, &[found("a", 0, 0), found("b", 0, 1)]);
        assert_eq!(verdict, Verdict { offset_mismatch: 2, ..Verdict::default() });
    }

    #[test]
    fn an_unknown_offset_is_no_mismatch() {
        let journal = [submitted("a", Some(Outcome::Delivered { partition: 0, offset: None }))];
        assert!(judge(&journal, &[found("a", 0, 7)]).is_clean());
    }

    #[test]
    #[should_panic(expected = "submitted twice")]
    fn equal_records_cannot_be_judged() {
        let _ = judge(&[submitted("a", None), submitted("a", None)], &[]);
    }
}
