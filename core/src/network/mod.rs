//! Connections to brokers and the requests on them: Java's `NetworkClient`, `ClusterConnectionStates` and
//! `InFlightRequests`.
//!
//! A connection goes from nothing over connecting (name resolution is the transport's, and part of it) and checking
//! API versions to ready, and from anywhere into a backoff. Requests are answered strictly in order. A frame is
//! finished or its connection is closed.

mod connect;
mod connection;
mod poll;
mod receive;

use connection::State;
pub use connection::{ConnectionSlot, DisconnectReason};

use core::task::Context;

use crate::config::Settings;
use crate::counters::Counters;
use crate::node::Node;
use crate::protocol::{Api, Sink, init_producer_id};
use crate::time::Tick;
use crate::transport::Endpoint;
use crate::wire::{FrameWriter, Malformed};

/// What the network layer asks of the layer that joins it with the others.
pub(crate) trait Exchange: Sink {
    /// Where a node listens; `None` when it is not known any more.
    fn endpoint(&self, node: Node) -> Option<Endpoint<'_>>;

    /// Writes a request's frame behind its length. Called again for each piece that goes out of it: it must then write the
    /// same bytes.
    fn write<'b>(&'b self, request: &Outbound, frame: &mut FrameWriter<'_, 'b>);

    /// The last byte of a request's frame was given to the transport. Says whether nothing will answer it.
    fn written(&mut self, request: &Outbound) -> bool;

    /// Parts of the answer to this produce request follow.
    fn answering(&mut self, connection: u8, correlation_id: i32);

    /// The answer to a produce request was whole. An error when it left out a batch of the request.
    fn produce_answered(&mut self, connection: u8, correlation_id: i32) -> Result<(), Malformed>;

    /// The answer to a metadata request was whole.
    fn metadata_answered(&mut self);

    /// The answer to a request for a producer id was whole.
    fn producer_id_answered(&mut self, answer: init_producer_id::Answer);

    /// A connection is gone, and all its batches are without an answer.
    fn disconnected(&mut self, connection: u8, reason: DisconnectReason);

    /// So is this request of that connection.
    fn unanswered(&mut self, api: Api);

    fn now(&self) -> Tick;

    /// Where to count.
    fn counters(&mut self) -> &mut Counters;

    fn settings(&self) -> &Settings<'_>;

    /// When a node may be tried again after so many failures.
    fn after_reconnect_backoff(&mut self, failures: u8) -> Tick;
}

/// A request whose frame is being written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outbound {
    pub(crate) connection: u8,
    pub(crate) api: Api,
    pub(crate) version: i16,
    pub(crate) correlation_id: i32,
}

/// What a poll of the network is given, besides the transport.
pub(crate) struct Surroundings<'p, 'c, E> {
    pub(crate) cx: &'p mut Context<'c>,
    pub(crate) exchange: &'p mut E,
    /// Where pieces of responses are received.
    pub(crate) receive: &'p mut [u8],
}

pub(crate) struct Network<'a> {
    connections: &'a mut [ConnectionSlot],
    last_disconnect: Option<DisconnectReason>,
}

impl<'a> Network<'a> {
    pub(crate) fn new(connections: &'a mut [ConnectionSlot]) -> Self {
        // Not by `fill_with`, which makes them elsewhere and copies them.
        for (number, slot) in connections.iter_mut().enumerate() {
            *slot = ConnectionSlot::new();
            slot.connection = number as u8;
        }
        Self { connections, last_disconnect: None }
    }

    /// The place of a node's connection; none of the places, when it has none.
    #[cfg_attr(target_os = "none", inline(never))]
    fn place_of(&self, node: Node) -> usize {
        self.connections.iter().position(|slot| slot.node == node).unwrap_or(usize::MAX)
    }

    /// How far the connection is that is farthest.
    #[cfg_attr(target_os = "none", inline(never))]
    fn farthest(&self) -> State {
        let mut farthest = State::Closed;
        for slot in self.connections.iter() {
            farthest = farthest.max(slot.state);
        }
        farthest
    }

    /// Whether any connection can carry requests.
    pub(crate) fn any_ready(&self) -> bool {
        self.farthest() >= State::Ready
    }

    /// Whether no connection is open, being opened, or waiting to be: nobody needs one.
    pub(crate) fn rests(&self) -> bool {
        self.is_idle() && self.soonest(Tick::ZERO) == Tick::NEVER
    }

    /// Whether no connection is open or being opened.
    pub(crate) fn is_idle(&self) -> bool {
        self.farthest() == State::Closed
    }

    /// The first end, after `now`, of a backoff or of the time that a broker is left alone; never, when there is none.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn soonest(&self, now: Tick) -> Tick {
        let mut soonest = Tick::NEVER;
        for slot in self.connections.iter() {
            if slot.until > now && slot.state != State::Connecting {
                soonest = soonest.min(slot.until);
            }
        }
        soonest
    }

    /// Why the last connection, or attempt to connect, ended.
    pub(crate) fn last_disconnect(&self) -> Option<DisconnectReason> {
        self.last_disconnect
    }

    /// The clock was set back.
    pub(crate) fn set_back(&mut self, by_ms: u32) {
        for slot in self.connections.iter_mut() {
            slot.set_back(by_ms);
        }
    }
}
