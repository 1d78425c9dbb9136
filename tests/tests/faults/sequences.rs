//! Row 16: what is wrong with sequences and producer ids, at each place of 1 to 5 batches in flight. (The wrap of
//! sequences behind 2147483647 is tested in `core/src/idempotence/tests.rs`: no test can send so many records.)

use nanokafka::{DeliveryError, ErrorCode, SendError};
use nanokafka_tests::broker::{Action, Api, Fault, Release};

use crate::rig::{Setup, World, all_delivered, each_place, now, record_by_record, send_in_flight, warm};

/// Errors times places.
const ROW_16_CASES: usize = 180;

/// So many batches, of which the one at this place meets this.
fn run(setup: Setup, in_flight: usize, place: usize, action: Action) -> (World, nanokafka::TopicId) {
    let (mut world, topic) = warm(setup);
    world.cluster().inject(Fault::on(Api::Produce, action).partition("t", 0).after(place as u32));
    send_in_flight(&mut world, topic, in_flight, 50);
    world.settle();
    (world, topic)
}

fn epochs(world: &World) -> usize {
    world.counters().epoch_bumps
}

fn out_of_order_is_mended(in_flight: usize, place: usize) {
    let (world, _) = run(record_by_record(1, 1), in_flight, place, Action::Error(45));
    assert_eq!(epochs(&world), 1);
    all_delivered(world, 1 + in_flight, &format!("45 at {place} of {in_flight}"));
}

fn unknown_producer_without_log_start_is_retried(in_flight: usize, place: usize) {
    let (world, _) = run(record_by_record(1, 1), in_flight, place, Action::Error(59));
    assert_eq!(epochs(&world), 0);
    all_delivered(world, 1 + in_flight, &format!("59 at {place} of {in_flight}"));
}

fn duplicate_is_a_success(in_flight: usize, place: usize) {
    let (world, _) = run(record_by_record(1, 1), in_flight, place, Action::WrittenThenError(46));
    let unknown = world.deliveries().iter().filter(|delivery| {
        let ack = delivery.result.expect("all are delivered");
        ack.base_offset.is_none()
    });
    assert_eq!((unknown.count(), epochs(&world)), (1, 0));
    all_delivered(world, 1 + in_flight, &format!("46 at {place} of {in_flight}"));
}

/// The producer id has expired when this one arrives.
fn forgotten(release: Release, in_flight: usize, place: usize, bumps: u64) {
    let setup = record_by_record(1, 1).cluster(|cluster| cluster.set_release_of_all(release));
    let (mut world, topic) = warm(setup);
    if place > 0 {
        send_in_flight(&mut world, topic, place, 50);
        world.settle();
    }
    world.cluster().forget_producers();
    send_in_flight(&mut world, topic, in_flight - place, 50);
    world.settle();
    assert_eq!(epochs(&world), bumps as usize);
    all_delivered(world, 1 + in_flight, &format!("forgotten at {place} of {in_flight}"));
}

/// Final for the batch: those behind it, which the broker refuses now, are numbered anew and arrive.
fn fenced_batch_fails_alone(code: i16, in_flight: usize, place: usize) {
    let (mut world, topic) = run(record_by_record(1, 1), in_flight, place, Action::Error(code));
    assert_eq!(world.errors(), [DeliveryError::Failed(ErrorCode::new(code))]);
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!((world.delivered(), epochs(&world)), (1 + in_flight, 1), "{code} at {place} of {in_flight}");
    assert!(world.strict_verdict().all_zero());
    world.finish();
}

/// Final for the producer: what was acknowledged stays so, all else fails, once, until `reset`.
fn fatal_code_ends_all(code: i16, in_flight: usize, place: usize) {
    let (mut world, topic) = run(record_by_record(1, 1), in_flight, place, Action::Error(code));
    let fatal = ErrorCode::new(code);
    assert_eq!(world.delivered(), 1 + place, "{code} at {place} of {in_flight}");
    assert_eq!(world.errors(), vec![DeliveryError::Failed(fatal); in_flight - place]);
    assert_eq!(world.fatal_told(), [fatal]);
    assert_eq!(world.send_next(topic, Some(0)), Err(SendError::Fatal(fatal)));
    world.producer.reset();
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(world.delivered(), 2 + place);
    assert!(world.strict_verdict().all_zero());
    world.finish();
}

#[test]
fn each_error_of_sequences_at_each_place_has_its_outcome() {
    let mut cases = 0;
    for (in_flight, place) in each_place() {
        out_of_order_is_mended(in_flight, place);
        unknown_producer_without_log_start_is_retried(in_flight, place);
        duplicate_is_a_success(in_flight, place);
        // Brokers up to 2.4 say so; later ones accept any first sequence.
        forgotten(Release::V2_0, in_flight, place, 1);
        forgotten(Release::V3_9, in_flight, place, 0);
        let of_batch = [47, 48];
        of_batch.into_iter().for_each(|code| fenced_batch_fails_alone(code, in_flight, place));
        let of_producer = [31, 35, 49, 53, 90];
        of_producer.into_iter().for_each(|code| fatal_code_ends_all(code, in_flight, place));
        cases += 5 + of_batch.len() + of_producer.len();
    }
    assert_eq!(cases, ROW_16_CASES);
}

/// A batch that expires while it is under way may leave a gap: until it has landed, nothing goes behind it.
#[test]
fn nothing_goes_behind_a_batch_that_expired_on_its_way() {
    let setup =
        record_by_record(1, 1).config(|config| config.delivery_timeout_ms = config.request_timeout_ms);
    let (mut world, topic) = warm(setup);
    let start = now(&world);
    world.cluster().inject(Fault::on(Api::Produce, Action::Cut));
    world.cluster().inject(Fault::on(Api::Produce, Action::Delay(29_980)));
    world.send_many(topic, Some(0), 1);
    world.run_until("it has expired", |world| !world.errors().is_empty());
    assert_eq!(now(&world) - start, 30_000);
    world.send_many(topic, Some(0), 1);
    world.settle();
    let requests = world.produce_requests();
    let (answered, next) = (requests[2].at + 29_980, requests[3].at);
    assert!(
        next >= answered && answered > start + 30_000,
        "answered at {answered}, the next went at {next} ms"
    );
    // It was written: there was no gap.
    assert_eq!((world.delivered(), epochs(&world)), (2, 0));
    world.finish();
}
