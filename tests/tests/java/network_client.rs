//! `NetworkClientTest`, `ClusterConnectionStatesTest` and `InFlightRequestsTest`: connections and requests.

use embedded_io::ErrorKind;
use nanokafka::{Config, DisconnectReason, Status};
use nanokafka_tests::broker::{Action, Api, Fault, Release, Speaks};
use nanokafka_tests::rig::{Destination, Network, Rig as _};

use crate::rig::{Setup, World, delay, inject, now, numbers, offsets, record_by_record, requests_of, warm};

fn unreachable(world: &World, because: DisconnectReason) -> bool {
    world.statuses().contains(&Status::Unreachable(because))
}

/// How long each attempt to connect waits after the one before has failed, as far as that can be seen.
fn disconnects_at(world: &mut World, attempts: usize) -> Vec<u64> {
    let first = world.counters().disconnects;
    let mut at = Vec::new();
    for attempt in 1..=attempts {
        world.run_until("an attempt fails", |world| world.counters().disconnects >= first + attempt);
        at.push(now(world));
    }
    at
}

fn waits(at: &[u64]) -> Vec<u64> {
    at.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// A producer that finds nobody, with a record that waits for ever.
fn alone(to: Destination, change: impl FnOnce(&mut Config<'static>)) -> World {
    let setup = record_by_record(1, 1).bootstrap(&[to]).config(|config| {
        config.delivery_timeout_ms = u32::MAX;
        change(config);
    });
    let mut world = setup.start();
    let topic = world.topic("t");
    world.send_many(topic, None, 1);
    world
}

#[test]
fn simple_request_response() {
    let (world, _) = warm(record_by_record(1, 1));
    let order: Vec<Api> = world.requests().iter().map(|seen| seen.api).collect();
    assert_eq!(order, [Api::ApiVersions, Api::Metadata, Api::InitProducerId, Api::Produce]);
    assert_eq!(offsets(&world), [Some(0)]);
    world.finish();
}

#[test]
fn dns_lookup_failure() {
    let mut world = alone(Destination::Unresolvable, |_| {});
    world.run_for(10_000);
    assert!(unreachable(&world, DisconnectReason::Transport(ErrorKind::NotFound)));
    let attempts = world.counters().disconnects;
    assert!((8..40).contains(&attempts), "{attempts} attempts in 10 s");
}

/// The name is found in the end.
#[test]
fn ensure_bootstrapped() {
    let mut world = record_by_record(1, 1).start();
    let (host, port) = {
        let cluster = world.cluster();
        let (host, port) = cluster.address(1);
        (host.to_owned(), port)
    };
    world.cluster().set_address(1, "not-yet.test", port);
    let topic = world.topic("t");
    world.send_many(topic, None, 1);
    world.run_for(20_000);
    assert!(unreachable(&world, DisconnectReason::Transport(ErrorKind::NotFound)));
    world.cluster().set_address(1, &host, port);
    world.settle();
    assert_eq!(world.delivered(), 1);
    world.finish();
}

#[test]
fn close() {
    let (mut world, topic) = warm(record_by_record(2, 2));
    delay(&world, 10_000);
    world.send_many(topic, Some(0), 1);
    world.run_for(5);
    world.producer.close(world.rig.now());
    world.run_until("it is closed", |world| world.producer.is_closed());
    assert_eq!(world.cluster().open_connections(), 0);
    world.settle();
}

#[test]
fn close_connecting_node() {
    let mut world = alone(Destination::BlackHole, |_| {});
    world.run_for(100);
    world.producer.close(world.rig.now());
    world.run_until("it is closed", |world| world.producer.is_closed());
    assert_eq!(now(&world), 100, "nobody waits for the connection");
}

#[test]
fn api_versions_request() {
    let (world, _) = warm(record_by_record(1, 1));
    let first = &world.requests()[0];
    assert_eq!((first.api, first.version), (Api::ApiVersions, 0));
    assert_eq!(world.counters().connections, 1);
    world.finish();
}

#[test]
fn invalid_api_versions_request() {
    let mut world = record_by_record(1, 1).start();
    inject(&world, Fault::on(Api::ApiVersions, Action::Error(42)));
    let topic = world.topic("t");
    world.send_many(topic, None, 1);
    world.settle();
    assert_eq!((world.counters().disconnects, world.counters().connections), (1, 1));
    world.finish();
}

#[test]
fn unsupported_version_during_internal_metadata_request() {
    let mut world = record_by_record(1, 1).cluster(|cluster| cluster.set_release(1, Release::TooNew)).start();
    let topic = world.topic("t");
    world.send_many(topic, None, 1);
    world.run_for(2_000);
    assert!(unreachable(&world, DisconnectReason::UnsupportedVersion));
    world.cluster().set_release(1, Release::V4_4);
    world.settle();
    assert_eq!(world.delivered(), 1);
    world.finish();
}

#[test]
fn request_timeout() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    let asked = requests_of(&world, Api::Metadata).len();
    inject(&world, Fault::on(Api::Produce, Action::NoAnswer));
    let start = now(&world);
    world.send_many(topic, Some(0), 1);
    world.run_until("it times out", |world| world.counters().request_timeouts == 1);
    assert_eq!(now(&world) - start, 30_000);
    assert_eq!(world.counters().disconnects, 1, "the connection is closed");
    world.settle();
    world.run_for(1_000);
    assert!(requests_of(&world, Api::Metadata).len() > asked, "metadata is asked for");
    world.finish();
}

#[test]
fn default_request_timeout() {
    assert_eq!(Config::new(&["h:1"]).request_timeout_ms, 30_000);
}

#[test]
fn connection_setup_timeout() {
    let mut world = alone(Destination::BlackHole, |_| {});
    let at = disconnects_at(&mut world, 1);
    assert!((8_000..=12_000).contains(&at[0]), "given up after {} ms", at[0]);
    assert!(unreachable(&world, DisconnectReason::SetupTimeout));
}

#[test]
fn connection_timeout_when_stuck_in_checking_api_versions() {
    let mut world = alone(Destination::Node(1), |_| {});
    world.cluster().set_speaks(1, Speaks::Nothing);
    let at = disconnects_at(&mut world, 1);
    assert_eq!(at, [30_000]);
    world.cluster().set_speaks(1, Speaks::Kafka);
    world.settle();
    world.finish();
}

#[test]
fn connection_throttling() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    inject(&world, Fault::on(Api::Produce, Action::Throttle(100)));
    world.send_many(topic, Some(0), 1);
    world.settle();
    let throttled_at = now(&world);
    world.send_many(topic, Some(0), 1);
    world.run_for(99);
    assert_eq!(world.unreported(), 1, "not before its time");
    world.settle();
    assert!((100..=101).contains(&(now(&world) - throttled_at)));
    world.finish();
}

