use super::list::{Link, List};
use super::split::Rest;
use crate::code::ErrorCode;
use crate::delivery::{Ack, BatchId, DeliveryError};
use crate::partition::Sticky;
use crate::time::Tick;
use crate::wide::Wide;

/// Where a batch is between its first record and the report of its outcome. In this order, so that what is asked of a
/// phase is one comparison.
// Its own tag, and 0 for the slot that was never used: lent memory must be all zero to lie in `.bss`.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Free = 0,
    /// Its outcome waits to be taken.
    Done,
    /// Its first half has its outcome, which waits to be taken; the second half is still to go.
    #[cfg(feature = "split")]
    Cut,
    /// A request with it is on its way. It has its outcome, which waits to be taken, and keeps its slot until the
    /// response or the disconnect (KAFKA-19012).
    Expired,
    /// As `Expired`, and its outcome was taken.
    Reported,
    /// A request with it is on its way.
    InFlight,
    /// Waits to be sent again, as it is.
    Retry,
    /// Takes no further record, and waits to be sent.
    Queued,
    /// Takes further records.
    Open,
}

impl Phase {
    /// Of those that have their outcome, and are in a queue all the same, the first and the last.
    pub(super) const DECIDED_EARLY: [Self; 2] = [Self::AFTER_DONE, Self::Expired];
    /// Those that have no outcome.
    pub(super) const UNDECIDED: [Self; 2] = [Self::InFlight, Self::Open];
    /// Those that are to be sent.
    pub(super) const WAITING: [Self; 2] = [Self::Retry, Self::Open];
    /// Those that were never sent.
    #[cfg(feature = "drop-oldest")]
    pub(super) const NEVER_SENT: [Self; 2] = [Self::Queued, Self::Open];

    #[cfg(feature = "split")]
    const AFTER_DONE: Self = Self::Cut;
    #[cfg(not(feature = "split"))]
    const AFTER_DONE: Self = Self::Expired;

    /// Whether it is one of those from the first to the last.
    pub(super) fn is_among(self, [first, last]: [Self; 2]) -> bool {
        first <= self && self <= last
    }

    /// Whether a request with the batch is on its way.
    pub(super) fn is_on_its_way(self) -> bool {
        self.is_among([Self::Expired, Self::InFlight])
    }

    /// Whether the batch is to be sent.
    pub(super) fn waits(self) -> bool {
        self >= Self::Retry
    }

    /// Whether the batch has no outcome.
    pub(super) fn is_undecided(self) -> bool {
        self >= Self::InFlight
    }
}

/// Which partition a record is for, and so a batch before its partition is known.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The sticky partition.
    Sticky = 0,
    /// The partition with this number.
    Explicit(u32),
    /// The partition of this key hash.
    KeyHash(u32),
}

/// The place of a partition that is not known: there are fewer.
pub(super) const NOWHERE: u16 = u16::MAX;

/// The attempts of a batch that have failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempts {
    pub(super) count: u32,
    pub(super) last_error: ErrorCode,
    /// The end of the backoff.
    pub(super) retry_at: Tick,
}

impl Attempts {
    const NONE: Self = Self { count: 0, last_error: ErrorCode::NONE, retry_at: Tick::ZERO };
}

/// What became of a batch.
// Its own tag, as above. An `Ack` in its shortest form: with its options it would be the largest field of a slot.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing yet, after these attempts.
    Undecided(Attempts) = 0,
    /// The fields of its [`Ack`], -1 for none.
    Delivered {
        base_offset: Wide,
        log_append_time_ms: Wide,
    },
    Failed(DeliveryError),
}

impl Outcome {
    /// Nothing yet, and no attempt.
    pub(super) const NONE: Self = Self::Undecided(Attempts::NONE);

    /// With acks=0: nobody has told where.
    pub(crate) const DELIVERED_SOMEWHERE: Self = Self::delivered(-1, -1);

    pub(crate) const fn delivered(base_offset: i64, log_append_time_ms: i64) -> Self {
        let (base_offset, log_append_time_ms) = (Wide::new(base_offset), Wide::new(log_append_time_ms));
        Self::Delivered { base_offset, log_append_time_ms }
    }

    pub(super) fn result(&self) -> Option<Result<Ack, DeliveryError>> {
        match *self {
            Self::Undecided(_) => None,
            Self::Delivered { base_offset, log_append_time_ms } => {
                Some(Ok(Ack::new(base_offset.get(), log_append_time_ms.get())))
            }
            Self::Failed(error) => Some(Err(error)),
        }
    }
}

/// The book-keeping of one batch slot, apart from its bytes. Lent to the producer through
/// [`Storage`](crate::Storage).
// What is small in front: it takes the shortest instructions there.
#[repr(C)]
#[derive(Debug)]
pub struct BatchSlot {
    pub(super) phase: Phase,
    /// Carries the stamp of an idempotent producer.
    pub(super) stamped: bool,
    /// Was sent, and no answer to any attempt has told whether it is in the log.
    pub(super) in_doubt: bool,
    pub(super) connection: u8,
    pub(super) next: Link,
    pub(super) topic: u16,
    /// The partition's place among all, or [`NOWHERE`]: then it waits in its topic's pending queue.
    pub(super) partition: u16,
    pub(super) target: Target,
    pub(super) generation: u32,
    pub(super) correlation_id: i32,
    pub(super) len: u32,
    pub(super) count: u32,
    pub(super) created: Tick,
    pub(super) outcome: Outcome,
    pub(super) rest: Rest,
}

