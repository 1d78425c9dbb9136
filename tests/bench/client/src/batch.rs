//! One RecordBatch v2, encoded once: what `replay` sends again and again.

/// A batch of `records` records with this value, without keys, headers and idempotence.
pub(crate) fn encode(records: usize, value: &[u8]) -> Vec<u8> {
    let timestamp_ms = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64);
    let mut after_crc = Vec::new();
    after_crc.extend(0i16.to_be_bytes());
    after_crc.extend((records as i32 - 1).to_be_bytes());
    after_crc.extend(timestamp_ms.to_be_bytes());
    after_crc.extend(timestamp_ms.to_be_bytes());
    // Producer id, epoch and sequence: none.
    after_crc.extend([0xff; 8 + 2 + 4]);
    after_crc.extend((records as i32).to_be_bytes());
    for offset_delta in 0..records {
        after_crc.extend(record(offset_delta, value));
    }
    let mut batch = Vec::new();
    batch.extend(0i64.to_be_bytes());
    batch.extend((4 + 1 + 4 + after_crc.len() as i32).to_be_bytes());
    batch.extend((-1i32).to_be_bytes());
    batch.push(2);
    batch.extend(crc32c::crc32c(&after_crc).to_be_bytes());
    batch.extend(after_crc);
    batch
}

/// How many such records a batch of so many bytes holds.
pub(crate) fn capacity(batch_bytes: usize, value: &[u8]) -> usize {
    (1..).take_while(|records| encode(*records, value).len() <= batch_bytes).last().unwrap_or(1)
}

fn record(offset_delta: usize, value: &[u8]) -> Vec<u8> {
    let mut body = vec![0];
    varint(&mut body, 0);
    varint(&mut body, offset_delta as i64);
    varint(&mut body, -1);
    varint(&mut body, value.len() as i64);
    body.extend(value);
    varint(&mut body, 0);
    let mut record = Vec::new();
    varint(&mut record, body.len() as i64);
    record.extend(body);
    record
}

/// ZigZag, seven bits a byte.
fn varint(out: &mut Vec<u8>, value: i64) {
    let mut left = ((value << 1) ^ (value >> 63)) as u64;
    while left >= 0x80 {
        out.push(left as u8 | 0x80);
        left >>= 7;
    }
    out.push(left as u8);
}
