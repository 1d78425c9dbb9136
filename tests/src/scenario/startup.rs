//! The first connection: wrong addresses, ports that speak something else, brokers of every age.

use embedded_io::ErrorKind;
use nanokafka::{DeliveryError, DisconnectReason, Status};

use crate::broker::{Api, Content, Release, Speaks};
use crate::rig::{Destination, Rig};
use crate::world::{Setup, World};

fn was_unreachable<R: Rig>(world: &World<R>, because: DisconnectReason) -> bool {
    world.statuses().contains(&Status::Unreachable(because))
}

/// What is sent before the first connection goes into the right partitions, in order.
pub fn records_sent_before_metadata_keep_their_order<R: Rig>() {
    let mut world = Setup::<R>::nodes(3).topic("t", 3).start();
    let topic = world.topic("t");
    // Each change of key takes a batch of its own, as long as nobody knows which keys share a partition.
    for n in 0..48_u32 {
        let key = format!("device {}", n / 4 % 5);
        world.send(topic, None, Content::of_value(n.to_be_bytes()).with_key(key)).expect("room");
    }
    assert_eq!(world.producer.partitions(topic), None, "nothing was asked yet");
    world.settle();
    assert_eq!(world.producer.partitions(topic), Some(3));
    // The judge sees the order within partitions; one device's records are all in one.
    world.finish();
}

fn passed_over<R: Rig>(first: Destination) {
    let setup = Setup::<R>::nodes(1).topic("t", 1).bootstrap(&[first, Destination::Node(1)]);
    // Whichever entry is tried first, by the seed: one of these runs begins with the bad one.
    for seed in 1..=4 {
        let setup = Setup::<R>::nodes(1).topic("t", 1).bootstrap(&[first, Destination::Node(1)]);
        let mut world = setup.config(|config| config.random_seed = seed).start();
        let topic = world.topic("t");
        world.send_many(topic, None, 3);
        world.finish();
    }
    let mut world = setup.start();
    world.stop(1);
    let topic = world.topic("t");
    world.send_many(topic, None, 3);
    world.run_for(200);
    world.start(1);
    world.finish();
}

/// A wrong port beside a right one.
pub fn a_bootstrap_entry_that_refuses_is_passed_over<R: Rig>() {
    passed_over::<R>(Destination::Refused);
}

/// A wrong name beside a right one.
pub fn a_bootstrap_entry_that_does_not_resolve_is_passed_over<R: Rig>() {
    passed_over::<R>(Destination::Unresolvable);
}

/// A dead address beside a right one.
pub fn a_bootstrap_entry_that_never_answers_is_passed_over<R: Rig>() {
    passed_over::<R>(Destination::BlackHole);
}

/// Nothing but a wrong address: a status that names the reason, attempts with backoff, and a final outcome.
fn only<R: Rig>(to: Destination, because: DisconnectReason) {
    let mut world = Setup::<R>::nodes(1).topic("t", 1).bootstrap(&[to]).start();
    let topic = world.topic("t");
    world.send_many(topic, None, 3);
    world.run_until("the producer tells", |world| was_unreachable(world, because));
    world.settle();
    assert_eq!(world.delivered(), 0);
    for error in world.errors() {
        assert!(matches!(error, DeliveryError::Timeout { maybe_written: false, .. }), "{error}");
    }
    // The backoff grows to a second; two attempts for each is far more than it allows.
    let attempts = world.counters().disconnects as u64;
    let most = u64::from(R::PACE.delivery_timeout_ms) / 1_000 * 2 + 20;
    assert!((2..=most).contains(&attempts), "{attempts} attempts");
    let verdict = world.verdict();
    assert!(verdict.all_zero(), "{verdict}");
}

/// Nobody listens.
pub fn a_port_that_refuses_is_a_status_and_then_a_timeout<R: Rig>() {
    only::<R>(Destination::Refused, DisconnectReason::Transport(ErrorKind::ConnectionRefused));
}

/// Nobody has this name.
pub fn a_name_that_does_not_resolve_is_a_status_and_then_a_timeout<R: Rig>() {
    only::<R>(Destination::Unresolvable, DisconnectReason::Transport(ErrorKind::NotFound));
}

/// Nobody is there.
pub fn an_address_that_never_answers_is_a_status_and_then_a_timeout<R: Rig>() {
    only::<R>(Destination::BlackHole, DisconnectReason::SetupTimeout);
}

/// Broker 1 is something else; broker 2 leads.
fn something_else<R: Rig>(speaks: Speaks) -> World<R> {
    let setup = Setup::<R>::nodes(2).topic("t", 1).cluster(|cluster| {
        cluster.set_speaks(1, speaks);
        cluster.move_leader("t", 0, 2);
    });
    let mut world = setup.start();
    // Only broker 1 can be reached at first, so that it is asked.
    world.stop(2);
    let topic = world.topic("t");
    world.send_many(topic, None, 3);
    let timeout = u64::from(R::PACE.request_timeout_ms + R::PACE.setup_timeout_ms);
    world.run_for(timeout + R::PACE.slack_ms);
    world.start(2);
    world.settle();
    assert_eq!(world.delivered(), 3);
    assert!(world.counters().disconnects > 0);
    world
}

/// "HTTP" would be a frame of more than a gigabyte.
pub fn a_port_that_speaks_http_is_passed_over<R: Rig>() {
    let world = something_else::<R>(Speaks::Http);
    assert!(was_unreachable(&world, DisconnectReason::MalformedResponse), "{:?}", world.statuses());
    assert!(world.counters().malformed_responses > 0);
    world.finish();
}

