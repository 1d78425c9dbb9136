use heapless::Vec;

use super::receive::Incoming;
use super::send::Outgoing;
use crate::config::MAX_IN_FLIGHT;
use crate::protocol::{Api, api_versions::Usable};
use crate::time::Instant;

/// Why a connection, or the attempt to open one, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The transport reported an error of this kind: `NotFound`, the name does not resolve; `ConnectionRefused`,
    /// nobody listens; and so on.
    Transport(embedded_io::ErrorKind),
    /// The peer closed the connection.
    PeerClosed,
    /// The connection was not set up within `socket_connection_setup_timeout_ms`.
    SetupTimeout,
    /// A request was not answered within `request_timeout_ms`.
    RequestTimeout,
    /// A response was not what the protocol allows; perhaps the port speaks something else.
    MalformedResponse,
    /// The peer does not speak a version of a request that this producer needs.
    UnsupportedVersion,
    /// The producer closed it: `close`, a broker that listens elsewhere now, room for another broker, or
    /// `connections_max_idle_ms`.
    Closed,
}

impl core::fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        use embedded_io::ErrorKind;
        match self {
            Self::Transport(ErrorKind::NotFound) => f.write_str("the name does not resolve"),
            Self::Transport(ErrorKind::ConnectionRefused) => f.write_str("connection refused"),
            Self::Transport(kind) => write!(f, "transport error {kind:?}"),
            Self::PeerClosed => f.write_str("closed by the peer"),
            Self::SetupTimeout => f.write_str("no connection within socket_connection_setup_timeout_ms"),
            Self::RequestTimeout => f.write_str("no answer within request_timeout_ms"),
            Self::MalformedResponse => {
                f.write_str("malformed response: perhaps the port speaks something else")
            }
            Self::UnsupportedVersion => f.write_str("the broker does not speak a version that is needed"),
            Self::Closed => f.write_str("closed by the producer"),
        }
    }
}

// Its own tag, and 0 for the slot that was never used: lent memory must be all zero to lie in `.bss`.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No node, or one that was left alone.
    Free = 0,
    /// The transport resolves and connects, until then.
    Connecting {
        deadline: Instant,
    },
    /// Connected; the answer to ApiVersions is awaited.
    CheckingApiVersions,
    Ready,
    /// Ended; not tried again before then.
    Backoff {
        until: Instant,
    },
}

/// When a connection that is to be closed will be.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    Not = 0,
    AtOnce,
    /// When nothing is in flight on it.
    Unused,
}

/// A request that was begun and has no answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct InFlight {
    pub(super) api: Api,
    pub(super) version: i16,
    pub(super) correlation_id: i32,
    pub(super) deadline: Instant,
}

/// One connection to a broker. Lent to the producer through [`Storage`](crate::Storage).
#[derive(Debug)]
pub struct ConnectionSlot {
    pub(super) node: Option<i32>,
    pub(super) state: State,
    /// A digest of the endpoint that was connected to, to notice when the node listens elsewhere.
    pub(super) endpoint: Option<u32>,
    /// To be closed, and taking no further request until then.
    pub(super) leaving: Leaving,
    /// Ends in a row without having become ready.
    pub(super) failures: u8,
    /// Setup timeouts in a row.
    pub(super) setup_failures: u8,
    pub(super) last_attempt: Instant,
    pub(super) last_used: Instant,
    pub(super) throttled_until: Instant,
    pub(super) next_correlation_id: i32,
    pub(super) usable: Usable,
    // Metadata and ApiVersions obey the same limit as Produce.
    pub(super) in_flight: Vec<InFlight, { MAX_IN_FLIGHT }>,
    pub(super) outgoing: Outgoing,
    pub(super) incoming: Incoming,
    pub(super) drain_index: u16,
}

impl ConnectionSlot {
    /// A slot that was never used.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            node: None,
            state: State::Free,
            endpoint: None,
            leaving: Leaving::Not,
            failures: 0,
            setup_failures: 0,
            last_attempt: Instant::from_millis(0),
            last_used: Instant::from_millis(0),
            throttled_until: Instant::from_millis(0),
            next_correlation_id: 0,
            usable: Usable::NONE,
            in_flight: Vec::new(),
            outgoing: Outgoing::new(),
            incoming: Incoming::new(),
            drain_index: 0,
        }
    }

    /// Makes it another node's. Correlation ids go on: an answer that is late must never fit a new request.
    pub(super) fn assign(&mut self, node: i32) {
        self.node = Some(node);
        self.failures = 0;
        self.setup_failures = 0;
        self.throttled_until = Instant::from_millis(0);
        self.drain_index = 0;
    }

    pub(super) fn is_open(&self) -> bool {
        match self.state {
            State::Free | State::Backoff { .. } => false,
            State::Connecting { .. } | State::CheckingApiVersions | State::Ready => true,
        }
    }

    /// Java's `InFlightRequests.canSendMore`: the last request is written, and there is room for another.
    pub(super) fn can_send_more(&self, max_in_flight: usize) -> bool {
        self.outgoing.is_idle() && self.in_flight.len() < max_in_flight
    }

    /// Nobody waits for anything on it.
    pub(super) fn is_unused(&self) -> bool {
        self.outgoing.is_idle() && self.in_flight.is_empty()
    }
}

impl Default for ConnectionSlot {
    fn default() -> Self {
        Self::new()
    }
}
