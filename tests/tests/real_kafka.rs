//! The key scenarios against real Apache Kafka, read back by Kafka's own consumer.
//!
//! Needs a JDK and Maven, and takes minutes: `cargo xtask test` runs it, or
//! `cargo test -p nanokafka-tests --test real_kafka -- --ignored`.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nanokafka::{Acks, Config, DeliveryError, ErrorCode};
use nanokafka_cluster::{Cluster, Options};
use nanokafka_tests::broker::Content;
use nanokafka_tests::oracle::Outcome;
use nanokafka_tests::real::RealWorld;
use nanokafka_tests::world::Capacities;

/// A cluster of three Java machines fills a small machine: one test at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Broker-wide, so that no test needs to change a topic.
const MESSAGE_BYTES_MAX: &str = "4000";

/// The time of the first record, in ms since 1970: an hour ago. Brokers from 4.0 refuse what lies in their future,
/// and half a minute after its start a broker deletes what is older than its retention of a week.
static TIME_MS: LazyLock<i64> = LazyLock::new(|| {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is not before 1970");
    i64::try_from(now.as_millis()).expect("a clock that is not in another age") - 3_600_000
});

type Scenario = (&'static str, fn(&mut Cluster));

const ON_ONE_NODE: &[Scenario] = &[
    ("telemetry arrives as it was", telemetry_arrives_as_it_was),
    ("keys land where Java puts them", keys_land_where_java_puts_them),
    ("each acks delivers", each_acks_delivers),
    ("a batch larger than the broker allows is reported", a_batch_larger_than_the_broker_allows_is_reported),
    ("a topic that is created late gets what waited", a_topic_that_is_created_late_gets_what_waited),
];

const ON_THREE_NODES: &[Scenario] = &[
    ("six partitions on three leaders", six_partitions_on_three_leaders),
    ("a leader that moves loses nothing", a_leader_that_moves_loses_nothing),
    (
        "a broker that is killed and restarted loses nothing",
        a_broker_that_is_killed_and_restarted_loses_nothing,
    ),
];

fn run(version: &str, nodes: u16, scenarios: &[Scenario]) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let options = Options::new(version).nodes(nodes).property("message.max.bytes", MESSAGE_BYTES_MAX);
    let mut cluster = Cluster::start(options).unwrap_or_else(|error| panic!("{error}"));
    for (name, scenario) in scenarios {
        let start = std::time::Instant::now();
        eprintln!("Kafka {version}, {nodes} nodes: {name}");
        scenario(&mut cluster);
        eprintln!("    {:.1} s", start.elapsed().as_secs_f32());
    }
}

macro_rules! versions {
    ($($name:ident $version:literal)*) => {
        $(
            mod $name {
                #[test]
                #[ignore = "needs Java and Maven, and takes a minute"]
                fn on_one_node() {
                    super::run($version, 1, super::ON_ONE_NODE);
                }

                #[test]
                #[ignore = "needs Java and Maven, and takes minutes"]
                fn on_three_nodes() {
                    super::run($version, 3, super::ON_THREE_NODES);
                }
            }
        )*
    };
}

versions! {
    kafka_4_4_0 "4.4.0"
    kafka_3_9_2 "3.9.2"
    kafka_2_8_2 "2.8.2"
}

