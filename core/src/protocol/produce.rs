//! Produce v3 to v8: one RecordBatch v2 for each partition, and what became of it.
//!
//! A request is written in parts, so that the batches are never copied: the start, then for each topic its name
//! and number of partitions, then for each partition its index and the batch's length, each batch right behind.

use super::response::{Field, Op};
use super::{Api, RequestHeader};
use crate::code::ErrorCode;
use crate::wire::Writer;

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

/// The response: for each topic its name, for each of its partitions what became of the batch.
#[rustfmt::skip]
pub(super) const RESPONSE: &[Field] = &[
    // Name length and partition count.
    (4, Op::Count(0, 6)),
    /* 1 */ (0, Op::While(0, 22)),
    (2, Op::NameLen),
    (0, Op::Name),
    // Index, error, base offset and log append time.
    (4, Op::Count(1, 22)),
    /* 5 */ (0, Op::While(1, 21)),
    (4, Op::Index),
    (2, Op::Error),
    (8, Op::BaseOffset),
    (8, Op::LogAppendTime),
    (0, Op::Since(5, 19)),
    (8, Op::LogStartOffset),
    (0, Op::Since(8, 19)),
    // Batch index and message length.
    (4, Op::Count(2, 6)),
    /* 14 */ (0, Op::While(2, 18)),
    (4, Op::RecordIndex),
    (2, Op::Skip(1)),
    (0, Op::Goto(14)),
    /* 18 */ (2, Op::Skip(1)),
    /* 19 */ (0, Op::Produced),
    (0, Op::Goto(5)),
    /* 21 */ (0, Op::Goto(1)),
    /* 22 */ (4, Op::Throttle),
    (0, Op::End),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Decoded, Response, Sink, feed, metadata};
    use crate::wire::Malformed;
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
        let decoded =
            feed::in_pieces(bytes, piece, |frame| response.feed(Api::Produce, version, frame, &mut log))?;
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
