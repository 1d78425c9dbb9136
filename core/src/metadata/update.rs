use super::{Metadata, TopicSlot};
use crate::code::ErrorCode;
use crate::config::Turn;
use crate::fmt::{debug, warning};
use crate::node::Node;

impl Metadata<'_> {
    /// A request for all our topics was handed to a connection.
    pub(crate) fn update_started(&mut self) {
        self.asked = self.topic_count();
        self.schedule.started();
    }

    /// The topics of the request that is under way: those that were registered when it began.
    pub(crate) fn asked_topics(&self) -> u16 {
        self.asked
    }

    /// The request was not answered, or not in a way that could be read.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn update_failed(&mut self, turn: &mut Turn<'_>) {
        if self.schedule.is_under_way() {
            self.schedule.failed(turn);
        }
    }

    /// A response begins.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn begin(&mut self) {
        self.brokers.begin();
        self.digest = 0;
    }

    /// A broker follows.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn begin_broker(&mut self, id: i32) {
        let partitions = &*self.partitions;
        let leads = |node| partitions.iter().any(|partition| partition.leader == node);
        self.brokers.begin_broker(Node::broker(id), leads);
    }

    /// A byte of that broker's host name.
    pub(crate) fn host(&mut self, byte: u8) {
        self.brokers.host(byte);
    }

    /// That broker's port.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn port(&mut self, port: i32) {
        self.brokers.port(port);
    }

    /// A topic of ours, or the number of none, for one that was not asked for.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn begin_topic(&mut self, topic: u16, error: ErrorCode, partitions: u32) {
        if !self.names_brokers() {
            return;
        }
        let Some(slot) = self.topics.get_mut(usize::from(topic)) else { return };
        // While a topic is being created it may have no partitions yet.
        let empty = error == ErrorCode::NONE && partitions == 0;
        slot.error = if empty { ErrorCode::LEADER_NOT_AVAILABLE } else { error };
        if slot.error != ErrorCode::NONE {
            warning!("topic {}: error {}", topic, error.code());
        } else {
            slot.partitions = partitions;
        }
        self.mix(usize::from(topic), partitions.rotate_left(16) ^ error.code() as u32);
        for partition in 0..self.partitions_per_topic {
            self.set_leader(topic, partition, Node::NONE);
        }
    }

    /// One of that topic's partitions.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn partition(&mut self, topic: u16, index: i32, leader: i32) {
        if self.names_brokers() {
            self.set_leader(topic, index.cast_unsigned() as usize, Node::broker(leader));
        }
    }

    /// The response was whole. Says whether it was an update.
    pub(crate) fn update_ended(&mut self, turn: &mut Turn<'_>) -> bool {
        // An answer without brokers is a failure (Java's `handleSuccessfulResponse`): a broker that has just
        // started may give one.
        if !self.names_brokers() {
            self.update_failed(turn);
            return false;
        }
        self.brokers.end();
        let was_for_leaders = core::mem::take(&mut self.brokers.only_leaders);
        if self.has_leader_without_address() {
            // There is no second such pass without backoff.
            if !was_for_leaders {
                debug!("a leader's address found no place: metadata is asked for once more");
                self.brokers.only_leaders = true;
                self.schedule.again();
                return true;
            }
            warning!("more brokers lead our partitions than were lent slots, or bytes for their names");
        }
        let is_settled = |topic: &TopicSlot| topic.partitions > 0 && topic.error == ErrorCode::NONE;
        let settled = self.topics.iter().all(|topic| topic.name.is_none() || is_settled(topic));
        let equivalent = core::mem::replace(&mut self.last_digest, self.digest) == self.digest;
        self.schedule.succeeded(settled, equivalent, turn);
        true
    }

    /// The response that is going by has named a broker.
    fn names_brokers(&self) -> bool {
        !self.brokers.node.is_none()
    }

    /// Mixes a value into the digest of the response that is going by. A sum, for a broker may name the same things in
    /// any order; nobody gains by a collision, which only makes the next update wait longer.
    fn mix(&mut self, place: usize, value: u32) {
        self.digest = self.digest.wrapping_add(value.wrapping_mul(0x9E37_79B9 ^ place as u32));
    }

    fn set_leader(&mut self, topic: u16, index: usize, leader: Node) {
        if index < self.partitions_per_topic {
            let place = usize::from(topic).wrapping_mul(self.partitions_per_topic).wrapping_add(index);
            if let Some(partition) = self.partitions.get_mut(place) {
                partition.leader = leader;
                self.mix(place, leader.raw());
            }
        }
    }

    fn has_leader_without_address(&self) -> bool {
        let mut leaders =
            self.partitions.iter().map(|partition| partition.leader).filter(|leader| !leader.is_none());
        leaders.any(|leader| !self.brokers.knows(leader))
    }
}
