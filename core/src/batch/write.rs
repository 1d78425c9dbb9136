use core::ops::Range;

use super::{HEADER_BYTES, RECORD_OVERHEAD_MAX};
use crate::record::{Header, Record};
use crate::wire::{NoRoom, Writer};

const BATCH_LENGTH_AT: usize = 8;
const CRC_AT: usize = 17;
const ATTRIBUTES_AT: usize = 21;
const LAST_OFFSET_DELTA_AT: usize = 23;
const BASE_TIMESTAMP_AT: usize = 27;
pub(super) const MAX_TIMESTAMP_AT: usize = 35;
const RECORDS_COUNT_AT: usize = 57;

/// What [`append`] wrote.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Appended {
    /// The batch's length with the record.
    pub(crate) len: usize,
    /// Where in the batch the record's value is to be written.
    pub(crate) value: Range<usize>,
}

/// Writes the header of an empty batch whose first record will have this timestamp, but for what [`seal`] writes. Returns the
/// batch's length.
pub(crate) fn begin(slot: &mut [u8], timestamp_ms: i64) -> Result<usize, NoRoom> {
    let header = slot.first_chunk_mut::<HEADER_BYTES>().ok_or(NoRoom)?;
    put(header, 0, &[0; 8]);
    put(header, 12, &[0xff, 0xff, 0xff, 0xff, 2]);
    put(header, ATTRIBUTES_AT, &[0; 2]);
    put(header, BASE_TIMESTAMP_AT, &timestamp_ms.to_be_bytes());
    put(header, MAX_TIMESTAMP_AT, &timestamp_ms.to_be_bytes());
    put(header, 43, &[0xff; 14]);
    Ok(HEADER_BYTES)
}

/// Writes a record behind the `len` bytes and `count` records that the batch has, all but the bytes of its value,
/// which the caller writes. `value_len` of `None` is a null value. Refuses, and changes nothing, when it does not fit.
pub(crate) fn append(
    slot: &mut [u8],
    len: usize,
    count: u32,
    record: &Record<'_>,
    value_len: Option<usize>,
) -> Result<Appended, NoRoom> {
    let offset_delta = i32::try_from(count).map_err(|_| NoRoom)?;
    let timestamp_delta = record.timestamp_ms.wrapping_sub(base_timestamp_ms(slot));
    let fields = |out: &mut Writer<'_>| record_fields(out, timestamp_delta, offset_delta, record, value_len);
    let mut measure = Writer::new(&mut []);
    fields(&mut measure);
    let length = i32::try_from(measure.len()).map_err(|_| NoRoom)?;
    measure.varint(length);
    // The whole record's room is claimed before its first byte is written. It has 2 GiB at most, and the batch 1.
    let end = len.wrapping_add(measure.len());
    let mut out = Writer::new(slot.get_mut(len..end).ok_or(NoRoom)?);
    out.varint(length);
    let value_start = len.wrapping_add(fields(&mut out));
    note_timestamp(slot, record.timestamp_ms);
    Ok(Appended { len: end, value: value_start..value_start.wrapping_add(value_len.unwrap_or(0)) })
}

/// Writes what is known only when no record follows: lengths, counts and the CRC. `batch` is exactly the batch.
pub(crate) fn seal(batch: &mut [u8], count: u32, crc32c: fn(&[u8]) -> u32) {
    let after_length = batch.len().wrapping_sub(BATCH_LENGTH_AT + 4) as u32;
    let Some(header) = batch.first_chunk_mut::<HEADER_BYTES>() else { return };
    put(header, BATCH_LENGTH_AT, &after_length.to_be_bytes());
    put(header, LAST_OFFSET_DELTA_AT, &count.wrapping_sub(1).to_be_bytes());
    put(header, RECORDS_COUNT_AT, &count.to_be_bytes());
    let crc = crc32c(batch.get(ATTRIBUTES_AT..).unwrap_or(&[]));
    put(batch, CRC_AT, &crc.to_be_bytes());
}

