//! Kafka's error codes and what a producer does about each.

/// An error code of the Kafka protocol: <https://kafka.apache.org/protocol#protocol_error_codes>.
///
/// ```
/// use nanokafka::ErrorCode;
/// assert_eq!(ErrorCode::new(6).name(), "NOT_LEADER_OR_FOLLOWER");
/// assert!(ErrorCode::new(6).is_retriable());
/// assert!(!ErrorCode::new(29).is_retriable());
/// assert_eq!(ErrorCode::new(12345).name(), "UNKNOWN");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ErrorCode(i16);

/// What a code in a produce response means for the batch that it answers, and for the producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// The batch is in the log.
    Success,
    /// Send the batch again after the retry backoff.
    Retriable,
    /// As `Retriable`, and ask for metadata: Java's `InvalidMetadataException` family.
    RetriableRefresh,
    /// Send the batch's records again in smaller batches; a single record fails.
    Split,
    /// With idempotence a matter of sequences, which decides; without it as `Fatal`.
    Sequence,
    /// Sending the same batch again cannot help.
    Fatal,
    /// With idempotence, as `Fatal` for all batches, those to come among them; without it as `Fatal`.
    FatalToProducer,
}

/// The words of [`Class`] in the documentation of each code.
macro_rules! class_text {
    (Success) => {
        "the batch is in the log"
    };
    (Retriable) => {
        "the batch is sent again"
    };
    (RetriableRefresh) => {
        "metadata is asked for, and the batch sent again"
    };
    (Split) => {
        "the batch is sent again in two halves; a batch of one record fails"
    };
    (Sequence) => {
        "the batch is sent again, with new sequence numbers if it must be; without idempotence it fails"
    };
    (Fatal) => {
        "the batch fails"
    };
    (FatalToProducer) => {
        "all batches fail, until `Producer::reset`; without idempotence, this batch fails"
    };
}

macro_rules! error_codes {
    ($($code:literal $name:ident $class:ident)*) => {
        impl ErrorCode {
            $(
                #[doc = concat!("Code ", $code, ", `", stringify!($name), "`. In a produce response: ", class_text!($class), ".")]
                pub const $name: Self = Self($code);
            )*

            /// The protocol's name of this code, or `UNKNOWN` for one that is not in the table.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self.0 {
                    $($code => stringify!($name),)*
                    _ => "UNKNOWN",
                }
            }
        }

        /// All codes and their classes.
        const CLASSES: &[(i8, Class)] = &[$(($code, Class::$class),)*];
    };
}

error_codes! {
    -1 UNKNOWN_SERVER_ERROR Fatal
    0 NONE Success
    2 CORRUPT_MESSAGE Retriable
    3 UNKNOWN_TOPIC_OR_PARTITION RetriableRefresh
    5 LEADER_NOT_AVAILABLE RetriableRefresh
    6 NOT_LEADER_OR_FOLLOWER RetriableRefresh
    7 REQUEST_TIMED_OUT Retriable
    8 BROKER_NOT_AVAILABLE Fatal
    9 REPLICA_NOT_AVAILABLE RetriableRefresh
    10 MESSAGE_TOO_LARGE Split
    13 NETWORK_EXCEPTION RetriableRefresh
    14 COORDINATOR_LOAD_IN_PROGRESS Retriable
    15 COORDINATOR_NOT_AVAILABLE Retriable
    16 NOT_COORDINATOR Retriable
    17 INVALID_TOPIC_EXCEPTION Fatal
    18 RECORD_LIST_TOO_LARGE Fatal
    19 NOT_ENOUGH_REPLICAS Retriable
    20 NOT_ENOUGH_REPLICAS_AFTER_APPEND Retriable
    21 INVALID_REQUIRED_ACKS Fatal
    29 TOPIC_AUTHORIZATION_FAILED Fatal
    31 CLUSTER_AUTHORIZATION_FAILED FatalToProducer
    32 INVALID_TIMESTAMP Fatal
    35 UNSUPPORTED_VERSION FatalToProducer
    37 INVALID_PARTITIONS Fatal
    38 INVALID_REPLICATION_FACTOR Fatal
    42 INVALID_REQUEST Fatal
    43 UNSUPPORTED_FOR_MESSAGE_FORMAT Fatal
    44 POLICY_VIOLATION Fatal
    45 OUT_OF_ORDER_SEQUENCE_NUMBER Sequence
    46 DUPLICATE_SEQUENCE_NUMBER Success
    47 INVALID_PRODUCER_EPOCH Fatal
    48 INVALID_TXN_STATE Fatal
    49 INVALID_PRODUCER_ID_MAPPING FatalToProducer
    51 CONCURRENT_TRANSACTIONS Retriable
    53 TRANSACTIONAL_ID_AUTHORIZATION_FAILED FatalToProducer
    56 KAFKA_STORAGE_ERROR RetriableRefresh
    59 UNKNOWN_PRODUCER_ID Sequence
    72 LISTENER_NOT_FOUND RetriableRefresh
    74 FENCED_LEADER_EPOCH RetriableRefresh
    75 UNKNOWN_LEADER_EPOCH Retriable
    76 UNSUPPORTED_COMPRESSION_TYPE Fatal
    87 INVALID_RECORD Fatal
    89 THROTTLING_QUOTA_EXCEEDED Retriable
    90 PRODUCER_FENCED FatalToProducer
    100 UNKNOWN_TOPIC_ID RetriableRefresh
    103 INCONSISTENT_TOPIC_ID RetriableRefresh
    120 TRANSACTION_ABORTABLE Fatal
}

