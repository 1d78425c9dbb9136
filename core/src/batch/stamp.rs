//! The header's fields of an idempotent producer (KIP-98).

use super::HEADER_BYTES;
use super::write::{get, put};

const PRODUCER_ID_AT: usize = 43;
const PRODUCER_EPOCH_AT: usize = 51;
const BASE_SEQUENCE_AT: usize = 53;

/// Who sent a batch, and which of its records to the partition is the batch's first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) base_sequence: i32,
}

impl Stamp {
    /// That of a producer that is not idempotent.
    pub(crate) const NONE: Self = Self { producer_id: -1, producer_epoch: -1, base_sequence: -1 };

    /// A batch's stamp; -1 in each field when it has none.
    #[cfg(test)]
    pub(crate) fn of(batch: &[u8]) -> Self {
        Self {
            producer_id: i64::from_be_bytes(get(batch, PRODUCER_ID_AT)),
            producer_epoch: i16::from_be_bytes(get(batch, PRODUCER_EPOCH_AT)),
            base_sequence: base_sequence(batch),
        }
    }

    /// Writes the stamp. The batch must be sealed, or sealed again, afterwards: the CRC covers it.
    pub(crate) fn write(&self, batch: &mut [u8]) {
        let Some(header) = batch.first_chunk_mut::<HEADER_BYTES>() else { return };
        put(header, PRODUCER_ID_AT, &self.producer_id.to_be_bytes());
        put(header, PRODUCER_EPOCH_AT, &self.producer_epoch.to_be_bytes());
        put(header, BASE_SEQUENCE_AT, &self.base_sequence.to_be_bytes());
    }
}

/// The sequence in a batch's stamp; -1 when it has none.
pub(crate) fn base_sequence(batch: &[u8]) -> i32 {
    i32::from_be_bytes(get(batch, BASE_SEQUENCE_AT))
}

/// A batch that has a stamp loses its first `records` records.
#[cfg(feature = "split")]
pub(super) fn skip(batch: &mut [u8], records: u32) {
    let sequence = base_sequence(batch);
    if sequence >= 0 {
        put(batch, BASE_SEQUENCE_AT, &advance(sequence, records).to_be_bytes());
    }
}

/// The sequence that is `records` later: 0 follows 2147483647 (Java's `DefaultRecordBatch.incrementSequence`).
pub(crate) fn advance(sequence: i32, records: u32) -> i32 {
    (sequence as u32).wrapping_add(records) as i32 & i32::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_wrap_as_in_java() {
        // TransactionManagerTest.testSequenceNumberOverflow
        assert_eq!(advance(i32::MAX, 100), 99);
        assert_eq!(advance(99, i32::MAX as u32), 98);
        assert_eq!(advance(0, 3), 3);
    }

    #[test]
    fn a_stamp_reads_back() {
        let mut batch = [0; 61];
        let stamp = Stamp { producer_id: i64::MAX, producer_epoch: 7, base_sequence: i32::MAX };
        stamp.write(&mut batch);
        assert_eq!(Stamp::of(&batch), stamp);
        assert_eq!(base_sequence(&batch), i32::MAX);
    }
}
