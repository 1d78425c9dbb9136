//! Metadata v4: which broker leads which partition, and where brokers listen.
//!
//! A response lists every broker of the cluster and may be of any size; it is taken as a stream, and each part is
//! handed on as it goes by.

use super::{Api, Decoded, RequestHeader, Sink, Skip, TopicMatch, need};
use crate::code::ErrorCode;
use crate::wire::{Frame, Malformed, Stream, Writer};

/// The version used: the newest that brokers from 0.11 on speak.
pub(crate) const VERSION: i16 = 4;

/// Bytes of the request's body besides the topics' names.
const BODY_FIXED_BYTES: usize = 4 + 1;

/// The request up to its first topic. `names_bytes` is the sum of the names' lengths.
pub(crate) fn write_start(
    out: &mut Writer<'_>,
    correlation_id: i32,
    client_id: &str,
    topics: usize,
    names_bytes: usize,
) {
    let body = topics.saturating_mul(2).saturating_add(names_bytes).saturating_add(BODY_FIXED_BYTES);
    RequestHeader { api: Api::Metadata, version: VERSION, correlation_id, client_id }.write(out, body);
    out.len32(topics);
}

/// What follows the last topic.
pub(crate) fn write_end(out: &mut Writer<'_>, allow_auto_topic_creation: bool) {
    out.i8(i8::from(allow_auto_topic_creation));
}

/// A part of a response, in the order in which they arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// The response begins.
    Begin,
    /// A broker follows.
    BrokerId(i32),
    /// A piece of that broker's host name.
    BrokerHost(&'a [u8]),
    /// That broker's port; the broker is complete.
    BrokerPort(i32),
    /// A topic of ours, or `None` for one that was not asked for.
    Topic { topic: Option<u16>, error: ErrorCode, partitions: u32 },
    /// One of that topic's partitions.
    Partition { topic: Option<u16>, index: i32, leader: i32 },
}

#[derive(Clone, Copy, Debug)]
enum Field {
    Throttle,
    BrokerCount,
    Broker(BrokerField),
    ClusterId,
    Controller,
    TopicCount,
    Topic(TopicField),
    Partition(PartitionField),
    End,
}

#[derive(Clone, Copy, Debug)]
enum BrokerField {
    Id,
    HostLength,
    Host { left: u32 },
    Port,
    Rack,
}

#[derive(Clone, Copy, Debug)]
enum TopicField {
    Error,
    NameLength,
    Name,
    IsInternal,
    PartitionCount,
}

#[derive(Clone, Copy, Debug)]
enum PartitionField {
    Error,
    Index,
    Leader,
    Replicas,
    Isr,
}

/// Takes the response as it arrives.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    stream: Stream,
    field: Field,
    skip: Skip,
    brokers: u32,
    topics: u32,
    partitions: u32,
    topic: TopicMatch,
    error: ErrorCode,
    index: i32,
    /// How long the client should send nothing.
    pub(crate) throttle_ms: i32,
}

/// Takes the value of a `Result<Option<_>, Malformed>`, or answers that bytes are missing.
macro_rules! wait {
    ($read:expr) => {
        match $read? {
            Some(value) => value,
            None => return Ok(None),
        }
    };
}

impl Response {
    pub(crate) fn new() -> Self {
        Self {
            stream: Stream::new(),
            field: Field::Throttle,
            skip: Skip::default(),
            brokers: 0,
            topics: 0,
            partitions: 0,
            topic: TopicMatch::default(),
            error: ErrorCode::NONE,
            index: 0,
            throttle_ms: 0,
        }
    }

    pub(crate) fn feed(&mut self, frame: &mut Frame<'_>, sink: &mut impl Sink) -> Result<Decoded, Malformed> {
        loop {
            if !self.skip.done(frame)? {
                return Ok(Decoded::Partial);
            }
            self.field = match self.field {
                Field::Throttle => {
                    self.throttle_ms = need!(self.stream.i32(frame));
                    sink.metadata(Event::Begin);
                    Field::BrokerCount
                }
                Field::BrokerCount => {
                    // Node id, host length, port and rack length.
                    self.brokers = need!(self.stream.count(frame, 12));
                    self.next_broker()
                }
                Field::Broker(field) => need!(self.broker_field(field, frame, sink)),
                Field::ClusterId => {
                    self.skip = Skip(need!(self.stream.nullable_string_len(frame)));
                    Field::Controller
                }
                Field::Controller => {
                    need!(self.stream.i32(frame));
                    Field::TopicCount
                }
                Field::TopicCount => {
                    // Error, name length, is_internal and partition count.
                    self.topics = need!(self.stream.count(frame, 9));
                    self.next_topic()
                }
                Field::Topic(field) => need!(self.topic_field(field, frame, sink)),
                Field::Partition(field) => need!(self.partition_field(field, frame, sink)),
                Field::End if frame.left() == 0 => return Ok(Decoded::Whole),
                Field::End => return Err(Malformed),
            };
        }
    }

