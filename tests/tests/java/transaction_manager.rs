//! `TransactionManagerTest`, as far as it is about idempotence without transactions.

use nanokafka::{DeliveryError, ErrorCode, SendError};
use nanokafka_tests::broker::{Action, Api, Fault};

use crate::rig::{
    Setup, delay, failed, inject, numbers, offsets, record_by_record, refuse, until_errors, warm,
};

#[test]
fn default_sequence_number() {
    let mut world = Setup::nodes(1).topic("t", 1).start();
    let topic = world.topic("t");
    for records in [3, 1] {
        world.send_many(topic, Some(0), records);
        world.settle();
    }
    assert_eq!(numbers(&world, 0), [(0, 0), (0, 3)]);
    world.finish();
}

/// Only the partition that asked begins anew.
#[test]
fn producer_id_reset() {
    let (mut world, topic) = warm(record_by_record(2, 2));
    (0..2).for_each(|partition| world.send_many(topic, Some(partition), 2));
    world.settle();
    inject(&world, Fault::on(Api::Produce, Action::Delay(300)).node(2));
    refuse(&world, 0, 45);
    world.send_many(topic, Some(1), 1);
    world.run_for(1);
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(numbers(&world, 0)[3..], [(0, 3), (1, 0)]);
    assert_eq!(numbers(&world, 1), [(0, 0), (0, 1), (0, 2), (0, 3)], "the other goes on");
    world.finish();
}