/// Two in flight: the answer to the first throttles, and that time is not held against the second.
#[test]
fn connection_timeout_after_throttling() {
    let network = Network { latency_ms: 10, ..Network::default() };
    let (mut world, topic) = warm(record_by_record(1, 1).network(network));
    inject(&world, Fault::on(Api::Produce, Action::Throttle(25_000)));
    inject(&world, Fault::on(Api::Produce, Action::Delay(40_000)));
    let start = now(&world);
    world.send_many(topic, Some(0), 2);
    world.settle();
    assert_eq!(world.produce_requests().len(), 3, "nothing was sent again");
    assert_eq!((world.counters().request_timeouts, world.counters().throttled), (0, 1));
    assert!(now(&world) - start >= 40_000, "answered after {} ms", now(&world) - start);
    world.finish();
}

/// Of two brokers that could be asked for metadata, the one that is free is asked.
#[test]
fn least_loaded_node() {
    let (mut world, topic) = warm(record_by_record(2, 2).config(|config| config.metadata_max_age_ms = 3_000));
    for busy in [1, 2] {
        let free = 3 - busy;
        world.run_until("metadata was just asked for", |world| {
            let last = requests_of(world, Api::Metadata).last().map_or(0, |seen| seen.at);
            now(world) - last < 100
        });
        inject(&world, Fault::on(Api::Produce, Action::Delay(3_500)).node(busy));
        world.send_many(topic, Some(busy - 1), 2);
        world.settle();
        let asked = requests_of(&world, Api::Metadata);
        assert_eq!(asked.last().map(|seen| seen.node), Some(free));
    }
    world.finish();
}

#[test]
fn least_loaded_node_considers_throttled_connections() {
    let (mut world, topic) = warm(record_by_record(2, 2).config(|config| config.metadata_max_age_ms = 3_000));
    for throttled in [1, 2] {
        inject(&world, Fault::on(Api::Produce, Action::Throttle(5_000)).node(throttled));
        world.send_many(topic, Some(throttled - 1), 1);
        world.settle();
        let before = requests_of(&world, Api::Metadata).len();
        world.run_for(4_500);
        let asked = requests_of(&world, Api::Metadata);
        assert!(asked.len() > before && asked[before..].iter().all(|seen| seen.node != throttled));
        world.run_for(5_000);
    }
    world.finish();
}

/// Brokers that cannot be reached are tried in turn, the one tried longest ago first.
#[test]
fn least_loaded_node_prioritized_by_last_connection_timestamp() {
    let nodes = [1, 2, 3].map(Destination::Node);
    let setup = record_by_record(3, 3).bootstrap(&nodes);
    let (mut world, _) = warm(setup.config(|config| config.metadata_max_age_ms = 1_000));
    (1..=3).for_each(|node| world.stop(node));
    world.run_for(20_000);
    for node in 1..=3 {
        let before = world.counters().connections;
        world.start(node);
        let start = now(&world);
        world.run_until("its turn has come", |world| world.counters().connections > before);
        assert!(now(&world) - start < 5_000, "node {node}: after {} ms", now(&world) - start);
        world.stop(node);
        world.run_for(5_000);
    }
    (1..=3).for_each(|node| world.start(node));
    world.finish();
}