    fn broker_field(
        &mut self,
        field: BrokerField,
        frame: &mut Frame<'_>,
        sink: &mut impl Sink,
    ) -> Result<Option<Field>, Malformed> {
        let next = match field {
            BrokerField::Id => {
                sink.metadata(Event::BrokerId(wait!(self.stream.i32(frame))));
                BrokerField::HostLength
            }
            BrokerField::HostLength => BrokerField::Host { left: wait!(self.stream.string_len(frame)) },
            BrokerField::Host { left: 0 } => BrokerField::Port,
            BrokerField::Host { left } => {
                let piece = frame.take_up_to(left as usize);
                if piece.is_empty() {
                    return Ok(None);
                }
                sink.metadata(Event::BrokerHost(piece));
                BrokerField::Host { left: left.saturating_sub(piece.len() as u32) }
            }
            BrokerField::Port => {
                sink.metadata(Event::BrokerPort(wait!(self.stream.i32(frame))));
                BrokerField::Rack
            }
            BrokerField::Rack => {
                self.skip = Skip(wait!(self.stream.nullable_string_len(frame)));
                self.brokers = self.brokers.saturating_sub(1);
                return Ok(Some(self.next_broker()));
            }
        };
        Ok(Some(Field::Broker(next)))
    }

    fn topic_field(
        &mut self,
        field: TopicField,
        frame: &mut Frame<'_>,
        sink: &mut impl Sink,
    ) -> Result<Option<Field>, Malformed> {
        let next = match field {
            TopicField::Error => {
                self.error = ErrorCode::new(wait!(self.stream.i16(frame)));
                TopicField::NameLength
            }
            TopicField::NameLength => {
                self.topic.begin(wait!(self.stream.string_len(frame)), sink);
                TopicField::Name
            }
            TopicField::Name if self.topic.left() == 0 => TopicField::IsInternal,
            TopicField::Name => {
                let piece = frame.take_up_to(self.topic.left() as usize);
                if piece.is_empty() {
                    return Ok(None);
                }
                self.topic.advance(piece, sink);
                TopicField::Name
            }
            TopicField::IsInternal => {
                wait!(self.stream.array::<1>(frame));
                TopicField::PartitionCount
            }
            TopicField::PartitionCount => {
                // Error, index, leader and two counts.
                self.partitions = wait!(self.stream.count(frame, 18));
                let (topic, error, partitions) = (self.topic.topic(), self.error, self.partitions);
                sink.metadata(Event::Topic { topic, error, partitions });
                return Ok(Some(self.next_partition()));
            }
        };
        Ok(Some(Field::Topic(next)))
    }

    fn partition_field(
        &mut self,
        field: PartitionField,
        frame: &mut Frame<'_>,
        sink: &mut impl Sink,
    ) -> Result<Option<Field>, Malformed> {
        let next = match field {
            // It says why there is no leader; a leader of -1 says that there is none.
            PartitionField::Error => {
                wait!(self.stream.i16(frame));
                PartitionField::Index
            }
            PartitionField::Index => {
                self.index = wait!(self.stream.i32(frame));
                PartitionField::Leader
            }
            PartitionField::Leader => {
                let leader = wait!(self.stream.i32(frame));
                sink.metadata(Event::Partition { topic: self.topic.topic(), index: self.index, leader });
                PartitionField::Replicas
            }
            PartitionField::Replicas => {
                self.skip = Skip(wait!(self.stream.count(frame, 4)).saturating_mul(4));
                PartitionField::Isr
            }
            PartitionField::Isr => {
                self.skip = Skip(wait!(self.stream.count(frame, 4)).saturating_mul(4));
                self.partitions = self.partitions.saturating_sub(1);
                return Ok(Some(self.next_partition()));
            }
        };
        Ok(Some(Field::Partition(next)))
    }

    fn next_broker(&self) -> Field {
        if self.brokers == 0 { Field::ClusterId } else { Field::Broker(BrokerField::Id) }
    }

    fn next_topic(&self) -> Field {
        if self.topics == 0 { Field::End } else { Field::Topic(TopicField::Error) }
    }

    fn next_partition(&mut self) -> Field {
        if self.partitions > 0 {
            return Field::Partition(PartitionField::Error);
        }
        self.topics = self.topics.saturating_sub(1);
        self.next_topic()
    }
}

#[cfg(test)]
mod tests;
