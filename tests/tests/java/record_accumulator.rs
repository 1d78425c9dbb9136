//! `RecordAccumulatorTest`, as far as `core/src/accumulator/tests` has not got it.

use std::task::{Context, Waker};

use nanokafka::{DeliveryError, ErrorCode, Instant, Wake, WakeReason};
use nanokafka_tests::broker::{Action, Api, Content, Fault};
use nanokafka_tests::rig::Rig as _;

use crate::rig::{
    Setup, World, delay, failed, inject, now, offsets, record_by_record, refuse, until_errors, warm,
};

fn lingering(linger_ms: u32) -> Setup {
    Setup::nodes(1).topic("t", 2).config(|config| {
        config.linger_ms = linger_ms;
        config.delivery_timeout_ms = linger_ms + 120_000;
    })
}

/// A lingering producer whose connection stands.
fn warm_lingering(linger_ms: u32) -> (World, nanokafka::TopicId) {
    warm(lingering(linger_ms))
}

/// Records of each Produce request, batch by batch.
fn batches(world: &World) -> Vec<Vec<usize>> {
    let requests = world.produce_requests();
    requests.iter().map(|seen| seen.batches.iter().map(|batch| batch.records).collect()).collect()
}

fn waits_between_produce_requests(world: &World) -> Vec<u64> {
    let at: Vec<u64> = world.produce_requests().iter().map(|seen| seen.at).collect();
    at.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn has_room_for_allows_oversized_first_record_but_rejects_subsequent_records() {
    let setup = lingering(60_000).config(|config| config.batch_bytes = Some(100));
    let (mut world, topic) = warm(setup);
    // Larger than a batch is to be: it has one of its own, and is due at once, with nothing behind it.
    world.send(topic, Some(0), Content::of_value([1; 300])).expect("it fits the slot");
    world.send_next(topic, Some(0)).expect("room");
    world.run_for(10);
    assert_eq!(batches(&world).last(), Some(&vec![1]));
    assert_eq!((world.delivered(), world.unreported()), (3, 1));
    world.producer.flush();
    world.finish();
}

#[test]
fn partial_drain() {
    let setup = lingering(20).config(|config| {
        // One batch fits, and no second one.
        config.max_request_bytes = 120;
        config.batch_bytes = Some(100);
        config.max_in_flight = 1;
    });
    let (mut world, topic) = warm(setup.capacities(|memory| memory.batch_bytes = 100));
    let before = batches(&world).len();
    (0..2).for_each(|partition| world.send_many(topic, Some(partition), 1));
    world.settle();
    assert_eq!(batches(&world)[before..], [vec![1], vec![1]], "each in a request of its own");
    world.finish();
}

#[test]
fn next_ready_check_delay() {
    let (mut world, topic) = warm_lingering(1_000);
    let start = now(&world);
    world.send_next(topic, Some(0)).expect("room");
    world.run_for(300);
    world.send_next(topic, Some(1)).expect("room");
    let polled = world.rig.poll(&mut Context::from_waker(Waker::noop()), &mut world.producer);
    // What is left for the older of the two.
    assert_eq!(polled.wake, Wake::At(Instant::from_millis(start + 1_000)));
    assert_eq!(polled.reason, WakeReason::BatchReady);
    world.settle();
    world.finish();
}

#[test]
fn exponential_retry_backoff() {
    let (mut world, topic) = warm(record_by_record(1, 2));
    inject(&world, Fault::on(Api::Produce, Action::Error(7)).partition("t", 0).times(5));
    let before = world.produce_requests().len();
    world.send_many(topic, Some(0), 1);
    world.run_for(20);
    world.send_many(topic, Some(1), 1);
    world.run_until("the other partition goes on", |world| world.delivered() == 3);
    world.settle();
    let requests = world.produce_requests();
    let of_first = requests[before..].iter().filter(|seen| seen.batches[0].partition == 0);
    let at: Vec<u64> = of_first.map(|seen| seen.at).collect();
    for (pair, backoff) in at.windows(2).zip([100, 200, 400, 800, 1_000]) {
        let range = backoff * 8 / 10..=(backoff * 12 / 10).min(1_000);
        assert!(range.contains(&(pair[1] - pair[0])), "sent at {at:?} ms");
    }
    assert_eq!(at.len(), 6);
    world.finish();
}

/// No epoch is known: that the leader has moved does not cut the backoff short.
#[test]
fn exponential_retry_backoff_leader_change() {
    let (mut world, topic) = warm(record_by_record(2, 1));
    inject(&world, Fault::on(Api::Produce, Action::Error(6)).times(2));
    world.send_many(topic, Some(0), 1);
    world.run_for(10);
    world.cluster().move_leader("t", 0, 2);
    world.settle();
    let waits = waits_between_produce_requests(&world);
    let (first, second) = (waits[1], waits[2]);
    assert!((80..=121).contains(&first) && (160..=241).contains(&second), "{waits:?}");
    world.finish();
}

#[test]
fn await_flush_complete() {
    let (mut world, topic) = warm_lingering(60_000);
    delay(&world, 300);
    world.send_many(topic, Some(0), 2);
    world.producer.flush();
    world.run_for(200);
    assert!(!world.producer.is_flushed(), "it is under way");
    world.send_many(topic, Some(0), 1);
    world.run_for(200);
    assert!(world.producer.is_flushed(), "what came later is not waited for");
    assert_eq!(world.unreported(), 1);
    world.producer.flush();
    world.finish();
}

#[test]
fn produce_request_result_await_all_dependents() {
    let (mut world, topic) = warm_lingering(60_000);
    refuse(&world, 0, 10);
    world.send_many(topic, Some(0), 4);
    world.producer.flush();
    world.run_until("the first half is there", |world| world.delivered() == 2 + 2);
    // The second half of the batch is still to come.
    assert!(!world.producer.is_flushed());
    world.settle();
    assert!(world.producer.is_flushed());
    assert_eq!(world.counters().batch_splits, 1);
    world.finish();
}

#[test]
fn abort_incomplete_batches() {
    let (mut world, topic) = warm(record_by_record(1, 2).capacities(|memory| memory.batches = 4));
    delay(&world, 10_000);
    world.send_many(topic, Some(0), 1);
    world.run_for(5);
    world.stop(1);
    world.send_many(topic, Some(1), 2);
    world.producer.close(world.rig.now());
    world.run_until("it is closed", |world| world.producer.is_closed());
    world.take_deliveries();
    let closed = |error: &DeliveryError| matches!(error, DeliveryError::Closed { .. });
    assert_eq!(world.errors().iter().filter(|error| closed(error)).count(), 3);
    assert_eq!((world.unreported(), world.producer.unfinished_batches()), (0, 0));
}

/// What no producer id was given for fails; what is under way does not.
#[test]
fn abort_unsent_batches() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    delay(&world, 300);
    world.send_many(topic, Some(0), 1);
    world.run_for(5);
    world.producer.reset();
    inject(&world, Fault::on(Api::InitProducerId, Action::Error(31)));
    world.send_many(topic, Some(0), 2);
    world.settle();
    assert_eq!(world.errors(), [failed(31), failed(31)]);
    assert_eq!(world.delivered(), 2);
    world.finish();
}

