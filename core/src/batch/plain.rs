//! A record without key and headers, with short fields: the most usual one, written in three stores. For hosts: a device
//! would pay for a second way with flash.

use super::write::{Appended, base_timestamp_ms, note_timestamp};
use crate::wire::varint::zigzag;

/// The bytes that are stored at once in front of a value.
const STORED_BYTES: usize = 2 + 8;

/// As [`append`](super::append) for a record with this time and a value of this length. `None`: the general way is to
/// decide. Bytes behind the record, that no batch has yet, may be written.
#[inline(always)]
pub(super) fn append(
    slot: &mut [u8],
    len: usize,
    count: u32,
    timestamp_ms: i64,
    value_len: usize,
) -> Option<Appended> {
    let mut fields = Fields { bytes: 0, bits: 8 };
    // The attributes are the 0 at the front.
    fields.push(zigzag(timestamp_ms.wrapping_sub(base_timestamp_ms(slot))))?;
    fields.push(zigzag(i64::from(count)))?;
    // The key is null.
    fields.push(1)?;
    fields.push(zigzag(value_len as i64))?;
    let head = (fields.bits >> 3) as usize;
    // One more for the number of headers.
    let mut length = Fields { bytes: 0, bits: 0 };
    let body = head.wrapping_add(value_len).wrapping_add(1);
    length.push(zigzag(body as i64))?;
    let fields_at = len.checked_add((length.bits >> 3) as usize)?;
    let value_at = fields_at.checked_add(head)?;
    // Within 16 KiB behind `len`: `push` has seen to it.
    let headers_at = value_at.checked_add(value_len)?;
    let end = headers_at.checked_add(1)?;
    if len.checked_add(STORED_BYTES)?.max(end) > slot.len() {
        return None;
    }
    *slot.get_mut(len..)?.first_chunk_mut()? = (length.bytes as u16).to_le_bytes();
    *slot.get_mut(fields_at..)?.first_chunk_mut()? = fields.bytes.to_le_bytes();
    *slot.get_mut(headers_at)? = 0;
    note_timestamp(slot, timestamp_ms);
    Some(Appended { len: end, value: value_at..headers_at })
}

/// Varints of one or two bytes, one behind the other, the first in the lowest bits.
struct Fields {
    bytes: u64,
    bits: u32,
}

impl Fields {
    /// `None` when it takes three bytes or more.
    fn push(&mut self, value: u64) -> Option<()> {
        if value >= 1 << 14 {
            return None;
        }
        let is_long = u64::from(value >= 0x80);
        let encoded = (value & 0x7f) | (is_long << 7) | ((value >> 7) << 8);
        self.bytes |= encoded.wrapping_shl(self.bits);
        self.bits = self.bits.wrapping_add(8).wrapping_add((is_long as u32) << 3);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::begin;
    use crate::batch::write::append_any;
    use crate::delivery::TopicId;
    use crate::record::Record;

    #[test]
    fn it_writes_what_the_general_way_writes() {
        let lens = [0, 1, 5, 63, 64, 100, 8_000, 8_180, 8_192, 9_000];
        let counts = [0, 1, 63, 64, 8_191, 8_192, u32::MAX >> 1];
        let deltas = [0, 1, 63, 64, -64, -65, 8_191, -8_192, 8_192, i64::MAX];
        let mut served = 0;
        for case in 0..lens.len() * counts.len() * deltas.len() {
            let (value_len, count) = (lens[case % 10], counts[case / 10 % 7]);
            let delta = deltas[case / 70];
            let (mut plain, mut general) = (vec![0xAA; 20_000], vec![0xAA; 20_000]);
            let len = begin(&mut plain, 7).unwrap();
            begin(&mut general, 7).unwrap();
            let timestamp_ms = 7i64.wrapping_add(delta);
            let record = Record { timestamp_ms, ..Record::new(TopicId::new(0), b"") };
            let expected = append_any(&mut general, len, count, &record, Some(value_len)).unwrap();
            let Some(done) = append(&mut plain, len, count, timestamp_ms, value_len) else { continue };
            served += 1;
            assert_eq!(done, expected);
            plain[done.value.clone()].fill(3);
            general[done.value.clone()].fill(3);
            assert_eq!(plain[..done.len], general[..done.len], "{value_len} {count} {delta}");
        }
        assert!(served > 200, "{served}");
    }

    #[test]
    fn without_room_it_writes_nothing() {
        for size in 61..=61 + 12 {
            let mut slot = vec![0xAA; size];
            let len = begin(&mut slot, 7).unwrap();
            let before = slot.clone();
            match append(&mut slot, len, 0, 7, 5) {
                None => assert_eq!(slot, before),
                Some(done) => assert!(done.len <= size && size >= 61 + 12),
            }
        }
    }
}
