//! Metadata v4: which broker leads which partition, and where brokers listen.
//!
//! A response lists every broker of the cluster and may be of any size; it is taken as a stream, and each part is
//! handed on as it goes by.

use super::{Api, Decoded, RequestHeader, Sink, TopicMatch, need};
use crate::code::ErrorCode;
use crate::wire::{Frame, Malformed, Writer};

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
    let body = topics.wrapping_mul(2).wrapping_add(names_bytes).wrapping_add(BODY_FIXED_BYTES);
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
    Host,
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

impl Field {
    /// Bytes of the integer; 0 for what is none.
    const fn width(self) -> u8 {
        match self {
            Self::Topic(TopicField::IsInternal) => 1,
            Self::ClusterId
            | Self::Broker(BrokerField::HostLength | BrokerField::Rack)
            | Self::Topic(TopicField::Error | TopicField::NameLength)
            | Self::Partition(PartitionField::Error) => 2,
            Self::Throttle
            | Self::BrokerCount
            | Self::Broker(BrokerField::Id | BrokerField::Port)
            | Self::Controller
            | Self::TopicCount
            | Self::Topic(TopicField::PartitionCount)
            | Self::Partition(
                PartitionField::Index
                | PartitionField::Leader
                | PartitionField::Replicas
                | PartitionField::Isr,
            ) => 4,
            Self::Broker(BrokerField::Host) | Self::Topic(TopicField::Name) | Self::End => 0,
        }
    }
}

/// Takes the response as it arrives.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    field: Field,
    brokers: u32,
    /// Bytes of a broker's host name that are still to come.
    host_left: u16,
    topics: u32,
    partitions: u32,
    topic: TopicMatch,
    error: ErrorCode,
    index: i32,
    /// How long the client should send nothing.
    pub(crate) throttle_ms: i32,
}

impl Response {
    pub(crate) fn new() -> Self {
        Self {
            field: Field::Throttle,
            brokers: 0,
            host_left: 0,
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
            let value = need!(frame.integer(self.field.width()));
            self.field = match self.field {
                Field::Throttle => {
                    self.throttle_ms = value as i32;
                    sink.metadata(Event::Begin);
                    Field::BrokerCount
                }
                Field::BrokerCount => {
                    // Node id, host length, port and rack length.
                    self.brokers = frame.count(value, 12)?;
                    self.next_broker()
                }
                Field::Broker(BrokerField::Host) => {
                    let piece = frame.take_up_to(usize::from(self.host_left));
                    self.host_left = self.host_left.wrapping_sub(piece.len() as u16);
                    sink.metadata(Event::BrokerHost(piece));
                    if self.host_left > 0 {
                        return Ok(Decoded::Partial);
                    }
                    Field::Broker(BrokerField::Port)
                }
                Field::Broker(field) => self.broker_field(field, value, frame, sink)?,
                Field::ClusterId => {
                    frame.skip(value, 1)?;
                    Field::Controller
                }
                Field::Controller => Field::TopicCount,
                Field::TopicCount => {
                    // Error, name length, is_internal and partition count.
                    self.topics = frame.count(value, 9)?;
                    self.next_topic()
                }
                Field::Topic(TopicField::Name) if !self.topic.take(frame, sink) => {
                    return Ok(Decoded::Partial);
                }
                Field::Topic(field) => self.topic_field(field, value, frame, sink)?,
                Field::Partition(field) => self.partition_field(field, value, frame, sink)?,
                Field::End if frame.left() == 0 => return Ok(Decoded::Whole),
                Field::End => return Err(Malformed),
            };
        }
    }

    fn broker_field(
        &mut self,
        field: BrokerField,
        value: i64,
        frame: &mut Frame<'_>,
        sink: &mut impl Sink,
    ) -> Result<Field, Malformed> {
        Ok(Field::Broker(match field {
            BrokerField::Id => {
                sink.metadata(Event::BrokerId(value as i32));
                BrokerField::HostLength
            }
            BrokerField::HostLength => {
                self.host_left = frame.string_len(value)?;
                BrokerField::Host
            }
            BrokerField::Host => BrokerField::Port,
            BrokerField::Port => {
                sink.metadata(Event::BrokerPort(value as i32));
                BrokerField::Rack
            }
            BrokerField::Rack => {
                frame.skip(value, 1)?;
                self.brokers = self.brokers.wrapping_sub(1);
                return Ok(self.next_broker());
            }
        }))
    }

    fn topic_field(
        &mut self,
        field: TopicField,
        value: i64,
        frame: &mut Frame<'_>,
        sink: &mut impl Sink,
    ) -> Result<Field, Malformed> {
        Ok(Field::Topic(match field {
            TopicField::Error => {
                self.error = ErrorCode::new(value as i16);
                TopicField::NameLength
            }
            TopicField::NameLength => {
                self.topic.begin(frame.string_len(value)?, sink);
                TopicField::Name
            }
            TopicField::Name => TopicField::IsInternal,
            TopicField::IsInternal => TopicField::PartitionCount,
            TopicField::PartitionCount => {
                // Error, index, leader and two counts.
                self.partitions = frame.count(value, 18)?;
                let (topic, error, partitions) = (self.topic.topic(), self.error, self.partitions);
                sink.metadata(Event::Topic { topic, error, partitions });
                return Ok(self.next_partition());
            }
        }))
    }

    fn partition_field(
        &mut self,
        field: PartitionField,
        value: i64,
        frame: &mut Frame<'_>,
        sink: &mut impl Sink,
    ) -> Result<Field, Malformed> {
        Ok(Field::Partition(match field {
            // It says why there is no leader; a leader of -1 says that there is none.
            PartitionField::Error => PartitionField::Index,
            PartitionField::Index => {
                self.index = value as i32;
                PartitionField::Leader
            }
            PartitionField::Leader => {
                let leader = value as i32;
                sink.metadata(Event::Partition { topic: self.topic.topic(), index: self.index, leader });
                PartitionField::Replicas
            }
            PartitionField::Replicas => {
                frame.skip(value, 4)?;
                PartitionField::Isr
            }
            PartitionField::Isr => {
                frame.skip(value, 4)?;
                self.partitions = self.partitions.wrapping_sub(1);
                return Ok(self.next_partition());
            }
        }))
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
        self.topics = self.topics.wrapping_sub(1);
        self.next_topic()
    }
}

#[cfg(test)]
mod tests;
