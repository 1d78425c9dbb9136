//! The machine-readable lines that the firmware writes, `NK <kind> <name>=<value> ...`.

use std::collections::BTreeMap;

use crate::verdict::Outcome;

/// One line's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// How far it is.
    Progress {
        /// Readings acknowledged so far.
        acked: u64,
    },
    /// A broker stored a batch with the readings of these counters, in this order.
    Delivered {
        /// Where.
        partition: i32,
        /// The first one's offset; negative when the broker did not tell.
        base_offset: i64,
        /// The readings.
        counters: Vec<u32>,
    },
    /// A batch was given up.
    Failed {
        /// The readings.
        counters: Vec<u32>,
        /// The broker's error code, or the client's own.
        code: i16,
        /// The kind of failure.
        reason: String,
    },
    /// The run is over; all its fields.
    Done(BTreeMap<String, u64>),
    /// It cannot go on, and says where it was: return addresses, innermost first.
    Panic {
        /// Return addresses.
        stack: Vec<u64>,
    },
    /// Anything else, such as `error` or `fault`: for a person to read.
    Other(String),
}

impl Fact {
    /// From a line of the firmware's; `None` for a line that is none.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let text = line.trim().strip_prefix("NK ")?;
        let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
        let fields: BTreeMap<&str, &str> = rest.split(' ').filter_map(|word| word.split_once('=')).collect();
        Some(Self::from_fields(kind, &fields).unwrap_or_else(|| Self::Other(text.to_owned())))
    }

    fn from_fields(kind: &str, fields: &BTreeMap<&str, &str>) -> Option<Self> {
        match kind {
            "progress" => Some(Self::Progress { acked: fields.get("acked")?.parse().ok()? }),
            "delivered" => Some(Self::Delivered {
                partition: fields.get("partition")?.parse().ok()?,
                base_offset: fields.get("base_offset")?.parse().ok()?,
                counters: counters(fields.get("counters")?)?,
            }),
            "failed" => Some(Self::Failed {
                counters: counters(fields.get("counters")?)?,
                code: fields.get("code")?.parse().ok()?,
                reason: (*fields.get("reason")?).to_owned(),
            }),
            "done" => {
                let numbers = fields.iter().filter_map(|(k, v)| Some(((*k).to_owned(), v.parse().ok()?)));
                Some(Self::Done(numbers.collect()))
            }
            "panic" => Some(Self::Panic { stack: addresses(fields.get("stack")?)? }),
            _ => None,
        }
    }
}

/// `0x1f4,0x208,` as numbers.
fn addresses(text: &str) -> Option<Vec<u64>> {
    let words = text.split(',').filter(|word| !word.is_empty());
    words.map(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()).collect()
}

/// `40-44,47` as numbers.
fn counters(text: &str) -> Option<Vec<u32>> {
    let mut all = Vec::new();
    for range in text.split(',').filter(|r| !r.is_empty()) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        all.extend(first.parse::<u32>().ok()?..=last.parse().ok()?);
    }
    Some(all)
}

/// All that the firmware said in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The outcome of each reading that has one, by its counter.
    pub outcomes: BTreeMap<u32, Outcome>,
    /// Readings that it reported more than once: each is a fault of its own.
    pub reported_twice: u64,
    /// The code and the reason of each batch that was given up.
    pub failures: Vec<(i16, String)>,
    /// What tells of an error, a panic or a fault, or cannot be read.
    pub troubles: Vec<String>,
    /// Acknowledged readings so far.
    pub acked: u64,
    /// Where it panicked, if it did: return addresses, innermost first.
    pub panic: Option<Vec<u64>>,
    /// What it said at its end, by name; `None` when it did not come to an end.
    pub done: Option<BTreeMap<String, u64>>,
}

impl Account {
    /// From all the lines of a run; those that are not the firmware's are passed over.
    #[must_use]
    pub fn of(lines: &[String]) -> Self {
        let mut account = Self::default();
        lines.iter().filter_map(|line| Fact::parse(line)).for_each(|fact| account.take(&fact));
        account
    }

