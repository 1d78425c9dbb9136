//! Error codes in produce answers.

use nanokafka::{Acks, DeliveryError, ErrorCode, SendError, Status};

use crate::broker::{Action, Api, Content, Fault};
use crate::rig::Rig;
use crate::world::{Setup, World};

/// Retriable for a batch, by `kafka-producer.md` section 3.
const RETRIABLE: [i16; 15] = [2, 3, 5, 6, 7, 9, 13, 19, 56, 72, 74, 75, 89, 100, 103];

/// Final for a batch, and for nothing else. 12345 stands for a code of the future.
const FATAL: [i16; 17] = [-1, 8, 17, 18, 21, 29, 32, 37, 38, 42, 43, 44, 47, 48, 76, 87, 12345];

/// Final for an idempotent producer.
const FATAL_TO_PRODUCER: [i16; 5] = [31, 35, 49, 53, 90];

/// A matter of sequences: final for a batch that has none.
const SEQUENCE: [i16; 2] = [45, 59];

fn two_partitions<R: Rig>() -> World<R> {
    let mut world = Setup::<R>::nodes(1).topic("t", 2).start();
    world.topic("t");
    world
}

/// Each retriable code, twice in a row: the batch is sent a third time.
pub fn retriable_errors_are_retried_until_they_end<R: Rig>() {
    for code in RETRIABLE {
        let mut world = two_partitions::<R>();
        world.cluster().inject(Fault::on(Api::Produce, Action::Error(code)).times(2));
        let topic = world.topic("t");
        world.send_many(topic, Some(0), 3);
        world.settle();
        assert_eq!(world.delivered(), 3, "code {code}");
        assert_eq!(world.counters().batch_retries, 2, "code {code}");
        world.finish();
    }
    // Appended, but not on enough replicas: the second copy is the price without idempotence.
    for (enable_idempotence, written) in [(true, 3), (false, 6)] {
        let setup = Setup::<R>::nodes(1).topic("t", 2);
        let mut world = setup.config(|config| config.enable_idempotence = enable_idempotence).start();
        world.cluster().inject(Fault::on(Api::Produce, Action::WrittenThenError(20)));
        let topic = world.topic("t");
        world.send_many(topic, Some(0), 3);
        world.settle();
        assert_eq!(world.cluster().records_written(), written);
        world.finish();
    }
}

/// `retry_backoff_ms` doubles up to `retry_backoff_max_ms`, give or take 20 %.
pub fn retries_wait_longer_each_time<R: Rig>() {
    let setup = Setup::<R>::nodes(1).topic("t", 2).config(|config| {
        config.retry_backoff_ms = 50;
        config.retry_backoff_max_ms = 300;
    });
    let mut world = setup.start();
    world.cluster().inject(Fault::on(Api::Produce, Action::Error(7)).times(5));
    let topic = world.topic("t");
    world.send_many(topic, Some(0), 1);
    world.settle();
    let at: Vec<u64> = world.produce_requests().iter().map(|seen| seen.at).collect();
    let waits: Vec<u64> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let bounds = [(40, 60), (80, 120), (160, 240), (240, 300), (240, 300)];
    assert_eq!(waits.len(), bounds.len());
    for (wait, (least, most)) in waits.iter().zip(bounds) {
        assert!((least..=most + R::PACE.slack_ms).contains(wait), "waits of {waits:?} ms");
    }
    world.finish();
}

/// The broker's code reaches the application, and only this batch is given up.
pub fn fatal_errors_are_reported_with_the_code_and_the_next_record_goes<R: Rig>() {
    let plain = FATAL.iter().chain(&FATAL_TO_PRODUCER).chain(&SEQUENCE).map(|code| (*code, false));
    for (code, enable_idempotence) in plain.chain(FATAL.map(|code| (code, true))) {
        let setup = Setup::<R>::nodes(1).topic("t", 2);
        let mut world = setup.config(|config| config.enable_idempotence = enable_idempotence).start();
        world.cluster().inject(Fault::on(Api::Produce, Action::Error(code)));
        let topic = world.topic("t");
        world.send_many(topic, Some(0), 3);
        world.settle();
        assert_eq!(world.errors(), [DeliveryError::Failed(ErrorCode::new(code))]);
        assert_eq!(world.counters().batch_retries, 0);
        world.send_many(topic, Some(0), 3);
        world.settle();
        assert_eq!(world.delivered(), 3, "code {code}");
        world.finish();
    }
}

/// Every batch fails with the code, and so does `send`, until `reset`; the application is told once.
pub fn an_error_that_ends_the_producer_is_told_once_and_reset_begins_anew<R: Rig>() {
    for code in FATAL_TO_PRODUCER {
        let mut world = two_partitions::<R>();
        let topic = world.topic("t");
        world.send_many(topic, Some(0), 3);
        world.settle();
        world.cluster().inject(Fault::on(Api::Produce, Action::Error(code)));
        world.send_many(topic, Some(0), 1);
        world.send_many(topic, Some(1), 1);
        world.settle();
        let failed = DeliveryError::Failed(ErrorCode::new(code));
        assert!(!world.errors().is_empty() && world.errors().iter().all(|error| *error == failed), "{code}");
        assert_eq!(world.fatal_told(), [ErrorCode::new(code)]);
        assert_eq!(world.producer.status(), Status::Fatal(ErrorCode::new(code)));
        assert_eq!(world.send_next(topic, Some(0)), Err(SendError::Fatal(ErrorCode::new(code))));
        world.producer.reset();
        world.send_many(topic, Some(0), 3);
        world.settle();
        assert_eq!(world.counters().producer_ids, 2, "code {code}");
        world.finish();
    }
}

