use crate::code::ErrorCode;
use crate::delivery::TopicId;
use crate::network::DisconnectReason;
use crate::time::{Wake, WakeReason};

/// What a call of [`Producer::poll`](crate::Producer::poll) came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Polled {
    /// When to call again at the latest.
    pub wake: Wake,
    /// Which part of the producer asked for that.
    pub reason: WakeReason,
    /// [`next_delivery`](crate::Producer::next_delivery) has something to report.
    pub delivered: bool,
    /// A broker has answered with a code after which nothing can be sent (told once): every batch fails with it, and
    /// `send` with [`SendError::Fatal`](crate::SendError::Fatal), until
    /// [`Producer::reset`](crate::Producer::reset).
    pub fatal: Option<ErrorCode>,
    /// What stands between the records and their brokers, if anything.
    pub status: Status,
}

/// How the producer stands with its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Status {
    /// The first connection, or the first metadata, is under way.
    Connecting,
    /// A broker is connected, or none was needed for `connections_max_idle_ms`, and the partitions of each topic are
    /// known.
    Online,
    /// No broker is connected, or none can be reached at the address that the cluster advertises for a leader that
    /// records wait for. The last connection, or attempt, ended for this reason; tried again after a backoff.
    Unreachable(DisconnectReason),
    /// A broker is connected, but says this of the topic. It is asked again after a backoff.
    TopicError(TopicId, ErrorCode),
    /// A broker has answered with this code: nothing can be sent until
    /// [`Producer::reset`](crate::Producer::reset).
    Fatal(ErrorCode),
    /// `close` was called, everything has its outcome, and no connection is open.
    Closed,
}

impl core::fmt::Display for Status {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Connecting => f.write_str("connecting"),
            Self::Online => f.write_str("online"),
            Self::Unreachable(reason) => write!(f, "unreachable: {reason}"),
            Self::TopicError(topic, error) => write!(f, "topic {}: {error}", topic.index()),
            Self::Fatal(code) => write!(f, "ended by {code}"),
            Self::Closed => f.write_str("closed"),
        }
    }
}
