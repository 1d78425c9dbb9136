use crate::accumulator::{Abort, Accumulator, Outcome, Request};
use crate::code::ErrorCode;
use crate::config::{Settings, Turn, endpoint_of};
use crate::counters::{Counters, add};
use crate::idempotence::{Answered, Idempotence};
use crate::metadata::Metadata;
use crate::network::{DisconnectReason, Exchange, Outbound};
use crate::node::Node;
use crate::protocol::{Api, Response, Sink, init_producer_id};
use crate::time::Tick;
use crate::transport::Endpoint;
use crate::wire::{FrameWriter, Malformed};

/// What the network exchanges with while it is polled: all of the sender but the network.
// In this order: what is used most lies near its beginning, where an access is short, and counters lie between words, for
// next to smaller fields they would be made elsewhere and copied, by a `memcpy` of a kilobyte.
#[repr(C)]
pub(crate) struct Joined<'a> {
    pub(crate) accumulator: Accumulator<'a>,
    pub(crate) turn: Turn<'a>,
    pub(crate) counters: Counters,
    pub(crate) metadata: Metadata<'a>,
    pub(crate) idempotence: Idempotence<'a>,
    /// The produce request whose answer goes by.
    pub(super) answering: Request,
    pub(super) metadata_answered: bool,
}

impl Sink for Joined<'_> {
    fn topic_name(&self, index: u16) -> Option<&'static str> {
        self.metadata.topic_name(index)
    }

    fn metadata(&mut self) {
        self.metadata.begin();
    }

    fn broker(&mut self, id: i32) {
        self.metadata.begin_broker(id);
    }

    fn broker_host(&mut self, byte: u8) {
        self.metadata.host(byte);
    }

    fn broker_port(&mut self, port: i32) {
        self.metadata.port(port);
    }

    fn topic(&mut self, topic: u16, error: ErrorCode, partitions: u32) {
        self.metadata.begin_topic(topic, error, partitions);
    }

    fn partition(&mut self, topic: u16, index: i32, leader: i32) {
        self.metadata.partition(topic, index, leader);
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn produced(&mut self, response: &Response) {
        let place = self.accumulator.partition_index(response.topic(), response.index().cast_unsigned());
        // An answer for a partition that was not asked about changes nothing.
        let Some(place) = place else { return };
        let Some(batch) = self.accumulator.in_flight(self.answering, place) else { return };
        self.settle(batch, place, response);
    }
}

impl Exchange for Joined<'_> {
    #[cfg_attr(target_os = "none", inline(never))]
    fn endpoint(&self, node: Node) -> Option<Endpoint<'_>> {
        let Some(index) = node.bootstrap_index() else {
            // Taken apart, or it would be copied byte by byte.
            let Endpoint { host, port } = self.metadata.endpoint(node)?;
            return Some(Endpoint { host, port });
        };
        endpoint_of(self.turn.settings.bootstrap.get(index)?)
    }

    fn write<'b>(&'b self, request: &Outbound, frame: &mut FrameWriter<'_, 'b>) {
        self.write_request(request, frame);
    }

    fn written(&mut self, frame: &Outbound) -> bool {
        if frame.api != Api::Produce {
            return false;
        }
        add(&mut self.counters.produce_requests, 1);
        if self.turn.settings.acks.on_the_wire() != 0 {
            return false;
        }
        let request = Request { connection: frame.connection, correlation_id: frame.correlation_id };
        for partition in 0..self.accumulator.partitions() {
            if let Some(batch) = self.accumulator.in_flight(request, partition) {
                self.accumulator.complete(batch, Outcome::DELIVERED_SOMEWHERE, &mut self.counters);
            }
        }
        true
    }

    fn answering(&mut self, connection: u8, correlation_id: i32) {
        self.answering = Request { connection, correlation_id };
    }

    fn produce_answered(&mut self, connection: u8, correlation_id: i32) -> Result<(), Malformed> {
        let request = Request { connection, correlation_id };
        let left_out = |partition| self.accumulator.in_flight(request, partition).is_some();
        if (0..self.accumulator.partitions()).any(left_out) { Err(Malformed) } else { Ok(()) }
    }

    fn metadata_answered(&mut self) {
        self.metadata_answered = true;
    }

    fn producer_id_answered(&mut self, answer: init_producer_id::Answer) {
        match self.idempotence.answered(answer, &mut self.turn) {
            Answered::Ready => add(&mut self.counters.producer_ids, 1),
            Answered::Again | Answered::Fatal => {}
            Answered::FailWaiting(code) => self.accumulator.abort(Abort::Waiting(code), &mut self.counters),
        }
    }

    fn disconnected(&mut self, connection: u8, reason: DisconnectReason) {
        self.fail_in_flight(connection, reason);
        if reason != DisconnectReason::Closed {
            self.metadata.request_update();
        }
    }

    fn unanswered(&mut self, api: Api) {
        match api {
            Api::Metadata => self.metadata.update_failed(&mut self.turn),
            Api::InitProducerId => self.idempotence.request_failed(&mut self.turn),
            Api::ApiVersions | Api::Produce => {}
        }
    }

    fn now(&self) -> Tick {
        self.turn.now
    }

    fn counters(&mut self) -> &mut Counters {
        &mut self.counters
    }

    fn settings(&self) -> &Settings<'_> {
        &self.turn.settings
    }

    fn after_reconnect_backoff(&mut self, failures: u8) -> Tick {
        self.turn.after_reconnect_backoff(failures)
    }
}
