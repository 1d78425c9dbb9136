//! Row 4: leaders that are killed. Row 5: leaders that move without that. Row 6: a cluster that is down for an hour.

use nanokafka::{Overflow, SendError};
use nanokafka_tests::broker::Crash;

use crate::rig::{all_delivered, now, record_by_record, warm};

/// The leader is killed so often, and started again.
const ROW_4_KILLS: usize = 500;

/// The leader moves so often.
const ROW_5_MOVES: usize = 1_000;

/// A record each minute of the hour.
const ROW_6_RECORDS: usize = 60;

const SLOTS: usize = 4;

/// Kills or moves of one world: each look at it costs more, the more records it has had.
const OF_A_WORLD: usize = 50;

#[test]
fn a_leader_that_is_killed_500_times_loses_nothing() {
    for _ in 0..ROW_4_KILLS / OF_A_WORLD {
        let (mut world, topic) = warm(record_by_record(3, 1));
        for kill in 0..OF_A_WORLD {
            let leader = world.cluster().topic_mut("t").partitions[0].leader;
            world.send_many(topic, Some(0), 2);
            // At another moment each time: before it is sent, while it is under way, after its answer.
            world.run_for(kill as u64 % 5);
            world.send_many(topic, Some(0), 1);
            let at = now(&world);
            world.cluster().crash(leader, at, Crash::default());
            world.settle();
            world.start(leader);
        }
        all_delivered(world, 1 + 3 * OF_A_WORLD, "killed");
    }
}

#[test]
fn a_leader_that_moves_1000_times_fails_no_record() {
    for _ in 0..ROW_5_MOVES / OF_A_WORLD {
        let (mut world, topic) = warm(record_by_record(3, 1));
        for number in 0..OF_A_WORLD {
            world.send_many(topic, Some(0), 2);
            world.run_for(number as u64 % 3);
            world.send_many(topic, Some(0), 1);
            let leader = world.cluster().topic_mut("t").partitions[0].leader;
            world.cluster().move_leader("t", 0, leader % 3 + 1);
            world.settle();
        }
        assert!(world.counters().batch_retries > 0, "it was noticed");
        all_delivered(world, 1 + 3 * OF_A_WORLD, "moved");
    }
}

#[test]
fn a_cluster_that_is_down_for_an_hour_fills_the_memory_and_no_more() {
    for overflow in [Overflow::Reject, Overflow::DropOldest] {
        let setup = record_by_record(1, 1).capacities(|memory| memory.batches = SLOTS).config(|config| {
            config.overflow = overflow;
            config.delivery_timeout_ms = u32::MAX;
        });
        let (mut world, topic) = warm(setup);
        world.stop(1);
        world.run_for(1_000);
        let mut refused = 0;
        for _ in 0..ROW_6_RECORDS {
            match world.send_next(topic, Some(0)) {
                Ok(()) => {}
                Err(SendError::Full) => refused += 1,
                Err(error) => panic!("{error}"),
            }
            world.run_for(60_000);
        }
        let dropped = world.counters().records_dropped;
        let beyond = ROW_6_RECORDS - SLOTS;
        let policy = if overflow == Overflow::Reject { (beyond, 0) } else { (0, beyond) };
        assert_eq!((refused, dropped), policy, "{overflow:?}");
        assert_eq!(world.producer.unfinished_batches(), SLOTS);
        world.start(1);
        world.settle();
        assert_eq!(world.delivered(), 1 + SLOTS, "what had room");
        assert!(world.strict_verdict().all_zero());
        world.finish();
    }
}
