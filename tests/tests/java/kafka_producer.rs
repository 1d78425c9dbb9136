//! `KafkaProducerTest`: configuration, metadata as `send` meets it, flush and close.

use nanokafka::{Acks, Config, DeliveryError, ErrorCode, RegisterError, SendError, Status};
use nanokafka_tests::broker::{Action, Api, Content, Fault};
use nanokafka_tests::rig::Rig as _;

use crate::rig::{Setup, delay, failed, inject, now, record_by_record, requests_of, until_errors, warm};

fn config(change: impl FnOnce(&mut Config<'static>)) -> Result<(), String> {
    let mut config = Config::new(&["h:1"]);
    change(&mut config);
    config.validate().map_err(|error| error.to_string())
}

/// Java turns idempotence off in silence unless it was asked for; here it is an error in any case.
#[test]
fn acks_and_idempotence_for_idempotent_producers() {
    assert_eq!(config(|config| config.acks = Acks::All), Ok(()));
    for acks in [Acks::Leader, Acks::None] {
        let error = config(|config| config.acks = acks).expect_err("idempotence needs all");
        assert!(error.contains("idempotence") && error.contains("acks"), "{error}");
        assert_eq!(config(|config| (config.acks, config.enable_idempotence) = (acks, false)), Ok(()));
    }
}

#[test]
fn retries_and_idempotence_for_idempotent_producers() {
    let error = config(|config| config.retries = 0).expect_err("idempotence needs retries");
    assert!(error.contains("retries"), "{error}");
    assert_eq!(config(|config| (config.retries, config.enable_idempotence) = (0, false)), Ok(()));
}

#[test]
fn inflight_requests_and_idempotence_for_idempotent_producers() {
    for in_flight in 1..=5 {
        assert_eq!(config(|config| config.max_in_flight = in_flight), Ok(()));
    }
    let error = config(|config| config.max_in_flight = 6).expect_err("five is the most");
    assert!(error.contains("max_in_flight") && error.contains('6'), "{error}");
}

#[test]
fn delivery_timeout_and_linger_ms_config() {
    let times = |linger_ms, request_timeout_ms, delivery_timeout_ms| {
        config(|config| {
            (config.linger_ms, config.request_timeout_ms) = (linger_ms, request_timeout_ms);
            config.delivery_timeout_ms = delivery_timeout_ms;
        })
    };
    assert_eq!(times(1_000, 2_000, 3_000), Ok(()));
    let error = times(1_000, 2_000, 2_999).expect_err("less than linger and request together");
    assert!(error.contains("delivery_timeout_ms"), "{error}");
}

/// So many answers without the topic, so many questions; none for later records.
#[test]
fn metadata_fetch() {
    let mut world = record_by_record(1, 1).start();
    let topic = world.topic("t");
    inject(&world, Fault::on(Api::Metadata, Action::Error(5)).topic("t").times(4));
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(requests_of(&world, Api::Metadata).len(), 5);
    world.send_many(topic, Some(0), 5);
    world.settle();
    assert_eq!(requests_of(&world, Api::Metadata).len(), 5);
    world.finish();
}

#[test]
fn metadata_expiry() {
    let (mut world, topic) =
        warm(record_by_record(1, 1).config(|config| config.metadata_max_age_ms = 10_000));
    world.run_for(9_000);
    assert_eq!(requests_of(&world, Api::Metadata).len(), 1);
    world.run_for(2_000);
    assert_eq!(requests_of(&world, Api::Metadata).len(), 2);
    world.send_many(topic, Some(0), 1);
    world.finish();
}

/// `send` does not wait: the record does, and fails with what metadata says of its topic.
fn topic_is_missing(partition: Option<i32>) {
    let mut world = Setup::nodes(1).start();
    let topic = world.topic("missing");
    world.send_many(topic, partition, 1);
    until_errors(&mut world, 1);
    assert!((120_000..120_010).contains(&now(&world)), "after {} ms", now(&world));
    let cause = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    assert_eq!(world.errors(), [DeliveryError::Timeout { maybe_written: false, cause }]);
    world.finish();
}

#[test]
fn metadata_timeout_with_missing_topic() {
    topic_is_missing(None);
}

#[test]
fn topic_not_existing_in_metadata() {
    topic_is_missing(Some(0));
}

/// Known too late for the first record, in time for the second.
#[test]
fn topic_refresh_in_metadata() {
    let mut world = Setup::nodes(1).start();
    let topic = world.topic("t");
    world.send_many(topic, None, 1);
    world.run_for(100_000);
    world.send_many(topic, Some(0), 1);
    until_errors(&mut world, 1);
    assert_eq!(world.statuses().last(), Some(&Status::TopicError(topic, ErrorCode::new(3))));
    world.cluster().create_topic("t", 1);
    world.settle();
    assert_eq!((world.delivered(), world.errors().len()), (1, 1));
    world.finish();
}

#[test]
fn metadata_with_partition_out_of_range() {
    let (mut world, topic) = warm(record_by_record(1, 1).config(|config| config.metadata_max_age_ms = 1_000));
    assert_eq!(world.send_next(topic, Some(1)), Err(SendError::UnknownPartition));
    world.cluster().add_partitions("t", 1);
    world.run_for(1_100);
    world.send_next(topic, Some(1)).expect("the partition is known now");
    world.settle();
    assert_eq!(world.delivered(), 2);
    world.finish();
}

/// Before its topic is known, a record for a partition that is not there is taken, and waits for it: it may be added.
#[test]
fn metadata_timeout_with_partition_out_of_range() {
    let mut world = record_by_record(1, 1).start();
    let topic = world.topic("t");
    world.send_next(topic, Some(9)).expect("nobody knows yet");
    world.settle();
    assert!((120_000..120_010).contains(&now(&world)), "after {} ms", now(&world));
    assert!(matches!(world.errors()[..], [DeliveryError::Timeout { maybe_written: false, .. }]));
    world.finish();
}

#[test]
fn send_to_invalid_topic() {
    let mut world = record_by_record(1, 1).start();
    assert_eq!(world.producer.register_topic("not valid!"), Err(RegisterError::InvalidName));
    let topic = world.topic("t");
    inject(&world, Fault::on(Api::Metadata, Action::Error(17)).topic("t"));
    world.send_many(topic, None, 1);
    world.settle();
    assert_eq!(world.errors(), [failed(17)]);
    assert!(now(&world) < 10, "at once");
    world.finish();
}

#[test]
fn null_topic_name() {
    let mut world = record_by_record(1, 1).start();
    assert_eq!(world.producer.register_topic(""), Err(RegisterError::InvalidName));
    world.finish();
}

#[test]
fn close_when_waiting_for_metadata_update() {
    let mut world = Setup::nodes(1).start();
    let topic = world.topic("missing");
    world.send_many(topic, None, 3);
    world.run_for(1_000);
    world.producer.close(world.rig.now().saturating_add_ms(500));
    world.settle();
    assert_eq!(now(&world), 1_500);
    assert_eq!(world.errors(), [DeliveryError::Closed { maybe_written: false }]);
}

#[test]
fn flush_complete_send_of_inflight_batches() {
    let setup = Setup::nodes(2).topic("t", 4).config(|config| {
        config.linger_ms = 60_000;
        config.max_in_flight = 5;
    });
    let mut world = setup.start();
    let topic = world.topic("t");
    (0..4).for_each(|partition| world.send_many(topic, Some(partition), 50));
    delay(&world, 100);
    world.producer.flush();
    world.run_until("it is flushed", |world| world.producer.is_flushed());
    world.take_deliveries();
    assert_eq!(world.delivered(), 200);
    assert!(now(&world) < 1_000);
    world.finish();
}

/// What is known of a record that failed: its topic, its partition if there was one, and no offset.
#[test]
fn callback_and_interceptor_handle_error() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    inject(&world, Fault::on(Api::Produce, Action::Error(87)));
    world.send_many(topic, None, 1);
    world.settle();
    let delivery = *world.deliveries().last().expect("a delivery");
    assert_eq!((delivery.topic, delivery.partition, delivery.records), (topic, Some(0), 1));
    assert_eq!(delivery.result, Err(failed(87)));
    // And of one that failed before its topic was known: no partition.
    let mut world = Setup::nodes(1).start();
    let topic = world.topic("missing");
    world.send(topic, None, Content::of_value("early")).expect("room");
    until_errors(&mut world, 1);
    let delivery = world.deliveries()[0];
    assert_eq!((delivery.topic, delivery.partition, delivery.records), (topic, None, 1));
    world.finish();
}
