//! `MetadataTest` and `ProducerMetadataTest`, as far as `core/src/metadata/tests.rs` has not got them.

use nanokafka::{DeliveryError, ErrorCode, SendError, Status};
use nanokafka_tests::broker::{Action, Api, Fault};

use crate::rig::{Setup, World, failed, inject, now, record_by_record, requests_of, warm};

fn asked_at(world: &World) -> Vec<u64> {
    requests_of(world, Api::Metadata).iter().map(|seen| seen.at).collect()
}

#[test]
fn update_metadata_allowed_immediately_after_bootstrap() {
    let (world, _) = warm(record_by_record(1, 1));
    assert_eq!(asked_at(&world), [0]);
    world.finish();
}

#[test]
fn time_to_next_update() {
    let (mut world, _) = warm(record_by_record(1, 1).config(|config| config.metadata_max_age_ms = 5_000));
    world.run_for(16_000);
    let at = asked_at(&world);
    assert_eq!(at.len(), 4, "asked at {at:?}");
    assert!(at.windows(2).all(|pair| (5_000..=5_002).contains(&(pair[1] - pair[0]))), "asked at {at:?}");
    world.finish();
}

#[test]
fn time_to_next_update_retry_backoff() {
    let mut world = record_by_record(1, 1).start();
    let topic = world.topic("t");
    inject(&world, Fault::on(Api::Metadata, Action::Error(5)).topic("t").times(3));
    world.send_many(topic, Some(0), 1);
    world.settle();
    let at = asked_at(&world);
    assert_eq!(at.len(), 4);
    for (pair, backoff) in at.windows(2).zip([100, 200, 400]) {
        let range = backoff * 8 / 10..=backoff * 12 / 10;
        assert!(range.contains(&(pair[1] - pair[0])), "asked at {at:?} ms");
    }
    world.finish();
}

/// No answer: a backoff begins, and the table stays as it was.
#[test]
fn failed_update() {
    let (mut world, topic) = warm(record_by_record(2, 2).config(|config| config.metadata_max_age_ms = 5_000));
    inject(&world, Fault::on(Api::Metadata, Action::Cut));
    world.run_until("it has failed", |world| world.cluster().faults_are_spent());
    assert_eq!(world.producer.partitions(topic), Some(2));
    world.run_for(500);
    let at = asked_at(&world);
    assert_eq!(at.len(), 3, "asked at {at:?}");
    assert!((80..=300).contains(&(at[2] - at[1])), "asked at {at:?}");
    world.finish();
}

/// A topic that is registered while a request is under way is in the next one.
#[test]
fn request_version() {
    let setup = Setup::nodes(1).topic("t", 1).topic("u", 1).capacities(|memory| memory.topics = 2);
    let mut world = setup.start();
    let first = world.topic("t");
    inject(&world, Fault::on(Api::Metadata, Action::Delay(300)));
    world.send_many(first, Some(0), 1);
    world.run_for(100);
    let second = world.topic("u");
    world.send_many(second, Some(0), 1);
    world.settle();
    let at = asked_at(&world);
    assert!(at.len() == 2 && (300..=421).contains(&at[1]), "after one backoff at most: {at:?}");
    assert_eq!(world.delivered(), 2);
    world.finish();
}

fn topic_is_refused(code: i16) {
    let setup = Setup::nodes(1).topic("t", 1).topic("u", 1).capacities(|memory| memory.topics = 2);
    let mut world = setup.start();
    let (bad, good) = (world.topic("t"), world.topic("u"));
    inject(&world, Fault::on(Api::Metadata, Action::Error(code)).topic("t"));
    world.send_many(bad, Some(0), 1);
    world.send_many(good, Some(0), 1);
    world.settle();
    assert_eq!(world.errors(), [failed(code)], "once, and only what is for that topic");
    assert!(world.statuses().contains(&Status::TopicError(bad, ErrorCode::new(code))));
    world.run_until("a good answer clears it", |world| world.producer.status() == Status::Online);
    world.send_many(bad, Some(0), 1);
    world.settle();
    assert_eq!(world.delivered(), 2);
    world.finish();
}

#[test]
fn invalid_topic_error() {
    topic_is_refused(17);
}

#[test]
fn topic_authorization_error() {
    topic_is_refused(29);
}

#[test]
fn metadata_topic_errors() {
    for code in [3, 5] {
        let mut world = record_by_record(1, 1).start();
        let topic = world.topic("t");
        inject(&world, Fault::on(Api::Metadata, Action::Error(code)).topic("t"));
        world.send_many(topic, Some(0), 1);
        world.settle();
        let told = Status::TopicError(topic, ErrorCode::new(code));
        assert!(world.statuses().contains(&told), "{code}: {:?}", world.statuses());
        assert_eq!(world.errors(), [], "{code} is waited out");
        world.finish();
    }
}

/// A leader that is not in the list of brokers leads nothing, until it is.
#[test]
fn leader_metadata_inconsistent_with_broker_metadata() {
    let (mut world, topic) = warm(record_by_record(2, 2));
    world.stop(2);
    world.send_many(topic, Some(1), 1);
    world.send_many(topic, Some(0), 1);
    world.run_until("the other partition goes on", |world| world.delivered() == 3);
    world.run_for(2_000);
    let asked = asked_at(&world).len();
    assert!(asked > 2, "asked {asked} times for the leader");
    world.start(2);
    world.settle();
    assert_eq!(world.delivered(), 4);
    world.finish();
}

#[test]
fn metadata_wait_aborted_on_fatal_exception() {
    let mut world = record_by_record(1, 1).start();
    let topic = world.topic("t");
    inject(&world, Fault::on(Api::Metadata, Action::Error(5)).topic("t").times(30));
    inject(&world, Fault::on(Api::InitProducerId, Action::Error(42)));
    world.send_many(topic, Some(0), 1);
    world.settle();
    world.cluster().clear_faults();
    assert_eq!(world.errors(), [failed(42)]);
    assert!(now(&world) < 1_000, "what waited for metadata waits no longer");
    world.finish();
}

#[test]
fn metadata_await_after_close() {
    let mut world = record_by_record(1, 1).start();
    let topic = world.topic("t");
    inject(&world, Fault::on(Api::Metadata, Action::Freeze));
    world.send_many(topic, Some(0), 1);
    world.run_for(100);
    world.producer.close(nanokafka::Instant::from_millis(100));
    world.settle();
    assert_eq!(world.errors(), [DeliveryError::Closed { maybe_written: false }]);
    assert_eq!(world.send_next(topic, Some(0)), Err(SendError::Closed));
}
