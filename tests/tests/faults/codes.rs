//! Row 24: every error code, and codes of the future, at each level of each answer that we read.

use nanokafka::{DeliveryError, ErrorCode, Status};
use nanokafka_tests::broker::{Action, Api, Fault};
use nanokafka_tests::random::Random;

use crate::rig::{World, all_delivered, record_by_record};

/// -1 to 127, and codes by chance, at each of five levels.
const ROW_24_CASES: usize = 965;

const BY_CHANCE: usize = 64;

/// By section 3 of the reference: tried again.
const RETRIABLE: [i16; 20] = [2, 3, 5, 6, 7, 9, 13, 14, 15, 16, 19, 20, 51, 56, 72, 74, 75, 89, 100, 103];

/// Final for an idempotent producer.
const FATAL_TO_PRODUCER: [i16; 5] = [31, 35, 49, 53, 90];

/// No right to get a producer id, which may still be granted.
const MAY_BE_GRANTED: [i16; 2] = [31, 53];

const DUPLICATE_SEQUENCE_NUMBER: i16 = 46;

fn codes() -> impl Iterator<Item = i16> {
    let mut random = Random::new(24);
    let by_chance = std::iter::repeat_with(move || random.next_u64() as i16);
    (-1..=127).chain(by_chance.filter(|code| !(-1..=127).contains(code)).take(BY_CHANCE))
}

fn world(fault: Fault) -> World {
    let mut world = record_by_record(1, 1).start();
    world.cluster().inject(fault);
    let topic = world.topic("t");
    world.send_many(topic, Some(0), 1);
    world.settle();
    world
}

/// The batch failed with the code, the producer lives, and the next record goes.
fn next_one_goes(mut world: World, code: i16, level: &str) {
    let failed = world.errors() == [DeliveryError::Failed(ErrorCode::new(code))];
    assert!(failed && world.fatal_told().is_empty(), "{level}: {code}: {:?}", world.errors());
    let topic = world.topic("t");
    world.cluster().clear_faults();
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(world.delivered(), 1, "{level}: {code}");
    world.finish();
}

/// It was told once that nothing can be sent any more; after `reset`, it can.
fn reset_begins_anew(mut world: World, code: i16, level: &str) {
    assert_eq!(world.errors(), [DeliveryError::Failed(ErrorCode::new(code))], "{level}: {code}");
    assert_eq!(world.fatal_told(), [ErrorCode::new(code)], "{level}: {code}");
    assert_eq!(world.producer.status(), Status::Fatal(ErrorCode::new(code)));
    world.producer.reset();
    let topic = world.topic("t");
    world.send_many(topic, Some(0), 1);
    world.settle();
    assert_eq!(world.delivered(), 1, "{level}: {code}");
    world.finish();
}

fn produce_partition(code: i16) {
    let level = "Produce, partition";
    let refused = Fault::on(Api::Produce, Action::Error(code)).partition("t", 0);
    match code {
        0 => all_delivered(world(Fault::on(Api::Produce, Action::Delay(1))), 1, level),
        DUPLICATE_SEQUENCE_NUMBER => {
            all_delivered(world(Fault::on(Api::Produce, Action::WrittenThenError(code))), 1, level);
        }
        // Sequences: sent again as it is, or anew.
        45 | 59 => all_delivered(world(refused), 1, level),
        code if RETRIABLE.contains(&code) => {
            let world = world(refused);
            assert_eq!(world.counters().batch_retries, 1, "{code}");
            all_delivered(world, 1, level);
        }
        code if FATAL_TO_PRODUCER.contains(&code) => reset_begins_anew(world(refused), code, level),
        // Among them 10: one record cannot be split. And each code that nobody knows.
        code => next_one_goes(world(refused), code, level),
    }
}

fn init_producer_id(code: i16) {
    let level = "InitProducerId";
    let refused = Fault::on(Api::InitProducerId, Action::Error(code));
    match code {
        // A success without a producer id is malformed.
        0 => {
            let world = world(refused);
            assert_eq!(world.counters().malformed_responses, 1, "{code}");
            all_delivered(world, 1, level);
        }
        code if RETRIABLE.contains(&code) => all_delivered(world(refused), 1, level),
        code if MAY_BE_GRANTED.contains(&code) => next_one_goes(world(refused), code, level),
        code => reset_begins_anew(world(refused), code, level),
    }
}

fn metadata_topic(code: i16) {
    let level = "Metadata, topic";
    let refused = Fault::on(Api::Metadata, Action::Error(code)).topic("t");
    // What Java's `send` throws for at once.
    if matches!(code, 17 | 29) {
        return next_one_goes(world(refused), code, level);
    }
    let world = world(refused.times(2));
    if code != 0 {
        let told = |status: &Status| matches!(status, Status::TopicError(_, of) if of.code() == code);
        assert!(world.statuses().iter().any(told), "{code}: {:?}", world.statuses());
    }
    all_delivered(world, 1, level);
}

fn metadata_partition(code: i16) {
    let fault = Fault::on(Api::Metadata, Action::Error(code)).partition("t", 0);
    all_delivered(world(fault.times(2)), 1, "Metadata, partition");
}

fn api_versions(code: i16) {
    let world = world(Fault::on(Api::ApiVersions, Action::Error(code)).times(2));
    // Without an error it is an answer that names no versions: that will not do either.
    assert_eq!(world.counters().disconnects, 2, "{code}");
    all_delivered(world, 1, "ApiVersions");
}

#[test]
fn each_code_at_each_level_of_each_answer_has_its_outcome() {
    let levels = [produce_partition, init_producer_id, metadata_topic, metadata_partition, api_versions];
    let mut cases = 0;
    for code in codes() {
        for level in levels {
            level(code);
            cases += 1;
        }
    }
    assert_eq!(cases, ROW_24_CASES);
}
