//! RecordBatch v2, written in place: <https://kafka.apache.org/documentation/#recordbatch>.
//!
//! | Offset | Field | What a producer writes |
//! |---|---|---|
//! | 0 | base_offset i64 | 0; the broker assigns offsets |
//! | 8 | batch_length i32 | bytes after this field |
//! | 12 | partition_leader_epoch i32 | -1; the broker's |
//! | 16 | magic i8 | 2 |
//! | 17 | crc u32 | CRC-32C over all that follows |
//! | 21 | attributes i16 | 0: not compressed, CreateTime |
//! | 23 | last_offset_delta i32 | count - 1 |
//! | 27, 35 | base_timestamp, max_timestamp i64 | the first record's, the greatest |
//! | 43, 51, 53 | producer_id i64, epoch i16, base_sequence i32 | its stamp, at the first drain; without idempotence -1, -1, -1 |
//! | 57 | records_count i32 | count |
//! | 61 | records | one after another |

mod crc;
mod plain;
#[cfg(feature = "split")]
mod split;
mod stamp;
mod stored;
mod write;

pub use crc::crc32c;
pub(crate) use plain::append_plain;
#[cfg(feature = "split")]
pub(crate) use split::{prefix_len, reframe};
pub(crate) use stamp::{Stamp, advance, base_sequence};
pub use stored::{Headers, StoredHeader, StoredRecord, StoredRecords};
pub(crate) use write::{append, begin, first_record_fits, seal};

/// Bytes before the first record.
pub(crate) const HEADER_BYTES: usize = 61;

/// The most that a record's own fields take besides key, value and headers: Java's
/// `DefaultRecord.MAX_RECORD_OVERHEAD` (attributes 1, timestamp delta 10, and 5 for each of offset delta and
/// length; the lengths of key, value and headers come on top and are counted exactly when a record is appended).
pub(crate) const RECORD_OVERHEAD_MAX: usize = 21;

/// The least that a batch slot must have to hold any record at all.
pub(crate) const BYTES_MIN: usize = HEADER_BYTES + RECORD_OVERHEAD_MAX;

/// The most that a batch slot may have: a batch's length must fit the i32 in its header, and a request around it.
pub(crate) const BYTES_MAX: usize = 1 << 30;
