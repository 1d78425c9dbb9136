//! Leaders that are several, move, and die.

use crate::rig::Rig;
use crate::world::{Setup, World};

fn three_brokers<R: Rig>() -> World<R> {
    Setup::nodes(3).topic("t", 6).start()
}

/// One record for each partition, so often.
fn send_rounds<R: Rig>(world: &mut World<R>, rounds: usize) {
    let topic = world.topic("t");
    for _ in 0..rounds {
        for partition in 0..6 {
            world.send_many(topic, Some(partition), 1);
        }
    }
}

/// Three brokers, six partitions: each broker leads two, and each gets what is for it.
pub fn three_brokers_with_six_partitions_get_their_records<R: Rig>() {
    let mut world = three_brokers::<R>();
    send_rounds(&mut world, 40);
    world.settle();
    for partition in &world.cluster().topic_mut("t").partitions {
        assert_eq!(partition.log.len(), 40);
    }
    for node in 1..=3 {
        assert!(world.produce_requests().iter().any(|seen| seen.node == node), "broker {node} was asked");
    }
    assert_eq!(world.counters().batch_retries, 0, "nothing went wrong");
    world.finish();
}

/// The leader moves while records flow: what the old one refuses goes to the new one, in order.
pub fn a_leader_that_moves_loses_nothing<R: Rig>() {
    let mut world = three_brokers::<R>();
    send_rounds(&mut world, 10);
    world.run_until("some are delivered", |world| world.delivered() > 20);
    world.cluster().move_leader("t", 0, 2);
    send_rounds(&mut world, 20);
    world.settle();
    let after = world.produce_requests();
    let moved = |node| {
        move |seen: &&crate::broker::Seen| {
            seen.node == node && seen.batches.iter().any(|batch| batch.partition == 0)
        }
    };
    assert!(after.iter().filter(moved(2)).count() > 0, "the new leader got the partition's batches");
    assert!(world.counters().batch_retries > 0, "the old leader refused one");
    world.finish();
}

/// The same, six times over.
pub fn a_leader_that_moves_again_and_again_loses_nothing<R: Rig>() {
    let mut world = three_brokers::<R>();
    for turn in 0..6 {
        send_rounds(&mut world, 5);
        world.run_for(30);
        for partition in 0..6 {
            world.cluster().move_leader("t", partition, (partition as i32 + turn) % 3 + 1);
        }
    }
    world.finish();
}

/// One broker of three is killed and comes back: what was for it waits, and arrives.
pub fn a_broker_that_restarts_loses_nothing<R: Rig>() {
    let mut world = three_brokers::<R>();
    send_rounds(&mut world, 10);
    world.run_until("some are delivered", |world| world.delivered() > 10);
    world.stop(2);
    let topic = world.topic("t");
    for _ in 0..5 {
        world.send_many(topic, Some(1), 1);
    }
    world.run_for(700);
    assert!(world.unreported() > 0, "what is for the dead broker waits");
    world.start(2);
    send_rounds(&mut world, 10);
    world.settle();
    assert!(world.counters().disconnects > 0);
    world.finish();
}

/// The leader dies, and another broker takes over.
pub fn a_broker_that_dies_is_replaced_by_the_next_leader<R: Rig>() {
    let mut world = three_brokers::<R>();
    send_rounds(&mut world, 10);
    world.run_until("some are delivered", |world| world.delivered() > 10);
    world.stop(1);
    world.run_for(100);
    world.cluster().move_leader("t", 0, 2);
    world.cluster().move_leader("t", 3, 3);
    send_rounds(&mut world, 10);
    world.finish();
}

/// A rolling restart: each broker is away once.
pub fn a_cluster_that_restarts_at_another_time_each_loses_nothing<R: Rig>() {
    let mut world = three_brokers::<R>();
    for node in 1..=3 {
        send_rounds(&mut world, 2);
        world.run_for(50);
        world.stop(node);
        send_rounds(&mut world, 2);
        world.run_for(400);
        world.start(node);
        world.settle();
    }
    world.finish();
}

/// Each connection breaks between two records; the offsets that are reported go on.
pub fn offsets_stay_right_across_reconnects<R: Rig>() {
    let mut world = Setup::<R>::nodes(1).topic("t", 1).start();
    let topic = world.topic("t");
    for round in 0..4_i64 {
        world.send_many(topic, Some(0), 1);
        world.settle();
        let base = world.deliveries().last().and_then(|delivery| delivery.result.ok()?.base_offset);
        assert_eq!(base, Some(round));
        // Long enough for the answer to have arrived on every rig: nothing is sent twice.
        world.run_for(1_500);
        world.stop(1);
        world.run_for(100);
        world.start(1);
    }
    assert!(world.counters().connections >= 4);
    assert_eq!(world.cluster().records_written(), 4);
    world.finish();
}

/// One connection for three leaders: they take turns, and none starves.
pub fn fewer_connections_than_leaders_take_turns<R: Rig>() {
    let setup = Setup::<R>::nodes(3).topic("t", 6).capacities(|memory| memory.connections = 1);
    let mut world = setup.start();
    send_rounds(&mut world, 3);
    world.finish();
}

/// The topic is deleted and created again under the same name, with fewer partitions: what comes after is delivered to the
/// new one from offset 0, and what was on its way has an outcome.
pub fn a_topic_that_is_deleted_and_created_again_goes_on<R: Rig>() {
    let mut world = three_brokers::<R>();
    send_rounds(&mut world, 5);
    world.settle();
    world.cluster().recreate_topic("t", 2);
    let topic = world.topic("t");
    world.send_many(topic, Some(0), 3);
    world.send_many(topic, Some(1), 3);
    world.settle();
    assert_eq!(world.delivered(), 36);
    for partition in &world.cluster().topic_mut("t").partitions {
        assert_eq!(partition.log.len(), 3);
    }
    assert!(world.strict_verdict().all_zero(), "{}", world.strict_verdict());
}

/// Partitions that are added are used as soon as metadata shows them; those that were there go on.
pub fn partitions_that_are_added_are_used<R: Rig>() {
    let setup = Setup::<R>::nodes(3).topic("t", 2).config(|config| config.metadata_max_age_ms = 400);
    let mut world = setup.start();
    let topic = world.topic("t");
    world.send_many(topic, Some(1), 3);
    world.settle();
    world.cluster().add_partitions("t", 2);
    world.run_until("they are known", |world| world.producer.partitions(topic) == Some(4));
    for partition in 0..4 {
        world.send_many(topic, Some(partition), 3);
    }
    world.settle();
    let lengths: Vec<usize> =
        world.cluster().topic_mut("t").partitions.iter().map(|partition| partition.log.len()).collect();
    assert_eq!(lengths, [3, 6, 3, 3]);
    world.finish();
}
