//! Takes responses as they arrive. What is in one is told by a table of its fields, one for each API: an interpreter for
//! all of them is half as much code as a decoder for each.

use super::api_versions::Usable;
use super::{Api, Sink, TopicMatch, api_versions, init_producer_id, metadata, produce};
use crate::code::ErrorCode;
use crate::wide::Wide;
use crate::wire::{Frame, Malformed};

/// Whether a decoder has seen the end of its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    /// All bytes at hand are taken; more must come.
    Partial,
    /// The response is complete.
    Whole,
}

/// A field of a response: an integer of so many bytes, or of none, and what is done with it.
pub(super) type Field = (u8, Op);

/// What is done with a field, or between two. Places are those of fields in their table.
#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    /// Nobody needs it.
    Pass,
    /// A length, or a number of elements of so many bytes: they are passed over.
    Skip(u8),
    /// How many times the loop of this depth goes round, and the least bytes of each.
    Count(u8, u8),
    /// Once more through the loop of this depth, or on to the place.
    While(u8, u8),
    Goto(u8),
    /// With an older version of the request's API, on to the place.
    Since(u8, u8),
    /// With an error, the rest is of a version that cannot be known.
    RestIfError,
    End,

    Throttle,
    Error,
    /// A topic's name, behind its length.
    NameLen,
    Name,
    /// A broker's host name, behind its length.
    HostLen,
    Host,

    Begin,
    BrokerId,
    BrokerPort,
    Topic,
    Index,
    Leader,

    BaseOffset,
    LogAppendTime,
    LogStartOffset,
    RecordIndex,
    Produced,

    /// A key, its lowest and its highest version.
    ApiKey,

    ProducerId,
    ProducerEpoch,
    CheckProducerId,
}

/// What a response has said so far.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    /// The place of the next field.
    at: u8,
    log_start_unknown: bool,
    pub(crate) usable: Usable,
    pub(crate) error: ErrorCode,
    /// What the loops have left, the outer ones first.
    counts: [u32; 3],
    text: TopicMatch,
    /// Of a partition; or a producer's epoch.
    index: i32,
    /// Or a producer's id.
    base_offset: Wide,
    log_append_time_ms: Wide,
    /// Behind the first record that is named as a cause of an error; 0: none is.
    behind_record: u32,
    pub(crate) throttle_ms: i32,
}

const fn fields(api: Api) -> &'static [Field] {
    match api {
        Api::Produce => produce::RESPONSE,
        Api::Metadata => metadata::RESPONSE,
        Api::ApiVersions => api_versions::RESPONSE,
        Api::InitProducerId => init_producer_id::RESPONSE,
    }
}

impl Response {
    // All zero: lent memory must be, to lie in `.bss`.
    pub(crate) const fn new() -> Self {
        Self {
            at: 0,
            log_start_unknown: false,
            usable: Usable::NONE,
            error: ErrorCode::NONE,
            counts: [0; 3],
            text: TopicMatch::NONE,
            index: 0,
            base_offset: Wide::ZERO,
            log_append_time_ms: Wide::ZERO,
            behind_record: 0,
            throttle_ms: 0,
        }
    }

    /// Takes what is at hand. `api` and `version` are those of the request.
    pub(crate) fn feed(
        &mut self,
        api: Api,
        version: i16,
        frame: &mut Frame<'_>,
        sink: &mut impl Sink,
    ) -> Result<Decoded, Malformed> {
        loop {
            let (width, op) = *fields(api).get(usize::from(self.at)).ok_or(Malformed)?;
            let Some(value) = frame.integer(width)? else { return Ok(Decoded::Partial) };
            self.at = self.at.wrapping_add(1);
            match self.step(op, value, version, frame, sink)? {
                Step::Done => {}
                Step::Waits => {
                    self.at = self.at.wrapping_sub(1);
                    return Ok(Decoded::Partial);
                }
                Step::Ends if frame.left() > 0 => return Err(Malformed),
                Step::Ends => return Ok(Decoded::Whole),
            }
        }
    }

