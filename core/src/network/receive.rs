use super::connection::ConnectionSlot;
use super::{DisconnectReason, Exchange, State as ConnectionState};
use crate::code::ErrorCode;
use crate::counters::add;
use crate::fmt::debug;
use crate::protocol::{Api, Decoded, Response};
use crate::wire::{Frame, Malformed, Stream};

/// The longest response that is read: metadata of some hundred thousand partitions. A TLS alert or an HTTP answer
/// read as a length is far above it (KAFKA-4090).
const RESPONSE_BYTES_MAX: u32 = 16 * 1024 * 1024;

/// A response's correlation id, behind its length.
const CORRELATION_ID_BYTES: u32 = 4;

// Its own tag, and 0 at the beginning: lent memory must be all zero to lie in `.bss`.
#[repr(u8)]
#[derive(Clone, Copy, Debug)]
enum State {
    Length = 0,
    CorrelationId,
    Body,
}

/// The response that is arriving.
#[derive(Debug)]
pub(super) struct Incoming {
    stream: Stream,
    /// Bytes of it that have not gone by.
    left: u32,
    state: State,
    pub(super) response: Response,
}

impl Incoming {
    // As `ConnectionSlot::new`.
    #[inline(always)]
    pub(super) const fn new() -> Self {
        Self { stream: Stream::new(), left: 0, state: State::Length, response: Response::new() }
    }

    /// The connection is gone, and with it the rest of what was arriving.
    pub(super) fn clear(&mut self) {
        self.stream = Stream::new();
        self.state = State::Length;
    }
}

impl ConnectionSlot {
    /// Takes bytes that have arrived: the answers to the oldest requests, one after another.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn take(
        &mut self,
        mut piece: &[u8],
        exchange: &mut impl Exchange,
    ) -> Result<(), DisconnectReason> {
        loop {
            // It stays the oldest until its answer is whole.
            let correlation_id = self.oldest();
            let api = self.api(correlation_id);
            let incoming = &mut self.incoming;
            let left = match incoming.state {
                State::Length => u32::MAX,
                State::CorrelationId | State::Body => incoming.left,
            };
            let mut frame = Frame::new(&mut incoming.stream, piece, left);
            let value = match incoming.state {
                State::Length | State::CorrelationId => frame.integer(4)?,
                State::Body => {
                    exchange.answering(self.connection, correlation_id);
                    let version = self.usable.produce_version();
                    let decoded = incoming.response.feed(api, version, &mut frame, exchange)?;
                    (decoded == Decoded::Whole).then_some(0)
                }
            };
            // The frame has seen no byte behind its end; `piece` keeps those for the next one.
            incoming.left = frame.left();
            piece = piece.get(left.wrapping_sub(incoming.left) as usize..).unwrap_or(&[]);
            let Some(value) = value else { return Ok(()) };
            match incoming.state {
                State::Length => {
                    incoming.left = u32::try_from(value).map_err(|_| Malformed)?;
                    if !(CORRELATION_ID_BYTES..=RESPONSE_BYTES_MAX).contains(&incoming.left) {
                        return Err(DisconnectReason::MalformedResponse);
                    }
                    incoming.state = State::CorrelationId;
                }
                State::CorrelationId => {
                    incoming.response = Response::new();
                    incoming.state = State::Body;
                    if correlation_id != value as i32 || !self.awaits_answer() {
                        return Err(DisconnectReason::MalformedResponse);
                    }
                }
                State::Body => {
                    incoming.state = State::Length;
                    self.in_flight = self.in_flight.wrapping_sub(1);
                    self.answered(api, correlation_id, exchange)?;
                }
            }
        }
    }

    fn answered(
        &mut self,
        api: Api,
        correlation_id: i32,
        exchange: &mut impl Exchange,
    ) -> Result<(), DisconnectReason> {
        let now = exchange.now();
        if self.throttle(now) {
            add(&mut exchange.counters().throttled, 1);
        }
        let response = &self.incoming.response;
        match api {
            Api::ApiVersions => {
                let usable = response.usable;
                if response.error != ErrorCode::NONE || !usable.is_enough() {
                    return Err(DisconnectReason::UnsupportedVersion);
                }
                self.usable = usable;
                self.state = ConnectionState::Ready;
                self.last_used = now;
                self.failures = 0;
                debug!("connection {} is ready", self.connection);
                add(&mut exchange.counters().connections, 1);
            }
            Api::Metadata => exchange.metadata_answered(),
            Api::Produce => exchange.produce_answered(self.connection, correlation_id)?,
            Api::InitProducerId => exchange.producer_id_answered(response.producer_id()),
        }
        Ok(())
    }
}

impl From<Malformed> for DisconnectReason {
    fn from(Malformed: Malformed) -> Self {
        Self::MalformedResponse
    }
}
