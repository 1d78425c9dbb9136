//! Produce v3 to v8: one RecordBatch v2 for each partition, and what became of it.
//!
//! A request is written in parts, so that the batches are never copied: the start, then for each topic its name
//! and number of partitions, then for each partition its index and the batch's length, each batch right behind.

use super::{Api, Decoded, RequestHeader, Sink, TopicMatch, need};
use crate::code::ErrorCode;
use crate::wire::{Frame, Malformed, Wide, Writer};

/// The oldest version that takes RecordBatch v2 and that brokers from 4.0 accept (KIP-98, KAFKA-18659).
pub(crate) const VERSION_MIN: i16 = 3;

/// The newest version that is not flexible. 5 adds the log start offset, 8 the errors of single records (KIP-467).
pub(crate) const VERSION_MAX: i16 = 8;

/// Bytes of the body in front of the first topic: transactional id, acks, timeout, number of topics.
const START_BYTES: usize = 2 + 2 + 4 + 4;

/// Bytes of a topic besides its name: the name's length and the number of partitions.
pub(crate) const TOPIC_BYTES: usize = 2 + 4;

/// Bytes of a partition besides its batch: index and length.
pub(crate) const PARTITION_BYTES: usize = 4 + 4;

/// A request's fields in front of its first topic.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start<'a> {
    pub(crate) version: i16,
    pub(crate) correlation_id: i32,
    pub(crate) client_id: &'a str,
    pub(crate) acks: i16,
    pub(crate) timeout_ms: i32,
}

/// How large a request becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    topics: usize,
    /// Bytes of topics and partitions: what is written between the start and the batches.
    between: usize,
    batches: usize,
}

impl Size {
    pub(crate) fn add_topic(&mut self, name: &str) {
        self.topics = self.topics.wrapping_add(1);
        self.between = self.between.wrapping_add(TOPIC_BYTES).wrapping_add(name.len());
    }

    pub(crate) fn add_partition(&mut self, batch_bytes: usize) {
        self.between = self.between.wrapping_add(PARTITION_BYTES);
        self.batches = self.batches.wrapping_add(batch_bytes);
    }
}

impl Start<'_> {
    pub(crate) fn write(&self, out: &mut Writer<'_>, size: &Size) {
        let body = size.between.wrapping_add(START_BYTES).wrapping_add(size.batches);
        let Self { version, correlation_id, client_id, .. } = *self;
        RequestHeader { api: Api::Produce, version, correlation_id, client_id }.write(out, body);
        out.null_string();
        out.i16(self.acks);
        out.i32(self.timeout_ms);
        out.len32(size.topics);
    }
}

pub(crate) fn write_topic(out: &mut Writer<'_>, name: &str, partitions: usize) {
    out.string(name);
    out.len32(partitions);
}

pub(crate) fn write_partition(out: &mut Writer<'_>, index: i32, batch_bytes: usize) {
    out.i32(index);
    out.len32(batch_bytes);
}

/// What became of one partition's batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    /// The topic, when it is one of ours.
    pub(crate) topic: Option<u16>,
    pub(crate) index: i32,
    pub(crate) error: ErrorCode,
    pub(crate) base_offset: i64,
    pub(crate) log_append_time_ms: i64,
    /// The broker says that it does not know where the partition's log starts; below v5 it says nothing of it.
    pub(crate) log_start_unknown: bool,
    /// The first record that the broker names as a cause of the error.
    pub(crate) record_index: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
enum Field {
    TopicCount,
    TopicNameLength,
    TopicName,
    PartitionCount,
    Partition(PartitionField),
    Throttle,
    End,
}

#[derive(Clone, Copy, Debug)]
enum PartitionField {
    Index,
    Error,
    BaseOffset,
    LogAppendTime,
    LogStartOffset,
    RecordErrorCount,
    RecordErrorIndex,
    RecordErrorMessage,
    ErrorMessage,
    Done,
}

impl Field {
    /// Bytes of the integer; 0 for what is none.
    const fn width(self) -> u8 {
        use PartitionField as P;
        match self {
            Self::TopicNameLength | Self::Partition(P::Error | P::RecordErrorMessage | P::ErrorMessage) => 2,
            Self::TopicCount
            | Self::PartitionCount
            | Self::Partition(P::Index | P::RecordErrorCount | P::RecordErrorIndex)
            | Self::Throttle => 4,
            Self::Partition(P::BaseOffset | P::LogAppendTime | P::LogStartOffset) => 8,
            Self::TopicName | Self::Partition(P::Done) | Self::End => 0,
        }
    }
}