/// An alert of 7 bytes would be a frame of 353 megabytes.
pub fn a_port_that_speaks_tls_is_passed_over<R: Rig>() {
    let world = something_else::<R>(Speaks::Tls);
    assert!(was_unreachable(&world, DisconnectReason::MalformedResponse), "{:?}", world.statuses());
    world.finish();
}

/// Bytes that come before anything was asked.
pub fn a_port_that_greets_first_is_passed_over<R: Rig>() {
    let world = something_else::<R>(Speaks::Banner);
    assert!(was_unreachable(&world, DisconnectReason::MalformedResponse), "{:?}", world.statuses());
    world.finish();
}

/// A server that waits for something else.
pub fn a_port_that_says_nothing_is_passed_over<R: Rig>() {
    let world = something_else::<R>(Speaks::Nothing);
    let told = [DisconnectReason::RequestTimeout, DisconnectReason::SetupTimeout];
    assert!(told.into_iter().any(|because| was_unreachable(&world, because)), "{:?}", world.statuses());
    world.finish();
}

/// Produce 3 to 8, and Metadata 4: with brokers from 0.11 to 4.4, also those that announce what they refuse.
pub fn each_release_gets_the_highest_version_that_both_know<R: Rig>() {
    let releases = [(Release::V0_11, 3), (Release::V2_8, 8), (Release::V3_9, 8), (Release::V4_4, 8)];
    for (release, produce) in releases {
        let setup = Setup::<R>::nodes(2).topic("t", 2).cluster(|cluster| cluster.set_release_of_all(release));
        let mut world = setup.start();
        let topic = world.topic("t");
        world.send_many(topic, Some(0), 3);
        world.send_many(topic, Some(1), 3);
        world.settle();
        for seen in world.requests() {
            let version = match seen.api {
                Api::ApiVersions | Api::InitProducerId => 0,
                Api::Metadata => 4,
                Api::Produce => produce,
            };
            assert_eq!(seen.version, version, "{release:?}: {seen:?}");
            assert_eq!(seen.client_id.as_deref(), Some("suite"));
        }
        world.finish();
    }
}

/// Nothing in common: a status, and no request that the broker would have to refuse.
pub fn a_broker_that_is_too_new_is_a_status<R: Rig>() {
    let setup = Setup::<R>::nodes(1).topic("t", 1).cluster(|cluster| cluster.set_release(1, Release::TooNew));
    let mut world = setup.start();
    let topic = world.topic("t");
    world.send_many(topic, None, 1);
    world.run_until("the producer tells", |world| {
        was_unreachable(world, DisconnectReason::UnsupportedVersion)
    });
    world.cluster().set_release(1, Release::V3_9);
    world.finish();
}

/// Records that wait for an answer that is on its way are no reason to ask again.
pub fn one_question_is_enough_to_begin<R: Rig>() {
    let mut world = Setup::<R>::nodes(3).topic("t", 6).start();
    let topic = world.topic("t");
    for partition in 0..6 {
        world.send_many(topic, Some(partition), 1);
    }
    world.settle();
    world.run_for(1_000);
    let asked = world.requests().iter().filter(|seen| seen.api == Api::Metadata).count();
    assert_eq!(asked, 1, "questions for metadata");
    world.finish();
}

/// With nothing to do, the producer asks to be woken for its metadata's age at most.
pub fn an_idle_producer_sleeps<R: Rig>() {
    let mut world = Setup::<R>::nodes(3).topic("t", 6).start();
    let topic = world.topic("t");
    for partition in 0..6 {
        world.send_many(topic, Some(partition), 1);
    }
    world.settle();
    world.run_for(1_000);
    let before = world.polls();
    world.run_for(R::PACE.patience_ms / 10);
    let polls = world.polls() - before;
    // 12 wake-ups for 10 minutes of virtual time would be two updates of metadata; a loop would be thousands.
    assert!(polls <= 40, "{polls} polls while idle");
    world.finish();
}

/// `connections_max_idle_ms`: what carries nothing is closed, which is no failure, and the next record opens it again.
pub fn an_idle_connection_is_closed_and_opened_again_for_the_next_record<R: Rig>() {
    let setup = Setup::<R>::nodes(3).topic("t", 6).config(|config| config.connections_max_idle_ms = 400);
    let mut world = setup.start();
    let topic = world.topic("t");
    world.send_many(topic, Some(0), 1);
    world.settle();
    let connections = world.counters().connections;
    world.run_for(2_000);
    assert_eq!(world.cluster().open_connections(), 0);
    assert_eq!(world.statuses().last(), Some(&Status::Online));
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(world.counters().connections, connections + 1, "only the leader's");
    assert_eq!(world.statuses().iter().filter(|status| matches!(status, Status::Unreachable(_))).count(), 0);
    world.finish();
}

/// Brokers that advertise addresses which nobody reaches from here.
pub fn brokers_behind_nat_are_reached_through_the_address_map<R: Rig>() {
    let mut world = Setup::<R>::nodes(3).topic("t", 6).behind_nat().start();
    let topic = world.topic("t");
    for partition in 0..6 {
        world.send_many(topic, Some(partition), 2);
    }
    world.settle();
    assert_eq!(world.counters().batch_retries, 0, "nobody was sought where he is not");
    let asked: std::collections::BTreeSet<i32> =
        world.produce_requests().iter().map(|seen| seen.node).collect();
    assert_eq!(asked.len(), 3);
    world.finish();
}
