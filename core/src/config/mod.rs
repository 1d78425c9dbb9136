//! The producer's configuration: Kafka's names, and Kafka's defaults where they fit a device.

mod address;
mod check;
mod rule;
mod settings;

#[cfg(feature = "address-map")]
pub use address::AddressMapping;
pub(crate) use address::endpoint_of;
#[cfg(feature = "address-map")]
pub(crate) use address::reached_at;
pub(crate) use check::{MAX_IN_FLIGHT, require};
pub use rule::ConfigError;
pub(crate) use rule::Rule;
pub(crate) use settings::{Settings, Turn};

/// Which acknowledgement ends the wait for a batch (Kafka's `acks`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Acks {
    /// `acks=0`: none. A batch counts as delivered once its last byte was given to the transport; whatever
    /// happens to it later is not noticed, and its offset is unknown.
    None = 0,
    /// `acks=1`: the leader has written the batch. It is lost if the leader is lost before a follower has it.
    Leader = 1,
    /// `acks=all`: all in-sync replicas have the batch.
    #[default]
    All = -1,
}

impl Acks {
    pub(crate) const fn on_the_wire(self) -> i16 {
        self as i16
    }
}

/// What `send` does when no batch slot is free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Overflow {
    /// Refuses the new record with [`SendError::Full`](crate::SendError::Full).
    #[default]
    Reject,
    /// Throws away the oldest batch that was never sent and reports it in the new record's
    /// [`Ticket`](crate::Ticket). Still `Full` when every batch is on its way or waits for `next_delivery`. Only with
    /// the feature `drop-oldest`, which is on by default.
    #[cfg(feature = "drop-oldest")]
    DropOldest,
}

