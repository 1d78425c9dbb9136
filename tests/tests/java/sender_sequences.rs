//! `SenderTest`: several batches in flight, and what becomes of their sequences when one fails.
//!
//! In each, sequence 0 of a partition is acknowledged beforehand: until then, we send one batch at a time.

use nanokafka::{DeliveryError, Instant};
use nanokafka_tests::broker::{Action, Api, Fault, Release};

use crate::rig::{
    World, delay, failed, inject, now, numbers, offsets, producer_ids, record_by_record, refuse, requests_of,
    until_errors, warm,
};

fn outstanding(world: &World) -> Vec<usize> {
    world.produce_requests().iter().map(|seen| seen.outstanding).collect()
}

#[test]
fn idempotence_with_multiple_inflights() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    delay(&world, 50);
    world.send_many(topic, Some(0), 2);
    world.settle();
    assert_eq!(numbers(&world, 0), [(0, 0), (0, 1), (0, 2)]);
    assert_eq!(outstanding(&world), [0, 0, 1], "the second goes before the first is answered");
    assert_eq!(offsets(&world), [Some(0), Some(1), Some(2)]);
    world.finish();
}

#[test]
fn idempotence_with_multiple_inflights_retried_in_order() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    delay(&world, 50);
    refuse(&world, 0, 5);
    // The broker refuses the second and the third, because it has not got the first; whose second attempt takes long.
    inject(&world, Fault::on(Api::Produce, Action::Delay(200)).after(2));
    world.send_many(topic, Some(0), 3);
    world.run_for(60);
    assert_eq!(outstanding(&world), [0, 0, 1, 2]);
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(numbers(&world, 0), [(0, 0), (0, 1), (0, 2), (0, 3), (0, 1), (0, 2), (0, 3), (0, 4)]);
    assert_eq!(outstanding(&world)[4..], [0; 4], "one at a time");
    assert_eq!(offsets(&world), [Some(0), Some(1), Some(2), Some(3), Some(4)]);
    world.finish();
}

#[test]
fn idempotence_with_multiple_inflights_where_first_fails_fatally_and_sequence_of_future_batches_is_adjusted()
{
    let (mut world, topic) = warm(record_by_record(1, 1));
    delay(&world, 50);
    refuse(&world, 0, 10);
    world.send_many(topic, Some(0), 2);
    world.settle();
    assert_eq!(world.errors(), [failed(10)], "a single record cannot be split");
    assert_eq!(numbers(&world, 0), [(0, 0), (0, 1), (0, 2), (1, 0)]);
    assert_eq!(world.counters().epoch_bumps, 1);
    assert_eq!(offsets(&world), [Some(0), None, Some(1)]);
    world.finish();
}

#[test]
fn epoch_bump_on_out_of_order_sequence_for_next_batch() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    refuse(&world, 0, 45);
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(numbers(&world, 0), [(0, 0), (0, 1), (1, 0)]);
    assert_eq!(world.counters().epoch_bumps, 1);
    assert_eq!(requests_of(&world, Api::InitProducerId).len(), 1, "the epoch is raised without a request");
    world.finish();
}

#[test]
fn epoch_bump_on_out_of_order_sequence_for_next_batch_when_there_is_no_batch_in_flight() {
    let (mut world, topic) = warm(record_by_record(2, 2));
    refuse(&world, 0, 45);
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(numbers(&world, 1), [(0, 0)], "nothing is sent for the other partition's sake");
    world.send_many(topic, Some(1), 2);
    world.settle();
    assert_eq!(numbers(&world, 1), [(0, 0), (1, 0), (1, 1)]);
    assert_eq!(world.counters().epoch_bumps, 1);
    world.finish();
}

#[test]
fn epoch_bump_on_out_of_order_sequence_for_next_batch_when_batch_in_flight_fails() {
    let (mut world, topic) = warm(record_by_record(2, 2));
    inject(&world, Fault::on(Api::Produce, Action::Delay(300)).node(2));
    refuse(&world, 1, 5);
    inject(&world, Fault::on(Api::Produce, Action::Error(29)).partition("t", 1));
    refuse(&world, 0, 45);
    world.send_many(topic, Some(1), 1);
    world.run_for(1);
    world.send_many(topic, Some(0), 1);
    world.run_until("the other partition's is in the new epoch", |world| world.delivered() == 3);
    world.settle();
    assert_eq!(world.errors(), [failed(29)]);
    world.send_many(topic, Some(1), 1);
    world.settle();
    assert_eq!(numbers(&world, 0), [(0, 0), (0, 1), (1, 0)]);
    assert_eq!(numbers(&world, 1), [(0, 0), (0, 1), (0, 1), (1, 0)]);
    world.finish();
}

#[test]
fn correct_handling_of_out_of_order_responses() {
    let (mut world, topic) = warm(record_by_record(2, 1));
    delay(&world, 50);
    world.cluster().move_leader("t", 0, 2);
    // Both come back from the broker that does not lead any more.
    world.send_many(topic, Some(0), 2);
    world.settle();
    assert_eq!(numbers(&world, 0), [(0, 0), (0, 1), (0, 2), (0, 1), (0, 2)]);
    assert_eq!(outstanding(&world), [0, 0, 1, 0, 0], "then one by one");
    world.finish();
}

