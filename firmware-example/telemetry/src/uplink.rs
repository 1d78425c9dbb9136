//! The application joined with nanokafka's producer: the same turn on a board and on a host.

use core::task::{Context, Waker};

use nanokafka::{
    Config, ConfigError, DeliveryError, Instant, Producer, Record, RegisterError, SendError, Status, Storage,
    TopicId, Transport, Wake,
};

use crate::{Console, Offer, Options, Reading, Tally, Telemetry, VALUE_LEN};

/// How often a person is told how far it is.
const PROGRESS_INTERVAL_MS: u64 = 1_000;

/// How much longer than the last reading's own time the producer may take to close: what is late fails for being late.
const CLOSE_GRACE_MS: u64 = 1_000;

/// Brokers of a device's own network answer within milliseconds; one that hangs is left before the delivery timeout.
const REQUEST_TIMEOUT_MS: u32 = 10_000;

/// How long a producer that a broker has refused for good rests before it asks for another identity: whoever may undo the
/// refusal is a person. At once, it would only be refused again and again.
const RESET_PAUSE_MS: u64 = 5_000;

/// Something that a person wants to see in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// How the producer stands with its cluster has changed.
    Status(Status),
    /// The topic's number of partitions is known.
    Partitions(u32),
    /// A batch was given up.
    Failed {
        /// Its partition, if that was known.
        partition: Option<i32>,
        /// The number of its readings.
        records: u32,
        /// Why.
        error: DeliveryError,
    },
    /// The producer refused a reading that it will never take.
    Refused(SendError),
    /// How far it is: at most once a second, and at the end.
    Progress(Tally),
}

/// Where events go.
pub trait EventLog {
    /// Logs one event.
    fn event(&mut self, event: Event);
}

/// Why there is no producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartError {
    /// The options, or the memory, break a rule.
    Config(ConfigError),
    /// The topic has no place.
    Topic(RegisterError),
}

/// The producer, and what is remembered of it from turn to turn.
pub struct Uplink<'a> {
    producer: Producer<'a>,
    topic: TopicId,
    /// Milliseconds from 1970 to the start of the device's own clock.
    epoch_ms: u64,
    delivery_timeout_ms: u32,
    status: Status,
    partitions: Option<u32>,
    closing: bool,
    /// When a producer that was refused for good tries again.
    reset_at_ms: Option<u64>,
    progress_at_ms: u64,
    told: Tally,
}

impl<'a> Uplink<'a> {
    /// A producer in `memory` that does what `options` ask for.
    ///
    /// `now_ms` is the device's own clock and `unix_ms` what a wall clock shows at that moment. `seed` should differ
    /// from start to start. A batch never exceeds a slot of `memory`, whatever size was asked for.
    ///
    /// # Errors
    /// [`StartError`]: an option has a value that the producer does not take, or `memory` has no place for a topic.
    // Called once: inlined it is 0.8 KB smaller, for most of what it checks is known there.
    #[inline(always)]
    pub fn start(
        options: &'a Options<'static>,
        memory: Storage<'a>,
        now_ms: u64,
        unix_ms: u64,
        seed: u64,
    ) -> Result<Self, StartError> {
        let slot = u32::try_from(memory.batch_bytes).unwrap_or(u32::MAX);
        let longest_request = options.delivery_timeout_ms.saturating_sub(options.linger_ms);
        let config = Config {
            client_id: "nanokafka-firmware",
            linger_ms: options.linger_ms,
            batch_bytes: options.batch_bytes.map(|bytes| bytes.min(slot)),
            delivery_timeout_ms: options.delivery_timeout_ms,
            request_timeout_ms: REQUEST_TIMEOUT_MS.min(longest_request),
            random_seed: seed,
            ..Config::new(options.brokers())
        };
        let mut producer =
            Producer::new(config, memory, Instant::from_millis(now_ms)).map_err(StartError::Config)?;
        let topic = producer.register_topic(options.topic).map_err(StartError::Topic)?;
        Ok(Self {
            producer,
            topic,
            epoch_ms: unix_ms.saturating_sub(now_ms),
            delivery_timeout_ms: options.delivery_timeout_ms,
            status: Status::Connecting,
            partitions: None,
            closing: false,
            reset_at_ms: None,
            progress_at_ms: 0,
            told: Tally::default(),
        })
    }

    /// One turn: readings that are due go in, the producer moves, outcomes come out. Returns when the next turn is
    /// due, unless `transport` has something to say before.
    ///
    /// Closes the producer after the last reading.
    pub fn turn<T: Transport + ?Sized>(
        &mut self,
        now_ms: u64,
        transport: &mut T,
        telemetry: &mut Telemetry<impl Console>,
        log: &mut impl EventLog,
    ) -> Wake {
        self.turn_with(&mut Context::from_waker(Waker::noop()), now_ms, transport, telemetry, log)
    }

