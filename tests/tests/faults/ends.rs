//! Row 10: a connection ends at any byte, by RST, by FIN, or without a word.

use nanokafka_tests::rig::{Direction, End};

use crate::rig::{Setup, World, all_delivered, now, record_by_record};

/// Each byte of each request and each response of a session, and each way to end.
const ROW_10_CASES: usize = 4_146;

/// An end without a word is noticed when the request times out.
const ROW_10_DETECTION_MAX_MS: u64 = 30_000;

fn one_connection() -> Setup {
    record_by_record(1, 1).capacities(|memory| memory.connections = 1)
}

/// Two records, and then two more on the same connection.
fn session(world: &mut World) {
    let topic = world.topic("t");
    for _ in 0..2 {
        world.send_many(topic, Some(0), 2);
        world.settle();
    }
}

/// How long the end of the connection is not noticed.
fn detection_ms(direction: Direction, byte: u64, end: End) -> u64 {
    let mut world = one_connection().start();
    world.rig.tap().cut_before(direction, byte, end);
    let topic = world.topic("t");
    let mut cut_at = None;
    for _ in 0..2 {
        world.send_many(topic, Some(0), 2);
        world.run_until("the cut, or all is done", |world| {
            !world.rig.is_cut_to_come() || world.unreported() == 0
        });
        if cut_at.is_none() && !world.rig.is_cut_to_come() {
            cut_at = Some(now(&world));
            world.run_until("it is noticed", |world| world.counters().disconnects > 0);
            cut_at = cut_at.map(|at| now(&world) - at);
        }
        world.settle();
    }
    all_delivered(world, 4, &format!("{end:?} before byte {byte} of {direction:?}"));
    cut_at.expect("the cut lies within the session")
}

#[test]
fn a_connection_that_ends_at_any_byte_is_noticed_and_loses_nothing() {
    let mut world = one_connection().start();
    session(&mut world);
    let bytes = [
        (Direction::Requests, world.counters().bytes_sent),
        (Direction::Responses, world.counters().bytes_received),
    ];
    let (mut cases, mut longest) = (0, 0);
    for (direction, bytes) in bytes {
        for byte in 0..bytes as u64 {
            for end in [End::Reset, End::Fin, End::HalfOpen] {
                let took = detection_ms(direction, byte, end);
                assert!(end == End::HalfOpen || took <= 1, "{end:?} is noticed after {took} ms");
                longest = longest.max(took);
                cases += 1;
            }
        }
    }
    assert_eq!((cases, longest), (ROW_10_CASES, ROW_10_DETECTION_MAX_MS));
}
