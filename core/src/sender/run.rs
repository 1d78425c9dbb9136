use core::task::Context;

use super::Sender;
use super::exchange::Joined;
use crate::accumulator::{Readiness, Request};
use crate::code::ErrorCode;
use crate::network::{Network, NodeState, Surroundings};
use crate::protocol::{Api, metadata};
use crate::random::Random;
use crate::time::{Instant, NextWake, WakeReason};
use crate::transport::Transport;

impl Sender<'_> {
    /// Java's `sendProducerData`, in its order.
    pub(super) fn send_producer_data(&mut self, now: Instant, wake: &mut NextWake) {
        self.ask_for_unknown_leaders();
        // Metadata has priority: while an update is due, no node is ready (Java's `NetworkClient.isReady`).
        if !self.metadata.is_update_due(now) {
            for index in 0.. {
                let Some(node) = self.metadata.nodes().nth(index) else { break };
                if self.is_node_ready(now, node, wake) {
                    self.send_to(now, node, wake);
                }
            }
        }
        let (metadata, connected) = (&self.metadata, self.network.any_ready());
        let cause = |topic| match metadata.error_of(topic) {
            ErrorCode::NONE if !connected => ErrorCode::NETWORK_EXCEPTION,
            error => error,
        };
        self.accumulator.expire(now, cause, &mut self.counters);
    }

    fn ask_for_unknown_leaders(&mut self) {
        let partitions = 0..self.accumulator.partitions();
        let leaderless = |partition: u16| {
            self.accumulator.has_queued(partition) && self.metadata.leader(partition).is_none()
        };
        let mut topics = (0u16..).map_while(|topic| self.metadata.topic_name(topic).map(|_| topic));
        if partitions.into_iter().any(leaderless)
            || topics.any(|topic| self.accumulator.awaits_metadata(topic))
        {
            self.metadata.request_update();
        }
    }

    /// Whether batches wait for a leader that cannot be reached.
    pub(crate) fn waits_for_failing_leader(&self) -> bool {
        let failing = |node| self.network.is_failing(node);
        (0..self.accumulator.partitions()).any(|partition| {
            self.accumulator.has_queued(partition) && self.metadata.leader(partition).is_some_and(failing)
        })
    }

    /// Whether one of the node's partitions has a batch that should be sent now; adds when the next will have one.
    fn is_node_ready(&self, now: Instant, node: i32, wake: &mut NextWake) -> bool {
        let mut ready = false;
        for partition in 0..self.accumulator.partitions() {
            if self.metadata.leader(partition) != Some(node) {
                continue;
            }
            match self.accumulator.readiness(now, partition) {
                Readiness::Idle => {}
                Readiness::At(at) => wake.at(now, at, WakeReason::BatchReady),
                Readiness::Ready => ready = true,
            }
        }
        ready
    }

    /// Begins one produce request with the first batch of each of the node's partitions, if the node takes one.
    fn send_to(&mut self, now: Instant, node: i32, wake: &mut NextWake) {
        let connection = match self.network.node_state(now, node, &mut self.random) {
            NodeState::Ready { connection } => connection,
            NodeState::At(at) => return wake.at(now, at, WakeReason::Reconnect),
            NodeState::Waiting => return,
        };
        let request = Request { connection, correlation_id: self.network.next_correlation_id(connection) };
        let max_bytes = self.config.max_request_bytes as usize;
        let metadata = &self.metadata;
        let mut taken = 0usize;
        let start = self.network.drain_index_mut(connection).map_or(0, |index| *index);
        let next = self.accumulator.drain(now, request, start, |candidate| {
            if metadata.leader(candidate.partition) != Some(node) {
                return Some(false);
            }
            let with_this = taken.saturating_add(candidate.bytes);
            // The first batch always goes (Java's `drainBatchesForOneNode`).
            if taken > 0 && with_this > max_bytes {
                return None;
            }
            taken = with_this;
            Some(true)
        });
        if let Some(index) = self.network.drain_index_mut(connection) {
            *index = next;
        }
        if taken > 0 {
            let version = self.network.produce_version(connection);
            self.network.begin_request(now, connection, Api::Produce, version);
        }
    }

    /// Asks a node for metadata when that is due; connects to one when none can be asked.
    pub(super) fn update_metadata(&mut self, now: Instant, wake: &mut NextWake) {
        let Some(due) = self.metadata.next_update() else { return };
        if due > now {
            return;
        }
        if let Some(connection) = self.network.least_loaded(now) {
            self.metadata.update_started();
            self.network.begin_request(now, connection, Api::Metadata, metadata::VERSION);
            return;
        }
        if let Some(at) = self.network.next_unthrottled(now) {
            wake.at(now, at, WakeReason::Metadata);
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

    pub(super) fn poll_network<T: Transport + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        transport: &mut T,
        wake: &mut NextWake,
    ) {
        let metadata_answered =
            self.with_network(cx, now, |network, with| network.poll(transport, with, wake));
        if metadata_answered {
            self.take_over_metadata(now);
        }
    }

    pub(super) fn close_connections<T: Transport + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        transport: &mut T,
    ) {
        self.with_network(cx, now, |network, with| network.close_all(transport, with));
    }

    /// Runs `run` on the network with all that it exchanges with. Says whether a metadata response came in.
    fn with_network(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        run: impl FnOnce(&mut Network<'_>, &mut Surroundings<'_, '_, Joined<'_, '_>>),
    ) -> bool {
        let mut joined = Joined {
            now,
            config: &self.config,
            accumulator: &mut self.accumulator,
            metadata: &mut self.metadata,
            counters: &mut self.counters,
            random: Random::new(u64::from(self.random.next_u32())),
            answering: Request { connection: 0, correlation_id: 0 },
            metadata_answered: false,
        };
        let (receive, random) = (&mut *self.receive, &mut self.random);
        run(&mut self.network, &mut Surroundings { cx, now, exchange: &mut joined, receive, random });
        joined.metadata_answered
    }

    /// A metadata response was whole: what it says reaches the accumulator and the connections.
    fn take_over_metadata(&mut self, now: Instant) {
        if !self.metadata.update_ended(now, &mut self.random) {
            return;
        }
        crate::counters::add(&mut self.counters.metadata_updates, 1);
        let mut topic = 0u16;
        while self.metadata.topic_name(topic).is_some() {
            if let Some(count) = self.metadata.partition_count(topic) {
                self.accumulator.set_partitions(topic, count, &mut self.random, &mut self.counters);
            }
            // What Java's `send` throws for at once: asking again will not make the topic appear.
            let error = self.metadata.error_of(topic);
            if matches!(error, ErrorCode::INVALID_TOPIC_EXCEPTION | ErrorCode::TOPIC_AUTHORIZATION_FAILED) {
                self.accumulator.fail_pending(topic, error, &mut self.counters);
            }
            topic = topic.saturating_add(1);
        }
        self.adopt_bootstrap_connections();
        for node in self.metadata.nodes() {
            let moved = self.metadata.endpoint(node).and_then(|to| self.network.leads_elsewhere(node, to));
            if let Some(connection) = moved {
                self.network.leave(connection);
            }
        }
    }

    /// A connection to a bootstrap address serves the broker that advertises the same address.
    fn adopt_bootstrap_connections(&mut self) {
        for (index, address) in self.config.bootstrap.iter().enumerate() {
            let bootstrap = crate::config::endpoint_of(address);
            let node = self.metadata.nodes().find(|node| self.metadata.endpoint(*node) == bootstrap);
            let bootstrap_node = i32::try_from(index).ok().and_then(|index| (-1i32).checked_sub(index));
            if let (Some(node), Some(from)) = (node, bootstrap_node) {
                self.network.rename(from, node);
            }
        }
    }

    pub(super) fn add_deadlines(&self, now: Instant, wake: &mut NextWake) {
        if let Some(at) = self.accumulator.next_expiry() {
            wake.at(now, at, WakeReason::DeliveryTimeout);
        }
        // Due already: it waits for a connection, which wakes us itself.
        if let Some(at) = self.metadata.next_update().filter(|at| *at > now) {
            wake.at(now, at, WakeReason::Metadata);
        }
        if let Some(deadline) = self.close_deadline {
            wake.at(now, deadline, WakeReason::Close);
        }
    }
}
