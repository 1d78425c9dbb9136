//! The producer as the application sees it: Java's `KafkaProducer` without threads.

mod memory;
mod polled;

use core::task::{Context, Waker};

use crate::accumulator::{Accumulator, Dropped, Placed, Sending};
use crate::batch::StoredRecords;
use crate::config::{Config, ConfigError};
use crate::counters::Counters;
use crate::delivery::{BatchId, Delivery, SendError, Ticket, TopicId};
use crate::idempotence::Idempotence;
use crate::metadata::{Metadata, RegisterError};
use crate::network::Network;
use crate::record::Record;
use crate::sender::{Joined, Sender};
use crate::time::Instant;
use crate::transport::Transport;
use crate::wire::copy;
pub use memory::{HostNames, Resources, Storage};
pub use polled::{Polled, Status};

/// A batch whose outcome is known and whose memory was not given back yet: see [`Producer::peek_delivery`].
#[derive(Clone, Debug)]
pub struct DeliveryRecords<'p> {
    /// What [`next_delivery`](Producer::next_delivery) will return.
    pub delivery: Delivery,
    /// The batch's records, in order.
    pub records: StoredRecords<'p>,
}

/// An Apache Kafka producer in memory that the application lends it.
///
/// There are four kinds of methods. The application calls [`send`](Self::send), [`flush`](Self::flush) and
/// [`close`](Self::close) when it likes; [`poll`](Self::poll) moves everything on, and says when to call it again;
/// [`next_delivery`](Self::next_delivery) hands out what became of the records, and gives their memory back; the
/// rest only look. None of them blocks, allocates, or panics.
///
/// Call `poll` after each `send` that is not followed by another at once, whenever the transport has something to
/// say, and at the latest at the [`wake`](Polled::wake) that it returned. Calling it earlier does no harm. Take all
/// deliveries after each `poll`: a batch keeps its slot until its delivery was taken.
///
/// `now` must not run backwards; see [`Instant`].
///
/// # What becomes of a record
/// Every record that `send` accepted is in exactly one [`Delivery`]: delivered, with its offset, or failed, with the
/// reason.
///
/// With [`enable_idempotence`](Config::enable_idempotence), the default, a delivered record is in the log once, and
/// the delivered records of a partition are there in the order of `send`. What failed may be there too, once, where its
/// [`DeliveryError`](crate::DeliveryError) says so. Two things are beyond any producer: a broker that loses what it acknowledged (an unclean leader
/// election), and one that has forgotten a producer (`producer.id.expiration.ms`, 24 h) just when it is asked whether
/// it has a batch.
///
/// Without it:
/// - acks=all: a batch whose answer was lost with its connection is sent again and may then be in the log twice. With
///   [`max_in_flight`](Config::max_in_flight) of 1 the first copies are in order; with more, they may not be.
/// - acks=1: besides, what was acknowledged is lost when the leader fails before a follower has it.
/// - acks=0: besides, everything that was given to a connection that breaks is lost, although it is reported as
///   delivered, and what the broker refuses is, too.
pub struct Producer<'a> {
    sender: Sender<'a>,
}

impl<'a> Producer<'a> {
    /// A producer with this configuration in this memory. It connects when it is polled and has a topic.
    ///
    /// # Errors
    /// A rule of [`Config`], or one of [`Storage`]'s lengths, is broken.
    pub fn new(config: Config<'a>, memory: Storage<'a>, now: Instant) -> Result<Self, ConfigError> {
        config.validate()?;
        memory.validate(&config)?;
        let Storage {
            batch_bytes,
            arena,
            batches,
            topics,
            topic_queues,
            partitions,
            partition_queues,
            sequences,
            brokers,
            hosts,
            connections,
            receive,
        } = memory;
        let accumulator =
            Accumulator::new(&config, batch_bytes, arena, batches, topic_queues, partition_queues);
        let metadata = Metadata::new(&config, topics, partitions, brokers, hosts);
        let idempotence = Idempotence::new(&config, sequences);
        let network = Network::new(connections);
        Ok(Self { sender: Sender::new(&config, accumulator, metadata, idempotence, network, receive, now) })
    }

    /// Gives a topic its place in the table of topics, and has its metadata fetched. The same name gives the same
    /// id every time. The topic need not exist yet.
    ///
    /// # Errors
    /// [`RegisterError`]: the table is full, or Kafka does not allow the name.
    pub fn register_topic(&mut self, name: &'static str) -> Result<TopicId, RegisterError> {
        self.sender.joined.metadata.register(name)
    }

    /// The topic that was registered under this name.
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<TopicId> {
        self.sender.joined.metadata.find_topic(name)
    }

