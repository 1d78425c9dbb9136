//! Brokers that fail their clients: crashes, elections, and what is lost with them.

use std::collections::BTreeSet;

use super::producer_state::Stamp;
use super::{Cluster, Content, Partition};

/// What a broker takes with it when it crashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crash {
    /// The producer state of the partitions that it led.
    pub forgets_producers: bool,
    /// An unclean election: so many of the last records of each, acknowledged by all or not.
    pub loses_records: usize,
}

/// What no client can make good, record by record: the judge takes it out of the account.
#[derive(Debug, Default)]
pub struct BrokenPromises {
    /// Records that were in the log and are not any more, by topic and partition.
    pub lost: Vec<(String, i32, Content)>,
    /// Records of batches that were appended by a broker that had forgotten the producer, although they were in the
    /// log already or were not next, or that were refused although they were in the log.
    pub mishandled: BTreeSet<(String, Content)>,
}

impl BrokenPromises {
    pub(super) fn mishandled(&mut self, topic: &str, contents: &[Content]) {
        self.mishandled.extend(contents.iter().map(|content| (topic.to_owned(), content.clone())));
    }
}

impl Partition {
    fn truncate(&mut self, end: usize) -> Vec<Content> {
        let end = end.min(self.log.len());
        self.batches.retain(|(base, _)| *base < end as i64);
        self.producers.truncate(end as i64);
        self.numbered.retain(|(base, ..)| *base < end as i64);
        self.unreplicated_from = None;
        self.log.drain(end..).map(|record| record.content).collect()
    }

    /// The first record of the batch that has this one: batches are lost whole.
    fn batch_start(&self, record: usize) -> usize {
        let starts = self.batches.iter().map(|(base, _)| *base as usize);
        starts.filter(|base| *base <= record).max().unwrap_or(0)
    }

    /// Whether this is the number that a broker would wait for that never forgets.
    pub(super) fn is_next(&self, stamp: Stamp) -> bool {
        let of_same = self
            .numbered
            .iter()
            .filter(|(_, of, _)| (of.producer_id, of.epoch) == (stamp.producer_id, stamp.epoch));
        of_same.map(|(_, _, after)| *after).max().unwrap_or(0) == stamp.sequence
    }

    /// Whether the batch with this number is in the log.
    pub(super) fn has(&self, stamp: Stamp) -> bool {
        self.numbered.iter().any(|(_, of, _)| *of == stamp)
    }

    fn forget_producers(&mut self) {
        self.producers.forget();
    }
}

impl Cluster {
    /// Followers catch up.
    pub fn replicate(&mut self) {
        let partitions = self.topics.values_mut().flat_map(|topic| &mut topic.partitions);
        partitions.for_each(|partition| partition.unreplicated_from = None);
    }

    /// The broker dies: its connections are reset, what its followers have not got is gone, and each of its
    /// partitions is led by another broker that is up, if there is one.
    pub fn crash(&mut self, node: i32, now: u64, crash: Crash) {
        self.stop(node, now);
        let heirs: Vec<i32> = self.nodes().into_iter().filter(|heir| self.is_up(*heir)).collect();
        let broken_promises = &mut self.broken_promises;
        for (name, topic) in &mut self.topics {
            for (index, partition) in
                topic.partitions.iter_mut().enumerate().filter(|(_, p)| p.leader == node)
            {
                let acknowledged_by_all = partition.log.len().saturating_sub(crash.loses_records);
                let unclean_end = if crash.loses_records > 0 {
                    partition.batch_start(acknowledged_by_all)
                } else {
                    usize::MAX
                };
                let end = partition.unreplicated_from.unwrap_or(usize::MAX);
                if unclean_end < end {
                    for content in partition.truncate(unclean_end) {
                        broken_promises.lost.push((name.clone(), index as i32, content));
                    }
                }
                // What was written without waiting for followers: that is what `acks` of 1 and 0 are.
                partition.truncate(end);
                if crash.forgets_producers {
                    partition.forget_producers();
                }
                if !heirs.is_empty() {
                    partition.leader = heirs[(index + node as usize) % heirs.len()];
                }
            }
        }
    }

    /// Producer ids expire.
    pub fn forget_producers(&mut self) {
        let partitions = self.topics.values_mut().flat_map(|topic| &mut topic.partitions);
        partitions.for_each(Partition::forget_producers);
    }

    /// Deletes the topic and creates it anew, empty, with this many partitions.
    pub fn recreate_topic(&mut self, name: &str, partitions: usize) {
        if let Some(topic) = self.topics.remove(name) {
            for (index, partition) in topic.partitions.into_iter().enumerate() {
                let gone =
                    partition.log.into_iter().map(|record| (name.to_owned(), index as i32, record.content));
                self.broken_promises.lost.extend(gone);
            }
        }
        self.create_topic(name, partitions);
    }

    /// Adds partitions to the topic.
    pub fn add_partitions(&mut self, name: &str, partitions: usize) {
        let leaders = self.nodes();
        let topic = self.topic_mut(name);
        for index in topic.partitions.len()..topic.partitions.len() + partitions {
            topic.partitions.push(Partition::led_by(leaders[index % leaders.len()]));
        }
    }

    /// Resets every connection of the broker; it stays up.
    pub fn reset_connections_of(&mut self, node: i32, now: u64) {
        self.reset_connections(node, now);
    }
}
