//! Topics, partitions, and what was written to them.

use super::producer_state::{ProducerStates, Stamp};

/// What a record consists of, as the application gave it and as a reader finds it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Content {
    /// The key; `None` is null.
    pub key: Option<Vec<u8>>,
    /// The value; `None` is null.
    pub value: Option<Vec<u8>>,
    /// Headers in order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Milliseconds since 1970, or -1.
    pub timestamp_ms: i64,
}

impl Content {
    /// A record of a value and nothing else.
    #[must_use]
    pub fn of_value(value: impl Into<Vec<u8>>) -> Self {
        Self { key: None, value: Some(value.into()), headers: Vec::new(), timestamp_ms: -1 }
    }

    /// The same record with this key.
    #[must_use]
    pub fn with_key(self, key: impl Into<Vec<u8>>) -> Self {
        Self { key: Some(key.into()), ..self }
    }
}

/// A record in the log; its offset is its place there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// The offset.
    pub offset: i64,
    /// The record.
    pub content: Content,
}

/// A partition: who leads it and what was written.
#[derive(Clone, Debug)]
pub struct Partition {
    /// The broker that leads it. While that broker is down the partition has no leader.
    pub leader: i32,
    /// All records, in offset order.
    pub log: Vec<LogRecord>,
    /// Each accepted batch: its first offset and its number of records.
    pub batches: Vec<(i64, usize)>,
    /// What the leader remembers of the producers.
    pub producers: ProducerStates,
    /// From this record on, followers have nothing: it was written with acks of 1 or 0.
    pub unreplicated_from: Option<usize>,
    /// Each batch with a number that is in the log, by its offset, and the sequence after it: what a broker would know
    /// that never forgets.
    pub(super) numbered: Vec<(i64, Stamp, i32)>,
}

impl Partition {
    pub(super) fn led_by(leader: i32) -> Self {
        Self {
            leader,
            log: Vec::new(),
            batches: Vec::new(),
            producers: ProducerStates::default(),
            unreplicated_from: None,
            numbered: Vec::new(),
        }
    }

    pub(super) fn append(&mut self, contents: Vec<Content>) -> i64 {
        let base = self.log.len() as i64;
        self.batches.push((base, contents.len()));
        for content in contents {
            let offset = self.log.len() as i64;
            self.log.push(LogRecord { offset, content });
        }
        base
    }
}

/// A topic.
#[derive(Clone, Debug)]
pub struct Topic {
    /// The partitions by number.
    pub partitions: Vec<Partition>,
    /// `message.timestamp.type=LogAppendTime`: answers carry this time.
    pub log_append_time_ms: Option<i64>,
    /// `max.message.bytes`: larger batches are refused with `MESSAGE_TOO_LARGE`.
    pub max_message_bytes: usize,
}
