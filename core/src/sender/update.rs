//! What any node can be asked: metadata, and an identity for idempotence.

use super::Sender;
use crate::code::ErrorCode;
use crate::network::NodeState;
use crate::protocol::{Api, init_producer_id, metadata};
use crate::time::{Instant, NextWake, WakeReason};

impl Sender<'_> {
    /// Asks a node for metadata when that is due; connects to one when none can be asked.
    pub(super) fn update_metadata(&mut self, now: Instant, wake: &mut NextWake) {
        if !self.joined.metadata.is_update_due(now) {
            return;
        }
        match self.network.least_loaded(now) {
            Some(connection) => {
                self.joined.metadata.update_started();
                self.network.begin_request(now, connection, Api::Metadata, metadata::VERSION);
            }
            None => self.connect_any(now, WakeReason::Metadata, wake),
        }
    }

    /// Asks a node for a producer id and epoch when there is none (Java's `bumpIdempotentEpochAndResetIdIfNeeded`).
    pub(super) fn update_producer_id(&mut self, now: Instant, wake: &mut NextWake) {
        let is_due = self.joined.idempotence.next_request().is_some_and(|at| at <= now);
        // Whoever has no topic has nothing to send, and metadata comes first.
        if !is_due || !self.joined.metadata.is_wanted() || self.joined.metadata.is_update_due(now) {
            return;
        }
        match self.network.least_loaded(now) {
            Some(connection) if self.network.speaks_init_producer_id(connection) => {
                self.joined.idempotence.request_started();
                self.network.begin_request(now, connection, Api::InitProducerId, init_producer_id::VERSION);
            }
            // Idempotence is never dropped in silence: the application chose it.
            Some(_) => self.joined.idempotence.fail(ErrorCode::UNSUPPORTED_VERSION),
            None => self.connect_any(now, WakeReason::ProducerId, wake),
        }
    }

    /// No node can be asked now: connects to one, unless that is under way.
    fn connect_any(&mut self, now: Instant, reason: WakeReason, wake: &mut NextWake) {
        if let Some(at) = self.network.next_unthrottled(now) {
            wake.at(at, reason);
        }
        // One attempt at a time: an update never opens a second connection (Java's `maybeUpdate`).
        if self.network.is_any_under_way(now) {
            return;
        }
        let (network, random) = (&mut self.network, &mut self.joined.random);
        // The bootstrap addresses stay the last resort (KIP-899), and are resolved again. They take turns with the
        // brokers that fail: with few connections, those would never let go. A broker that is only throttled is not
        // asked by another of its addresses.
        let is_last_resort =
            !network.any_ready() && self.joined.metadata.nodes().all(|node| network.is_failing(node));
        let bootstrap = if is_last_resort { self.joined.config.bootstrap.len() } else { 0 };
        let mut nodes = self.joined.metadata.nodes().chain((1..=bootstrap as i32).map(i32::wrapping_neg));
        if let NodeState::At(at) = network.connect_any(now, &mut nodes, random) {
            wake.at(at, WakeReason::Reconnect);
        }
    }
}
