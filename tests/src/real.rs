//! A producer over tokio against a real cluster, with the same journal and the same judge. Real time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant as StdInstant};

use nanokafka::{Config, Instant, Polled, Producer, SendError, TopicId, Wake};
use nanokafka_cluster::{Cluster, ConsumedRecord};
use nanokafka_tokio::TokioTransport;
use tokio::runtime::Runtime;

use crate::broker::Content;
use crate::journal::Journal;
use crate::oracle::{Found, Outcome, SixCounts, judge};
use crate::rig::Woken;
use crate::world::{Capacities, lend};

/// What has not happened by then is a hang: a broker that was killed is back in half of it.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long what was acknowledged may take to become readable.
const READ_PATIENCE: Duration = Duration::from_secs(20);

/// A producer of a real cluster.
pub struct RealWorld {
    /// What was submitted and reported.
    pub journal: Journal,
    producer: Producer<'static>,
    runtime: Runtime,
    transport: TokioTransport,
    woken: Arc<Woken>,
    start: StdInstant,
    last: Option<Polled>,
}

impl RealWorld {
    /// A producer that starts from these brokers (`host:port,...`).
    ///
    /// # Panics
    /// When the producer refuses its configuration.
    #[must_use]
    pub fn new(bootstrap: &str, capacities: Capacities, change: impl FnOnce(&mut Config<'static>)) -> Self {
        // Leaked for the same reason as in `Setup::start`.
        let addresses: Vec<&'static str> = bootstrap.to_owned().leak().split(',').collect();
        let mut config =
            Config { client_id: "nanokafka-tests", random_seed: 7, ..Config::new(addresses.leak()) };
        change(&mut config);
        let producer = Producer::new(config, lend(capacities), Instant::from_millis(0));
        Self {
            journal: Journal::default(),
            producer: producer.unwrap_or_else(|error| panic!("{error}")),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"),
            transport: TokioTransport::new(capacities.connections),
            woken: Arc::new(Woken::default()),
            start: StdInstant::now(),
            last: None,
        }
    }

    /// Registers the topic.
    ///
    /// # Panics
    /// When it is refused.
    pub fn topic(&mut self, name: &'static str) -> TopicId {
        self.producer.register_topic(name).unwrap_or_else(|error| panic!("topic {name}: {error:?}"))
    }

    /// The producer.
    #[must_use]
    pub fn producer(&self) -> &Producer<'static> {
        &self.producer
    }

    /// Sends; when memory is full, polls until there is room.
    ///
    /// # Panics
    /// On any other error, and when no room comes.
    pub fn send(&mut self, topic: TopicId, partition: Option<i32>, content: Content) {
        let give_up = StdInstant::now() + PATIENCE;
        loop {
            let now = self.now();
            match self.journal.send(&mut self.producer, now, topic, partition, content.clone()) {
                Ok(()) => return,
                Err(SendError::Full) => {
                    assert!(StdInstant::now() < give_up, "no room came: {}", self.story());
                    self.step(Duration::from_millis(100));
                }
                Err(error) => panic!("send: {error}"),
            }
        }
    }

    /// Polls until there is nothing to do at once, and then waits, but no longer than this.
    pub fn step(&mut self, longest: Duration) {
        let wake = loop {
            self.woken.reset();
            let waker = Waker::from(Arc::clone(&self.woken));
            let now = self.now();
            let inside = self.runtime.enter();
            let polled = self.producer.poll_with(&mut Context::from_waker(&waker), now, &mut self.transport);
            drop(inside);
            self.journal.take_deliveries(&mut self.producer);
            self.last = Some(polled);
            if polled.wake != Wake::Now {
                break polled.wake;
            }
        };
        let wait = match wake {
            Wake::At(at) => Duration::from_millis(at.saturating_since_ms(self.now())).min(longest),
            Wake::Now | Wake::OnIo => longest,
        };
        let woken = Arc::clone(&self.woken);
        let woken = std::future::poll_fn(|cx| {
            woken.forward_to(cx.waker());
            if woken.is_set() { Poll::Ready(()) } else { Poll::Pending }
        });
        self.runtime.block_on(async {
            let _ = tokio::time::timeout(wait, woken).await;
        });
    }

