//! `SenderTest`: answers, retries, the producer id, and what ends a batch or the producer.

use nanokafka::{DeliveryError, ErrorCode, SendError, Status};
use nanokafka_tests::broker::{Action, Api, Content, Fault};

use crate::rig::{
    Setup, delay, failed, inject, now, numbers, offsets, producer_ids, record_by_record, refuse, requests_of,
    until_errors, warm,
};

#[test]
fn simple() {
    let mut world = record_by_record(1, 1).start();
    let topic = world.topic("t");
    delay(&world, 50);
    world.send_many(topic, Some(0), 1);
    world.run_until("one is in flight", |world| world.produce_requests().len() == 1);
    assert_eq!((world.unreported(), world.producer.unfinished_batches()), (1, 1));
    world.settle();
    assert_eq!(offsets(&world), [Some(0)]);
    assert_eq!(world.producer.unfinished_batches(), 0);
    world.finish();
}

#[test]
fn retries() {
    for (cuts, result) in [(1, None), (2, Some(failed(13)))] {
        let setup = record_by_record(1, 1).config(|config| {
            config.retries = 1;
            config.enable_idempotence = false;
            config.max_in_flight = 1;
        });
        let mut world = setup.start();
        let topic = world.topic("t");
        inject(&world, Fault::on(Api::Produce, Action::Cut).times(cuts));
        world.send_many(topic, Some(0), 1);
        world.settle();
        assert_eq!(world.errors(), Vec::from_iter(result), "{cuts} cuts");
        assert_eq!(world.produce_requests().len(), 2, "{cuts} cuts");
        assert_eq!(world.counters().disconnects, cuts as usize);
        world.finish();
    }
}

/// With one in flight; and with five, because a broker that has just begun to lead could take the second batch first.
#[test]
fn send_in_order() {
    for max_in_flight in [1, 5] {
        let setup = record_by_record(2, 1).config(|config| {
            config.max_in_flight = max_in_flight;
            // Metadata is asked of node 2, then.
            config.random_seed = 1;
            config.metadata_max_age_ms = 50;
        });
        let (mut world, topic) = warm(setup);
        inject(&world, Fault::on(Api::Produce, Action::Delay(500)).node(1));
        let start = now(&world);
        world.send_many(topic, Some(0), 1);
        world.run_for(1);
        world.cluster().move_leader("t", 0, 2);
        // What else could ask for metadata waits behind the first batch's answer.
        world.run_for(200);
        world.send_many(topic, Some(0), 1);
        world.settle();
        let requests = world.produce_requests();
        assert_eq!(requests.iter().map(|seen| seen.node).collect::<Vec<_>>(), [1, 1, 2]);
        let waited = requests[2].at - start;
        assert!((500..600).contains(&waited), "the new leader had the second batch after {waited} ms");
        assert_eq!(offsets(&world), [Some(0), Some(1), Some(2)]);
        world.finish();
    }
}

#[test]
fn init_producer_id_request() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(requests_of(&world, Api::InitProducerId).len(), 1);
    assert_eq!(world.counters().producer_ids, 1);
    let given = producer_ids(&world, 0);
    assert!(given[0] >= 0 && given[1] == given[0], "{given:?}");
    assert_eq!(numbers(&world, 0), [(0, 0), (0, 1)]);
    world.finish();
}

#[test]
fn idempotent_init_producer_id_with_max_in_flight_one() {
    let mut world = record_by_record(1, 1).config(|config| config.max_in_flight = 1).start();
    let topic = world.topic("t");
    inject(&world, Fault::on(Api::Metadata, Action::Delay(300)));
    world.send_many(topic, Some(0), 1);
    world.settle();
    let asked = requests_of(&world, Api::InitProducerId);
    assert_eq!(asked.len(), 1);
    assert!(asked[0].at >= 300, "asked at {} ms, while metadata was under way", asked[0].at);
    assert_eq!(numbers(&world, 0), [(0, 0)]);
    world.finish();
}

#[test]
fn node_not_ready() {
    let mut world = record_by_record(2, 1).start();
    let topic = world.topic("t");
    inject(&world, Fault::on(Api::InitProducerId, Action::Cut).times(3));
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(requests_of(&world, Api::InitProducerId).len(), 4);
    assert_eq!(offsets(&world), [Some(0)]);
    world.finish();
}