/// Whether a record fits `max_bytes` as the first of its batch.
pub(crate) fn first_record_fits(record: &Record<'_>, value_len: Option<usize>, max_bytes: usize) -> bool {
    let key_len = record.key.map_or(0, <[u8]>::len);
    let at_most = key_len.saturating_add(value_len.unwrap_or(0)).saturating_add(RECORD_OVERHEAD_MAX);
    // Nearly always: it need not be measured.
    if record.headers.is_empty() && at_most <= max_bytes {
        return true;
    }
    let mut measure = Writer::new(&mut []);
    record_fields(&mut measure, 0, 0, record, value_len);
    measure.varint(measure.len() as i32);
    measure.len() <= max_bytes
}

/// Writes a record's fields between its length and its key.
pub(super) fn record_head(out: &mut Writer<'_>, timestamp_delta: i64, offset_delta: i32) {
    // The attributes.
    out.byte(0);
    out.varlong(timestamp_delta);
    out.varint(offset_delta);
}

/// Writes all of a record's fields behind its length, and returns where its value belongs.
fn record_fields(
    out: &mut Writer<'_>,
    timestamp_delta: i64,
    offset_delta: i32,
    record: &Record<'_>,
    value_len: Option<usize>,
) -> usize {
    record_head(out, timestamp_delta, offset_delta);
    nullable(out, record.key);
    // Longer than an i32 can say, it does not fit.
    out.varint(value_len.map_or(-1, |len| len as i32));
    let value_at = out.len();
    out.skip(value_len.unwrap_or(0));
    out.varint(record.headers.len() as i32);
    for Header { key, value } in record.headers {
        nullable(out, Some(key.as_bytes()));
        nullable(out, *value);
    }
    value_at
}

/// The batch has a record with this time.
#[inline]
pub(super) fn note_timestamp(batch: &mut [u8], timestamp_ms: i64) {
    if timestamp_ms > get_i64(batch, MAX_TIMESTAMP_AT) {
        put(batch, MAX_TIMESTAMP_AT, &timestamp_ms.to_be_bytes());
    }
}

/// The timestamp of the batch's first record.
#[inline]
pub(super) fn base_timestamp_ms(batch: &[u8]) -> i64 {
    get_i64(batch, BASE_TIMESTAMP_AT)
}

fn nullable(out: &mut Writer<'_>, bytes: Option<&[u8]>) {
    out.varint(bytes.map_or(-1, |bytes| bytes.len() as i32));
    out.bytes(bytes.unwrap_or(&[]));
}

#[inline]
pub(super) fn put<const N: usize>(batch: &mut [u8], at: usize, bytes: &[u8; N]) {
    if let Some(field) = batch.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<N>) {
        *field = *bytes;
    }
}

#[inline]
pub(super) fn get<const N: usize>(batch: &[u8], at: usize) -> [u8; N] {
    batch.get(at..).and_then(<[u8]>::first_chunk::<N>).copied().unwrap_or([0; N])
}

