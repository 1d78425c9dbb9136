//! The leaders of our own topics' partitions, and where those brokers listen: Java's `Metadata` and `Cluster`.
//!
//! A cluster may be of any size; what is kept is not. A response lists the brokers before the topics, so which of
//! them matter is known only at its end: a leader whose address found no place costs one more pass, in which the
//! brokers that are known to lead have precedence.

mod brokers;
mod schedule;
mod topics;
mod update;

pub use brokers::BrokerSlot;
use brokers::{Brokers, Incoming};
use schedule::Schedule;
pub use topics::{PartitionSlot, RegisterError, TopicSlot};

use crate::code::ErrorCode;
use crate::config::{AddressMapping, Config, reached_at};
use crate::delivery::TopicId;
use crate::time::Instant;
use crate::transport::Endpoint;

pub(crate) struct Metadata<'a> {
    topics: &'a mut [TopicSlot],
    partitions: &'a mut [PartitionSlot],
    brokers: Brokers<'a>,
    address_map: &'a [AddressMapping<'a>],
    partitions_per_topic: usize,
    schedule: Schedule,
    incoming: Incoming,
    /// The response that is going by has named a broker.
    names_brokers: bool,
    /// The topic of the response whose partitions are going by.
    updating: Option<u16>,
    /// How many topics the request under way names.
    asked: u16,
    /// A pass was made for brokers' addresses alone; there is no second one without backoff.
    second_pass: bool,
    /// Of what the last update left behind.
    digest: u32,
}

impl<'a> Metadata<'a> {
    pub(crate) fn new(
        config: &Config<'a>,
        now: Instant,
        topics: &'a mut [TopicSlot],
        partitions: &'a mut [PartitionSlot],
        brokers: &'a mut [BrokerSlot],
    ) -> Self {
        topics.fill_with(TopicSlot::new);
        partitions.fill_with(PartitionSlot::new);
        brokers.fill_with(BrokerSlot::new);
        let partitions_per_topic = partitions.len().checked_div(topics.len()).unwrap_or(0);
        Self {
            topics,
            partitions,
            brokers: Brokers(brokers),
            address_map: config.address_map,
            partitions_per_topic,
            schedule: Schedule::new(config, now),
            incoming: Incoming::new(),
            names_brokers: false,
            updating: None,
            asked: 0,
            second_pass: false,
            digest: 0,
        }
    }

    /// The leader of the partition at this place, if it and its address are known.
    pub(crate) fn leader(&self, partition: u16) -> Option<i32> {
        let leader = self.partitions.get(usize::from(partition))?.leader()?;
        self.brokers.find(leader).map(|_| leader)
    }

    /// Where a broker is reached.
    pub(crate) fn endpoint(&self, node: i32) -> Option<Endpoint<'_>> {
        self.brokers.find(node)?.endpoint().map(|advertised| reached_at(self.address_map, advertised))
    }

    /// The brokers whose addresses are known.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = i32> + '_ {
        self.brokers.0.iter().filter_map(BrokerSlot::id)
    }

    /// The first topic of which the cluster says something bad.
    pub(crate) fn topic_error(&self) -> Option<(TopicId, ErrorCode)> {
        let bad =
            self.topics.iter().position(|topic| topic.name.is_some() && topic.error != ErrorCode::NONE)?;
        Some((TopicId::new(bad as u16), self.error_of(bad as u16)))
    }

    /// What the cluster last said of a topic.
    pub(crate) fn error_of(&self, topic: u16) -> ErrorCode {
        self.topics.get(usize::from(topic)).map_or(ErrorCode::NONE, |topic| topic.error)
    }

    /// Whether the cluster has told the partitions of every topic.
    pub(crate) fn is_complete(&self) -> bool {
        self.topics.iter().all(|topic| topic.name.is_none() || topic.partitions > 0)
    }

    /// A topic's number of partitions, once known.
    pub(crate) fn partition_count(&self, topic: u16) -> Option<u32> {
        self.topics.get(usize::from(topic)).map(|topic| topic.partitions).filter(|count| *count > 0)
    }

    /// Asks for an update as soon as the backoff allows.
    pub(crate) fn request_update(&mut self) {
        self.schedule.requested = true;
    }

    /// When the next update is due; `None` while one is under way, or when there is nothing to ask for.
    pub(crate) fn next_update(&self) -> Option<Instant> {
        self.topics.first()?.name?;
        self.schedule.next_update()
    }

    /// Whether there is a topic at all.
    pub(crate) fn is_wanted(&self) -> bool {
        self.topics.first().is_some_and(|topic| topic.name.is_some())
    }

    /// Whether an update should be asked for now.
    pub(crate) fn is_update_due(&self, now: Instant) -> bool {
        self.next_update().is_some_and(|at| at <= now)
    }
}

#[cfg(test)]
mod tests;
