//! Row 32: as little memory as there can be, and an application that polls far too seldom or far too often.

use std::task::{Context, Waker};

use nanokafka::SendError;
use nanokafka_tests::rig::Rig as _;

use crate::rig::{Setup, World, all_delivered, now, record_by_record};

const SLOTS_MAX: usize = 8;

/// Slots, connections, and times between two polls.
const ROW_32_LATE_CASES: usize = 64;

/// Polls in all, by producers of one to eight slots.
const ROW_32_POLLS: usize = 1_000_000;

const HOUR_MS: u64 = 3_600_000;

fn starved(slots: usize, connections: usize) -> Setup {
    let setup = record_by_record(2, 2).config(|config| config.delivery_timeout_ms = u32::MAX);
    setup.capacities(|memory| {
        memory.batches = slots;
        memory.batch_bytes = 82;
        memory.connections = connections;
        memory.receive = 32;
    })
}

/// Sends as many of `left` as there is room for.
fn send_what_fits(world: &mut World, left: &mut usize) {
    let topic = world.topic("t");
    while *left > 0 {
        match world.send_next(topic, Some((*left % 2) as i32)) {
            Ok(()) => *left -= 1,
            Err(SendError::Full) => return,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_producer_that_is_polled_hours_late_still_delivers_everything() {
    const RECORDS: usize = 20;
    let mut cases = 0;
    for slots in 1..=SLOTS_MAX {
        for connections in [1, 2] {
            for late_ms in [1, 60_000, HOUR_MS, 24 * HOUR_MS] {
                let mut world = starved(slots, connections).start();
                let (mut left, mut polls) = (RECORDS, 0);
                let mut cx = Context::from_waker(Waker::noop());
                while left > 0 || world.unreported() > 0 {
                    send_what_fits(&mut world, &mut left);
                    world.sleep(late_ms);
                    world.rig.poll(&mut cx, &mut world.producer);
                    world.take_deliveries();
                    polls += 1;
                    assert!(
                        polls < 40 * RECORDS,
                        "{slots} slots, {late_ms} ms late: no end, {left} are left"
                    );
                }
                all_delivered(world, RECORDS, &format!("{slots} slots, {late_ms} ms late"));
                cases += 1;
            }
        }
    }
    assert_eq!(cases, ROW_32_LATE_CASES);
}

#[test]
fn a_producer_that_is_polled_a_million_times_sends_nothing_twice() {
    const RECORDS: usize = 50;
    for slots in 1..=SLOTS_MAX {
        let mut world = starved(slots, 2).start();
        let mut left = RECORDS;
        let mut cx = Context::from_waker(Waker::noop());
        for poll in 0..ROW_32_POLLS / SLOTS_MAX {
            if poll % 500 == 0 {
                send_what_fits(&mut world, &mut left);
                world.take_deliveries();
                world.sleep(1);
            }
            world.rig.poll(&mut cx, &mut world.producer);
        }
        assert_eq!(left, 0, "{slots} slots");
        assert_eq!(world.produce_requests().iter().flat_map(|seen| &seen.batches).count(), RECORDS);
        assert!(now(&world) < 1_000);
        world.take_deliveries();
        all_delivered(world, RECORDS, &format!("{slots} slots"));
    }
}