    /// As [`turn`](Self::turn), for async callers: the transport registers `cx`'s waker for whatever it waits on.
    pub fn turn_with<T: Transport + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        now_ms: u64,
        transport: &mut T,
        telemetry: &mut Telemetry<impl Console>,
        log: &mut impl EventLog,
    ) -> Wake {
        let now = Instant::from_millis(now_ms);
        let due = self.offer(now, telemetry, log);
        if telemetry.all_accepted() && !self.closing {
            self.closing = true;
            let deadline_ms = u64::from(self.delivery_timeout_ms) + CLOSE_GRACE_MS;
            self.producer.close(now.saturating_add_ms(deadline_ms));
        }
        let polled = self.producer.poll_with(cx, now, transport);
        let freed = self.take_deliveries(telemetry, log);
        self.tell(now_ms, polled.status, telemetry.report.tally(), log);
        telemetry.report.progress(now_ms);
        let next = match due {
            // The caller is to see that at once.
            _ if self.finished(telemetry) => Wake::Now,
            _ if telemetry.all_accepted() => Wake::OnIo,
            Some(at) if at <= now_ms => Wake::Now,
            Some(at) => Wake::At(Instant::from_millis(at)),
            // A reading was refused for want of room.
            None if freed => Wake::Now,
            None => Wake::OnIo,
        };
        polled.wake.min(next).min(self.reset_after_pause(now_ms, polled.status))
    }

    /// Resets a producer that was refused for good. Readings that come until then are refused. Returns when to call again.
    fn reset_after_pause(&mut self, now_ms: u64, status: Status) -> Wake {
        if !matches!(status, Status::Fatal(_)) {
            return Wake::OnIo;
        }
        let at_ms = *self.reset_at_ms.get_or_insert(now_ms.saturating_add(RESET_PAUSE_MS));
        if at_ms > now_ms {
            return Wake::At(Instant::from_millis(at_ms));
        }
        self.reset_at_ms = None;
        self.producer.reset();
        Wake::Now
    }

    /// Every reading has its outcome, and the producer has closed its connections.
    #[must_use]
    pub fn finished(&self, telemetry: &Telemetry<impl Console>) -> bool {
        telemetry.finished() && self.producer.is_closed()
    }

    /// The producer.
    pub const fn producer(&self) -> &Producer<'a> {
        &self.producer
    }

    fn offer(
        &mut self,
        now: Instant,
        telemetry: &mut Telemetry<impl Console>,
        log: &mut impl EventLog,
    ) -> Option<u64> {
        let Self { producer, topic, epoch_ms, .. } = self;
        let timestamp_ms = i64::try_from(epoch_ms.saturating_add(now.as_millis())).unwrap_or(-1);
        let mut refused = None;
        let due = telemetry.offer(now.as_millis(), |reading| {
            let key = reading.key();
            let record = Record::new(*topic, &[]).key(&key).timestamp_ms(timestamp_ms);
            let fill = |room: &mut [u8]| {
                if let Ok(room) = room.try_into() {
                    reading.encode(room);
                }
            };
            match producer.send_with(now, &record, VALUE_LEN, fill) {
                Ok(_) => Offer::Accepted,
                Err(SendError::Full) => Offer::Full,
                Err(error) => {
                    refused = Some(error);
                    Offer::Refused
                }
            }
        });
        if let Some(error) = refused {
            log.event(Event::Refused(error));
        }
        due
    }

    /// Reports what has an outcome, and says whether there was any.
    fn take_deliveries(&mut self, telemetry: &mut Telemetry<impl Console>, log: &mut impl EventLog) -> bool {
        let mut any = false;
        while let Some(done) = self.producer.peek_delivery() {
            any = true;
            let delivery = done.delivery;
            let readings = done.records.filter_map(|record| Reading::decode(record.value?).ok());
            let counters = readings.map(|reading| reading.counter);
            let partition = delivery.partition.unwrap_or(-1);
            match delivery.result {
                Ok(ack) => telemetry.report.delivered(partition, ack.base_offset.unwrap_or(-1), counters),
                Err(error) => {
                    let (code, reason) = code_and_reason(error);
                    telemetry.report.failed(partition, counters, code, reason);
                    let (partition, records) = (delivery.partition, delivery.records);
                    log.event(Event::Failed { partition, records, error });
                }
            }
            self.producer.next_delivery();
        }
        any
    }

    /// Logs what has changed since the last turn.
    fn tell(&mut self, now_ms: u64, status: Status, tally: Tally, log: &mut impl EventLog) {
        if status != self.status {
            self.status = status;
            log.event(Event::Status(status));
        }
        let partitions = self.producer.partitions(self.topic);
        if partitions != self.partitions {
            self.partitions = partitions;
            if let Some(count) = partitions {
                log.event(Event::Partitions(count));
            }
        }
        let is_time = now_ms >= self.progress_at_ms || status == Status::Closed;
        if is_time && tally != self.told {
            self.progress_at_ms = now_ms.saturating_add(PROGRESS_INTERVAL_MS);
            self.told = tally;
            log.event(Event::Progress(tally));
        }
    }
}

/// For the `NK failed` line: the last code that a broker gave, 0 if it gave none, and one word. Not the code's name:
/// all the names together take 3 KB of flash, and whoever reads the line can look it up.
fn code_and_reason(error: DeliveryError) -> (i16, &'static str) {
    match error {
        DeliveryError::Timeout { cause, .. } => (cause.code(), "TIMEOUT"),
        DeliveryError::Failed(code) | DeliveryError::FailedRecord { code, .. } => {
            (code.code(), "REFUSED_BY_BROKER")
        }
        DeliveryError::Dropped => (0, "DROPPED"),
        DeliveryError::UnknownPartition => (0, "NO_PLACE"),
        DeliveryError::Closed { .. } => (0, "CLOSED"),
        _ => (0, "OTHER"),
    }
}
