use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use nanokafka::{Counters, RegisterError, SendError, Status, TopicId};
use tokio::runtime::Handle;
use tokio::task::coop;

use crate::driver::Driver;
use crate::listeners::Target;
use crate::options::{BuildError, Options};
use crate::outcome::DeliveryHandle;
use crate::record::{Kept, Record, Topic};
use crate::shared::Shared;
use crate::waiters::Place;

/// An async Kafka producer: cheap to clone, usable from any number of tasks and threads.
///
/// One task of the runtime, the driver, does all the work with the network. Callers only copy records into
/// batches, under one short lock.
///
/// ```no_run
/// use std::time::Duration;
/// use nanokafka_tokio::{Options, Producer, Record};
///
/// # async fn show() -> Result<(), Box<dyn std::error::Error>> {
/// let producer = Producer::new(Options::new(["127.0.0.1:9092"]))?;
/// let topic = producer.topic("readings")?;
///
/// // Waits for room; then the record is on its way, whatever becomes of the handle.
/// let handle = producer.send(Record::new(topic, b"21.5").key(b"device-7")).await?;
/// let delivered = handle.await?;
/// println!("partition {} offset {:?}", delivered.partition, delivered.offset);
///
/// let summary = producer.close(Duration::from_secs(30)).await;
/// assert_eq!(summary.failed, 0);
/// # Ok(())
/// # }
/// ```
///
/// # Order
/// Records of one partition are in the log in the order in which `send` took them: one task's records in the
/// order of its calls.
///
/// # When it ends
/// [`close`](Producer::close) delivers what it can and says what became of all. When the last clone is dropped
/// without it, no more records can come; the driver goes on until each batch is delivered or has failed (at most
/// `delivery_timeout_ms`), and then ends. A runtime that is shut down ends the driver at once: call `close` before.
/// Every handle gets an outcome in any case, and every `send` that waits returns.
#[derive(Clone)]
pub struct Producer {
    shared: Arc<Shared>,
    _user: Arc<User>,
}

/// Notices when the last clone of a producer is gone; the driver has none.
struct User(Arc<Shared>);

impl Drop for User {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer").field("status", &self.status()).finish_non_exhaustive()
    }
}

/// What became of all records of a producer that is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Records that `send` accepted.
    pub accepted: u64,
    /// Those that were delivered.
    pub delivered: u64,
    /// Those that were not: `accepted - delivered`.
    pub failed: u64,
}

impl Producer {
    /// Makes a producer whose driver runs in the current tokio runtime, which must have its I/O and time drivers
    /// enabled. Returns at once, without waiting for a broker.
    ///
    /// # Errors
    /// [`BuildError`]: the options cannot work, or there is no current runtime.
    pub fn new(options: Options) -> Result<Self, BuildError> {
        let runtime = Handle::try_current().map_err(|_| BuildError::NoRuntime)?;
        Self::new_on(options, &runtime)
    }

    /// As [`new`](Producer::new), with the driver in the given runtime; may be called outside of one.
    ///
    /// # Errors
    /// [`BuildError`]: the options cannot work.
    pub fn new_on(options: Options, runtime: &Handle) -> Result<Self, BuildError> {
        let shared = Arc::new(Shared::new(options.clone())?);
        runtime.spawn(Driver::new(shared.clone(), &options));
        Ok(Self { _user: Arc::new(User(shared.clone())), shared })
    }

    /// Registers a topic, or finds one that is registered. Known or not to the brokers: what they say of it is
    /// seen in [`status`](Producer::status) and in the outcome of its records.
    ///
    /// A name is kept for as long as the process lives, once for each different name.
    ///
    /// # Errors
    /// * [`RegisterError::TableFull`]: [`Options::topics`] are registered.
    /// * [`RegisterError::InvalidName`]: not 1 to 249 of `[a-zA-Z0-9._-]`, or `.` or `..`.
    pub fn topic(&self, name: &str) -> Result<Topic, RegisterError> {
        self.shared.topic(name)
    }

