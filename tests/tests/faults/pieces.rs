//! Row 11: answers in any pieces, with a pause between any two bytes. Row 12: brokers that drip.

use nanokafka::TopicId;
use nanokafka_tests::random::Random;
use nanokafka_tests::rig::Direction;

use crate::rig::{World, all_delivered, now, record_by_record, warm};

/// An answer to Produce for one batch: up to four pieces, wherever the cuts are, and one byte at a time.
const ROW_11_PRODUCE_SPLITS: usize = 32_568;

/// The same for an answer to InitProducerId.
const ROW_11_INIT_PRODUCER_ID_SPLITS: usize = 2_048;

/// Longer answers, to Metadata and to Produce for six batches, in pieces by chance.
const ROW_11_RANDOM_SPLITS: usize = 5_000;

/// Each request, either direction, two rates.
const ROW_12_CASES: usize = 16;

const REQUEST_TIMEOUT_MS: u64 = 30_000;

/// All ways to cut so many bytes into two, three, or four pieces, and into single bytes.
fn splits(length: usize) -> impl Iterator<Item = Vec<usize>> {
    let cuts =
        (1..length).flat_map(move |a| (a..length).flat_map(move |b| (b..length).map(move |c| (a, b, c))));
    // Of equal cuts one is enough: pieces of no bytes are none. (a, a, a), (a, a, c), (a, b, c) are two, three, four.
    let cuts = cuts.filter(|(a, b, c)| a == b || b != c);
    let pieces = cuts.map(move |(a, b, c)| vec![a, b - a, c - b, length - c]);
    pieces.chain(std::iter::once(vec![1; length]))
}

fn received(world: &mut World, exchange: impl FnOnce(&mut World)) -> usize {
    let before = world.counters().bytes_received;
    exchange(world);
    world.counters().bytes_received - before
}

fn send_one(world: &mut World, topic: TopicId) {
    world.send_many(topic, Some(0), 1);
    world.settle();
}

/// So many splits are tried with one producer: each test of a world costs more, the more records it has had.
const SPLITS_OF_A_WORLD: usize = 100;

#[test]
fn a_short_answer_means_the_same_however_it_is_split() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    let length = received(&mut world, |world| send_one(world, topic));
    assert!(length <= 64, "an answer of {length} bytes");
    let all: Vec<Vec<usize>> = splits(length).collect();
    assert_eq!(all.len(), ROW_11_PRODUCE_SPLITS);
    for splits in all.chunks(SPLITS_OF_A_WORLD) {
        let (mut world, topic) = warm(record_by_record(1, 1));
        for pieces in splits {
            world.rig.tap().split(pieces.iter().copied());
            let before = world.delivered() as i64;
            send_one(&mut world, topic);
            let last = world.deliveries().last().and_then(|delivery| delivery.result.ok());
            assert_eq!(last.and_then(|ack| ack.base_offset), Some(before), "in pieces of {pieces:?}");
        }
        assert_eq!(world.counters().disconnects, 0);
        all_delivered(world, 1 + splits.len(), "answers to Produce");
    }
}

#[test]
fn a_producer_id_is_the_same_however_its_answer_is_split() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    let of_produce = received(&mut world, |world| send_one(world, topic));
    let both = received(&mut world, |world| {
        world.producer.reset();
        send_one(world, topic);
    });
    let all: Vec<Vec<usize>> = splits(both - of_produce).collect();
    assert_eq!(all.len(), ROW_11_INIT_PRODUCER_ID_SPLITS);
    for splits in all.chunks(SPLITS_OF_A_WORLD) {
        let (mut world, topic) = warm(record_by_record(1, 1));
        for (pieces, number) in splits.iter().zip(1..) {
            world.producer.reset();
            world.rig.tap().split(pieces.iter().copied());
            send_one(&mut world, topic);
            let seen = world.produce_requests();
            let stamp = seen.last().map(|seen| seen.batches[0].stamp).expect("a batch");
            // The broker counts from 1000.
            assert_eq!((stamp.producer_id, stamp.epoch, stamp.sequence), (1000 + number, 0, 0), "{pieces:?}");
        }
        assert_eq!(world.counters().disconnects, 0);
    }
}

#[test]
fn longer_answers_mean_the_same_in_pieces_by_chance() {
    let mut random = Random::new(11);
    for _ in 0..ROW_11_RANDOM_SPLITS / SPLITS_OF_A_WORLD {
        let setup = record_by_record(1, 6).config(|config| {
            config.metadata_max_age_ms = 1;
            config.retry_backoff_ms = 1;
            config.retry_backoff_max_ms = 1;
        });
        let (mut world, topic) = warm(setup);
        for _ in 0..SPLITS_OF_A_WORLD {
            let pieces: Vec<usize> = (0..40).map(|_| 1 + random.below(30) as usize).collect();
            world.rig.tap().split(pieces);
            (0..6).for_each(|partition| world.send_many(topic, Some(partition), 1));
            world.settle();
        }
        assert!(world.counters().metadata_updates >= SPLITS_OF_A_WORLD);
        assert_eq!(world.counters().disconnects, 0);
        all_delivered(world, 6 + 6 * SPLITS_OF_A_WORLD, "answers to Metadata and Produce");
    }
}

#[test]
fn a_broker_that_drips_is_left_when_the_request_times_out() {
    type Reached = fn(&World) -> bool;
    let requests: [Reached; 4] = [
        |_| true,
        |world| world.counters().connections == 1,
        |world| world.counters().metadata_updates == 1,
        |world| world.counters().producer_ids == 1,
    ];
    let (mut cases, mut left) = (0, 0);
    for (number, reached) in requests.into_iter().enumerate() {
        for direction in [Direction::Requests, Direction::Responses] {
            for ms_per_byte in [1_000, 5_000] {
                let mut world = record_by_record(1, 1).start();
                let topic = world.topic("t");
                world.send_many(topic, Some(0), 2);
                world.run_until("the request is next", reached);
                world.rig.tap().drip(Some((direction, ms_per_byte)));
                let start = now(&world);
                // Whatever flows in time, or is given up: no request takes longer than its timeout.
                let stage = |world: &World| {
                    let counters = world.counters();
                    (
                        counters.connections,
                        counters.metadata_updates,
                        counters.producer_ids,
                        world.delivered(),
                    )
                };
                let before = stage(&world);
                world.run_until("it is left, or answers", |world| {
                    world.counters().disconnects > 0 || stage(world) != before
                });
                let took = now(&world) - start;
                assert!(took <= REQUEST_TIMEOUT_MS, "request {number}, {direction:?}: {took} ms");
                left += world.counters().request_timeouts;
                world.rig.tap().drip(None);
                world.settle();
                all_delivered(world, 2, &format!("request {number}, {direction:?}, {ms_per_byte} ms"));
                cases += 1;
            }
        }
    }
    assert_eq!(cases, ROW_12_CASES);
    assert!(left >= 8, "only {left} of {cases} were left for their timeout");
}
