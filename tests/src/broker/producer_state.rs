//! What a broker remembers of the producers of one partition: Kafka's `ProducerStateManager`,
//! `ProducerStateEntry` and `ProducerAppendInfo`, as `reliability-performance.md` 1.3 has them.

use std::collections::BTreeMap;

pub(super) const OUT_OF_ORDER_SEQUENCE_NUMBER: i16 = 45;
const INVALID_PRODUCER_EPOCH: i16 = 47;
const UNKNOWN_PRODUCER_ID: i16 = 59;

/// `ProducerStateEntry.NUM_BATCHES_TO_RETAIN`.
const BATCHES_REMEMBERED: usize = 5;

/// Who sent a batch, and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// -1: the batch has none.
    pub producer_id: i64,
    /// The epoch.
    pub epoch: i16,
    /// The sequence of its first record.
    pub sequence: i32,
}

impl Stamp {
    /// The sequence behind a batch of so many records.
    #[must_use]
    pub fn after(self, records: usize) -> i32 {
        last_of(self.sequence, records + 1)
    }
}

/// What the broker does with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Appends it.
    Append,
    /// Has it, at this offset, and says so.
    Duplicate {
        /// The offset of its first record.
        base_offset: i64,
    },
    /// Refuses it.
    Refuse(i16),
}

#[derive(Clone, Copy, Debug)]
struct Remembered {
    first: i32,
    last: i32,
    base_offset: i64,
}

#[derive(Clone, Debug)]
struct Entry {
    epoch: i16,
    /// All since the state was made, the youngest last: what a broker finds when it reads its log again.
    batches: Vec<Remembered>,
}

/// The producers of one partition.
#[derive(Clone, Debug, Default)]
pub struct ProducerStates {
    entries: BTreeMap<i64, Entry>,
}

fn last_of(first: i32, records: usize) -> i32 {
    ((i64::from(first) + records as i64 - 1) & i64::from(i32::MAX)) as i32
}

impl ProducerStates {
    /// What becomes of a batch of so many records. `strict`: brokers from 1.0 to 2.4 refuse a producer that they do
    /// not know unless it begins at 0; others accept any first sequence.
    #[must_use]
    pub fn judge(&self, stamp: Stamp, records: usize, strict: bool) -> Verdict {
        let Some(entry) = self.entries.get(&stamp.producer_id) else {
            return if strict && stamp.sequence != 0 {
                Verdict::Refuse(UNKNOWN_PRODUCER_ID)
            } else {
                Verdict::Append
            };
        };
        if stamp.epoch < entry.epoch {
            return Verdict::Refuse(INVALID_PRODUCER_EPOCH);
        }
        if stamp.epoch > entry.epoch {
            return if stamp.sequence == 0 {
                Verdict::Append
            } else {
                Verdict::Refuse(OUT_OF_ORDER_SEQUENCE_NUMBER)
            };
        }
        let last = last_of(stamp.sequence, records);
        let known = entry
            .batches
            .iter()
            .rev()
            .take(BATCHES_REMEMBERED)
            .find(|batch| batch.first == stamp.sequence && batch.last == last);
        if let Some(batch) = known {
            return Verdict::Duplicate { base_offset: batch.base_offset };
        }
        match entry.batches.last() {
            Some(batch) if last_of(batch.last, 2) != stamp.sequence => {
                Verdict::Refuse(OUT_OF_ORDER_SEQUENCE_NUMBER)
            }
            Some(_) | None => Verdict::Append,
        }
    }

    /// A batch was appended.
    pub fn appended(&mut self, stamp: Stamp, records: usize, base_offset: i64) {
        let fresh = || Entry { epoch: stamp.epoch, batches: Vec::new() };
        let entry = self.entries.entry(stamp.producer_id).or_insert_with(fresh);
        if entry.epoch != stamp.epoch {
            *entry = fresh();
        }
        let last = last_of(stamp.sequence, records);
        entry.batches.push(Remembered { first: stamp.sequence, last, base_offset });
    }

    /// Forgets all producers: their ids have expired, or the state was lost.
    pub fn forget(&mut self) {
        self.entries.clear();
    }

    /// The log ends at this offset now.
    pub fn truncate(&mut self, end: i64) {
        for entry in self.entries.values_mut() {
            entry.batches.retain(|batch| batch.base_offset < end);
        }
        self.entries.retain(|_, entry| !entry.batches.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(epoch: i16, sequence: i32) -> Stamp {
        Stamp { producer_id: 1, epoch, sequence }
    }

    fn with_batches(batches: i32) -> ProducerStates {
        let mut states = ProducerStates::default();
        (0..batches).for_each(|n| states.appended(stamp(3, n * 2), 2, i64::from(n) * 2));
        states
    }

    #[test]
    fn the_last_five_batches_are_known_by_their_first_and_last_sequence() {
        let states = with_batches(7);
        for n in 0..7 {
            let expected =
                if n < 2 { Verdict::Refuse(45) } else { Verdict::Duplicate { base_offset: n * 2 } };
            assert_eq!(states.judge(stamp(3, n as i32 * 2), 2, false), expected);
        }
        assert_eq!(states.judge(stamp(3, 12), 1, false), Verdict::Refuse(45), "other boundaries");
        assert_eq!(states.judge(stamp(3, 14), 9, false), Verdict::Append);
        assert_eq!(states.judge(stamp(3, 15), 1, false), Verdict::Refuse(45));
    }

    #[test]
    fn a_new_epoch_begins_at_0_and_fences_the_old_one() {
        let mut states = with_batches(1);
        assert_eq!(states.judge(stamp(4, 2), 1, false), Verdict::Refuse(45));
        assert_eq!(states.judge(stamp(4, 0), 1, false), Verdict::Append);
        states.appended(stamp(4, 0), 1, 2);
        assert_eq!(states.judge(stamp(3, 2), 1, false), Verdict::Refuse(47));
    }

    #[test]
    fn without_state_any_sequence_passes_except_at_old_brokers() {
        let mut states = with_batches(1);
        states.forget();
        assert_eq!(states.judge(stamp(3, 99), 1, false), Verdict::Append);
        assert_eq!(states.judge(stamp(3, 99), 1, true), Verdict::Refuse(59));
        assert_eq!(states.judge(stamp(3, 0), 1, true), Verdict::Append);
    }

    #[test]
    fn sequences_wrap_behind_2147483647() {
        let mut states = ProducerStates::default();
        states.appended(stamp(0, i32::MAX - 1), 3, 0);
        assert_eq!(states.judge(stamp(0, 1), 1, false), Verdict::Append);
        assert_eq!(states.judge(stamp(0, i32::MAX - 1), 3, false), Verdict::Duplicate { base_offset: 0 });
    }
}