/// How many of these codes are not just fatal.
#[allow(clippy::arithmetic_side_effects, reason = "runs in a constant")]
const fn count_of_others(mut codes: &[(i8, Class)]) -> usize {
    let mut count = 0;
    while let [(_, class), rest @ ..] = codes {
        count += !matches!(class, Class::Fatal) as usize;
        codes = rest;
    }
    count
}

/// The codes that are not just fatal.
static OTHERS: [(i8, Class); count_of_others(CLASSES)] = {
    let mut others = [(0, Class::Success); count_of_others(CLASSES)];
    let (mut codes, mut places) = (CLASSES, others.as_mut_slice());
    while let [code, rest @ ..] = codes {
        codes = rest;
        if !matches!(code.1, Class::Fatal)
            && let [place, rest @ ..] = places
        {
            *place = *code;
            places = rest;
        }
    }
    others
};

impl ErrorCode {
    /// The code with this number, known or not.
    #[must_use]
    pub const fn new(code: i16) -> Self {
        Self(code)
    }

    /// The code's number on the wire.
    #[must_use]
    pub const fn code(self) -> i16 {
        self.0
    }

    /// What a produce response with this code means; a code that is not in the table is fatal to its batch and is reported
    /// with its number.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) const fn class(self) -> Class {
        let mut others = OTHERS.as_slice();
        // Half as much code as a `match`.
        while let [(code, class), rest @ ..] = others {
            if *code as i16 == self.0 {
                return *class;
            }
            others = rest;
        }
        Class::Fatal
    }

    /// Whether a broker that answers with this code has certainly not written the batch of that attempt.
    ///
    /// Few codes are certain. `NOT_LEADER_OR_FOLLOWER`, for one, also answers a batch that was written before the
    /// leader moved (the broker's delayed produce looks for the partition again).
    pub(crate) const fn rules_out_write(self) -> bool {
        matches!(
            self,
            Self::CORRUPT_MESSAGE
                | Self::MESSAGE_TOO_LARGE
                | Self::NOT_ENOUGH_REPLICAS
                | Self::OUT_OF_ORDER_SEQUENCE_NUMBER
                | Self::UNKNOWN_PRODUCER_ID
        )
    }

    /// Whether any producer sends a batch again that was answered with this code. One with idempotence does so after
    /// `OUT_OF_ORDER_SEQUENCE_NUMBER` and `UNKNOWN_PRODUCER_ID`, too.
    #[must_use]
    pub const fn is_retriable(self) -> bool {
        matches!(self.class(), Class::Retriable | Class::RetriableRefresh)
    }
}

impl core::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} ({})", self.name(), self.0)
    }
}
