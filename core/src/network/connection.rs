use heapless::Vec;

use super::receive::Incoming;
use super::send::Outgoing;
use crate::config::MAX_IN_FLIGHT;
use crate::node::Node;
use crate::protocol::{Api, api_versions::Usable};
use crate::time::Tick;

/// Brokers ask for at most one quota window, some ten seconds; whoever asks for more is not obeyed longer.
const THROTTLE_MS_MAX: u32 = 60_000;

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
    /// The transport resolves and connects.
    Connecting,
    /// Connected; the answer to ApiVersions is awaited.
    CheckingApiVersions,
    Ready,
    /// Ended, and not to be tried again at once.
    Backoff,
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
    /// The lower half of its correlation id: few are in flight, and their ids near each other.
    pub(super) serial: u16,
    pub(super) deadline: Tick,
}

/// One connection to a broker. Lent to the producer through [`Storage`](crate::Storage).
#[derive(Debug)]
pub struct ConnectionSlot {
    pub(super) node: Node,
    /// A digest of the endpoint that was connected to, to notice when the node listens elsewhere; 0 before that.
    pub(super) endpoint: u32,
    pub(super) state: State,
    /// To be closed, and taking no further request until then.
    pub(super) leaving: Leaving,
    /// Ends in a row without having become ready.
    pub(super) failures: u8,
    /// Setup timeouts in a row.
    pub(super) setup_failures: u8,
    /// By its state: when setting it up times out, when its backoff ends, or until when its broker is to be left alone.
    pub(super) until: Tick,
    pub(super) last_attempt: Tick,
    pub(super) last_used: Tick,
    pub(super) next_correlation_id: i32,
    pub(super) usable: Usable,
    // Metadata and ApiVersions obey the same limit as Produce.
    pub(super) in_flight: Vec<InFlight, { MAX_IN_FLIGHT }, u8>,
    pub(super) drain_index: u16,
    pub(super) outgoing: Outgoing,
    pub(super) incoming: Incoming,
}

impl ConnectionSlot {
    /// A slot that was never used.
    // Made where it lies: the move of a larger value is a call of `memcpy`.
    #[inline(always)]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            node: Node::NONE,
            endpoint: 0,
            state: State::Free,
            leaving: Leaving::Not,
            failures: 0,
            setup_failures: 0,
            until: Tick::ZERO,
            last_attempt: Tick::ZERO,
            last_used: Tick::ZERO,
            next_correlation_id: 0,
            usable: Usable::NONE,
            in_flight: Vec::new(),
            drain_index: 0,
            outgoing: Outgoing::new(),
            incoming: Incoming::new(),
        }
    }

    /// Makes it another node's. Correlation ids go on: an answer that is late must never fit a new request.
    pub(super) fn assign(&mut self, node: Node) {
        self.node = node;
        self.setup_failures = 0;
        self.drain_index = 0;
    }

    pub(super) fn is_open(&self) -> bool {
        match self.state {
            State::Free | State::Backoff => false,
            State::Connecting | State::CheckingApiVersions | State::Ready => true,
        }
    }

    /// It can carry requests, and its broker is not to be left alone.
    pub(super) fn is_usable(&self, now: Tick) -> bool {
        self.state == State::Ready && self.until <= now
    }

    /// Java's `InFlightRequests.canSendMore`: the last request is written, and there is room for another.
    pub(super) fn can_send_more(&self, max_in_flight: u8) -> bool {
        self.outgoing.is_idle() && self.in_flight.len() < usize::from(max_in_flight)
    }

    /// Nobody waits for anything on it.
    pub(super) fn is_unused(&self) -> bool {
        self.outgoing.is_idle() && self.in_flight.is_empty()
    }

    /// When it is closed because it carries nothing; never, while it carries something, or with a time of 2^32 - 1 ms.
    pub(super) fn idle_end(&self, max_idle_ms: u32) -> Tick {
        if self.is_unused() { self.last_used.after_ms(max_idle_ms) } else { Tick::NEVER }
    }

    pub(super) fn begin_request(&mut self, now: Tick, api: Api, timeout_ms: u32) {
        let correlation_id = self.next_correlation_id;
        self.next_correlation_id = correlation_id.wrapping_add(1);
        self.last_used = now;
        self.outgoing.begin();
        let deadline = now.after_ms(timeout_ms);
        // There was room: a ready connection has less than the most in flight.
        let _ = self.in_flight.push(InFlight { api, serial: correlation_id as u16, deadline });
    }

    /// Sends nothing for the time that the broker has asked for with its answer (KIP-219). Says whether it did.
    pub(super) fn throttle(&mut self, now: Tick) -> bool {
        let throttle_ms = u32::try_from(self.incoming.response.throttle_ms).unwrap_or(0).min(THROTTLE_MS_MAX);
        self.until = self.until.max(now.after_ms(throttle_ms));
        // A broker leaves what it has not read yet alone for as long: that is not lateness (Java's
        // `incrementThrottleTime`).
        for request in self.in_flight.iter_mut() {
            request.deadline = request.deadline.after_ms(throttle_ms);
        }
        throttle_ms > 0
    }

    /// The oldest request has its answer.
    pub(super) fn forget_first(&mut self) {
        // Few, and small. `Vec::remove` would be the only caller of a `memmove` of 1.6 KB.
        let Some(mut next) = self.in_flight.last().copied() else { return };
        for request in self.in_flight.iter_mut().rev() {
            core::mem::swap(request, &mut next);
        }
        self.in_flight.pop();
    }

    /// The request that the next answer is for, if it is wholly written, and its correlation id.
    pub(super) fn awaited(&self) -> Option<(Api, i32)> {
        let InFlight { api, serial, .. } = *self.in_flight.first()?;
        let next = self.next_correlation_id;
        let correlation_id = next.wrapping_sub(i32::from((next as u16).wrapping_sub(serial)));
        // The one that was begun last may not be wholly written.
        let is_written = self.outgoing.is_idle() || self.in_flight.len() > 1;
        is_written.then_some((api, correlation_id))
    }

    pub(super) fn set_back(&mut self, by_ms: u32) {
        self.until.set_back(by_ms);
        self.last_attempt.set_back(by_ms);
        self.last_used.set_back(by_ms);
        for request in self.in_flight.iter_mut() {
            request.deadline.set_back(by_ms);
        }
    }
}

impl Default for ConnectionSlot {
    fn default() -> Self {
        Self::new()
    }
}
