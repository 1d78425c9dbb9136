//! What any node can be asked: metadata, and an identity for idempotence.

use super::Sender;
use crate::code::ErrorCode;
use crate::network::NodeState;
use crate::protocol::{Api, init_producer_id, metadata};
use crate::time::{Instant, NextWake, WakeReason};

impl Sender<'_> {
    /// Asks a node for metadata when that is due; connects to one when none can be asked.
    pub(super) fn update_metadata(&mut self, now: Instant, wake: &mut NextWake) {
        if !self.metadata.is_update_due(now) {
            return;
        }
        match self.network.least_loaded(now) {
            Some(connection) => {
                self.metadata.update_started();
                self.network.begin_request(now, connection, Api::Metadata, metadata::VERSION);
            }
            None => self.connect_any(now, WakeReason::Metadata, wake),
        }
    }

    /// Asks a node for a producer id and epoch when there is none (Java's `bumpIdempotentEpochAndResetIdIfNeeded`).
    pub(super) fn update_producer_id(&mut self, now: Instant, wake: &mut NextWake) {
        let is_due = self.idempotence.next_request().is_some_and(|at| at <= now);
        // Whoever has no topic has nothing to send, and metadata comes first.
        if !is_due || !self.metadata.is_wanted() || self.metadata.is_update_due(now) {
            return;
        }
        match self.network.least_loaded(now) {
            Some(connection) if self.network.speaks_init_producer_id(connection) => {
                self.idempotence.request_started();
                self.network.begin_request(now, connection, Api::InitProducerId, init_producer_id::VERSION);
            }
            // Idempotence is never dropped in silence: the application chose it.
            Some(_) => self.idempotence.fail(ErrorCode::UNSUPPORTED_VERSION),
            None => self.connect_any(now, WakeReason::ProducerId, wake),
        }
    }

    /// No node can be asked now: connects to one, unless that is under way.
    fn connect_any(&mut self, now: Instant, reason: WakeReason, wake: &mut NextWake) {
        if let Some(at) = self.network.next_unthrottled(now) {
            wake.at(now, at, reason);
        }
        // One attempt at a time: an update never opens a second connection (Java's `maybeUpdate`).
        if self.network.is_any_under_way(now) {
            return;
        }
        let (network, random) = (&mut self.network, &mut self.random);
        let soonest = match network.connect_any(now, &mut self.metadata.nodes(), random) {
            NodeState::At(at) => Some(at),
            NodeState::Waiting | NodeState::Ready { .. } => None,
        };
        if network.is_any_under_way(now) {
            return;
        }
        // A throttled broker is not asked by another of its addresses.
        if network.any_ready() {
            if let Some(at) = soonest {
                wake.at(now, at, WakeReason::Reconnect);
            }
            return;
        }
        // No broker of the cluster can be tried now: the bootstrap addresses stay the last resort (KIP-899).
        let mut bootstrap = (1..=self.config.bootstrap.len() as i32).map(i32::wrapping_neg);
        if let NodeState::At(at) = network.connect_any(now, &mut bootstrap, random) {
            wake.at(now, soonest.map_or(at, |soonest| soonest.min(at)), WakeReason::Reconnect);
        } else if let (Some(at), false) = (soonest, network.is_any_under_way(now)) {
            wake.at(now, at, WakeReason::Reconnect);
        }
    }
}
