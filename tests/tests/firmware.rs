//! The key scenarios with the example firmware in QEMU, against real Apache Kafka where there is a broker at all.
//!
//! Needs QEMU, a JDK and Maven, and takes two minutes: `cargo xtask test` runs it, or
//! `cargo test -p nanokafka-tests --test firmware -- --ignored`.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nanokafka_cluster::verdict::{Outcome, SixCounts};
use nanokafka_cluster::{Cluster, Options};
use nanokafka_tests::board::{Account, Board, Job, Run};

/// A cluster and an emulated board fill a small machine: one test at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

const KAFKA: &str = "4.4.0";

/// What has not ended by then is a hang: a broker that was killed is back in half of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Kafka's code for a topic or a partition that a broker does not know.
const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;

type Scenario = (&'static str, fn(&mut Cluster));

const ON_THREE_NODES: &[Scenario] = &[
    ("six partitions on three leaders", six_partitions_on_three_leaders),
    ("a leader that moves loses nothing", a_leader_that_moves_loses_nothing),
    (
        "a broker that is killed and restarted loses nothing",
        a_broker_that_is_killed_and_restarted_loses_nothing,
    ),
    ("a topic that is created late gets what waited", a_topic_that_is_created_late_gets_what_waited),
    ("an unknown topic is reported and the run ends", an_unknown_topic_is_reported_and_the_run_ends),
];

#[test]
#[ignore = "needs QEMU and Java; run by cargo xtask test"]
fn on_three_nodes() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut cluster = Cluster::start(Options::new(KAFKA).nodes(3)).unwrap_or_else(|error| panic!("{error}"));
    for (name, scenario) in ON_THREE_NODES {
        let start = Instant::now();
        eprintln!("firmware, Kafka {KAFKA}, 3 nodes: {name}");
        scenario(&mut cluster);
        eprintln!("    {:.1} s", start.elapsed().as_secs_f32());
    }
}

fn create(cluster: &mut Cluster, topic: &str, leaders: &[u16]) {
    cluster.create_topic_with_leaders(topic, leaders).unwrap_or_else(|error| panic!("{topic}: {error}"));
}

/// The firmware ended in its own way, and told of each reading once.
fn assert_sound(run: &Run, exit_code: i32) {
    let Account { troubles, reported_twice, done, .. } = &run.account;
    assert_eq!(run.exit_code, Some(exit_code), "{}", run.story);
    assert!(troubles.is_empty() && done.is_some(), "{troubles:?} {}", run.story);
    assert_eq!((*reported_twice, run.account.accepted()), (0, run.job.records), "{}", run.story);
}

/// All was delivered, and the six counts as they are.
fn judge(cluster: &Cluster, run: &Run) -> SixCounts {
    assert_sound(run, 0);
    assert_eq!(run.account.delivered(), u64::from(run.job.records), "{}", run.story);
    let log = cluster.read_all(&run.job.topic).unwrap_or_else(|error| panic!("{error}"));
    let counts = run.judge(&log);
    eprintln!("    {} readings in {:.1} s: {counts}", run.job.records, run.took.as_secs_f32());
    counts
}

fn assert_clean(cluster: &Cluster, run: &Run) {
    let counts = judge(cluster, run);
    assert!(counts.all_zero(), "{counts}: {}", run.story);
}

/// How many batches were sent again.
fn retries(run: &Run) -> u64 {
    let said = run.account.done.as_ref().and_then(|done| done.get("retries"));
    *said.unwrap_or_else(|| panic!("no retries= in NK done: {}", run.story))
}

/// No reading was delivered, and each was given up.
fn assert_all_failed(run: &Run) {
    assert_sound(run, 1);
    let failed = run.account.outcomes.values().filter(|outcome| **outcome == Outcome::Failed).count();
    assert_eq!(failed, run.job.records as usize, "{}", run.story);
}

/// The device and the partition of each reading that was delivered.
fn places(run: &Run) -> BTreeSet<(u64, i32)> {
    let place = |(counter, outcome): (&u32, &Outcome)| match *outcome {
        Outcome::Acked { partition, .. } => Some((run.job.device(*counter), partition)),
        Outcome::Failed | Outcome::Unreported => None,
    };
    run.account.outcomes.iter().filter_map(place).collect()
}