/// Every connection is busy, but stands: the bootstrap addresses are left alone.
#[test]
fn has_node_available_or_connection_ready() {
    let setup = record_by_record(1, 1).config(|config| {
        config.max_in_flight = 1;
        config.metadata_max_age_ms = 1_000;
    });
    let (mut world, topic) = warm(setup);
    delay(&world, 10_000);
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!((world.counters().connections, world.counters().disconnects), (1, 0));
    world.finish();
}

/// All brokers have other addresses, and the bootstrap address leads to one of them.
#[test]
fn rebootstrap() {
    let setup = record_by_record(2, 2).bootstrap(&[Destination::Node(1)]);
    let (mut world, topic) = warm(setup);
    let host = world.cluster().address(1).0.to_owned();
    (1..=2).for_each(|node| world.stop(node));
    world.cluster().set_address(1, "elsewhere.test", 9092);
    world.cluster().set_address(2, &host, 9092);
    (1..=2).for_each(|node| world.start(node));
    (0..2).for_each(|partition| world.send_many(topic, Some(partition), 1));
    world.settle();
    assert_eq!(world.delivered(), 4);
    world.finish();
}

#[test]
fn connection_delay() {
    let mut world = alone(Destination::Refused, |_| {});
    let waits = waits(&disconnects_at(&mut world, 7));
    for (wait, backoff) in waits.iter().zip([50, 100, 200, 400, 800, 1_000]) {
        let range = backoff * 8 / 10..=(backoff * 12 / 10).min(1_000) + 1;
        assert!(range.contains(wait), "{waits:?}");
    }
}

#[test]
fn connection_delay_no_exponential_backoff() {
    let mut world = alone(Destination::Refused, |config| config.reconnect_backoff_max_ms = 50);
    let waits = waits(&disconnects_at(&mut world, 7));
    assert!(waits.iter().all(|wait| (40..=61).contains(wait)), "{waits:?}");
}

/// Whoever was connected begins with the first backoff again.
#[test]
fn exponential_reconnect_backoff() {
    let mut world = alone(Destination::Node(1), |_| {});
    world.stop(1);
    let before = waits(&disconnects_at(&mut world, 6));
    assert!(before.last().is_some_and(|wait| *wait > 400), "{before:?}");
    world.start(1);
    world.settle();
    world.stop(1);
    let topic = world.topic("t");
    world.send_many(topic, Some(0), 1);
    let after = waits(&disconnects_at(&mut world, 2));
    assert!(after[0] <= 121, "{after:?}");
    world.start(1);
    world.finish();
}

#[test]
fn exponential_connection_setup_timeout() {
    let mut world = alone(Destination::BlackHole, |config| {
        config.socket_connection_setup_timeout_max_ms = 30_000;
        config.reconnect_backoff_ms = 1;
        config.reconnect_backoff_max_ms = 1;
    });
    let mut at = vec![0];
    at.extend(disconnects_at(&mut world, 4));
    for (wait, timeout) in waits(&at).iter().zip([10_000, 20_000, 30_000, 30_000]) {
        let range = timeout * 8 / 10..=(timeout * 12 / 10).min(30_000) + 2;
        assert!(range.contains(wait), "given up at {at:?} ms");
    }
}

#[test]
fn disconnect_with_multiple_in_flights() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    delay(&world, 50);
    inject(&world, Fault::on(Api::Produce, Action::Cut).after(2));
    world.send_many(topic, Some(0), 4);
    world.settle();
    let numbers = numbers(&world, 0);
    // Three were under way when the fourth was cut.
    let sent_again: Vec<i32> = numbers[numbers.len() - 4..].iter().map(|number| number.1).collect();
    assert_eq!(sent_again, [1, 2, 3, 4], "{numbers:?}");
    assert_eq!(world.cluster().records_written(), 5);
    world.finish();
}

#[test]
fn server_disconnect_after_internal_api_version_request() {
    let mut world = record_by_record(1, 1).start();
    inject(&world, Fault::on(Api::ApiVersions, Action::Cut));
    let topic = world.topic("t");
    world.send_many(topic, None, 1);
    world.settle();
    assert_eq!(world.errors(), [], "nothing of it is reported");
    assert_eq!((world.counters().disconnects, world.delivered()), (1, 1));
    world.finish();
}

/// Also across connections.
#[test]
fn correlation_id() {
    let mut world = Setup::nodes(2).topic("t", 2).cluster(|cluster| cluster.story = Some(Vec::new())).start();
    let topic = world.topic("t");
    for round in 0..5 {
        (0..2).for_each(|partition| world.send_many(topic, Some(partition), 3));
        world.settle();
        world.stop(1 + round % 2);
        world.run_for(50);
        world.start(1 + round % 2);
    }
    let story = world.cluster().story.clone().unwrap_or_default();
    let of_node = |node: &str| -> Vec<u32> {
        let lines = story.iter().filter(|line| line.contains(&format!("node {node} ")));
        let ids = lines.filter_map(|line| line.split_once('#')?.1.split(' ').next()?.parse().ok());
        ids.collect()
    };
    for node in ["1", "2"] {
        let ids = of_node(node);
        assert!(ids.len() > 5, "{ids:?}");
        assert!(ids.iter().enumerate().all(|(at, id)| !ids[..at].contains(id)), "{ids:?}");
    }
    world.finish();
}
