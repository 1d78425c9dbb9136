//! What the rows have in common: one record a batch, five requests in flight, virtual time.

use nanokafka::TopicId;
use nanokafka_tests::broker::{Action, Api, Fault};
use nanokafka_tests::rig::MemoryRig;

pub(crate) type Setup = nanokafka_tests::world::Setup<MemoryRig>;
pub(crate) type World = nanokafka_tests::world::World<MemoryRig>;

/// Kafka's own limit.
pub(crate) const IN_FLIGHT_MAX: usize = 5;

/// Each record is a batch of its own, and due at once.
pub(crate) fn record_by_record(nodes: i32, partitions: usize) -> Setup {
    Setup::nodes(nodes).topic("t", partitions).config(|config| {
        config.batch_bytes = Some(82);
        config.linger_ms = 0;
        config.max_in_flight = IN_FLIGHT_MAX as u8;
        config.metadata_max_age_ms = u32::MAX;
    })
}

/// One record of each partition is acknowledged: from then on, several may be in flight.
pub(crate) fn warm(setup: Setup) -> (World, TopicId) {
    let mut world = setup.start();
    let topic = world.topic("t");
    let partitions = world.cluster().topic_mut("t").partitions.len() as i32;
    (0..partitions).for_each(|partition| world.send_many(topic, Some(partition), 1));
    world.settle();
    assert_eq!(world.delivered() as i32, partitions);
    (world, topic)
}

/// Sends so many batches, none of which is answered before all are under way; each is answered `ms` later.
pub(crate) fn send_in_flight(world: &mut World, topic: TopicId, batches: usize, ms: u64) {
    let seen = world.produce_requests().len();
    world.cluster().inject(Fault::on(Api::Produce, Action::Delay(ms)));
    world.send_many(topic, Some(0), batches);
    world.run_until("all are under way", |world| world.produce_requests().len() == seen + batches);
    assert_eq!(world.produce_requests().last().map(|seen| seen.outstanding), Some(batches - 1));
}

/// Each number in flight, and each place among them.
pub(crate) fn each_place() -> impl Iterator<Item = (usize, usize)> {
    (1..=IN_FLIGHT_MAX).flat_map(|in_flight| (0..in_flight).map(move |place| (in_flight, place)))
}

pub(crate) fn now(world: &World) -> u64 {
    use nanokafka_tests::rig::Rig as _;
    world.rig.now().as_millis()
}

/// Each record is in the log once, in order, and was reported there: nothing is excused.
pub(crate) fn all_delivered(world: World, records: usize, case: &str) {
    assert_eq!((world.delivered(), world.errors().len()), (records, 0), "{case}");
    assert_eq!(world.cluster().records_written(), records, "{case}");
    let verdict = world.strict_verdict();
    assert!(verdict.all_zero(), "{case}: {verdict}");
    world.finish();
}
