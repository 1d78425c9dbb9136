//! When batches leave, and how many at a time.

use crate::broker::{Action, Api, Content, Fault};
use crate::rig::Rig;
use crate::world::{Setup, World};

/// Long enough not to end by itself.
fn long_linger<R: Rig>() -> u32 {
    R::PACE.delivery_timeout_ms / 2
}

/// A producer whose connections are up, so that only linger decides.
fn warm<R: Rig>(setup: Setup<R>) -> World<R> {
    let mut world = setup.start();
    let topic = world.topic("t");
    for partition in 0..2 {
        world.send_next(topic, Some(partition)).expect("the first records have room");
    }
    world.producer.flush();
    world.settle();
    world
}

fn lingering<R: Rig>(linger_ms: u32) -> Setup<R> {
    Setup::nodes(1).topic("t", 2).config(|config| {
        config.linger_ms = linger_ms;
        config.delivery_timeout_ms = linger_ms + R::PACE.delivery_timeout_ms;
    })
}

/// `linger_ms` runs from the batch's first record, and later records do not prolong it.
pub fn nothing_is_sent_before_linger_and_it_is_sent_then<R: Rig>() {
    let mut world = warm(lingering::<R>(300));
    let topic = world.topic("t");
    let start = world.rig.now().as_millis();
    world.send_next(topic, Some(0)).expect("room");
    world.run_for(150);
    world.send_next(topic, Some(0)).expect("room");
    world.settle();
    let seen = world.produce_requests();
    let last = seen.last().expect("a request");
    assert_eq!(last.batches[0].records, 2, "both records are in one batch");
    let waited = last.at - start;
    assert!((300..=300 + R::PACE.slack_ms).contains(&waited), "sent after {waited} ms, not 300");
    world.finish();
}

/// A batch without room for the next record leaves at once.
pub fn a_batch_that_is_full_does_not_wait_for_linger<R: Rig>() {
    let mut world = warm(lingering::<R>(long_linger::<R>()));
    let topic = world.topic("t");
    let start = world.rig.now().as_millis();
    for n in 0..4 {
        let content = Content::of_value(vec![n; 200]);
        world.send(topic, Some(0), content).expect("room");
    }
    world.run_until("the first batch is delivered", |world| world.delivered() == 4);
    let waited = world.produce_requests().last().expect("a request").at - start;
    assert!(waited <= R::PACE.slack_ms, "the full batch waited {waited} ms");
    assert_eq!(world.unreported(), 2, "the second batch lingers");
    world.producer.flush();
    world.finish();
}

/// `flush` makes what was sent so far due, and knows when it is done.
pub fn a_flush_does_not_wait_for_linger<R: Rig>() {
    let mut world = warm(lingering::<R>(long_linger::<R>()));
    let topic = world.topic("t");
    let start = world.rig.now().as_millis();
    world.send_next(topic, Some(0)).expect("room");
    world.send_next(topic, Some(1)).expect("room");
    world.run_for(100);
    assert_eq!(world.unreported(), 2, "both linger");
    world.producer.flush();
    assert!(!world.producer.is_flushed());
    world.settle();
    assert!(world.producer.is_flushed());
    let waited = world.produce_requests().last().expect("a request").at - start;
    assert!((100..=100 + R::PACE.slack_ms).contains(&waited), "flushed after {waited} ms, not 100");
    world.finish();
}

/// When the last slot is taken and one more is wanted, what lingers becomes due (Java's "exhausted").
pub fn memory_that_runs_out_does_not_wait_for_linger<R: Rig>() {
    let mut world = warm(lingering::<R>(long_linger::<R>()).capacities(|memory| memory.batches = 2));
    let topic = world.topic("t");
    let start = world.rig.now().as_millis();
    for n in 0..6 {
        world.send_waiting(topic, Some(n % 2), Content::of_value(vec![n as u8; 300]));
    }
    let waited = world.rig.now().as_millis() - start;
    assert!(waited <= 20 + R::PACE.slack_ms * 6, "room came after {waited} ms only");
    world.producer.flush();
    world.finish();
}

/// Keyless records stay with one partition until a batch is full: few requests, and in the end no partition
/// without records.
pub fn records_without_a_key_fill_batches_and_then_change_partition<R: Rig>() {
    let mut world = Setup::<R>::nodes(3).topic("t", 6).config(|config| config.linger_ms = 20).start();
    let topic = world.topic("t");
    for n in 0..600_u32 {
        world.send_waiting(topic, None, Content::of_value(format!("reading {n:08}")));
    }
    world.settle();
    let mut cluster = world.cluster();
    let partitions = &cluster.topic_mut("t").partitions;
    let used = partitions.iter().filter(|partition| !partition.log.is_empty()).count();
    assert!(used >= 3, "only {used} of 6 partitions were used");
    let batches: usize = partitions.iter().map(|partition| partition.batches.len()).sum();
    // A batch of 512 bytes has room for 18 of these records.
    assert!(batches <= 600 / 18 * 2, "{batches} batches for 600 records");
    drop(cluster);
    world.finish();
}

fn most_outstanding<R: Rig>(max_in_flight: u8) -> usize {
    let setup = Setup::<R>::nodes(1).topic("t", 6).config(|config| {
        config.max_in_flight = max_in_flight;
        config.linger_ms = 0;
    });
    let mut world = setup.start();
    world.cluster().inject(Fault::on(Api::Produce, Action::Delay(40)).times(20));
    let topic = world.topic("t");
    for partition in 0..6 {
        world.send_many(topic, Some(partition), 1);
        world.run_for(5);
    }
    for round in 0..10 {
        world.send_many(topic, Some(round % 6), 2);
        world.run_for(5);
    }
    world.settle();
    let most = world.produce_requests().iter().map(|seen| seen.outstanding).max();
    world.cluster().clear_faults();
    world.finish();
    most.expect("requests")
}

/// `max_in_flight` 1: the next request waits for the answer.
pub fn one_request_in_flight_means_one<R: Rig>() {
    assert_eq!(most_outstanding::<R>(1), 0);
}

/// `max_in_flight` 5: up to four are unanswered when the fifth comes, and that does happen.
pub fn five_requests_in_flight_mean_at_most_five<R: Rig>() {
    let most = most_outstanding::<R>(5);
    assert!((1..=4).contains(&most), "{most} requests were unanswered when another came");
}

/// One request takes one batch of each partition as long as they fit, and the rest follows.
pub fn a_request_takes_no_more_than_max_request_bytes<R: Rig>() {
    let setup = Setup::<R>::nodes(1).topic("t", 6).config(|config| {
        config.max_request_bytes = 1_200;
        config.batch_bytes = Some(512);
        config.linger_ms = 50;
    });
    let mut world = setup.start();
    let topic = world.topic("t");
    for partition in 0..6 {
        world.send(topic, Some(partition), Content::of_value(vec![partition as u8; 400])).expect("room");
    }
    world.settle();
    let requests = world.produce_requests();
    assert!(requests.iter().any(|seen| seen.batches.len() > 1), "batches share requests: {requests:#?}");
    for seen in requests {
        let bytes: usize = seen.batches.iter().map(|batch| batch.bytes).sum();
        assert!(bytes <= 1_200, "a request of {bytes} bytes of batches");
    }
    world.finish();
}
