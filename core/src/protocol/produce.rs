//! Produce v3 to v8: one RecordBatch v2 for each partition, and what became of it.
//!
//! A request is a start, then for each topic its name and number of partitions, then for each partition its index and the
//! batch's length, each batch right behind.

use super::fields::{Loop, Op, Register, Since};
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

/// The response: for each topic its name, for each of its partitions what became of the batch.
#[rustfmt::skip]
pub(super) const RESPONSE: &[Op] = &[
    // Name length and partition count.
    Op::Count(Loop::new(0, 6)),
    /* 1 */ Op::While(Loop::new(0, 29)),
    Op::String,
    Op::Name,
    // Index, error, base offset and log append time.
    Op::Count(Loop::new(1, 22)),
    /* 5 */ Op::While(Loop::new(1, 28)),
    Op::Keep0(Register::LOG_START_OFFSET[1]),
    Op::Keep0(Register::BEHIND_RECORD),
    Op::Keep4(Register::INDEX),
    Op::Keep2(Register::ERROR),
    Op::Keep4(Register::BASE_OFFSET[0]),
    Op::Keep4(Register::BASE_OFFSET[1]),
    Op::Keep4(Register::LOG_APPEND_TIME[0]),
    Op::Keep4(Register::LOG_APPEND_TIME[1]),
    Op::Since(Since::new(5, 26)),
    Op::Keep4(Register::LOG_START_OFFSET[0]),
    Op::Keep4(Register::LOG_START_OFFSET[1]),
    Op::Since(Since::new(8, 26)),
    // Batch index and message length.
    Op::Count(Loop::new(2, 6)),
    /* 19 */ Op::While(Loop::new(2, 24)),
    Op::RecordIndex,
    Op::NullableString,
    Op::Bytes,
    Op::Goto(19),
    /* 24 */ Op::NullableString,
    Op::Bytes,
    /* 26 */ Op::Produced,
    Op::Goto(5),
    /* 28 */ Op::Goto(1),
    /* 29 */ Op::Keep4(Register::THROTTLE_TIME),
    Op::End,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Api, RequestHeader, Response, Sink, feed};
    use crate::wire::{Malformed, in_pieces};
    use std::vec::Vec;

    /// Topic, partition, error, base offset, log append time and record of each, and whether its log's start is unknown.
    type Seen = (u16, i32, i16, [i64; 2], Option<u32>, bool);
    #[derive(Default)]
    struct Log(Vec<Seen>);
    impl Sink for Log {
        fn topic_name(&self, index: u16) -> Option<&'static str> {
            ["t", "u"].get(usize::from(index)).copied()
        }
        fn produced(&mut self, response: &Response) {
            self.0.push((
                response.topic(),
                response.index(),
                response.error().code(),
                [response.base_offset().get(), response.log_append_time_ms().get()],
                response.record_index(),
                response.log_start_unknown(),
            ));
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
                out.extend((5i64 << 32 | 100).to_be_bytes());
                out.extend((-1i64).to_be_bytes());
                if version >= 5 {
                    out.extend((-i64::from(index)).to_be_bytes());
                }
                if version >= 8 {
                    out.extend(2i32.to_be_bytes());
                    out.extend([0, 0, 0, 7, 0, 2, b'n', b'o', 0, 0, 0, 1, 0xff, 0xff]);
                    out.extend([0, 3, b'b', b'a', b'd']);
                }
            }
        }
        out.extend(9i32.to_be_bytes());
        out
    }

    fn decode(version: i16, bytes: &[u8], piece: usize) -> Result<(Log, i32), Malformed> {
        let mut log = Log::default();
        let response = feed::in_pieces((Api::Produce, version), bytes, piece, &mut log)?;
        Ok((log, response.throttle_ms()))
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
                let (Log(seen), throttle_ms) = decode(version, &bytes, piece).unwrap();
                let (start_unknown, record) = (version >= 5, (version >= 8).then_some(7));
                let times = [5 << 32 | 100, -1];
                assert_eq!(
                    seen,
                    [
                        (0, 0, 0, times, record, false),
                        (0, 1, 6, times, record, start_unknown),
                        (1, 0, 0, times, record, false)
                    ]
                );
                assert_eq!(throttle_ms, 9);
            }
        }
    }

    #[test]
    fn every_cut_and_surplus_is_refused_and_no_length_panics() {
        for version in [3, 5, 8] {
            let bytes = response(version);
            for len in 0..bytes.len() {
                assert!(decode(version, &bytes[..len], 7).is_err());
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
