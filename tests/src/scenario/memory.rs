//! Lent memory: what fits, what never will, and what gives way.

use nanokafka::{DeliveryError, Overflow, SendError};

use crate::broker::Content;
use crate::rig::Rig;
use crate::world::{Setup, World};

/// The batch header, and the most that a record needs around its key, value and headers.
const HEADER_BYTES: usize = 61;
const RECORD_OVERHEAD_MAX: usize = 21;

/// `batch_bytes` is when a batch is due, not what it can hold.
pub fn a_record_larger_than_batch_bytes_goes_alone<R: Rig>() {
    let setup = Setup::<R>::nodes(1).topic("t", 1).config(|config| config.batch_bytes = Some(120));
    let mut world = setup.start();
    let topic = world.topic("t");
    for n in 0..4_u8 {
        world.send_waiting(topic, Some(0), Content::of_value(vec![n; 400]));
        world.send_waiting(topic, Some(0), Content::of_value(vec![n; 4]));
    }
    world.settle();
    let mut cluster = world.cluster();
    let partition = &cluster.topic_mut("t").partitions[0];
    for (base, records) in &partition.batches {
        let first = &partition.log[*base as usize].content;
        let large = first.value.as_ref().is_some_and(|value| value.len() == 400);
        assert!(!large || *records == 1, "a large record shares its batch");
    }
    drop(cluster);
    world.finish();
}

/// Never fits is another error than full, and tells what would fit.
pub fn a_record_larger_than_the_slot_is_too_large<R: Rig>() {
    let mut world = Setup::<R>::nodes(1).topic("t", 1).capacities(|memory| memory.batch_bytes = 512).start();
    let topic = world.topic("t");
    let sent = world.send(topic, Some(0), Content::of_value(vec![7; 512]));
    let Err(SendError::TooLarge { max_bytes }) = sent else { panic!("{sent:?}") };
    assert!(max_bytes <= 512 - HEADER_BYTES, "{max_bytes} bytes cannot fit a slot of 512");
    // The documented bound is enough, and what lies far beyond is not.
    world.send(topic, Some(0), Content::of_value(vec![1; max_bytes - RECORD_OVERHEAD_MAX])).expect("it fits");
    let sent = world.send(topic, Some(0), Content::of_value(vec![2; max_bytes]));
    assert_eq!(sent, Err(SendError::TooLarge { max_bytes }));
    world.send_next(topic, Some(0)).expect("the next record is not affected");
    world.finish();
}

fn fill<R: Rig>(world: &mut World<R>) -> usize {
    let topic = world.topic("t");
    for accepted in 0..10_000 {
        match world.send_next(topic, Some(0)) {
            Ok(()) => {}
            Err(SendError::Full) => return accepted,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("memory is never full");
}

/// `Full` is worth a retry: once answers come, there is room.
pub fn full_memory_refuses_and_takes_again<R: Rig>() {
    let mut world = Setup::<R>::nodes(1).topic("t", 2).capacities(|memory| memory.batches = 3).start();
    for _ in 0..5 {
        assert!(fill(&mut world) > 3 * 10, "three batches hold more than ten records each");
        world.settle();
    }
    assert!(world.counters().buffer_exhausted >= 5);
    let topic = world.topic("t");
    world.send_next(topic, Some(1)).expect("there is room again");
    world.finish();
}

/// Nothing gets lost while the cluster is away, and nothing new is taken.
pub fn full_memory_without_a_cluster_keeps_what_it_has<R: Rig>() {
    let mut world = Setup::<R>::nodes(1).topic("t", 1).capacities(|memory| memory.batches = 4).start();
    world.stop(1);
    let accepted = fill(&mut world);
    world.run_for(500);
    let topic = world.topic("t");
    assert_eq!(world.send_next(topic, Some(0)), Err(SendError::Full));
    world.start(1);
    world.settle();
    assert_eq!(world.delivered(), accepted);
    world.finish();
}

/// The newest readings are the ones that matter: the oldest batch gives way, and is reported by the ticket.
pub fn drop_oldest_makes_room_and_reports_what_it_dropped<R: Rig>() {
    let setup = Setup::<R>::nodes(1).topic("t", 1).capacities(|memory| memory.batches = 4);
    let mut world = setup.config(|config| config.overflow = Overflow::DropOldest).start();
    world.stop(1);
    let topic = world.topic("t");
    for _ in 0..300 {
        world.send_next(topic, Some(0)).expect("the oldest gives way");
    }
    let dropped = world.counters().records_dropped as u64;
    assert!(dropped > 0);
    assert!(world.errors().iter().all(|error| *error == DeliveryError::Dropped));
    let failed = 300 - world.unreported() as u64;
    assert_eq!(failed, dropped, "each dropped record is reported");
    world.start(1);
    world.settle();
    let first = world.cluster().topic_mut("t").partitions[0].log[0].content.clone();
    assert_eq!(first, Content::of_value(format!("record {}", dropped + 1)), "the newest were kept");
    assert_eq!(world.delivered() as u64, 300 - dropped);
    world.finish();
}

/// There is no report queue: an outcome stays in its batch's slot until it is taken.
pub fn deliveries_that_nobody_takes_keep_their_memory<R: Rig>() {
    let mut world = Setup::<R>::nodes(1).topic("t", 1).capacities(|memory| memory.batches = 3).start();
    world.set_takes_deliveries(false);
    let accepted = fill(&mut world);
    world.run_until("all is written", |world| world.cluster().records_written() == accepted);
    world.run_for(200);
    let topic = world.topic("t");
    assert_eq!(world.send_next(topic, Some(0)), Err(SendError::Full));
    world.set_takes_deliveries(true);
    world.take_deliveries();
    assert_eq!(world.delivered(), accepted);
    world.send_next(topic, Some(0)).expect("room came with the deliveries");
    world.finish();
}
