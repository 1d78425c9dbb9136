use super::{DisconnectReason, Exchange};
use crate::code::ErrorCode;
use crate::protocol::{Api, Decoded, api_versions, init_producer_id, metadata, produce};
use crate::wire::{Frame, Malformed, Stream};

/// The longest response that is read: metadata of some hundred thousand partitions. A TLS alert or an HTTP answer
/// read as a length is far above it (KAFKA-4090).
const RESPONSE_BYTES_MAX: u32 = 16 * 1024 * 1024;

/// A response's correlation id, behind its length.
const CORRELATION_ID_BYTES: u32 = 4;

#[derive(Debug)]
enum Decoder {
    ApiVersions(api_versions::Response),
    Metadata(metadata::Response),
    Produce(produce::Response),
    InitProducerId(init_producer_id::Response),
}

// Its own tag, and 0 at the beginning: lent memory must be all zero to lie in `.bss`.
#[repr(u8)]
#[derive(Debug)]
enum State {
    Length = 0,
    CorrelationId { left: u32 },
    Body { left: u32, decoder: Decoder },
}

/// A response that ended.
#[derive(Debug)]
pub(super) enum Answer {
    ApiVersions { error: ErrorCode, usable: api_versions::Usable },
    Metadata { throttle_ms: i32 },
    Produce { correlation_id: i32, throttle_ms: i32 },
    InitProducerId { answer: init_producer_id::Answer, throttle_ms: i32 },
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
    state: State,
}

impl Incoming {
    pub(super) const fn new() -> Self {
        Self { stream: Stream::new(), state: State::Length }
    }

    /// Takes bytes from the front of `piece`, as far as the end of a response. `expected` is the request that is
    /// to be answered next, if one was wholly written.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn take(
        &mut self,
        piece: &mut &[u8],
        expected: &Expected,
        exchange: &mut impl Exchange,
    ) -> Result<Option<Answer>, Malformed> {
        loop {
            match &mut self.state {
                State::Length => {
                    let mut left = u32::MAX;
                    let mut frame = Frame::new(&mut self.stream, piece, left);
                    let length = frame.integer(4)?;
                    pass(piece, &mut left, &frame);
                    let Some(length) = length else { return Ok(None) };
                    let length = u32::try_from(length).map_err(|_| Malformed)?;
                    if !(CORRELATION_ID_BYTES..=RESPONSE_BYTES_MAX).contains(&length) {
                        return Err(Malformed);
                    }
                    self.state = State::CorrelationId { left: length };
                }
                State::CorrelationId { left } => {
                    let mut frame = Frame::new(&mut self.stream, piece, *left);
                    let correlation_id = frame.integer(4)?;
                    pass(piece, left, &frame);
                    let Some(correlation_id) = correlation_id else { return Ok(None) };
                    let (api, awaited) = expected.request.ok_or(Malformed)?;
                    if awaited != correlation_id as i32 {
                        return Err(Malformed);
                    }
                    let decoder = Decoder::of(api);
                    self.state = State::Body { left: *left, decoder };
                }
                State::Body { left, decoder } => {
                    // It stays the first until its answer is whole.
                    let (_, correlation_id) = expected.request.ok_or(Malformed)?;
                    let mut frame = Frame::new(&mut self.stream, piece, *left);
                    let decoded = decoder.feed(expected, correlation_id, &mut frame, exchange)?;
                    pass(piece, left, &frame);
                    if decoded == Decoded::Partial {
                        return Ok(None);
                    }
                    let answer = decoder.answer(correlation_id);
                    self.state = State::Length;
                    return Ok(Some(answer));
                }
            }
        }
    }
}

/// Leaves what `frame` has read behind. The frame sees no byte behind its end; `piece` keeps those for the next one.
fn pass(piece: &mut &[u8], left: &mut u32, frame: &Frame<'_>) {
    let read = left.wrapping_sub(frame.left());
    *piece = piece.get(read as usize..).unwrap_or(&[]);
    *left = frame.left();
}

impl Decoder {
    fn of(api: Api) -> Self {
        match api {
            Api::ApiVersions => Self::ApiVersions(api_versions::Response::new()),
            Api::Metadata => Self::Metadata(metadata::Response::new()),
            Api::Produce => Self::Produce(produce::Response::new()),
            Api::InitProducerId => Self::InitProducerId(init_producer_id::Response::new()),
        }
    }

    /// What the response has said, now that it was whole.
    fn answer(&self, correlation_id: i32) -> Answer {
        match self {
            Self::ApiVersions(response) => {
                Answer::ApiVersions { error: response.error, usable: response.usable }
            }
            Self::Metadata(response) => Answer::Metadata { throttle_ms: response.throttle_ms },
            Self::Produce(response) => Answer::Produce { correlation_id, throttle_ms: response.throttle_ms },
            Self::InitProducerId(response) => {
                Answer::InitProducerId { answer: response.answer(), throttle_ms: response.throttle_ms }
            }
        }
    }

    fn feed(
        &mut self,
        expected: &Expected,
        correlation_id: i32,
        frame: &mut Frame<'_>,
        exchange: &mut impl Exchange,
    ) -> Result<Decoded, Malformed> {
        match self {
            Self::ApiVersions(response) => response.feed(frame),
            Self::Metadata(response) => response.feed(frame, exchange),
            Self::InitProducerId(response) => response.feed(frame),
            Self::Produce(response) => {
                exchange.answering(expected.connection, correlation_id);
                response.feed(expected.version, frame, exchange)
            }
        }
    }
}

impl From<Malformed> for DisconnectReason {
    fn from(Malformed: Malformed) -> Self {
        Self::MalformedResponse
    }
}
