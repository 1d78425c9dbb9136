//! Exactly once and in order within a session (KIP-98, KIP-360): Java's `TransactionManager` without transactions.
//!
//! A producer id and an epoch are the producer's *identity*. The batches of a partition are numbered by a sequence;
//! the broker remembers the last five of each identity and partition, answers a repetition as if it were new, and
//! refuses a gap. This module holds the rules; the sender calls it at each point where one applies.
//!
//! | Rule | Where |
//! |---|---|
//! | Nothing is sent before there is an identity; one request for it at a time (I1, I14) | [`producer_id`] |
//! | A batch is numbered when it is drained for the first time; a retry sends the same bytes (I2) | [`Idempotence::stamp`] |
//! | At most five in flight, one where the broker remembers one (I3, KAFKA-5494) | [`Idempotence::may_drain`] |
//! | A retry goes only if nothing older is outstanding (I4) | [`Idempotence::may_drain`], by [`Outstanding::must_land`] |
//! | A new batch waits while others are outstanding under an old identity (I5) | [`Idempotence::may_drain`] |
//! | With a gap, only what is in doubt goes until it is closed (I5) | the accumulator's choice of what is next |
//! | An acknowledgement moves the last acknowledged sequence forward, never back (I6) | [`Idempotence::acknowledged`] |
//! | A gap: a new epoch, and the partition's numbers start at 0; 32767 is the last epoch (I7, I11, I12) | [`Idempotence::close_gap`] |
//! | What a broker's refusal of a number means (I8, I9, I10) | [`Idempotence::refused`] |
//! | Codes that end the identity for good (I13) | [`Idempotence::fail`] |
//!
//! # Safer than Java
//! A batch is *in doubt* when it was sent and no definite answer came. Numbering it anew would let the broker take
//! it for another one, so Java's renumbering after a failure can double it. Here a batch in doubt is first sent again
//! under its old number: the broker either knows it, or refuses it with `OUT_OF_ORDER_SEQUENCE_NUMBER`, which proves
//! that it is not in the log. Only when that is known of each are they numbered anew. Further:
//! - a batch that was ever sent and expires leaves a gap, also on its first attempt (Java's gap I12);
//! - until a partition has its first acknowledgement under an identity, one batch is in flight: a broker that has no
//!   state for a producer accepts any sequence, so a second batch could overtake a first one that failed;
//! - a new batch waits while others of its partition are under way on another connection: the leader has moved;
//! - a batch in doubt fails when the broker has forgotten the producer, by `UNKNOWN_PRODUCER_ID` or by a refusal of
//!   the very number that it should wait for: nobody can tell any more whether it is in the log;
//! - a batch that is refused after a later one was acknowledged fails: it cannot be put in order any more.

mod producer_id;
mod sequences;

pub(crate) use producer_id::Answered;
use producer_id::State;
pub use sequences::SequenceSlot;
use sequences::Sequences;

use crate::accumulator::Outstanding;
use crate::batch::{Stamp, advance};
use crate::code::ErrorCode;
use crate::config::Config;
use crate::time::Tick;
use crate::wide::Wide;

/// What becomes of a batch whose number the broker refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is sent again as it is: something before it is still to come.
    Retry,
    /// It is sent again under a new number: the broker's sequence is not ours.
    RetryRenumbered,
    /// It fails: a later batch is in the log, so that it cannot be put in order; or the broker has forgotten whether
    /// it has it.
    Fail,
}

/// What is known besides when a broker has forgotten the producer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forgotten {
    /// Whether an earlier attempt may have put the batch into the log.
    pub(crate) in_doubt: bool,
    /// The broker says that it does not know where the partition's log starts: from Produce v5 on.
    pub(crate) log_start_unknown: bool,
}

pub(crate) struct Idempotence<'a> {
    sequences: Sequences<'a>,
    state: State,
    /// Why nothing can be sent any more; none, while it can.
    fatal: ErrorCode,
    /// The same, until it was told.
    untold: ErrorCode,
    /// When an identity is to be asked for; never, when it was, or none is needed, or there will be none.
    not_before: Tick,
    producer_id: Wide,
    producer_epoch: i16,
    /// Counts the pairs of producer id and epoch; 0 is none.
    identity: u16,
    /// Requests for an identity in a row that brought none.
    attempts: u8,
    max_in_flight: u8,
}

impl<'a> Idempotence<'a> {
    pub(crate) fn new(config: &Config<'_>, sequences: &'a mut [SequenceSlot]) -> Self {
        sequences.fill_with(SequenceSlot::new);
        let (state, not_before) = if config.enable_idempotence {
            (State::Uninitialized, Tick::ZERO)
        } else {
            (State::Disabled, Tick::NEVER)
        };
        Self {
            sequences: Sequences(sequences),
            state,
            fatal: ErrorCode::NONE,
            untold: ErrorCode::NONE,
            not_before,
            producer_id: Wide::new(-1),
            producer_epoch: -1,
            identity: 0,
            attempts: 0,
            max_in_flight: config.max_in_flight,
        }
    }