#[inline]
fn get_i64(batch: &[u8], at: usize) -> i64 {
    i64::from_be_bytes(get(batch, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{StoredRecords, crc32c};
    use crate::delivery::TopicId;
    use std::string::String;
    use std::vec::Vec;

    fn record<'a>(
        key: Option<&'a [u8]>,
        value: Option<&'a [u8]>,
        headers: &'a [Header<'a>],
        ts: i64,
    ) -> Record<'a> {
        Record { key, value, headers, timestamp_ms: ts, ..Record::new(TopicId::new(0), b"") }
    }

    fn push(slot: &mut [u8], len: usize, count: u32, record: &Record<'_>) -> Result<usize, NoRoom> {
        let appended = append(slot, len, count, record, record.value.map(<[u8]>::len))?;
        slot[appended.value].copy_from_slice(record.value.unwrap_or(&[]));
        Ok(appended.len)
    }

    /// The golden batch was made with kafka-python; its producer fields are pid 7, epoch 0, sequence 0.
    const GOLDEN: &str = "00000000000000000000004affffffff028dafdcd40000000000010000018bcfe568000000018bcfe568\
        0500000000000000070000000000000000000218000000026b0276020268027816000a02010a68656c6c6f00";

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn golden_batch_of_a_mature_client_byte_for_byte() {
        let mut slot = [0xAA; 128];
        let headers = [Header { key: "h", value: Some(b"x") }];
        let first = record(Some(b"k"), Some(b"v"), &headers, 1_700_000_000_000);
        let second = record(None, Some(b"hello"), &[], 1_700_000_000_005);
        let mut len = begin(&mut slot, first.timestamp_ms).unwrap();
        len = push(&mut slot, len, 0, &first).unwrap();
        len = push(&mut slot, len, 1, &second).unwrap();
        put(&mut slot, 43, &7i64.to_be_bytes());
        put(&mut slot, 51, &0i16.to_be_bytes());
        put(&mut slot, 53, &0i32.to_be_bytes());
        seal(&mut slot[..len], 2, crc32c);
        assert_eq!(hex(&slot[..len]), GOLDEN);
    }

    #[test]
    fn without_idempotence_the_producer_fields_are_minus_one() {
        let mut slot = [0; 61];
        begin(&mut slot, 5).unwrap();
        assert_eq!(slot[43..57], [0xff; 14]);
    }

    #[test]
    fn a_record_that_does_not_fit_leaves_the_batch_as_it_was() {
        let mut slot = [0; 61 + 20];
        let len = begin(&mut slot, 1).unwrap();
        let len = push(&mut slot, len, 0, &record(None, Some(b"0123456789"), &[], 1)).unwrap();
        let before = slot;
        assert_eq!(push(&mut slot, len, 1, &record(None, Some(b"0123456789"), &[], 99)), Err(NoRoom));
        assert_eq!(slot, before);
        assert_eq!(append(&mut slot, len, 1, &record(None, None, &[], 1), Some(usize::MAX)), Err(NoRoom));
        assert!(begin(&mut [0; 60], 1).is_err());
    }

    #[test]
    fn records_read_back_as_they_were_written_whatever_their_nulls_and_times() {
        let headers = [Header { key: "a", value: None }, Header { key: "", value: Some(b"") }];
        let records = [
            record(None, None, &[], -1),
            record(Some(b""), Some(b""), &headers, i64::MAX),
            record(Some(b"key"), None, &[], i64::MIN),
            record(None, Some(&[7; 200]), &headers, 1_700_000_000_000),
        ];
        let mut slot = [0; 1024];
        let mut len = begin(&mut slot, records[0].timestamp_ms).unwrap();
        for (count, record) in records.iter().enumerate() {
            len = push(&mut slot, len, count as u32, record).unwrap();
        }
        seal(&mut slot[..len], records.len() as u32, crc32c);
        let stored: Vec<_> = StoredRecords::new(&slot[..len]).collect();
        assert_eq!(stored.len(), records.len());
        for (stored, record) in stored.iter().zip(&records) {
            assert_eq!(
                (stored.key, stored.value, stored.timestamp_ms),
                (record.key, record.value, record.timestamp_ms)
            );
            let headers: Vec<_> = stored.headers.clone().map(|h| (h.key, h.value)).collect();
            let expected: Vec<_> = record.headers.iter().map(|h| (h.key.as_bytes(), h.value)).collect();
            assert_eq!(headers, expected);
        }
        assert_eq!(get_i64(&slot, MAX_TIMESTAMP_AT), i64::MAX);
    }

    #[test]
    fn a_first_record_fits_what_it_can_be_appended_to() {
        let header = [Header { key: "h", value: Some(b"x") }];
        for headers in [&[][..], &header] {
            for (key, value_len) in [(None, 0), (None, 20), (Some(&b"key"[..]), 57), (None, 300)] {
                let record = record(key, None, headers, 5);
                for room in 0..350 {
                    let mut slot = vec![0; HEADER_BYTES + room];
                    let len = begin(&mut slot, 5).unwrap();
                    let fits = append(&mut slot, len, 0, &record, Some(value_len)).is_ok();
                    assert_eq!(first_record_fits(&record, Some(value_len), room), fits, "{value_len} {room}");
                }
                assert!(!first_record_fits(&record, Some(usize::MAX), 350));
            }
        }
    }

    #[test]
    fn the_announced_overhead_is_never_exceeded_for_times_that_are_near_each_other() {
        let mut slot = [0; 4096];
        for (len, ts) in [(0usize, 0i64), (63, 1), (64, i64::from(i32::MAX)), (3000, -5)] {
            begin(&mut slot, 0).unwrap();
            let value = vec![0; len];
            let end =
                push(&mut slot, HEADER_BYTES, u32::MAX >> 1, &record(None, Some(&value), &[], ts)).unwrap();
            assert!(end - HEADER_BYTES - len <= RECORD_OVERHEAD_MAX);
        }
    }
}