    /// The name of a topic, such as that in [`Status::TopicError`].
    #[must_use]
    pub fn topic_name(&self, topic: TopicId) -> Option<&'static str> {
        self.shared.topic_name(topic)
    }

    /// The number of partitions of a topic, once a broker has told it.
    #[must_use]
    pub fn partitions(&self, topic: Topic) -> Option<u32> {
        self.shared.partitions(topic)
    }

    /// Accepts a record as soon as there is room for it, and gives the handle of its delivery. The record was
    /// copied by then.
    ///
    /// Waiters are served about in the order in which they came: others may be faster, but not for ever. Dropping
    /// the future before it is ready sends nothing. To wait for a limited time only, wrap it in
    /// [`tokio::time::timeout`].
    ///
    /// # Errors
    /// Any [`SendError`] but `Full`; nothing was kept of the record then.
    #[inline]
    pub fn send<'a>(&'a self, record: Record<'a>) -> Sending<'a> {
        Sending { shared: &self.shared, place: Place::NONE, record: Kept::new(record) }
    }

    /// Accepts a record if there is room now.
    ///
    /// # Errors
    /// Any [`SendError`]; `Full` when there is no room, or when others have waited for it for too long.
    pub fn try_send(&self, record: Record<'_>) -> Result<DeliveryHandle, SendError> {
        let mut place = Place::NONE;
        match self.shared.send(&Kept::new(record), &mut place, None) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(SendError::Full),
        }
    }

    /// Sends all that was accepted before the call without waiting for `linger_ms`, and waits until each of these
    /// records has its outcome, which may be an error. Dropping the future stops the waiting only.
    pub fn flush(&self) -> impl Future<Output = ()> + Send + '_ {
        Reaching { shared: &self.shared, target: None, key: None }
    }

    /// Accepts no more records, delivers what it can within `deadline`, and reports the rest as
    /// [`DeliveryError::Closed`](crate::DeliveryError::Closed). Ready when each record has its outcome and all
    /// connections are closed.
    ///
    /// Of several calls the earliest deadline holds. The closing begins at the call, not at the first poll, and
    /// goes on when the future is dropped.
    pub fn close(&self, deadline: Duration) -> impl Future<Output = Summary> + Send + '_ {
        self.shared.close(u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX));
        let end = Reaching { shared: &self.shared, target: Some(Target::End), key: None };
        async {
            end.await;
            let counters = self.counters();
            let (accepted, delivered) = (counters.records_accepted as u64, counters.records_delivered as u64);
            Summary { accepted, delivered, failed: accepted.saturating_sub(delivered) }
        }
    }

    /// What the producer has done since it was made.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.counters()
    }

    /// How the producer stands with its cluster, as of the driver's last look.
    #[must_use]
    pub fn status(&self) -> Status {
        self.shared.status()
    }
}

/// How many records count as one of the operations of which tokio lets a task do 128 in a row. A record takes some tens of
/// nanoseconds. To yield takes hundreds, and costs more than that: the runtime sees two tasks that could run, this one
/// and the driver, and wakes another thread for one of them; from then on these two work on the same memory.
const RECORDS_PER_OPERATION: u32 = 32;

/// A record with so long a value is an operation of its own.
const OPERATION_BYTES: usize = 1_024;

/// Waits for room: see [`Producer::send`].
#[must_use = "nothing is sent unless it is awaited"]
// In this order: see `Kept`.
#[repr(C)]
pub struct Sending<'a> {
    shared: &'a Shared,
    /// The place in line, once there was no room.
    place: Place,
    record: Kept<'a>,
}

impl std::fmt::Debug for Sending<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sending").field("record", &self.record).finish_non_exhaustive()
    }
}

impl Future for Sending<'_> {
    type Output = Result<DeliveryHandle, SendError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // A task that sends without end would otherwise keep the driver from its worker thread.
        if !coop::has_budget_remaining() {
            drop(ready!(coop::poll_proceed(cx)));
        }
        let this = self.get_mut();
        let result = ready!(this.shared.send(&this.record, &mut this.place, Some(cx.waker())));
        let index = result.as_ref().map_or(0, DeliveryHandle::index);
        if (index.is_multiple_of(RECORDS_PER_OPERATION) || this.record.value_len() >= OPERATION_BYTES)
            && let Poll::Ready(budget) = coop::poll_proceed(cx)
        {
            budget.made_progress();
        }
        Poll::Ready(result)
    }
}

impl Drop for Sending<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.place != Place::NONE {
            self.shared.leave(self.place);
        }
    }
}

/// Waits for a flush, which begins with the first poll, or for the end.
struct Reaching<'a> {
    shared: &'a Shared,
    target: Option<Target>,
    key: Option<u64>,
}

impl Future for Reaching<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let target = *this.target.get_or_insert_with(|| this.shared.flush());
        this.shared.poll_target(target, &mut this.key, cx.waker())
    }
}

impl Drop for Reaching<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.shared.forget(key);
        }
    }
}