/// `retries` 2: three attempts, and then the last code.
pub fn retries_that_are_used_up_are_reported<R: Rig>() {
    let mut world = Setup::<R>::nodes(1).topic("t", 2).config(|config| config.retries = 2).start();
    world.cluster().inject(Fault::on(Api::Produce, Action::Error(19)).times(3));
    let topic = world.topic("t");
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(world.errors(), [DeliveryError::Failed(ErrorCode::new(19))]);
    assert_eq!(world.produce_requests().len(), 3);
    world.send_many(topic, Some(0), 1);
    world.finish();
}

/// The broker has the batch already: that is a success, at an offset that nobody tells.
pub fn a_duplicate_sequence_is_a_success_without_an_offset<R: Rig>() {
    let mut world = two_partitions::<R>();
    world.cluster().inject(Fault::on(Api::Produce, Action::WrittenThenError(46)));
    let topic = world.topic("t");
    world.send_many(topic, Some(0), 3);
    world.settle();
    let ack = world.deliveries()[0].result.expect("a success");
    assert_eq!(ack.base_offset, None);
    assert_eq!(world.cluster().records_written(), 3);
    world.finish();
}

/// Errors are the batch's own, also when several share a request.
pub fn one_partition_that_fails_does_not_hold_up_the_others<R: Rig>() {
    let mut world = two_partitions::<R>();
    world.cluster().inject(Fault::on(Api::Produce, Action::Error(19)).partition("t", 0).times(4));
    let topic = world.topic("t");
    world.send_many(topic, Some(0), 3);
    world.send_many(topic, Some(1), 3);
    world.run_until("the good partition is served", |world| world.delivered() == 3);
    assert_eq!(world.cluster().topic_mut("t").partitions[1].log.len(), 3);
    assert!(world.unreported() == 3, "the other one still waits");
    world.finish();
}

/// `max.message.bytes` below the batch, but not below its records: they arrive in halves, once and in order.
pub fn too_large_for_the_broker_arrives_in_halves<R: Rig>() {
    for enable_idempotence in [true, false] {
        let setup = Setup::<R>::nodes(1).topic("t", 2);
        let setup = setup.config(|config| {
            config.enable_idempotence = enable_idempotence;
            config.max_in_flight = if enable_idempotence { 5 } else { 1 };
        });
        let mut world = setup.start();
        world.cluster().topic_mut("t").max_message_bytes = 200;
        let topic = world.topic("t");
        world.send_many(topic, Some(0), 40);
        world.settle();
        assert_eq!(world.delivered(), 40);
        assert!(world.counters().batch_splits > 0);
        assert!(world.deliveries().iter().any(|delivery| delivery.first_index > 0));
        world.finish();
    }
}

/// `max.message.bytes` below a single record: `MESSAGE_TOO_LARGE`, reported; the next one goes.
pub fn a_record_too_large_for_the_broker_is_reported<R: Rig>() {
    let mut world = two_partitions::<R>();
    world.cluster().topic_mut("t").max_message_bytes = 200;
    let topic = world.topic("t");
    world.send(topic, Some(0), Content::of_value(vec![1; 300])).expect("room");
    world.settle();
    assert_eq!(world.errors(), [DeliveryError::Failed(ErrorCode::MESSAGE_TOO_LARGE)]);
    world.send(topic, Some(0), Content::of_value(vec![2; 30])).expect("room");
    world.settle();
    assert_eq!(world.delivered(), 1);
    world.finish();
}

/// With acks=0 a broker can only close the connection; what is sent afterwards arrives.
pub fn acks_0_goes_on_after_an_error_it_cannot_see<R: Rig>() {
    let setup = Setup::<R>::nodes(1).topic("t", 2).config(|config| {
        config.acks = Acks::None;
        config.enable_idempotence = false;
    });
    let mut world = setup.start();
    let topic = world.topic("t");
    world.cluster().inject(Fault::on(Api::Produce, Action::Error(6)));
    world.send_many(topic, Some(0), 1);
    world.settle();
    world.run_until("the connection has ended", |world| world.counters().disconnects > 0);
    let before = world.cluster().records_written();
    world.send_many(topic, Some(0), 3);
    world.settle();
    world.run_until("the later ones have arrived", |world| world.cluster().records_written() == before + 3);
    // The first record was counted as delivered and is lost: that is what acks=0 means.
    let lost = world.verdict();
    assert_eq!((lost.lost, lost.duplicated, lost.phantom, lost.unreported), (1, 0, 0, 0));
}
