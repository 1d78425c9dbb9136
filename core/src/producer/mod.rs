//! The producer as the application sees it: Java's `KafkaProducer` without threads.

mod memory;

use core::marker::PhantomData;
use core::task::Context;

use crate::batch::StoredRecords;
use crate::config::{Config, ConfigError};
use crate::counters::Counters;
use crate::delivery::{Delivery, SendError, Ticket, TopicId};
use crate::code::ErrorCode;
use crate::metadata::RegisterError;
use crate::network::DisconnectReason;
use crate::record::Record;
use crate::time::{Instant, Wake, WakeReason};
use crate::transport::Transport;
pub use memory::{Resources, Storage};

/// What a call of [`Producer::poll`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Polled {
    /// When to call again at the latest.
    pub wake: Wake,
    /// Which part of the producer asked for that.
    pub reason: WakeReason,
    /// `next_delivery` has something to report.
    pub delivered: bool,
    /// What stands between the records and their brokers, if anything.
    pub status: Status,
}

/// How the producer stands with its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Status {
    /// No connection yet; the first attempts are under way.
    Connecting,
    /// A broker is connected, and metadata is known for each topic.
    Online,
    /// No broker is connected; the last attempt ended for this reason and will be repeated after its backoff.
    Unreachable(DisconnectReason),
    /// A broker is connected, but says this of the topic; it is asked again.
    TopicError(TopicId, ErrorCode),
    /// `close` was called, and everything has been reported and disconnected.
    Closed,
}

/// A batch whose outcome is known and whose memory has not been given back: see [`Producer::peek_delivery`].
#[derive(Clone, Debug)]
pub struct Undelivered<'p> {
    /// What `next_delivery` will return.
    pub delivery: Delivery,
    /// The batch's records, in order.
    pub records: StoredRecords<'p>,
}

/// The producer.
pub struct Producer<'a> {
    marker: PhantomData<&'a mut u8>,
}

#[allow(missing_docs, unused_variables)]
impl<'a> Producer<'a> {
    pub fn new(config: Config<'a>, memory: Storage<'a>, now: Instant) -> Result<Self, ConfigError> {
        todo!()
    }
    /// Adds a topic (idempotent: the same name gives the same id).
    pub fn register_topic(&mut self, name: &'static str) -> Result<TopicId, RegisterError> {
        todo!()
    }
    pub fn topic(&self, name: &str) -> Option<TopicId> {
        todo!()
    }
    pub fn topic_name(&self, topic: TopicId) -> Option<&'static str> {
        todo!()
    }
    /// Number of partitions of the topic, once known.
    pub fn partitions(&self, topic: TopicId) -> Option<u32> {
        todo!()
    }
    pub fn send(&mut self, now: Instant, record: &Record<'_>) -> Result<Ticket, SendError> {
        todo!()
    }
    /// As `send`, with the value written in place; `record.value` is not looked at.
    pub fn send_with(
        &mut self,
        now: Instant,
        record: &Record<'_>,
        value_len: usize,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<Ticket, SendError> {
        todo!()
    }
    /// Super-loop: `poll_with` with a waker that does nothing.
    pub fn poll<T: Transport + ?Sized>(&mut self, now: Instant, transport: &mut T) -> Polled {
        todo!()
    }
    pub fn poll_with<T: Transport + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        transport: &mut T,
    ) -> Polled {
        todo!()
    }
    /// Takes the oldest outcome that was not reported yet; frees the batch's slot.
    pub fn next_delivery(&mut self) -> Option<Delivery> {
        todo!()
    }
    /// Shows what `next_delivery` will take, and the batch's records.
    pub fn peek_delivery(&self) -> Option<Undelivered<'_>> {
        todo!()
    }
    /// Makes every batch that is open now due at once.
    pub fn flush(&mut self) {
        todo!()
    }
    /// Whether each batch that existed at the last `flush` has its outcome.
    pub fn is_flushed(&self) -> bool {
        todo!()
    }
    /// No more sends; all is due; what is not delivered by `deadline` fails with `DeliveryError::Closed`.
    pub fn close(&mut self, deadline: Instant) {
        todo!()
    }
    /// `close` was called, each batch has its outcome (perhaps not yet taken), and all connections are closed.
    pub fn is_closed(&self) -> bool {
        todo!()
    }
    pub fn counters(&self) -> &Counters {
        todo!()
    }
    /// Records (in batches) that have no outcome yet.
    pub fn unfinished_batches(&self) -> usize {
        todo!()
    }
}
