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
use brokers::Brokers;
use heapless::string::StringView;
use schedule::Schedule;
pub use topics::{PartitionSlot, RegisterError, TopicSlot};

use crate::code::ErrorCode;
#[cfg(feature = "address-map")]
use crate::config::AddressMapping;
use crate::config::Config;
use crate::delivery::TopicId;
use crate::node::Node;
use crate::time::Tick;
use crate::transport::Endpoint;

pub(crate) struct Metadata<'a> {
    topics: &'a mut [TopicSlot],
    partitions: &'a mut [PartitionSlot],
    brokers: Brokers<'a>,
    #[cfg(feature = "address-map")]
    address_map: &'a [AddressMapping<'a>],
    partitions_per_topic: usize,
    schedule: Schedule,
    /// How many topics the request under way names.
    asked: u16,
    /// Of what somebody can have asked for in the response that is going by: leaders, and partitions that are missing.
    digest: u32,
    last_digest: u32,
}

impl<'a> Metadata<'a> {
    #[cfg_attr(
        not(feature = "address-map"),
        expect(unused_variables, reason = "only the map is of interest")
    )]
    // As `Sender::new`.
    #[inline(always)]
    pub(crate) fn new(
        config: &Config<'a>,
        topics: &'a mut [TopicSlot],
        partitions: &'a mut [PartitionSlot],
        brokers: &'a mut [BrokerSlot],
        hosts: &'a mut StringView,
    ) -> Self {
        topics.fill_with(TopicSlot::new);
        partitions.fill_with(PartitionSlot::new);
        let partitions_per_topic = partitions.len().checked_div(topics.len()).unwrap_or(0);
        Self {
            topics,
            partitions,
            brokers: Brokers::new(brokers, hosts),
            #[cfg(feature = "address-map")]
            address_map: config.address_map,
            partitions_per_topic,
            schedule: Schedule::new(),
            asked: 0,
            digest: 0,
            last_digest: 0,
        }
    }

    /// How many places there are for partitions.
    pub(crate) fn places(&self) -> u16 {
        self.partitions.len() as u16
    }

    /// The leader of the partition at this place; none, unless it and its address are known.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn leader(&self, partition: u16) -> Node {
        let leader = self.partitions.get(usize::from(partition)).map_or(Node::NONE, |slot| slot.leader);
        if self.brokers.knows(leader) { leader } else { Node::NONE }
    }

    /// Where a broker is reached.
    pub(crate) fn endpoint(&self, node: Node) -> Option<Endpoint<'_>> {
        let advertised = self.brokers.endpoint(node);
        #[cfg(feature = "address-map")]
        let advertised = advertised.map(|advertised| crate::config::reached_at(self.address_map, advertised));
        advertised
    }

    /// The broker at this place of those whose addresses are known; none past the last.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn node(&self, place: usize) -> Node {
        self.brokers.node(place)
    }

    /// The first topic of which the cluster says something bad.
    pub(crate) fn topic_error(&self) -> Option<(TopicId, ErrorCode)> {
        let bad =
            self.topics.iter().position(|topic| topic.name.is_some() && topic.error != ErrorCode::NONE)?;
        Some((TopicId::new(bad as u16), self.error_of(bad as u16)))
    }

    /// What the cluster last said of a topic.
    pub(crate) fn error_of(&self, topic: u16) -> ErrorCode {
        self.topic(topic).error
    }

    /// Whether the cluster has told the partitions of every topic.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn is_complete(&self) -> bool {
        self.topics.iter().all(|topic| topic.name.is_none() || topic.partitions > 0)
    }

    /// A topic's number of partitions, once known.
    pub(crate) fn partition_count(&self, topic: u16) -> Option<u32> {
        Some(self.topic(topic).partitions).filter(|count| *count > 0)
    }

    /// Asks for an update as soon as the backoff allows.
    pub(crate) fn request_update(&mut self) {
        self.schedule.request();
    }

    /// When the next update is due; never while one is under way, or when there is nothing to ask for.
    pub(crate) fn next_update(&self) -> Tick {
        self.schedule.next_update()
    }

    /// Whether there is a topic at all.
    pub(crate) fn is_wanted(&self) -> bool {
        self.topic(0).name.is_some()
    }

    /// Whether an update should be asked for now.
    pub(crate) fn is_update_due(&self, now: Tick) -> bool {
        self.next_update() <= now
    }

    /// The clock was set back.
    pub(crate) fn set_back(&mut self, by_ms: u32) {
        self.schedule.set_back(by_ms);
    }
}

#[cfg(test)]
mod tests;
