//! A producer on a rig, with a journal of all that was submitted and reported.

mod setup;

use std::collections::BTreeSet;
use std::sync::{Arc, MutexGuard};
use std::task::{Context, Waker};

use nanokafka::{
    Counters, Delivery, DeliveryError, ErrorCode, Instant, Polled, Producer, SendError, Status, TopicId, Wake,
};

pub(crate) use setup::lend;
pub use setup::{Capacities, Setup};

use crate::broker::{Cluster, Content, Seen};
use crate::journal::Journal;
use crate::oracle::{SixCounts, Submitted, judge_cluster, read_all};
use crate::rig::{Rig, SharedCluster, Woken};

/// More calls in a row that ask to be called "now", while no time passes, are an endless loop.
const NOW_IN_A_ROW_MAX: u32 = 200_000;

/// A producer on a rig. Each poll is checked against what [`Producer`]'s documentation promises.
pub struct World<R: Rig> {
    /// The rig.
    pub rig: R,
    /// The producer.
    pub producer: Producer<'static>,
    cluster: SharedCluster,
    woken: Arc<Woken>,
    journal: Journal,
    statuses: Vec<Status>,
    fatal_told: Vec<ErrorCode>,
    polls: u64,
    serial: u32,
    takes_deliveries: bool,
}

