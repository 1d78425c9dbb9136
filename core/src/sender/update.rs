//! What any node can be asked: metadata, and an identity for idempotence.

use super::{Joined, Sender};
use crate::code::ErrorCode;
use crate::node::Node;
use crate::protocol::Api;
use crate::time::{NextWake, Tick, WakeReason};

impl Sender<'_> {
    /// Asks a node for what is due: for metadata, or for a producer id and epoch (Java's
    /// `bumpIdempotentEpochAndResetIdIfNeeded`). Connects to one when none can be asked.
    pub(super) fn ask_any(&mut self, now: Tick, wake: &mut NextWake) {
        let Joined { metadata, idempotence, turn, .. } = &mut self.joined;
        let api = if metadata.is_update_due(now) {
            Api::Metadata
        } else if metadata.is_wanted() && idempotence.next_request() <= now {
            // Whoever has no topic has nothing to send, and metadata comes first.
            Api::InitProducerId
        } else {
            return;
        };
        let Some(connection) = self.network.least_loaded(now, turn.settings.max_in_flight) else {
            return self.connect_any(now, wake);
        };
        if api == Api::Metadata {
            metadata.update_started();
        } else if connection.speaks_init_producer_id() {
            idempotence.request_started();
        } else {
            // Idempotence is never dropped in silence: the application chose it.
            return idempotence.fail(ErrorCode::UNSUPPORTED_VERSION);
        }
        connection.begin_request(now, api, turn.settings.request_timeout_ms);
    }

    /// No node can be asked now: connects to one, unless that is under way.
    fn connect_any(&mut self, now: Tick, wake: &mut NextWake) {
        wake.at(self.network.soonest(now), WakeReason::Reconnect);
        // One attempt at a time: an update never opens a second connection (Java's `maybeUpdate`).
        if self.network.is_any_under_way(now) {
            return;
        }
        let network = &mut self.network;
        // The bootstrap addresses stay the last resort (KIP-899), and are resolved again. They take turns with the
        // brokers that fail: with few connections, those would never let go. A broker that is only throttled is not
        // asked by another of its addresses.
        let metadata = &self.joined.metadata;
        let mut is_last_resort = !network.any_ready();
        let mut brokers = 0usize;
        while !metadata.node(brokers).is_none() {
            is_last_resort &= network.is_failing(metadata.node(brokers));
            brokers = brokers.wrapping_add(1);
        }
        let bootstrap = if is_last_resort { self.joined.turn.settings.bootstrap.len() } else { 0 };
        let nodes = |place: usize| {
            let broker = metadata.node(place);
            if broker.is_none() { Node::bootstrap(place.wrapping_sub(brokers)) } else { broker }
        };
        let count = brokers.wrapping_add(bootstrap);
        network.connect_any(count, &nodes, &mut self.joined.turn);
    }
}
