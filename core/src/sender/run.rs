use core::task::Context;

use super::{Joined, Sender};
use crate::accumulator::{Candidate, Request, Take};
use crate::batch::Stamp;
use crate::code::ErrorCode;
use crate::counters::add;
use crate::delivery::DeliveryError;
use crate::idempotence::Gap;
use crate::network::Surroundings;
use crate::node::Node;
use crate::protocol::Api;
use crate::time::{NextWake, Tick, WakeReason};
use crate::transport::Transport;

impl Sender<'_> {
    /// Java's `sendProducerData`, in its order.
    pub(super) fn send_producer_data(&mut self, now: Tick, wake: &mut NextWake) {
        self.ask_for_unknown_leaders();
        // Metadata has priority: while an update is due, no node is ready (Java's `NetworkClient.isReady`).
        if !self.joined.metadata.is_update_due(now) && self.joined.idempotence.may_send() {
            for index in 0.. {
                let node = self.joined.metadata.node(index);
                if node.is_none() {
                    break;
                }
                if self.is_node_ready(now, node, wake) {
                    self.send_to(now, node, wake);
                }
            }
        }
        let (metadata, connected) = (&self.joined.metadata, self.network.any_ready());
        let cause = |topic| match metadata.error_of(topic) {
            ErrorCode::NONE if !connected => ErrorCode::NETWORK_EXCEPTION,
            error => error,
        };
        self.joined.accumulator.expire(now, cause, &mut self.joined.counters);
    }

    /// Renumbers what waits in partitions whose broker's sequence differs from ours, as soon as that is safe.
    pub(super) fn close_gaps(&mut self) {
        for partition in 0..self.joined.accumulator.partitions() {
            while self.joined.accumulator.may_close_gap(partition) {
                let first = self.joined.accumulator.first_sequence(partition);
                match self.joined.idempotence.close_gap(partition, first) {
                    Gap::Open => break,
                    Gap::FailFirst => {
                        let error = DeliveryError::Failed(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
                        self.joined.accumulator.fail_first(partition, error, &mut self.joined.counters);
                        continue;
                    }
                    Gap::Closed => {}
                    Gap::Renumber { is_new_epoch } => {
                        let Joined { accumulator, idempotence, counters, .. } = &mut self.joined;
                        accumulator.renumber(partition, |records| idempotence.stamp(partition, records));
                        add(&mut counters.epoch_bumps, usize::from(is_new_epoch));
                    }
                }
                self.joined.accumulator.close_gap(partition);
            }
        }
    }

    fn ask_for_unknown_leaders(&mut self) {
        let mut unknown = self.joined.accumulator.awaits_metadata();
        for partition in 0..self.joined.accumulator.partitions() {
            let waits = self.joined.accumulator.ready_at(partition) < Tick::NEVER;
            unknown |= waits && self.joined.metadata.leader(partition).is_none();
        }
        if unknown {
            self.joined.metadata.request_update();
        }
    }

    /// Whether batches wait for a leader that cannot be reached.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn waits_for_failing_leader(&self) -> bool {
        (0..self.joined.accumulator.partitions()).any(|partition| {
            self.joined.accumulator.ready_at(partition) < Tick::NEVER
                && self.network.is_failing(self.joined.metadata.leader(partition))
        })
    }

    /// Whether one of the node's partitions has a batch that should be sent now; adds when the next will have one.
    fn is_node_ready(&self, now: Tick, node: Node, wake: &mut NextWake) -> bool {
        let mut ready = false;
        for partition in 0..self.joined.accumulator.partitions() {
            if self.joined.metadata.leader(partition) != node {
                continue;
            }
            let at = self.joined.accumulator.ready_at(partition);
            if at <= now {
                ready = true;
            } else {
                wake.at(at, WakeReason::BatchReady);
            }
        }
        ready
    }

    /// Begins one produce request with the first batch of each of the node's partitions, if the node takes one.
    fn send_to(&mut self, now: Tick, node: Node, wake: &mut NextWake) {
        let to = match self.network.ready(node, &mut self.joined.turn) {
            Ok(connection) => connection,
            Err(at) => return wake.at(at, WakeReason::Reconnect),
        };
        let (connection, correlation_id) = to.next_request();
        let request = Request { connection, correlation_id };
        let max_bytes = self.joined.turn.settings.max_request_bytes as usize;
        let version = to.produce_version();
        let (metadata, idempotence) = (&self.joined.metadata, &mut self.joined.idempotence);
        let mut taken = 0usize;
        to.drain_index = self.joined.accumulator.drain(now, request, to.drain_index, |candidate| {
            let Candidate { partition, is_new, outstanding, .. } = candidate;
            if metadata.leader(partition) != node || !idempotence.may_drain(partition, outstanding, version) {
                return Take::No;
            }
            let with_this = taken.wrapping_add(candidate.bytes);
            // The first batch always goes (Java's `drainBatchesForOneNode`).
            if taken > 0 && with_this > max_bytes {
                return Take::Full;
            }
            taken = with_this;
            Take::Yes(if is_new { idempotence.stamp(partition, candidate.records) } else { Stamp::NONE })
        });
        if taken > 0 {
            to.begin_request(now, Api::Produce, self.joined.turn.settings.request_timeout_ms);
        }
    }

    pub(super) fn poll_network<T: Transport + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        transport: &mut T,
        closing: bool,
        wake: &mut NextWake,
    ) {
        let Self { network, joined, receive, .. } = self;
        network.poll(transport, &mut Surroundings { cx, exchange: joined, receive }, closing, wake);
        if core::mem::take(&mut self.joined.metadata_answered) {
            self.take_over_metadata();
        }
    }

    /// A metadata response was whole: what it says reaches the accumulator and the connections.
    #[inline]
    fn take_over_metadata(&mut self) {
        if !self.joined.metadata.update_ended(&mut self.joined.turn) {
            return;
        }
        add(&mut self.joined.counters.metadata_updates, 1);
        for place in 0..self.joined.metadata.places() {
            let is_led = !self.joined.metadata.leader(place).is_none();
            self.joined.accumulator.set_led(place, is_led);
        }
        for topic in 0..self.joined.metadata.asked_topics() {
            let Joined { accumulator, turn, counters, metadata, .. } = &mut self.joined;
            // What Java's `send` throws for at once: asking again will not make the topic appear.
            let error = match metadata.error_of(topic) {
                error @ (ErrorCode::INVALID_TOPIC_EXCEPTION | ErrorCode::TOPIC_AUTHORIZATION_FAILED) => error,
                _ => ErrorCode::NONE,
            };
            let count = metadata.partition_count(topic).unwrap_or(0);
            accumulator.set_partitions(topic, count, error, &mut turn.random, counters);
        }
        for place in 0.. {
            let node = self.joined.metadata.node(place);
            if node.is_none() {
                break;
            }
            if let Some(to) = self.joined.metadata.endpoint(node) {
                self.network.listens_at(node, to);
            }
        }
    }

    pub(super) fn add_deadlines(&self, now: Tick, wake: &mut NextWake) {
        wake.at(self.joined.accumulator.next_expiry(), WakeReason::DeliveryTimeout);
        // The application takes the delivery after this poll, and nothing else may call for the next one.
        if self.joined.accumulator.awaits_report() {
            let soon = now.after_ms(self.joined.turn.settings.retry_backoff_ms.max(1));
            wake.at(soon, WakeReason::BatchReady);
        }
        // Due already: it waits for a connection, which wakes us itself.
        let update = self.joined.metadata.next_update();
        if update > now {
            wake.at(update, WakeReason::Metadata);
        }
        let request = self.joined.idempotence.next_request();
        if request > now {
            wake.at(request, WakeReason::ProducerId);
        }
        wake.at(self.close_deadline, WakeReason::Close);
    }
}
