//! A record without key and headers, with short fields: the most usual one, in few instructions of a 32-bit processor.

use super::write::{base_timestamp_ms, note_timestamp};
use super::{BYTES_MAX, HEADER_BYTES};
use crate::wire::varint;

/// The most bytes in front of a value: two of length, the attributes, twice four, the null key, and two of the value's
/// length are 14.
const HEAD_BYTES: usize = 16;

// Lengths are masked with it.
const _: () = assert!(BYTES_MAX.is_power_of_two());

/// Fields have at most this many bits: four bytes.
const FIELD_BITS: u32 = 28;

// The number of the last record that a batch can have takes no more: behind the first 2^20 they have ten bytes at least.
const COUNT_MAX: u32 = (1 << 20) + (BYTES_MAX as u32 / 10);
const _: () = assert!(COUNT_MAX << 1 < 1 << FIELD_BITS);

/// From this length on a record has a length of two bytes, whatever its other fields: they have six bytes at least.
const LONG_VALUE_BYTES: usize = 64 - 6;

/// With values of fewer bits, the length of a record has two bytes at most.
const VALUE_LEN_BITS: u32 = 12;

/// As [`append`](super::append) for a record with this time and a value of this length: the batch's length with the
/// record, and where its value is to be written. `None`: the general way is to decide. Bytes behind the `len` that the
/// batch has may be written all the same.
#[inline(always)]
pub(crate) fn append_plain(
    slot: &mut [u8],
    len: usize,
    count: u32,
    timestamp_ms: i64,
    value_len: usize,
) -> Option<(usize, &mut [u8])> {
    let batch = slot.first_chunk_mut::<HEADER_BYTES>()?;
    let delta = timestamp_ms.wrapping_sub(base_timestamp_ms(batch));
    let delta = varint::zigzag(delta);
    if delta >> FIELD_BITS != 0 || value_len >> VALUE_LEN_BITS != 0 {
        return None;
    }
    let delta = delta as u32;
    // It is less by far. Masked, no sum with it is known to overflow.
    let len = len & (2 * BYTES_MAX - 1);
    let head = slot.get_mut(len..len.wrapping_add(HEAD_BYTES))?.first_chunk_mut::<HEAD_BYTES>()?;
    let mut length_bytes = if value_len >= LONG_VALUE_BYTES { 2 } else { 1 };
    let mut head_bytes = write_fields(head, length_bytes, delta, count << 1, value_len);
    // One more for the number of headers.
    let body = head_bytes.wrapping_sub(length_bytes).wrapping_add(value_len).wrapping_add(1);
    let long = body >= 64;
    if long && length_bytes == 1 {
        // Seldom: a short value with long fields.
        length_bytes = 2;
        head_bytes = write_fields(head, length_bytes, delta, count << 1, value_len);
    }
    let [low, high, ..] = head;
    *low = (body << 1) as u8 | u8::from(long) << 7;
    if long {
        *high = (body >> 6) as u8;
    }
    let value_at = len.wrapping_add(head_bytes);
    let headers_at = value_at.wrapping_add(value_len);
    *slot.get_mut(headers_at)? = 0;
    note_timestamp(slot, timestamp_ms);
    Some((headers_at.wrapping_add(1), slot.get_mut(value_at..headers_at)?))
}

/// Writes what is between a record's length and its value, and returns where it ends.
// Inlined, it would take the registers of what is around it.
#[cfg_attr(target_os = "none", inline(never))]
#[cfg_attr(not(target_os = "none"), inline(always))]
fn write_fields(bytes: &mut [u8; HEAD_BYTES], at: usize, delta: u32, offset: u32, value_len: usize) -> usize {
    // It is 1 or 2. Masked, all places are known to be within.
    let mut head = Head { bytes, at: at & 3 };
    // The attributes.
    head.push(0);
    head.varint(delta);
    head.varint(offset);
    // The key is null.
    head.push(1);
    head.varint((value_len as u32) << 1);
    head.at
}

/// The fields in front of a value, one behind the other.
struct Head<'s> {
    bytes: &'s mut [u8; HEAD_BYTES],
    at: usize,
}

impl Head<'_> {
    #[inline(always)]
    fn push(&mut self, byte: u8) {
        self.put(0, byte);
        self.at = self.at.wrapping_add(1);
    }

    #[inline(always)]
    fn put(&mut self, behind: usize, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.at.wrapping_add(behind)) {
            *place = byte;
        }
    }

    #[inline(always)]
    fn varint(&mut self, rest: u32) {
        if rest < 0x80 {
            self.push(rest as u8);
        } else {
            self.put(0, rest as u8 | 0x80);
            if rest < 0x4000 {
                self.put(1, (rest >> 7) as u8);
                self.at = self.at.wrapping_add(2);
            } else {
                self.put(1, (rest >> 7) as u8 | 0x80);
                if rest < 0x20_0000 {
                    self.put(2, (rest >> 14) as u8);
                    self.at = self.at.wrapping_add(3);
                } else {
                    self.put(2, (rest >> 14) as u8 | 0x80);
                    self.put(3, (rest >> 21) as u8);
                    self.at = self.at.wrapping_add(4);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{append, begin};
    use crate::delivery::TopicId;
    use crate::record::Record;

    #[test]
    fn it_writes_what_the_general_way_writes() {
        let lens = [0, 1, 5, 20, 51, 52, 53, 54, 55, 56, 57, 58, 59, 63, 64, 100, 4_000, 4_095, 4_096, 9_000];
        let counts = [0, 1, 63, 64, 8_191, 8_192, (1 << 20) - 1, 1 << 20, COUNT_MAX];
        let far = (1 << 27) - 1;
        let deltas =
            [0, 1, 63, 64, -64, -65, 8_191, -8_192, 8_192, far, far + 1, -far - 1, 1 << 32, i64::MAX];
        let mut served = 0;
        for case in 0..lens.len() * counts.len() * deltas.len() {
            let (value_len, count) = (lens[case % 20], counts[case / 20 % 9]);
            let delta = deltas[case / 180];
            let (mut plain, mut general) = (vec![0xAA; 20_000], vec![0xAA; 20_000]);
            let len = begin(&mut plain, 7).unwrap();
            begin(&mut general, 7).unwrap();
            let timestamp_ms = 7i64.wrapping_add(delta);
            let record = Record { timestamp_ms, ..Record::new(TopicId::new(0), b"") };
            let expected = append(&mut general, len, count, &record, Some(value_len)).unwrap();
            let Some((len, value)) = append_plain(&mut plain, len, count, timestamp_ms, value_len) else {
                let is_long = value_len > 4_095 || !(-far - 1..=far).contains(&delta);
                assert!(is_long, "{value_len} {count} {delta}");
                continue;
            };
            served += 1;
            assert_eq!((len, value.len()), (expected.len, value_len));
            value.fill(3);
            general[expected.value].fill(3);
            assert_eq!(plain[..len], general[..len], "{value_len} {count} {delta}");
        }
        assert!(served > 1_000, "{served}");
    }

    #[test]
    fn without_room_the_batch_stays_as_it_was() {
        for (value_len, needed) in [(5, 12), (20, 27)] {
            for size in 61..=61 + 48 {
                let mut slot = vec![0xAA; size];
                let len = begin(&mut slot, 7).unwrap();
                let before = slot.clone();
                let done = append_plain(&mut slot, len, 0, 9, value_len).map(|(len, _)| len);
                match done {
                    None => assert_eq!(slot[..len], before[..len]),
                    Some(done) => assert!(done == len + needed && done <= size),
                }
            }
        }
    }
}
