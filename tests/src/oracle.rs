//! The judge: what was submitted and reported, against the log.
//!
//! All six counts of [`SixCounts`] are to be 0. A producer without idempotence may double what it sends again after
//! a connection was cut: that one count may be excused, and only then.

use std::collections::BTreeSet;

use nanokafka_cluster::verdict;
pub use nanokafka_cluster::verdict::{Outcome, SixCounts};

use crate::broker::{Cluster, Content};

/// A record that `send` accepted, in the order of the calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// Its topic.
    pub topic: String,
    /// The partition that was asked for, if any.
    pub partition: Option<i32>,
    /// The record. No two of a topic may be equal: it is found again by its content.
    pub content: Content,
    /// What became of it.
    pub outcome: Outcome,
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

/// Judges all topics. `found` is in offset order within each partition; the order among partitions does not matter.
///
/// # Panics
/// When two submitted records of a topic are equal: then nobody could tell which one was found.
#[must_use]
pub fn judge(submitted: &[Submitted], found: &[Found]) -> SixCounts {
    let mut seen = BTreeSet::new();
    for record in submitted {
        assert!(seen.insert((&record.topic, &record.content)), "submitted twice: {:?}", record.content);
    }
    let topics: BTreeSet<&String> = submitted
        .iter()
        .map(|record| &record.topic)
        .chain(found.iter().map(|record| &record.topic))
        .collect();
    let mut sum = SixCounts::default();
    for topic in topics {
        let of_topic = submitted.iter().filter(|record| record.topic == *topic).map(|record| {
            verdict::Submitted { id: &record.content, partition: record.partition, outcome: record.outcome }
        });
        let log = found.iter().filter(|record| record.topic == *topic).map(|record| verdict::Consumed {
            id: &record.content,
            partition: record.partition,
            offset: record.offset,
        });
        let counts = verdict::judge(&of_topic.collect::<Vec<_>>(), log);
        sum.lost += counts.lost;
        sum.duplicated += counts.duplicated;
        sum.reordered += counts.reordered;
        sum.phantom += counts.phantom;
        sum.unreported += counts.unreported;
        sum.offset_mismatch += counts.offset_mismatch;
    }
    sum
}