    fn step(
        &mut self,
        op: Op,
        value: i64,
        version: i16,
        frame: &mut Frame<'_>,
        sink: &mut impl Sink,
    ) -> Result<Step, Malformed> {
        let short = value as i32;
        match op {
            Op::Pass => {}
            Op::Skip(element_bytes) => frame.skip(value, u32::from(element_bytes))?,
            Op::Count(depth, bytes_min) => *self.count(depth) = frame.count(value, u32::from(bytes_min))?,
            Op::While(depth, place) => match self.count(depth).checked_sub(1) {
                Some(left) => *self.count(depth) = left,
                None => self.at = place,
            },
            Op::Goto(place) => self.at = place,
            Op::Since(since, place) if version < i16::from(since) => self.at = place,
            Op::Since(_, _) => {}
            Op::RestIfError if self.error == ErrorCode::NONE => {}
            Op::RestIfError => {
                frame.take_up_to(usize::MAX);
                return Ok(if frame.left() == 0 { Step::Ends } else { Step::Waits });
            }
            Op::End => return Ok(Step::Ends),
            Op::Throttle => self.throttle_ms = short,
            Op::Error => self.error = ErrorCode::new(short as i16),
            Op::NameLen => self.text.begin(frame.string_len(value)?, sink),
            Op::Name if !self.text.take(frame, sink) => return Ok(Step::Waits),
            Op::Name => {}
            Op::HostLen => self.text = TopicMatch::of_none(frame.string_len(value)?),
            Op::Host => {
                let piece = frame.take_up_to(self.text.left());
                sink.broker_host(piece);
                if !self.text.pass(piece.len()) {
                    return Ok(Step::Waits);
                }
            }
            Op::Begin => sink.metadata(),
            Op::BrokerId => sink.broker(short),
            Op::BrokerPort => sink.broker_port(short),
            Op::Topic => {
                let (topic, partitions) = (self.text.topic(), *self.count(1));
                sink.topic(topic, self.error, partitions);
            }
            Op::Leader => sink.partition(self.text.topic(), self.index, short),
            Op::Index => (self.index, self.log_start_unknown, self.behind_record) = (short, false, 0),
            Op::BaseOffset | Op::ProducerId => self.base_offset = Wide::new(value),
            Op::LogAppendTime => self.log_append_time_ms = Wide::new(value),
            Op::LogStartOffset => self.log_start_unknown = value == -1,
            Op::RecordIndex if self.behind_record == 0 => self.behind_record = (short as u32).wrapping_add(1),
            Op::RecordIndex => {}
            Op::Produced => sink.produced(self.partition()),
            Op::ApiKey => self.usable.learn((value >> 32) as i16, (value >> 16) as i16, short as i16),
            Op::ProducerEpoch => self.index = short,
            Op::CheckProducerId if !self.producer_id().is_valid() => return Err(Malformed),
            Op::CheckProducerId => {}
        }
        Ok(Step::Done)
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn count(&mut self, depth: u8) -> &mut u32 {
        let [outer, inner, innermost] = &mut self.counts;
        match depth {
            0 => outer,
            1 => inner,
            _ => innermost,
        }
    }

    fn partition(&self) -> produce::Partition {
        produce::Partition {
            topic: self.text.topic(),
            index: self.index,
            error: self.error,
            base_offset: self.base_offset.get(),
            log_append_time_ms: self.log_append_time_ms.get(),
            log_start_unknown: self.log_start_unknown,
            record_index: self.behind_record.checked_sub(1),
        }
    }

    /// What a broker has answered to InitProducerId.
    pub(crate) fn producer_id(&self) -> init_producer_id::Answer {
        init_producer_id::Answer {
            error: self.error,
            producer_id: self.base_offset.get(),
            producer_epoch: self.index as i16,
        }
    }
}

/// What comes of a field.
enum Step {
    Done,
    /// It is not wholly at hand.
    Waits,
    /// It was the last.
    Ends,
}