    /// One fact more.
    pub fn take(&mut self, fact: &Fact) {
        match fact {
            Fact::Progress { acked } => self.acked = self.acked.max(*acked),
            Fact::Delivered { partition, base_offset, counters } => {
                for (counter, i) in counters.iter().zip(0..) {
                    let offset = (*base_offset >= 0).then_some(*base_offset + i);
                    self.report(*counter, Outcome::Acked { partition: *partition, offset });
                }
                self.acked = self.acked.max(self.delivered());
            }
            Fact::Failed { counters, code, reason } => {
                self.failures.push((*code, reason.clone()));
                counters.iter().for_each(|c| self.report(*c, Outcome::Failed));
            }
            Fact::Done(fields) => self.done = Some(fields.clone()),
            Fact::Panic { stack } => {
                self.panic = Some(stack.clone());
                self.troubles.push("panic".to_owned());
            }
            Fact::Other(text) => self.troubles.push(text.clone()),
        }
    }

    fn report(&mut self, counter: u32, outcome: Outcome) {
        self.reported_twice += u64::from(self.outcomes.insert(counter, outcome).is_some());
    }

    /// Readings that were reported as delivered.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.outcomes.values().filter(|o| matches!(o, Outcome::Acked { .. })).count() as u64
    }

    /// How many readings the producer took, as far as they are known.
    #[must_use]
    pub fn accepted(&self) -> u32 {
        let said = self.done.as_ref().and_then(|done| done.get("accepted")).copied().unwrap_or(0);
        let beyond = self.outcomes.keys().next_back().map_or(0, |last| last + 1);
        u32::try_from(said).unwrap_or(u32::MAX).max(beyond)
    }

    /// The counter and outcome of every reading that the producer took, in order. Counters go up from 0 by one.
    #[must_use]
    pub fn submitted(&self) -> Vec<(u32, Outcome)> {
        let outcome = |counter| self.outcomes.get(&counter).copied().unwrap_or(Outcome::Unreported);
        (0..self.accepted()).map(|counter| (counter, outcome(counter))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_facts() {
        assert_eq!(Fact::parse("NK progress acked=4 sent=8"), Some(Fact::Progress { acked: 4 }));
        let delivered = Fact::Delivered { partition: 2, base_offset: 17, counters: vec![40, 41, 42, 47] };
        assert_eq!(
            Fact::parse("NK delivered partition=2 base_offset=17 counters=40-42,47\r"),
            Some(delivered)
        );
        let failed = Fact::Failed { counters: vec![5], code: 10, reason: "REFUSED_BY_BROKER".into() };
        assert_eq!(
            Fact::parse("NK failed partition=-1 counters=5 code=10 reason=REFUSED_BY_BROKER"),
            Some(failed)
        );
        assert_eq!(Fact::parse("NK panic stack=0x1f4,0xA0,"), Some(Fact::Panic { stack: vec![0x1f4, 0xa0] }));
        assert_eq!(Fact::parse("NK panic at=x.rs:3"), Some(Fact::Other("panic at=x.rs:3".into())));
        assert_eq!(
            Fact::parse("NK delivered partition=2"),
            Some(Fact::Other("delivered partition=2".into()))
        );
        assert_eq!(Fact::parse("hello"), None);
    }

    #[test]
    fn what_was_accepted_and_never_reported_is_unreported() {
        let mut account = Account::default();
        for line in [
            "NK delivered partition=1 base_offset=7 counters=0-1",
            "NK failed partition=1 counters=3 code=0 reason=expired",
            "NK delivered partition=1 base_offset=9 counters=1",
            "NK done accepted=5 delivered=2 failed=1 ram_free=9",
            "NK fault usage at=12",
        ] {
            account.take(&Fact::parse(line).unwrap());
        }
        let acked = |offset| Outcome::Acked { partition: 1, offset: Some(offset) };
        let none = Outcome::Unreported;
        let expected = [(0, acked(7)), (1, acked(9)), (2, none), (3, Outcome::Failed), (4, none)];
        assert_eq!(account.submitted(), expected);
        assert_eq!((account.delivered(), account.acked, account.reported_twice), (2, 2, 1));
        assert_eq!(account.failures, [(0, "expired".to_owned())]);
        assert_eq!(account.troubles, ["fault usage at=12"]);
        assert_eq!(account.done.unwrap()["ram_free"], 9);
    }
}