/// The answer to the first was lost, but not the batch.
#[test]
fn correct_handling_of_out_of_order_responses_when_second_succeeds() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    delay(&world, 50);
    inject(&world, Fault::on(Api::Produce, Action::WrittenThenError(7)));
    world.send_many(topic, Some(0), 2);
    world.run_until("the second is acknowledged", |world| world.delivered() == 2);
    assert_eq!(world.unreported(), 1, "the first is not");
    world.settle();
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(numbers(&world, 0), [(0, 0), (0, 1), (0, 2), (0, 1), (0, 3)]);
    assert_eq!(offsets(&world), [Some(0), Some(2), Some(1), Some(3)]);
    assert_eq!(world.counters().epoch_bumps, 0);
    world.finish();
}

#[test]
fn correct_handling_of_duplicate_sequence_error() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    delay(&world, 50);
    inject(&world, Fault::on(Api::Produce, Action::WrittenThenError(7)));
    world.send_many(topic, Some(0), 2);
    world.run_until("the second is acknowledged", |world| world.delivered() == 2);
    refuse(&world, 0, 46);
    world.settle();
    assert_eq!(offsets(&world), [Some(0), Some(2), None]);
    assert_eq!(world.delivered(), 3);
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(numbers(&world, 0).last(), Some(&(0, 3)));
    assert_eq!(world.cluster().records_written(), 4);
    world.finish();
}

#[test]
fn reset_of_producer_state_should_allow_queued_batches_to_drain() {
    let setup = record_by_record(2, 2).cluster(|cluster| cluster.first_epoch = i16::MAX);
    let (mut world, topic) = warm(setup);
    refuse(&world, 0, 45);
    inject(&world, Fault::on(Api::InitProducerId, Action::Delay(300)));
    world.send_many(topic, Some(0), 1);
    world.run_for(100);
    world.send_many(topic, Some(1), 2);
    world.settle();
    assert_eq!(producer_ids(&world, 0), [1000, 1000, 1001]);
    assert_eq!(producer_ids(&world, 1), [1000, 1001, 1001]);
    assert_eq!(numbers(&world, 1)[1..], [(i16::MAX, 0), (i16::MAX, 1)]);
    world.finish();
}

/// Closes while a new producer id is awaited, with 10 s left or none.
fn close_during_reset(forced: bool) {
    let setup = record_by_record(2, 2).cluster(|cluster| cluster.first_epoch = i16::MAX);
    let (mut world, topic) = warm(setup);
    refuse(&world, 0, 45);
    inject(&world, Fault::on(Api::InitProducerId, Action::Delay(500)));
    world.send_many(topic, Some(0), 1);
    world.run_until("a new id is asked for", |world| requests_of(world, Api::InitProducerId).len() == 2);
    world.send_many(topic, Some(1), 1);
    let start = now(&world);
    world.producer.close(Instant::from_millis(start + if forced { 0 } else { 10_000 }));
    world.run_until("it is closed", |world| world.producer.is_closed());
    world.take_deliveries();
    assert_eq!(world.unreported(), 0);
    let of_partition = |maybe_written| DeliveryError::Closed { maybe_written };
    let errors = if forced { vec![of_partition(false), of_partition(false)] } else { vec![] };
    assert_eq!(world.errors(), errors);
    let took = now(&world) - start;
    assert!(if forced { took == 0 } else { (400..1_000).contains(&took) }, "closed after {took} ms");
    assert!(world.verdict().all_zero(), "{}", world.verdict());
}

#[test]
fn close_with_producer_id_reset() {
    close_during_reset(false);
}

#[test]
fn force_close_with_producer_id_reset() {
    close_during_reset(true);
}

#[test]
fn batches_drained_with_old_producer_id_should_succeed_on_subsequent_retry() {
    let setup = record_by_record(2, 2).cluster(|cluster| cluster.first_epoch = i16::MAX);
    let (mut world, topic) = warm(setup);
    inject(&world, Fault::on(Api::Produce, Action::Delay(300)).node(2));
    refuse(&world, 1, 5);
    refuse(&world, 0, 45);
    world.send_many(topic, Some(1), 1);
    world.run_for(1);
    world.send_many(topic, Some(0), 1);
    world.settle();
    world.send_many(topic, Some(1), 1);
    world.settle();
    assert_eq!(producer_ids(&world, 0), [1000, 1000, 1001]);
    assert_eq!(producer_ids(&world, 1), [1000, 1000, 1000, 1001], "the retry is what it was");
    assert_eq!(world.errors(), []);
    world.finish();
}

