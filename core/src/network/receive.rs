use super::{DisconnectReason, Exchange};
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

/// What may arrive on a connection.
pub(super) struct Expected {
    pub(super) connection: u8,
    /// The request that the next answer is for, and its correlation id.
    pub(super) request: Option<(Api, i32)>,
    /// The version of Produce on this connection.
    pub(super) version: i16,
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

    /// Takes bytes from the front of `piece`, as far as the end of a response: then it is the answer to this request,
    /// with this correlation id, and [`response`](Self::response) has what it says. `expected` is the request that is
    /// to be answered next, if one was wholly written.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn take(
        &mut self,
        piece: &mut &[u8],
        expected: &Expected,
        exchange: &mut impl Exchange,
    ) -> Result<Option<(Api, i32)>, Malformed> {
        loop {
            let left = match self.state {
                State::Length => u32::MAX,
                State::CorrelationId | State::Body => self.left,
            };
            let mut frame = Frame::new(&mut self.stream, piece, left);
            let value = match self.state {
                State::Length | State::CorrelationId => frame.integer(4)?,
                State::Body => {
                    // It stays the first until its answer is whole.
                    let (api, correlation_id) = expected.request.ok_or(Malformed)?;
                    exchange.answering(expected.connection, correlation_id);
                    let decoded = self.response.feed(api, expected.version, &mut frame, exchange)?;
                    (decoded == Decoded::Whole).then_some(0)
                }
            };
            // The frame has seen no byte behind its end; `piece` keeps those for the next one.
            self.left = frame.left();
            *piece = piece.get(left.wrapping_sub(self.left) as usize..).unwrap_or(&[]);
            let Some(value) = value else { return Ok(None) };
            match self.state {
                State::Length => {
                    self.left = u32::try_from(value).map_err(|_| Malformed)?;
                    if !(CORRELATION_ID_BYTES..=RESPONSE_BYTES_MAX).contains(&self.left) {
                        return Err(Malformed);
                    }
                    self.state = State::CorrelationId;
                }
                State::CorrelationId => {
                    let (_, awaited) = expected.request.ok_or(Malformed)?;
                    if awaited != value as i32 {
                        return Err(Malformed);
                    }
                    self.response = Response::new();
                    self.state = State::Body;
                }
                State::Body => {
                    self.state = State::Length;
                    return Ok(expected.request);
                }
            }
        }
    }
}

impl From<Malformed> for DisconnectReason {
    fn from(Malformed: Malformed) -> Self {
        Self::MalformedResponse
    }
}