#[test]
fn expired_batch_single() {
    let (mut world, topic) = warm_lingering(1_000);
    world.stop(1);
    world.run_until("that is noticed", |world| world.counters().disconnects == 1);
    let start = now(&world);
    world.send_many(topic, Some(0), 1);
    world.run_for(120_999);
    assert_eq!(world.errors(), [], "neither linger nor anything else has ended it");
    world.settle();
    assert_eq!(now(&world) - start, 121_000);
    assert!(matches!(world.errors()[..], [DeliveryError::Timeout { maybe_written: false, .. }]));
    world.start(1);
    world.finish();
}

#[test]
fn expired_batch_single_max_value() {
    let (mut world, topic) =
        warm(record_by_record(1, 1).config(|config| config.delivery_timeout_ms = u32::MAX));
    world.stop(1);
    world.send_many(topic, Some(0), 1);
    world.run_for(500_000);
    world.rig.jump(i64::from(u32::MAX));
    world.run_for(1_000);
    assert_eq!(world.unreported(), 1, "for ever");
    world.start(1);
    world.finish();
}

#[test]
fn expired_batches_retry() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    inject(&world, Fault::on(Api::Produce, Action::Error(19)).always());
    let start = now(&world);
    world.send_many(topic, Some(0), 1);
    until_errors(&mut world, 1);
    // By its creation, however often it was tried.
    assert_eq!(now(&world) - start, 120_000);
    let cause = ErrorCode::new(19);
    assert_eq!(world.errors(), [DeliveryError::Timeout { maybe_written: false, cause }]);
    world.cluster().clear_faults();
    world.finish();
}

