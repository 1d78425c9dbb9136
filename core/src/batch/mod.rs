//! stub
/// Records as stored in a batch.
#[derive(Clone, Debug)]
pub struct StoredRecords<'p> { marker: core::marker::PhantomData<&'p u8> }
/// One of them.
#[derive(Clone, Debug)]
pub struct StoredRecord<'p> {
    /// Timestamp in ms since 1970, or -1.
    pub timestamp_ms: i64,
    /// Key.
    pub key: Option<&'p [u8]>,
    /// Value.
    pub value: Option<&'p [u8]>,
    /// Headers.
    pub headers: Headers<'p>,
}
/// Iterator over headers.
#[derive(Clone, Debug)]
pub struct Headers<'p> { marker: core::marker::PhantomData<&'p u8> }
impl<'p> Iterator for Headers<'p> { type Item = StoredHeader<'p>; fn next(&mut self) -> Option<Self::Item> { todo!() } }
/// Header.
#[derive(Clone, Copy, Debug)]
pub struct StoredHeader<'p> {
    /// key
    pub key: &'p [u8],
    /// value
    pub value: Option<&'p [u8]> }
impl<'p> Iterator for StoredRecords<'p> { type Item = StoredRecord<'p>; fn next(&mut self) -> Option<Self::Item> { todo!() } }
pub(crate) const BYTES_MIN: usize = 82;
