use std::hash::{BuildHasher, RandomState};

use nanokafka::{Acks, AddressMapping, Config, ConfigError, Overflow};

/// A producer's configuration and capacities. Times are in milliseconds, sizes in bytes; the names, rules and
/// defaults of the first part are core's [`Config`].
///
/// ```
/// use nanokafka_tokio::Options;
/// let options = Options { linger_ms: 50, ..Options::new(["kafka-1.example.com:9092", "192.0.2.7:9092"]) };
/// assert_eq!(options.batches * options.batch_bytes, 1024 * 1024);
/// ```
///
/// # Memory
/// All of it is allocated when the producer is made (`batches * batch_bytes`, and about 100 bytes for each
/// partition slot), except for 144 KiB per connection when it is first opened, and a small state per batch
/// whose handles are kept. It is freed with the last [`Producer`](crate::Producer) once that is closed. The system
/// gives a batch its pages when it is first filled, and a batch that became free is used again before one that never
/// was: what stays resident is as many batches as were ever in use at a time.
#[derive(Clone, Debug)]
pub struct Options {
    /// `bootstrap.servers`: 1 to 16 brokers to start from, each `host:port` or `[ipv6]:port`. No default.
    pub bootstrap: Vec<String>,
    /// Brokers that are reached elsewhere than where they say (NAT, port forwarding), at most 64: the advertised
    /// `host:port`, and the one to connect to. Default none.
    pub address_map: Vec<(String, String)>,
    /// `client.id`: what brokers log and set quotas for, at most 64 bytes. Default `nanokafka`.
    pub client_id: String,
    /// `acks`. Default all.
    pub acks: Acks,
    /// `linger.ms`: how long a batch waits for more records. Default 5.
    pub linger_ms: u32,
    /// `request.timeout.ms`. Default 30000.
    pub request_timeout_ms: u32,
    /// `delivery.timeout.ms`: from a batch's creation to its outcome. Default 120000; `u32::MAX`: for ever.
    pub delivery_timeout_ms: u32,
    /// `retries`. Default 2147483647: `delivery_timeout_ms` decides.
    pub retries: u32,
    /// `retry.backoff.ms`. Default 100.
    pub retry_backoff_ms: u32,
    /// `retry.backoff.max.ms`. Default 1000.
    pub retry_backoff_max_ms: u32,
    /// `enable.idempotence`: each record once, in order; needs `acks` of all and `retries` above 0. Default true.
    pub enable_idempotence: bool,
    /// `max.in.flight.requests.per.connection`, 1 to 5. Default 5. Without idempotence only 1 keeps each partition in
    /// order.
    pub max_in_flight: u8,
    /// `max.request.size`. Default 1048576.
    pub max_request_bytes: u32,
    /// `metadata.max.age.ms`. Default 300000.
    pub metadata_max_age_ms: u32,
    /// `allow.auto.create.topics`. Default true.
    pub allow_auto_topic_creation: bool,
    /// `reconnect.backoff.ms`. Default 50.
    pub reconnect_backoff_ms: u32,
    /// `reconnect.backoff.max.ms`. Default 1000.
    pub reconnect_backoff_max_ms: u32,
    /// `connections.max.idle.ms`. Default 540000; `u32::MAX`: never.
    pub connections_max_idle_ms: u32,
    /// `socket.connection.setup.timeout.ms`. Default 10000.
    pub socket_connection_setup_timeout_ms: u32,
    /// `socket.connection.setup.timeout.max.ms`. Default 30000.
    pub socket_connection_setup_timeout_max_ms: u32,
    /// What happens when no batch is free: `Reject` makes `send` wait for room and `try_send` say `Full` (Kafka's
    /// producer blocks); `DropOldest` throws the oldest unsent batch away. Default `Reject`.
    pub overflow: Overflow,
    /// Seed of the jitter. Default `None`: random.
    pub random_seed: Option<u64>,

    /// How many batches can exist at a time, 1 to 65534. Default 64. Each partition that is written to fills one
    /// while others are on their way: three for each partition in use keep all of them busy.
    pub batches: usize,
    /// `batch.size`: bytes of one batch, at least 82. Default 16384. One record, with 61 bytes for the batch and
    /// up to 21 for itself, must fit: a larger one is `TooLarge`.
    pub batch_bytes: usize,
    /// How many topics can be registered, 1 to 256. Default 16.
    pub topics: usize,
    /// How many partitions each topic may have. Default 64. Times `topics` at most 65535.
    pub partitions_per_topic: usize,
    /// How many brokers' addresses are kept. Default 16. At least the number of different leaders in use.
    pub brokers: usize,
    /// How many connections may be open at a time, 1 to 128. Default 16.
    pub connections: usize,
}

