use nanokafka::{Header, TopicId};

/// A topic that was registered with a [`Producer`](crate::Producer), from [`Producer::topic`](crate::Producer::topic).
/// Small and `Copy`; good for that producer only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Topic {
    pub(crate) id: TopicId,
    /// The producer that it belongs to: ids of another one would name another topic.
    pub(crate) producer: u64,
    pub(crate) name: &'static str,
}

impl Topic {
    /// The topic's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The core's id of the topic, as in [`Status::TopicError`](crate::Status::TopicError).
    #[must_use]
    pub const fn id(self) -> TopicId {
        self.id
    }
}

/// A record to send: borrowed, and copied once, into its batch, by `send`.
///
/// ```
/// # use nanokafka_tokio::{Header, Record, Topic};
/// # fn show(topic: Topic) {
/// let headers = [Header { key: "unit", value: Some(b"C") }];
/// let reading = Record::new(topic, b"21.5").key(b"device-7").headers(&headers);
/// assert_eq!(reading.value, Some(&b"21.5"[..]));
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Where it goes.
    pub topic: Topic,
    /// The partition, or `None`: by the key's hash as Java's producer does, or sticky when the key is null.
    pub partition: Option<i32>,
    /// The key; `None` is null.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is null, which compacted topics take as a deletion.
    pub value: Option<&'a [u8]>,
    /// Headers in order.
    pub headers: &'a [Header<'a>],
    /// Wall-clock time of the record in ms since 1970; `None`: when `send` takes it, by a clock that is some ms behind (on
    /// Linux its coarse one: 10 at most).
    pub timestamp_ms: Option<i64>,
}

impl<'a> Record<'a> {
    /// A record with this value; no key, no headers, the time of sending, partition chosen by the producer.
    #[must_use]
    pub const fn new(topic: Topic, value: &'a [u8]) -> Self {
        Self { topic, partition: None, key: None, value: Some(value), headers: &[], timestamp_ms: None }
    }

    /// A record that deletes this key in a compacted topic: its value is null.
    #[must_use]
    pub const fn tombstone(topic: Topic, key: &'a [u8]) -> Self {
        Self { topic, partition: None, key: Some(key), value: None, headers: &[], timestamp_ms: None }
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
        Self { timestamp_ms: Some(timestamp_ms), ..self }
    }
}

/// A record within the future that sends it: in whole words, each of which is written at once and says something. A
/// processor has to wait when it reads a word of which a part was just written, and undefined ones are copied together
/// with their neighbours.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Kept<'a> {
    pub(crate) topic: Topic,
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    headers: &'a [Header<'a>],
    timestamp_ms: Option<i64>,
    /// [`NO_PARTITION`], or an `i32`.
    partition: i64,
}

const NO_PARTITION: i64 = i64::MAX;

impl<'a> Kept<'a> {
    #[inline]
    pub(crate) fn new(record: Record<'a>) -> Self {
        let Record { topic, partition, key, value, headers, timestamp_ms } = record;
        let partition = partition.map_or(NO_PARTITION, i64::from);
        Self { topic, key, value, headers, timestamp_ms, partition }
    }

    #[inline]
    pub(crate) fn value_len(&self) -> usize {
        self.value.map_or(0, <[u8]>::len)
    }

    /// The record as core takes it; with the time of `now_ms` if it has none of its own.
    #[inline]
    pub(crate) fn to_core(self, now_ms: impl FnOnce() -> i64) -> nanokafka::Record<'a> {
        nanokafka::Record {
            topic: self.topic.id,
            partition: if self.partition == NO_PARTITION { None } else { Some(self.partition as i32) },
            key: self.key,
            value: self.value,
            headers: self.headers,
            timestamp_ms: self.timestamp_ms.unwrap_or_else(now_ms),
        }
    }
}