/// The producer's configuration. Times are in milliseconds, sizes in bytes.
///
/// Start from [`Config::new`] and change what you need. A configuration that is known at compile time is
/// checked then, if it is a constant that ends in [`checked`](Config::checked); [`Producer::new`](crate::Producer::new)
/// checks every one.
///
/// ```
/// use nanokafka::{Acks, Config};
/// const CONFIG: Config<'static> = Config {
///     client_id: "thermometer-7",
///     linger_ms: 1_000,
///     acks: Acks::All,
///     ..Config::new(&["kafka-1.example.com:9092", "192.0.2.7:9092"])
/// }
/// .checked();
/// ```
///
/// One that cannot work does not compile:
///
/// ```compile_fail
/// # use nanokafka::Config;
/// // delivery_timeout_ms must be at least linger_ms + request_timeout_ms
/// const CONFIG: Config<'static> = Config { delivery_timeout_ms: 1_000, ..Config::new(&["h:9092"]) }.checked();
/// # fn main() { let _ = CONFIG; }
/// ```
///
/// Source of names and defaults: <https://kafka.apache.org/documentation/#producerconfigs> (4.x).
#[derive(Clone, Copy, Debug)]
pub struct Config<'a> {
    /// `bootstrap.servers`: brokers to start from, each `host:port` (`[address]:port` for IPv6). They also stay
    /// the last resort when no broker of the cluster can be reached. No default.
    pub bootstrap: &'a [&'a str],
    /// Brokers that are reached elsewhere than where they say: at most 64. Default none. Kafka has no such setting.
    /// Only with the feature `address-map`, which is on by default.
    #[cfg(feature = "address-map")]
    pub address_map: &'a [AddressMapping<'a>],
    /// `client.id`: what brokers log and set quotas for. Default `nanokafka`. Kafka: empty.
    pub client_id: &'a str,
    /// `acks`. Default all.
    pub acks: Acks,
    /// `linger.ms`: how long a batch waits for more records, from its creation. Default 5. A device that may
    /// sleep wants seconds.
    pub linger_ms: u32,
    /// `batch.size`: a batch is due when it holds this many bytes. Default `None`, the whole batch slot; Kafka:
    /// 16384. A record that is larger still goes, in a batch of its own, if it fits the slot.
    pub batch_bytes: Option<u32>,
    /// `request.timeout.ms`: how long a broker may take to answer. Default 30000.
    pub request_timeout_ms: u32,
    /// `delivery.timeout.ms`: how long a batch may take from its creation until it is acknowledged or reported
    /// as failed. Default 120000. `u32::MAX`: for ever.
    pub delivery_timeout_ms: u32,
    /// `retries`: how often a batch is sent again. Default 2147483647: `delivery_timeout_ms` decides.
    pub retries: u32,
    /// `retry.backoff.ms`: the first wait before a batch is sent again, or metadata asked for again; it doubles
    /// with each attempt, and for metadata with each answer that brings nothing new, with 20 % of jitter. Default 100. 0 counts as 1.
    pub retry_backoff_ms: u32,
    /// `retry.backoff.max.ms`: where the doubling ends. Default 1000.
    pub retry_backoff_max_ms: u32,
    /// `enable.idempotence`: every record is once in the log, and those of a partition in the order of `send`,
    /// whatever fails (KIP-98). Needs `acks` of all and `retries` above 0. Default true.
    ///
    /// It lasts for one session: after a restart the producer is another one to the brokers. Without it, see
    /// [`Producer`](crate::Producer), "What becomes of a record".
    pub enable_idempotence: bool,
    /// `max.in.flight.requests.per.connection`, 1 to 5. Default 2; Kafka: 5. Without idempotence, only 1 keeps a
    /// partition's batches in order whatever fails: with more, one that is retried may land behind a later one.
    pub max_in_flight: u8,
    /// `max.request.size`: a produce request takes no further batch beyond this. Default 1048576.
    pub max_request_bytes: u32,
    /// `metadata.max.age.ms`: metadata older than this is asked for again. Default 300000.
    pub metadata_max_age_ms: u32,
    /// Whether asking for metadata lets the broker create a missing topic, if the broker is set to. Default
    /// true, as Java's producer.
    pub allow_auto_topic_creation: bool,
    /// `reconnect.backoff.ms`: the first wait before a broker is tried again; it doubles with each failure, with
    /// 20 % of jitter. Default 50. 0 counts as 1. On a radio link, think of 1000.
    pub reconnect_backoff_ms: u32,
    /// `reconnect.backoff.max.ms`: where the doubling ends. Default 1000. On a radio link, think of 60000.
    pub reconnect_backoff_max_ms: u32,
    /// `connections.max.idle.ms`: a connection that carried no request for so long is closed, before a broker (after
    /// 600000) or a NAT gateway on the way forgets it; the next batch opens it again. Default 540000. `u32::MAX`:
    /// never.
    pub connections_max_idle_ms: u32,
    /// `socket.connection.setup.timeout.ms`: how long name resolution and TCP may take, until the connection can
    /// carry a request; it doubles with each failure. Default 10000.
    pub socket_connection_setup_timeout_ms: u32,
    /// `socket.connection.setup.timeout.max.ms`: where the doubling ends. Default 30000.
    pub socket_connection_setup_timeout_max_ms: u32,
    /// What `send` does when memory is full. Default `Reject`. Kafka's producer blocks instead (`max.block.ms`).
    pub overflow: Overflow,
    /// Seed of the jitter and of the first choice among equal brokers and partitions: different on every device
    /// and at every start, or all devices come back at the same moment after an outage. Default 0.
    pub random_seed: u64,
    /// What makes the checksum of a batch, CRC-32C (CRC-32/ISCSI). Default [`crc32c`](crate::crc32c). A device whose CRC
    /// unit has this polynomial hands in a function that uses it: of `123456789` it must make `0xE306_9283`, or brokers
    /// refuse all batches. Kafka has no such setting.
    pub crc32c: fn(&[u8]) -> u32,
}

impl<'a> Config<'a> {
    /// The default configuration for these bootstrap brokers, each `host:port`.
    #[must_use]
    pub const fn new(bootstrap: &'a [&'a str]) -> Self {
        Self {
            bootstrap,
            #[cfg(feature = "address-map")]
            address_map: &[],
            client_id: "nanokafka",
            acks: Acks::All,
            linger_ms: 5,
            batch_bytes: None,
            request_timeout_ms: 30_000,
            delivery_timeout_ms: 120_000,
            retries: i32::MAX as u32,
            retry_backoff_ms: 100,
            retry_backoff_max_ms: 1_000,
            enable_idempotence: true,
            max_in_flight: 2,
            max_request_bytes: 1_048_576,
            metadata_max_age_ms: 300_000,
            allow_auto_topic_creation: true,
            reconnect_backoff_ms: 50,
            reconnect_backoff_max_ms: 1_000,
            connections_max_idle_ms: 540_000,
            socket_connection_setup_timeout_ms: 10_000,
            socket_connection_setup_timeout_max_ms: 30_000,
            overflow: Overflow::Reject,
            random_seed: 0,
            crc32c: crate::crc32c,
        }
    }

    /// The same configuration, for use in a constant.
    ///
    /// # Panics
    /// When [`validate`](Config::validate) finds an error: in a constant, that stops the compiler.
    #[must_use]
    #[allow(clippy::panic, reason = "in a constant, this is how to stop the compiler")]
    pub const fn checked(self) -> Self {
        match self.validate() {
            Ok(()) => self,
            Err(error) => panic!("{}", error.rule()),
        }
    }
}
