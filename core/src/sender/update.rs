//! What any node can be asked: metadata, and an identity for idempotence.

use super::Sender;
use crate::code::ErrorCode;
use crate::node::Node;
use crate::protocol::Api;
use crate::time::{NextWake, Tick, WakeReason};

impl Sender<'_> {
    /// Asks a node for metadata when that is due; connects to one when none can be asked.
    pub(super) fn update_metadata(&mut self, now: Tick, wake: &mut NextWake) {
        if !self.joined.metadata.is_update_due(now) {
            return;
        }
        match self.network.least_loaded(now, self.joined.turn.settings.max_in_flight) {
            Some(connection) => {
                self.joined.metadata.update_started();
                connection.begin_request(now, Api::Metadata, self.joined.turn.settings.request_timeout_ms);
            }
            None => self.connect_any(now, WakeReason::Metadata, wake),
        }
    }

    /// Asks a node for a producer id and epoch when there is none (Java's `bumpIdempotentEpochAndResetIdIfNeeded`).
    pub(super) fn update_producer_id(&mut self, now: Tick, wake: &mut NextWake) {
        let is_due = self.joined.idempotence.next_request() <= now;
        // Whoever has no topic has nothing to send, and metadata comes first.
        if !is_due || !self.joined.metadata.is_wanted() || self.joined.metadata.is_update_due(now) {
            return;
        }
        match self.network.least_loaded(now, self.joined.turn.settings.max_in_flight) {
            Some(connection) if connection.speaks_init_producer_id() => {
                self.joined.idempotence.request_started();
                connection.begin_request(
                    now,
                    Api::InitProducerId,
                    self.joined.turn.settings.request_timeout_ms,
                );
            }
            // Idempotence is never dropped in silence: the application chose it.
            Some(_) => self.joined.idempotence.fail(ErrorCode::UNSUPPORTED_VERSION),
            None => self.connect_any(now, WakeReason::ProducerId, wake),
        }
    }

    /// No node can be asked now: connects to one, unless that is under way.
    fn connect_any(&mut self, now: Tick, reason: WakeReason, wake: &mut NextWake) {
        wake.at(self.network.next_unthrottled(now), reason);
        // One attempt at a time: an update never opens a second connection (Java's `maybeUpdate`).
        if self.network.is_any_under_way(now) {
            return;
        }
        let network = &mut self.network;
        // The bootstrap addresses stay the last resort (KIP-899), and are resolved again. They take turns with the
        // brokers that fail: with few connections, those would never let go. A broker that is only throttled is not
        // asked by another of its addresses.
        let metadata = &self.joined.metadata;
        let (mut brokers, mut failing) = (0usize, 0usize);
        while let Some(node) = metadata.node(brokers) {
            brokers = brokers.wrapping_add(1);
            failing = failing.wrapping_add(usize::from(network.is_failing(node)));
        }
        let is_last_resort = !network.any_ready() && failing == brokers;
        let bootstrap = if is_last_resort { self.joined.turn.settings.bootstrap.len() } else { 0 };
        let nodes = |place: usize| {
            let index = place.wrapping_sub(brokers);
            metadata.node(place).or_else(|| (index < bootstrap).then_some(Node::bootstrap(index)))
        };
        let count = brokers.wrapping_add(bootstrap);
        wake.at(network.connect_any(count, &nodes, &mut self.joined.turn), WakeReason::Reconnect);
    }
}
