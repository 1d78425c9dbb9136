//! Bytes on the wire, by the layout of the protocol alone: what a producer cannot undercut.
//!
//! Produce v8 with a topic and a client id of eight characters, one partition, values of 20 bytes without keys, a
//! reading a second.

/// `RecordBatch` v2 without its records.
const BATCH_HEADER_BYTES: u64 = 61;
const VALUE_BYTES: u64 = 20;
const NAME_BYTES: u64 = 8;
const READING_MS: u64 = 1_000;

/// Bytes of a batch of so many records.
pub(super) fn batch_bytes(records: u64) -> u64 {
    BATCH_HEADER_BYTES + (0..records).map(record_bytes).sum::<u64>()
}

/// Bytes of the request that brings this batch, its length field included.
pub(super) fn request_bytes(records: u64) -> u64 {
    let header = 4 + 2 + 2 + 4 + (2 + NAME_BYTES);
    let body = 2 + 2 + 4 + 4 + (2 + NAME_BYTES) + 4 + 4 + 4;
    header + body + batch_bytes(records)
}

fn record_bytes(index: u64) -> u64 {
    // Attributes, a null key and no headers take a byte each.
    let body =
        3 + varint_bytes(index * READING_MS) + varint_bytes(index) + varint_bytes(VALUE_BYTES) + VALUE_BYTES;
    varint_bytes(body) + body
}

/// Bytes of a number that is not negative, as `ZigZag` with seven bits a byte.
fn varint_bytes(value: u64) -> u64 {
    u64::from((2 * value).max(1).ilog2()) / 7 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of reliability-performance, section 4.5. Its requests are Produce v9, which has compact lengths.
    #[test]
    fn the_formula_gives_the_table() {
        assert_eq!([1, 10, 100, 1_000].map(batch_bytes), [88, 341, 2_987, 29_987]);
        assert_eq!([1, 10, 100].map(request_bytes), [144, 397, 3_043]);
    }
}