#[test]
fn cluster_authorization_exception_in_init_producer_id_request() {
    let mut world = record_by_record(1, 1).start();
    let topic = world.topic("t");
    inject(&world, Fault::on(Api::InitProducerId, Action::Error(31)));
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(world.errors(), [failed(31)]);
    assert_eq!(world.fatal_told(), [], "the right may still be granted");
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(world.delivered(), 1);
    world.finish();
}

#[test]
fn can_retry_without_idempotence() {
    let mut world = record_by_record(1, 1).config(|config| config.enable_idempotence = false).start();
    let topic = world.topic("t");
    refuse(&world, 0, 29);
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(world.errors(), [failed(29)]);
    assert_eq!(producer_ids(&world, 0), [-1]);
    assert_eq!(requests_of(&world, Api::InitProducerId).len(), 0);
    world.finish();
}

/// A fatal code for one batch is the end of all, those to come among them, until `reset`.
fn fatal_in_produce_request(code: i16) {
    let (mut world, topic) = warm(record_by_record(2, 2));
    refuse(&world, 0, code);
    world.send_many(topic, Some(0), 1);
    until_errors(&mut world, 1);
    assert_eq!(world.errors(), [failed(code)]);
    assert_eq!(world.fatal_told(), [ErrorCode::new(code)]);
    assert_eq!(world.producer.status(), Status::Fatal(ErrorCode::new(code)));
    for partition in 0..2 {
        let refused = world.send_next(topic, Some(partition));
        assert_eq!(refused, Err(SendError::Fatal(ErrorCode::new(code))));
    }
    world.finish();
}

#[test]
fn cluster_authorization_exception_in_produce_request() {
    fatal_in_produce_request(31);
}

#[test]
fn unsupported_version_in_produce_request() {
    fatal_in_produce_request(35);
}

#[test]
fn unsupported_for_message_format_in_produce_request() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    refuse(&world, 0, 43);
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(world.errors(), [failed(43)]);
    assert_eq!(world.fatal_told(), []);
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(world.delivered(), 2);
    world.finish();
}

/// The other batch fails at once, and its memory is free when its answer has come.
#[test]
fn cancel_in_flight_request_after_fatal_error() {
    let (mut world, topic) = warm(record_by_record(2, 2).capacities(|memory| memory.batches = 2));
    inject(&world, Fault::on(Api::Produce, Action::Delay(500)).node(2));
    refuse(&world, 0, 31);
    world.send_many(topic, Some(1), 1);
    world.run_for(1);
    let start = now(&world);
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert!(now(&world) - start < 10, "both failed at once");
    assert_eq!(world.errors(), [failed(31); 2]);
    world.producer.reset();
    world.send_next(topic, Some(0)).expect("the slot of the batch that was answered is free");
    assert_eq!(world.send_next(topic, Some(0)), Err(SendError::Full), "the other is still under way");
    world.run_until("its answer has come", |world| now(world) >= start + 500);
    world.settle();
    world.send_many(topic, Some(0), 1);
    world.send_many(topic, Some(1), 1);
    world.settle();
    assert_eq!(world.errors().len(), 2);
    world.finish();
}

#[test]
fn sequence_number_increment() {
    let mut world = Setup::nodes(1).topic("t", 1).start();
    let topic = world.topic("t");
    world.send_many(topic, Some(0), 3);
    world.settle();
    world.send_many(topic, Some(0), 2);
    world.settle();
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(numbers(&world, 0), [(0, 0), (0, 3), (0, 5)]);
    world.finish();
}

#[test]
fn idempotent_split_batch_and_send() {
    let mut world = Setup::nodes(1).topic("t", 1).start();
    let topic = world.topic("t");
    refuse(&world, 0, 10);
    world.send_many(topic, Some(0), 2);
    world.settle();
    assert_eq!(world.counters().batch_splits, 1);
    assert_eq!(offsets(&world), [Some(0), Some(1)]);
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(numbers(&world, 0), [(0, 0), (0, 0), (0, 1), (0, 2)]);
    world.finish();
}