/// Takes the response as it arrives.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    field: Field,
    log_start_unknown: bool,
    error: ErrorCode,
    topics: u32,
    partitions: u32,
    topic: TopicMatch,
    index: i32,
    base_offset: Wide,
    log_append_time_ms: Wide,
    /// Records that are still to be named as causes of an error.
    record_errors: u32,
    /// The first of them; none is negative.
    record_index: i32,
    pub(crate) throttle_ms: i32,
}

impl Response {
    pub(crate) fn new() -> Self {
        Self {
            field: Field::TopicCount,
            log_start_unknown: false,
            error: ErrorCode::NONE,
            topics: 0,
            partitions: 0,
            topic: TopicMatch::default(),
            index: 0,
            base_offset: Wide::ZERO,
            log_append_time_ms: Wide::ZERO,
            record_errors: 0,
            record_index: -1,
            throttle_ms: 0,
        }
    }

    /// `version` is that of the request.
    pub(crate) fn feed(
        &mut self,
        version: i16,
        frame: &mut Frame<'_>,
        sink: &mut impl Sink,
    ) -> Result<Decoded, Malformed> {
        loop {
            let value = need!(frame.integer(self.field.width()));
            self.field = match self.field {
                Field::TopicCount => {
                    // Name length and partition count.
                    self.topics = frame.count(value, 6)?;
                    self.next_topic()
                }
                Field::TopicNameLength => {
                    self.topic.begin(frame.string_len(value)?, sink);
                    Field::TopicName
                }
                Field::TopicName if self.topic.take(frame, sink) => Field::PartitionCount,
                Field::TopicName => return Ok(Decoded::Partial),
                Field::PartitionCount => {
                    // Index, error, base offset and log append time.
                    self.partitions = frame.count(value, 22)?;
                    self.next_partition()
                }
                Field::Partition(PartitionField::Done) => {
                    sink.produced(self.partition());
                    self.partitions = self.partitions.wrapping_sub(1);
                    self.next_partition()
                }
                Field::Partition(field) => {
                    Field::Partition(self.partition_field(version, field, value, frame)?)
                }
                Field::Throttle => {
                    self.throttle_ms = value as i32;
                    Field::End
                }
                Field::End if frame.left() == 0 => return Ok(Decoded::Whole),
                Field::End => return Err(Malformed),
            };
        }
    }

    fn partition(&self) -> Partition {
        Partition {
            topic: self.topic.topic(),
            index: self.index,
            error: self.error,
            base_offset: self.base_offset.get(),
            log_append_time_ms: self.log_append_time_ms.get(),
            log_start_unknown: self.log_start_unknown,
            record_index: u32::try_from(self.record_index).ok(),
        }
    }

    fn partition_field(
        &mut self,
        version: i16,
        field: PartitionField,
        value: i64,
        frame: &mut Frame<'_>,
    ) -> Result<PartitionField, Malformed> {
        Ok(match field {
            PartitionField::Index => {
                self.index = value as i32;
                self.log_start_unknown = false;
                self.record_index = -1;
                PartitionField::Error
            }
            PartitionField::Error => {
                self.error = ErrorCode::new(value as i16);
                PartitionField::BaseOffset
            }
            PartitionField::BaseOffset => {
                self.base_offset = Wide::new(value);
                PartitionField::LogAppendTime
            }
            PartitionField::LogAppendTime => {
                self.log_append_time_ms = Wide::new(value);
                if version >= 5 { PartitionField::LogStartOffset } else { PartitionField::Done }
            }
            PartitionField::LogStartOffset => {
                self.log_start_unknown = value == -1;
                if version >= 8 { PartitionField::RecordErrorCount } else { PartitionField::Done }
            }
            PartitionField::RecordErrorCount => {
                // Batch index and message length.
                self.record_errors = frame.count(value, 6)?;
                self.next_record_error()
            }
            PartitionField::RecordErrorIndex => {
                if self.record_index < 0 {
                    self.record_index = value as i32;
                }
                PartitionField::RecordErrorMessage
            }
            PartitionField::RecordErrorMessage => {
                frame.skip(value, 1)?;
                self.record_errors = self.record_errors.wrapping_sub(1);
                self.next_record_error()
            }
            PartitionField::ErrorMessage => {
                frame.skip(value, 1)?;
                PartitionField::Done
            }
            PartitionField::Done => PartitionField::Done,
        })
    }

