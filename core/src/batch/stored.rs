use super::HEADER_BYTES;
use crate::wire::Reader;

/// The records of a batch that was not sent or not acknowledged, in order, as the application gave them.
#[derive(Clone, Debug)]
pub struct StoredRecords<'p> {
    rest: Reader<'p>,
    base_timestamp_ms: i64,
}

impl<'p> StoredRecords<'p> {
    /// `batch` is exactly the batch, sealed or not.
    pub(crate) fn new(batch: &'p [u8]) -> Self {
        let records = batch.get(HEADER_BYTES..).unwrap_or(&[]);
        Self { rest: Reader::new(records), base_timestamp_ms: super::write::base_timestamp_ms(batch) }
    }
}

impl<'p> Iterator for StoredRecords<'p> {
    type Item = StoredRecord<'p>;

    fn next(&mut self) -> Option<Self::Item> {
        // These bytes are our own; were they damaged, the records would end here.
        let len = usize::try_from(self.rest.varint().ok()?).ok()?;
        let mut record = Reader::new(self.rest.take(len).ok()?);
        record.u8().ok()?;
        let timestamp_ms = self.base_timestamp_ms.wrapping_add(record.varlong().ok()?);
        record.varint().ok()?;
        let key = record.varint_bytes().ok()?;
        let value = record.varint_bytes().ok()?;
        let left = record.varint().ok()?;
        Some(StoredRecord { timestamp_ms, key, value, headers: Headers { rest: record, left } })
    }
}

/// One record of a [`StoredRecords`].
#[derive(Clone, Debug)]
pub struct StoredRecord<'p> {
    /// The record's wall-clock time in ms since 1970, or -1.
    pub timestamp_ms: i64,
    /// The key; `None` is null.
    pub key: Option<&'p [u8]>,
    /// The value; `None` is null.
    pub value: Option<&'p [u8]>,
    /// The headers, in order.
    pub headers: Headers<'p>,
}

/// The headers of a [`StoredRecord`], in order.
#[derive(Clone, Debug)]
pub struct Headers<'p> {
    rest: Reader<'p>,
    left: i32,
}

impl<'p> Iterator for Headers<'p> {
    type Item = StoredHeader<'p>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left <= 0 {
            return None;
        }
        self.left = self.left.wrapping_sub(1);
        let key = self.rest.varint_bytes().ok()??;
        let value = self.rest.varint_bytes().ok()?;
        Some(StoredHeader { key, value })
    }
}

/// One header of a [`StoredRecord`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredHeader<'p> {
    /// The header's key: UTF-8, as it was given.
    pub key: &'p [u8],
    /// The header's value; `None` is null.
    pub value: Option<&'p [u8]>,
}