impl BatchSlot {
    /// A slot that was never used.
    // Made where it lies: the move of a larger value is a call of `memcpy`.
    #[inline(always)]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            phase: Phase::Free,
            next: Link::NONE,
            generation: 0,
            topic: 0,
            partition: 0,
            target: Target::Sticky,
            stamped: false,
            in_doubt: false,
            connection: 0,
            correlation_id: 0,
            len: 0,
            count: 0,
            rest: Rest::NONE,
            created: Tick::ZERO,
            outcome: Outcome::NONE,
        }
    }

    /// Its attempts that have failed; none when its outcome is decided.
    pub(super) fn attempts(&self) -> Attempts {
        match self.outcome {
            Outcome::Undecided(attempts) => attempts,
            Outcome::Delivered { .. } | Outcome::Failed(_) => Attempts::NONE,
        }
    }

    /// Whether it may be in the log.
    pub(super) fn maybe_written(&self) -> bool {
        self.in_doubt || self.phase == Phase::InFlight
    }
}

impl Default for BatchSlot {
    fn default() -> Self {
        Self::new()
    }
}

/// The batches of one partition. Lent to the producer through [`Storage`](crate::Storage).
#[derive(Debug)]
pub struct PartitionQueue {
    /// All that have not come to their end, oldest first. Those that were ever sent are in front of those that were not.
    pub(super) queue: List,
    /// A stamped batch ended without being acknowledged, or its number was refused: the broker's sequence and ours
    /// may differ.
    pub(super) gap: bool,
    /// No leader is known: records that may go anywhere go elsewhere.
    pub(super) leaderless: bool,
}

impl PartitionQueue {
    /// A queue that was never used.
    #[must_use]
    pub const fn new() -> Self {
        Self { queue: List::new(), gap: false, leaderless: false }
    }
}

impl Default for PartitionQueue {
    fn default() -> Self {
        Self::new()
    }
}

/// The batches of one topic that wait for its metadata. Lent to the producer through [`Storage`](crate::Storage).
#[derive(Debug)]
pub struct TopicQueue {
    /// Batches whose partition is not known yet, oldest first.
    pub(super) pending: List,
    pub(super) sticky: Sticky,
    /// The topic's number of partitions; 0 while it is not known.
    pub(super) partitions: u32,
}

impl TopicQueue {
    /// A queue that was never used.
    #[must_use]
    pub const fn new() -> Self {
        Self { pending: List::new(), sticky: Sticky::new(), partitions: 0 }
    }
}

impl Default for TopicQueue {
    fn default() -> Self {
        Self::new()
    }
}

/// All partitions' queues.
pub(super) struct Partitions<'a>(pub(super) &'a mut [PartitionQueue]);

impl Partitions<'_> {
    /// A place that is no partition's is taken for that of one which was never used.
    // Called from everywhere: inlined, they would be many copies.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn get(&self, partition: u16) -> &PartitionQueue {
        self.0.get(usize::from(partition)).unwrap_or(const { &PartitionQueue::new() })
    }

    pub(super) fn get_mut(&mut self, partition: u16) -> Option<&mut PartitionQueue> {
        self.0.get_mut(usize::from(partition))
    }
}

/// The bytes of all batch slots, one behind the other.
pub(super) struct Arena<'a> {
    pub(super) bytes: &'a mut [u8],
    pub(super) slot_bytes: usize,
}

impl Arena<'_> {
    /// Where a slot begins.
    #[inline]
    pub(super) fn start(&self, index: u16) -> usize {
        usize::from(index).wrapping_mul(self.slot_bytes)
    }

    /// The first so many bytes of a slot, which has them.
    #[inline]
    pub(super) fn slot(&self, index: u16, len: usize) -> &[u8] {
        let start = self.start(index);
        self.bytes.get(start..start.wrapping_add(len)).unwrap_or(&[])
    }

    /// As `slot`.
    #[inline]
    pub(super) fn slot_mut(&mut self, index: u16, len: usize) -> Option<&mut [u8]> {
        let start = self.start(index);
        self.bytes.get_mut(start..start.wrapping_add(len))
    }
}

/// All batch slots, and the lists that run through them.
pub(super) struct Batches<'a>(pub(super) &'a mut [BatchSlot]);

impl Batches<'_> {
    /// A number that is no slot's is taken for that of one which was never used.
    // Called from everywhere: inlined, it would be many copies.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn get(&self, index: u16) -> &BatchSlot {
        self.0.get(usize::from(index)).unwrap_or(const { &BatchSlot::new() })
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn get_mut(&mut self, index: u16) -> Option<&mut BatchSlot> {
        self.0.get_mut(usize::from(index))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &BatchSlot> {
        self.0.iter()
    }

    pub(super) fn id(&self, index: u16) -> BatchId {
        BatchId::new(index, self.get(index).generation)
    }
}