    /// A registered topic's name.
    #[must_use]
    pub fn topic_name(&self, topic: TopicId) -> Option<&'static str> {
        self.sender.joined.metadata.topic_name(u16::try_from(topic.index()).ok()?)
    }

    /// A topic's number of partitions, once the cluster has told it.
    #[must_use]
    pub fn partitions(&self, topic: TopicId) -> Option<u32> {
        self.sender.joined.metadata.partition_count(u16::try_from(topic.index()).ok()?)
    }

    /// Accepts a record: chooses its partition and copies it into that partition's open batch.
    ///
    /// Before the topic's partitions are known, records wait in batches of their own, one for each run of records
    /// with the same key or partition, and find their partitions later, in order.
    ///
    /// ```
    /// use nanokafka::{Config, Instant, Producer, Record, Resources, SendError};
    /// let mut memory = Resources::<2, 128>::new();
    /// let now = Instant::from_millis(0);
    /// let mut producer = Producer::new(Config::new(&["192.0.2.7:9092"]), memory.lend(), now).unwrap();
    /// let topic = producer.register_topic("readings").unwrap();
    ///
    /// let ticket = producer.send(now, &Record::new(topic, b"21.5").key(b"device-7")).unwrap();
    /// assert_eq!(ticket.index, 0);
    /// let too_large = producer.send(now, &Record::new(topic, &[0; 100]));
    /// assert_eq!(too_large, Err(SendError::TooLarge { max_bytes: 67 }));
    /// ```
    ///
    /// # Errors
    /// [`SendError`]. Only [`Full`](SendError::Full) is worth a retry, after a `poll`. Nothing was kept of a record
    /// that was refused.
    #[inline]
    pub fn send(&mut self, now: Instant, record: &Record<'_>) -> Result<Ticket, SendError> {
        self.send_timed(|| now, record)
    }

    /// As [`send`](Self::send), for who has to pay for each reading of a clock: `now` is called only where a batch may
    /// begin, which is not so for most records.
    ///
    /// ```
    /// use nanokafka::{Instant, Producer, Record, TopicId};
    /// fn read(producer: &mut Producer<'_>, topic: TopicId, uptime_ms: impl Fn() -> u64) {
    ///     let _ = producer.send_timed(|| Instant::from_millis(uptime_ms()), &Record::new(topic, b"21.5"));
    /// }
    /// ```
    ///
    /// # Errors
    /// As `send`.
    #[inline]
    pub fn send_timed(
        &mut self,
        now: impl FnOnce() -> Instant,
        record: &Record<'_>,
    ) -> Result<Ticket, SendError> {
        let value = record.value.unwrap_or(&[]);
        self.append(now, record, record.value.map(<[u8]>::len), |room| copy(room, value))
    }

    /// As [`send`](Self::send), with a value that `fill` writes in place: no copy. `fill` is called once, with
    /// `value_len` bytes, if the record is accepted. `record.value` is not looked at.
    ///
    /// # Errors
    /// As `send`.
    #[inline]
    pub fn send_with(
        &mut self,
        now: Instant,
        record: &Record<'_>,
        value_len: usize,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<Ticket, SendError> {
        self.append(|| now, record, Some(value_len), fill)
    }

    #[inline]
    fn append(
        &mut self,
        now: impl FnOnce() -> Instant,
        record: &Record<'_>,
        value_len: Option<usize>,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<Ticket, SendError> {
        let Joined { accumulator, idempotence, counters, .. } = &mut self.sender.joined;
        if let (None, None, [], Some(len)) = (record.partition, record.key, record.headers, value_len)
            && !idempotence.is_fatal()
            && let Some((batch, index, room)) = accumulator.append_plain(record, len, counters)
        {
            fill(room);
            return Ok(Ticket { batch, index, dropped: None });
        }
        let mut dropped = Dropped::NONE;
        let placed = self.append_any(now(), record, value_len, &mut dropped)?;
        fill(self.sender.joined.accumulator.value_mut(&placed));
        Ok(Ticket { batch: placed.batch, index: placed.index, dropped: dropped.delivery() })
    }

    /// Places any record, in a new batch if it must be.
    #[cold]
    #[inline(never)]
    fn append_any(
        &mut self,
        now: Instant,
        record: &Record<'_>,
        value_len: Option<usize>,
        dropped: &mut Dropped,
    ) -> Result<Placed, SendError> {
        let now = self.sender.tick(now);
        let Joined { accumulator, metadata, idempotence, turn, counters, .. } = &mut self.sender.joined;
        if u16::try_from(record.topic.index()).ok().and_then(|topic| metadata.topic_name(topic)).is_none() {
            return Err(SendError::UnknownTopic);
        }
        if let Some(code) = idempotence.fatal() {
            return Err(SendError::Fatal(code));
        }
        accumulator.append(
            now,
            record,
            value_len,
            &mut Sending { random: &mut turn.random, counters, dropped },
        )
    }

    /// Moves everything on as far as `transport` allows, within a bounded amount of work: connects, asks for
    /// metadata, sends what is due, takes answers, and fails what is overdue.
    ///
    /// For a super-loop: no waker is registered. See [`poll_with`](Self::poll_with).
    pub fn poll<T: Transport + ?Sized>(&mut self, now: Instant, transport: &mut T) -> Polled {
        self.poll_with(&mut Context::from_waker(Waker::noop()), now, transport)
    }

    /// As [`poll`](Self::poll), for async callers: the transport registers `cx`'s waker for whatever it waits on.
    /// The caller sees to it that it is also woken at [`Polled::wake`], and after a `send`.
    // Within the application's loop, its addresses would be computed before the loop and spilled.
    #[inline(never)]
    pub fn poll_with<T: Transport + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        transport: &mut T,
    ) -> Polled {
        let now = self.sender.tick(now);
        let next = self.sender.poll(cx, now, transport);
        let delivered = self.sender.joined.accumulator.has_delivery();
        let fatal = self.sender.joined.idempotence.tell_fatal();
        Polled {
            wake: self.sender.clock.wake(&next),
            reason: next.reason,
            delivered,
            fatal,
            status: self.status(),
        }
    }

    /// After [`Polled::fatal`]: begins anew with a producer id that is still to be asked for. What had failed stays
    /// failed. Before, and without idempotence, it does nothing worse than to ask for another producer id.
    ///
    /// ```
    /// # use nanokafka::{Instant, Producer, Transport};
    /// fn step(producer: &mut Producer<'_>, now: Instant, transport: &mut impl Transport) {
    ///     if let Some(code) = producer.poll(now, transport).fatal {
    ///         // Tell the operator of `code`, and, when it may have been mended:
    ///         producer.reset();
    ///     }
    /// }
    /// ```
    pub fn reset(&mut self) {
        self.sender.joined.idempotence.reset();
    }

    /// How the producer stands with its cluster.
    #[must_use]
    pub fn status(&self) -> Status {
        let Sender { joined: Joined { metadata, .. }, network, .. } = &self.sender;
        if self.sender.is_closed() {
            return Status::Closed;
        }
        if let Some(code) = self.sender.joined.idempotence.fatal() {
            return Status::Fatal(code);
        }
        let rests = network.rests() && metadata.is_complete();
        if (!network.any_ready() && !rests) || self.sender.waits_for_failing_leader() {
            return network.last_disconnect().map_or(Status::Connecting, Status::Unreachable);
        }
        match metadata.topic_error() {
            Some((topic, error)) => Status::TopicError(topic, error),
            None if metadata.is_complete() => Status::Online,
            None => Status::Connecting,
        }
    }

    /// Takes the oldest outcome that was not taken yet, and gives the batch's memory back.
    ///
    /// A batch that failed while it was on its way is reported at once; its slot stays taken until the broker has
    /// answered or the connection is gone.
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn next_delivery(&mut self) -> Option<Delivery> {
        self.sender.joined.accumulator.next_delivery()
    }

    /// Shows what [`next_delivery`](Self::next_delivery) will take, together with the batch's records: to keep
    /// those that were not delivered elsewhere before their memory is given back.
    ///
    /// ```
    /// # use nanokafka::{Config, Instant, Producer, Record, Resources, Transport};
    /// # fn store(_: Option<&[u8]>) {}
    /// fn save_undelivered(producer: &mut Producer<'_>) {
    ///     while let Some(done) = producer.peek_delivery() {
    ///         if done.delivery.result.is_err() {
    ///             for record in done.records {
    ///                 store(record.value);
    ///             }
    ///         }
    ///         producer.next_delivery();
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn peek_delivery(&self) -> Option<DeliveryRecords<'_>> {
        let (delivery, records) = self.sender.joined.accumulator.peek_delivery()?;
        Some(DeliveryRecords { delivery, records })
    }

    /// Makes every batch that is open now due at once, without waiting for `linger_ms`. Later records are not
    /// affected. See [`is_flushed`](Self::is_flushed).
    pub fn flush(&mut self) {
        self.sender.joined.accumulator.flush();
    }

    /// Whether each batch that was there at the last `flush` has its outcome, taken or not.
    #[must_use]
    pub fn is_flushed(&self) -> bool {
        self.sender.joined.accumulator.is_flushed()
    }

    /// Accepts nothing more, makes everything due, and goes on until all is delivered or `deadline` has come; then
    /// every batch that is left fails with [`DeliveryError::Closed`](crate::DeliveryError::Closed), and the
    /// connections are closed. Keep polling until [`is_closed`](Self::is_closed). A second call can only bring the
    /// deadline forward; one with the present instant gives up at the next `poll`.
    pub fn close(&mut self, deadline: Instant) {
        self.sender.close(deadline);
    }

    /// Whether `close` has come to its end: each batch has its outcome, taken or not, and no connection is open.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Whether at least two batches of its partition wait to be sent before this one. Then nothing that happens to it
    /// is a reason to [`poll`](Self::poll): what makes those in front of it move on, an answer or a time, is one by
    /// itself. For drivers that would otherwise be woken for each new batch.
    #[must_use]
    pub fn is_behind_others(&self, batch: BatchId) -> bool {
        self.sender.joined.accumulator.is_behind_others(batch)
    }

    /// Batches that have no outcome yet.
    #[must_use]
    pub fn unfinished_batches(&self) -> usize {
        self.sender.joined.accumulator.unfinished()
    }

    /// What was done so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.sender.joined.counters
    }
}