impl Options {
    /// The default options for these bootstrap brokers, each `host:port`.
    #[must_use]
    pub fn new<A: Into<String>>(bootstrap: impl IntoIterator<Item = A>) -> Self {
        let core = Config::new(&[]);
        Self {
            bootstrap: bootstrap.into_iter().map(Into::into).collect(),
            address_map: Vec::new(),
            client_id: core.client_id.to_owned(),
            acks: core.acks,
            linger_ms: core.linger_ms,
            request_timeout_ms: core.request_timeout_ms,
            delivery_timeout_ms: core.delivery_timeout_ms,
            retries: core.retries,
            retry_backoff_ms: core.retry_backoff_ms,
            retry_backoff_max_ms: core.retry_backoff_max_ms,
            enable_idempotence: core.enable_idempotence,
            max_in_flight: 5,
            max_request_bytes: core.max_request_bytes,
            metadata_max_age_ms: core.metadata_max_age_ms,
            allow_auto_topic_creation: core.allow_auto_topic_creation,
            reconnect_backoff_ms: core.reconnect_backoff_ms,
            reconnect_backoff_max_ms: core.reconnect_backoff_max_ms,
            connections_max_idle_ms: core.connections_max_idle_ms,
            socket_connection_setup_timeout_ms: core.socket_connection_setup_timeout_ms,
            socket_connection_setup_timeout_max_ms: core.socket_connection_setup_timeout_max_ms,
            overflow: core.overflow,
            random_seed: None,
            batches: 64,
            batch_bytes: 16_384,
            topics: 16,
            partitions_per_topic: 64,
            brokers: 16,
            connections: 16,
        }
    }

    pub(crate) fn config<'a>(
        &self,
        bootstrap: &'a [&'a str],
        address_map: &'a [AddressMapping<'a>],
        client_id: &'a str,
    ) -> Config<'a> {
        Config {
            bootstrap,
            address_map,
            client_id,
            acks: self.acks,
            linger_ms: self.linger_ms,
            // Capacity and threshold are one number here: a host has no reason to lend more than it fills.
            batch_bytes: None,
            request_timeout_ms: self.request_timeout_ms,
            delivery_timeout_ms: self.delivery_timeout_ms,
            retries: self.retries,
            retry_backoff_ms: self.retry_backoff_ms,
            retry_backoff_max_ms: self.retry_backoff_max_ms,
            enable_idempotence: self.enable_idempotence,
            max_in_flight: self.max_in_flight,
            max_request_bytes: self.max_request_bytes,
            metadata_max_age_ms: self.metadata_max_age_ms,
            allow_auto_topic_creation: self.allow_auto_topic_creation,
            reconnect_backoff_ms: self.reconnect_backoff_ms,
            reconnect_backoff_max_ms: self.reconnect_backoff_max_ms,
            connections_max_idle_ms: self.connections_max_idle_ms,
            socket_connection_setup_timeout_ms: self.socket_connection_setup_timeout_ms,
            socket_connection_setup_timeout_max_ms: self.socket_connection_setup_timeout_max_ms,
            overflow: self.overflow,
            random_seed: self.random_seed.unwrap_or_else(|| RandomState::new().hash_one(0)),
            crc32c: nanokafka::crc32c,
        }
    }

    /// Bounds that must hold before memory is allocated by these numbers; core checks them against each other.
    pub(crate) fn check_capacities(&self) -> Result<(), BuildError> {
        let rules = [
            ("batches", self.batches, 1, 65_534),
            ("batch_bytes", self.batch_bytes, 82, 1 << 30),
            ("topics", self.topics, 1, 256),
            ("partitions_per_topic", self.partitions_per_topic, 1, 65_535),
            ("brokers", self.brokers, 1, 65_535),
            ("connections", self.connections, 1, 128),
        ];
        for (field, value, min, max) in rules {
            if !(min..=max).contains(&value) {
                return Err(BuildError::Capacity { field, value, min, max });
            }
        }
        let partitions = self.topics.saturating_mul(self.partitions_per_topic);
        if partitions > 65_535 {
            let field = "topics * partitions_per_topic";
            return Err(BuildError::Capacity { field, value: partitions, min: 1, max: 65_535 });
        }
        if self.batches.checked_mul(self.batch_bytes).is_none_or(|bytes| bytes > isize::MAX.unsigned_abs()) {
            let max = isize::MAX.unsigned_abs().checked_div(self.batches).unwrap_or(0);
            return Err(BuildError::Capacity { field: "batch_bytes", value: self.batch_bytes, min: 82, max });
        }
        Ok(())
    }
}

/// Why a producer was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// The configuration cannot work: which field, its value, and the rule that it breaks.
    Config(ConfigError),
    /// A capacity is out of its bounds.
    Capacity {
        /// The field of [`Options`].
        field: &'static str,
        /// Its value.
        value: usize,
        /// The least that is possible.
        min: usize,
        /// The most that is possible.
        max: usize,
    },
    /// [`Producer::new`](crate::Producer::new) was called outside of a tokio runtime.
    NoRuntime,
}

impl From<ConfigError> for BuildError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl std::fmt::Display for BuildError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Capacity { field, value, min, max } => {
                write!(f, "{field} is {value}: must be {min} to {max}")
            }
            Self::NoRuntime => f.write_str("no tokio runtime here: call it inside of one, or give a handle"),
        }
    }
}

impl std::error::Error for BuildError {}
