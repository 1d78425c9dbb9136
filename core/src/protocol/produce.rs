//! Produce v3 to v8: one RecordBatch v2 for each partition, and what became of it.
//!
//! A request is a start, then for each topic its name and number of partitions, then for each partition its index and the
//! batch's length, each batch right behind.

use super::response::{Field, Op};
use crate::code::ErrorCode;
use crate::wire::{FrameWriter, Place};

/// The oldest version that takes RecordBatch v2 and that brokers from 4.0 accept (KIP-98, KAFKA-18659).
pub(crate) const VERSION_MIN: i16 = 3;

/// The newest version that is not flexible. 5 adds the log start offset, 8 the errors of single records (KIP-467).
pub(crate) const VERSION_MAX: i16 = 8;

/// Writes what follows the header, up to the number of topics.
pub(crate) fn write_start(out: &mut FrameWriter<'_, '_>, acks: i16, timeout_ms: u32) {
    // The transactional id.
    out.null_string();
    out.i16(acks);
    // At most what an i32 can say, as was checked.
    out.i32(timeout_ms as i32);
}

/// Writes a topic up to its first partition, and returns where the number of its partitions belongs.
pub(crate) fn write_topic(out: &mut FrameWriter<'_, '_>, name: &str) -> Place {
    out.string(name);
    out.number()
}

pub(crate) fn write_partition<'b>(out: &mut FrameWriter<'_, 'b>, index: i32, batch: &'b [u8]) {
    out.i32(index);
    out.i32(batch.len() as i32);
    out.batch(batch);
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
    use crate::protocol::{Api, Decoded, RequestHeader, Response, Sink, feed};
    use crate::wire::{Malformed, in_pieces};
    use std::vec::Vec;

    #[derive(Default)]
    struct Log(Vec<Partition>);
    impl Sink for Log {
        fn topic_name(&self, index: u16) -> Option<&'static str> {
            ["t", "u"].get(usize::from(index)).copied()
        }
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
    fn golden_request() {
        let batch = [b'x'; 86];
        let header = RequestHeader { api: Api::Produce, version: 3, correlation_id: 1, client_id: "dev" };
        let request = in_pieces(64, 64, |out| {
            header.write(out);
            write_start(out, -1, 30_000);
            out.i32(1);
            let partitions_at = write_topic(out, "t");
            write_partition(out, 0, &batch);
            out.set(partitions_at, 1);
        });
        let golden = b"\0\0\0\x7e\0\0\0\x03\0\0\0\x01\0\x03dev\xff\xff\xff\xff\0\0\x75\x30\
            \0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0\0\0\0\x56";
        assert_eq!(request, [&golden[..], &batch].concat());
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