impl<R: Rig> World<R> {
    /// The scripted cluster, for as long as no time passes.
    pub fn cluster(&self) -> MutexGuard<'_, Cluster> {
        self.cluster.lock()
    }

    /// Kills a broker.
    pub fn stop(&mut self, node: i32) {
        let now = self.rig.now().as_millis();
        self.cluster().stop(node, now);
        self.rig.sync();
    }

    /// Starts a broker that was killed.
    pub fn start(&mut self, node: i32) {
        self.cluster().start(node);
        self.rig.sync();
    }

    /// Registers the topic.
    ///
    /// # Panics
    /// When it is refused.
    pub fn topic(&mut self, name: &'static str) -> TopicId {
        self.producer.register_topic(name).unwrap_or_else(|error| panic!("topic {name}: {error:?}"))
    }

    /// Sends, and keeps the record in the journal if it was accepted.
    ///
    /// # Errors
    /// Those of [`Producer::send`].
    pub fn send(
        &mut self,
        topic: TopicId,
        partition: Option<i32>,
        content: Content,
    ) -> Result<(), SendError> {
        let now = self.rig.now();
        self.journal.send(&mut self.producer, now, topic, partition, content)
    }

    /// Sends a record with a value that no other has.
    ///
    /// # Errors
    /// Those of [`Producer::send`].
    pub fn send_next(&mut self, topic: TopicId, partition: Option<i32>) -> Result<(), SendError> {
        self.serial += 1;
        let value = format!("record {}", self.serial);
        self.send(topic, partition, Content::of_value(value))
    }

    /// Sends so many records; when memory is full, polls until there is room.
    pub fn send_many(&mut self, topic: TopicId, partition: Option<i32>, records: usize) {
        for _ in 0..records {
            self.serial += 1;
            let content = Content::of_value(format!("record {}", self.serial));
            self.send_waiting(topic, partition, content);
        }
    }

    /// Sends; when memory is full, polls until there is room.
    pub fn send_waiting(&mut self, topic: TopicId, partition: Option<i32>, content: Content) {
        let give_up = self.rig.now().saturating_add_ms(R::PACE.patience_ms);
        let mut wake = Wake::Now;
        loop {
            match self.send(topic, partition, content.clone()) {
                Ok(()) => return,
                // Deliveries that wait already may be all the room that is needed.
                Err(SendError::Full) if wake == Wake::Now => wake = self.poll_all(),
                Err(SendError::Full) => {
                    assert!(self.rig.now() < give_up, "no room came: {}", self.story());
                    self.wait(wake, give_up);
                    wake = Wake::Now;
                }
                Err(error) => panic!("send: {error}"),
            }
        }
    }

    /// Polls until there is nothing to do at once, takes the deliveries, and lets time pass until the producer
    /// wants to be polled again, but not beyond `limit`.
    pub fn step(&mut self, limit: Instant) {
        let wake = self.poll_all();
        self.wait(wake, limit);
    }

    /// Polls until there is nothing to do at once, and takes the deliveries.
    fn poll_all(&mut self) -> Wake {
        let mut in_a_row = 0;
        loop {
            self.woken.reset();
            let polled = self.poll();
            self.take_deliveries();
            if polled.wake != Wake::Now {
                return polled.wake;
            }
            in_a_row += 1;
            assert!(in_a_row < NOW_IN_A_ROW_MAX, "an endless loop of {:?}: {}", polled.reason, self.story());
        }
    }

    fn wait(&mut self, wake: Wake, limit: Instant) {
        let until = match wake {
            Wake::At(at) => at.min(limit),
            Wake::Now | Wake::OnIo => limit,
        };
        self.rig.advance(until, &self.woken);
    }

    /// Steps until the condition holds.
    ///
    /// # Panics
    /// When the rig's patience ends first: that is a hang.
    pub fn run_until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let give_up = self.rig.now().saturating_add_ms(R::PACE.patience_ms);
        loop {
            // No time passes between what made the condition true and the caller.
            let wake = self.poll_all();
            if holds(self) {
                return;
            }
            assert!(self.rig.now() < give_up, "a hang, waiting until {what}: {}", self.story());
            self.wait(wake, give_up);
        }
    }

    /// Lets time pass without polling: an application that is busy with other things.
    pub fn sleep(&mut self, ms: u64) {
        // A waker that nobody has registered: what wakes the producer's own is not listened to.
        self.rig.advance(self.rig.now().saturating_add_ms(ms), &Woken::default());
    }

    /// Steps for so long.
    pub fn run_for(&mut self, ms: u64) {
        let end = self.rig.now().saturating_add_ms(ms);
        while self.rig.now() < end {
            self.step(end);
        }
        self.step(end);
    }

    /// Steps until each record has its outcome.
    pub fn settle(&mut self) {
        self.run_until("each record is reported", |world| world.unreported() == 0);
    }

    /// Steps until each record has its outcome.
    ///
    /// # Panics
    /// When that takes more than so many polls.
    pub fn settle_within(&mut self, polls: u64) {
        let limit = self.polls + polls;
        let give_up = self.rig.now().saturating_add_ms(u64::from(u32::MAX));
        while self.unreported() > 0 {
            assert!(self.polls < limit, "not settled within {polls} polls: {}", self.story());
            self.step(give_up);
        }
    }

    /// From now on, leaves deliveries where they are, or takes them again.
    pub fn set_takes_deliveries(&mut self, takes: bool) {
        self.takes_deliveries = takes;
    }

    /// Settles, closes, and judges: six zeros, no violation, no fault that did not happen, no connection left.
    ///
    /// # Panics
    /// When one of these is not so.
    pub fn finish(mut self) {
        self.settle();
        self.finish_unsettled();
    }

    /// Closes with time enough, and judges as [`finish`](Self::finish).
    ///
    /// # Panics
    /// As `finish`.
    pub fn finish_unsettled(&mut self) {
        let deadline = self.rig.now().saturating_add_ms(u64::from(R::PACE.delivery_timeout_ms));
        self.producer.close(deadline);
        self.run_until("the producer is closed", |world| world.producer.is_closed());
        self.take_deliveries();
        let verdict = self.verdict();
        assert!(verdict.all_zero(), "{verdict}: {}", self.story());
        let counters = *self.producer.counters();
        assert_eq!(counters.records_accepted, self.journal.records().len(), "records_accepted");
        let ended = counters.records_delivered + counters.records_failed;
        assert_eq!(ended, counters.records_accepted, "delivered and failed: {counters:?}");
        assert_eq!(self.producer.unfinished_batches(), 0, "unfinished batches after close");
        let cluster = self.cluster();
        assert!(cluster.violations().is_empty(), "the client broke rules: {:#?}", cluster.violations());
        assert!(cluster.faults_are_spent(), "a fault of the scenario did not happen");
    }

    /// The six counts so far; duplicates only if no lost answer excuses them.
    #[must_use]
    pub fn verdict(&self) -> SixCounts {
        self.assert_dropped_were_never_sent();
        let cluster = self.cluster();
        let verdict = judge_cluster(self.journal.records(), &cluster);
        if cluster.duplicate_excuses() > 0 { SixCounts { duplicated: 0, ..verdict } } else { verdict }
    }

    /// The six counts so far; nothing is excused but what the cluster has done to its clients, record by record.
    #[must_use]
    pub fn strict_verdict(&self) -> SixCounts {
        self.assert_dropped_were_never_sent();
        judge_cluster(self.journal.records(), &self.cluster())
    }

    /// Of other failed records the log tells nothing; these are reported as never sent.
    fn assert_dropped_were_never_sent(&self) {
        let mut dropped = self.journal.dropped().peekable();
        if dropped.peek().is_some() {
            let found: BTreeSet<_> =
                read_all(&self.cluster()).into_iter().map(|record| (record.topic, record.content)).collect();
            for Submitted { topic, content, .. } in dropped {
                let is_found = found.contains(&(topic.clone(), content.clone()));
                assert!(!is_found, "dropped, and in the log: {content:?}");
            }
        }
    }

    /// Each record that was accepted, what was said of it, and where it is.
    #[must_use]
    pub fn account(&self) -> Vec<String> {
        let found = read_all(&self.cluster());
        let line = |record: &Submitted| {
            let Submitted { content, outcome, partition, topic } = record;
            let copies = found.iter().filter(|copy| copy.topic == *topic && copy.content == *content);
            let copies: Vec<(i32, i64)> = copies.map(|copy| (copy.partition, copy.offset)).collect();
            let value = content.value.as_deref().unwrap_or_default();
            format!("{:.12} to {partition:?}: {outcome:?}, is at {copies:?}", String::from_utf8_lossy(value))
        };
        self.journal.records().iter().map(line).collect()
    }

    /// The counters.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        self.producer.counters()
    }

    /// All deliveries so far.
    #[must_use]
    pub fn deliveries(&self) -> &[Delivery] {
        self.journal.deliveries()
    }

    /// The errors among the deliveries.
    #[must_use]
    pub fn errors(&self) -> Vec<DeliveryError> {
        self.journal.errors()
    }

    /// The number of records that were reported as delivered.
    #[must_use]
    pub fn delivered(&self) -> usize {
        self.journal.delivered()
    }

    /// The number of records that were accepted and have no outcome.
    #[must_use]
    pub fn unreported(&self) -> usize {
        self.journal.unreported()
    }

    /// Each status that the producer went through, in order.
    #[must_use]
    pub fn statuses(&self) -> &[Status] {
        &self.statuses
    }

    /// The codes with which [`Polled::fatal`] told that nothing can be sent, in order.
    #[must_use]
    pub fn fatal_told(&self) -> &[ErrorCode] {
        &self.fatal_told
    }

    /// How often the producer was polled.
    #[must_use]
    pub fn polls(&self) -> u64 {
        self.polls
    }

    /// The requests that reached the cluster.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.cluster().requests().to_vec()
    }

    /// The Produce requests that reached the cluster.
    #[must_use]
    pub fn produce_requests(&self) -> Vec<Seen> {
        let mut requests = self.requests();
        requests.retain(|seen| seen.api == crate::broker::Api::Produce);
        requests
    }

    fn poll(&mut self) -> Polled {
        let now = self.rig.now();
        self.polls += 1;
        let waker = Waker::from(Arc::clone(&self.woken));
        let polled = self.rig.poll(&mut Context::from_waker(&waker), &mut self.producer);
        if let Wake::At(at) = polled.wake {
            assert!(at > now, "asked at {now:?} to be woken at {at:?} by {:?}", polled.reason);
        }
        let waits = self.producer.peek_delivery().is_some();
        assert_eq!(polled.delivered, waits, "`delivered` and what waits: {}", self.story());
        self.fatal_told.extend(polled.fatal);
        if self.statuses.last() != Some(&polled.status) {
            self.statuses.push(polled.status);
        }
        polled
    }

    /// Takes all deliveries that wait, unless they are to be left.
    pub fn take_deliveries(&mut self) {
        if self.takes_deliveries {
            self.journal.take_deliveries(&mut self.producer);
        }
    }

    /// What to know when something went wrong.
    fn story(&self) -> String {
        let cluster = self.cluster();
        let requests = cluster.requests();
        let last = &requests[requests.len().saturating_sub(5)..];
        format!(
            "at {} ms after {} polls, {} of {} records without outcome, {} in the logs, statuses {:?}, {:?}, \
             last errors {:?}, violations {:?}, last of {} requests {last:#?}",
            self.rig.now().as_millis(),
            self.polls,
            self.unreported(),
            self.journal.records().len(),
            cluster.records_written(),
            &self.statuses[self.statuses.len().saturating_sub(8)..],
            self.producer.counters(),
            &self.errors()[self.errors().len().saturating_sub(3)..],
            cluster.violations(),
            requests.len(),
        )
    }
}