    /// Whether the next batch of a partition may go out, to a broker that speaks this version of Produce.
    pub(crate) fn may_drain(&self, partition: u16, outstanding: Outstanding, produce_version: i16) -> bool {
        if self.state != State::Ready {
            return self.state == State::Disabled;
        }
        if outstanding.in_flight == 0 {
            return true;
        }
        // Brokers before 1.0, which speak Produce 3 at most, remember one batch.
        let limit = if produce_version <= 3 { 1 } else { self.max_in_flight };
        let known_to_broker = self.sequences.get(partition).is_some_and(|slot| {
            slot.identity == self.identity && slot.after_acknowledged != SequenceSlot::NOTHING_ACKNOWLEDGED
        });
        known_to_broker && outstanding.in_flight < limit && !outstanding.must_land
    }

    /// The number of a batch with so many records that is drained for the first time, or numbered anew; none without
    /// idempotence.
    pub(crate) fn stamp(&mut self, partition: u16, records: u32) -> Stamp {
        if self.state != State::Ready {
            return Stamp::NONE;
        }
        let identity = self.identity;
        let Some(slot) = self.sequences.get_mut(partition) else { return Stamp::NONE };
        // `may_drain` has seen to it that nothing is outstanding under another.
        if slot.identity != identity {
            *slot = SequenceSlot { identity, ..SequenceSlot::new() };
        }
        let base_sequence = slot.next;
        slot.next = advance(base_sequence, records);
        Stamp { producer_id: self.producer_id.get(), producer_epoch: self.producer_epoch, base_sequence }
    }

    /// A broker has a batch with this sequence and so many records in its log.
    pub(crate) fn acknowledged(&mut self, partition: u16, sequence: i32, records: u32) {
        if let Some(slot) = self.sequences.get_mut(partition) {
            let after = advance(sequence, records);
            if sequences::is_before(slot.after_acknowledged, after) {
                slot.after_acknowledged = after;
            }
        }
    }

    /// A broker refused the number of a batch. `code` is of class `Sequence`.
    pub(crate) fn refused(
        &mut self,
        partition: u16,
        sequence: i32,
        code: ErrorCode,
        forgotten: Forgotten,
    ) -> Refused {
        let Some(slot) = self.sequences.get_mut(partition) else { return Refused::Fail };
        if sequences::is_before(sequence, slot.after_acknowledged) {
            return Refused::Fail;
        }
        let has_forgotten = if code == ErrorCode::UNKNOWN_PRODUCER_ID {
            // A broker that does not know where its log starts cannot know either what it has forgotten.
            !forgotten.log_start_unknown
        } else {
            // The one that the broker must take, by our account: it has lost records, or its memory of us.
            slot.distrusted |= sequence == slot.after_acknowledged;
            slot.distrusted
        };
        match (has_forgotten, forgotten.in_doubt) {
            (false, _) => Refused::Retry,
            (true, false) => Refused::RetryRenumbered,
            // A refusal proves nothing then.
            (true, true) => Refused::Fail,
        }
    }

    /// Closes the gap of a partition of which nothing is under way or in doubt. `first` is the sequence of the first batch
    /// that waits, if it has one. All that do are proved not to be in the log then, and are numbered anew.
    pub(crate) fn close_gap(&mut self, partition: u16, first: Option<i32>) -> Gap {
        if self.state != State::Ready {
            return Gap::Open;
        }
        let Some(slot) = self.sequences.get(partition) else { return Gap::Open };
        // One behind it is in the log.
        if first.is_some_and(|first| sequences::is_before(first, slot.after_acknowledged)) {
            return Gap::FailFirst;
        }
        // A late answer may have shown that the batch was written: then there is no gap.
        if first.is_none() && slot.next == slot.after_acknowledged {
            return Gap::Closed;
        }
        let is_new_epoch = slot.identity == self.identity;
        if is_new_epoch {
            let Some(epoch) = self.producer_epoch.checked_add(1) else {
                self.reset();
                return Gap::Open;
            };
            self.producer_epoch = epoch;
            self.identity = self.identity.wrapping_add(1);
        }
        Gap::Renumber { is_new_epoch }
    }
}

/// How a partition's gap stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gap {
    /// There is no identity.
    Open,
    /// There was none.
    Closed,
    /// The first of those that wait cannot be put in order any more, and fails.
    FailFirst,
    /// What waits is to be numbered anew by [`Idempotence::stamp`], under an identity that the partition never had.
    Renumber { is_new_epoch: bool },
}

#[cfg(test)]
mod tests;
