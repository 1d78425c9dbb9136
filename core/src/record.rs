//! A record as the application hands it to `send`.

use crate::delivery::TopicId;

/// A record's header: a name and a value that may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The header's key.
    pub key: &'a str,
    /// The header's value; `None` is null.
    pub value: Option<&'a [u8]>,
}

/// A record to send: borrowed, and copied once, into its batch.
///
/// ```
/// # use nanokafka::{Record, TopicId};
/// # fn show(topic: TopicId) {
/// let reading = Record::new(topic, b"21.5").key(b"device-7").timestamp_ms(1_700_000_000_000);
/// assert_eq!(reading.value, Some(&b"21.5"[..]));
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Where it goes.
    pub topic: TopicId,
    /// The partition, or `None`: by the key's hash as Java's producer does, or sticky when the key is null.
    pub partition: Option<i32>,
    /// The key; `None` is null.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is null, which compacted topics take as a deletion.
    pub value: Option<&'a [u8]>,
    /// Headers in order.
    pub headers: &'a [Header<'a>],
    /// Wall-clock time of the record in ms since 1970, or -1, "no timestamp", for a device that does not know it.
    /// Brokers delete records that are older than a topic's retention, and those from 4.0 refuse times that are
    /// more than an hour ahead of theirs (INVALID_TIMESTAMP, KIP-937): rather none than a wrong one.
    pub timestamp_ms: i64,
}

impl<'a> Record<'a> {
    /// A record with this value; no key, no headers, no timestamp, partition chosen by the producer.
    #[must_use]
    pub const fn new(topic: TopicId, value: &'a [u8]) -> Self {
        Self { topic, partition: None, key: None, value: Some(value), headers: &[], timestamp_ms: -1 }
    }

    /// The same record with this key.
    #[must_use]
    pub const fn key(self, key: &'a [u8]) -> Self {
        Self { key: Some(key), ..self }
    }

    /// The same record for this partition.
    #[must_use]
    pub const fn partition(self, partition: i32) -> Self {
        Self { partition: Some(partition), ..self }
    }

    /// The same record with these headers.
    #[must_use]
    pub const fn headers(self, headers: &'a [Header<'a>]) -> Self {
        Self { headers, ..self }
    }

    /// The same record with this wall-clock time, in ms since 1970.
    #[must_use]
    pub const fn timestamp_ms(self, timestamp_ms: i64) -> Self {
        Self { timestamp_ms, ..self }
    }
}
