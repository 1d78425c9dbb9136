//! `BufferPoolTest`: memory that is taken and given back.

use nanokafka::SendError;
use nanokafka_tests::broker::Content;

use crate::rig::{delay, record_by_record, warm};

#[test]
fn simple() {
    let (mut world, topic) = warm(record_by_record(1, 1).capacities(|memory| memory.batches = 1));
    for n in 0..20_u8 {
        // Large, and then small: what was there before must not shine through.
        let length = if n % 2 == 0 { 400 } else { 3 };
        world.send(topic, Some(0), Content::of_value(vec![n; length])).expect("the slot is free");
        world.settle();
    }
    assert_eq!(world.delivered(), 21);
    world.finish();
}

#[test]
fn cant_allocate_more_memory_than_we_have() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    let too_large = world.send(topic, Some(0), Content::of_value([0; 512]));
    assert!(matches!(too_large, Err(SendError::TooLarge { max_bytes }) if max_bytes < 512), "{too_large:?}");
    world.finish();
}

/// Java waits; here the caller does.
#[test]
fn delayed_allocation() {
    let (mut world, topic) = warm(record_by_record(1, 1).capacities(|memory| memory.batches = 1));
    delay(&world, 200);
    world.send_next(topic, Some(0)).expect("the slot is free");
    world.run_for(199);
    assert_eq!(world.send_next(topic, Some(0)), Err(SendError::Full));
    world.run_for(2);
    world.send_next(topic, Some(0)).expect("it was answered");
    world.finish();
}

#[test]
fn buffer_exhausted_exception_is_thrown() {
    let (mut world, topic) = warm(record_by_record(1, 1).capacities(|memory| memory.batches = 1));
    delay(&world, 200);
    world.send_next(topic, Some(0)).expect("the slot is free");
    world.run_for(1);
    for refused in 1..=3 {
        assert_eq!(world.send_next(topic, Some(0)), Err(SendError::Full));
        assert_eq!(world.counters().buffer_exhausted, refused);
    }
    world.finish();
}

#[test]
fn close_allocations() {
    let (mut world, topic) = warm(record_by_record(1, 1));
    delay(&world, 200);
    world.send_next(topic, Some(0)).expect("room");
    world.run_for(1);
    let deadline = nanokafka::Instant::from_millis(10_000);
    world.producer.close(deadline);
    assert_eq!(world.send_next(topic, Some(0)), Err(SendError::Closed));
    world.settle();
    assert_eq!((world.delivered(), world.producer.unfinished_batches()), (2, 0), "what was there still ends");
}
