//! Topics that are late, unknown, forbidden or many, and clusters of any size.

use nanokafka::{DeliveryError, ErrorCode, Status};

use crate::broker::{Action, Api, Fault};
use crate::rig::Rig;
use crate::world::{Setup, World};

/// Whether the producer once said this of its first topic.
fn said_of_topic<R: Rig>(world: &World<R>, code: ErrorCode) -> bool {
    world.statuses().iter().any(|status| matches!(status, Status::TopicError(_, found) if *found == code))
}

/// Records wait for their topic, and arrive when it exists.
pub fn a_topic_that_is_created_late_gets_what_waited<R: Rig>() {
    let mut world = Setup::<R>::nodes(2).start();
    let topic = world.topic("late");
    world.send_many(topic, None, 10);
    world
        .run_until("the producer tells", |world| said_of_topic(world, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
    world.run_for(300);
    assert_eq!(world.unreported(), 10);
    world.cluster().create_topic("late", 3);
    world.send_many(topic, None, 10);
    world.settle();
    assert_eq!(world.statuses().last(), Some(&Status::Online));
    assert_eq!(world.delivered(), 20);
    world.finish();
}

/// `auto.create.topics.enable`: asking creates, and the next answer has it.
pub fn a_topic_that_the_broker_creates_on_demand<R: Rig>() {
    let mut world = Setup::<R>::nodes(2).cluster(|cluster| cluster.auto_create = Some(3)).start();
    let topic = world.topic("wanted");
    world.send_many(topic, None, 10);
    world.settle();
    assert_eq!(world.producer.partitions(topic), Some(3));
    world.finish();
}

/// Never a hang: a status at once, and a final outcome that names the reason.
pub fn a_topic_that_is_unknown_is_a_status_and_then_a_timeout<R: Rig>() {
    let mut world = Setup::<R>::nodes(1).topic("t", 1).capacities(|memory| memory.topics = 2).start();
    let (unknown, known) = (world.topic("typo"), world.topic("t"));
    let start = world.rig.now();
    world.send_many(unknown, None, 3);
    world.send_many(known, None, 3);
    world
        .run_until("the producer tells", |world| said_of_topic(world, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
    world.run_until("the other topic is served", |world| world.delivered() == 3);
    world.settle();
    let timeout =
        DeliveryError::Timeout { maybe_written: false, cause: ErrorCode::UNKNOWN_TOPIC_OR_PARTITION };
    assert_eq!(world.errors(), [timeout]);
    let took = world.rig.now().saturating_since_ms(start);
    let timeout_ms = u64::from(R::PACE.delivery_timeout_ms);
    assert!((timeout_ms..=timeout_ms + R::PACE.slack_ms).contains(&took), "reported after {took} ms");
    world.finish();
}

/// `TOPIC_AUTHORIZATION_FAILED` ends what waits for the topic, as in Java, and is asked again: somebody may grant
/// the right.
pub fn a_topic_that_is_not_allowed_is_reported<R: Rig>() {
    let mut world = Setup::<R>::nodes(1).topic("t", 1).start();
    world.cluster().inject(Fault::on(Api::Metadata, Action::Error(29)).topic("t").times(3));
    let topic = world.topic("t");
    world.send_many(topic, None, 3);
    world.settle();
    assert!(said_of_topic(&world, ErrorCode::TOPIC_AUTHORIZATION_FAILED), "{:?}", world.statuses());
    assert_eq!(world.errors(), [DeliveryError::Failed(ErrorCode::TOPIC_AUTHORIZATION_FAILED)]);
    world.run_until("the right is granted", |world| world.producer.partitions(topic).is_some());
    world.send_many(topic, None, 3);
    world.settle();
    assert_eq!(world.delivered(), 3);
    world.finish();
}

/// Only the partition without a leader waits.
pub fn a_partition_without_a_leader_waits_and_the_others_go<R: Rig>() {
    let mut world = Setup::<R>::nodes(2).topic("t", 2).start();
    world.cluster().inject(Fault::on(Api::Metadata, Action::Error(5)).partition("t", 1).times(4));
    let topic = world.topic("t");
    world.send_many(topic, Some(1), 2);
    world.send_many(topic, Some(0), 2);
    world.run_until("the led partition is served", |world| world.delivered() == 2);
    world.settle();
    assert_eq!(world.delivered(), 4);
    world.finish();
}

/// A cluster of 10,000 brokers costs no more memory than one of 3: the answer of 300 KB is read as a stream.
pub fn ten_thousand_brokers_and_a_table_of_three<R: Rig>() {
    let setup = Setup::<R>::nodes(3).topic("t", 6).cluster(|cluster| cluster.extra_brokers = 10_000);
    let mut world = setup.capacities(|memory| memory.brokers = 3).start();
    let topic = world.topic("t");
    for partition in 0..6 {
        world.send_many(topic, Some(partition), 5);
    }
    world.settle();
    assert!(world.counters().bytes_received > 250_000);
    world.finish();
}

/// Each topic has its own partitions, sizes and leaders.
pub fn many_topics<R: Rig>() {
    const NAMES: [&str; 12] =
        ["a", "bb", "ccc", "t.4", "t.5", "t.6", "t-7", "t-8", "t-9", "t_10", "t_11", "t_12"];
    let mut setup = Setup::<R>::nodes(3).capacities(|memory| {
        memory.topics = NAMES.len();
        memory.batches = 40;
        memory.partitions = 4;
    });
    for (n, name) in NAMES.iter().enumerate() {
        setup = setup.topic(name, 1 + n % 4);
    }
    let mut world = setup.start();
    for round in 0..5 {
        for (n, name) in NAMES.iter().enumerate() {
            let topic = world.topic(name);
            world.send_many(topic, (round % 2 == 0).then_some((n % 4) as i32), 1);
        }
        world.run_for(20);
    }
    world.settle();
    for (n, name) in NAMES.iter().enumerate() {
        let topic = world.topic(name);
        assert_eq!(world.producer.partitions(topic), Some(1 + n as u32 % 4), "{name}");
    }
    world.finish();
}

/// A partition that stays without a leader is asked about ever less often: after 100 ms, 200, 400, 800, and then each
/// second.
pub fn a_partition_that_stays_without_a_leader_is_asked_about_less_and_less<R: Rig>() {
    let mut world = Setup::<R>::nodes(1).topic("t", 2).start();
    world.cluster().inject(Fault::on(Api::Metadata, Action::Error(5)).partition("t", 1).times(u32::MAX));
    let topic = world.topic("t");
    world.send_many(topic, Some(1), 1);
    world.run_for(u64::from(R::PACE.delivery_timeout_ms) / 2);
    let updates = world.counters().metadata_updates as u64;
    let seconds = u64::from(R::PACE.delivery_timeout_ms) / 2_000;
    assert!((2..=6 + seconds * 5 / 4).contains(&updates), "{updates} in {seconds} s");
    world.cluster().clear_faults();
    world.settle();
    assert_eq!(world.delivered(), 1);
    world.finish();
}

/// `metadata_max_age_ms`: a leader that moved quietly is found although nobody refused anything.
pub fn an_old_answer_is_asked_for_again<R: Rig>() {
    let mut world =
        Setup::<R>::nodes(2).topic("t", 2).config(|config| config.metadata_max_age_ms = 400).start();
    let topic = world.topic("t");
    world.send_many(topic, Some(0), 1);
    world.settle();
    world.cluster().move_leader("t", 0, 2);
    world.run_for(1_000 + R::PACE.slack_ms);
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(world.counters().batch_retries, 0, "the new leader was known before it was needed");
    assert!(world.counters().metadata_updates >= 3);
    world.finish();
}
