//! The application that the board runs, on a host: the same turns, over tokio's TCP.

#[path = "../../../adapters/tokio/tests/broker/mod.rs"]
mod broker;

use std::future::poll_fn;
use std::net::TcpListener;
use std::task::Poll;
use std::time::{Duration, Instant};

use broker::Cluster;
use nanokafka::{DeliveryError, DisconnectReason, Resources, Status, Wake};
use nanokafka_tokio::TokioTransport;
use telemetry::{Console, Event, EventLog, Options, Reading, Schedule, Telemetry, Uplink};

#[derive(Default)]
struct Lines(String);

impl Console for &mut Lines {
    fn write(&mut self, piece: &[u8]) {
        self.0.push_str(std::str::from_utf8(piece).unwrap());
    }
}

#[derive(Default)]
struct Events(Vec<Event>);

impl EventLog for Events {
    fn event(&mut self, event: Event) {
        self.0.push(event);
    }
}

struct Outcome {
    exit_code: u32,
    lines: String,
    events: Vec<Event>,
}

/// What the board's `main` does, with a task's waker where the board has an interrupt.
async fn run(words: String) -> Outcome {
    let options = Options::parse(words.leak()).unwrap();
    let started = Instant::now();
    let now_ms = || started.elapsed().as_millis() as u64;
    let mut memory = Resources::<14, 1_024, 1, 16, 3, 3>::new();
    let mut uplink = Uplink::start(&options, memory.lend(), 0, 1_700_000_000_000, 7).unwrap();
    let mut transport = TokioTransport::new(3);
    let (mut lines, mut log) = (Lines::default(), Events::default());
    let schedule = Schedule::new(options.device_id, options.records, options.interval_ms);
    let mut telemetry = Telemetry::new(schedule.devices(options.devices), &mut lines);
    while !uplink.finished(&telemetry) {
        assert!(started.elapsed() < Duration::from_secs(30), "it hangs");
        let wake = poll_fn(|cx| {
            Poll::Ready(uplink.turn_with(cx, now_ms(), &mut transport, &mut telemetry, &mut log))
        })
        .await;
        let until_ms = match wake {
            Wake::Now => 0,
            Wake::At(at) => at.as_millis().saturating_sub(now_ms()),
            Wake::OnIo => 1_000,
        };
        let mut asked = false;
        let woken =
            poll_fn(|_| if std::mem::replace(&mut asked, true) { Poll::Ready(()) } else { Poll::Pending });
        let _ = tokio::time::timeout(Duration::from_millis(until_ms), woken).await;
    }
    let exit_code = telemetry.finish(&[]);
    Outcome { exit_code, lines: lines.0, events: log.0 }
}

#[tokio::test(flavor = "current_thread")]
async fn every_reading_arrives_once_and_in_order() {
    let cluster = Cluster::start(3, 6);
    let brokers = cluster.bootstrap().remove(0);
    let outcome = run(format!("broker={brokers} topic=readings records=3000 devices=12 linger_ms=5")).await;
    assert_eq!(outcome.exit_code, 0, "{}", outcome.lines);
    assert!(outcome.lines.ends_with("NK done accepted=3000 delivered=3000 failed=0\n"));
    assert!(outcome.events.contains(&Event::Status(Status::Online)));
    assert!(outcome.events.contains(&Event::Partitions(6)));
    let mut counters = Vec::new();
    for records in cluster.topic("readings").into_values() {
        let before = counters.len();
        for record in records {
            let reading = Reading::decode(&record.value.unwrap()).unwrap();
            let expected =
                Reading::simulated(1 + u64::from(reading.counter % 12), reading.counter, reading.uptime_ms);
            assert_eq!(reading, expected);
            assert_eq!(record.key.unwrap(), reading.key());
            assert_eq!(record.timestamp, 1_700_000_000_000 + i64::from(reading.uptime_ms));
            counters.push(reading.counter);
        }
        assert!(counters[before..].is_sorted(), "readings of one partition keep their order");
    }
    counters.sort_unstable();
    assert!(counters.into_iter().eq(0..3_000));
}

#[tokio::test(flavor = "current_thread")]
async fn a_wrong_address_is_told_and_each_reading_reported() {
    let refuses = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = run(format!("broker={refuses} records=40 devices=3 delivery_timeout_ms=300")).await;
    assert_eq!(outcome.exit_code, 1);
    assert!(outcome.lines.ends_with("NK done accepted=40 delivered=0 failed=40\n"), "{}", outcome.lines);
    assert!(outcome.lines.contains("NK failed partition=-1 counters=39 code=13 reason=TIMEOUT\n"));
    let is_told =
        |event: &Event| matches!(event, Event::Status(Status::Unreachable(DisconnectReason::Transport(_))));
    assert!(outcome.events.iter().any(is_told), "{:?}", outcome.events);
}

#[tokio::test(flavor = "current_thread")]
async fn an_unknown_topic_is_told_and_each_reading_reported() {
    let cluster = Cluster::start(1, 1);
    cluster.script().unknown_topics.insert("nowhere".into());
    let brokers = cluster.bootstrap().remove(0);
    let outcome = run(format!("broker={brokers} topic=nowhere records=5 delivery_timeout_ms=500")).await;
    assert_eq!(outcome.exit_code, 1);
    assert!(
        outcome.lines.contains("NK failed partition=-1 counters=0-4 code=3 reason=TIMEOUT\n"),
        "{}",
        outcome.lines
    );
    let is_told =
        |event: &Event| matches!(event, Event::Status(Status::TopicError(_, code)) if code.code() == 3);
    assert!(outcome.events.iter().any(is_told), "{:?}", outcome.events);
    let has_failed = |event: &Event| {
        matches!(event, Event::Failed { partition: None, records: 5, error: DeliveryError::Timeout { .. } })
    };
    assert!(outcome.events.iter().any(has_failed), "{:?}", outcome.events);
}

#[tokio::test(flavor = "current_thread")]
async fn who_was_refused_for_good_tries_again_after_a_pause() {
    let cluster = Cluster::start(1, 1);
    // INVALID_REQUEST.
    cluster.script().producer_id_error = Some(42);
    let brokers = cluster.bootstrap().remove(0);
    let outcome = run(format!("broker={brokers} topic=readings records=30 interval_ms=300")).await;
    let told: Vec<&Event> = outcome.events.iter().filter(|event| matches!(event, Event::Status(_))).collect();
    let fatal = told
        .iter()
        .position(|event| matches!(event, Event::Status(Status::Fatal(code)) if code.code() == 42));
    let online = told.iter().rposition(|event| matches!(event, Event::Status(Status::Online)));
    assert!(fatal.is_some() && fatal < online, "{told:?}");
    let refused = outcome.events.iter().filter(|event| matches!(event, Event::Refused(_))).count();
    assert!((10..=20).contains(&refused), "a pause of five seconds: {refused} of 30 readings");
    let arrived: usize = cluster.topic("readings").into_values().map(|records| records.len()).sum();
    assert!(arrived >= 30 - refused - 5, "{arrived} have arrived, {refused} were refused");
}