#[test]
fn too_large_batches_are_safely_removed() {
    let mut world = Setup::nodes(1).topic("t", 1).capacities(|memory| memory.batches = 1).start();
    let topic = world.topic("t");
    refuse(&world, 0, 10);
    world.run_until("the partition is known", |world| world.producer.partitions(topic).is_some());
    world.send_many(topic, Some(0), 4);
    world.run_until("it is split", |world| world.counters().batch_splits == 1);
    inject(&world, Fault::on(Api::Produce, Action::Error(5)).always());
    world.settle();
    world.cluster().clear_faults();
    assert_eq!(world.producer.unfinished_batches(), 0);
    world.run_for(300_000);
    world.send(topic, Some(0), Content::of_value([7; 400])).expect("the only slot is free, and whole");
    world.settle();
    assert!(world.deliveries().last().is_some_and(|delivery| delivery.result.is_ok()));
    world.finish();
}

#[test]
fn sender_should_retry_with_backoff_on_retriable_error() {
    let mut world = record_by_record(1, 1).start();
    let topic = world.topic("t");
    inject(&world, Fault::on(Api::InitProducerId, Action::Error(14)).times(3));
    world.send_many(topic, Some(0), 1);
    world.settle();
    let at: Vec<u64> = requests_of(&world, Api::InitProducerId).iter().map(|seen| seen.at).collect();
    let waits: Vec<u64> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits.len(), 3);
    for (wait, backoff) in waits.iter().zip([100, 200, 400]) {
        assert!((backoff * 8 / 10..=backoff * 12 / 10).contains(wait), "waits of {waits:?} ms");
    }
    world.finish();
}

/// The record that the broker names is told; the others of its batch failed with it.
#[test]
fn record_error_propagated_to_application() {
    let (mut world, topic) = warm(Setup::nodes(1).topic("t", 1));
    inject(&world, Fault::on(Api::Produce, Action::ErrorOfRecord(87, 2)));
    world.send_many(topic, Some(0), 4);
    world.settle();
    let code = ErrorCode::new(87);
    assert_eq!(world.errors(), [DeliveryError::FailedRecord { code, index: 2 }]);
    assert_eq!(world.deliveries()[1].records, 4);
    world.send_many(topic, Some(0), 1);
    world.finish();
}

#[test]
fn quota_metrics() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    inject(&world, Fault::on(Api::Produce, Action::Throttle(400)));
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(world.counters().throttled, 1);
    let throttled_at = now(&world);
    world.send_many(topic, Some(0), 1);
    world.settle();
    let resumed_at = world.produce_requests()[2].at;
    assert!((400..420).contains(&(resumed_at - throttled_at)), "from {throttled_at} to {resumed_at} ms");
    world.finish();
}

/// Metadata of the versions that we speak has no leader epochs: the backoff is waited for in either case.
#[test]
fn producer_batch_retries_when_partition_leader_changes() {
    for moves in [true, false] {
        let (mut world, topic) = warm(record_by_record(2, 1));
        refuse(&world, 0, 6);
        if moves {
            world.cluster().move_leader("t", 0, 2);
        }
        world.send_many(topic, Some(0), 1);
        world.settle();
        let requests = world.produce_requests();
        let waited = requests[2].at - requests[1].at;
        assert!((80..=121).contains(&waited), "tried again after {waited} ms");
        assert_eq!(requests[2].node, if moves { 2 } else { 1 });
        world.finish();
    }
}

#[test]
fn when_produce_response_returns_with_a_leader_ship_change_error_but_no_new_leader_information() {
    for code in [6, 74] {
        let (mut world, topic) = warm(record_by_record(1, 1));
        let asked = requests_of(&world, Api::Metadata).len();
        refuse(&world, 0, code);
        world.send_many(topic, Some(0), 1);
        world.settle();
        world.run_for(200);
        assert_eq!(requests_of(&world, Api::Metadata).len(), asked + 1, "an update is asked for");
        let requests = world.produce_requests();
        let waited = requests[2].at - requests[1].at;
        assert!((80..=121).contains(&waited), "tried again after {waited} ms");
        assert_eq!(numbers(&world, 0), [(0, 0), (0, 1), (0, 1)]);
        world.finish();
    }
}