/// In flight when the last epoch is used up, cut, and resent as it was; the next has the new id.
#[test]
fn retry_when_producer_id_changes() {
    let setup = record_by_record(2, 2).cluster(|cluster| cluster.first_epoch = i16::MAX);
    let (mut world, topic) = warm(setup);
    inject(&world, Fault::on(Api::Produce, Action::WrittenThenCut).node(2));
    refuse(&world, 0, 45);
    world.send_many(topic, Some(0), 1);
    world.send_many(topic, Some(1), 1);
    world.settle();
    assert_eq!(world.errors(), []);
    assert_eq!(producer_ids(&world, 1), [1000; 3]);
    assert_eq!(world.cluster().topic_mut("t").partitions[1].log.len(), 2, "once");
    world.send_many(topic, Some(1), 1);
    world.settle();
    assert_eq!(producer_ids(&world, 1).last(), Some(&1001));
    world.finish();
}

#[test]
fn bump_epoch_when_out_of_order_sequence_received() {
    let mut world = record_by_record(1, 1).start();
    let topic = world.topic("t");
    refuse(&world, 0, 45);
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(world.errors(), []);
    assert_eq!(numbers(&world, 0), [(0, 0), (1, 0)]);
    world.finish();
}

/// A broker of 2.0, which has forgotten the producer with the records that it wrote.
fn forgotten(records: usize) -> World {
    let setup = record_by_record(1, 1).cluster(|cluster| cluster.set_release_of_all(Release::V2_0));
    let (mut world, topic) = warm(setup);
    world.cluster().forget_producers();
    delay(&world, 50);
    world.send_many(topic, Some(0), records);
    world.settle();
    world
}

#[test]
fn idempotent_unknown_producer_handling_when_retention_limit_reached() {
    let world = forgotten(1);
    assert_eq!(numbers(&world, 0), [(0, 0), (0, 1), (1, 0)]);
    assert_eq!(offsets(&world), [Some(0), Some(1)]);
    world.finish();
}

#[test]
fn unknown_producer_error_should_be_retried_for_future_batches_when_first_fails() {
    let world = forgotten(2);
    assert_eq!(numbers(&world, 0), [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]);
    assert_eq!(world.counters().epoch_bumps, 1, "the second refusal is no second reason");
    world.finish();
}

#[test]
fn should_raise_out_of_order_sequence_exception_to_user_if_log_was_not_truncated() {
    let world = forgotten(1);
    assert_eq!(world.cluster().topics().next().map(|(_, topic)| topic.partitions[0].log.len()), Some(2));
    assert_eq!(world.errors(), [], "no error to the user");
    assert_eq!(world.counters().epoch_bumps, 1);
    world.finish();
}

#[test]
fn unknown_producer_error_should_be_retried_when_log_start_offset_is_unknown() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    refuse(&world, 0, 59);
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(numbers(&world, 0), [(0, 0), (0, 1), (0, 1)]);
    assert_eq!(world.counters().epoch_bumps, 0);
    world.finish();
}

#[test]
fn expiry_of_unsent_batches_should_not_cause_unresolved_sequences() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    world.stop(1);
    world.run_until("that is noticed", |world| world.counters().disconnects == 1);
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert!(matches!(world.errors()[..], [DeliveryError::Timeout { maybe_written: false, .. }]));
    world.start(1);
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(numbers(&world, 0), [(0, 0), (0, 1)]);
    world.finish();
}

#[test]
fn expiry_of_all_sent_batches_should_cause_unresolved_sequences() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    inject(&world, Fault::on(Api::Produce, Action::Error(5)).always());
    world.send_many(topic, Some(0), 1);
    world.settle();
    world.cluster().clear_faults();
    assert_eq!(world.errors().len(), 1);
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(numbers(&world, 0).last(), Some(&(1, 0)));
    assert_eq!(world.counters().epoch_bumps, 1);
    world.finish();
}

#[test]
fn expiry_of_first_batch_should_not_cause_unresolved_sequences_if_future_batches_succeed() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    delay(&world, 50);
    inject(&world, Fault::on(Api::Produce, Action::WrittenThenError(7)));
    world.send_many(topic, Some(0), 2);
    world.run_until("the second is acknowledged", |world| world.delivered() == 2);
    inject(&world, Fault::on(Api::Produce, Action::Error(5)).always());
    world.run_for(60_000);
    world.send_many(topic, Some(0), 1);
    until_errors(&mut world, 1);
    world.cluster().clear_faults();
    assert!(numbers(&world, 0).iter().all(|number| number.1 < 3), "the third waits");
    world.settle();
    assert_eq!(numbers(&world, 0).last(), Some(&(0, 3)));
    assert_eq!((world.counters().epoch_bumps, world.errors().len()), (0, 1));
    world.finish();
}

#[test]
fn expiry_of_first_batch_should_cause_epoch_bump_if_future_batches_fail() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    delay(&world, 20_000);
    inject(&world, Fault::on(Api::Produce, Action::Error(5)).always());
    world.send_many(topic, Some(0), 1);
    world.run_for(5_000);
    world.send_many(topic, Some(0), 1);
    until_errors(&mut world, 1);
    world.cluster().clear_faults();
    world.send_many(topic, Some(0), 1);
    world.settle();
    let numbers = numbers(&world, 0);
    assert_eq!(numbers[1..3], [(0, 1), (0, 2)]);
    assert_eq!(numbers[numbers.len() - 2..], [(1, 0), (1, 1)]);
    assert_eq!((world.counters().epoch_bumps, world.delivered()), (1, 3));
    world.finish();
}