/// Judges what is in the logs of a scripted cluster, less what the cluster itself has done to its clients.
#[must_use]
pub fn judge_cluster(submitted: &[Submitted], cluster: &Cluster) -> SixCounts {
    let (mut submitted, mut found) = (submitted.to_vec(), read_all(cluster));
    // Nothing can be said of these, but that they must be reported.
    let mishandled = |topic: &String, content: &Content| {
        cluster.broken_promises.mishandled.contains(&(topic.clone(), content.clone()))
    };
    found.retain(|record| !mishandled(&record.topic, &record.content));
    submitted.retain(|record| {
        record.outcome == Outcome::Unreported || !mishandled(&record.topic, &record.content)
    });
    for (topic, partition, content) in &cluster.broken_promises.lost {
        let is_found = |at: &Found| at.topic == *topic && at.content == *content;
        // One that was written again since must be right in all other ways.
        if !found.iter().any(is_found) {
            let same = |record: &Submitted| {
                record.topic == *topic
                    && record.content == *content
                    && record.partition.is_none_or(|asked| asked == *partition)
            };
            for record in submitted.iter_mut().filter(|record| same(record)) {
                if record.outcome != Outcome::Unreported {
                    record.outcome = Outcome::Failed;
                }
            }
        }
    }
    judge(&submitted, &found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submitted(value: &str, outcome: Outcome) -> Submitted {
        Submitted { topic: "t".to_owned(), partition: None, content: Content::of_value(value), outcome }
    }

    fn found(value: &str, partition: i32, offset: i64) -> Found {
        Found { topic: "t".to_owned(), partition, offset, content: Content::of_value(value) }
    }

    fn at(partition: i32, offset: i64) -> Outcome {
        Outcome::Acked { partition, offset: Some(offset) }
    }

    #[test]
    fn what_was_delivered_where_it_was_said_to_be_is_clean() {
        let journal = [submitted("a", at(0, 0)), submitted("b", at(1, 0)), submitted("c", at(0, 1))];
        let log = [found("a", 0, 0), found("c", 0, 1), found("b", 1, 0)];
        assert!(judge(&journal, &log).all_zero());
    }

    #[test]
    fn a_record_that_failed_may_be_in_the_log_or_not() {
        let journal = [submitted("a", Outcome::Failed), submitted("b", Outcome::Failed)];
        assert!(judge(&journal, &[found("b", 0, 0)]).all_zero());
    }

    #[test]
    fn an_acknowledged_record_that_is_not_in_the_log_is_lost() {
        let journal = [submitted("a", at(0, 0)), submitted("b", at(0, 1))];
        assert_eq!(judge(&journal, &[found("a", 0, 0)]), SixCounts { lost: 1, ..SixCounts::default() });
    }

    #[test]
    fn each_copy_after_the_first_is_a_duplicate() {
        let journal = [submitted("a", at(0, 2))];
        let verdict = judge(&journal, &[found("a", 0, 0), found("a", 0, 1), found("a", 0, 2)]);
        assert_eq!(verdict, SixCounts { duplicated: 2, ..SixCounts::default() });
    }

    #[test]
    fn a_record_that_overtakes_in_its_partition_is_reordered() {
        let journal = [submitted("a", at(0, 1)), submitted("b", at(0, 0)), submitted("c", at(0, 2))];
        let log = [found("b", 0, 0), found("a", 0, 1), found("c", 0, 2)];
        assert_eq!(judge(&journal, &log), SixCounts { reordered: 1, ..SixCounts::default() });
    }

    #[test]
    fn a_late_copy_of_an_earlier_record_is_a_duplicate_and_not_a_reordering() {
        let journal = [submitted("a", at(0, 0)), submitted("b", at(0, 1))];
        let log = [found("a", 0, 0), found("b", 0, 1), found("a", 0, 2)];
        assert_eq!(judge(&journal, &log), SixCounts { duplicated: 1, ..SixCounts::default() });
    }

    #[test]
    fn partitions_have_no_order_among_each_other() {
        let journal = [submitted("a", at(1, 0)), submitted("b", at(0, 0))];
        assert!(judge(&journal, &[found("b", 0, 0), found("a", 1, 0)]).all_zero());
    }

    #[test]
    fn a_record_that_nobody_submitted_is_a_phantom() {
        let journal = [submitted("a", at(0, 0))];
        let log = [found("a", 0, 0), found("x", 0, 1)];
        assert_eq!(judge(&journal, &log), SixCounts { phantom: 1, ..SixCounts::default() });
    }

    #[test]
    fn a_record_in_another_topic_is_a_phantom_there_and_lost_here() {
        let log = [Found { topic: "u".to_owned(), ..found("a", 0, 0) }];
        let verdict = judge(&[submitted("a", at(0, 0))], &log);
        assert_eq!(verdict, SixCounts { lost: 1, phantom: 1, ..SixCounts::default() });
    }

    #[test]
    fn a_record_without_an_outcome_is_unreported_even_when_it_is_in_the_log() {
        let verdict = judge(&[submitted("a", Outcome::Unreported)], &[found("a", 0, 0)]);
        assert_eq!(verdict, SixCounts { unreported: 1, ..SixCounts::default() });
    }

    #[test]
    fn an_offset_or_a_partition_that_holds_something_else_is_a_mismatch() {
        let journal = [submitted("a", at(0, 1)), submitted("b", at(1, 1))];
        let verdict = judge(&journal, &[found("a", 0, 0), found("b", 0, 1)]);
        assert_eq!(verdict, SixCounts { offset_mismatch: 2, ..SixCounts::default() });
    }

    #[test]
    fn a_record_in_another_partition_than_was_asked_for_is_a_mismatch() {
        let journal = [Submitted { partition: Some(1), ..submitted("a", at(0, 0)) }];
        assert_eq!(
            judge(&journal, &[found("a", 0, 0)]),
            SixCounts { offset_mismatch: 1, ..SixCounts::default() }
        );
    }

    #[test]
    fn an_unknown_offset_is_no_mismatch() {
        let journal = [submitted("a", Outcome::Acked { partition: 0, offset: None })];
        assert!(judge(&journal, &[found("a", 0, 7)]).all_zero());
    }

    #[test]
    #[should_panic(expected = "submitted twice")]
    fn equal_records_cannot_be_judged() {
        let _ = judge(&[submitted("a", Outcome::Unreported), submitted("a", Outcome::Unreported)], &[]);
    }
}
