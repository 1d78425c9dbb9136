//! What becomes of records: the ticket that `send` gives, and the delivery that is reported for a batch.

use crate::code::ErrorCode;

/// One of the topics that were registered, by its place in the producer's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TopicId(u16);

impl TopicId {
    pub(crate) const fn new(index: u16) -> Self {
        Self(index)
    }

    /// The topic's place in the table, from 0 in the order of registration.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Names one batch for as long as the producer lives: the slot that holds it, and which use of that slot it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BatchId {
    slot: u16,
    generation: u32,
}

impl BatchId {
    pub(crate) const fn new(slot: u16, generation: u32) -> Self {
        Self { slot, generation }
    }

    /// The batch's slot, below the number of [`BatchSlot`](crate::BatchSlot)s lent. Free for another batch once
    /// this one's delivery was taken; to keep something per batch, index a table with it and compare the whole id.
    #[must_use]
    pub const fn slot(self) -> usize {
        self.slot as usize
    }

    pub(crate) const fn generation(self) -> u32 {
        self.generation
    }
}

/// The receipt for an accepted record: which batch it is in, and where in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ticket {
    /// The batch whose [`Delivery`] decides this record's fate.
    pub batch: BatchId,
    /// The record's place in that batch, from 0; its offset is the batch's base offset plus this.
    pub index: u32,
    /// The batch that [`Overflow`](crate::Overflow)`::DropOldest` threw away to make room, if any.
    /// It is reported here, and not again by `next_delivery`.
    pub dropped: Option<Delivery>,
}

/// The final outcome of one batch, and so of each record in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Delivery {
    /// The batch, as the tickets of its records name it.
    pub batch: BatchId,
    /// The topic of all its records.
    pub topic: TopicId,
    /// Their partition; `None` when the batch ended before the topic's partitions were known.
    pub partition: Option<i32>,
    /// Which of the batch's records the first of these is: [`Ticket::index`]. Not 0 only after the batch was split
    /// because its broker found it too large (`MESSAGE_TOO_LARGE`; only with the feature `split`, which is on by
    /// default): then it ends in several deliveries, each for the records from here on, in order, each record in
    /// exactly one.
    pub first_index: u32,
    /// The number of records that this is about.
    pub records: u32,
    /// Whether all of the batch's records have their outcome with this. If not, the next ones go out at the next
    /// [`poll`](crate::Producer::poll): call it soon.
    pub is_last: bool,
    /// Delivered where, or not delivered and why.
    pub result: Result<Ack, DeliveryError>,
}

impl Delivery {
    /// The offset of the record with this ticket, when it is in this batch and the broker has told the offset.
    #[must_use]
    pub fn offset_of(&self, ticket: &Ticket) -> Option<i64> {
        let index = self.index_of(ticket)?;
        self.result.ok()?.base_offset?.checked_add(i64::from(index))
    }

    /// Which of this delivery's records has this ticket; `None` when it is not among them.
    #[must_use]
    pub fn index_of(&self, ticket: &Ticket) -> Option<u32> {
        let index = ticket.index.checked_sub(self.first_index)?;
        (ticket.batch == self.batch && index < self.records).then_some(index)
    }
}

/// The broker has the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Ack {
    /// Offset of the batch's first record. `None` with acks=0, and when the broker only says that it has the
    /// batch already.
    pub base_offset: Option<i64>,
    /// When the broker appended the batch, in ms since 1970, for topics with `LogAppendTime`.
    pub log_append_time_ms: Option<i64>,
}

impl Ack {
    pub(crate) const fn new(base_offset: i64, log_append_time_ms: i64) -> Self {
        Self {
            base_offset: if base_offset >= 0 { Some(base_offset) } else { None },
            log_append_time_ms: if log_append_time_ms >= 0 { Some(log_append_time_ms) } else { None },
        }
    }
}

/// Why a batch was not delivered. Final: the producer does not try it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DeliveryError {
    /// `delivery_timeout_ms` passed since the batch was created (KIP-91).
    Timeout {
        /// The batch was on its way at least once: the records may be in the log all the same.
        maybe_written: bool,
        /// The last error of the batch; for one that was never sent, that of its topic's metadata, or
        /// `NETWORK_EXCEPTION` while no broker is connected; `NONE` when there was none.
        cause: ErrorCode,
    },
    /// A broker refused the batch with a code that no retry can mend, or `retries` are used up. The client's own
    /// codes are 7, `REQUEST_TIMED_OUT`, and 13, `NETWORK_EXCEPTION`: the records may then be in the log. So they may with
    /// 45, `OUT_OF_ORDER_SEQUENCE_NUMBER`, and 59, `UNKNOWN_PRODUCER_ID`: the broker has forgotten whether they are.
    Failed(ErrorCode),
    /// As `Failed`, and the broker has named a record as the cause (KIP-467): without it, the others might pass.
    FailedRecord {
        /// The broker's code.
        code: ErrorCode,
        /// The first record that it named: its place among the records of the delivery.
        index: u32,
    },
    /// The overflow policy `DropOldest` made room for newer records. Never sent.
    Dropped,
    /// The topic's metadata came after the record, and shows that its partition has no place among the
    /// [`PartitionSlot`](crate::PartitionSlot)s of a topic. Never sent.
    UnknownPartition,
    /// The deadline given to `close` passed.
    Closed {
        /// The batch was on its way at least once: the records may be in the log all the same.
        maybe_written: bool,
    },
}

impl core::fmt::Display for DeliveryError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let may = |maybe_written| if maybe_written { "may have been written" } else { "never sent" };
        match *self {
            Self::Timeout { maybe_written, cause } => {
                write!(f, "delivery timeout, {}, last error {cause}", may(maybe_written))
            }
            Self::Failed(code) => write!(f, "failed with {code}"),
            Self::FailedRecord { code, index } => write!(f, "failed with {code} for record {index}"),
            Self::Dropped => f.write_str("dropped for newer records, never sent"),
            Self::UnknownPartition => f.write_str("no place for the record's partition, never sent"),
            Self::Closed { maybe_written } => write!(f, "producer closed, {}", may(maybe_written)),
        }
    }
}

impl core::error::Error for DeliveryError {}

/// Why `send` did not accept a record. Nothing was kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SendError {
    /// No batch slot is free now. The only error that is worth a retry: poll, take deliveries, send again.
    Full,
    /// The record can never fit: its encoding is larger than a batch slot.
    TooLarge {
        /// What one record may take, in encoded bytes; key, value and headers plus at most 21 bytes.
        max_bytes: usize,
    },
    /// The topic has no such partition, or more partitions than `PartitionSlot`s were lent for each topic.
    UnknownPartition,
    /// The `TopicId` is not of this producer.
    UnknownTopic,
    /// `close` was called.
    Closed,
    /// A broker has answered with a code after which nothing can be sent: see
    /// [`Producer::reset`](crate::Producer::reset).
    Fatal(ErrorCode),
}

impl core::fmt::Display for SendError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match *self {
            Self::Full => f.write_str("no batch slot is free now"),
            Self::TooLarge { max_bytes } => {
                write!(f, "the record can never fit: at most {max_bytes} encoded bytes")
            }
            Self::UnknownPartition => {
                f.write_str("the topic has no such partition, or too few partition slots")
            }
            Self::UnknownTopic => f.write_str("the topic is not registered with this producer"),
            Self::Closed => f.write_str("the producer is closed"),
            Self::Fatal(code) => write!(f, "the producer was ended by {code}"),
        }
    }
}

impl core::error::Error for SendError {}
