//! The rules of a configuration and of lent memory: each broken one is an error that names it.

/// A configuration that cannot work: which field, its value, and the rule that it breaks.
///
/// ```
/// use nanokafka::Config;
/// let error = Config { max_in_flight: 9, ..Config::new(&["192.0.2.7:9092"]) }.validate().unwrap_err();
/// assert_eq!((error.field(), error.value()), ("max_in_flight", 9));
/// assert_eq!(error.to_string(), "max_in_flight is 9: max_in_flight must be 1 to 5");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ConfigError {
    rule: Rule,
    value: u64,
}

impl ConfigError {
    pub(crate) const fn new(rule: Rule, value: u64) -> Self {
        Self { rule, value }
    }

    /// The field of [`Config`](crate::Config) or of [`Storage`](crate::Storage).
    #[must_use]
    pub const fn field(&self) -> &'static str {
        self.rule.field()
    }

    /// The field's value; for texts and tables their length, or the place of the entry that is wrong.
    #[must_use]
    pub const fn value(&self) -> u64 {
        self.value
    }

    /// The rule in words, with the bound in it.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        self.rule.text()
    }
}

impl core::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} is {}: {}", self.field(), self.value, self.rule())
    }
}

impl core::error::Error for ConfigError {}

// The texts are looked up by number, so that a device that does not print them does not store them.
macro_rules! rules {
    ($($(#[$if:meta])? $name:ident $field:literal $text:literal)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        pub(crate) enum Rule { $($(#[$if])? $name,)* }

        impl Rule {
            const fn field(self) -> &'static str {
                match self { $($(#[$if])? Self::$name => $field,)* }
            }

            const fn text(self) -> &'static str {
                match self { $($(#[$if])? Self::$name => $text,)* }
            }
        }
    };
}

rules! {
    BootstrapEmpty "bootstrap" "bootstrap must name at least one broker"
    BootstrapLong "bootstrap" "bootstrap may name at most 16 brokers"
    BootstrapEntry "bootstrap" "each bootstrap entry must be host:port or [ipv6]:port"
    #[cfg(feature = "address-map")]
    AddressMapLong "address_map" "address_map may have at most 64 entries"
    #[cfg(feature = "address-map")]
    AddressMapEntry "address_map" "both addresses of an address_map entry must be host:port or [ipv6]:port"
    ClientId "client_id" "client_id may have at most 64 bytes"
    MaxInFlight "max_in_flight" "max_in_flight must be 1 to 5"
    IdempotenceAcks "enable_idempotence" "enable_idempotence needs acks of all"
    IdempotenceRetries "enable_idempotence" "enable_idempotence needs retries above 0"
    MaxRequestBytes "max_request_bytes" "max_request_bytes must be below 1 GiB"
    BatchBytesMin "batch_bytes" "batch_bytes must be at least 82: the batch header and the overhead of one record"
    BatchBytesRequest "batch_bytes" "batch_bytes must not exceed max_request_bytes"
    BatchBytesSlot "batch_bytes" "batch_bytes must not exceed the batch slot that was lent"
    RequestTimeout "request_timeout_ms" "request_timeout_ms must be 1 to 2147483647"
    DeliveryTimeout "delivery_timeout_ms" "delivery_timeout_ms must be at least linger_ms + request_timeout_ms"
    RetryBackoffMax "retry_backoff_max_ms" "retry_backoff_max_ms must be at least retry_backoff_ms"
    ReconnectBackoffMax "reconnect_backoff_max_ms" "reconnect_backoff_max_ms must be at least reconnect_backoff_ms"
    SetupTimeout "socket_connection_setup_timeout_ms" "socket_connection_setup_timeout_ms must be at least 1"
    SetupTimeoutMax "socket_connection_setup_timeout_max_ms" "it must be at least socket_connection_setup_timeout_ms"
    MetadataMaxAge "metadata_max_age_ms" "metadata_max_age_ms must be at least 1"
    ConnectionsMaxIdle "connections_max_idle_ms" "connections_max_idle_ms must be at least 1"
    SlotBytes "batch_bytes" "a batch slot must have 82 bytes to 1 GiB"
    SlotBytesRequest "batch_bytes" "a batch slot must not exceed max_request_bytes"
    Batches "batches" "there must be 1 to 65534 batch slots"
    Arena "arena" "arena must have batch_bytes for each batch slot"
    Topics "topics" "there must be 1 to 256 topic slots"
    TopicQueues "topic_queues" "there must be as many topic queues as topic slots"
    Partitions "partitions" "there must be as many partition slots for each topic, 1 or more, and 65535 at most in all"
    PartitionQueues "partition_queues" "there must be as many partition queues as partition slots"
    Sequences "sequences" "there must be as many sequence slots as partition slots"
    Brokers "brokers" "there must be at least 1 broker slot"
    Hosts "hosts" "there must be 1 to 65535 bytes for host names"
    Connections "connections" "there must be 1 to 128 connection slots"
    Receive "receive" "receive must have at least 16 bytes"
}
