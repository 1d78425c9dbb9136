//! Monotonic time as the application tells it: core reads no clock.

mod tick;

pub(crate) use tick::{Clock, NextWake, Tick};

/// A point in monotonic time, in milliseconds since a start that the application chooses (usually its boot).
///
/// 64 bits do not wrap within the life of a device. An `Instant` that is older than one given before is
/// taken as it is: nothing expires early and nothing panics. If the application's clock falls back by many days (more than
/// 12.4), time goes on from there as if none had passed.
///
/// ```
/// use nanokafka::Instant;
/// let boot = Instant::from_millis(0);
/// assert_eq!(boot.saturating_add_ms(250).as_millis(), 250);
/// assert_eq!(Instant::from_millis(u64::MAX).saturating_add_ms(1), Instant::from_millis(u64::MAX));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Instant(u64);

impl Instant {
    /// The instant that lies `millis` milliseconds after the start of the application's clock.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the start of the application's clock.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This instant `millis` milliseconds later; stays at the last instant instead of wrapping.
    #[must_use]
    pub const fn saturating_add_ms(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this instant; 0 when `earlier` is later.
    #[must_use]
    pub const fn saturating_since_ms(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// When to call [`poll`](crate::Producer::poll) again. Ordered: the lesser of two is the earlier.
///
/// ```
/// use nanokafka::{Instant, Wake};
/// let at = Wake::At(Instant::from_millis(5));
/// assert_eq!(at.min(Wake::OnIo), at);
/// assert_eq!(at.min(Wake::Now), Wake::Now);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Wake {
    /// At once: this call made progress and there may be more to do.
    Now,
    /// At this instant, or earlier when the transport has something to say.
    At(Instant),
    /// When the transport has something to say, or when the application has called a method that gives work.
    OnIo,
}

/// Which part of the producer asked for the wake-up that [`Polled`](crate::Polled) names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum WakeReason {
    /// Bytes moved or a batch became ready in this call: call again.
    Progress,
    /// `linger_ms` of an open batch ends, or the retry backoff of a batch.
    BatchReady,
    /// `delivery_timeout_ms` of a batch ends.
    DeliveryTimeout,
    /// A request is not answered by then: `request_timeout_ms`.
    RequestTimeout,
    /// A connection is not set up by then: `socket_connection_setup_timeout_ms`.
    ConnectionSetup,
    /// A broker may be tried again: `reconnect_backoff_ms`, or its throttle time ends.
    Reconnect,
    /// Metadata is old by then (`metadata_max_age_ms`), or may be asked for again.
    Metadata,
    /// A producer id may be asked for again.
    ProducerId,
    /// A connection carries nothing: `connections_max_idle_ms`.
    IdleConnection,
    /// The deadline that was given to `close`.
    Close,
    /// Nothing but the transport.
    Io,
}