/// Java renumbers b2 to b5 after b1 was refused with `UNKNOWN_PRODUCER_ID`; here the broker has forgotten all five.
#[test]
fn bump_epoch_and_reset_sequence_numbers_after_unknown_producer_id() {
    let release = nanokafka_tests::broker::Release::V2_0;
    let setup = record_by_record(1, 1).cluster(|cluster| cluster.set_release_of_all(release));
    let (mut world, topic) = warm(setup);
    world.cluster().forget_producers();
    delay(&world, 50);
    world.send_many(topic, Some(0), 5);
    world.settle();
    let expected = [(0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (1, 0), (1, 1), (1, 2), (1, 3), (1, 4)];
    assert_eq!(numbers(&world, 0)[1..], expected);
    assert_eq!(offsets(&world), (0..6).map(Some).collect::<Vec<_>>());
    assert_eq!(world.counters().epoch_bumps, 1);
    world.finish();
}

/// A batch of another partition is under way while the epoch is raised; then it fails, or is acknowledged.
fn in_flight_of_another_partition(code: Option<i16>) {
    let (mut world, topic) = warm(record_by_record(2, 2));
    inject(&world, Fault::on(Api::Produce, Action::Delay(300)).node(2));
    if let Some(code) = code {
        refuse(&world, 1, code);
    }
    refuse(&world, 0, 45);
    world.send_many(topic, Some(1), 1);
    world.run_for(1);
    world.send_many(topic, Some(0), 1);
    world.run_until("the epoch is raised", |world| world.counters().epoch_bumps == 1);
    assert_eq!(world.unreported(), 2, "the other batch is under way");
    // It waits: what is under way has the old epoch.
    world.send_many(topic, Some(1), 1);
    world.run_for(200);
    assert_eq!(numbers(&world, 1), [(0, 0), (0, 1)]);
    world.settle();
    assert_eq!(world.errors(), Vec::from_iter(code.map(failed)));
    assert_eq!(numbers(&world, 1), [(0, 0), (0, 1), (1, 0)], "then it begins at 0");
    assert_eq!(world.counters().epoch_bumps, 1);
    world.finish();
}

#[test]
fn batch_failure_after_producer_reset() {
    in_flight_of_another_partition(Some(29));
}

#[test]
fn batch_completed_after_producer_reset() {
    in_flight_of_another_partition(None);
}

#[test]
fn failed_inflight_batch_after_epoch_bump() {
    in_flight_of_another_partition(Some(87));
}

#[test]
fn healthy_partition_retries_during_epoch_bump() {
    let (mut world, topic) = warm(record_by_record(2, 2));
    inject(&world, Fault::on(Api::Produce, Action::Delay(300)).node(2));
    inject(&world, Fault::on(Api::Produce, Action::Error(5)).partition("t", 1).times(2));
    refuse(&world, 0, 45);
    // Two in flight of the healthy partition: both come back, and keep their numbers.
    world.send_many(topic, Some(1), 2);
    world.run_for(1);
    world.send_many(topic, Some(0), 1);
    world.run_for(200);
    assert_eq!(world.counters().epoch_bumps, 1);
    world.send_many(topic, Some(1), 1);
    world.settle();
    assert_eq!(numbers(&world, 1), [(0, 0), (0, 1), (0, 2), (0, 1), (0, 2), (1, 0)]);
    assert_eq!(world.errors(), []);
    world.finish();
}

/// A batch that was retried expires while its request is under way: no number is ever used for two batches.
#[test]
fn duplicate_sequence_after_producer_reset() {
    let setup = record_by_record(1, 1).config(|config| config.delivery_timeout_ms = 30_000);
    let (mut world, topic) = warm(setup);
    inject(&world, Fault::on(Api::Produce, Action::Cut));
    inject(&world, Fault::on(Api::Produce, Action::Freeze));
    world.send_many(topic, Some(0), 1);
    world.run_for(20_000);
    world.send_many(topic, Some(0), 1);
    until_errors(&mut world, 1);
    assert!(matches!(world.errors()[..], [DeliveryError::Timeout { maybe_written: true, .. }]));
    world.settle();
    // The first was written before its answer was lost, so that the second is next in any case.
    let seen = world.produce_requests();
    let stamps: Vec<_> = seen.iter().flat_map(|seen| &seen.batches).map(|batch| batch.stamp).collect();
    let (first, last) = (stamps[1], stamps[stamps.len() - 1]);
    assert!(stamps[1..stamps.len() - 1].iter().all(|stamp| *stamp == first), "{stamps:?}");
    assert_ne!(last, first, "a number of its own");
    assert_eq!(world.errors().len(), 1);
    world.finish();
}

/// Nothing under way and a gap: the epoch is raised. No gap: it is not.
#[test]
fn bump_epoch_after_timeout_without_pending_inflight_requests() {
    for written in [false, true] {
        let (mut world, topic) = warm(record_by_record(1, 1));
        if written {
            // The second one's success tells that there is no gap.
            delay(&world, 50);
            inject(&world, Fault::on(Api::Produce, Action::WrittenThenError(7)));
            world.send_many(topic, Some(0), 2);
            world.run_until("the second is acknowledged", |world| world.delivered() == 2);
        } else {
            world.send_many(topic, Some(0), 1);
        }
        inject(&world, Fault::on(Api::Produce, Action::Error(5)).always());
        world.settle();
        world.cluster().clear_faults();
        assert_eq!(world.errors().len(), 1, "the first has expired");
        world.send_many(topic, Some(0), 1);
        world.settle();
        assert_eq!(world.counters().epoch_bumps, usize::from(!written));
        assert_eq!(numbers(&world, 0).last(), Some(if written { &(0, 3) } else { &(1, 0) }));
        world.finish();
    }
}

/// Sends three at once, the first two of which are written and come back without success until they expire. The
/// third is acknowledged, or refused.
fn last_in_flight(succeeds: bool) -> crate::rig::World {
    let (mut world, topic) = warm(record_by_record(1, 1));
    delay(&world, 50);
    let action = if succeeds { Action::WrittenThenError(7) } else { Action::Error(7) };
    inject(&world, Fault::on(Api::Produce, action).times(2));
    if !succeeds {
        refuse(&world, 0, 29);
    }
    world.send_many(topic, Some(0), 3);
    world.run_until("the third is reported", |world| world.unreported() == 2);
    inject(&world, Fault::on(Api::Produce, Action::Error(7)).always());
    world.settle();
    world.cluster().clear_faults();
    world.send_many(topic, Some(0), 1);
    world.settle();
    world
}

#[test]
fn no_producer_id_reset_after_last_in_flight_batch_succeeds() {
    let world = last_in_flight(true);
    assert_eq!((world.errors().len(), world.counters().epoch_bumps), (2, 0));
    assert_eq!(numbers(&world, 0).last(), Some(&(0, 4)));
    world.finish();
}

#[test]
fn epoch_bump_after_last_in_flight_batch_fails_idempotent_producer() {
    let world = last_in_flight(false);
    assert_eq!((world.errors().len(), world.counters().epoch_bumps > 0), (3, true));
    let last = numbers(&world, 0).last().copied();
    assert!(last.is_some_and(|(epoch, sequence)| epoch > 0 && sequence == 0), "{last:?}");
    world.finish();
}

#[test]
fn no_failed_batch_handling_when_txn_manager_is_in_fatal_error() {
    let (mut world, topic) = warm(record_by_record(2, 2));
    inject(&world, Fault::on(Api::Produce, Action::Delay(300)).node(2));
    refuse(&world, 1, 29);
    refuse(&world, 0, 31);
    world.send_many(topic, Some(1), 1);
    world.run_for(1);
    world.send_many(topic, Some(0), 1);
    world.settle();
    world.run_for(1_000);
    assert_eq!(world.errors(), [failed(31), failed(31)]);
    assert_eq!(world.counters().epoch_bumps, 0, "the late refusal of the other partition's raises nothing");
    world.finish();
}

#[test]
fn fail_if_not_ready_for_send_idempotent_producer_fatal_error() {
    let mut world = record_by_record(1, 1).start();
    let topic = world.topic("t");
    inject(&world, Fault::on(Api::InitProducerId, Action::Error(35)));
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(world.errors(), [failed(35)]);
    assert_eq!(world.send_next(topic, Some(0)), Err(SendError::Fatal(ErrorCode::new(35))));
    world.finish();
}
