//! A batch that is too large for its broker goes out in parts, one after another, from where it lies.

use super::write::{MAX_TIMESTAMP_AT, base_timestamp_ms, put, record_head};
use super::{HEADER_BYTES, stamp};
use crate::wire::{Malformed, Reader, Writer};

/// The length of a batch's header and first `records` records; `None` when it has not so many.
pub(crate) fn prefix_len(batch: &[u8], records: u32) -> Option<usize> {
    let mut at = HEADER_BYTES;
    for _ in 0..records {
        at = Fields::read(batch.get(at..)?).ok()?.end.checked_add(at)?;
    }
    Some(at)
}

/// Makes a batch of the `records` records that lie at `from` and up to the end of `slot`, in front of which lies the
/// batch that they were cut off from, with `before` records: moves them behind the header, counts their offsets
/// from 0. Returns its length; it is still to be sealed. No record becomes longer, so there is always room.
pub(crate) fn reframe(slot: &mut [u8], from: usize, before: u32, records: u32) -> usize {
    let base_timestamp_ms = base_timestamp_ms(slot);
    let mut max_timestamp_ms = i64::MIN;
    let (mut read_at, mut write_at) = (from, HEADER_BYTES);
    for offset_delta in 0..records {
        // These bytes are our own; were they damaged, the batch would end here.
        let Some(Ok(fields)) = slot.get(read_at..).map(Fields::read) else { break };
        max_timestamp_ms = max_timestamp_ms.max(base_timestamp_ms.wrapping_add(fields.timestamp_delta));
        let content = read_at.wrapping_add(fields.content)..read_at.wrapping_add(fields.end);
        read_at = content.end;
        let Ok(head) = fields.write(offset_delta as i32, content.len(), slot, write_at) else { break };
        write_at = write_at.wrapping_add(head);
        for from in content {
            // From the left, to the left: nothing is overwritten before it was moved.
            if let (Some(byte), Some(to)) = (slot.get(from).copied(), slot.get_mut(write_at)) {
                *to = byte;
            }
            write_at = write_at.wrapping_add(1);
        }
    }
    put(slot, MAX_TIMESTAMP_AT, &max_timestamp_ms.to_be_bytes());
    stamp::skip(slot, before);
    write_at
}

/// A stored record's fields in front of its key, and where what follows them lies.
struct Fields {
    timestamp_delta: i64,
    content: usize,
    end: usize,
}

impl Fields {
    fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let body = usize::try_from(reader.varint()?).map_err(|_| Malformed)?;
        let end = bytes.len().wrapping_sub(reader.len()).checked_add(body).ok_or(Malformed)?;
        reader.u8()?;
        let timestamp_delta = reader.varlong()?;
        reader.varint()?;
        let content = bytes.len().wrapping_sub(reader.len());
        if content <= end && end <= bytes.len() {
            Ok(Self { timestamp_delta, content, end })
        } else {
            Err(Malformed)
        }
    }

    /// Writes the fields with another offset. Returns their length.
    fn write(
        &self,
        offset_delta: i32,
        content: usize,
        slot: &mut [u8],
        at: usize,
    ) -> Result<usize, Malformed> {
        let mut measure = Writer::new(&mut []);
        record_head(&mut measure, self.timestamp_delta, offset_delta);
        let length = i32::try_from(measure.len().wrapping_add(content)).map_err(|_| Malformed)?;
        let mut out = Writer::new(slot.get_mut(at..).ok_or(Malformed)?);
        out.varint(length);
        record_head(&mut out, self.timestamp_delta, offset_delta);
        out.finish().map_err(|_| Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Stamp, StoredRecords, append, begin};
    use crate::delivery::TopicId;
    use crate::record::{Header, Record};
    use std::vec::Vec;

    const NULLS: &[Header<'static>] = &[Header { key: "h", value: None }];

    /// Values of 0, 1, 2, ... bytes, with times that go down, so that the first record's is the greatest.
    fn batch(slot: &mut [u8], records: u32) -> usize {
        let mut len = begin(slot, 1_000_000).unwrap();
        for count in 0..records {
            let value = vec![count as u8; count as usize];
            let record = Record {
                headers: NULLS,
                timestamp_ms: 1_000_000 - i64::from(count) * 1000,
                ..Record::new(TopicId::new(0), b"")
            };
            let appended = append(slot, len, count, &record, Some(value.len())).unwrap();
            slot[appended.value].copy_from_slice(&value);
            len = appended.len;
        }
        len
    }

    fn contents(batch: &[u8]) -> Vec<(i64, Vec<u8>)> {
        let stored = StoredRecords::new(batch);
        stored.map(|record| (record.timestamp_ms, record.value.unwrap().to_vec())).collect()
    }

    #[test]
    fn whatever_the_cut_the_rest_equals_a_batch_that_was_made_of_these_records() {
        // 200 records: offsets of one and of two bytes, so that records shrink.
        let mut whole = [0; 32 * 1024];
        let len = batch(&mut whole, 200);
        let all = contents(&whole[..len]);
        for cut in [1, 2, 63, 64, 65, 100, 128, 199] {
            let mut slot = whole;
            let from = prefix_len(&slot[..len], cut).unwrap();
            assert_eq!(contents(&slot[..from]), all[..cut as usize]);
            let rest = reframe(&mut slot[..len], from, cut, 200 - cut);
            assert_eq!(contents(&slot[..rest]), all[cut as usize..]);
            let mut offsets = Vec::new();
            let mut at = HEADER_BYTES;
            while at < rest {
                let fields = Fields::read(&slot[at..rest]).unwrap();
                let mut reader = Reader::new(&slot[at..rest]);
                reader.varint().unwrap();
                reader.u8().unwrap();
                reader.varlong().unwrap();
                offsets.push(reader.varint().unwrap());
                at += fields.end;
            }
            assert!(offsets.into_iter().eq(0..200 - cut as i32));
            let max = i64::from_be_bytes(slot[35..43].try_into().unwrap());
            assert_eq!(max, 1_000_000 - i64::from(cut) * 1000);
            assert_eq!(slot[43..57], [0xff; 14], "no stamp where there was none");
        }
    }

    #[test]
    fn the_rest_goes_on_with_the_sequence() {
        let mut slot = [0; 1024];
        let len = batch(&mut slot, 5);
        Stamp { producer_id: 9, producer_epoch: 1, base_sequence: i32::MAX }.write(&mut slot);
        let from = prefix_len(&slot[..len], 2).unwrap();
        reframe(&mut slot[..len], from, 2, 3);
        assert_eq!(Stamp::of(&slot), Stamp { producer_id: 9, producer_epoch: 1, base_sequence: 1 });
    }

    #[test]
    fn more_records_than_there_are_have_no_length() {
        let mut slot = [0; 1024];
        let len = batch(&mut slot, 3);
        assert_eq!(prefix_len(&slot[..len], 3), Some(len));
        assert_eq!(prefix_len(&slot[..len], 4), None);
    }
}