    fn next_record_error(&self) -> PartitionField {
        if self.record_errors == 0 { PartitionField::ErrorMessage } else { PartitionField::RecordErrorIndex }
    }

    fn next_topic(&self) -> Field {
        if self.topics == 0 { Field::Throttle } else { Field::TopicNameLength }
    }

    fn next_partition(&mut self) -> Field {
        if self.partitions > 0 {
            return Field::Partition(PartitionField::Index);
        }
        self.topics = self.topics.wrapping_sub(1);
        self.next_topic()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{feed, metadata};
    use std::vec::Vec;

    #[derive(Default)]
    struct Log(Vec<Partition>);
    impl Sink for Log {
        fn topic_name(&self, index: u16) -> Option<&'static str> {
            ["t", "u"].get(usize::from(index)).copied()
        }
        fn metadata(&mut self, _: metadata::Event<'_>) {}
        fn produced(&mut self, partition: Partition) {
            self.0.push(partition);
        }
    }

    fn response(version: i16) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(2i32.to_be_bytes());
        for (name, partitions) in [(b't', 2i32), (b'u', 1)] {
            out.extend([0, 1, name]);
            out.extend(partitions.to_be_bytes());
            for index in 0..partitions {
                out.extend(index.to_be_bytes());
                out.extend((index as i16 * 6).to_be_bytes());
                out.extend(100i64.to_be_bytes());
                out.extend((-1i64).to_be_bytes());
                if version >= 5 {
                    out.extend(0i64.to_be_bytes());
                }
                if version >= 8 {
                    out.extend(2i32.to_be_bytes());
                    out.extend([0, 0, 0, 0, 0, 2, b'n', b'o', 0, 0, 0, 1, 0xff, 0xff]);
                    out.extend([0, 3, b'b', b'a', b'd']);
                }
            }
        }
        out.extend(9i32.to_be_bytes());
        out
    }

    fn decode(version: i16, bytes: &[u8], piece: usize) -> Result<(Vec<Partition>, i32, Decoded), Malformed> {
        let (mut response, mut log) = (Response::new(), Log::default());
        let decoded = feed::in_pieces(bytes, piece, |frame| response.feed(version, frame, &mut log))?;
        Ok((log.0, response.throttle_ms, decoded))
    }

    #[test]
    fn golden_request_head() {
        let mut size = Size::default();
        size.add_topic("t");
        size.add_partition(86);
        let mut buf = [0; 64];
        let mut out = Writer::new(&mut buf);
        let start = Start { version: 3, correlation_id: 1, client_id: "dev", acks: -1, timeout_ms: 30_000 };
        start.write(&mut out, &size);
        write_topic(&mut out, "t", 1);
        write_partition(&mut out, 0, 86);
        let len = out.finish().unwrap();
        let golden = b"\0\0\0\x7e\0\0\0\x03\0\0\0\x01\0\x03dev\xff\xff\xff\xff\0\0\x75\x30\
            \0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0\0\0\0\x56";
        assert_eq!(&buf[..len], golden);
    }

    #[test]
    fn each_version_decodes_in_pieces_of_any_size() {
        for version in VERSION_MIN..=VERSION_MAX {
            let bytes = response(version);
            for piece in 1..=bytes.len() {
                let (partitions, throttle_ms, decoded) = decode(version, &bytes, piece).unwrap();
                assert_eq!((throttle_ms, decoded), (9, Decoded::Whole));
                let seen: Vec<_> =
                    partitions.iter().map(|p| (p.topic, p.index, p.error.code(), p.base_offset)).collect();
                assert_eq!(seen, [(Some(0), 0, 0, 100), (Some(0), 1, 6, 100), (Some(1), 0, 0, 100)]);
            }
        }
    }

    #[test]
    fn every_cut_and_surplus_is_refused_and_no_length_panics() {
        for version in [3, 5, 8] {
            let bytes = response(version);
            for len in 0..bytes.len() {
                assert!(!matches!(decode(version, &bytes[..len], 7), Ok((_, _, Decoded::Whole))));
            }
            let mut longer = bytes.clone();
            longer.push(0);
            assert!(decode(version, &longer, 7).is_err());
            for at in 0..bytes.len() - 4 {
                for hostile in [0i32, -1, -2, 1, i32::MAX, i32::MIN, 0x1503_0100] {
                    let mut bytes = bytes.clone();
                    bytes[at..at + 4].copy_from_slice(&hostile.to_be_bytes());
                    let _ = decode(version, &bytes, 5);
                }
            }
        }
    }
}