#[test]
fn soon_to_expire_batches_are_picked_up_for_expiry() {
    let setup = record_by_record(1, 1).config(|config| config.delivery_timeout_ms = 40_000);
    let (mut world, topic) = warm(setup);
    // The request times out, and the next one is answered no more than that.
    inject(&world, Fault::on(Api::Produce, Action::Freeze).times(2));
    let start = world.rig.now();
    world.send_many(topic, Some(0), 1);
    world.run_for(39_000);
    let polled = world.rig.poll(&mut Context::from_waker(Waker::noop()), &mut world.producer);
    assert!(polled.wake <= Wake::At(start.saturating_add_ms(40_000)), "{:?}", polled.wake);
    until_errors(&mut world, 1);
    assert_eq!(world.rig.now(), start.saturating_add_ms(40_000));
    world.finish();
}

#[test]
fn split_and_reenqueue() {
    let (mut world, topic) = warm_lingering(20);
    inject(&world, Fault::on(Api::Produce, Action::Error(10)).partition("t", 0).times(2));
    world.send_many(topic, Some(0), 8);
    world.settle();
    // All, the first half, the first half of that, and then what is left.
    let sizes: Vec<usize> = batches(&world).concat();
    assert_eq!(sizes[2..], [8, 4, 2, 6]);
    assert_eq!(offsets(&world)[2..], [Some(1), Some(3)]);
    let deliveries = &world.deliveries()[2..];
    assert_eq!(deliveries.iter().map(|delivery| delivery.first_index).collect::<Vec<_>>(), [0, 2]);
    world.finish();
}

#[test]
fn split_batch_off_accumulator() {
    let setup = lingering(20).capacities(|memory| memory.batches = 2);
    let (mut world, topic) = warm(setup);
    refuse(&world, 0, 10);
    world.send_many(topic, Some(0), 10);
    world.settle();
    assert_eq!((world.counters().batch_splits, world.producer.unfinished_batches()), (1, 0));
    for partition in 0..2 {
        world
            .send(topic, Some(partition), Content::of_value([partition as u8; 400]))
            .expect("both slots are free, and whole");
    }
    world.finish();
}

#[test]
fn split_and_reenqueue_prevent_infinite_recursion() {
    let (mut world, topic) = warm_lingering(20);
    // Two of these records are too many.
    world.cluster().topic_mut("t").max_message_bytes = 80;
    world.send_many(topic, Some(0), 16);
    world.settle();
    assert_eq!((world.delivered(), world.errors().len()), (18, 0));
    assert!(world.counters().batch_splits >= 15, "down to single records");
    assert!(world.deliveries().iter().all(|delivery| delivery.records == 1));
    world.finish();
}

/// With linger and no keys, no partition gets a batch of a record or two before it changes.
#[test]
fn built_in_partitioner_fractional_batches() {
    let mut world = Setup::nodes(3).topic("t", 3).config(|config| config.linger_ms = 10).start();
    let topic = world.topic("t");
    world.send_many(topic, None, 1);
    world.settle();
    for _ in 0..40 {
        world.send_many(topic, None, 30);
        world.run_for(3);
    }
    world.settle();
    let sizes: Vec<usize> = batches(&world).concat();
    let whole = sizes.iter().max().copied().unwrap_or_default();
    let tiny = sizes.iter().filter(|size| **size < whole / 4).count();
    assert!(tiny * 10 <= sizes.len(), "{tiny} of {} batches are tiny: {sizes:?}", sizes.len());
    world.finish();
}

#[test]
fn drain_with_a_node_that_doesnt_host_any_partitions() {
    let (mut world, topic) = warm(record_by_record(3, 1));
    world.send_many(topic, Some(0), 5);
    world.settle();
    assert!(world.produce_requests().iter().all(|seen| seen.node == 1));
    world.finish();
}
