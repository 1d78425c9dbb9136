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
mod send;

use connection::State;
pub use connection::{ConnectionSlot, DisconnectReason};
pub(crate) use poll::Surroundings;

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

    /// The last byte of a request's frame was given to the transport.
    fn written(&mut self, request: &Outbound);

    /// Parts of the answer to this produce request follow.
    fn answering(&mut self, connection: u8, correlation_id: i32);

    /// The answer to a produce request was whole. An error when it left out a batch of the request.
    fn produce_answered(&mut self, connection: u8, correlation_id: i32) -> Result<(), Malformed>;

    /// The answer to a metadata request was whole.
    fn metadata_answered(&mut self);

    /// The answer to a request for a producer id was whole.
    fn producer_id_answered(&mut self, answer: init_producer_id::Answer);

    /// A connection is gone, and all its requests are without an answer.
    fn disconnected(&mut self, connection: u8, reason: DisconnectReason, unanswered: Unanswered);

    /// Where to count.
    fn counters(&mut self) -> &mut Counters;

    fn settings(&self) -> &Settings<'_>;

    /// When a node may be tried again after so many failures.
    fn after_reconnect_backoff(&mut self, failures: u8) -> Tick;
}

/// Which requests, besides those with batches, a connection took with it when it ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unanswered {
    pub(crate) metadata: bool,
    pub(crate) init_producer_id: bool,
}

/// A request whose frame is being written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outbound {
    pub(crate) connection: u8,
    pub(crate) api: Api,
    pub(crate) version: i16,
    pub(crate) correlation_id: i32,
}

/// How a node stands for somebody who wants to send to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeState {
    /// This connection takes a request now.
    Ready { connection: u8 },
    /// Not before then; never: not before the transport, or an answer, moves it.
    At(Tick),
}

pub(crate) struct Network<'a> {
    connections: &'a mut [ConnectionSlot],
    last_disconnect: Option<DisconnectReason>,
}

impl<'a> Network<'a> {
    pub(crate) fn new(connections: &'a mut [ConnectionSlot]) -> Self {
        // Not by `fill_with`, which makes them elsewhere and copies them.
        for slot in connections.iter_mut() {
            *slot = ConnectionSlot::new();
        }
        Self { connections, last_disconnect: None }
    }

    pub(crate) fn len(&self) -> u8 {
        self.connections.len() as u8
    }

    // Called from everywhere: inlined, it would be many copies.
    #[cfg_attr(target_os = "none", inline(never))]
    fn get(&self, connection: u8) -> Option<&ConnectionSlot> {
        self.connections.get(usize::from(connection))
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn get_mut(&mut self, connection: u8) -> Option<&mut ConnectionSlot> {
        self.connections.get_mut(usize::from(connection))
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn connection_of(&self, node: Node) -> Option<u8> {
        self.connections.iter().position(|slot| slot.node == node).map(|index| index as u8)
    }

    /// Whether any connection can carry requests.
    pub(crate) fn any_ready(&self) -> bool {
        self.connections.iter().any(|slot| slot.state == State::Ready)
    }

    /// Whether no connection is open, being opened, or waiting to be: nobody needs one.
    pub(crate) fn rests(&self) -> bool {
        self.connections.iter().all(|slot| slot.state == State::Free)
    }

    /// Whether no connection is open or being opened.
    pub(crate) fn is_idle(&self) -> bool {
        self.connections.iter().all(|slot| !slot.is_open())
    }

    /// When the first connection that is only throttled may be used again; never, when none is.
    pub(crate) fn next_unthrottled(&self, now: Tick) -> Tick {
        self.soonest(State::Ready, now)
    }

    /// The first end, after `now`, of what connections in this state wait for.
    #[cfg_attr(target_os = "none", inline(never))]
    fn soonest(&self, state: State, now: Tick) -> Tick {
        let waiting = self.connections.iter().filter(|slot| slot.state == state && slot.until > now);
        waiting.fold(Tick::NEVER, |soonest, slot| soonest.min(slot.until))
    }

    /// Why the last connection, or attempt to connect, ended.
    pub(crate) fn last_disconnect(&self) -> Option<DisconnectReason> {
        self.last_disconnect
    }

    /// The version of Produce to use on a connection.
    pub(crate) fn produce_version(&self, connection: u8) -> i16 {
        self.get(connection).map_or(0, |slot| slot.usable.produce_version())
    }

    /// Whether a connection's broker gives producer ids.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn speaks_init_producer_id(&self, connection: u8) -> bool {
        self.get(connection).is_some_and(|slot| slot.usable.speaks_init_producer_id())
    }

    /// Where the next drain for a connection's node begins.
    pub(crate) fn drain_index_mut(&mut self, connection: u8) -> Option<&mut u16> {
        self.get_mut(connection).map(|slot| &mut slot.drain_index)
    }

    /// The correlation id that the next request on this connection will have.
    pub(crate) fn next_correlation_id(&self, connection: u8) -> i32 {
        self.get(connection).map_or(0, |slot| slot.next_correlation_id)
    }

    /// Begins a request on a connection that [`node_state`](Self::node_state) called ready.
    pub(crate) fn begin_request(&mut self, now: Tick, connection: u8, api: Api, settings: &Settings<'_>) {
        if let Some(slot) = self.get_mut(connection) {
            slot.begin_request(now, api, settings.request_timeout_ms);
        }
    }

    /// The clock was set back.
    pub(crate) fn set_back(&mut self, by_ms: u32) {
        for slot in self.connections.iter_mut() {
            slot.set_back(by_ms);
        }
    }
}