fn world(cluster: &Cluster, change: impl FnOnce(&mut Config<'static>)) -> RealWorld {
    let capacities = Capacities { batches: 16, batch_bytes: 1_024, receive: 256, ..Capacities::default() };
    RealWorld::new(&cluster.bootstrap(), capacities, change)
}

fn create(cluster: &mut Cluster, topic: &str, partitions: usize) {
    cluster.create_topic(topic, partitions).unwrap_or_else(|error| panic!("{topic}: {error}"));
}

fn reading(n: u32) -> Content {
    let device = n % 7;
    Content {
        key: Some(format!("device-{device}").into_bytes()),
        value: Some(format!("t={}.{} p=1013 n={n}", 20 + n % 5, n % 10).into_bytes()),
        headers: Vec::new(),
        timestamp_ms: *TIME_MS + i64::from(n),
    }
}

fn assert_clean(world: &mut RealWorld, cluster: &Cluster, topics: &[&str]) {
    let counts = world.judge(cluster, topics);
    assert!(counts.all_zero(), "{counts}: {}", world.story());
}

/// Six zeros, and all of them delivered.
fn assert_all_delivered(world: &mut RealWorld, cluster: &Cluster, topic: &str) {
    assert_clean(world, cluster, &[topic]);
    assert_eq!(world.journal.errors(), []);
}

fn telemetry_arrives_as_it_was(cluster: &mut Cluster) {
    create(cluster, "telemetry", 3);
    let mut world = world(cluster, |_| {});
    let topic = world.topic("telemetry");
    for n in 0..3_000 {
        world.send(topic, None, reading(n));
    }
    let header = |key: &str, value: Option<&[u8]>| (key.to_owned(), value.map(<[u8]>::to_vec));
    let odd = [
        Content { key: None, value: None, headers: vec![], timestamp_ms: *TIME_MS },
        Content { key: Some(vec![]), value: Some(vec![]), headers: vec![], timestamp_ms: -1 },
        Content { key: None, value: Some(vec![0, 255]), headers: vec![header("a", None)], timestamp_ms: 0 },
        Content {
            key: Some("größe".into()),
            value: None,
            headers: vec![header("", Some(b"")), header("ü", Some(&[1, 2, 3]))],
            timestamp_ms: *TIME_MS - 86_400_000,
        },
    ];
    for content in odd {
        world.send(topic, Some(1), content);
    }
    assert_clean(&mut world, cluster, &["telemetry"]);
    assert_eq!(world.journal.delivered(), 3_004);
}

fn keys_land_where_java_puts_them(cluster: &mut Cluster) {
    create(cluster, "keys", 5);
    let mut world = world(cluster, |_| {});
    let topic = world.topic("keys");
    let keys: Vec<Vec<u8>> = (0..200_u8).map(|n| (0..n).map(|i| i.wrapping_mul(37) ^ n).collect()).collect();
    for (n, key) in keys.iter().enumerate() {
        world.send(topic, None, Content::of_value(format!("value {n}")).with_key(key.clone()));
    }
    assert_clean(&mut world, cluster, &["keys"]);
    let java = cluster.murmur2_partitions(&keys, 5).unwrap_or_else(|error| panic!("{error}"));
    for (record, (_, partition)) in world.journal.records().iter().zip(java) {
        let Outcome::Acked { partition: ours, .. } = record.outcome else { panic!("{record:?}") };
        assert_eq!(ours, partition, "{:?}", record.content.key);
    }
}

fn each_acks_delivers(cluster: &mut Cluster) {
    let cases = [("acks-0", Acks::None), ("acks-1", Acks::Leader), ("acks-all", Acks::All)];
    for (name, acks) in cases {
        create(cluster, name, 3);
        let mut world = world(cluster, |config| {
            config.acks = acks;
            config.enable_idempotence = acks == Acks::All;
        });
        let topic = world.topic(name);
        for n in 0..500 {
            world.send(topic, None, reading(n));
        }
        world.settle();
        // With acks=0 nobody says when the last bytes have become records.
        let written =
            |cluster: &Cluster| cluster.end_offsets(name).is_ok_and(|ends| ends.iter().sum::<i64>() == 500);
        for _ in 0..20 {
            if written(cluster) {
                break;
            }
            world.step(Duration::from_millis(200));
        }
        assert_clean(&mut world, cluster, &[name]);
        assert_eq!(world.journal.delivered(), 500);
    }
}

fn a_batch_larger_than_the_broker_allows_is_reported(cluster: &mut Cluster) {
    create(cluster, "large", 1);
    let capacities = Capacities { batches: 4, batch_bytes: 8_192, ..Capacities::default() };
    let mut world = RealWorld::new(&cluster.bootstrap(), capacities, |_| {});
    let topic = world.topic("large");
    world.send(topic, Some(0), Content::of_value(vec![b'x'; 5_000]));
    world.settle();
    assert_eq!(world.journal.errors(), [DeliveryError::Failed(ErrorCode::MESSAGE_TOO_LARGE)]);
    world.send(topic, Some(0), Content::of_value(vec![b'y'; 500]));
    assert_clean(&mut world, cluster, &["large"]);
    assert_eq!(world.journal.delivered(), 1);
}

fn a_topic_that_is_created_late_gets_what_waited(cluster: &mut Cluster) {
    let mut world = world(cluster, |config| config.allow_auto_topic_creation = false);
    let topic = world.topic("late");
    for n in 0..100 {
        // Without a key: as long as the partitions are unknown, each change of key takes a batch of its own.
        world.send(topic, None, Content { key: None, ..reading(n) });
    }
    let asked = |world: &RealWorld| world.producer().counters().metadata_updates >= 3;
    world.run_until("the topic was asked for several times", asked);
    assert_eq!(world.journal.delivered(), 0);
    create(cluster, "late", 3);
    assert_clean(&mut world, cluster, &["late"]);
    assert_eq!(world.journal.delivered(), 100);
}

fn six_partitions_on_three_leaders(cluster: &mut Cluster) {
    let created = cluster.create_topic_with_leaders("spread", &[1, 2, 3, 1, 2, 3]);
    created.unwrap_or_else(|error| panic!("{error}"));
    let mut world = world(cluster, |_| {});
    let topic = world.topic("spread");
    for n in 0..3_000 {
        world.send(topic, Some(n as i32 % 6), reading(n));
    }
    assert_clean(&mut world, cluster, &["spread"]);
    assert_eq!(world.journal.delivered(), 3_000);
}

/// Does something to the cluster on another thread, while records flow.
fn meanwhile(
    cluster: &mut Cluster,
    world: &mut RealWorld,
    mut flow: impl FnMut(&mut RealWorld),
    act: impl FnOnce(&mut Cluster) + Send,
) {
    std::thread::scope(|scope| {
        let acting = scope.spawn(|| act(cluster));
        while !acting.is_finished() {
            flow(world);
        }
        acting.join().expect("what is done to the cluster works");
    });
}

fn a_leader_that_moves_loses_nothing(cluster: &mut Cluster) {
    let created = cluster.create_topic_with_leaders("moving", &[1, 2, 3]);
    created.unwrap_or_else(|error| panic!("{error}"));
    let mut world = world(cluster, |_| {});
    let topic = world.topic("moving");
    let mut n = 0;
    let flow = |world: &mut RealWorld| {
        for _ in 0..3 {
            n += 1;
            world.send(topic, Some(n as i32 % 3), reading(n));
        }
        world.step(Duration::from_millis(10));
    };
    meanwhile(cluster, &mut world, flow, |cluster| {
        cluster.move_leader("moving", 0, 2).unwrap_or_else(|error| panic!("{error}"));
        cluster.move_leader("moving", 1, 3).unwrap_or_else(|error| panic!("{error}"));
    });
    // The old leader answers NOT_LEADER_OR_FOLLOWER also for what it has appended and its followers have not yet
    // confirmed (`DelayedProduce`, case B.1): what is then sent again is recognised by its number.
    assert_all_delivered(&mut world, cluster, "moving");
    assert!(world.producer().counters().batch_retries > 0, "an old leader refused a batch");
}

fn a_broker_that_is_killed_and_restarted_loses_nothing(cluster: &mut Cluster) {
    let created = cluster.create_topic_with_leaders("killed", &[1, 2, 3, 1, 2, 3]);
    created.unwrap_or_else(|error| panic!("{error}"));
    let mut world = world(cluster, |config| config.request_timeout_ms = 10_000);
    let topic = world.topic("killed");
    let mut n = 0;
    let flow = |world: &mut RealWorld| {
        for _ in 0..6 {
            n += 1;
            world.send(topic, Some(n as i32 % 6), reading(n));
        }
        world.step(Duration::from_millis(10));
    };
    meanwhile(cluster, &mut world, flow, |cluster| {
        std::thread::sleep(Duration::from_secs(1));
        cluster.kill(2).unwrap_or_else(|error| panic!("{error}"));
        std::thread::sleep(Duration::from_secs(2));
        cluster.restart(2).unwrap_or_else(|error| panic!("{error}"));
    });
    assert_all_delivered(&mut world, cluster, "killed");
    assert!(world.producer().counters().disconnects > 0);
}