fn six_partitions_on_three_leaders(cluster: &mut Cluster) {
    create(cluster, "board-spread", &[1, 2, 3, 1, 2, 3]);
    let job = Job::new(&cluster.guest_bootstrap(), "board-spread", 3_000);
    // Of the first 30 devices, none has a key that belongs to partition 3.
    let job = Job { devices: 24, device_id: 31, ..job };
    let devices: Vec<u64> = (0..job.devices).map(|counter| job.device(counter)).collect();
    let run = Board::start(job).finish(PATIENCE);
    assert_clean(cluster, &run);
    let keys: Vec<[u8; 8]> = devices.iter().map(|device| device.to_be_bytes()).collect();
    let java = cluster.murmur2_partitions(&keys, 6).unwrap_or_else(|error| panic!("{error}"));
    let expected: BTreeSet<(u64, i32)> = devices.into_iter().zip(java.iter().map(|hash| hash.1)).collect();
    assert_eq!(places(&run), expected, "{}", run.story);
    let used: BTreeSet<i32> = expected.iter().map(|place| place.1).collect();
    assert_eq!(used, (0..6).collect(), "other devices are needed");
}

fn a_leader_that_moves_loses_nothing(cluster: &mut Cluster) {
    create(cluster, "board-moving", &[1, 2, 3]);
    let job = Job { devices: 24, ..Job::new(&cluster.guest_bootstrap(), "board-moving", 2_000) };
    let mut board = Board::start(job.with("interval_ms=5"));
    board.wait_until_delivered(200, PATIENCE);
    cluster.move_leader("board-moving", 0, 2).unwrap_or_else(|error| panic!("{error}"));
    assert!(board.is_running(), "it was too fast: {}", board.story());
    // The old leader may refuse what it has appended already (`DelayedProduce`, case B.1).
    let run = board.finish(PATIENCE);
    assert_clean(cluster, &run);
    assert!(retries(&run) > 0, "the old leader refused nothing: {}", run.story);
}

fn a_broker_that_is_killed_and_restarted_loses_nothing(cluster: &mut Cluster) {
    create(cluster, "board-killed", &[1, 2, 3, 1, 2, 3]);
    let mut job = Job { devices: 24, ..Job::new(&cluster.guest_bootstrap(), "board-killed", 2_000) };
    // The one that is killed, and another one.
    job.brokers.remove(0);
    let mut board = Board::start(job.with("interval_ms=5"));
    board.wait_until_delivered(200, PATIENCE);
    cluster.kill(2).unwrap_or_else(|error| panic!("{error}"));
    std::thread::sleep(Duration::from_secs(2));
    assert!(board.is_running(), "it was too fast: {}", board.story());
    cluster.restart(2).unwrap_or_else(|error| panic!("{error}"));
    // A batch whose answer died with the broker is sent again: idempotence will end that.
    assert_clean(cluster, &board.finish(PATIENCE));
}

fn a_topic_that_is_created_late_gets_what_waited(cluster: &mut Cluster) {
    let job = Job { devices: 24, ..Job::new(&cluster.guest_bootstrap(), "board-late", 500) };
    let mut board = Board::start(job);
    std::thread::sleep(Duration::from_secs(5));
    assert!(board.is_running() && board.so_far().outcomes.is_empty(), "it did not wait: {}", board.story());
    create(cluster, "board-late", &[1, 2, 3]);
    assert_clean(cluster, &board.finish(PATIENCE));
}

fn an_unknown_topic_is_reported_and_the_run_ends(cluster: &mut Cluster) {
    let job = Job::new(&cluster.guest_bootstrap(), "board-unknown", 100).with("delivery_timeout_ms=3000");
    let run = Board::start(job).finish(PATIENCE);
    assert_all_failed(&run);
    let expected = (UNKNOWN_TOPIC_OR_PARTITION, "TIMEOUT".to_owned());
    assert!(run.account.failures.iter().all(|failure| *failure == expected), "{}", run.story);
}

#[test]
#[ignore = "needs QEMU and Java; run by cargo xtask test"]
fn nobody_listens_at_the_address() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    // A port that is taken and does not listen: nobody else gets it while the firmware knocks.
    let taken = tokio::net::TcpSocket::new_v4().expect("a socket");
    taken.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let port = taken.local_addr().expect("a bound socket").port();
    let job = Job::new(&format!("10.0.2.2:{port}"), "nobody", 100).with("delivery_timeout_ms=3000");
    let run = Board::start(job).finish(PATIENCE);
    assert_all_failed(&run);
    assert!(run.account.failures.iter().all(|(_, reason)| reason == "TIMEOUT"), "{}", run.story);
}

#[test]
#[ignore = "needs QEMU and Java; run by cargo xtask test"]
fn without_a_cable_it_keeps_trying() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut board = Board::start(Job { cable: false, ..Job::new("10.0.2.2:9092", "no-cable", 100) });
    std::thread::sleep(Duration::from_secs(5));
    let logged = board.log_bytes();
    std::thread::sleep(Duration::from_secs(5));
    assert!(board.is_running(), "it gave up: {}", board.story());
    // It says every 4 s that it has no address.
    assert!(board.log_bytes() > logged, "it is silent: {logged} bytes of log, {}", board.story());
    let so_far = board.so_far();
    assert!(so_far.troubles.is_empty() && so_far.outcomes.is_empty(), "{so_far:?}");
}
