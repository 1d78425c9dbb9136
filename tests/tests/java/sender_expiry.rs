//! `SenderTest`: `delivery.timeout.ms`, and the memory of what is still under way then.

use std::task::{Context, Waker};

use nanokafka::{DeliveryError, SendError, TopicId, Wake, WakeReason};
use nanokafka_tests::broker::{Action, Api, Fault};
use nanokafka_tests::rig::Rig as _;

use crate::rig::{Setup, World, delay, inject, now, offsets, record_by_record, refuse, until_errors, warm};

/// One slot; a batch that is sent 20 s after its creation, expires after 30 s, and is answered 25 s after it was sent.
fn expires_in_flight(records: usize, change: impl FnOnce(&World)) -> (World, TopicId) {
    let setup = Setup::nodes(1).topic("t", 2).capacities(|memory| memory.batches = 1).config(|config| {
        config.linger_ms = 0;
        config.delivery_timeout_ms = config.request_timeout_ms;
    });
    let mut world = setup.start();
    let topic = world.topic("t");
    inject(&world, Fault::on(Api::Metadata, Action::Delay(20_000)));
    delay(&world, 25_000);
    change(&world);
    world.send_many(topic, Some(0), records);
    until_errors(&mut world, 1);
    assert_eq!((now(&world), world.produce_requests().len()), (30_000, 1));
    (world, topic)
}

#[test]
fn append_in_expiry_callback() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    world.stop(1);
    world.send_many(topic, Some(0), 1);
    world.set_takes_deliveries(false);
    world.run_until("it expires", |world| world.producer.peek_delivery().is_some());
    world.send_many(topic, Some(0), 1);
    world.start(1);
    world.set_takes_deliveries(true);
    world.settle();
    let deliveries = world.deliveries();
    assert_eq!((deliveries.len(), deliveries[1].records, deliveries[2].records), (3, 1, 1));
    assert!(deliveries[1].result.is_err() && deliveries[2].result.is_ok());
    assert_ne!(deliveries[1].batch, deliveries[2].batch, "a fresh batch");
    world.finish();
}

#[test]
fn inflight_batches_expire_on_delivery_timeout() {
    let (mut world, _) = expires_in_flight(1, |_| {});
    assert!(matches!(world.errors()[..], [DeliveryError::Timeout { maybe_written: true, .. }]));
    world.run_for(60_000);
    assert_eq!((world.deliveries().len(), world.delivered()), (1, 0), "its late answer changes nothing");
    assert_eq!(world.cluster().records_written(), 1);
    world.finish();
}

#[test]
fn no_buffer_reuse_when_batch_expires() {
    let (mut world, topic) = expires_in_flight(1, |_| {});
    assert_eq!(world.send_next(topic, Some(1)), Err(SendError::Full));
    world.run_for(14_000);
    assert_eq!(world.send_next(topic, Some(1)), Err(SendError::Full), "1 s before its answer");
    world.run_for(1_100);
    world.send_next(topic, Some(1)).expect("its answer has come");
    world.settle();
    assert_eq!(world.delivered(), 1);
    world.finish();
}

/// The request times out, the batch expires in its second attempt, and then that times out.
#[test]
fn no_double_deallocation() {
    let setup = record_by_record(1, 1).capacities(|memory| memory.batches = 1).config(|config| {
        config.delivery_timeout_ms = 45_000;
    });
    let (mut world, topic) = warm(setup);
    inject(&world, Fault::on(Api::Produce, Action::NoAnswer).times(2));
    let start = now(&world);
    world.send_many(topic, Some(0), 1);
    until_errors(&mut world, 1);
    assert_eq!((now(&world) - start, world.counters().request_timeouts), (45_000, 1));
    assert_eq!(world.send_next(topic, Some(0)), Err(SendError::Full));
    world.run_until("the second one times out", |world| world.counters().request_timeouts == 2);
    world.send_next(topic, Some(0)).expect("its memory is free");
    assert_eq!(world.send_next(topic, Some(0)), Err(SendError::Full), "free once");
    world.finish();
}

#[test]
fn when_first_batch_expire_no_send_second_batch_if_guarantee_order() {
    let setup = record_by_record(1, 1).config(|config| {
        config.max_in_flight = 1;
        config.enable_idempotence = false;
        config.delivery_timeout_ms = config.request_timeout_ms;
    });
    let mut world = setup.start();
    let topic = world.topic("t");
    inject(&world, Fault::on(Api::Metadata, Action::Delay(20_000)));
    delay(&world, 25_000);
    world.send_many(topic, Some(0), 1);
    world.run_for(25_000);
    world.send_many(topic, Some(0), 1);
    until_errors(&mut world, 1);
    world.run_for(10_000);
    assert_eq!((now(&world), world.produce_requests().len()), (40_000, 1), "still muted");
    world.settle();
    let second = world.produce_requests()[1].at;
    assert!((45_000..45_010).contains(&second), "sent at {second} ms");
    assert_eq!(offsets(&world), [None, Some(1)]);
    world.finish();
}

#[test]
fn expired_batch_does_not_retry() {
    let (mut world, _) = expires_in_flight(1, |world| refuse(world, 0, 5));
    world.run_for(60_000);
    assert_eq!((world.produce_requests().len(), world.counters().batch_retries), (1, 0));
    world.finish();
}

#[test]
fn expired_batch_does_not_split_on_message_too_large_error() {
    let (mut world, _) = expires_in_flight(2, |world| refuse(world, 0, 10));
    world.run_for(60_000);
    assert_eq!((world.produce_requests().len(), world.counters().batch_splits), (1, 0));
    assert_eq!((world.deliveries().len(), world.deliveries()[0].records), (1, 2));
    world.finish();
}

#[test]
fn expired_batches_in_multiple_partitions() {
    let (mut world, topic) = warm(record_by_record(2, 4));
    world.stop(1);
    world.stop(2);
    let start = now(&world);
    (0..4).for_each(|partition| world.send_many(topic, Some(partition), 1));
    until_errors(&mut world, 1);
    assert_eq!((world.errors().len(), now(&world) - start), (4, 120_000), "all in one pass");
    world.finish();
}

#[test]
fn reset_next_batch_expiry() {
    let setup =
        record_by_record(1, 1).config(|config| config.delivery_timeout_ms = config.request_timeout_ms);
    let (mut world, topic) = warm(setup);
    delay(&world, 60_000);
    let start = world.rig.now();
    world.send_many(topic, Some(0), 1);
    world.run_for(1);
    let mut cx = Context::from_waker(Waker::noop());
    // The request was made with the batch: it is the delivery timeout that is named first, and not later.
    let polled = world.rig.poll(&mut cx, &mut world.producer);
    assert_eq!(polled.wake, Wake::At(start.saturating_add_ms(30_000)));
    assert!(matches!(polled.reason, WakeReason::DeliveryTimeout | WakeReason::RequestTimeout));
    until_errors(&mut world, 1);
    assert_eq!(world.rig.now(), start.saturating_add_ms(30_000));
    for _ in 0..100 {
        let polled = world.rig.poll(&mut cx, &mut world.producer);
        if polled.wake != Wake::Now {
            assert!(polled.wake > Wake::At(world.rig.now()), "a deadline that has passed: {:?}", polled.wake);
            assert_ne!(polled.reason, WakeReason::DeliveryTimeout);
        }
    }
    world.cluster().clear_faults();
    world.finish();
}
