use crate::config::MAX_IN_FLIGHT;
use crate::node::Node;
use crate::protocol::{Api, Response, api_versions::Usable};
use crate::time::{Tick, WakeReason};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// Not open, and not to be opened before `until`. That is 0 after an end that was no failure.
    Closed = 0,
    /// The transport resolves and connects.
    Connecting,
    /// Connected; the answer to ApiVersions is awaited.
    CheckingApiVersions,
    Ready,
    /// Takes no further request, and is closed when nothing is in flight on it.
    Leaving,
    /// Leads where its node is no more, and is closed at the next poll.
    Astray,
}

/// Places for requests in flight: a power of two, so that the last bits of a correlation id tell its place.
const REQUESTS: usize = (MAX_IN_FLIGHT + 1).next_power_of_two();

/// One connection to a broker. Lent to the producer through [`Storage`](crate::Storage).
// In this order, for what lies at the beginning is reached by shorter instructions, bytes above all; and what follows a gap
// begins with a word, for otherwise it would be cleared by another `memclr`.
#[repr(C)]
#[derive(Debug)]
pub struct ConnectionSlot {
    pub(super) state: State,
    /// Requests that were begun and have no answer: those whose correlation ids were given last.
    pub(super) in_flight: u8,
    /// The last request that was begun is not wholly written.
    pub(super) is_writing: bool,
    /// The slot's own number.
    pub(super) connection: u8,
    /// Ends in a row without having become ready.
    pub(super) failures: u8,
    pub(super) usable: Usable,
    /// Where the next drain for its node begins.
    pub(crate) drain_index: u16,
    /// Setup timeouts in a row.
    pub(super) setup_failures: u8,
    pub(super) node: Node,
    /// By its state: when it may be tried again, when setting it up times out, or until when its broker is to be left alone.
    pub(super) until: Tick,
    pub(super) next_correlation_id: i32,
    /// Bytes that were written of the frame of the request that was begun last.
    pub(super) sent: u32,
    /// A digest of the endpoint that was connected to, to notice when the node listens elsewhere; 0 before that.
    pub(super) endpoint: u32,
    pub(super) last_attempt: Tick,
    pub(super) last_used: Tick,
    // Metadata and ApiVersions obey the same limit as Produce.
    apis: [Api; REQUESTS],
    deadlines: [Tick; REQUESTS],
    /// The response that is arriving.
    pub(super) response: Response,
}

impl ConnectionSlot {
    /// A slot that was never used.
    // Made where it lies: the move of a larger value is a call of `memcpy`.
    #[inline(always)]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: State::Closed,
            in_flight: 0,
            is_writing: false,
            connection: 0,
            failures: 0,
            setup_failures: 0,
            usable: Usable::NONE,
            drain_index: 0,
            node: Node::NONE,
            until: Tick::ZERO,
            next_correlation_id: 0,
            sent: 0,
            endpoint: 0,
            last_attempt: Tick::ZERO,
            last_used: Tick::ZERO,
            apis: [Api::Produce; REQUESTS],
            deadlines: [Tick::ZERO; REQUESTS],
            response: Response::new(),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.state != State::Closed
    }

    /// It can carry requests, and its broker is not to be left alone.
    pub(super) fn is_usable(&self, now: Tick) -> bool {
        self.state == State::Ready && self.until <= now
    }

    /// It takes a request now: the last is written, and there is room for another (Java's `InFlightRequests.canSendMore`).
    pub(super) fn takes_request(&self, now: Tick, max_in_flight: u8) -> bool {
        self.is_usable(now) && !self.is_writing && self.in_flight < max_in_flight
    }

    /// When its node may be connected to, or asked again; never: not before the transport, or an answer, moves it.
    pub(super) fn waits_until(&self, now: Tick) -> Tick {
        if self.waits(now) { self.until } else { Tick::NEVER }
    }

    /// It is closed, or its broker is to be left alone.
    pub(super) fn waits(&self, now: Tick) -> bool {
        self.state == State::Closed || (self.state == State::Ready && self.until > now)
    }

    /// When it ends unless something moves it, and why.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn end(&self, max_idle_ms: u32) -> (Tick, DisconnectReason, WakeReason) {
        if self.state == State::Connecting {
            return (self.until, DisconnectReason::SetupTimeout, WakeReason::ConnectionSetup);
        }
        if self.in_flight == 0 || self.state == State::Astray {
            // Never, with a time of 2^32 - 1 ms.
            let idle = self.last_used.after_ms(max_idle_ms);
            let end = if self.state > State::Ready { Tick::ZERO } else { idle };
            return (end, DisconnectReason::Closed, WakeReason::IdleConnection);
        }
        let deadline = self.deadlines.get(place(self.oldest())).map_or(Tick::NEVER, |deadline| *deadline);
        (deadline, DisconnectReason::RequestTimeout, WakeReason::RequestTimeout)
    }

    /// The version of Produce to use.
    pub(crate) fn produce_version(&self) -> i16 {
        self.usable.produce_version()
    }

    /// Whether its broker gives producer ids.
    pub(crate) fn speaks_init_producer_id(&self) -> bool {
        self.usable.speaks_init_producer_id()
    }

    /// The slot's number, and the correlation id of its next request.
    pub(crate) fn next_request(&self) -> (u8, i32) {
        (self.connection, self.next_correlation_id)
    }

    /// Begins a request on a connection that takes one.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn begin_request(&mut self, now: Tick, api: Api, timeout_ms: u32) {
        let place = place(self.next_correlation_id);
        if let (Some(to), Some(deadline)) = (self.apis.get_mut(place), self.deadlines.get_mut(place)) {
            (*to, *deadline) = (api, now.after_ms(timeout_ms));
        }
        self.next_correlation_id = self.next_correlation_id.wrapping_add(1);
        self.in_flight = self.in_flight.wrapping_add(1);
        self.last_used = now;
        self.sent = 0;
        self.is_writing = true;
    }

    /// The correlation id of the oldest request in flight.
    pub(super) fn oldest(&self) -> i32 {
        self.next_correlation_id.wrapping_sub(self.in_flight.into())
    }

    pub(super) fn api(&self, correlation_id: i32) -> Api {
        self.apis.get(place(correlation_id)).map_or(Api::Produce, |api| *api)
    }

    /// The oldest request waits for its answer. The one that was begun last may not be wholly written.
    pub(super) fn awaits_answer(&self) -> bool {
        self.in_flight > u8::from(self.is_writing)
    }

    /// Sends nothing for the time that the broker has asked for with its answer (KIP-219). Says whether it did.
    pub(super) fn throttle(&mut self, now: Tick) -> bool {
        let throttle_ms = u32::try_from(self.response.throttle_ms()).unwrap_or(0).min(THROTTLE_MS_MAX);
        self.until = self.until.max(now.after_ms(throttle_ms));
        // A broker leaves what it has not read yet alone for as long: that is not lateness (Java's
        // `incrementThrottleTime`).
        for deadline in &mut self.deadlines {
            *deadline = deadline.after_ms(throttle_ms);
        }
        throttle_ms > 0
    }

    pub(super) fn set_back(&mut self, by_ms: u32) {
        self.until.set_back(by_ms);
        self.last_attempt.set_back(by_ms);
        self.last_used.set_back(by_ms);
        for deadline in &mut self.deadlines {
            deadline.set_back(by_ms);
        }
    }
}

fn place(correlation_id: i32) -> usize {
    correlation_id as usize % REQUESTS
}

impl Default for ConnectionSlot {
    fn default() -> Self {
        Self::new()
    }
}