    /// Steps until the condition holds.
    ///
    /// # Panics
    /// When it does not for two minutes.
    pub fn run_until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let give_up = StdInstant::now() + PATIENCE;
        while !holds(self) {
            assert!(StdInstant::now() < give_up, "a hang, waiting until {what}: {}", self.story());
            self.step(Duration::from_millis(50));
        }
    }

    /// Steps until each record has its outcome.
    pub fn settle(&mut self) {
        self.run_until("each record is reported", |world| world.journal.unreported() == 0);
    }

    /// Closes, reads these topics back through Kafka's own consumer, and judges.
    ///
    /// # Panics
    /// When the producer does not close, or the topics cannot be read.
    pub fn judge(&mut self, cluster: &Cluster, topics: &[&str]) -> SixCounts {
        self.settle();
        let deadline = self.now().saturating_add_ms(10_000);
        self.producer.close(deadline);
        self.run_until("the producer is closed", |world| world.producer.is_closed());
        self.journal.take_deliveries(&mut self.producer);
        let found: Vec<Found> =
            topics.iter().flat_map(|topic| self.read_to_the_end(cluster, topic)).collect();
        let counts = judge(self.journal.records(), &found);
        if counts.lost > 0 {
            for topic in topics {
                self.tell_where_it_is_missing(cluster, topic, &found);
            }
        }
        counts
    }

    /// The topic's records. Reads again when the reader did not come as far as was acknowledged: a consumer's first
    /// look at a cluster that has just lost and regained a broker can end too early. What is still not there after
    /// [`READ_PATIENCE`] is lost.
    fn read_to_the_end(&self, cluster: &Cluster, topic: &str) -> Vec<Found> {
        let give_up = StdInstant::now() + READ_PATIENCE;
        loop {
            let records = cluster.read_all(topic).unwrap_or_else(|error| panic!("{topic}: {error}"));
            let ends = cluster.end_offsets(topic).unwrap_or_else(|error| panic!("{topic}: {error}"));
            let mut ends_read = BTreeMap::new();
            for record in &records {
                ends_read.insert(record.partition, record.offset + 1);
            }
            let came_to = |partition: i32| ends_read.get(&partition).copied().unwrap_or(0);
            let came_to_the_end = (0..).zip(&ends).all(|(partition, end)| came_to(partition) >= *end);
            let saw_what_was_acked = self.journal.records().iter().all(|record| match record.outcome {
                Outcome::Acked { partition, offset: Some(offset) } if record.topic == topic => {
                    came_to(partition) > offset
                }
                Outcome::Acked { .. } | Outcome::Failed | Outcome::Unreported => true,
            });
            if (came_to_the_end && saw_what_was_acked) || StdInstant::now() > give_up {
                return records.into_iter().map(|record| found_in(topic, record)).collect();
            }
            eprintln!("{topic}: the reader ended early, end offsets {ends:?}; reading again");
        }
    }

    /// For each partition: what was acknowledged, what was read, and where the log ends now.
    fn tell_where_it_is_missing(&self, cluster: &Cluster, topic: &str, found: &[Found]) {
        let ends = cluster.end_offsets(topic);
        eprintln!("{topic}: end offsets now {ends:?}, leaders {:?}", cluster.leaders(topic));
        for partition in 0..ends.map_or(0, |ends| ends.len() as i32) {
            let acked = self.journal.records().iter().filter_map(|record| match record.outcome {
                Outcome::Acked { partition: at, offset } if at == partition && record.topic == topic => {
                    offset
                }
                Outcome::Acked { .. } | Outcome::Failed | Outcome::Unreported => None,
            });
            let read = found.iter().filter(|record| record.topic == topic && record.partition == partition);
            let read: Vec<i64> = read.map(|record| record.offset).collect();
            let (first, last) = (read.first(), read.last());
            eprintln!(
                "  {partition}: acked up to {:?}, read {} from {first:?} to {last:?}",
                acked.max(),
                read.len()
            );
        }
    }

    /// What to know when something went wrong.
    #[must_use]
    pub fn story(&self) -> String {
        let errors = self.journal.errors();
        format!(
            "after {:?}, {} of {} records without outcome, {:?}, {:?}, last errors {:?}",
            self.start.elapsed(),
            self.journal.unreported(),
            self.journal.records().len(),
            self.last,
            self.producer.counters(),
            &errors[errors.len().saturating_sub(3)..],
        )
    }

    fn now(&self) -> Instant {
        Instant::from_millis(self.start.elapsed().as_millis() as u64)
    }
}

fn found_in(topic: &str, record: ConsumedRecord) -> Found {
    let ConsumedRecord { partition, offset, timestamp_ms, key, value, headers } = record;
    Found {
        topic: topic.to_owned(),
        partition,
        offset,
        content: Content { key, value, headers, timestamp_ms },
    }
}
